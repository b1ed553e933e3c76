//! A checkpoint keeps what readers need of the part that it replaces, and pruning removes nothing that a writer could still write.

use super::filter::{at, journal, runs as generated};
use super::migrate::{locked, memory, simulated};
use super::{Builder, business, origin, plan, proposal, read, report};
use crate::chain::Lost;
use crate::clock::Clock;
use crate::model::{AssignmentKey, History, Outcome, RecordedWrite};
use crate::store::checkpoint::Summary;
use crate::store::state::StateLock;
use crate::store::{Journal, JournalError, Keep, LEAST_KEPT, MemoryObjects, PlanName, Prunable, StateStore};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn history(text: &[u8]) -> History {
    read::read_lines(text, Builder::new(Keep::All)).expect("memory can be read").0
}

/// Returns the last write of each assignment, with and without those that had no effect.
fn last_writes(history: &History) -> [BTreeMap<AssignmentKey, (String, RecordedWrite)>; 2] {
    let all = history.runs.iter().flat_map(|run| run.writes.iter().map(|write| (run.id.to_string(), write)));
    let took_effect =
        |write: &RecordedWrite| write.outcome.as_ref().is_some_and(|known| known.outcome.is_done());
    let last = |only_effect: bool| {
        let writes = all.clone().filter(|(_, write)| !only_effect || took_effect(write));
        writes.map(|(run, write)| (write.key, (run, write.clone()))).collect()
    };
    [last(false), last(true)]
}

/// Returns the writes in flight, by run and number.
fn in_flight(history: &History) -> Vec<(String, u64)> {
    history.in_flight().map(|(run, write)| (run.id.to_string(), write.number)).collect()
}

/// Returns the lines of a checkpoint over some lines.
fn checkpoint(lines: &str) -> String {
    let mut summary = Summary::default();
    summary.add(lines.as_bytes()).unwrap();
    String::from_utf8(summary.finish(7).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn with_a_checkpoint_the_same_is_known(runs in generated(), cuts in (0_usize..6, 0_usize..6)) {
        // Steps of 12 hours instead of minutes.
        let hours = |minute: i8| Timestamp::from_second(i64::from(minute) * 12 * 3600).unwrap().to_string();
        let text = (1..9).fold(journal(&runs), |text, minute| text.replace(&at(minute), &hours(minute)));
        let begins = |run: usize| text.find(&format!("\"run-{run}\",\"v\":2,\"version\"")).map_or(text.len(), |found| {
            text[..found].rfind('\n').map_or(0, |feed| feed + 1)
        });
        let (one, two) = (begins(cuts.0.min(cuts.1)), begins(cuts.0.max(cuts.1)));
        // The second checkpoint is made from the first one and what follows.
        let checkpoint = checkpoint(&(checkpoint(&text[..one]) + &text[one..two]));
        let (all, short) = (history(text.as_bytes()), history((checkpoint + &text[two..]).as_bytes()));
        prop_assert_eq!(&short.broken, &[]);
        prop_assert!(short.begins.is_some());
        prop_assert_eq!(in_flight(&short), in_flight(&all));
        prop_assert_eq!(last_writes(&short), last_writes(&all));
        // What counts for a day is kept, whenever the checkpoint was made.
        let newest = (0..9).rev().map(hours).find(|at| text[..two].contains(at.as_str()));
        let newest = newest.map(|at| at.parse::<Timestamp>().unwrap());
        let since = newest.map(|newest| newest.saturating_sub(SignedDuration::from_hours(24)).unwrap());
        let recent = |history: &History| {
            let writes = history.runs.iter().flat_map(|run| run.writes.clone());
            writes.filter(|write| since.is_none_or(|since| write.at >= since)).collect::<Vec<_>>()
        };
        prop_assert_eq!(recent(&short), recent(&all));
    }
}

/// Applies once: two writes, of which the second one stays in flight if that is wanted.
async fn apply(state: &StateStore, leaves_one: bool, clock: &Clock) {
    let lock = locked(state, clock).await.expect("it is free");
    let in_flight = state.history(business(), Keep::InFlight).await.unwrap();
    let journal = Journal::open(lock, &in_flight, &proposal(), &[], &origin(), clock).await.unwrap();
    let plan = plan(2);
    let ids = journal.intents(&plan, &plan.changes).await.unwrap();
    for id in &ids[..if leaves_one { 1 } else { 2 }] {
        journal.outcome(*id, &Outcome::Applied, &[]).await.unwrap();
    }
    journal.end(&report(&plan, &Outcome::Applied)).await.unwrap();
}

/// Makes a journal of 420 days: a few applies, of which the first one leaves a write in flight, and after a long time a run that holds
/// the lease for so long that a thousand objects follow.
async fn of_420_days(state: &StateStore, clock: &Clock) {
    for number in 0..5 {
        apply(state, number == 0, clock).await;
        clock.sleep(4 * DAY).await;
    }
    clock.sleep(400 * DAY).await;
    let lock = locked(state, clock).await.expect("it is free");
    clock.sleep(Duration::from_secs(13 * 3600)).await;
    drop(lock);
    state.release_dropped().await;
    apply(state, false, clock).await;
}

async fn prune(state: &StateStore, days: i64, remove: bool, clock: &Clock) -> Result<Prunable, JournalError> {
    let pruned = state.prune(business(), SignedDuration::from_hours(days * 24), clock.now(), remove).await;
    pruned.map(|pruned| pruned.expect("it is shared"))
}

async fn names(objects: &MemoryObjects, folder: &str) -> Vec<String> {
    let listed = objects.list(&format!("{}/{folder}", business()), None).await.unwrap();
    listed.into_iter().map(|entry| entry.name).collect()
}

#[test]
fn what_is_old_is_removed_and_the_rest_works_on() {
    simulated(async |clock| {
        let (objects, state) = memory(&clock);
        of_420_days(&state, &clock).await;
        let before = state.history(business(), Keep::All).await.unwrap();
        let (objects_before, checkpoints) =
            (names(&objects, "journal").await, names(&objects, "checkpoints").await);
        assert_eq!((before.begins, checkpoints.len()), (None, 1), "one was due after a thousand objects");

        let planned = prune(&state, 400, false, &clock).await.unwrap();
        assert!(planned.objects > 10 && planned.begins.is_some(), "{planned:?}");
        assert_eq!(names(&objects, "journal").await, objects_before, "nothing was removed");
        assert_eq!(prune(&state, 400, true, &clock).await.unwrap(), planned);
        let left = names(&objects, "journal").await;
        assert_eq!((objects_before.len() - left.len()) as u64, planned.objects);
        assert_eq!(prune(&state, 400, true, &clock).await.unwrap(), Prunable::default());
        // At least a month and a thousand positions stay, whatever is asked for.
        prune(&state, 0, true, &clock).await.unwrap();
        assert!(names(&objects, "journal").await.len() >= 1_000);

        let after = state.history(business(), Keep::All).await.unwrap();
        assert!(after.begins.is_some() && after.broken.is_empty() && after.runs.len() < before.runs.len());
        assert_eq!((in_flight(&after), last_writes(&after)), (in_flight(&before), last_writes(&before)));
        assert_eq!(in_flight(&state.history(business(), Keep::InFlight).await.unwrap()), in_flight(&before));
        let last = state.history(business(), Keep::Last(2)).await.unwrap();
        assert_eq!(last.runs.len(), 3, "the last two, and the first one with a write in flight");
        // The hint is only one.
        objects.delete(&format!("{}/head.json", business())).await.unwrap();
        apply(&state, false, &clock).await;
        assert_eq!(state.history(business(), Keep::All).await.unwrap().runs.len(), after.runs.len() + 1);

        let folder = tempfile::tempdir().unwrap();
        let (now, to) =
            (state.history(business(), Keep::All).await.unwrap(), StateStore::folder(folder.path()));
        state.migrate(&to, business(), &clock, &|_| ()).await.unwrap();
        assert_eq!(to.history(business(), Keep::All).await.unwrap(), now, "also after it moved");
    });
}

#[test]
fn an_interrupted_removal_loses_nothing_and_goes_on() {
    let mut interrupted = 0;
    simulated(async |clock| {
        let (objects, state) = memory(&clock);
        of_420_days(&state, &clock).await;
        let before = state.history(business(), Keep::All).await.unwrap();
        for requests in (0..12).chain([14, 16, 18, 20, 22, 25, 30, 35, 10_000]) {
            objects.set_down_after(requests);
            interrupted += usize::from(prune(&state, 400, true, &clock).await.is_err());
            objects.set_down(false);
            objects.stays_up();
            let now = state.history(business(), Keep::All).await.unwrap();
            assert_eq!((in_flight(&now), last_writes(&now)), (in_flight(&before), last_writes(&before)));
        }
        assert_eq!(prune(&state, 400, true, &clock).await.unwrap().objects, 0);
    });
    assert!(interrupted > 10, "{interrupted}");
}

#[test]
fn plans_call_counts_and_self_tests_of_no_use_are_removed() {
    let digest = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
    let (old, both) = ("old".parse::<PlanName>().unwrap(), "both".parse::<PlanName>().unwrap());
    simulated(async |clock| {
        let (objects, state) = memory(&clock);
        let save = async |digit, name| {
            state.save_plan(business(), &digest(digit), b"plan".to_vec(), name).await.unwrap();
        };
        let count = async || {
            let calls = state.shared_calls(business(), &clock).unwrap();
            calls.note(clock.now().as_second() / 60, ["500".parse().unwrap()]);
            calls.finish().await;
        };
        state.test_store().await.unwrap();
        apply(&state, false, &clock).await;
        let applied = proposal().plan_digest();
        state.save_plan(business(), &applied, b"applied".to_vec(), None).await.unwrap();
        save('1', Some(&old)).await;
        save('2', Some(&both)).await;
        save('3', None).await;
        count().await;
        clock.sleep(31 * DAY).await;
        save('4', Some(&both)).await;
        save('5', None).await;
        count().await;
        state.test_store().await.unwrap();
        clock.sleep(DAY).await;

        let below = async |folder: &str| objects.list_below(folder).await.unwrap().len();
        let left = async || {
            let of = |folder| format!("{}/{folder}", business());
            (below(&of("calls")).await, below(&of("plans")).await, below("self-test").await)
        };
        let planned = prune(&state, 31, false, &clock).await.unwrap();
        assert_eq!((planned.objects, planned.calls, planned.plans), (0, 1, 2));
        assert_eq!(state.prune_self_tests(clock.now(), false).await.unwrap(), 6, "the first apply tests too");
        assert_eq!(left().await, (2, 6, 9));

        assert_eq!(prune(&state, 31, true, &clock).await.unwrap(), planned);
        assert_eq!(state.prune_self_tests(clock.now(), true).await.unwrap(), 6);
        assert_eq!(left().await, (1, 4, 3));
        for gone in ['1', '3'] {
            assert!(state.plan(business(), &digest(gone)).await.unwrap().is_none(), "{gone}");
        }
        assert_eq!(state.plans_named(business(), &old).await.unwrap(), [""; 0]);
        // Which of them was reviewed is still not known.
        assert_eq!(state.plans_named(business(), &both).await.unwrap(), [digest('2'), digest('4')]);
        assert!(state.plan(business(), &applied).await.unwrap().is_some(), "the plan that was applied last");
        assert_eq!(prune(&state, 31, true, &clock).await.unwrap(), Prunable::default());
    });
}

#[test]
fn a_run_that_slept_while_its_position_was_removed_appends_nothing() {
    simulated(async |clock| {
        let (objects, state) = memory(&clock);
        let StateLock::Lease(lease) = locked(&state, &clock).await.unwrap() else { panic!("a lease") };
        // Its process is stopped here.
        let stopped = lease.into_chain().await;
        drop(state.lock(business(), &clock).await.expect("it is taken over"));
        state.release_dropped().await;
        of_420_days(&state, &clock).await;
        prune(&state, 400, true, &clock).await.unwrap();
        let next = format!("{}/journal/{:020}.jsonl", business(), 2);
        assert_eq!(objects.get(&next).await.unwrap(), None, "the position at which it would go on");
        let turn = stopped.turn().await;
        let error = stopped.append(&turn, crate::chain::What::Beat, &[]).await.unwrap_err();
        assert!(matches!(error, JournalError::Lost { lost: Lost::Stale, .. }), "{error}");
        assert_eq!(objects.get(&next).await.unwrap(), None);
    });
}

#[test]
fn a_journal_is_kept_for_far_longer_than_a_run_may_be_silent() {
    let stale = crate::chain::Timing::default().stale;
    assert!(LEAST_KEPT.unsigned_abs() >= 10 * stale);
}
