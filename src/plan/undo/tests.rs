//! What an undo promises: right after a run it brings back what was; what something else changed since stays.

use super::*;
use crate::model::{At, OtherHolder, Position, Prune, RecordedOutcome, Settled, State, Unreadable, writes};
use crate::plan::tests::{desired, entry, key, observed, state, tasks};
use proptest::prelude::*;

/// A run with writes.
fn run(id: &str, writes: Vec<RecordedWrite>) -> RecordedRun {
    let [mut run] = crate::model::History::example(writes).runs.try_into().unwrap();
    run.id = id.into();
    run
}

/// A write of `WABA USER BEFORE>AFTER`.
fn write(line: &str, outcome: Option<Outcome>) -> RecordedWrite {
    let [waba, user, sets] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let (before, after) = sets.split_once('>').unwrap();
    let key = key(waba.parse().unwrap(), user.parse().unwrap());
    RecordedWrite::example(Timestamp::UNIX_EPOCH, key, [tasks(before), tasks(after)], outcome)
}

fn request<'a>(run: &'a RecordedRun, later: &'a [RecordedRun], selection: &'a Selection) -> UndoRequest<'a> {
    UndoRequest { run, later, wabas: None, selection, manifests: Some("sha256:m"), unread_lines: 0 }
}

/// Undoes a run on live access, under manifests that ask for nothing.
fn undone(run: &RecordedRun, later: &[RecordedRun], live: &[&str]) -> Plan {
    let selection = Selection::default();
    undo(request(run, later, &selection), &desired(Prune::Declared, State::default()), &observed(state(live)))
}

/// Returns the changes and what is left alone, a line each.
fn lines(plan: &Plan) -> Vec<String> {
    let change = |change: &Change| {
        let blocked = if change.blocked.is_some() { " blocked" } else { "" };
        let AssignmentKey { waba, user } = change.key;
        format!("{waba} {user} [{}] -> [{}]{blocked}", change.before, change.after)
    };
    let undo = plan.undo.as_ref().unwrap();
    let left = undo.left_alone.iter().map(|left| {
        let why = match &left.why {
            WhyLeftAlone::LaterRun { run, .. } => format!("written by {run}"),
            WhyLeftAlone::Moved { live } => format!("holds [{live}]"),
            WhyLeftAlone::NoSuchUser => String::from("no such user"),
            WhyLeftAlone::NotListed => String::from("not listed"),
            WhyLeftAlone::Suspended(at) => format!("suspended: {}", at.value),
        };
        format!("{} {} {why}", left.key.waba, left.key.user)
    });
    plan.changes.iter().map(change).chain(left).collect()
}

fn check(writes: Vec<RecordedWrite>, live: &[&str]) -> Vec<String> {
    lines(&undone(&run("r", writes), &[], live))
}

const APPLIED: Option<Outcome> = Some(Outcome::Applied);

fn settled(how: Settlement) -> Settled {
    Settled { at: Timestamp::UNIX_EPOCH, run: "s".into(), found: TaskSet::EMPTY, how }
}

#[test]
fn gains_losses_and_changes_are_taken_back() {
    let writes = vec![
        write("1 1 >MANAGE", APPLIED),
        write("1 2 DEVELOP>", APPLIED),
        write("2 3 DEVELOP>VIEW_COST", APPLIED),
    ];
    assert_eq!(
        check(writes, &["1 1 MANAGE", "2 3 VIEW_COST", "3 1 DEVELOP"]),
        ["1 2 [] -> [DEVELOP]", "1 1 [MANAGE] -> []", "2 3 [VIEW_COST] -> [DEVELOP]"]
    );
}

#[test]
fn a_change_in_two_writes_is_taken_back_as_one() {
    let both = || {
        vec![
            write("1 1 DEVELOP>DEVELOP,VIEW_COST", APPLIED),
            write("1 1 DEVELOP,VIEW_COST>VIEW_COST", APPLIED),
        ]
    };
    assert_eq!(check(both(), &["1 1 VIEW_COST"]), ["1 1 [VIEW_COST] -> [DEVELOP]"]);
    let mut failed = both();
    failed[1].outcome.as_mut().unwrap().outcome = Outcome::Failed { error: String::new() };
    assert_eq!(check(failed, &["1 1 DEVELOP,VIEW_COST"]), ["1 1 [DEVELOP, VIEW_COST] -> [DEVELOP]"]);
}

#[test]
fn writes_without_effect_are_not_taken_back() {
    for outcome in [
        Outcome::AlreadySo,
        Outcome::Failed { error: String::new() },
        Outcome::NotAttempted { why: String::new() },
    ] {
        assert_eq!(check(vec![write("1 1 >MANAGE", Some(outcome))], &["1 1 MANAGE"]), Vec::<String>::new());
    }
    let mut recovered = write("1 1 >MANAGE", None);
    recovered.settled = Some(settled(Settlement::NoEffect));
    assert_eq!(check(vec![recovered], &["1 1 MANAGE"]), Vec::<String>::new());
}

#[test]
fn the_live_set_settles_a_write_whose_outcome_is_not_known() {
    for outcome in [None, Some(Outcome::Unknown { error: String::new() })] {
        let check = |live: &[&str]| check(vec![write("1 1 DEVELOP>MANAGE", outcome.clone())], live);
        assert_eq!(check(&["1 1 MANAGE"]), ["1 1 [MANAGE] -> [DEVELOP]"], "it took effect");
        assert_eq!(check(&["1 1 DEVELOP"]), Vec::<String>::new(), "it had none");
        assert_eq!(check(&["1 1 VIEW_COST"]), ["1 1 holds [VIEW_COST]"]);
    }
    let mut recovered = write("1 1 DEVELOP>MANAGE", None);
    recovered.settled = Some(settled(Settlement::TookEffect));
    assert_eq!(check(vec![recovered.clone()], &["1 1 MANAGE"]), ["1 1 [MANAGE] -> [DEVELOP]"]);
    recovered.settled = Some(settled(Settlement::Different));
    assert_eq!(check(vec![recovered.clone()], &["1 1 MANAGE"]), ["1 1 holds [MANAGE]"]);
    assert_eq!(check(vec![recovered], &["1 1 DEVELOP"]), Vec::<String>::new());
}

#[test]
fn what_meta_stored_instead_is_what_the_run_left() {
    let stored = Some(Outcome::StoredDifferently { stored: tasks("MANAGE,VIEW_COST") });
    let check = |live: &[&str]| check(vec![write("1 1 >MANAGE", stored.clone())], live);
    assert_eq!(check(&["1 1 MANAGE,VIEW_COST"]), ["1 1 [MANAGE, VIEW_COST] -> []"]);
    assert_eq!(check(&["1 1 MANAGE"]), ["1 1 holds [MANAGE]"]);
}

#[test]
fn implied_tasks_do_not_count_as_moved_and_are_kept_where_both_sets_imply_them() {
    let mut desired = desired(Prune::Declared, State::default());
    desired.implied.insert(crate::model::Task::Manage, tasks("VIEW_COST"));
    let selection = Selection::default();
    let run = run("r", vec![write("1 1 MANAGE>MANAGE,DEVELOP", APPLIED)]);
    let plan =
        undo(request(&run, &[], &selection), &desired, &observed(state(&["1 1 MANAGE,DEVELOP,VIEW_COST"])));
    assert_eq!(lines(&plan), ["1 1 [DEVELOP, MANAGE, VIEW_COST] -> [MANAGE, VIEW_COST]"]);
}

#[test]
fn what_a_later_run_wrote_is_left_alone_even_if_it_looks_untouched() {
    let first = run("r", vec![write("1 1 >MANAGE", APPLIED), write("1 2 >DEVELOP", APPLIED)]);
    let later = [
        run("s", vec![write("1 1 MANAGE>VIEW_COST", APPLIED)]),
        run("t", vec![write("1 1 VIEW_COST>MANAGE", APPLIED)]),
        run("u", vec![write("1 2 DEVELOP>", Some(Outcome::Failed { error: String::new() }))]),
    ];
    assert_eq!(
        lines(&undone(&first, &later, &["1 1 MANAGE", "1 2 DEVELOP"])),
        ["1 2 [DEVELOP] -> []", "1 1 written by t"]
    );
}

#[test]
fn who_is_gone_or_suspended_or_not_listed_is_reported() {
    let writes = vec![
        write("1 20 >MANAGE", APPLIED),
        write("1 21 MANAGE>", APPLIED),
        write("1 9 >DEVELOP", Some(Outcome::AcceptedNotListed)),
        write("2 1 DEVELOP>", APPLIED),
        write("2 2 >DEVELOP", APPLIED),
    ];
    let mut desired = desired(Prune::Declared, State::default());
    let suspended = At { value: Name::from("SEC-1"), at: Position::default() };
    for user in [1, 2] {
        desired.scope.users.get_mut(&key(1, user).user).unwrap().suspended = Some(suspended.clone());
    }
    let (run, selection) = (run("r", writes), Selection::default());
    let plan = undo(request(&run, &[], &selection), &desired, &observed(state(&["2 2 DEVELOP"])));
    assert_eq!(
        lines(&plan),
        [
            "2 2 [DEVELOP] -> []",
            "1 9 not listed",
            "1 20 no such user",
            "1 21 no such user",
            "2 1 suspended: SEC-1",
        ]
    );
    assert!(plan.is_incomplete() && plan.is_partial());
    // A user that only the WABA lists can lose what it holds, and gain nothing.
    let check = |line, live: &[&str]| lines(&undone(&self::run("r", vec![write(line, APPLIED)]), &[], live));
    assert_eq!(check("1 20 >MANAGE", &["1 20 MANAGE"]), ["1 20 [MANAGE] -> []"]);
    assert_eq!(check("1 20 DEVELOP>MANAGE", &["1 20 MANAGE"]), ["1 20 no such user"]);
}

#[test]
fn an_unreadable_waba_is_not_planned() {
    let mut live = observed(state(&["2 1 MANAGE"]));
    live.unreadable.insert(key(1, 1).waba, Unreadable::because("refused"));
    let run = run("r", vec![write("1 1 >MANAGE", APPLIED), write("2 1 >MANAGE", APPLIED)]);
    let selection = Selection::default();
    let plan = undo(request(&run, &[], &selection), &desired(Prune::Declared, State::default()), &live);
    assert_eq!(lines(&plan), ["2 1 [MANAGE] -> []"]);
    assert_eq!(plan.unreadable.len(), 1);
    assert!(plan.is_incomplete());
}

#[test]
fn admins_and_the_acting_user_are_planned_as_in_any_plan() {
    let check = |line, live: &[&str]| check(vec![write(line, APPLIED)], live);
    assert_eq!(check("1 9 >DEVELOP", &["1 9 DEVELOP"]), ["1 9 [DEVELOP] -> [] blocked"]);
    assert_eq!(check("1 5 MANAGE>DEVELOP", &["1 5 DEVELOP"]), ["1 5 [DEVELOP] -> [MANAGE] blocked"]);
    assert_eq!(check("1 4 >DEVELOP", &["1 4 DEVELOP"]), ["1 4 [DEVELOP] -> []"], "it is by role");
}

#[test]
fn guards_see_everybody_on_the_waba_and_the_share_of_the_scope() {
    let mut live = observed(state(&["1 1 MANAGE", "1 2 DEVELOP", "1 7 DEVELOP"]));
    let person = OtherHolder {
        name: "person".into(),
        kind: crate::model::HolderKind::Person,
        tasks: tasks("MANAGE"),
        own: true,
        user_type: None,
        business: None,
    };
    live.others.insert(key(1, 30), person);
    let (run, selection) = (run("r", vec![write("1 1 >MANAGE", APPLIED)]), Selection::default());
    let mut desired = desired(Prune::Declared, State::default());
    let plan = undo(request(&run, &[], &selection), &desired, &live);
    let held: Vec<_> = plan.holders[&key(1, 1).waba].keys().map(ToString::to_string).collect();
    assert_eq!(held, ["1", "2", "4", "7", "30"], "4 is by role");
    assert_eq!(plan.unmanaged.len(), 1);
    assert_eq!((plan.live_in_scope, plan.unchanged), (2, 2), "7 is not declared");
    // A WABA that left the scope still counts with what is taken back there.
    desired.scope.wabas.clear();
    assert_eq!(undo(request(&run, &[], &selection), &desired, &live).live_in_scope, 1);
    let without = UndoRequest { manifests: None, ..request(&run, &[], &selection) };
    assert_eq!(undo(without, &desired, &live).live_in_scope, 3);
}

#[test]
fn what_the_manifests_ask_for_again_is_what_their_next_plan_does() {
    let wanted = state(&["1 1 MANAGE", "2 3 DEVELOP"]);
    let mut desired = desired(Prune::Declared, wanted);
    let at = Position { line: 12, column: 3, ..Position::default() };
    desired.grants.push(entry(0, tasks("MANAGE"), crate::model::Phase::InForce, at));
    desired.claims.push(crate::model::Claim { key: key(1, 1), grant: 0 });
    let writes = vec![
        write("1 1 >MANAGE", APPLIED),
        write("1 2 DEVELOP>", APPLIED),
        write("2 3 DEVELOP,VIEW_COST>DEVELOP", APPLIED),
        write("3 7 >DEVELOP", APPLIED),
    ];
    let (run, selection) = (run("r", writes), Selection::default());
    let live = observed(state(&["1 1 MANAGE", "2 3 DEVELOP", "3 7 DEVELOP"]));
    let plan = undo(request(&run, &[], &selection), &desired, &live);
    assert_eq!(plan.changes.len(), 4);
    let asked: Vec<_> = plan.undo.as_ref().unwrap().asked_again.iter().collect();
    let keys: Vec<_> = asked.iter().map(|change| change.key).collect();
    assert_eq!(keys, [key(1, 1), key(1, 2), key(2, 3)], "7 is not declared, so nobody asks for it");
    assert_eq!(asked[0].because.grants[0].at, at);
    assert!(asked[1].because.gone.is_some());
}

/// How a write of a random run ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Applied,
    Failed,
    Unknown { took_effect: bool },
    InFlight { took_effect: bool },
    Recovered { took_effect: bool },
    Stored(u8),
}

/// What happens to an assignment after the run.
#[derive(Debug, Clone, Copy)]
enum Later {
    Outside(u8),
    Run(u8),
    FailedRun(u8),
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Applied),
        1 => Just(End::Failed),
        1 => any::<bool>().prop_map(|took_effect| End::Unknown { took_effect }),
        1 => any::<bool>().prop_map(|took_effect| End::InFlight { took_effect }),
        1 => any::<bool>().prop_map(|took_effect| End::Recovered { took_effect }),
        1 => (0u8..8).prop_map(End::Stored),
    ]
}

/// One of eight sets.
fn set(bits: u8) -> TaskSet {
    let names = ["DEVELOP", "MANAGE", "X"];
    TaskSet::from_names(
        names.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| name),
    )
}

/// The assignments of the random worlds: of users who are neither admins nor acting.
fn keys() -> Vec<AssignmentKey> {
    (1..=3).flat_map(|waba| [1, 2, 3, 6].map(|user| key(waba, user))).collect()
}

/// Plays a write on live access, and returns what the journal has of it.
fn play(live: &mut State, key: AssignmentKey, after: TaskSet, end: End) -> RecordedWrite {
    let before = live.get(key).cloned().unwrap_or_default();
    let outcome = |outcome| Some(RecordedOutcome { at: Timestamp::UNIX_EPOCH, outcome, traces: Vec::new() });
    let mut write = RecordedWrite::example(Timestamp::UNIX_EPOCH, key, [before, after.clone()], None);
    let stored = match end {
        End::Applied => {
            write.outcome = outcome(Outcome::Applied);
            Some(after)
        }
        End::Failed => {
            write.outcome = outcome(Outcome::Failed { error: String::new() });
            None
        }
        End::Unknown { took_effect } => {
            write.outcome = outcome(Outcome::Unknown { error: String::new() });
            took_effect.then_some(after)
        }
        End::InFlight { took_effect } => took_effect.then_some(after),
        End::Recovered { took_effect } => {
            let how = if took_effect { Settlement::TookEffect } else { Settlement::NoEffect };
            write.settled = Some(settled(how));
            took_effect.then_some(after)
        }
        End::Stored(bits) => {
            write.outcome = outcome(Outcome::StoredDifferently { stored: set(bits) });
            Some(set(bits))
        }
    };
    if let Some(stored) = stored {
        live.set(key, stored);
    }
    write
}

/// Applies a plan to live access, and returns the writes for a journal.
fn apply(plan: &Plan, live: &mut State) -> Vec<RecordedWrite> {
    let writes = plan.by_waba().flat_map(writes);
    writes.map(|write| play(live, write.change.key, write.after, End::Applied)).collect()
}

/// Numbers the writes of a run as a journal does.
fn random_run(id: &str, mut writes: Vec<RecordedWrite>) -> RecordedRun {
    for (write, number) in writes.iter_mut().zip(1..) {
        write.number = number;
    }
    run(id, writes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_undo_brings_back_what_was_and_touches_nothing_else(
        start in proptest::collection::vec(0u8..8, 12),
        run in proptest::collection::btree_map(0usize..12, (0u8..8, any_end()), 0..12),
        later in proptest::collection::btree_map(
            0usize..12,
            prop_oneof![
                (0u8..8).prop_map(Later::Outside),
                (0u8..8).prop_map(Later::Run),
                (0u8..8).prop_map(Later::FailedRun),
            ],
            0..6,
        ),
        wanted in proptest::collection::vec(0u8..8, 12),
    ) {
        let keys = keys();
        let start: State = keys.iter().copied().zip(start.into_iter().map(set)).collect();
        let mut live = start.clone();
        let written: BTreeMap<AssignmentKey, TaskSet> =
            run.iter().map(|(index, (bits, _))| (keys[*index], set(*bits))).collect();
        let writes = run.iter().filter(|(index, (bits, _))| {
            start.get(keys[**index]).cloned().unwrap_or_default() != set(*bits)
        });
        let writes = writes.map(|(index, (bits, end))| play(&mut live, keys[*index], set(*bits), *end)).collect();
        let first = random_run("r", writes);
        let after_run = live.clone();

        let mut changed = BTreeSet::new();
        let mut later_writes = Vec::new();
        for (index, later) in &later {
            let key = keys[*index];
            let now = live.get(key).cloned().unwrap_or_default();
            match later {
                // What sets exactly what the run may have set cannot be distinguished from it.
                Later::Outside(bits) if set(*bits) != now && written.get(&key) != Some(&set(*bits)) => {
                    live.set(key, set(*bits));
                    changed.insert(key);
                }
                Later::Run(bits) if set(*bits) != now => {
                    later_writes.push(play(&mut live, key, set(*bits), End::Applied));
                    changed.insert(key);
                }
                Later::Outside(_) | Later::Run(_) => {}
                Later::FailedRun(bits) => later_writes.push(play(&mut live, key, set(*bits), End::Failed)),
            }
        }
        let later = [random_run("s", later_writes)];
        let before_undo = live.clone();
        let wanted: State = keys.iter().copied().zip(wanted.into_iter().map(set)).collect();
        let desired = desired(Prune::Declared, wanted);
        let selection = Selection::default();
        let plan = undo(request(&first, &later, &selection), &desired, &observed(live.clone()));
        prop_assert!(plan.changes.iter().all(|change| change.blocked.is_none()));
        let undoing = random_run("undo", apply(&plan, &mut live));
        for key in &keys {
            let expected = if changed.contains(key) { &before_undo } else { &start };
            prop_assert_eq!(live.get(*key), expected.get(*key), "{:?}", key);
        }
        let left: BTreeSet<AssignmentKey> =
            plan.undo.as_ref().unwrap().left_alone.iter().map(|left| left.key).collect();
        prop_assert!(left.is_subset(&changed), "only what changed since is left alone");
        // A write with an unknown outcome had no effect, as far as anybody knows, if the set is as before it.
        let is_unknown = |end: &End| matches!(end, End::Unknown { .. } | End::InFlight { .. });
        let unknown: BTreeSet<AssignmentKey> =
            run.iter().filter(|(_, (_, end))| is_unknown(end)).map(|(index, _)| keys[*index]).collect();
        let is_listed = |key: &&AssignmentKey| {
            after_run.get(**key) != start.get(**key)
                && !(unknown.contains(*key) && before_undo.get(**key) == start.get(**key))
        };
        for key in changed.iter().filter(is_listed) {
            prop_assert!(left.contains(key), "{key:?} is listed");
        }

        // An undo is a run like any other: it can be undone, once.
        let again = undo(request(&undoing, &[], &selection), &desired, &observed(live.clone()));
        let redone = random_run("redo", apply(&again, &mut live));
        prop_assert_eq!(&live, &before_undo);
        let twice = undo(request(&first, &[later[0].clone(), undoing, redone], &selection), &desired, &observed(live));
        prop_assert_eq!(twice.changes.len(), 0);
    }

    #[test]
    fn make_before_break_holds_for_an_undo(
        sets in proptest::collection::vec((0u8..8, 0u8..8), 3),
    ) {
        let keys = [key(1, 1), key(1, 2), key(1, 3)];
        let mut live: State = keys.iter().copied().zip(sets.iter().map(|(bits, _)| set(*bits))).collect();
        let writes = keys.iter().zip(&sets).filter(|(_, (before, after))| before != after);
        let writes = writes.map(|(key, (_, bits))| play(&mut live, *key, set(*bits), End::Applied)).collect();
        let run = random_run("r", writes);
        let selection = Selection::default();
        let plan = undo(request(&run, &[], &selection), &desired(Prune::Declared, State::default()), &observed(live.clone()));
        let count = |live: &State, name: &str| {
            let holds = |tasks: &TaskSet| tasks.names().any(|task| task == name);
            live.iter().filter(|(_, tasks)| holds(tasks)).count()
        };
        let mut end = live.clone();
        apply(&plan, &mut end);
        let mut now = live.clone();
        for write in plan.by_waba().flat_map(crate::model::writes) {
            now.set(write.change.key, write.after);
            for task in ["DEVELOP", "MANAGE", "X"] {
                prop_assert!(count(&now, task) >= count(&live, task).min(count(&end, task)));
            }
        }
    }
}

#[test]
fn a_selection_of_wabas_limits_what_is_taken_back() {
    let run = run("r", vec![write("1 1 >MANAGE", APPLIED), write("2 1 >MANAGE", APPLIED)]);
    let (wabas, selection) = (BTreeSet::from([key(2, 1).waba]), Selection::default());
    let request = UndoRequest { wabas: Some(&wabas), ..request(&run, &[], &selection) };
    let live = observed(state(&["1 1 MANAGE", "2 1 MANAGE"]));
    assert_eq!(
        lines(&undo(request, &desired(Prune::Declared, State::default()), &live)),
        ["2 1 [MANAGE] -> []"]
    );
}
