//! Answers are those of a model that tries everything, on random worlds.

use super::*;
use crate::model::{
    AssignmentKey, Claim, History, HolderKind, OtherHolder, Position, State, TaskSet, Unreadable,
};
use crate::plan::plan;
use crate::plan::tests::{any_prune, any_state, any_tasks, desired, entry, key, observed, state, tasks};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The WABAs and users of the random worlds. Users 1 to 5 are declared, 4 is `by_role`, 4 and 9 are admins, 20 to 22 are
/// people and users of other businesses.
const WABAS: std::ops::RangeInclusive<u64> = 1..=3;
const USERS: std::ops::RangeInclusive<u64> = 1..=22;

/// A random world.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) desired: Desired,
    pub(super) observed: Observed,
}

fn other(name: &str, kind: HolderKind, tasks: TaskSet, own: bool) -> OtherHolder {
    OtherHolder { name: Name::from(name), kind, tasks, own, user_type: None, business: None }
}

prop_compose! {
    fn any_entry()(
        pairs in prop::collection::btree_set((WABAS, 1u64..=5), 1..8),
        tasks in any_tasks(),
        phase in prop::sample::select(vec![Phase::InForce, Phase::InForce, Phase::Ended, Phase::Coming]),
    ) -> (BTreeSet<(u64, u64)>, TaskSet, Phase) {
        (pairs, tasks, phase)
    }
}

prop_compose! {
    pub(super) fn any_world()(
        prune in any_prune(),
        grants in prop::collection::vec(any_entry(), 0..5),
        exception in prop::option::of(any_entry()),
        live in any_state(1..=9),
        others in prop::collection::vec(((WABAS, 20u64..=22), any_tasks()), 0..5),
        unreadable in prop::option::of(WABAS),
    ) -> World {
        let mut world = World { desired: desired(prune, State::default()), observed: observed(live) };
        let number = grants.len();
        for (index, (pairs, tasks, phase)) in (0..).zip(grants.into_iter().chain(exception)) {
            let mut resolved = entry(index, tasks, phase, Position { line: index + 1, ..Position::default() });
            resolved.is_exception = index as usize == number;
            world.desired.grants.push(resolved);
            let claims = pairs.into_iter().map(|(waba, user)| Claim { key: key(waba, user), grant: index });
            world.desired.claims.extend(claims);
        }
        world.desired.claims.sort_unstable();
        let wanted = |waba, user| (key(waba, user), naive::wanted(&world.desired, key(waba, user), None));
        world.desired.state = WABAS.flat_map(|waba| USERS.map(move |user| (waba, user)))
            .map(|(waba, user)| wanted(waba, user)).collect();
        world.observed.others = others.into_iter().map(|((waba, user), tasks)| {
            let kind = if user == 20 { HolderKind::Person } else { HolderKind::OtherBusiness };
            (key(waba, user), other("other", kind, tasks, user == 20))
        }).collect();
        if let Some(waba) = unreadable {
            let waba = key(waba, 1).waba;
            world.observed.state = world.observed.state.retain_wabas(|other| other != waba);
            world.observed.others.retain(|key, _| key.waba != waba);
            world.observed.unreadable.insert(waba, Unreadable::because("refused"));
        }
        world
    }
}

/// The same answers, by trying everything with the names of tasks.
mod naive {
    use super::*;

    pub(super) fn in_force(desired: &Desired, key: AssignmentKey, without: Option<u32>) -> Vec<u32> {
        let claims = |index: u32| desired.claims.contains(&Claim { key, grant: index });
        let mut found = Vec::new();
        for (index, entry) in (0u32..).zip(&desired.grants) {
            if entry.phase == Phase::InForce && claims(index) && Some(index) != without {
                if entry.is_exception {
                    return vec![index];
                }
                found.push(index);
            }
        }
        found
    }

    pub(super) fn wanted(desired: &Desired, key: AssignmentKey, without: Option<u32>) -> TaskSet {
        let indices = in_force(desired, key, without);
        let names = indices.iter().flat_map(|index| desired.grants[*index as usize].tasks.names());
        TaskSet::from_names(names)
    }

    pub(super) fn includes(held: &TaskSet, task: &str) -> bool {
        held.names()
            .any(|name| name == task || name == "FULL_CONTROL" || (name == "MANAGE" && task == "MESSAGING"))
    }

    pub(super) fn is_enough(held: &TaskSet, asked: &TaskSet, any: bool) -> bool {
        let mut asked = asked.names();
        if any { asked.any(|task| includes(held, task)) } else { asked.all(|task| includes(held, task)) }
    }

    /// Returns what a user has on a WABA: its assignment; `None` if that is not known.
    pub(super) fn row(world: &World, plan: &Plan, when: When, key: AssignmentKey) -> Option<TaskSet> {
        if when == When::Desired {
            return Some(wanted(&world.desired, key, None));
        }
        if world.observed.unreadable.contains_key(&key.waba) {
            return None;
        }
        let other = world.observed.others.get(&key).map(|holder| holder.tasks.clone());
        let live = other.or_else(|| world.observed.state.get(key).cloned()).unwrap_or_default();
        let changes = plan.changes.iter().filter(|_| when == When::After);
        let change = changes.into_iter().find(|change| change.key == key && change.blocked.is_none());
        Some(change.map_or(live, |change| change.after.clone()))
    }

    /// Returns what a user can do on a WABA by its row and its role.
    pub(super) fn access(when: When, key: AssignmentKey, row: &TaskSet) -> TaskSet {
        let user = key.user.number();
        let is_admin = user == 4 || (user == 9 && when != When::Desired);
        let has_all = row.is_empty() || row.names().any(|name| name == "MANAGE");
        if is_admin && has_all { tasks("FULL_CONTROL") } else { row.clone() }
    }
}

fn every_pair() -> impl Iterator<Item = AssignmentKey> {
    WABAS.flat_map(|waba| USERS.map(move |user| key(waba, user)))
}

proptest! {
    // Each case tries everything.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn who_can_finds_every_holder_and_no_other(
        world in any_world(), asked in any_tasks(), any: bool, business_only: bool,
        when in prop::sample::select(vec![When::Live, When::Desired, When::After]),
    ) {
        let plan = plan(&world.desired, &world.observed);
        let evidence = Evidence { desired: &world.desired, observed: &world.observed, plan: &plan };
        let question = Question { any, business_only, ..Question::about(asked.clone(), when) };
        let answer = who_can(evidence, &question);
        let found: BTreeMap<AssignmentKey, &Holding<'_>> =
            answer.holders.iter().map(|holding| (holding.key, holding)).collect();
        prop_assert_eq!(found.len(), answer.holders.len(), "nobody is there twice");
        prop_assert!(answer.holders.is_sorted_by_key(|holding| holding.key));
        for key in every_pair() {
            let row = naive::row(&world, &plan, when, key);
            let counts = !business_only || ![21, 22].contains(&key.user.number());
            let holds = row.as_ref().is_some_and(|row| {
                counts && naive::is_enough(&naive::access(when, key, row), &asked, any)
            });
            prop_assert_eq!(found.contains_key(&key), holds, "{:?}", key);
            let Some(holding) = found.get(&key) else { continue };
            let row = row.unwrap();
            prop_assert_eq!(holding.tasks, &row);
            prop_assert_eq!(holding.by_role, !naive::is_enough(&row, &asked, any));
            let gives = |index: &u32| naive::is_enough(&world.desired.grants[*index as usize].tasks, &asked, true);
            let given_by: Vec<u32> =
                naive::in_force(&world.desired, key, None).into_iter().filter(gives).collect();
            prop_assert_eq!(&holding.given_by, &given_by);
            let wanted = naive::wanted(&world.desired, key, None);
            prop_assert_eq!(holding.is_desired, naive::is_enough(&wanted, &asked, any));
        }
        let read = |waba: &u64| when == When::Desired || !world.observed.unreadable.contains_key(&key(*waba, 1).waba);
        let nobody: Vec<WabaId> = WABAS.filter(read).map(|waba| key(waba, 1).waba)
            .filter(|waba| !found.keys().any(|key| key.waba == *waba)).collect();
        prop_assert_eq!(&answer.nobody, &nobody);
        prop_assert_eq!(answer.unreadable.len(), 3 - WABAS.filter(read).count());
        prop_assert_eq!(answer.wabas, 3);
    }

    #[test]
    fn explain_agrees_with_the_model_and_with_who_can(world in any_world()) {
        let plan = plan(&world.desired, &world.observed);
        let evidence = Evidence { desired: &world.desired, observed: &world.observed, plan: &plan };
        let history = History::default();
        let answers: Vec<_> = [When::Live, When::Desired, When::After].into_iter().flat_map(|when| {
            ["MESSAGING", "MANAGE", "DEVELOP", "NEW"].map(|task| {
                let answer = who_can(evidence, &Question::about(tasks(task), when));
                let holders = answer.holders.into_iter().map(|holding| (holding.key, holding));
                (when, task, holders.collect::<BTreeMap<_, _>>())
            })
        }).collect();
        for key in every_pair() {
            let explained = explain(evidence, key, &history).unwrap();
            let rows = [When::Live, When::Desired, When::After].map(|when| naive::row(&world, &plan, when, key));
            let [live, wanted, after] = &rows;
            let all = live.clone().unwrap_or_default().union(wanted.as_ref().unwrap());
            let names: Vec<&str> = explained.tasks.iter().flat_map(|task| task.task.names()).collect();
            prop_assert_eq!(names, all.names().collect::<Vec<_>>());
            for task in &explained.tasks {
                let is_in = |row: &Option<TaskSet>| row.as_ref().map(|row| task.task.is_subset(row));
                prop_assert_eq!(task.is_live, is_in(live));
                prop_assert_eq!(Some(task.is_desired), is_in(wanted));
                prop_assert_eq!(task.is_after, is_in(after));
                prop_assert_eq!(task.given_by.is_empty(), !task.is_desired);
                let ends_soon = task.is_live == Some(true) && task.is_after == Some(false);
                prop_assert_eq!(task.ends == Ends::NextApply, ends_soon, "{:?} {:?}", key, task);
            }
            for entry in &explained.entries {
                let index = (0u32..).zip(&world.desired.grants).find(|(_, grant)| *grant == entry.entry).unwrap().0;
                let (mut takes, mut gives_back) = (0, 0);
                for other in every_pair() {
                    let with = naive::wanted(&world.desired, other, None);
                    let without = naive::wanted(&world.desired, other, Some(index));
                    takes += usize::from(with.names().any(|name| !without.names().any(|other| other == name)));
                    gives_back += usize::from(without.names().any(|name| !with.names().any(|other| other == name)));
                }
                prop_assert_eq!((entry.takes, entry.gives_back), (takes, gives_back));
                prop_assert_eq!(entry.counts, naive::in_force(&world.desired, key, None).contains(&index));
            }
            for (when, task, holders) in &answers {
                let row = &rows[*when as usize];
                let is_held = row.as_ref().is_some_and(|row| {
                    naive::includes(&naive::access(*when, key, row), task)
                });
                let holding = holders.get(&key);
                prop_assert_eq!(holding.is_some(), is_held, "{:?} {} {:?}", key, task, when);
                let Some(holding) = holding else { continue };
                prop_assert_eq!(holding.standing, explained.standing);
                prop_assert_eq!(holding.own, explained.own);
            }
        }
    }
}

#[test]
fn users_are_found_by_each_of_their_names_and_ambiguity_is_an_error() {
    let mut world = World {
        desired: desired(crate::model::Prune::Declared, State::default()),
        observed: observed(state(&["1 7 DEVELOP"])),
    };
    let plan = plan(&world.desired, &world.observed);
    let other = other("Ana", HolderKind::Person, tasks("MANAGE"), true);
    world.observed.others.insert(key(1, 20), other);
    world.desired.scope.users.get_mut(&key(1, 1).user).unwrap().name = Name::from("bot");
    world.desired.own_users.get_mut(&key(1, 8).user).unwrap().name = Name::from("live bot");
    let evidence = Evidence { desired: &world.desired, observed: &world.observed, plan: &plan };
    let find = |name: &str| evidence.find_user(&Name::from(name), &[key(1, 1).waba]);
    for (name, user) in [("bot", 1), ("live bot", 8), ("7", 7), ("Ana", 20), ("20", 20)] {
        assert_eq!(find(name), Ok(key(1, user).user), "{name}");
    }
    assert!(matches!(find("own"), Err(NotFound::Several(users)) if users.len() == 8));
    assert!(matches!(find("21"), Err(NotFound::Nobody(names)) if names.contains(&Name::from("Ana"))));
}
