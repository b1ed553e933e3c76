//! The access tests.

use super::Checker;
use super::declarations::Declarations;
use crate::diagnostic;
use crate::manifest::raw::RawTest;
use crate::manifest::scalar::{Located, RequireText, TaskOrRoleText, UserText};
use crate::manifest::{DeclaredTest, Glob, TestClaim, UserSelector, WabaSelection};
use crate::model::{Name, Position, RequiredKey, SourceId, TaskSet, UserId, Who};
use std::collections::{BTreeMap, BTreeSet};

const WHO: [(&str, Who); 2] = [("business", Who::Business), ("everybody", Who::Everybody)];

/// The words of `holds`.
const HOLDS: [(&str, ()); 1] = [("everywhere", ())];

/// The keys that say what a test asserts.
const CLAIMS: [&str; 5] = ["only", "never_together", "require", "at_least", "holds"];

impl Checker<'_> {
    /// Checks the tests of all documents. Each has a name of its own.
    pub(super) fn access_tests(
        &mut self,
        documents: Vec<(SourceId, Vec<Located<RawTest>>)>,
        declarations: &Declarations,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> Vec<DeclaredTest> {
        let mut tests = Vec::new();
        let mut names: BTreeMap<Name, Position> = BTreeMap::new();
        for (source, list) in documents {
            self.source = source;
            for (index, test) in list.into_iter().enumerate() {
                let at = self.at(test.location);
                let Some(test) = self.access_test(index, at, test.value, declarations, roles) else {
                    continue;
                };
                if let Some(first) = names.insert(test.name.clone(), at) {
                    let first = self.format(first);
                    self.report(diagnostic::duplicate_name(at, "test", test.name.as_str(), &first));
                }
                tests.push(test);
            }
        }
        tests
    }

    /// Checks the test with this index in its document; returns `None` if it has no name or asserts nothing.
    fn access_test(
        &mut self,
        index: usize,
        at: Position,
        mut test: RawTest,
        declarations: &Declarations,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> Option<DeclaredTest> {
        if test.name.is_none() && !test.has_empty("name") {
            self.report(diagnostic::missing(at, "a test", "name"));
        }
        let key = self.claim_key(at, &test);
        let name = test.name.take().and_then(|name| self.name(name, "name"));
        let who = test.who.take().and_then(|who| self.word(who, &WHO));
        let users = test.users.take().map(|users| self.test_users(at, "users", users, declarations));
        let selection = WabaSelection {
            wabas: test.wabas.take().map(|wabas| self.selectors(at, wabas, declarations)),
            labels: self.label_selector(test.labels.take()),
            except: test.except.take().map(|except| self.except(except, declarations)),
        };
        let has_users = users.is_some();
        let claim = key.and_then(|key| self.claim(at, key, &mut test, has_users, declarations, roles));
        self.key_problems(test.problems);
        Some(DeclaredTest {
            at,
            path: format!("tests[{index}]"),
            name: name?.value,
            users,
            who: who.map(|who| who.value).unwrap_or_default(),
            selection,
            claim: claim?,
        })
    }

    /// Returns the key that says what a test asserts. There must be one.
    fn claim_key(&mut self, at: Position, test: &RawTest) -> Option<&'static str> {
        let given = [
            test.only.is_some(),
            test.never_together.is_some(),
            test.require.is_some(),
            test.at_least.is_some(),
            test.holds.is_some(),
        ];
        let mut given = CLAIMS.into_iter().zip(given).filter(|(_, given)| *given).map(|(key, _)| key);
        match (given.next(), given.next()) {
            (Some(only), None) => Some(only),
            // A key without a value is an error already.
            (None, _) if CLAIMS.iter().any(|key| test.has_empty(key)) => None,
            _ => {
                self.report(diagnostic::test_claims(at, &CLAIMS));
                None
            }
        }
    }

    fn claim(
        &mut self,
        at: Position,
        key: &'static str,
        test: &mut RawTest,
        has_users: bool,
        declarations: &Declarations,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> Option<TestClaim> {
        let needs_tasks = matches!(key, "only" | "at_least" | "holds");
        let mut fits = true;
        if needs_tasks && test.tasks.is_none() && !test.has_empty("tasks") {
            self.report(diagnostic::missing(at, "this test", "tasks"));
            fits = false;
        }
        for (other, is_wrong) in [
            ("tasks", key == "never_together" && test.tasks.is_some()),
            ("users", key == "only" && has_users),
        ] {
            if is_wrong {
                self.report(diagnostic::test_key(at, other, key));
                fits = false;
            }
        }
        if key == "holds" && !has_users && !test.has_empty("users") {
            self.report(diagnostic::missing(at, "this test", "users"));
            fits = false;
        }
        let tasks = test.tasks.take().map(|tasks| self.test_tasks(at, "tasks", tasks, declarations, roles));
        let all = tasks.as_ref().map(|sets| sets.iter().fold(TaskSet::EMPTY, |all, set| all.union(set)));
        let claim = match key {
            "only" => TestClaim::Only {
                tasks: all.unwrap_or_default(),
                users: self.each_user(test.only.take().unwrap_or_default(), declarations),
            },
            "never_together" => {
                let sets = test.never_together.take().unwrap_or_default();
                if sets.len() < 2 {
                    self.report(diagnostic::test_of_nothing(at, key, "at least two tasks or roles"));
                    return None;
                }
                TestClaim::NeverTogether(self.test_tasks(at, key, sets, declarations, roles))
            }
            "require" => TestClaim::Require {
                keys: self.required_keys(at, test.require.take().unwrap_or_default()),
                tasks: all,
            },
            "at_least" => {
                let number = self.count(test.at_least.take()?)?.value;
                if number == 0 {
                    self.report(diagnostic::test_of_nothing(at, key, "a number of 1 or more"));
                    return None;
                }
                TestClaim::AtLeast { tasks: all.unwrap_or_default(), number }
            }
            _ => {
                self.word(test.holds.take()?, &HOLDS)?;
                TestClaim::Holds(all.unwrap_or_default())
            }
        };
        fits.then_some(claim)
    }

    fn required_keys(&mut self, at: Position, keys: Vec<RequireText>) -> BTreeSet<RequiredKey> {
        if keys.is_empty() {
            self.report(diagnostic::test_of_nothing(at, "require", "at least one key of a grant"));
        }
        let words = RequiredKey::ALL.map(|key| (key.key(), key));
        keys.into_iter().filter_map(|key| self.word(key, &words)).map(|key| key.value).collect()
    }

    /// Returns the tasks of each item.
    fn test_tasks(
        &mut self,
        at: Position,
        key: &str,
        items: Vec<TaskOrRoleText>,
        declarations: &Declarations,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> Vec<TaskSet> {
        if items.is_empty() {
            self.report(diagnostic::test_of_nothing(at, key, "at least one task or role"));
        }
        let (_, places) = self.tasks(items, roles, &declarations.extra_tasks);
        places.into_iter().map(|(tasks, _)| tasks).collect()
    }

    fn test_users(
        &mut self,
        at: Position,
        key: &str,
        users: Vec<UserText>,
        declarations: &Declarations,
    ) -> Vec<UserSelector> {
        if users.is_empty() {
            self.report(diagnostic::test_of_nothing(at, key, "at least one name, id or glob"));
        }
        self.each_user(users, declarations)
    }

    fn each_user(&mut self, users: Vec<UserText>, declarations: &Declarations) -> Vec<UserSelector> {
        users.into_iter().filter_map(|user| self.test_user(user, declarations)).collect()
    }

    fn test_user(&mut self, user: UserText, declarations: &Declarations) -> Option<UserSelector> {
        let at = self.at(user.location);
        if user.text.starts_with('!') {
            self.report(diagnostic::negated_glob(at, &user.text));
        } else if declarations.system_users.contains_key(user.text.as_str()) {
            return Some(UserSelector::Name(Name::new(user.text)));
        } else if Glob::is_glob(&user.text) {
            return Some(UserSelector::Glob(Glob::new(user.text)));
        } else if let Ok(id) = user.text.parse::<UserId>() {
            return Some(UserSelector::Id(id));
        } else {
            self.undeclared(at, "system_users", &user.text, declarations.system_users.keys());
        }
        None
    }
}
