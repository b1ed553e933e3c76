//! What the guards promise, on small plans.

use super::*;
use crate::model::{AssignmentKey, Because, Blocked};
use jiff::civil::date;
use proptest::prelude::*;

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

fn messages(plan: &Plan, policy: &Policy) -> Vec<String> {
    judge(plan, policy, &[]).violations.into_iter().map(|v| format!("{}: {}", v.code, v.message)).collect()
}

#[test]
fn exactly_the_limit_of_removals_is_allowed() {
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
fn nobody_takes_the_last_holder_away() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Messaging, 1)]), ..policy() };
    let revoke = [(1, 2, "MESSAGING", "")];
    assert_eq!(
        messages(&plan(&revoke, &[], 1), &policy),
        ["min-holders: `acme` (1) would go from 1 to 0 holders of MESSAGING, the least is 1"]
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
fn holders_are_counted_at_every_moment_on_the_way() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 1)]), ..policy() };
    let (gain, loss) = ((1, 3, "", "MANAGE"), (1, 2, "MANAGE", ""));
    assert_eq!(messages(&plan(&[gain, loss], &[], 1), &policy), Vec::<String>::new());
    assert_eq!(messages(&plan(&[loss, gain], &[], 1), &policy).len(), 1, "nobody holds it in between");
}

#[test]
fn a_gain_that_is_not_attempted_holds_nothing() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 1)]), ..policy() };
    let mut swap = plan(&[(1, 5, "", "MANAGE"), (1, 2, "MANAGE", "")], &[], 1);
    swap.changes[0].blocked = Some(Blocked::SelfRaise);
    assert_eq!(messages(&swap, &policy).len(), 1);
}

#[test]
fn who_loses_only_what_a_held_task_implies_stays_a_holder() {
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
fn who_newly_gets_only_what_a_held_task_implies_is_no_new_holder() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Messaging, 1)]), ..policy() };
    let swap = [(1, 3, "DEVELOP", "DEVELOP,MESSAGING,VIEW_COST"), (1, 2, "MESSAGING", "")];
    let mut plan = plan(&swap, &[], 2);
    assert_eq!(messages(&plan, &policy), Vec::<String>::new());
    plan.changes[0].implied = tasks("MESSAGING");
    assert_eq!(messages(&plan, &policy).len(), 1, "it may not be stored, as it was not before");
}

#[test]
fn the_acting_user_keeps_what_a_held_task_implies() {
    let mut plan = plan(&[(1, 5, "FULL_CONTROL,MANAGE,VIEW_COST", "FULL_CONTROL")], &[], 1);
    assert_eq!(messages(&plan, &policy()).len(), 1);
    plan.changes[0].implied = tasks("MANAGE");
    assert_eq!(messages(&plan, &policy()), Vec::<String>::new());
}

#[test]
fn a_waba_with_too_few_may_keep_them_and_not_lose_another() {
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
fn nothing_is_taken_away_where_it_is_not_known_whose_token_this_is() {
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
fn a_set_stays_within_what_is_permitted() {
    let policy = Policy { permitted: BTreeMap::from([(id(1), tasks("DEVELOP"))]), ..policy() };
    assert_eq!(
        messages(&plan(&[(1, 2, "", "DEVELOP,MANAGE")], &[], 1), &policy),
        ["not-permitted: `bot` would be given MANAGE on `acme`, which permits only DEVELOP"]
    );
    assert_eq!(
        messages(&plan(&[(1, 2, "MANAGE", "")], &[(1, 70, "MANAGE")], 1), &policy),
        Vec::<String>::new()
    );
}

#[test]
fn a_waiver_covers_its_guard_whole_or_for_one_waba_or_user() {
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
    assert!(approve(plan, &policy, &["not-permitted".parse().unwrap()]).is_ok());
}

/// A plan that breaks `not-permitted` for the user 2 on the WABA 1 and the user 3 on the WABA 7, both of which the
/// API calls `acme`, and the policy that it breaks.
fn twins(declared: DeclaredNames) -> (Plan, Policy) {
    let mut plan = plan(&[(1, 2, "", "MANAGE"), (7, 3, "", "MANAGE")], &[], 2);
    plan.waba_names.insert(id(7), Name::from("acme"));
    plan.user_names.insert(id(3), Name::from("1"));
    let permitted = BTreeMap::from([(id(1), tasks("DEVELOP")), (id(7), tasks("DEVELOP"))]);
    (plan, Policy { permitted, names: declared, ..policy() })
}

/// Judges with one waiver, and gives the WABAs of what it lets pass.
fn passed((plan, policy): &(Plan, Policy), waiver: &str) -> Vec<WabaId> {
    let judgement = judge(plan, policy, &[waiver.parse().unwrap()]);
    judgement.waived.iter().filter_map(|violation| violation.waba).collect()
}

#[test]
fn a_waivers_target_means_what_the_manifests_call_so_before_what_others_do() {
    let wabas = |waba| BTreeMap::from([(Name::from("acme"), id(waba))]);
    let users = BTreeMap::from([(Name::from("acme"), id(2))]);
    let declared = |wabas, users| twins(DeclaredNames { wabas, users });
    let none = BTreeMap::new;
    let waiver = "not-permitted=acme";
    assert_eq!(passed(&declared(none(), BTreeMap::new()), waiver), [id(1), id(7)]);
    assert_eq!(passed(&declared(wabas(1), BTreeMap::new()), waiver), [id(1)]);
    assert_eq!(passed(&declared(wabas(7), BTreeMap::new()), waiver), [id(7)]);
    assert_eq!(passed(&declared(BTreeMap::new(), users), waiver), [id(1)], "a user is called so");
    assert_eq!(passed(&declared(wabas(40), BTreeMap::new()), waiver), [], "declared, and not in this plan");
    let by_id = declared(BTreeMap::new(), BTreeMap::new());
    assert_eq!(passed(&by_id, "not-permitted=1"), [id(1)], "an id comes before a live name");
}

#[test]
fn a_waiver_that_lets_nothing_pass_is_told_and_changes_nothing() {
    let (plan, policy) = twins(DeclaredNames {
        wabas: BTreeMap::from([(Name::from("globex-eu"), id(40))]),
        users: BTreeMap::from([(Name::from("bot"), id(2))]),
    });
    let waivers = [
        ("min-holders", Some(WhyIdle::Kept)),
        ("not-permitted=globex-eu", Some(WhyIdle::Kept)),
        ("not-permitted=40", Some(WhyIdle::Kept)),
        ("not-permitted=globex_eu", Some(WhyIdle::NoSuchName { near: vec![Name::from("globex-eu")] })),
        ("not-permitted=BOT", Some(WhyIdle::NoSuchName { near: vec![Name::from("bot")] })),
        ("not-permitted=12345", Some(WhyIdle::NoSuchName { near: vec![] })),
        ("not-permitted=bot", None),
    ];
    let given: Vec<Waiver> = waivers.iter().map(|(waiver, _)| waiver.parse().unwrap()).collect();
    let judgement = judge(&plan, &policy, &given);
    let expected: Vec<_> = given
        .into_iter()
        .zip(waivers)
        .filter_map(|(waiver, (_, why))| Some(IdleWaiver { waiver, why: why? }))
        .collect();
    assert_eq!(judgement.idle, expected);
    assert_eq!((judgement.waived.len(), judgement.violations.len()), (1, 1));
}

proptest! {
    #[test]
    fn what_is_stored_beside_a_held_task_breaks_no_guard(
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
