use super::*;
use crate::diagnostic::{Diagnostic, Severity};
use crate::guard::Waived;
use crate::model::*;
use crate::proposal::{DeclaredSet, Proposal};
use crate::text::escape;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names that could steer a terminal or a pipeline, and one that could not.
const NAMES: [&str; 6] =
    ["bot", "Initech ## Shop", "\u{1b}[31mred\u{202e}", "a\n::error::b", "\"\\\u{7f}\u{e0001}", ""];

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn key(waba: &str, user: &str) -> AssignmentKey {
    AssignmentKey { waba: id(waba), user: id(user) }
}

/// Returns a proposal with everything that there is, and these names in it.
#[allow(clippy::too_many_lines, reason = "it is a list of everything")]
pub(super) fn full(name: &str, task: &str) -> Proposal {
    let odd = TaskSet::from_names(["MANAGE", task]);
    let at = Position { source: SourceId(1), line: 3, column: 5 };
    let grant = Arc::new(GrantSource {
        path: "grants[1]".into(),
        name: Some(name.into()),
        reason: Some(name.into()),
        from: "2026-12-01T08:00:00Z".parse().ok(),
        until: "2027-03-31".parse().ok(),
        at,
    });
    let change =
        |waba: &str, user: &str, before: &TaskSet, after: &TaskSet, blocked: Option<Blocked>| Change {
            key: key(waba, user),
            before: before.clone(),
            after: after.clone(),
            because: Because {
                grants: vec![Arc::clone(&grant)],
                gone: Some((
                    Prune::All,
                    vec![
                        WhyGone::Expired(Arc::clone(&grant)),
                        WhyGone::NotYet(Arc::clone(&grant)),
                        WhyGone::Excepted(Arc::clone(&grant)),
                        WhyGone::Declared(at),
                        WhyGone::Suspended(At { value: name.into(), at }),
                        WhyGone::Released(at),
                        WhyGone::Undeclared(at),
                    ],
                )),
            },
            blocked,
            admin: blocked.is_some(),
            split: before == &TaskSet::from([Task::Manage]),
        };
    let split = change("501", "3", &[Task::Manage].into(), &odd, None);
    let reasons = [
        UnmanagedReason::Person,
        UnmanagedReason::OtherBusiness,
        UnmanagedReason::Undeclared,
        UnmanagedReason::Unknown,
    ];
    let unmanaged = |(why, user)| Unmanaged {
        key: key("500", user),
        name: name.into(),
        tasks: odd.clone(),
        why,
        own: why == UnmanagedReason::Undeclared,
    };
    let held = |users: &[(&str, bool)]| {
        let listed = users.iter().map(|(user, own)| (id(user), Holder::listed(odd.clone(), *own)));
        listed.chain([(id("4"), Holder::by_role())]).collect()
    };
    let released = ReleasedUser { name: name.into(), at: Position { column: 1, ..at } };
    let mut sources = Sources::default();
    sources.add("a.yaml", "");
    sources.add(name, "");
    Proposal {
        made: "2026-11-23T10:00:00Z".parse().unwrap(),
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        acting_user_name: (!name.is_empty()).then(|| name.into()),
        manifest_digest: "sha256:00".into(),
        plan: Plan {
            acting_user: Some(id("7")),
            changes: vec![
                change("500", "1", &TaskSet::EMPTY, &odd, Some(Blocked::SelfRaise)),
                change("501", "2", &odd, &TaskSet::EMPTY, None),
                split,
            ],
            unmanaged: reasons.into_iter().zip(["9", "10", "11", "12"]).map(unmanaged).collect(),
            unreadable: BTreeMap::from([(id("502"), name.to_owned())]),
            notices: vec![
                Notice::Unconfirmed(id("500")),
                Notice::AssignsToAdmin(id("1")),
                Notice::KeepsUndeclared,
                Notice::OtherId { user: id("1"), before: id("8") },
                Notice::PreviousUnusable(name.to_owned()),
            ],
            unresolved: vec![Unresolved {
                name: name.into(),
                id: Some(id("20")),
                why: name.to_owned(),
                at: released.at,
                assignments: 3,
            }],
            released: BTreeMap::from([(id("2"), released.clone())]),
            kept: vec![Kept { key: key("501", "3"), tasks: odd.clone() }],
            deferred: vec![Deferred { key: key("500", "2"), before: odd.clone(), after: TaskSet::EMPTY }],
            out_of_scope: vec![OutOfScope {
                user: id("2"),
                held: vec![(id("504"), name.into(), odd.clone())],
                error: Some(name.to_owned()),
            }],
            left: vec![LeftWaba {
                waba: id("510"),
                name: name.into(),
                held: vec![(id("9"), name.into(), odd.clone())],
            }],
            by_role: BTreeSet::from([id("4")]),
            undeclared: Undeclared::Allow,
            live_waba_names: BTreeMap::from([(id("500"), Name::from("live"))]),
            live_user_names: BTreeMap::from([(id("1"), Name::from("live"))]),
            unchanged: 118,
            live_in_scope: 120,
            holders: BTreeMap::from([
                (id("500"), held(&[("9", false), ("10", false), ("11", true), ("12", false)])),
                (id("501"), held(&[("2", true), ("3", true)])),
            ]),
            waba_names: ["500", "501", "502"].map(|waba| (id(waba), Name::from(name))).into(),
            user_names: ["1", "2", "3", "4"].map(|user| (id(user), Name::from(name))).into(),
            implied: Implied::from_iter([(Task::Manage, odd.clone())]),
            selection: Selection {
                wabas: vec![Glob::new("acme-*")],
                users: vec![Name::from(name)],
                only_expired: true,
                ..Selection::default()
            },
            ..Plan::empty(id("10"), crate::model::start_of_day(jiff::civil::date(2026, 11, 23)))
        },
        access: LiveAccess {
            wabas: BTreeMap::from([(id("500"), Name::from(name))]),
            users: BTreeMap::from([(id("9"), Name::from(name))]),
            live: State::from_iter([
                (key("500", "11"), odd.clone()),
                (key("501", "2"), odd.clone()),
                (key("501", "3"), odd.clone()),
            ]),
        },
        policy: Policy {
            max_removals_percent: 12.5,
            max_removals: 50,
            min_holders: BTreeMap::from([(Task::Messaging, 2)]),
            holders: Holders::Anyone,
            protected_users: BTreeSet::from([id("1")]),
            permitted: BTreeMap::from([(id("500"), odd.clone())]),
            tests: vec![Arc::new(access_test(name))],
            no_new_access: true,
            waivers: vec![waiver(name)],
            names: DeclaredNames {
                wabas: BTreeMap::from([(name.into(), id("500"))]),
                users: BTreeMap::from([(name.into(), id("1"))]),
            },
        },
        tests: None,
        policy_lines: vec![PolicyLine {
            key: name.to_owned(),
            value: None,
            default: Some(name.to_owned()),
            previous: Some(Some(name.to_owned())),
        }],
        recent_removals: RecentRemovals::new(),
        declared: DeclaredSet {
            name: "default".into(),
            files: vec![name.to_owned()],
            users: BTreeMap::from([(id("1"), released)]),
            labels: BTreeMap::from([(id("500"), BTreeMap::from([(name.to_owned(), name.to_owned())]))]),
            settled: BTreeSet::new(),
        },
        inventory_digest: Some(name.to_owned()),
        live_source: LiveSource::Snapshot(SnapshotMark {
            taken: "2026-11-22T02:00:00Z".parse().unwrap(),
            business: id("10"),
            acting_user: None,
            without_names: true,
            changed: true,
            left_out: BTreeSet::from(["599".parse().unwrap()]),
        }),
        ending: vec![EndingGrant { source: grant, tasks: odd, users: 2, wabas: 1 }],
        sources,
    }
}

/// Checks a document against its schema and returns it. It must not be able to steer a terminal or a pipeline.
#[track_caller]
fn valid(schema: &str, document: &[u8]) -> Value {
    let text = str::from_utf8(document).unwrap().strip_suffix('\n').unwrap();
    assert_eq!(escape(text), text);
    let document: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    document
}

/// Returns what a writer writes.
fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Vec<u8> {
    let mut document = Vec::new();
    write(&mut document).unwrap();
    document
}

fn origin(actor: &str) -> Origin {
    Origin::recorded([("actor".into(), actor.into())])
}

fn write_of_the_last_run() -> LastWrite {
    LastWrite {
        run: "first".into(),
        number: 3,
        at: "2026-11-22T10:00:00.123Z".parse().unwrap(),
        acting_user: Some((id("7"), Name::default())),
        by: Runner { user: None, host: Some("build-7".into()), pid: 1 },
        origin: origin("ann"),
        after: TaskSet::EMPTY,
        outcome: Some(Outcome::Applied),
    }
}

fn access_test(name: &str) -> AccessTest {
    let source = GrantSource {
        path: "grants[1]".to_owned(),
        name: Some(name.into()),
        reason: None,
        from: None,
        until: None,
        at: Position { source: SourceId(1), line: 3, column: 5 },
    };
    let lacking = LackingGrant { source: source.into(), tasks: TaskSet::from_names(["NEW"]) };
    AccessTest {
        name: name.into(),
        path: "tests[0]".to_owned(),
        at: Position { source: SourceId(1), line: 9, column: 1 },
        who: Who::Everybody,
        wabas: BTreeSet::from([id("500"), id("501")]),
        users: Some(BTreeSet::from([id("1")])),
        claim: Assertion::Require(Require {
            keys: BTreeSet::from([RequiredKey::Reason]),
            lacking: BTreeMap::from([(key("500", "1"), vec![lacking])]),
        }),
        idle: Vec::new(),
        not_found: Vec::new(),
        can_discover: false,
    }
}

fn waiver(reason: &str) -> Waiver {
    let terms = WaiverTerms {
        path: String::from("waivers[0]"),
        at: Position { source: SourceId(1), line: 7, column: 1 },
        limit: Some(120),
        until: "2026-12-15".parse().unwrap(),
        reason: Name::from(reason),
    };
    Waiver { terms: Some(terms), ..Waiver::for_one_run(Guard::MaxRemovals, None) }
}

#[test]
fn plan_and_drift_are_valid_and_have_the_names_unchanged() {
    for name in NAMES {
        let proposal = full(name, "NEW");
        let violation = Violation {
            guard: Guard::MinHolders,
            waba: Some(id("500")),
            user: Some(id("1")),
            message: name.to_owned(),
            test: None,
            counted: None,
        };
        let explanation = Explanation { moved: Moved::Live, last_write: Some(write_of_the_last_run()) };
        let drift = Drift {
            explanations: BTreeMap::from([(key("500", "1"), explanation)]),
            expiring: Some(proposal.ending.clone()),
        };
        let covered = [Waived { violation: violation.clone(), waiver: waiver(name) }];
        let violations = [violation];
        let findings = Findings { violations: &violations, waived: &covered, drift: Some(&drift) };
        let document = written(|to| plan(&proposal, findings, to));
        let document = valid(&schema::plan(), &document);
        assert_eq!(document["format_version"], FORMAT_VERSION);
        let change = &document["changes"][0];
        assert_eq!(change["waba"]["name"].as_str().unwrap_or_default(), name);
        assert_eq!(change["because"][0]["reason"], name);
        assert_eq!(change["because"][0]["file"], name);
        assert_eq!(change["drift"]["last_write"]["at"], "2026-11-22T10:00:00.123Z");
        assert_eq!(change["drift"]["last_write"]["origin"], serde_json::json!({ "actor": "ann" }));
        assert_eq!(document["unreadable"][0]["error"], name);
        assert_eq!(document["expiring"][0]["grant"], change["because"][0]);
        assert_eq!(document["violations"][0]["message"], document["waived"][0]["message"]);
        let waiver = serde_json::json!({
            "waiver": "max-removals<=120", "limit": 120, "until": "2026-12-15", "reason": name,
            "file": name, "line": 7
        });
        assert_eq!(document["waived"][0]["waiver"], waiver);
        assert_eq!(document["violations"][0].get("waiver"), None);
    }
}

#[test]
fn a_report_is_valid() {
    for name in NAMES {
        let proposal = full(name, "NEW");
        let outcomes = Outcome::one_of_each(name, &TaskSet::from_names(["NEW"]));
        let change = &proposal.plan.changes[0];
        let reported =
            |outcome: &Outcome| ReportedChange { change: change.clone(), outcome: outcome.clone() };
        let changes = outcomes.iter().map(reported).collect();
        let applied = Report {
            changes,
            stopped: Some(name.to_owned()),
            wrote: true,
            run: Some(name.into()),
            origin: origin(name),
        };
        let document = written(|to| report(&applied, &proposal, Findings::default(), to));
        let document = valid(&schema::report(), &document);
        assert_eq!(document["summary"], serde_json::json!({ "done": 3, "not_done": 6 }));
        assert_eq!((&document["run"], &document["origin"]["actor"]), (&name.into(), &name.into()));
        assert_eq!(document["changes"][5]["found"], serde_json::json!(["NEW"]));
        assert_eq!(document["changes"][8]["error"], name);
    }
}

#[test]
fn diagnostics_are_valid_and_in_order() {
    let mut sources = Sources::default();
    sources.add("a ##[error].yaml", "");
    let diagnostic = |line: Option<u32>, help: Option<&str>| Diagnostic {
        severity: if line.is_some() { Severity::Error } else { Severity::Warning },
        code: "bad-id",
        message: "a message".to_owned(),
        at: line.map(|line| Position { line, ..Position::default() }),
        help: help.map(Into::into),
        count: 1,
    };
    let found = [diagnostic(Some(7), Some("help")), diagnostic(Some(3), None), diagnostic(None, None)];
    let document = valid(&schema::diagnostics(), &written(|to| diagnostics(&found, &sources, to)));
    let lines: Vec<_> = document["diagnostics"].as_array().unwrap().iter().map(|one| &one["line"]).collect();
    assert_eq!(lines, [&Value::Null, &Value::from(3), &Value::from(7)]);
    assert_eq!(document["diagnostics"][1]["file"], "a ##[error].yaml");
    assert_eq!(document["summary"], serde_json::json!({ "errors": 2, "warnings": 1 }));
}

#[test]
fn an_object_that_is_something_else_is_not_valid() {
    for schema in
        [schema::plan(), schema::saved_plan(), schema::report(), schema::diagnostics(), schema::journal()]
    {
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        assert!(!validator.is_valid(&serde_json::json!({ "format_version": FORMAT_VERSION })));
    }
}
