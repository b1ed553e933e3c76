//! A plan and drift that have one of everything.

use crate::guard::{Guard, Violation, Waived};
use crate::model::*;
use crate::proposal::{PlanTests, Proposal};
use crate::render::View;
use crate::text::escape;
use std::collections::{BTreeMap, BTreeSet};

/// Names that try to be more than names.
pub(in crate::render) const HOSTILE: &[&str] = &[
    "\u{1b}[31mred",
    "a\n::error::x",
    "::error::x",
    "##[error]x",
    "##vso[task.x]",
    "\u{202e}live",
    "<script>",
    "| a |",
    "",
];

/// A plan with its review, and drift.
pub(in crate::render) struct Fixture {
    pub(in crate::render) proposal: Proposal,
    violations: Vec<Violation>,
    waived: Vec<Waived>,
    pub(in crate::render) drift: Drift,
}

impl Fixture {
    pub(in crate::render) fn view(&self, is_drift: bool) -> View<'_> {
        if is_drift {
            return View::of_drift(&self.proposal, &self.drift);
        }
        let Self { proposal, violations, waived, .. } = self;
        View { proposal, violations, waived, drift: None, evidence: None }
    }

    pub(in crate::render) fn plan(&self) -> &Plan {
        &self.proposal.plan
    }
}

pub(in crate::render) fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("access.yaml", "grants:\n  - users: [nobody]\n");
    sources
}

fn at(line: u32) -> Position {
    Position { source: SourceId(0), line, column: 5 }
}

fn key(waba: &str, user: &str) -> AssignmentKey {
    AssignmentKey { waba: waba.parse().unwrap(), user: user.parse().unwrap() }
}

fn asked(grants: impl IntoIterator<Item = GrantSource>) -> Because {
    Because { grants: grants.into_iter().map(Into::into).collect(), gone: None }
}

fn gone(prune: Prune, why: WhyGone) -> Because {
    Because { grants: Vec::new(), gone: Some((prune, vec![why])) }
}

fn change(
    key: AssignmentKey,
    before: impl Into<TaskSet>,
    after: impl Into<TaskSet>,
    because: Because,
) -> Change {
    Change { because, ..Change::new(key, before.into(), after.into()) }
}

/// Returns one of everything, with each foreign text passed through `rename`.
pub(in crate::render) fn everything(rename: impl Fn(&str) -> String) -> Fixture {
    let rename = &rename;
    let plan = plan(rename);
    let violation = |guard, message: &str| Violation {
        guard,
        waba: Some(key("500", "13").waba),
        user: (guard == Guard::ProtectedUser).then(|| key("500", "13").user),
        message: escape(&rename(message)).into_owned(),
        test: None,
        counted: None,
    };
    let mut access = LiveAccess::default();
    access.wabas.clone_from(&plan.waba_names);
    access.users.clone_from(&plan.user_names);
    access.live = plan.changes.iter().map(|change| (change.key, change.before.clone())).collect();
    let mut sources = Sources::default();
    sources.add(rename("access.yaml"), "");
    let drift = drift(&plan, rename);
    Fixture {
        proposal: Proposal {
            sources,
            access,
            policy_lines: policy_lines(rename),
            tests: Some(PlanTests {
                live: tests(rename, TestedState::Live, Verdict::Fail),
                after: tests(rename, TestedState::After, Verdict::Notice),
            }),
            acting_user_name: Some(Name::from(&*rename("CI Admin"))),
            ..Proposal::without_evidence(plan)
        },
        violations: vec![violation(Guard::MinHolders, "nobody would hold DEVELOP")],
        waived: vec![
            Waived {
                violation: violation(Guard::ProtectedUser, "reporting is protected"),
                waiver: Waiver::for_one_run(Guard::ProtectedUser, Some(rename("reporting"))),
            },
            Waived {
                violation: violation(Guard::MaxRemovals, "60 assignments would lose tasks"),
                waiver: waiver(rename),
            },
        ],
        drift,
    }
}

/// Returns the result of a test that does not pass.
fn tests(rename: impl Fn(&str) -> String, state: TestedState, verdict: Verdict) -> TestReport {
    let AssignmentKey { waba, user } = key("500", "13");
    let test = AccessTest {
        name: Name::from(&*rename("gold belongs to Ops")),
        path: String::from("tests[0]"),
        at: at(9),
        who: Who::Business,
        wabas: BTreeSet::from([waba]),
        users: None,
        claim: Assertion::Only { tasks: [Task::Manage].into(), users: BTreeSet::new() },
        idle: Vec::new(),
        not_found: Vec::new(),
        can_discover: false,
    };
    let breach = Breach::NotAllowed(TaskSet::from_names([rename("NEW")]));
    let result = TestResult {
        test: test.into(),
        verdict,
        breaches: vec![Breached { waba, user: Some(user), breach }],
        wabas: 1,
        unreadable: Vec::new(),
        left_out: None,
    };
    TestReport {
        state,
        results: vec![result],
        wabas: BTreeMap::from([(waba, Name::from(&*rename("acme")))]),
        users: BTreeMap::from([(user, Name::from(&*rename("reporting")))]),
    }
}

fn waiver(rename: impl Fn(&str) -> String) -> Waiver {
    let terms = WaiverTerms {
        path: String::from("waivers[0]"),
        at: at(7),
        limit: Some(120),
        until: "2026-12-15".parse().unwrap(),
        reason: Name::from(&*rename("OPS-4711")),
    };
    Waiver { terms: Some(terms), ..Waiver::for_one_run(Guard::MaxRemovals, None) }
}

fn policy_lines(rename: impl Fn(&str) -> String) -> Vec<PolicyLine> {
    let line = |key: &str, value: &str, previous| PolicyLine {
        key: rename(key),
        value: Some(rename(value)),
        default: Some(String::from("50")),
        previous,
    };
    vec![
        line("guards.max_removals", "1000000", Some(Some(rename("75")))),
        line("ignored_users", "legacy", Some(None)),
        line("prune", "all", None),
    ]
}

fn grant(rename: impl Fn(&str) -> String, line: u32, reason: &str) -> GrantSource {
    GrantSource {
        path: format!("grants[{line}]"),
        name: Some(Name::from(&*rename("releases"))),
        reason: Some(Name::from(&*rename(reason))),
        from: None,
        until: "2026-12-31".parse().ok(),
        at: at(line),
    }
}

fn changes(rename: impl Fn(&str) -> String) -> Vec<Change> {
    let grant = |line, reason| grant(&rename, line, reason);
    let mut live = TaskSet::from([Task::Manage, Task::Develop]);
    live.insert_name(&rename("NEW_TASK"));
    let many = (40..45).map(|line| grant(line, "OPS-3"));
    let mixed = Because {
        grants: many.map(Into::into).collect(),
        gone: Some((Prune::Declared, vec![WhyGone::Declared(at(7))])),
    };
    let mut assign = change(
        key("500", "11"),
        TaskSet::EMPTY,
        [Task::Manage, Task::ManageTemplates],
        asked([grant(31, "OPS-1")]),
    );
    assign.admin = true;
    let mut raise = change(
        key("500", "12"),
        [Task::ViewCost],
        [Task::ViewCost, Task::FullControl],
        asked([grant(32, "OPS-2")]),
    );
    raise.blocked = Some(Blocked::SelfRaise);
    let mut narrowed =
        change(key("501", "16"), TaskSet::EMPTY, [Task::ViewCost], asked([grant(35, "OPS-5")]));
    narrowed.admin = true;
    // Only the WABA is different from the first change of `campaign`.
    let same = |waba: u32| {
        let expired = WhyGone::Expired(grant(34, "OPS-4").into());
        change(
            key(&waba.to_string(), "14"),
            [Task::Messaging],
            TaskSet::EMPTY,
            gone(Prune::Declared, expired),
        )
    };
    let changes = vec![
        assign,
        raise,
        change(key("500", "13"), live, [Task::Manage, Task::ViewInsights], mixed),
        change(
            key("501", "14"),
            [Task::Messaging],
            TaskSet::EMPTY,
            gone(Prune::Declared, WhyGone::Expired(grant(34, "OPS-4").into())),
        ),
        change(
            key("501", "15"),
            [Task::Messaging],
            TaskSet::EMPTY,
            gone(Prune::All, WhyGone::Undeclared(at(12))),
        ),
        narrowed,
    ];
    changes.into_iter().chain((504..508).map(same)).collect()
}

fn plan(rename: impl Fn(&str) -> String) -> Plan {
    let kinds = [
        ("21", UnmanagedReason::Person, "Ann Person"),
        ("22", UnmanagedReason::OtherBusiness, "partner-bot"),
        ("23", UnmanagedReason::Undeclared, "legacy-import"),
        ("25", UnmanagedReason::Ignored, "ignored-bot"),
        ("26", UnmanagedReason::OtherSet, "billing-bot"),
        ("24", UnmanagedReason::Unknown, "stranger"),
    ];
    let unmanaged = kinds.map(|(user, why, name)| Unmanaged {
        key: key("501", user),
        name: Name::from(&*rename(name)),
        tasks: [Task::Manage].into(),
        why,
        own: why == UnmanagedReason::Undeclared,
    });
    let users = [
        ("11", "deploy-bot"),
        ("12", "CI Admin"),
        ("13", "reporting"),
        ("14", "campaign"),
        ("15", "old-bot"),
        ("16", "support"),
    ];
    let wabas = [
        ("500", "acme-eu"),
        ("501", "Initech Shop"),
        ("502", "globex"),
        ("504", "Initech Stores"),
        ("505", "Initech Care"),
        ("506", "Initech Alerts"),
        ("507", "Initech Returns"),
    ];
    Plan {
        acting_user: Some(key("500", "12").user),
        changes: changes(&rename),
        unmanaged: unmanaged.into(),
        unreadable: BTreeMap::from([(key("502", "1").waba, rename("(#200) not permitted"))]),
        unresolved: vec![Unresolved {
            name: Name::from(&*rename("lost-bot")),
            id: Some(key("500", "30").user),
            why: escape(&rename("no system user of this business has this id")).into_owned(),
            at: at(8),
            assignments: 2,
        }],
        kept: vec![Kept { key: key("500", "16"), tasks: [Task::Develop].into() }],
        deferred: vec![Deferred {
            key: key("500", "16"),
            before: [Task::Develop].into(),
            after: [Task::Messaging].into(),
        }],
        out_of_scope: vec![OutOfScope {
            user: key("504", "14").user,
            held: vec![(key("504", "14").waba, Name::from(&*rename("Hooli")), [Task::Messaging].into())],
            error: None,
        }],
        left: vec![LeftWaba {
            waba: key("503", "1").waba,
            name: Name::from(&*rename("renamed")),
            held: vec![(key("503", "11").user, Name::from(&*rename("deploy-bot")), [Task::Manage].into())],
        }],
        live_user_names: BTreeMap::from([(key("500", "13").user, Name::from(&*rename("Contractor Bob")))]),
        live_waba_names: BTreeMap::from([(key("500", "1").waba, Name::from(&*rename("Acme Europe")))]),
        notices: vec![
            Notice::Unconfirmed(key("501", "1").waba),
            Notice::AssignsToAdmin(key("500", "11").user),
            Notice::KeepsUndeclared,
            Notice::OtherId { user: key("500", "14").user, before: key("500", "41").user },
            Notice::PreviousUnusable(rename("they are empty")),
        ],
        unchanged: 118,
        live_in_scope: 122,
        waba_names: wabas
            .into_iter()
            .map(|(id, name)| (id.parse().unwrap(), Name::from(&*rename(name))))
            .collect(),
        user_names: users
            .into_iter()
            .map(|(id, name)| (id.parse().unwrap(), Name::from(&*rename(name))))
            .collect(),
        selection: Selection { wabas: vec![Glob::new("acme-*")], ..Selection::default() },
        ..Plan::empty("98".parse().unwrap(), crate::model::start_of_day(jiff::civil::date(2026, 11, 23)))
    }
}

/// An origin with names of people, a commit and addresses.
pub(in crate::render) fn origin(rename: impl Fn(&str) -> String) -> Origin {
    let name = |text: &str| Name::from(&*rename(text));
    let address = |text: &str| Name::from(text);
    Origin::recorded([
        ("actor".into(), name("ann")),
        ("commit".into(), "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567".into()),
        ("pull_request".into(), address("https://example.com/o/r/pull/12")),
        ("run_url".into(), name("https://example.com/o/r/actions/runs/34")),
        (name("ticket"), name("OPS-1")),
    ])
}

fn drift(plan: &Plan, rename: impl Fn(&str) -> String) -> Drift {
    let name = |text: &str| Some(Name::from(&*rename(text)));
    let write = LastWrite {
        run: Name::from(&*rename("run-1")),
        number: 3,
        at: jiff::Timestamp::UNIX_EPOCH,
        acting_user: Some((key("500", "12").user, Name::from(&*rename("CI Admin")))),
        by: Runner { user: name("jenkins"), host: name("build-7"), pid: 1 },
        origin: origin(&rename),
        after: [Task::Manage].into(),
        outcome: Some(Outcome::Failed { error: rename("timed out") }),
    };
    let mut write = Some(write);
    let explanations = plan.changes.iter().zip(Moved::ALL);
    let explanations =
        explanations.map(|(change, moved)| (change.key, Explanation { moved, last_write: write.take() }));
    Drift {
        explanations: explanations.collect(),
        expiring: Some(vec![EndingGrant {
            source: grant(&rename, 31, "OPS-1").into(),
            tasks: [Task::Manage].into(),
            users: 1,
            wabas: 2,
        }]),
    }
}
