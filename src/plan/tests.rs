//! What the planner promises: complete, convergent, confined to scope, deterministic, minimal.

use super::*;
use crate::model::{
    Claim, DeclaredUser, GrantSource, Implied, Narrowing, OtherHolder, Position, ReleasedUser, ResolvedGrant,
    Scope, Selection, State, SystemUser, Task, Undeclared, Unreadable, start_of_day, writes,
};
use jiff::civil::date;
use proptest::prelude::*;
use std::sync::Arc;

pub(crate) fn key(waba: u64, user: u64) -> AssignmentKey {
    AssignmentKey { waba: waba.to_string().parse().unwrap(), user: user.to_string().parse().unwrap() }
}

pub(crate) fn tasks(names: &str) -> TaskSet {
    let mut set = TaskSet::EMPTY;
    names.split(',').filter(|name| !name.is_empty()).for_each(|name| set.insert_name(name));
    set
}

/// Reads lines of `WABA USER TASKS`.
pub(crate) fn state(lines: &[&str]) -> State {
    lines
        .iter()
        .map(|line| {
            let mut parts = line.split(' ');
            let mut id = || parts.next().unwrap().parse().unwrap();
            let key = key(id(), id());
            (key, tasks(parts.next().unwrap()))
        })
        .collect()
}

/// Returns an entry that claims tasks on one pair, from `at`.
pub(crate) fn entry(number: u32, tasks: TaskSet, phase: Phase, at: Position) -> ResolvedGrant {
    let path = format!("grants[{number}]");
    let source = GrantSource { path, name: None, reason: None, from: None, until: None, at };
    ResolvedGrant { source: source.into(), tasks, phase, is_exception: false }
}

/// Users 1 to 9 are the business's own, 1 to 5 are declared, 5 is the acting user, 4 and 9 are admins.
pub(crate) fn desired(prune: Prune, wanted: State) -> Desired {
    let user = |number: u64| key(1, number).user;
    let at = Position { line: 7, column: 1, ..Position::default() };
    let waba = |number: u64| {
        (
            key(number, 1).waba,
            ScopedWaba {
                name: Name::from("w"),
                live_name: None,
                labels: BTreeMap::new(),
                prune,
                shared: None,
                at,
            },
        )
    };
    let declared = |number| {
        (user(number), DeclaredUser { name: Name::from("u"), by_role: number == 4, suspended: None, at })
    };
    let own = |number| {
        let role = if matches!(number, 4 | 9) { AdminRole::Admin } else { AdminRole::Employee };
        (user(number), SystemUser { name: Name::from("own"), role })
    };
    Desired {
        business: "99".parse().unwrap(),
        acting_user: Some(user(5)),
        now: start_of_day(date(2026, 11, 23)),
        state: wanted,
        scope: Scope { wabas: (1..=3).map(waba).collect(), users: (1..=5).map(declared).collect() },
        own_users: (1..=9).map(own).collect(),
        grants: Vec::new(),
        with_ended: BTreeSet::new(),
        claims: Vec::new(),
        implied: Implied::default(),
        narrowing: None,
        unresolved: Vec::new(),
        released: BTreeMap::new(),
        ignored: BTreeSet::new(),
        other_sets: BTreeSet::new(),
        left: BTreeMap::new(),
        other_ids: BTreeMap::new(),
        admin_rows: BTreeSet::new(),
        undeclared: Undeclared::default(),
    }
}

pub(crate) fn observed(live: State) -> Observed {
    Observed { state: live, ..Observed::default() }
}

fn lines(plan: &Plan) -> Vec<String> {
    let line = |change: &Change| {
        let (waba, user) = (change.key.waba, change.key.user);
        let blocked = if change.blocked.is_some() { " blocked" } else { "" };
        format!("{:?} {waba} {user} [{}] -> [{}]{blocked}", change.action(), change.before, change.after)
    };
    plan.changes.iter().map(line).collect()
}

/// Plans and gives the changes, one line each.
fn check(prune: Prune, wanted: &[&str], live: &[&str]) -> Vec<String> {
    lines(&plan(&desired(prune, state(wanted)), &observed(state(live))))
}

#[test]
fn in_sync_nothing_changes() {
    let same = ["1 1 MANAGE", "2 2 VIEW_COST,X"];
    let plan = plan(&desired(Prune::All, state(&same)), &observed(state(&same)));
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert_eq!((plan.unchanged, plan.live_in_scope), (2, 2));
}

#[test]
fn what_differs_is_assigned_changed_or_revoked_as_a_whole_set() {
    let changes = check(
        Prune::Declared,
        &["1 1 MANAGE", "1 2 MANAGE,VIEW_COST"],
        &["1 2 DEVELOP,MANAGE", "1 3 DEVELOP"],
    );
    assert_eq!(
        changes,
        [
            "Assign 1 1 [] -> [MANAGE]",
            "Change 1 2 [DEVELOP, MANAGE] -> [MANAGE, VIEW_COST]",
            "Revoke 1 3 [DEVELOP] -> []",
        ]
    );
}

#[test]
fn gains_come_before_losses_and_the_acting_user_last() {
    let changes =
        check(Prune::Declared, &["1 3 MANAGE", "2 2 MANAGE"], &["1 1 DEVELOP", "1 5 DEVELOP", "2 1 MANAGE"]);
    assert_eq!(
        changes,
        [
            "Assign 1 3 [] -> [MANAGE]",
            "Revoke 1 1 [DEVELOP] -> []",
            "Revoke 1 5 [DEVELOP] -> []",
            "Assign 2 2 [] -> [MANAGE]",
            "Revoke 2 1 [MANAGE] -> []",
        ]
    );
}

#[test]
fn prune_says_what_may_be_taken_away() {
    let live = ["1 1 DEVELOP,NEW", "1 7 MANAGE"];
    assert_eq!(
        check(Prune::None, &["1 1 MANAGE"], &live),
        ["Change 1 1 [DEVELOP, NEW] -> [DEVELOP, MANAGE, NEW]"]
    );
    assert_eq!(check(Prune::Declared, &[], &live), ["Revoke 1 1 [DEVELOP, NEW] -> []"]);
    assert_eq!(
        check(Prune::All, &[], &live),
        ["Revoke 1 1 [DEVELOP, NEW] -> []", "Revoke 1 7 [MANAGE] -> []"]
    );
}

#[test]
fn an_undeclared_system_user_is_always_shown() {
    let plan = plan(&desired(Prune::Declared, State::default()), &observed(state(&["1 7 MANAGE"])));
    assert_eq!(plan.unmanaged.iter().map(|row| row.why).collect::<Vec<_>>(), [UnmanagedReason::Undeclared]);
    assert_eq!(plan.live_in_scope, 0);
}

#[test]
fn people_and_other_businesses_are_never_touched() {
    let holder = |kind| OtherHolder {
        name: Name::from("p"),
        kind,
        tasks: tasks("MANAGE"),
        own: false,
        user_type: None,
        business: None,
    };
    let mut live = observed(State::default());
    live.others.insert(key(1, 50), holder(HolderKind::Person));
    live.others.insert(key(1, 51), holder(HolderKind::OtherBusiness));
    live.others.insert(key(1, 52), holder(HolderKind::Unknown));
    let plan = plan(&desired(Prune::All, State::default()), &live);
    assert_eq!(lines(&plan), Vec::<String>::new());
    let why: Vec<_> = plan.unmanaged.iter().map(|row| row.why).collect();
    assert_eq!(why, [UnmanagedReason::Person, UnmanagedReason::OtherBusiness, UnmanagedReason::Unknown]);
}

#[test]
fn an_admin_by_role_that_is_not_listed_is_no_change() {
    assert_eq!(check(Prune::Declared, &["1 4 MANAGE"], &[]), Vec::<String>::new());
    assert_eq!(
        check(Prune::Declared, &["1 4 MANAGE"], &["1 4 DEVELOP"]),
        ["Change 1 4 [DEVELOP] -> [MANAGE]"]
    );
}

#[test]
fn what_the_acting_user_would_gain_is_marked_and_what_it_would_lose_is_not() {
    assert_eq!(check(Prune::Declared, &["1 5 MANAGE"], &[]), ["Assign 1 5 [] -> [MANAGE] blocked"]);
    assert_eq!(
        check(Prune::Declared, &["1 5 MANAGE"], &["1 5 MANAGE,DEVELOP"]),
        ["Change 1 5 [DEVELOP, MANAGE] -> [MANAGE]"]
    );
}

#[test]
fn an_unreadable_waba_is_not_planned() {
    let mut live = observed(State::default());
    live.unreadable.insert(key(1, 1).waba, Unreadable::because("refused"));
    let plan = plan(&desired(Prune::All, state(&["1 1 MANAGE", "2 1 MANAGE"])), &live);
    assert_eq!(lines(&plan), ["Assign 2 1 [] -> [MANAGE]"]);
    assert_eq!(plan.unreadable.len(), 1);
}

/// Plans where `MANAGE` implies `VIEW_COST`, and gives who gains and loses what, one line each.
fn with_implied(wanted: &[&str], live: &[&str]) -> Vec<String> {
    let mut desired = desired(Prune::Declared, state(wanted));
    desired.implied = Implied::from_iter([(Task::Manage, tasks("VIEW_COST"))]);
    let known = |change: &Change| {
        let gone = if change.because.gone.is_some() { " explained" } else { "" };
        let blocked = if change.blocked.is_some() { " blocked" } else { "" };
        let (kept, gained, lost) = (change.kept(), change.gained(), change.lost());
        format!("{} keeps [{kept}] gains [{gained}] loses [{lost}]{gone}{blocked}", change.key.user)
    };
    plan(&desired, &observed(state(live))).changes.iter().map(known).collect()
}

#[test]
fn a_change_for_another_reason_writes_what_is_implied_and_live_along() {
    assert_eq!(
        with_implied(
            &["1 1 DEVELOP,MANAGE", "1 2 MANAGE", "1 3 MANAGE,VIEW_COST"],
            &["1 1 MANAGE,VIEW_COST", "1 2 DEVELOP,MANAGE,VIEW_COST", "1 3 DEVELOP,MANAGE"],
        ),
        [
            "1 keeps [MANAGE, VIEW_COST] gains [DEVELOP] loses []",
            "2 keeps [MANAGE, VIEW_COST] gains [] loses [DEVELOP] explained",
            "3 keeps [MANAGE] gains [VIEW_COST] loses [DEVELOP] explained",
        ]
    );
}

#[test]
fn what_is_implied_by_a_task_that_comes_or_goes_counts() {
    assert_eq!(
        with_implied(&["1 1 MANAGE", "1 2 DEVELOP"], &["1 1 VIEW_COST", "1 2 MANAGE,VIEW_COST"]),
        [
            "1 keeps [] gains [MANAGE] loses [VIEW_COST] explained",
            "2 keeps [] gains [DEVELOP] loses [MANAGE, VIEW_COST] explained",
        ]
    );
}

#[test]
fn what_the_acting_user_would_gain_is_marked_also_if_it_is_implied() {
    assert_eq!(
        with_implied(&["1 5 MANAGE,VIEW_COST"], &["1 5 DEVELOP,MANAGE"]),
        ["5 keeps [MANAGE] gains [VIEW_COST] loses [DEVELOP] explained blocked"]
    );
    assert_eq!(with_implied(&["1 5 MANAGE,VIEW_COST"], &["1 5 MANAGE"]), Vec::<String>::new());
}

#[test]
fn released_users_are_planned_as_declared_without_grants() {
    let mut wanted = desired(Prune::Declared, State::default());
    let at = Position { line: 3, column: 1, ..Position::default() };
    let gone = ReleasedUser { name: Name::from("old-bot"), at };
    wanted.released.insert(key(1, 7).user, gone.clone());
    wanted.released.insert(key(1, 8).user, gone.clone());
    wanted.ignored.insert(key(1, 8).user);
    let live = observed(state(&["1 7 MANAGE", "1 8 MANAGE", "1 6 DEVELOP"]));
    let planned = plan(&wanted, &live);
    assert_eq!(lines(&planned), ["Revoke 1 7 [MANAGE] -> []"]);
    assert_eq!(planned.changes[0].because.gone, Some((Prune::Declared, vec![WhyGone::Released(at)])));
    assert_eq!(planned.released, BTreeMap::from([(key(1, 7).user, gone)]), "who is ignored is not released");
    assert_eq!((planned.undeclared_drift(), planned.count_unmanaged(UnmanagedReason::Ignored)), (1, 1));
    wanted.scope.wabas.values_mut().for_each(|waba| waba.prune = Prune::None);
    let kept = plan(&wanted, &live);
    assert_eq!(lines(&kept), Vec::<String>::new());
    assert_eq!(kept.kept.iter().map(|kept| kept.key).collect::<Vec<_>>(), [key(1, 7)]);
}

#[test]
fn users_of_another_set_are_neither_undeclared_nor_pruned_nor_released() {
    let mut wanted = desired(Prune::All, State::default());
    wanted.other_sets.insert(key(1, 7).user);
    let planned = plan(&wanted, &observed(state(&["1 7 MANAGE"])));
    assert_eq!((lines(&planned), planned.undeclared_drift()), (Vec::new(), 0));
}

#[test]
fn while_a_declared_user_is_missing_nobody_undeclared_loses_anything() {
    let mut wanted = desired(Prune::All, state(&["1 20 MANAGE", "1 1 DEVELOP"]));
    let at = Position::default();
    let user = key(1, 20).user;
    wanted
        .scope
        .users
        .insert(user, DeclaredUser { name: Name::from("gone"), by_role: false, suspended: None, at });
    wanted.released.insert(key(1, 8).user, ReleasedUser { name: Name::from("old"), at });
    let live = ["1 1 MANAGE,DEVELOP", "1 7 MANAGE", "1 8 MANAGE"];
    let planned = plan(&wanted, &observed(state(&live)));
    assert_eq!(lines(&planned), ["Change 1 1 [DEVELOP, MANAGE] -> [DEVELOP]"], "a declared user is planned");
    assert_eq!(planned.undeclared_drift(), 2);
    assert!(planned.is_incomplete());
    let found: Vec<_> = planned.unresolved.iter().map(|user| (user.id, user.assignments)).collect();
    assert_eq!(found, [(Some(user), 1)]);
    assert!(planned.notices.contains(&Notice::KeepsUndeclared));
}

#[test]
fn a_declared_id_that_only_wabas_list_can_be_revoked_and_gains_nothing() {
    let mut wanted = desired(Prune::Declared, state(&["2 20 MANAGE"]));
    let at = Position::default();
    let user = key(1, 20).user;
    wanted
        .scope
        .users
        .insert(user, DeclaredUser { name: Name::from("gone"), by_role: false, suspended: None, at });
    let planned = plan(&wanted, &observed(state(&["1 20 MANAGE"])));
    assert_eq!(lines(&planned), ["Revoke 1 20 [MANAGE] -> []"]);
    assert_eq!(planned.unresolved.iter().map(|user| user.assignments).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_prune_none_keeps_is_listed() {
    let planned =
        plan(&desired(Prune::None, state(&["1 1 MANAGE"])), &observed(state(&["1 1 DEVELOP", "1 2 MANAGE"])));
    let kept: Vec<_> = planned.kept.iter().map(|kept| (kept.key, kept.tasks.to_string())).collect();
    assert_eq!(kept, [(key(1, 1), "DEVELOP".to_owned()), (key(1, 2), "MANAGE".to_owned())]);
}

#[test]
fn the_row_of_an_admin_is_deleted_only_by_role_or_with_a_waiver() {
    let live = ["1 9 VIEW_COST", "2 4 VIEW_COST"];
    let mut wanted = desired(Prune::All, State::default());
    assert_eq!(
        lines(&plan(&wanted, &observed(state(&live)))),
        ["Revoke 1 9 [VIEW_COST] -> [] blocked", "Revoke 2 4 [VIEW_COST] -> []"],
        "user 4 is declared with by_role"
    );
    wanted.admin_rows.insert(key(1, 9).user);
    assert_eq!(lines(&plan(&wanted, &observed(state(&live))))[0], "Revoke 1 9 [VIEW_COST] -> []");
}

#[test]
fn a_rotation_gains_before_it_loses_whatever_the_ids() {
    // 1 hands MESSAGING to 2, which hands DEVELOP to 3.
    let changes =
        check(Prune::Declared, &["1 2 MESSAGING", "1 3 DEVELOP"], &["1 1 MESSAGING", "1 2 DEVELOP"]);
    assert_eq!(
        changes,
        ["Assign 1 3 [] -> [DEVELOP]", "Change 1 2 [DEVELOP] -> [MESSAGING]", "Revoke 1 1 [MESSAGING] -> []",]
    );
}

#[test]
fn only_an_exchange_is_split() {
    let swap = plan(
        &desired(Prune::Declared, state(&["1 1 DEVELOP", "1 2 MESSAGING"])),
        &observed(state(&["1 1 MESSAGING", "1 2 DEVELOP"])),
    );
    let split: Vec<_> = swap.changes.iter().map(|change| (change.key.user.number(), change.split)).collect();
    assert_eq!(split, [(2, false), (1, true)]);
    let written: Vec<_> = writes(&swap.changes)
        .iter()
        .map(|write| (write.change.key.user.number(), write.after.to_string()))
        .collect();
    let written: Vec<_> = written.iter().map(|(user, after)| (*user, after.as_str())).collect();
    assert_eq!(written, [(1, "DEVELOP, MESSAGING"), (2, "MESSAGING"), (1, "DEVELOP")]);
}

#[test]
fn an_order_is_found_where_the_first_one_gets_stuck() {
    // Whoever goes first by id (user 1) would take the holder of A that user 2 needs.
    let live = state(&["1 1 DEVELOP", "1 2 DEVELOP", "1 3 DEVELOP,MESSAGING", "1 4 VIEW_COST"]);
    let wanted = state(&["1 2 MESSAGING", "1 3 DEVELOP,VIEW_COST", "1 4 DEVELOP,VIEW_COST"]);
    let mut goal = desired(Prune::Declared, wanted);
    goal.acting_user = None;
    let planned = plan(&goal, &observed(live));
    assert!(planned.changes.iter().all(|change| !change.split), "{:?}", lines(&planned));
}

#[test]
fn a_loss_that_needs_a_blocked_gain_is_blocked() {
    // The acting user 5 cannot raise itself, so user 1 keeps MANAGE; user 2 may still go.
    let changes = check(Prune::Declared, &["1 5 MANAGE"], &["1 1 MANAGE", "1 2 DEVELOP"]);
    assert_eq!(
        changes,
        [
            "Revoke 1 1 [MANAGE] -> [] blocked",
            "Revoke 1 2 [DEVELOP] -> []",
            "Assign 1 5 [] -> [MANAGE] blocked",
        ]
    );
}

#[test]
fn an_expired_grant_of_what_is_implied_is_no_reason() {
    let mut wanted = desired(Prune::Declared, state(&["1 1 MANAGE"]));
    wanted.implied = Implied::from_iter([(Task::Manage, tasks("VIEW_COST"))]);
    wanted.grants.push(entry(0, tasks("VIEW_COST"), Phase::Ended, Position::default()));
    wanted.claims.push(Claim { key: key(1, 1), grant: 0 });
    let plan = plan(&wanted, &observed(state(&["1 1 DEVELOP,MANAGE,VIEW_COST"])));
    let declared = WhyGone::Declared(Position { line: 7, column: 1, ..Position::default() });
    assert_eq!(plan.changes[0].because.gone, Some((Prune::Declared, vec![declared])));
}

#[test]
fn a_loss_is_explained_by_the_grant_that_expired_or_else_by_the_declaration() {
    let mut wanted = desired(Prune::Declared, State::default());
    let at = Position { line: 42, column: 3, ..Position::default() };
    let ended = entry(0, tasks("DEVELOP"), Phase::Ended, at);
    let source = Arc::clone(&ended.source);
    wanted.grants.push(ended);
    wanted.claims.push(Claim { key: key(1, 1), grant: 0 });
    let plan = plan(&wanted, &observed(state(&["1 1 DEVELOP", "1 2 MANAGE"])));
    let gone: Vec<_> = plan.changes.iter().map(|change| change.because.gone.clone().unwrap()).collect();
    let declared = WhyGone::Declared(Position { line: 7, column: 1, ..Position::default() });
    assert_eq!(gone, [(Prune::Declared, vec![WhyGone::Expired(source)]), (Prune::Declared, vec![declared])]);
}

#[test]
fn what_a_suspended_user_holds_elsewhere_is_in_the_plan_also_if_it_cannot_be_read() {
    let mut wanted = desired(Prune::Declared, State::default());
    let held = |waba: u64| (key(waba, 3).waba, (Name::from("live"), Some(tasks("MANAGE"))));
    let mut seen = observed(State::default());
    seen.suspended = BTreeMap::from([
        (key(1, 2).user, Ok(BTreeMap::from([held(1)]))),
        (key(1, 3).user, Ok(BTreeMap::from([held(1), held(8)]))),
        (key(1, 4).user, Err(Unreadable::because("(#10)"))),
    ]);
    let outside = |wanted: &Desired| -> Vec<String> {
        let found = plan(wanted, &seen).out_of_scope;
        found.iter().map(|found| format!("{} {:?} {:?}", found.user, found.held.len(), found.error)).collect()
    };
    assert_eq!(outside(&wanted), ["3 1 None", "4 0 Some(\"(#10)\")"]);
    assert!(plan(&wanted, &seen).is_incomplete());
    wanted.own_users.remove(&key(1, 4).user);
    assert_eq!(outside(&wanted), ["3 1 None"], "that a user is not found is reported once");
}

#[test]
fn a_loss_is_explained_by_the_grant_that_has_not_begun() {
    let mut wanted = desired(Prune::Declared, State::default());
    let at = Position { line: 42, column: 3, ..Position::default() };
    let from = "2027-03-31".parse().ok();
    let source =
        Arc::new(GrantSource { path: "grants[0]".into(), name: None, reason: None, from, until: None, at });
    wanted.grants.push(ResolvedGrant {
        source: source.clone(),
        tasks: tasks("DEVELOP"),
        phase: Phase::Coming,
        is_exception: false,
    });
    wanted.claims.push(Claim { key: key(1, 1), grant: 0 });
    let plan = plan(&wanted, &observed(state(&["1 1 DEVELOP"])));
    assert_eq!(plan.changes[0].because.gone, Some((Prune::Declared, vec![WhyGone::NotYet(source)])));
    assert!(plan.changes[0].because.grants.is_empty());
}

pub(crate) fn any_tasks() -> impl Strategy<Value = TaskSet> {
    prop::collection::vec(
        prop::sample::select(vec!["MANAGE", "DEVELOP", "VIEW_COST", "NEW", "MESSAGING"]),
        1..4,
    )
    .prop_map(|names| tasks(&names.join(",")))
}

pub(crate) fn any_state(users: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = State> {
    prop::collection::vec(((1u64..=3, users), any_tasks()), 0..20)
        .prop_map(|rows| rows.into_iter().map(|((waba, user), tasks)| (key(waba, user), tasks)).collect())
}

pub(crate) fn any_prune() -> impl Strategy<Value = Prune> {
    prop::sample::select(vec![Prune::None, Prune::Declared, Prune::All])
}

fn any_implied() -> impl Strategy<Value = Implied> {
    prop::option::of(any_tasks())
        .prop_map(|beside| beside.into_iter().map(|set| (Task::Manage, set)).collect())
}

/// Applies what is not blocked, as a perfect executor would.
fn applied(plan: &Plan, live: &State) -> State {
    let mut after = live.clone();
    for change in plan.changes.iter().filter(|change| change.blocked.is_none()) {
        after.set(change.key, change.after.clone());
    }
    after
}

proptest! {
    #[test]
    fn apply_and_plan_again_finds_only_what_was_blocked(
        prune in any_prune(), wanted in any_state(1..=5), live in any_state(1..=9), implied in any_implied(),
    ) {
        let mut desired = desired(prune, wanted);
        desired.implied = implied;
        let first = plan(&desired, &observed(live.clone()));
        let second = plan(&desired, &observed(applied(&first, &live)));
        prop_assert!(second.changes.iter().all(|change| change.blocked.is_some()), "{:?}", lines(&second));
    }

    #[test]
    fn a_suspended_user_ends_with_nothing_and_nobody_else_loses_more(
        prune in any_prune(), wanted in any_state(1..=5), live in any_state(1..=9), implied in any_implied(),
    ) {
        let suspended = key(1, 3).user;
        let mut desired = desired(prune, wanted.iter().filter(|(key, _)| key.user != suspended).map(|(key, tasks)| (key, tasks.clone())).collect());
        desired.implied = implied;
        let before = plan(&desired, &observed(live.clone()));
        let reason = At { value: Name::from("leaked"), at: Position::default() };
        desired.scope.users.get_mut(&suspended).unwrap().suspended = Some(reason);
        let after = plan(&desired, &observed(live.clone()));
        let others = |plan: &Plan| {
            let others = plan.changes.iter().filter(|change| change.key.user != suspended);
            others.map(|change| (change.key, change.after.clone())).collect::<BTreeSet<_>>()
        };
        prop_assert_eq!(others(&before), others(&after));
        for change in after.changes.iter().filter(|change| change.key.user == suspended) {
            prop_assert!(change.after.is_empty() && change.is_suspension());
        }
        prop_assert!(applied(&after, &live).iter().all(|(key, _)| key.user != suspended));
    }

    #[test]
    fn only_expired_takes_away_what_ended_grants_gave_and_a_full_plan_still_does_the_rest(
        prune in any_prune(), wanted in any_state(1..=5), ended in any_state(1..=5), live in any_state(1..=9),
    ) {
        let mut all = desired(prune, wanted);
        all.released.insert(key(1, 6).user, ReleasedUser { name: Name::from("gone"), at: Position::default() });
        for (grant, (key, tasks)) in (0..).zip(ended.iter()) {
            all.grants.push(entry(grant, tasks.clone(), Phase::Ended, Position::default()));
            all.claims.push(Claim { key, grant });
        }
        let selection = Selection { only_expired: true, ..Selection::default() };
        let expired = Desired { narrowing: Some(Narrowing { selection, ..Narrowing::default() }), ..all.clone() };
        let first = plan(&expired, &observed(live.clone()));
        for change in &first.changes {
            let gave = ended.get(change.key).cloned().unwrap_or_default();
            let wanted = all.state.get(change.key).cloned().unwrap_or_default();
            prop_assert!(change.gained().is_empty() && !change.lost().is_empty());
            prop_assert_eq!(change.lost(), change.before.intersection(&gave).difference(&wanted));
            prop_assert!(prune != Prune::None && !(change.restores_admin() && change.blocked.is_none()));
        }
        prop_assert!(first.unmanaged.is_empty() && first.released.is_empty() && first.notices.is_empty());
        let after = applied(&first, &live);
        let rest = plan(&all, &observed(after.clone()));
        let whole = plan(&all, &observed(live.clone()));
        // A blocked gain of one user can keep another one's loss out of a full plan. Here nothing is gained.
        if whole.changes.iter().all(|change| change.blocked.is_none()) {
            prop_assert_eq!(applied(&rest, &after), applied(&whole, &live));
        }
        let left: BTreeSet<AssignmentKey> = first.deferred.iter().map(|left| left.key).collect();
        let open = rest.changes.iter().filter(|change| change.blocked.is_none()).map(|change| change.key);
        prop_assert!(open.collect::<BTreeSet<_>>().is_subset(&left), "what is left is said");
    }

    #[test]
    fn a_plan_is_minimal_confined_to_scope_and_in_order(
        prune in any_prune(), wanted in any_state(1..=5), live in any_state(1..=9), unreadable in 1u64..=3,
    ) {
        let desired = desired(prune, wanted);
        let mut observed = observed(live);
        observed.unreadable.insert(key(unreadable, 1).waba, Unreadable::because(""));
        let plan = plan(&desired, &observed);
        for change in &plan.changes {
            prop_assert_ne!(&change.before, &change.after);
            prop_assert_eq!(observed.state.get(change.key).cloned().unwrap_or_default(), change.before.clone());
            prop_assert_ne!(change.key.waba, key(unreadable, 1).waba);
            let declared = desired.scope.users.contains_key(&change.key.user);
            prop_assert!(declared || (prune == Prune::All && change.after.is_empty()));
            if prune == Prune::None {
                prop_assert!(change.lost().is_empty());
            }
        }
        let order = |change: &Change| {
            (change.key.waba, Some(change.key.user) == plan.acting_user, !change.lost().is_empty())
        };
        prop_assert!(plan.changes.is_sorted_by_key(order));
        let summary = plan.summary();
        let losing = plan.changes.iter().filter(|change| !change.before.is_empty()).count();
        prop_assert_eq!(summary.unchanged + losing, plan.live_in_scope);
    }

    #[test]
    fn no_task_has_fewer_holders_on_the_way_than_before_and_after(
        prune in any_prune(), wanted in any_state(1..=5), live in any_state(1..=9), implied in any_implied(),
    ) {
        let mut desired = desired(prune, wanted);
        desired.implied = implied;
        let plan = plan(&desired, &observed(live.clone()));
        for changes in plan.by_waba() {
            let waba = changes[0].key.waba;
            let mut now: BTreeMap<UserId, TaskSet> =
                live.on(waba).map(|(user, tasks)| (user, tasks.clone())).collect();
            let admins = [key(1, 4).user, key(1, 9).user];
            for admin in admins {
                now.entry(admin).or_default();
            }
            let mut all = vec![now.clone()];
            for write in writes(changes) {
                prop_assert_eq!(now.get(&write.change.key.user).unwrap_or(&NOTHING), &write.before);
                now.insert(write.change.key.user, write.after);
                all.push(now.clone());
            }
            let has_all = |user: &UserId, held: &TaskSet| {
                admins.contains(user) && (held.is_empty() || held.is_full())
            };
            let exact = |now: &BTreeMap<UserId, TaskSet>, name: &str| {
                let holds = |(user, held): &(&UserId, &TaskSet)| {
                    has_all(user, held) && name != "NEW" || held.names().any(|task| task == name)
                };
                now.iter().filter(holds).count()
            };
            for task in ["MANAGE", "DEVELOP", "VIEW_COST", "NEW", "MESSAGING"] {
                let floor = exact(&all[0], task).min(exact(&now, task));
                prop_assert!(all.iter().all(|now| exact(now, task) >= floor), "{} {:?}", task, lines(&plan));
            }
            // Without admins, whose access does not depend on their row alone.
            if changes.iter().all(|change| !change.admin) {
                let given = |now: &BTreeMap<UserId, TaskSet>, task| {
                    now.values().filter(|held| held.grants(task)).count()
                };
                for task in Task::ALL {
                    let floor = given(&all[0], *task).min(given(&now, *task));
                    prop_assert!(all.iter().all(|now| given(now, *task) >= floor), "{} {:?}", task, lines(&plan));
                }
            }
        }
    }

    #[test]
    fn where_nothing_is_pruned_everybody_ends_with_all_that_is_live_and_desired(
        wanted in any_state(1..=3), live in any_state(1..=9),
    ) {
        let plan = plan(&desired(Prune::None, wanted.clone()), &observed(live.clone()));
        let after = applied(&plan, &live);
        for (key, tasks) in live.iter().chain(wanted.iter()) {
            prop_assert!(tasks.is_subset(after.get(key).unwrap_or(&NOTHING)));
        }
    }
}
