//! What the planner promises: complete, convergent, confined to scope, deterministic, minimal.

use super::*;
use crate::model::{
    Claim, DeclaredUser, GrantSource, Implied, OtherHolder, Position, ResolvedGrant, Scope, State,
    SystemUser, Task, Unreadable,
};
use jiff::civil::date;
use proptest::prelude::*;
use std::sync::Arc;

fn key(waba: u64, user: u64) -> AssignmentKey {
    AssignmentKey { waba: waba.to_string().parse().unwrap(), user: user.to_string().parse().unwrap() }
}

fn tasks(names: &str) -> TaskSet {
    let mut set = TaskSet::EMPTY;
    names.split(',').filter(|name| !name.is_empty()).for_each(|name| set.insert_name(name));
    set
}

/// Reads lines of `WABA USER TASKS`.
fn state(lines: &[&str]) -> State {
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

/// Users 1 to 9 are the business's own, 1 to 5 are declared, 5 is the acting user, 4 and 9 are admins.
fn desired(prune: Prune, wanted: State) -> Desired {
    let user = |number: u64| key(1, number).user;
    let at = Position { line: 7, column: 1, ..Position::default() };
    let waba =
        |number: u64| (key(number, 1).waba, ScopedWaba { name: Name::from("w"), prune, shared: None, at });
    let declared = |number| (user(number), DeclaredUser { name: Name::from("u"), by_role: number == 4, at });
    let own = |number| {
        let role = if matches!(number, 4 | 9) { AdminRole::Admin } else { AdminRole::Employee };
        (user(number), SystemUser { name: Name::from("own"), role })
    };
    Desired {
        business: "99".parse().unwrap(),
        acting_user: Some(user(5)),
        day: date(2026, 11, 23),
        state: wanted,
        scope: Scope { wabas: (1..=3).map(waba).collect(), users: (1..=5).map(declared).collect() },
        own_users: (1..=9).map(own).collect(),
        grants: Vec::new(),
        claims: Vec::new(),
        implied: Implied::default(),
        partial: false,
    }
}

fn observed(live: State) -> Observed {
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
    let holder = |kind| OtherHolder { name: Name::from("p"), kind, tasks: tasks("MANAGE") };
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
    live.unreadable.insert(key(1, 1).waba, Unreadable(String::from("refused")));
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
fn a_change_for_another_reason_neither_takes_nor_gives_what_is_implied() {
    assert_eq!(
        with_implied(
            &["1 1 DEVELOP,MANAGE", "1 2 MANAGE", "1 3 MANAGE,VIEW_COST"],
            &["1 1 MANAGE,VIEW_COST", "1 2 DEVELOP,MANAGE,VIEW_COST", "1 3 DEVELOP,MANAGE"],
        ),
        [
            "1 keeps [MANAGE, VIEW_COST] gains [DEVELOP] loses []",
            "2 keeps [MANAGE, VIEW_COST] gains [] loses [DEVELOP] explained",
            "3 keeps [MANAGE] gains [] loses [DEVELOP] explained",
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
fn the_acting_user_does_not_raise_itself_by_what_is_implied() {
    assert_eq!(
        with_implied(&["1 5 MANAGE,VIEW_COST"], &["1 5 DEVELOP,MANAGE"]),
        ["5 keeps [MANAGE] gains [] loses [DEVELOP] explained"]
    );
    assert_eq!(
        with_implied(&["1 5 DEVELOP,MANAGE,VIEW_COST"], &["1 5 MANAGE"]),
        ["5 keeps [MANAGE] gains [DEVELOP] loses [] blocked"]
    );
}

#[test]
fn an_expired_grant_of_what_is_implied_is_no_reason() {
    let mut wanted = desired(Prune::Declared, state(&["1 1 MANAGE"]));
    wanted.implied = Implied::from_iter([(Task::Manage, tasks("VIEW_COST"))]);
    let at = Position::default();
    let source =
        Arc::new(GrantSource { path: "grants[0]".into(), name: None, reason: None, until: None, at });
    wanted.grants.push(ResolvedGrant { source, tasks: tasks("VIEW_COST"), expired: true });
    wanted.claims.push(Claim { key: key(1, 1), grant: 0 });
    let plan = plan(&wanted, &observed(state(&["1 1 DEVELOP,MANAGE,VIEW_COST"])));
    let declared = WhyGone::Declared(Position { line: 7, column: 1, ..Position::default() });
    assert_eq!(plan.changes[0].because.gone, Some((Prune::Declared, vec![declared])));
}

#[test]
fn a_loss_is_explained_by_the_grant_that_expired_or_else_by_the_declaration() {
    let mut wanted = desired(Prune::Declared, State::default());
    let at = Position { line: 42, column: 3, ..Position::default() };
    let source =
        Arc::new(GrantSource { path: "grants[0]".into(), name: None, reason: None, until: None, at });
    wanted.grants.push(ResolvedGrant { source: source.clone(), tasks: tasks("DEVELOP"), expired: true });
    wanted.claims.push(Claim { key: key(1, 1), grant: 0 });
    let plan = plan(&wanted, &observed(state(&["1 1 DEVELOP", "1 2 MANAGE"])));
    let gone: Vec<_> = plan.changes.iter().map(|change| change.because.gone.clone().unwrap()).collect();
    let declared = WhyGone::Declared(Position { line: 7, column: 1, ..Position::default() });
    assert_eq!(gone, [(Prune::Declared, vec![WhyGone::Expired(source)]), (Prune::Declared, vec![declared])]);
}

fn any_tasks() -> impl Strategy<Value = TaskSet> {
    prop::collection::vec(
        prop::sample::select(vec!["MANAGE", "DEVELOP", "VIEW_COST", "NEW", "MESSAGING"]),
        1..4,
    )
    .prop_map(|names| tasks(&names.join(",")))
}

fn any_state(users: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = State> {
    prop::collection::vec(((1u64..=3, users), any_tasks()), 0..20)
        .prop_map(|rows| rows.into_iter().map(|((waba, user), tasks)| (key(waba, user), tasks)).collect())
}

fn any_prune() -> impl Strategy<Value = Prune> {
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
    fn a_plan_is_minimal_confined_to_scope_and_in_order(
        prune in any_prune(), wanted in any_state(1..=5), live in any_state(1..=9), unreadable in 1u64..=3,
    ) {
        let desired = desired(prune, wanted);
        let mut observed = observed(live);
        observed.unreadable.insert(key(unreadable, 1).waba, Unreadable(String::new()));
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
            (change.key.waba, Some(change.key.user) == plan.acting_user, !change.lost().is_empty(), change.key.user)
        };
        prop_assert!(plan.changes.is_sorted_by_key(order));
        let summary = plan.summary();
        let losing = plan.changes.iter().filter(|change| !change.before.is_empty()).count();
        prop_assert_eq!(summary.unchanged + losing, plan.live_in_scope);
    }

    #[test]
    fn what_is_stored_beside_a_held_task_changes_no_change(
        prune in any_prune(), wanted in any_state(1..=5), live in any_state(1..=9), implied in any_implied(),
    ) {
        let mut desired = desired(prune, wanted);
        desired.implied = implied;
        let beside = desired.implied.iter().next().map_or(&NOTHING, |(_, implied)| implied);
        let stays = |key| {
            prune == Prune::None
                || desired.state.get(key).is_some_and(|wanted: &TaskSet| wanted.contains(Task::Manage))
        };
        let with_more: State = live
            .iter()
            .map(|(key, held)| {
                let more = held.contains(Task::Manage) && stays(key);
                (key, if more { held.union(beside) } else { held.clone() })
            })
            .collect();
        let known = |live: &State| -> Vec<_> {
            let plan = plan(&desired, &observed(live.clone()));
            let known = |change: &Change| {
                (change.key, change.gained(), change.lost(), change.because.clone(), change.blocked)
            };
            plan.changes.iter().map(known).collect()
        };
        let with_more_known = known(&with_more);
        prop_assert_eq!(&known(&live), &with_more_known);
        prop_assert!(with_more_known.iter().all(|(_, gained, lost, ..)| !gained.is_empty() || !lost.is_empty()));
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
