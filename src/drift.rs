//! Tells how live access came to differ: by the journal and by what was last known, never by guessing.
//!
//! It compares nothing itself, the plan did; and it must not know how what it finds is shown.

use crate::model::{
    AssignmentKey, Change, Desired, EndingGrant, Explanation, History, LastWrite, LiveAccess, Moved, Plan,
    RecordedRun, RecordedWrite, Settlement, TaskSet, UserId, WabaId,
};
use std::collections::{BTreeMap, BTreeSet};

/// What was once so, for telling what moved since.
#[derive(Debug, Clone, Copy)]
pub enum Baseline<'a> {
    /// Nothing but what the journal tells.
    Journal,
    /// A plan, with who held what when it was made and the digest of its manifests.
    Plan(&'a Plan, &'a LiveAccess, &'a str),
    /// The digest of a plan that was applied, or of its manifests.
    Digest(&'a str),
}

/// What an assignment was before something and should be after it.
struct Once<'a> {
    before: Option<&'a TaskSet>,
    after: TaskSet,
}

/// Tells what is known of every change of a plan.
pub fn tell(
    plan: &Plan,
    manifest_digest: &str,
    since: Baseline<'_>,
    history: &History,
) -> BTreeMap<AssignmentKey, Explanation> {
    let last = last_writes(plan, history);
    let known = known(plan, since, history);
    let same_manifests = same_manifests(manifest_digest, since, history);
    let tell = |change: &Change| {
        let last = last.get(&change.key);
        let written = last.and_then(|(write, _)| stored(write)).map(|after| Once { before: None, after });
        let moved = match known.get(&change.key).or(written.as_ref()) {
            Some(once) => moved(plan, change, once, same_manifests),
            None if same_manifests => Moved::Live,
            None => Moved::Unknown,
        };
        (change.key, Explanation { moved, last_write: last.map(|(_, entry)| entry.clone()) })
    };
    plan.changes.iter().map(tell).collect()
}

/// Returns whether a digest says anything: whether the manifests still have it, or the journal knows a run with it.
pub fn is_known(digest: &str, manifest_digest: &str, history: &History) -> bool {
    digest == manifest_digest || runs_of(digest, history).next().is_some()
}

/// Returns the grants that hold on the plan's day and will end, by their last day.
pub fn ending(desired: &Desired) -> Vec<EndingGrant> {
    let mut reach: BTreeMap<u32, (BTreeSet<UserId>, BTreeSet<WabaId>)> = BTreeMap::new();
    let in_scope = desired.claims.iter().filter(|claim| desired.scope.wabas.contains_key(&claim.key.waba));
    for claim in in_scope {
        let (users, wabas) = reach.entry(claim.grant).or_default();
        users.insert(claim.key.user);
        wabas.insert(claim.key.waba);
    }
    let mut found: Vec<EndingGrant> = Vec::new();
    for (grant, index) in desired.grants.iter().zip(0..) {
        let (users, wabas) = reach.get(&index).map_or((0, 0), |(users, wabas)| (users.len(), wabas.len()));
        // A plan of some WABAs says nothing of grants on others.
        if grant.source.until.is_some() && !grant.expired && !(desired.partial && wabas == 0) {
            found.push(EndingGrant {
                source: grant.source.clone(),
                tasks: grant.tasks.clone(),
                users,
                wabas,
            });
        }
    }
    found.sort_by_key(|grant| grant.source.until);
    found
}

/// Returns the last entry of the journal for each assignment that changes.
fn last_writes<'h>(
    plan: &Plan,
    history: &'h History,
) -> BTreeMap<AssignmentKey, (&'h RecordedWrite, LastWrite)> {
    let wanted: BTreeSet<AssignmentKey> = plan.changes.iter().map(|change| change.key).collect();
    let writes = history.runs.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
    let wanted = writes.filter(|(_, write)| wanted.contains(&write.key));
    wanted.map(|(run, write)| (write.key, (write, LastWrite::of(run, write)))).collect()
}

/// Returns the runs with this digest, of their plan or of their manifests, the last one first.
fn runs_of<'h>(digest: &'h str, history: &'h History) -> impl Iterator<Item = &'h RecordedRun> {
    let has = move |run: &&RecordedRun| {
        run.plan_digest.as_str() == digest || run.manifest_digest.as_str() == digest
    };
    history.runs.iter().rev().filter(has)
}

/// Returns whether the manifests mean what they meant then.
fn same_manifests(now: &str, since: Baseline<'_>, history: &History) -> bool {
    match since {
        Baseline::Journal => false,
        Baseline::Plan(_, _, then) => then == now,
        Baseline::Digest(digest) => {
            digest == now
                || runs_of(digest, history).next().is_some_and(|run| run.manifest_digest.as_str() == now)
        }
    }
}

/// Returns what was so once by the reference that was given, of the assignments for which it tells.
fn known<'a>(plan: &Plan, since: Baseline<'a>, history: &'a History) -> BTreeMap<AssignmentKey, Once<'a>> {
    match since {
        Baseline::Journal => BTreeMap::new(),
        Baseline::Plan(then, access, _) => {
            let left_alone = plan.changes.iter().map(|change| change.key).filter(|key| {
                access.wabas.contains_key(&key.waba) && !then.unreadable.contains_key(&key.waba)
            });
            // What a plan left alone on a WABA that it read was as it should be.
            let left_alone = left_alone.map(|key| {
                (key, Once { before: None, after: access.live.get(key).cloned().unwrap_or_default() })
            });
            let changed = then.changes.iter().map(|change| {
                (change.key, Once { before: Some(&change.before), after: change.after.clone() })
            });
            left_alone.chain(changed).collect()
        }
        Baseline::Digest(digest) => {
            let mut runs: Vec<&RecordedRun> = runs_of(digest, history).collect();
            runs.reverse();
            let writes = runs.into_iter().flat_map(|run| &run.writes);
            let once = writes.map(|write| {
                // Where it is not known to have taken effect, what is there now may be what was there before.
                let before = stored(write).is_none().then_some(&write.before);
                (write.key, Once { before, after: write.after.clone() })
            });
            once.collect()
        }
    }
}

/// Returns what a write stored, where it is known that it did as it was told.
fn stored(write: &RecordedWrite) -> Option<TaskSet> {
    let done = write.outcome.as_ref().is_some_and(|known| known.outcome.is_done());
    let settled = write.settled.as_ref().is_some_and(|settled| settled.how == Settlement::TookEffect);
    (done || settled).then(|| write.after.clone())
}

fn moved(plan: &Plan, change: &Change, once: &Once<'_>, same_manifests: bool) -> Moved {
    let same = |one: &TaskSet, other: &TaskSet| plan.implied.same(one, other);
    let as_desired = same_manifests || same(&change.after, &once.after);
    let as_live = same(&change.before, &once.after);
    match (as_desired, as_live) {
        (true, _) if once.before.is_some_and(|before| same(before, &change.before)) => Moved::Undone,
        (true, _) => Moved::Live,
        (false, true) => Moved::Manifests,
        (false, false) => Moved::Both,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Because, Name, Outcome, RecordedOutcome, RecordedReason, Runner, State, Task};
    use jiff::Timestamp;

    fn key() -> AssignmentKey {
        AssignmentKey { waba: "500".parse().unwrap(), user: "1".parse().unwrap() }
    }

    fn set(tasks: &[Task]) -> TaskSet {
        tasks.iter().copied().collect()
    }

    fn plan(before: &[Task], after: &[Task]) -> Plan {
        let change = Change {
            key: key(),
            before: set(before),
            after: set(after),
            implied: TaskSet::EMPTY,
            because: Because::default(),
            blocked: None,
            admin: false,
        };
        let empty = Plan::empty("98".parse().unwrap(), jiff::civil::date(2026, 11, 23));
        Plan { changes: vec![change], ..empty }
    }

    /// A journal of one run, `sha256:m` by its manifests, with one write.
    fn journal(before: &[Task], after: &[Task], outcome: Outcome) -> History {
        let at = Timestamp::UNIX_EPOCH;
        let write = RecordedWrite {
            number: 1,
            at,
            key: key(),
            waba_name: Name::default(),
            user_name: Name::default(),
            before: set(before),
            after: set(after),
            because: RecordedReason::default(),
            outcome: Some(RecordedOutcome { at, outcome, traces: Vec::new() }),
            settled: None,
        };
        let run = RecordedRun {
            id: "run".into(),
            at,
            business: "98".parse().unwrap(),
            acting_user: None,
            by: Runner { user: None, host: None, pid: 1 },
            version: "0".into(),
            plan_digest: "sha256:p".into(),
            manifest_digest: "sha256:m".into(),
            waivers: Vec::new(),
            writes: vec![write],
            end: None,
        };
        History { runs: vec![run], ..History::default() }
    }

    fn moved(now: &Plan, since: Baseline<'_>, history: &History) -> Moved {
        tell(now, "sha256:now", since, history)[&key()].moved
    }

    const A: &[Task] = &[Task::Develop];
    const B: &[Task] = &[Task::ViewCost];
    const NONE: &[Task] = &[];

    #[test]
    fn what_was_written_last_tells_which_side_moved() {
        let history = journal(NONE, A, Outcome::Applied);
        for (live, desired, expected) in
            [(NONE, A, Moved::Live), (B, A, Moved::Live), (A, B, Moved::Manifests), (NONE, B, Moved::Both)]
        {
            let now = plan(live, desired);
            assert_eq!(moved(&now, Baseline::Journal, &history), expected);
            assert_eq!(moved(&now, Baseline::Digest("sha256:p"), &history), expected);
            assert_eq!(moved(&now, Baseline::Digest("sha256:m"), &history), expected);
            assert_eq!(
                moved(&now, Baseline::Digest("sha256:now"), &history),
                Moved::Live,
                "the same manifests"
            );
            assert_eq!(moved(&now, Baseline::Journal, &History::default()), Moved::Unknown);
        }
    }

    #[test]
    fn a_write_that_failed_is_no_drift() {
        let history = journal(NONE, A, Outcome::Failed { error: String::from("refused") });
        assert_eq!(moved(&plan(NONE, A), Baseline::Digest("sha256:p"), &history), Moved::Undone);
        assert_eq!(moved(&plan(NONE, A), Baseline::Journal, &history), Moved::Unknown);
    }

    #[test]
    fn a_plan_tells_of_what_it_left_alone_and_nothing_of_what_it_could_not_read() {
        let mut then = Plan { changes: Vec::new(), ..plan(NONE, A) };
        let access = LiveAccess {
            wabas: [(key().waba, Name::default())].into(),
            live: State::from_iter([(key(), set(A))]),
            ..LiveAccess::default()
        };
        let history = History::default();
        let told =
            |then: &Plan, now: &Plan| moved(now, Baseline::Plan(then, &access, "sha256:then"), &history);
        assert_eq!(told(&then, &plan(B, A)), Moved::Live);
        assert_eq!(told(&then, &plan(A, B)), Moved::Manifests);
        then.unreadable.insert(key().waba, String::from("refused"));
        assert_eq!(told(&then, &plan(B, A)), Moved::Unknown);
        assert_eq!(told(&plan(NONE, A), &plan(NONE, A)), Moved::Undone, "it was never applied");
    }

    #[test]
    fn what_a_task_implies_moves_nothing() {
        let history = journal(NONE, &[Task::Manage], Outcome::Applied);
        let mut now = plan(&[Task::Manage, Task::ViewCost], &[Task::Manage, Task::Develop]);
        assert_eq!(moved(&now, Baseline::Journal, &history), Moved::Both);
        now.implied.insert(Task::Manage, set(B));
        assert_eq!(moved(&now, Baseline::Journal, &history), Moved::Manifests);
    }
}
