//! The promises of the guards, on small plans.

use super::*;
use crate::model::{AssignmentKey, Because, Blocked, DeclaredNames, Name, Task, TaskSet};
use crate::proposal::Proposal;
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn id<T: std::str::FromStr>(number: u64) -> T
where
    T::Err: std::fmt::Debug,
{
    number.to_string().parse().unwrap()
}

fn tasks(names: &str) -> TaskSet {
    let mut set = TaskSet::EMPTY;
    names.split(',').filter(|name| !name.is_empty()).for_each(|name| set.insert_name(name));
    set
}

/// A plan with these changes, one `(WABA, user, before, after)` each, and these further holders.
fn plan(changes: &[(u64, u64, &str, &str)], others: &[(u64, u64, &str)], live_in_scope: usize) -> Plan {
    let mut holders: BTreeMap<WabaId, BTreeMap<UserId, TaskSet>> = BTreeMap::new();
    for (waba, user, held) in others.iter().copied().chain(changes.iter().map(|c| (c.0, c.1, c.2))) {
        if !held.is_empty() {
            holders.entry(id(waba)).or_default().insert(id(user), tasks(held));
        }
    }
    let change = |&(waba, user, before, after): &(u64, u64, &str, &str)| Change {
        key: AssignmentKey { waba: id(waba), user: id(user) },
        before: tasks(before),
        after: tasks(after),
        implied: TaskSet::EMPTY,
        because: Because::default(),
        blocked: None,
        admin: false,
    };
    Plan {
        acting_user: Some(id(5)),
        changes: changes.iter().map(change).collect(),
        live_in_scope,
        holders,
        waba_names: BTreeMap::from([(id(1), Name::from("acme"))]),
        user_names: BTreeMap::from([(id(2), Name::from("bot"))]),
        ..Plan::empty(id(99), date(2026, 11, 23))
    }
}

fn policy() -> Policy {
    Policy { max_removals_percent: 25.0, max_removals: 50, ..Policy::default() }
}

fn judge(plan: &Plan, policy: &Policy, waivers: &[Waiver]) -> Review {
    let proposal = Proposal { policy: policy.clone(), ..Proposal::without_evidence(plan.clone()) };
    review(proposal, waivers)
}

fn messages(plan: &Plan, policy: &Policy) -> Vec<String> {
    let violations = judge(plan, policy, &[]).violations;
    violations.into_iter().map(|violation| format!("{}: {}", violation.guard, violation.message)).collect()
}

#[test]
fn the_limits_of_removals_are_inclusive() {
    let losing: Vec<_> = (1..=26).map(|user| (1, user + 10, "DEVELOP,VIEW_COST", "DEVELOP")).collect();
    assert_eq!(messages(&plan(&losing[..25], &[], 100), &policy()), Vec::<String>::new());
    assert_eq!(
        messages(&plan(&losing, &[], 100), &policy()),
        ["max-removals: 26 of 100 assignments would lose tasks: 26.0 %, the limit is 25 %"]
    );
    let few = Policy { max_removals: 25, max_removals_percent: 100.0, ..policy() };
    assert_eq!(
        messages(&plan(&losing, &[], 100), &few),
        ["max-removals: 26 of 100 assignments would lose tasks, the limit is 25"]
    );
}

#[test]
fn the_percentage_counts_from_ten_live_assignments_up() {
    let losing = [(1, 11, "DEVELOP", ""), (1, 12, "DEVELOP", ""), (1, 13, "DEVELOP", "")];
    assert_eq!(messages(&plan(&losing, &[], 9), &policy()), Vec::<String>::new());
    assert_eq!(messages(&plan(&losing, &[], 10), &policy()).len(), 1);
}

#[test]
fn the_last_holder_is_kept() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Messaging, 1)]), ..policy() };
    let revoke = [(1, 2, "MESSAGING", "")];
    assert_eq!(
        messages(&plan(&revoke, &[], 1), &policy),
        ["min-holders: `acme` (1) would go from 1 to 0 holders of MESSAGING, the minimum is 1"]
    );
    assert_eq!(
        messages(&plan(&revoke, &[(1, 70, "MANAGE")], 1), &policy),
        Vec::<String>::new(),
        "a wider task counts"
    );
    assert_eq!(
        messages(&plan(&[(1, 2, "VIEW_COST", "")], &[], 1), &policy),
        Vec::<String>::new(),
        "no holder goes"
    );
}

#[test]
fn holders_are_counted_after_each_change() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 1)]), ..policy() };
    let (gain, loss) = ((1, 3, "", "MANAGE"), (1, 2, "MANAGE", ""));
    assert_eq!(messages(&plan(&[gain, loss], &[], 1), &policy), Vec::<String>::new());
    assert_eq!(messages(&plan(&[loss, gain], &[], 1), &policy).len(), 1, "nobody holds it in between");
}

#[test]
fn a_blocked_gain_makes_no_holder() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 1)]), ..policy() };
    let mut swap = plan(&[(1, 5, "", "MANAGE"), (1, 2, "MANAGE", "")], &[], 1);
    swap.changes[0].blocked = Some(Blocked::SelfRaise);
    assert_eq!(messages(&swap, &policy).len(), 1);
}

#[test]
fn losing_an_implied_task_is_no_loss() {
    let policy = Policy {
        max_removals: 0,
        min_holders: BTreeMap::from([(Task::Messaging, 1)]),
        protected_users: BTreeSet::from([id(2)]),
        ..policy()
    };
    let mut plan = plan(&[(1, 2, "DEVELOP,MESSAGING", "DEVELOP,VIEW_COST")], &[], 1);
    assert_eq!(messages(&plan, &policy).len(), 3, "max-removals, min-holders and protected-user");
    plan.changes[0].implied = tasks("MESSAGING");
    assert_eq!(messages(&plan, &policy), Vec::<String>::new());
}

#[test]
fn gaining_an_implied_task_makes_no_holder() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Messaging, 1)]), ..policy() };
    let swap = [(1, 3, "DEVELOP", "DEVELOP,MESSAGING,VIEW_COST"), (1, 2, "MESSAGING", "")];
    let mut plan = plan(&swap, &[], 2);
    assert_eq!(messages(&plan, &policy), Vec::<String>::new());
    plan.changes[0].implied = tasks("MESSAGING");
    assert_eq!(messages(&plan, &policy).len(), 1, "it may not be stored, as it was not before");
}

#[test]
fn the_acting_user_may_lose_an_implied_task() {
    let mut plan = plan(&[(1, 5, "FULL_CONTROL,MANAGE,VIEW_COST", "FULL_CONTROL")], &[], 1);
    assert_eq!(messages(&plan, &policy()).len(), 1);
    plan.changes[0].implied = tasks("MANAGE");
    assert_eq!(messages(&plan, &policy()), Vec::<String>::new());
}

#[test]
fn a_waba_below_the_minimum_may_not_lose_another_holder() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 3)]), ..policy() };
    assert_eq!(
        messages(&plan(&[(1, 3, "DEVELOP", "")], &[(1, 4, "MANAGE")], 1), &policy),
        Vec::<String>::new()
    );
    assert_eq!(messages(&plan(&[(1, 3, "MANAGE", "")], &[(1, 4, "MANAGE")], 1), &policy).len(), 1);
}

#[test]
fn the_acting_user_keeps_manage_and_is_not_revoked() {
    assert_eq!(messages(&plan(&[(1, 5, "DEVELOP", "")], &[], 1), &policy()).len(), 1);
    assert_eq!(messages(&plan(&[(1, 5, "DEVELOP,MANAGE", "DEVELOP")], &[], 1), &policy()).len(), 1);
    assert_eq!(
        messages(&plan(&[(1, 5, "DEVELOP,MANAGE", "MANAGE")], &[], 1), &policy()),
        Vec::<String>::new()
    );
}

#[test]
fn an_unknown_acting_user_allows_no_loss() {
    let mut plan = plan(&[(1, 2, "DEVELOP", "")], &[], 1);
    plan.acting_user = None;
    assert_eq!(judge(&plan, &policy(), &[]).violations.len(), 1);
    assert_eq!(judge(&plan, &policy(), &["self".parse().unwrap()]).violations, []);
    plan.changes[0].after = tasks("DEVELOP,MANAGE");
    assert_eq!(judge(&plan, &policy(), &[]).violations, []);
}

#[test]
fn a_protected_user_loses_nothing() {
    let policy = Policy { protected_users: BTreeSet::from([id(2)]), ..policy() };
    assert_eq!(
        messages(&plan(&[(1, 2, "DEVELOP,VIEW_COST", "DEVELOP,MANAGE")], &[], 1), &policy),
        ["protected-user: `bot` is protected and would lose VIEW_COST on `acme`"]
    );
    assert_eq!(
        messages(&plan(&[(1, 2, "DEVELOP", "DEVELOP,MANAGE")], &[], 1), &policy),
        Vec::<String>::new()
    );
}

#[test]
fn only_permitted_tasks_are_written() {
    let policy = Policy { permitted: BTreeMap::from([(id(1), tasks("DEVELOP"))]), ..policy() };
    assert_eq!(
        messages(&plan(&[(1, 2, "", "DEVELOP,MANAGE")], &[], 1), &policy),
        ["not-permitted: `bot` would get MANAGE on `acme`, which permits only DEVELOP"]
    );
    assert_eq!(
        messages(&plan(&[(1, 2, "MANAGE", "")], &[(1, 70, "MANAGE")], 1), &policy),
        Vec::<String>::new()
    );
}

#[test]
fn a_waiver_covers_a_guard_or_one_target_of_it() {
    let policy = Policy { permitted: BTreeMap::from([(id(1), tasks("DEVELOP"))]), ..policy() };
    let plan = plan(&[(1, 2, "", "MANAGE")], &[], 1);
    let left = |waiver: &str| judge(&plan, &policy, &[waiver.parse().unwrap()]).violations.len();
    for covers in
        ["not-permitted", "not-permitted=acme", "not-permitted=1", "not-permitted=bot", "not-permitted=2"]
    {
        assert_eq!(left(covers), 0, "{covers}");
    }
    for covers_not in ["max-removals", "not-permitted=globex", "min-holders=acme"] {
        assert_eq!(left(covers_not), 1, "{covers_not}");
    }
    assert!("force".parse::<Waiver>().is_err());
    assert_eq!("min-holders=acme".parse::<Waiver>().unwrap().to_string(), "min-holders=acme");
    assert!(judge(&plan, &policy, &["not-permitted".parse().unwrap()]).approve().is_ok());
    let refused = judge(&plan, &policy, &[]);
    assert_eq!(*refused.clone().approve().unwrap_err(), refused);
}

/// A plan that violates `not-permitted` for the user 2 on the WABA 1 and the user 3 on the WABA 7, which have the same
/// live name, and its policy.
fn twins(declared: DeclaredNames) -> (Plan, Policy) {
    let mut plan = plan(&[(1, 2, "", "MANAGE"), (7, 3, "", "MANAGE")], &[], 2);
    plan.waba_names.insert(id(7), Name::from("acme"));
    plan.user_names.insert(id(3), Name::from("1"));
    let permitted = BTreeMap::from([(id(1), tasks("DEVELOP")), (id(7), tasks("DEVELOP"))]);
    (plan, Policy { permitted, names: declared, ..policy() })
}

/// Returns the WABAs of the violations that a waiver covers.
fn waived((plan, policy): &(Plan, Policy), waiver: &str) -> Vec<WabaId> {
    let judgement = judge(plan, policy, &[waiver.parse().unwrap()]);
    judgement.waived.iter().filter_map(|violation| violation.waba).collect()
}

#[test]
fn declared_names_come_before_live_names_in_a_waiver() {
    let wabas = |waba| BTreeMap::from([(Name::from("acme"), id(waba))]);
    let users = BTreeMap::from([(Name::from("acme"), id(2))]);
    let declared = |wabas, users| twins(DeclaredNames { wabas, users });
    let none = BTreeMap::new;
    let waiver = "not-permitted=acme";
    assert_eq!(waived(&declared(none(), BTreeMap::new()), waiver), [id(1), id(7)]);
    assert_eq!(waived(&declared(wabas(1), BTreeMap::new()), waiver), [id(1)]);
    assert_eq!(waived(&declared(wabas(7), BTreeMap::new()), waiver), [id(7)]);
    assert_eq!(waived(&declared(BTreeMap::new(), users), waiver), [id(1)], "a user is called so");
    assert_eq!(waived(&declared(wabas(40), BTreeMap::new()), waiver), [], "declared, and not in this plan");
    let by_id = declared(BTreeMap::new(), BTreeMap::new());
    assert_eq!(waived(&by_id, "not-permitted=1"), [id(1)], "an id comes before a live name");
}

#[test]
fn an_unused_waiver_is_reported() {
    let (plan, policy) = twins(DeclaredNames {
        wabas: BTreeMap::from([(Name::from("globex-eu"), id(40))]),
        users: BTreeMap::from([(Name::from("bot"), id(2))]),
    });
    let waivers = [
        ("min-holders", Some(UnusedReason::NoViolation)),
        ("not-permitted=globex-eu", Some(UnusedReason::NoViolation)),
        ("not-permitted=40", Some(UnusedReason::NoViolation)),
        (
            "not-permitted=globex_eu",
            Some(UnusedReason::UnknownTarget { similar: vec![Name::from("globex-eu")] }),
        ),
        ("not-permitted=BOT", Some(UnusedReason::UnknownTarget { similar: vec![Name::from("bot")] })),
        ("not-permitted=12345", Some(UnusedReason::UnknownTarget { similar: vec![] })),
        ("not-permitted=bot", None),
    ];
    let given: Vec<Waiver> = waivers.iter().map(|(waiver, _)| waiver.parse().unwrap()).collect();
    let judgement = judge(&plan, &policy, &given);
    let expected: Vec<_> = given
        .into_iter()
        .zip(waivers)
        .filter_map(|(waiver, (_, why))| Some(UnusedWaiver { waiver, why: why? }))
        .collect();
    assert_eq!(judgement.unused, expected);
    assert_eq!((judgement.waived.len(), judgement.violations.len()), (1, 1));
}

proptest! {
    #[test]
    fn implied_tasks_never_change_the_violations(
        sets in prop::collection::vec((any_tasks(), any_tasks()), 1..8), beside in any_tasks(), min in 0u64..4,
    ) {
        let policy = Policy {
            max_removals: 2,
            min_holders: BTreeMap::from([(Task::Manage, min), (Task::Messaging, min)]),
            protected_users: BTreeSet::from([id(2), id(3)]),
            ..policy()
        };
        let judged = |more: bool| {
            let change = |(user, (before, after)): (u64, &(TaskSet, TaskSet))| {
                let implied = before.contains(Task::Manage) && after.contains(Task::Manage);
                let before = if implied && more { before.union(&beside) } else { before.clone() };
                let implied = if implied { beside.clone() } else { TaskSet::EMPTY };
                let mut plan = plan(&[(1, user, "", "")], &[], 0);
                Change { before, after: after.clone(), implied, ..plan.changes.remove(0) }
            };
            let mut plan = plan(&[], &[], sets.len());
            plan.changes = (1..).zip(&sets).map(change).collect();
            let holder = |change: &Change| (change.key.user, change.before.clone());
            plan.holders = BTreeMap::from([(id(1), plan.changes.iter().map(holder).collect())]);
            judge(&plan, &policy, &[]).violations
        };
        prop_assert_eq!(judged(false), judged(true));
    }
}

fn any_tasks() -> impl Strategy<Value = TaskSet> {
    prop::collection::vec(
        prop::sample::select(vec!["MANAGE", "MESSAGING", "DEVELOP", "VIEW_COST", "NEW"]),
        0..5,
    )
    .prop_map(TaskSet::from_names)
}
