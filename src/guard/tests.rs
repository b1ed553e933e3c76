//! The promises of the guards, on small plans.

use super::*;
use crate::model::{
    AssignmentKey, Blocked, DeclaredNames, Holder, Holders, Name, Policy, Position, RecentRemoval, Task,
    TaskSet, WaiverTerms,
};
use crate::proposal::Proposal;
use jiff::civil::date;
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
    let mut holders: BTreeMap<WabaId, BTreeMap<UserId, Holder>> = BTreeMap::new();
    for (waba, user, held) in others.iter().copied().chain(changes.iter().map(|c| (c.0, c.1, c.2))) {
        if !held.is_empty() {
            // Users from 80 on are of another business.
            let holder = Holder::listed(tasks(held), user < 80);
            holders.entry(id(waba)).or_default().insert(id(user), holder);
        }
    }
    let change = |&(waba, user, before, after): &(u64, u64, &str, &str)| {
        Change::new(AssignmentKey { waba: id(waba), user: id(user) }, tasks(before), tasks(after))
    };
    Plan {
        acting_user: Some(id(5)),
        changes: changes.iter().map(change).collect(),
        live_in_scope,
        holders,
        waba_names: BTreeMap::from([(id(1), Name::from("acme"))]),
        user_names: BTreeMap::from([(id(2), Name::from("bot"))]),
        ..Plan::empty(id(99), crate::model::start_of_day(date(2026, 11, 23)))
    }
}

fn policy() -> Policy {
    Policy { max_removals_percent: 25.0, max_removals: 50, ..Policy::default() }
}

fn judge(plan: &Plan, policy: &Policy, waivers: &[Waiver]) -> Review {
    let proposal = Proposal { policy: policy.clone(), ..Proposal::without_evidence(plan.clone()) };
    let now = plan.now;
    review(proposal, waivers, now)
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
        messages(&plan(&revoke, &[], 2), &policy),
        ["min-holders: `acme` (1) would go from 1 to 0 holders of MESSAGING, the minimum is 1"]
    );
    assert_eq!(
        messages(&plan(&revoke, &[(1, 70, "MANAGE")], 2), &policy),
        Vec::<String>::new(),
        "a wider task counts"
    );
    assert_eq!(
        messages(&plan(&[(1, 2, "VIEW_COST", "")], &[], 2), &policy),
        Vec::<String>::new(),
        "no holder goes"
    );
}

#[test]
fn a_gain_before_the_loss_keeps_the_number_of_holders() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 1)]), ..policy() };
    let (gain, loss) = ((1, 3, "", "MANAGE"), (1, 2, "MANAGE", ""));
    assert_eq!(messages(&plan(&[gain, loss], &[], 2), &policy), Vec::<String>::new());
    assert_eq!(messages(&plan(&[loss], &[], 2), &policy).len(), 1);
}

#[test]
fn a_blocked_gain_makes_no_holder() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 1)]), ..policy() };
    let mut swap = plan(&[(1, 5, "", "MANAGE"), (1, 2, "MANAGE", "")], &[], 2);
    swap.changes[0].blocked = Some(Blocked::SelfRaise);
    assert_eq!(messages(&swap, &policy).len(), 1);
}

#[test]
fn only_the_businesss_own_holders_count_unless_anyone_does() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Messaging, 1)]), ..policy() };
    let revoke = plan(&[(1, 2, "MESSAGING", "")], &[(1, 80, "MANAGE")], 2);
    assert_eq!(
        messages(&revoke, &policy),
        [
            "min-holders: `acme` (1) would go from 1 to 0 holders of MESSAGING of the business itself, the minimum is 1"
        ]
    );
    let anyone = Policy { holders: Holders::Anyone, ..policy };
    assert_eq!(messages(&revoke, &anyone), Vec::<String>::new());
}

#[test]
fn an_admin_that_an_assignment_narrows_is_no_holder_any_more() {
    let policy = Policy {
        max_removals: 0,
        min_holders: BTreeMap::from([(Task::Manage, 1)]),
        protected_users: BTreeSet::from([id(2)]),
        ..policy()
    };
    let mut narrowed = plan(&[(1, 2, "", "VIEW_COST")], &[], 1);
    assert_eq!(messages(&narrowed, &policy), Vec::<String>::new(), "a user without a role only gains");
    narrowed.changes[0].admin = true;
    assert_eq!(
        messages(&narrowed, &policy),
        [
            "max-removals: 1 of 1 assignments would lose tasks, the limit is 0",
            "min-holders: `acme` (1) would go from 1 to 0 holders of MANAGE, the minimum is 1",
            "protected-user: `bot` is protected and would lose the full access of its role except for VIEW_COST on `acme`",
        ]
    );
    narrowed.changes[0].after = tasks("MANAGE");
    assert_eq!(messages(&narrowed, &policy), Vec::<String>::new(), "MANAGE is not less");
}

#[test]
fn the_assignment_of_an_admin_goes_only_with_a_waiver_or_by_role() {
    let mut restored = plan(&[(1, 2, "VIEW_COST", "")], &[], 2);
    restored.changes[0].admin = true;
    assert_eq!(
        messages(&restored, &policy()),
        ["admin-row: `bot` is an admin and would have full access on `acme` again, by its role"]
    );
    assert_eq!(judge(&restored, &policy(), &["admin-row=bot".parse().unwrap()]).violations, []);
    restored.by_role.insert(id(2));
    assert_eq!(messages(&restored, &policy()), Vec::<String>::new());
}

#[test]
fn a_split_change_counts_between_its_writes() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 1), (Task::Develop, 1)]), ..policy() };
    let mut swap = plan(&[(1, 2, "MANAGE", "DEVELOP"), (1, 3, "DEVELOP", "MANAGE")], &[], 2);
    assert_eq!(
        messages(&swap, &policy),
        [
            "min-holders: `acme` (1) would go from 1 to 0 holders of MANAGE during the apply (1 at its end), the minimum is 1"
        ]
    );
    swap.changes[1].split = true;
    assert_eq!(messages(&swap, &policy), Vec::<String>::new());
}

#[test]
fn removals_of_the_last_day_count_together() {
    let losing: Vec<_> = (1..=3).map(|user| (1, user + 10, "DEVELOP,VIEW_COST", "DEVELOP")).collect();
    let (plan, policy) = (plan(&losing, &[], 18), policy());
    let recent = |users: std::ops::Range<u64>| {
        let key = |user| AssignmentKey { waba: id(2), user: id(user) };
        let recent_removals = users.map(|user| (key(user), lost("DEVELOP"))).collect();
        let proposal =
            Proposal { policy: policy.clone(), recent_removals, ..Proposal::without_evidence(plan.clone()) };
        let found = review(proposal, &[], plan.now).violations.into_iter();
        found.map(|violation| violation.message).collect::<Vec<_>>()
    };
    assert_eq!(recent(20..22), Vec::<String>::new(), "5 of 20, which is 25 %");
    assert_eq!(
        recent(20..23),
        ["3 of 21 assignments would lose tasks, after 3 in the last 24 hours: 28.6 %, the limit is 25 %"]
    );
}

/// A pair that recently lost these tasks, and then held nothing.
fn lost(tasks: &str) -> RecentRemoval {
    RecentRemoval { lost: self::tasks(tasks), left: TaskSet::EMPTY }
}

#[test]
fn what_a_plan_gives_back_counts_no_more() {
    let key = |user| AssignmentKey { waba: id(1), user: id(user) };
    let found = |given: &str| {
        let back = (20..60).map(|user| (1, user, "", given));
        let plan = plan(
            &[(1, 11, "DEVELOP,VIEW_COST", "DEVELOP")].into_iter().chain(back).collect::<Vec<_>>(),
            &[],
            20,
        );
        let now = plan.now;
        let recent_removals = (20..60).map(|user| (key(user), lost("DEVELOP,VIEW_COST"))).collect();
        let proposal = Proposal { policy: policy(), recent_removals, ..Proposal::without_evidence(plan) };
        let found = review(proposal, &[], now).violations.into_iter();
        found.map(|violation| violation.message).collect::<Vec<_>>()
    };
    assert_eq!(found("DEVELOP,VIEW_COST"), Vec::<String>::new(), "all 40 are given back");
    assert_eq!(
        found("DEVELOP"),
        ["1 of 60 assignments would lose tasks, after 40 in the last 24 hours: 68.3 %, the limit is 25 %"],
        "what was lost is given back in part"
    );
}

#[test]
fn zero_percent_means_none_at_any_size() {
    let policy = Policy { max_removals_percent: 0.0, ..policy() };
    let one = plan(&[(1, 11, "DEVELOP,VIEW_COST", "DEVELOP")], &[], 2);
    assert_eq!(
        messages(&one, &policy),
        ["max-removals: 1 of 2 assignments would lose tasks: 50.0 %, the limit is 0 %"]
    );
}

#[test]
fn the_end_of_everything_in_scope_is_a_violation_at_any_size() {
    let all = [(1, 3, "", "MANAGE"), (1, 11, "DEVELOP", ""), (1, 12, "DEVELOP", "")];
    assert_eq!(
        messages(&plan(&all, &[], 2), &policy()),
        [
            "max-removals: each of the 2 live assignments in scope would end; check that the manifests are complete"
        ]
    );
    assert_eq!(messages(&plan(&all, &[], 3), &policy()), Vec::<String>::new(), "one stays");
}

#[test]
fn a_wider_task_of_the_acting_user_is_manage_too() {
    let reduced = plan(&[(1, 5, "FULL_CONTROL", "VIEW_COST")], &[], 2);
    assert_eq!(messages(&reduced, &policy()), ["self: ``, the acting user, would lose MANAGE on `acme`"]);
    let kept = plan(&[(1, 5, "FULL_CONTROL,MANAGE", "FULL_CONTROL")], &[], 2);
    assert_eq!(messages(&kept, &policy()), Vec::<String>::new());
}

#[test]
fn a_waba_below_the_minimum_may_not_lose_another_holder() {
    let policy = Policy { min_holders: BTreeMap::from([(Task::Manage, 3)]), ..policy() };
    assert_eq!(
        messages(&plan(&[(1, 3, "DEVELOP", "")], &[(1, 4, "MANAGE")], 3), &policy),
        Vec::<String>::new()
    );
    assert_eq!(messages(&plan(&[(1, 3, "MANAGE", "")], &[(1, 4, "MANAGE")], 3), &policy).len(), 1);
}

#[test]
fn the_acting_user_keeps_manage_and_is_not_revoked() {
    assert_eq!(messages(&plan(&[(1, 5, "DEVELOP", "")], &[], 3), &policy()).len(), 1);
    assert_eq!(messages(&plan(&[(1, 5, "DEVELOP,MANAGE", "DEVELOP")], &[], 3), &policy()).len(), 1);
    assert_eq!(
        messages(&plan(&[(1, 5, "DEVELOP,MANAGE", "MANAGE")], &[], 3), &policy()),
        Vec::<String>::new()
    );
}

#[test]
fn an_unknown_acting_user_allows_no_loss() {
    let mut plan = plan(&[(1, 2, "DEVELOP", "")], &[], 3);
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
        messages(&plan(&[(1, 2, "DEVELOP,VIEW_COST", "DEVELOP,MANAGE")], &[], 3), &policy),
        ["protected-user: `bot` is protected and would lose VIEW_COST on `acme`"]
    );
    assert_eq!(
        messages(&plan(&[(1, 2, "DEVELOP", "DEVELOP,MANAGE")], &[], 3), &policy),
        Vec::<String>::new()
    );
}

#[test]
fn only_permitted_tasks_are_written() {
    let policy = Policy { permitted: BTreeMap::from([(id(1), tasks("DEVELOP"))]), ..policy() };
    assert_eq!(
        messages(&plan(&[(1, 2, "", "DEVELOP,MANAGE")], &[], 3), &policy),
        ["not-permitted: `bot` would get MANAGE on `acme`, which permits only DEVELOP"]
    );
    assert_eq!(
        messages(&plan(&[(1, 2, "MANAGE", "")], &[(1, 70, "MANAGE")], 3), &policy),
        Vec::<String>::new()
    );
    let none = Policy { permitted: BTreeMap::from([(id(1), TaskSet::EMPTY)]), ..policy };
    let expected = "not-permitted: `bot` would get DEVELOP on `acme`, which permits no task at all: its list of permitted tasks is empty";
    assert_eq!(messages(&plan(&[(1, 2, "", "DEVELOP")], &[], 3), &none), [expected]);
}

#[test]
fn a_waiver_covers_a_guard_or_one_target_of_it() {
    let policy = Policy { permitted: BTreeMap::from([(id(1), tasks("DEVELOP"))]), ..policy() };
    let plan = plan(&[(1, 2, "", "MANAGE")], &[], 3);
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
    judgement.waived.iter().filter_map(|waived| waived.violation.waba).collect()
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

/// A waiver of the manifests that ends with this day. Plans here are for 2026-11-23.
fn declared_waiver(guard: Guard, limit: Option<u64>, target: Option<&str>, until: &str) -> Waiver {
    let terms = WaiverTerms {
        path: String::from("waivers[0]"),
        at: Position::default(),
        limit,
        until: until.parse().unwrap(),
        reason: Name::from("OPS-1"),
    };
    Waiver { guard, target: target.map(str::to_owned), terms: Some(terms) }
}

#[test]
fn a_limit_covers_both_limits_of_max_removals_and_not_the_end_of_everything() {
    let losing: Vec<_> = (1..=60).map(|user| (1, user + 10, "DEVELOP,VIEW_COST", "DEVELOP")).collect();
    let with = |limit, until| Policy {
        waivers: vec![declared_waiver(Guard::MaxRemovals, Some(limit), None, until)],
        ..policy()
    };
    let judged = |limit, until| judge(&plan(&losing, &[], 100), &with(limit, until), &[]);
    let covered = judged(60, "2026-11-23");
    assert_eq!((covered.violations.len(), covered.waived.len(), covered.unused.len()), (0, 2, 0));
    assert_eq!(covered.used_waivers().len(), 1);
    for (limit, until, why) in [
        (59, "2026-12-24", UnusedReason::Exceeded { counted: 60 }),
        (60, "2026-11-22", UnusedReason::Ended),
        (60, "2027-02-22", UnusedReason::TooLong),
    ] {
        let refused = judged(limit, until);
        assert_eq!(refused.violations.len(), 2, "{limit} {until}");
        assert_eq!(refused.unused[0].why, why);
    }
    assert_eq!(judged(60, "2027-02-21").violations, [], "90 days ahead");
    let ends: Vec<_> = (1..=3).map(|user| (1, user + 10, "DEVELOP", "")).collect();
    let refused = judge(&plan(&ends, &[], 3), &with(60, "2026-12-24"), &[]);
    assert_eq!(refused.violations.len(), 1, "each live assignment would end");
}

#[test]
fn a_limit_counts_the_removals_of_the_last_day() {
    let losing: Vec<_> = (1..=3).map(|user| (1, user + 10, "DEVELOP,VIEW_COST", "DEVELOP")).collect();
    let key = |user| AssignmentKey { waba: id(2), user: id(user) };
    let violations = |limit| {
        let waiver = declared_waiver(Guard::MaxRemovals, Some(limit), None, "2026-12-24");
        let plan = plan(&losing, &[], 12);
        let now = plan.now;
        let proposal = Proposal {
            policy: Policy { waivers: vec![waiver], ..policy() },
            recent_removals: (20..22).map(|user| (key(user), lost("DEVELOP"))).collect(),
            ..Proposal::without_evidence(plan)
        };
        review(proposal, &[], now).violations.len()
    };
    assert_eq!((violations(5), violations(4)), (0, 1));
}

#[test]
fn a_waiver_of_the_manifests_never_covers_the_acting_user() {
    let revoked = plan(&[(1, 5, "DEVELOP", "")], &[], 3);
    for target in [None, Some("acme")] {
        let waivers = vec![declared_waiver(Guard::SelfLoss, None, target, "2026-12-24")];
        assert_eq!(judge(&revoked, &Policy { waivers, ..policy() }, &[]).violations.len(), 1);
    }
}

#[test]
fn a_waiver_of_the_manifests_covers_its_target() {
    let covered = |target| {
        let (plan, policy) = twins(DeclaredNames::default());
        let waivers = vec![declared_waiver(Guard::NotPermitted, None, Some(target), "2026-12-24")];
        let judged = judge(&plan, &Policy { waivers, ..policy }, &[]);
        judged.waived.into_iter().filter_map(|waived| waived.violation.waba).collect::<Vec<_>>()
    };
    assert_eq!(covered("7"), [id(7)]);
    assert_eq!(covered("nobody"), Vec::<WabaId>::new());
}

#[test]
fn a_run_that_may_give_no_access_gives_none() {
    let policy = Policy { no_new_access: true, ..policy() };
    let gain = plan(&[(1, 2, "VIEW_COST", "DEVELOP"), (1, 3, "MANAGE", "MESSAGING")], &[], 9);
    let expected = "no-new-access: `bot` would gain DEVELOP on `acme`, and this run may give no access";
    assert_eq!(messages(&gain, &policy), [expected]);
    assert_eq!(messages(&gain, &super::tests::policy()), Vec::<String>::new(), "not asked for");
    let mut blocked = plan(&[(1, 2, "", "DEVELOP")], &[], 9);
    blocked.changes[0].blocked = Some(Blocked::SelfRaise);
    assert_eq!(messages(&blocked, &policy), Vec::<String>::new(), "it is not attempted");
    let mut admin = plan(&[(1, 2, "", "DEVELOP"), (1, 3, "DEVELOP", "")], &[], 9);
    admin.changes.iter_mut().for_each(|change| change.admin = true);
    let found = messages(&admin, &policy);
    assert!(found[0].starts_with("no-new-access: `` would gain the full access of its role"), "{found:?}");
    assert_eq!(found.iter().filter(|message| message.starts_with("no-new-access")).count(), 1);
}
