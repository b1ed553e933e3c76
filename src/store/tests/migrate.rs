//! A state moves from one place to another, and at every moment at most one of them accepts an apply.

use super::{business, origin, plan, proposal, report};
use crate::chain::Body;
use crate::clock::Clock;
use crate::model::{EarlierWaba, History, Name, Outcome, Report};
use crate::store::state::{StateLock, journal_path};
use crate::store::{
    Attempt, CallLog, Carried, Inventory, InventoryUser, Journal, JournalError, Keep, MemoryFaults,
    MemoryObjects, Migrated, Objects, PlanName, StateStore,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A store in memory.
pub(super) fn memory(clock: &Clock) -> (Arc<MemoryObjects>, StateStore) {
    let objects = Arc::new(MemoryObjects::new(clock.clone(), MemoryFaults::default()));
    // Each store has a URL of its own.
    let url = format!("memory:///{:p}", Arc::as_ptr(&objects));
    (Arc::clone(&objects), StateStore::objects(Objects::memory(objects).at(&url), None))
}

pub(super) fn simulated<T>(work: impl AsyncFnOnce(Clock) -> T) -> T {
    let clock = Clock::simulated("2026-11-23T10:00:00Z".parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(clock.run(work(clock.clone())))
}

fn inventory(set: &str) -> Inventory {
    let user = InventoryUser { name: Name::from("bot"), file: "access/a.yaml".into(), line: 3 };
    let waba = EarlierWaba { name: Name::from("acme"), labels: BTreeMap::new() };
    Inventory {
        users: [("7".parse().unwrap(), user)].into(),
        wabas: [("500".parse().unwrap(), waba)].into(),
        ..Inventory::new(Name::from(set))
    }
}

/// Applies in a place: a run with two writes, one of which stays in flight.
async fn apply_in(state: &StateStore, clock: &Clock) {
    let lock = locked(state, clock).await.expect("it is free");
    let in_flight = state.history(business(), Keep::InFlight).await.unwrap();
    let journal = Journal::open(lock, &in_flight, &proposal(), &[], &origin(), clock).await.unwrap();
    let plan = plan(2);
    let ids = journal.intents(&plan, &plan.changes).await.unwrap();
    journal.outcome(ids[0], &Outcome::Applied, &[]).await.unwrap();
    state.save_inventory(business(), &inventory("default"), clock.now()).await.unwrap();
    let report = Report { stopped: None, ..report(&plan, &Outcome::Applied) };
    journal.end(&report).await.unwrap();
}

pub(super) async fn locked(state: &StateStore, clock: &Clock) -> Result<StateLock, JournalError> {
    match state.try_lock(business(), clock).await? {
        Attempt::Taken(lock) => Ok(lock),
        Attempt::Held(holder) => panic!("held by {holder}"),
    }
}

async fn migrate(from: &StateStore, to: &StateStore, clock: &Clock) -> Result<Migrated, JournalError> {
    from.migrate(to, business(), clock, &|_| ()).await
}

/// Returns the journal without the note that it has moved.
async fn runs(state: &StateStore) -> History {
    History { moved_to: None, ..state.history(business(), Keep::All).await.unwrap() }
}

/// Checks that the state is in the new place, that the old one refuses, and that the next run goes on.
async fn check_moved(from: &StateStore, to: &StateStore, before: &History, clock: &Clock) {
    let old = locked(from, clock).await.unwrap_err();
    assert!(matches!(&old, JournalError::Moved { to: url, .. } if *url == to.url().unwrap()), "{old}");
    let shown = from.history(business(), Keep::All).await.unwrap();
    assert_eq!(shown.moved_to.as_ref().map(ToString::to_string), Some(to.url().unwrap()));
    assert_eq!(runs(from).await, *before, "the old record is still shown");
    assert_eq!(runs(to).await, *before);
    let in_flight = to.history(business(), Keep::InFlight).await.unwrap().in_flight().count();
    assert_eq!(in_flight, before.in_flight().count());
    assert_eq!(to.inventories(business()).await.unwrap(), [inventory("default")]);
    apply_in(to, clock).await;
    assert_eq!(runs(to).await.runs.len(), before.runs.len() + 1);
}

/// Writes a journal of an earlier version, with a torn line, into a folder.
fn write_old_journal(folder: &Path) {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/journal-1.jsonl");
    std::fs::copy(old, journal_path(folder, business())).unwrap();
}

#[test]
fn a_state_moves_from_a_folder_into_a_store_and_back_into_a_folder() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    simulated(async |clock| {
        let folder = StateStore::folder(one.path());
        drop(locked(&folder, &clock).await.unwrap());
        write_old_journal(one.path());
        apply_in(&folder, &clock).await;
        let before = runs(&folder).await;
        assert!(before.runs.len() > 1 && before.broken_lines > 0, "the old lines, with one that was cut off");
        let (_, store) = memory(&clock);
        let moved = migrate(&folder, &store, &clock).await.unwrap();
        assert!(moved.lines > 10 && moved.inventories == 1 && !moved.was_moved, "{moved:?}");
        check_moved(&folder, &store, &before, &clock).await;

        let (before, back) = (runs(&store).await, StateStore::folder(two.path()));
        migrate(&store, &back, &clock).await.unwrap();
        check_moved(&store, &back, &before, &clock).await;
        assert!(migrate(&store, &back, &clock).await.unwrap().was_moved, "again");
    });
}

/// Plays a migration in which one of the places goes away after a number of requests. Returns whether it did.
async fn interrupted(of_old_place: bool, requests: u64, clock: &Clock) -> bool {
    let ((one, from), (other, to)) = (memory(clock), memory(clock));
    apply_in(&from, clock).await;
    let (digest, name) = (proposal().plan_digest(), "one".parse().unwrap());
    from.save_plan(business(), &digest, b"plan".to_vec(), Some(&name)).await.unwrap();
    let before = runs(&from).await;
    let failing = if of_old_place { &one } else { &other };
    failing.set_down_after(requests);
    let first = migrate(&from, &to, clock).await;
    let went_away = !failing.stays_up();
    failing.set_down(false);
    if !went_away {
        assert_eq!(first.unwrap().carried.plans, 1);
        check_moved(&from, &to, &before, clock).await;
        return false;
    }
    // The process was killed: nobody releases its leases. They end after two minutes.
    let old = from.lock(business(), clock).await;
    // Without an object in the new place, nobody has begun to use it.
    let is_begun = to.lease(business()).await.unwrap().unwrap().last.is_some();
    let accepts_new = is_begun && to.lock(business(), clock).await.is_ok();
    assert!(old.is_err() || !accepts_new, "both accept an apply after {requests} requests");
    drop(old);
    from.release_dropped().await;
    to.release_dropped().await;
    let again = migrate(&from, &to, clock).await.unwrap();
    assert_eq!(again.was_moved, accepts_new);
    assert!(to.plan(business(), &digest).await.unwrap().is_some());
    assert_eq!(to.plans_named(business(), &name).await.unwrap(), [digest]);
    check_moved(&from, &to, &before, clock).await;
    true
}

#[test]
fn what_is_interrupted_anywhere_goes_on_and_never_do_both_places_accept_an_apply() {
    for of_old_place in [true, false] {
        let plays =
            |requests: &u64| simulated(async |clock| interrupted(of_old_place, *requests, &clock).await);
        let times = (0..1_000).take_while(plays).count();
        assert!((10..1_000).contains(&times), "{times}");
    }
}

/// Returns the digest of a made-up plan.
fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// Returns how many calls a machine that begins now sees of others.
async fn calls_seen(state: &StateStore, clock: &Clock) -> u32 {
    let calls = state.shared_calls(business(), clock).unwrap();
    calls.refresh().await;
    calls.of_others("500".parse().unwrap(), 0).into_values().sum()
}

/// Returns how many calls are in the log of a folder.
fn calls_logged(folder: &Path, clock: &Clock) -> usize {
    let log = CallLog::open(folder.join(business().to_string()));
    log.unwrap().read_new(clock.now().as_second() / 60).unwrap().len()
}

#[test]
fn saved_plans_and_the_calls_of_the_last_hour_move_along() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = ("old".parse::<PlanName>().unwrap(), "new".parse::<PlanName>().unwrap());
    simulated(async |clock| {
        let ((_, from), (_, to)) = (memory(&clock), memory(&clock));
        from.save_plan(business(), &digest('1'), b"old".to_vec(), Some(&old)).await.unwrap();
        from.save_plan(business(), &digest('2'), b"of nobody".to_vec(), None).await.unwrap();
        clock.sleep(Duration::from_secs(31 * 24 * 3600)).await;
        apply_in(&from, &clock).await;
        let applied = proposal().plan_digest();
        from.save_plan(business(), &applied, b"applied".to_vec(), None).await.unwrap();
        from.save_plan(business(), &digest('3'), b"new".to_vec(), Some(&new)).await.unwrap();
        let calls = from.shared_calls(business(), &clock).unwrap();
        calls.note(clock.now().as_second() / 60, ["500".parse().unwrap(); 3]);
        calls.finish().await;

        let moved = migrate(&from, &to, &clock).await.unwrap();
        assert_eq!(moved.carried, Carried { plans: 2, plans_left: 1, calls: 3 });
        for (digest, plan) in [(applied, Some("applied")), (digest('3'), Some("new")), (digest('1'), None)] {
            let found = to.plan(business(), &digest).await.unwrap();
            assert_eq!(found.as_deref(), plan.map(str::as_bytes));
        }
        assert_eq!(to.plans_named(business(), &new).await.unwrap(), [digest('3')]);
        assert_eq!(to.plans_named(business(), &old).await.unwrap(), [""; 0]);
        assert_eq!(calls_seen(&to, &clock).await, 3);

        let folder = StateStore::folder(one.path());
        let moved = migrate(&to, &folder, &clock).await.unwrap();
        assert_eq!(moved.carried, Carried { plans: 0, plans_left: 2, calls: 3 }, "a folder keeps no plans");
        assert_eq!(calls_logged(one.path(), &clock), 3);
        let other = StateStore::folder(two.path());
        assert_eq!(migrate(&folder, &other, &clock).await.unwrap().carried.calls, 3);
        assert_eq!(calls_logged(two.path(), &clock), 3);

        // The machine that counts in this folder has these calls in its log; others read the object.
        let (objects, last) = memory(&clock);
        assert_eq!(migrate(&other, &last, &clock).await.unwrap().carried.calls, 3);
        assert_eq!(calls_seen(&last, &clock).await, 3);
        let here = StateStore::objects(Objects::memory(objects), Some(two.path().to_owned()));
        assert_eq!(calls_seen(&here, &clock).await, 0);
        clock.sleep(Duration::from_secs(2 * 3600)).await;
        assert_eq!(calls_seen(&last, &clock).await, 0, "they no longer count");
    });
}

#[test]
fn a_place_with_a_journal_is_refused_and_so_are_two_migrations_in_opposite_directions() {
    let folder = tempfile::tempdir().unwrap();
    simulated(async |clock| {
        let ((_, one), (_, other)) = (memory(&clock), memory(&clock));
        let third = StateStore::folder(folder.path());
        for state in [&one, &other, &third] {
            apply_in(state, &clock).await;
        }
        for to in [&other, &third] {
            let error = migrate(&one, to, &clock).await.unwrap_err();
            assert!(matches!(error, JournalError::NotEmpty { .. }), "{error}");
        }
        one.release_dropped().await;
        let error = migrate(&third, &one, &clock).await.unwrap_err();
        assert!(matches!(error, JournalError::NotEmpty { .. }), "{error}");
        drop(locked(&one, &clock).await.expect("the old place is as it was"));
    });
}

#[test]
fn two_migrations_at_a_time_move_it_once() {
    simulated(async |clock| {
        let ((_, from), (_, to)) = (memory(&clock), memory(&clock));
        apply_in(&from, &clock).await;
        let before = runs(&from).await;
        let (one, other) = tokio::join!(migrate(&from, &to, &clock), migrate(&from, &to, &clock));
        let was_moved = [one.unwrap().was_moved, other.unwrap().was_moved];
        assert!(was_moved == [false, true] || was_moved == [true, false], "{was_moved:?}");
        check_moved(&from, &to, &before, &clock).await;
        let (_, third) = memory(&clock);
        let error = migrate(&from, &third, &clock).await.unwrap_err();
        assert!(matches!(error, JournalError::Moved { .. }), "to somewhere else: {error}");
    });
}

#[test]
fn a_state_that_moved_as_a_whole_begins_no_other_business() {
    let folder = tempfile::tempdir().unwrap();
    simulated(async |clock| {
        let ((_, store), (_, to)) = (memory(&clock), memory(&clock));
        let folder = StateStore::folder(folder.path());
        for from in [&folder, &store] {
            from.mark_moved(&to).await.unwrap();
            let refused = locked(from, &clock).await.unwrap_err();
            assert!(matches!(refused, JournalError::Moved { .. }), "{refused}");
            assert!(matches!(from.check_in_place().await, Err(JournalError::Moved { .. })));
        }
    });
}

#[test]
fn lines_that_changed_under_the_copy_are_noticed() {
    simulated(async |clock| {
        let ((_, from), (objects, to)) = (memory(&clock), memory(&clock));
        apply_in(&from, &clock).await;
        // The store was tested before.
        let marker = format!(r#"{{"format":"wabacl-state","v":1,"store":"{}"}}"#, to.url().unwrap());
        objects.put("wabacl.json", &marker.as_bytes().into()).await.unwrap();
        let copied = || {
            let is_copied = |(name, body): &(String, Body)| {
                name.contains("/journal/") && String::from_utf8_lossy(body).contains("sha256:02")
            };
            objects.contents().into_iter().find(is_copied)
        };
        // Each attempt leaves objects that the next one reads too.
        for requests in (1..).step_by(4) {
            if copied().is_some() {
                break;
            }
            objects.set_down_after(requests);
            migrate(&from, &to, &clock).await.unwrap_err();
            objects.set_down(false);
        }
        let (name, body) = copied().unwrap();
        let other = String::from_utf8_lossy(&body).replace("sha256:02", "sha256:03");
        objects.put(&name, &other.as_bytes().into()).await.unwrap();
        let error = migrate(&from, &to, &clock).await.unwrap_err();
        assert!(matches!(error, JournalError::Differs { .. }), "{error}");
    });
}
