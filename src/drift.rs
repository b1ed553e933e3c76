//! Explains how live access came to differ from the manifests: by the journal, and by a reference state.
//!
//! The differences themselves are those of a plan. This module never guesses: what it does not know is
//! [`Moved::Unknown`].

use crate::model::{
    AssignmentKey, Change, Claim, Desired, EndingGrant, Explanation, History, LastWrite, LiveAccess, Moved,
    Phase, Plan, RecordedRun, RecordedWrite, Settlement, TaskSet, TimeLimit, UserId, WabaId,
};
use std::collections::{BTreeMap, BTreeSet};

/// The state that live access is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Baseline<'a> {
    /// The last write of each assignment in the journal.
    Journal,
    /// A plan, with the live access when it was made and the digest of its manifests.
    Plan(&'a Plan, &'a LiveAccess, &'a str),
    /// The digest of a plan that was applied, or of its manifests.
    Digest(&'a str),
}

/// What is known about an assignment at the baseline.
struct KnownState<'a> {
    /// The set before the baseline's change: live access that is so again was never changed, or is undone.
    before: Option<&'a TaskSet>,
    /// The set after it.
    after: TaskSet,
}

/// Explains every change of a plan.
pub fn explain(
    plan: &Plan,
    manifest_digest: &str,
    baseline: Baseline<'_>,
    history: &History,
) -> BTreeMap<AssignmentKey, Explanation> {
    let last = last_writes(plan, history);
    let known = known_states(plan, baseline, history);
    let same_manifests = same_manifests(manifest_digest, baseline, history);
    let explain = |change: &Change| {
        let last = last.get(&change.key);
        let written = last.and_then(|(write, entry)| {
            let after = stored(write)?;
            // What an undo took back was known before it: live access that is as the undo left it is not as planned.
            Some(match entry.origin.undo_of() {
                Some(_) => KnownState { before: Some(&write.after), after: write.before.clone() },
                None => KnownState { before: None, after },
            })
        });
        let moved = match known.get(&change.key).or(written.as_ref()) {
            Some(known) => moved(plan, change, known, same_manifests),
            None if same_manifests => Moved::Live,
            None => Moved::Unknown,
        };
        (change.key, Explanation { moved, last_write: last.map(|(_, entry)| entry.clone()) })
    };
    plan.changes.iter().map(explain).collect()
}

/// Returns whether the manifests or a run in the journal have a digest.
pub fn is_known(digest: &str, manifest_digest: &str, history: &History) -> bool {
    digest == manifest_digest || runs_of(digest, history).next().is_some()
}

/// Returns the grants that have not ended and will, by their end.
pub fn ending(desired: &Desired) -> Vec<EndingGrant> {
    let mut reach: BTreeMap<u32, (BTreeSet<UserId>, BTreeSet<WabaId>)> = BTreeMap::new();
    let in_scope = |claim: &&Claim| {
        desired.scope.wabas.contains_key(&claim.key.waba) && desired.plans_user(claim.key.user)
    };
    let in_scope = desired.claims.iter().filter(in_scope);
    for claim in in_scope {
        let (users, wabas) = reach.entry(claim.grant).or_default();
        users.insert(claim.key.user);
        wabas.insert(claim.key.waba);
    }
    let mut found: Vec<EndingGrant> = Vec::new();
    for (grant, index) in desired.grants.iter().zip(0..) {
        let (users, wabas) = reach.get(&index).map_or((0, 0), |(users, wabas)| (users.len(), wabas.len()));
        // A narrowed plan does not list grants of other assignments.
        if grant.source.until.is_some()
            && grant.phase != Phase::Ended
            && !(desired.narrowing.is_some() && wabas == 0)
        {
            found.push(EndingGrant {
                source: grant.source.clone(),
                tasks: grant.tasks.clone(),
                users,
                wabas,
            });
        }
    }
    found.sort_by_key(|grant| grant.source.until.map(TimeLimit::end));
    found
}

/// Returns the last write of each assignment that the plan changes.
fn last_writes<'h>(
    plan: &Plan,
    history: &'h History,
) -> BTreeMap<AssignmentKey, (&'h RecordedWrite, LastWrite)> {
    let changed: BTreeSet<AssignmentKey> = plan.changes.iter().map(|change| change.key).collect();
    let writes = history.runs.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
    let writes = writes.filter(|(_, write)| changed.contains(&write.key));
    writes.map(|(run, write)| (write.key, (write, LastWrite::of(run, write)))).collect()
}

/// Returns the runs with a digest, of their plan or of their manifests, the last one first.
fn runs_of<'h>(digest: &'h str, history: &'h History) -> impl Iterator<Item = &'h RecordedRun> {
    let has_digest = move |run: &&RecordedRun| {
        run.plan_digest.as_str() == digest || run.manifest_digest.as_str() == digest
    };
    history.runs.iter().rev().filter(has_digest)
}

/// Returns whether the manifests mean the same as at the baseline.
fn same_manifests(now: &str, baseline: Baseline<'_>, history: &History) -> bool {
    match baseline {
        Baseline::Journal => false,
        Baseline::Plan(_, _, then) => then == now,
        Baseline::Digest(digest) => {
            digest == now
                || runs_of(digest, history).next().is_some_and(|run| run.manifest_digest.as_str() == now)
        }
    }
}

/// Returns what a plan or digest says about assignments. What the journal says is looked up for each change.
fn known_states<'a>(
    plan: &Plan,
    baseline: Baseline<'a>,
    history: &'a History,
) -> BTreeMap<AssignmentKey, KnownState<'a>> {
    match baseline {
        Baseline::Journal => BTreeMap::new(),
        Baseline::Plan(then, access, _) => states_of_plan(plan, then, access),
        Baseline::Digest(digest) => {
            let mut runs: Vec<&RecordedRun> = runs_of(digest, history).collect();
            runs.reverse();
            let writes = runs.into_iter().flat_map(|run| &run.writes);
            let states = writes.map(|write| {
                (write.key, KnownState { before: Some(&write.before), after: write.after.clone() })
            });
            states.collect()
        }
    }
}

/// Returns the state after an earlier plan: its changes, and what it left unchanged on the WABAs that it could read.
fn states_of_plan<'a>(
    plan: &Plan,
    then: &'a Plan,
    access: &LiveAccess,
) -> BTreeMap<AssignmentKey, KnownState<'a>> {
    let was_read = |key: &AssignmentKey| {
        access.wabas.contains_key(&key.waba) && !then.unreadable.contains_key(&key.waba)
    };
    let unchanged = plan.changes.iter().map(|change| change.key).filter(was_read).map(|key| {
        (key, KnownState { before: None, after: access.live.get(key).cloned().unwrap_or_default() })
    });
    let changed = then
        .changes
        .iter()
        .map(|change| (change.key, KnownState { before: Some(&change.before), after: change.after.clone() }));
    unchanged.chain(changed).collect()
}

/// Returns the set that a write stored, if it is known that the write took effect.
fn stored(write: &RecordedWrite) -> Option<TaskSet> {
    let done = write.outcome.as_ref().is_some_and(|known| known.outcome.is_done());
    let settled = write.settled.as_ref().is_some_and(|settled| settled.how == Settlement::TookEffect);
    (done || settled).then(|| write.after.clone())
}

fn moved(plan: &Plan, change: &Change, known: &KnownState<'_>, same_manifests: bool) -> Moved {
    let same = |one: &TaskSet, other: &TaskSet| plan.implied.same(one, other);
    let as_desired = same_manifests || same(&change.after, &known.after);
    let as_live = same(&change.before, &known.after);
    match (as_desired, as_live) {
        (true, _) if known.before.is_some_and(|before| same(before, &change.before)) => Moved::Undone,
        (true, _) => Moved::Live,
        (false, true) => Moved::Manifests,
        (false, false) => Moved::Both,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Outcome, State, Task};
    use jiff::Timestamp;

    fn key() -> AssignmentKey {
        AssignmentKey { waba: "500".parse().unwrap(), user: "1".parse().unwrap() }
    }

    fn set(tasks: &[Task]) -> TaskSet {
        tasks.iter().copied().collect()
    }

    fn plan(before: &[Task], after: &[Task]) -> Plan {
        let change = Change::new(key(), set(before), set(after));
        let empty =
            Plan::empty("98".parse().unwrap(), crate::model::start_of_day(jiff::civil::date(2026, 11, 23)));
        Plan { changes: vec![change], ..empty }
    }

    /// A journal of one run, `sha256:m` by its manifests, with one write.
    fn journal(before: &[Task], after: &[Task], outcome: Outcome) -> History {
        let sets = [set(before), set(after)];
        History::example(vec![RecordedWrite::example(Timestamp::UNIX_EPOCH, key(), sets, Some(outcome))])
    }

    fn moved(now: &Plan, baseline: Baseline<'_>, history: &History) -> Moved {
        explain(now, "sha256:now", baseline, history)[&key()].moved
    }

    const A: &[Task] = &[Task::Develop];
    const B: &[Task] = &[Task::ViewCost];
    const NONE: &[Task] = &[];

    #[test]
    fn the_last_write_shows_which_side_changed() {
        let history = journal(NONE, A, Outcome::Applied);
        for (live, desired, expected) in
            [(NONE, A, Moved::Live), (B, A, Moved::Live), (A, B, Moved::Manifests), (NONE, B, Moved::Both)]
        {
            let now = plan(live, desired);
            assert_eq!(moved(&now, Baseline::Journal, &history), expected);
            // As with a saved plan, live access that is as before the run is undone.
            let undone = live == NONE && desired == A;
            let by_digest = if undone { Moved::Undone } else { expected };
            assert_eq!(moved(&now, Baseline::Digest("sha256:p"), &history), by_digest);
            assert_eq!(moved(&now, Baseline::Digest("sha256:m"), &history), by_digest);
            assert_eq!(
                moved(&now, Baseline::Digest("sha256:now"), &history),
                Moved::Live,
                "the same manifests"
            );
            assert_eq!(moved(&now, Baseline::Journal, &History::default()), Moved::Unknown);
        }
    }

    #[test]
    fn what_was_taken_back_is_undone_and_no_work_in_progress() {
        let mut history = journal(A, NONE, Outcome::Applied);
        let moved =
            |history: &History, live, desired| moved(&plan(live, desired), Baseline::Journal, history);
        assert_eq!(moved(&history, NONE, A), Moved::Manifests, "by a run of the manifests");
        history.runs[0].origin.set_undo_of("r".into());
        assert_eq!(moved(&history, NONE, A), Moved::Undone);
        assert_eq!(moved(&history, B, A), Moved::Live);
        assert_eq!(moved(&history, NONE, B), Moved::Both);
    }

    #[test]
    fn a_failed_write_is_not_drift() {
        let history = journal(NONE, A, Outcome::Failed { error: String::from("refused") });
        assert_eq!(moved(&plan(NONE, A), Baseline::Digest("sha256:p"), &history), Moved::Undone);
        assert_eq!(moved(&plan(NONE, A), Baseline::Journal, &history), Moved::Unknown);
    }

    #[test]
    fn an_earlier_plan_explains_what_it_left_unchanged_but_not_unreadable_wabas() {
        let mut then = Plan { changes: Vec::new(), ..plan(NONE, A) };
        let access = LiveAccess {
            wabas: [(key().waba, Name::default())].into(),
            live: State::from_iter([(key(), set(A))]),
            ..LiveAccess::default()
        };
        let history = History::default();
        let since =
            |then: &Plan, now: &Plan| moved(now, Baseline::Plan(then, &access, "sha256:then"), &history);
        assert_eq!(since(&then, &plan(B, A)), Moved::Live);
        assert_eq!(since(&then, &plan(A, B)), Moved::Manifests);
        then.unreadable.insert(key().waba, String::from("refused"));
        assert_eq!(since(&then, &plan(B, A)), Moved::Unknown);
        assert_eq!(since(&plan(NONE, A), &plan(NONE, A)), Moved::Undone, "it was never applied");
    }

    #[test]
    fn implied_tasks_are_ignored() {
        let history = journal(NONE, &[Task::Manage], Outcome::Applied);
        let mut now = plan(&[Task::Manage, Task::ViewCost], &[Task::Manage, Task::Develop]);
        assert_eq!(moved(&now, Baseline::Journal, &history), Moved::Both);
        now.implied.insert(Task::Manage, set(B));
        assert_eq!(moved(&now, Baseline::Journal, &history), Moved::Manifests);
    }
}
