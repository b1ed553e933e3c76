//! Writes checkpoints of a journal, and removes what is far behind one, and what else is of no use any more.
//!
//! A position that a stalled writer could still write must not be removed: its put would succeed. A run that was silent for longer than
//! [`Timing::stale`](crate::chain::Timing), a day, has lost its lease by its own clock, and no answer counts that took longer. So
//! nobody appends at a position that is older than two days, and nothing younger than 30 days is removed.
//!
//! Call counts, saved plans and what the self-test left have names that nobody waits for: a late put of one leaves an object of no
//! use, and the next time it is removed.

use super::checkpoint::Summary;
use super::error::JournalError;
use super::plans::{LAST_RUNS, PlanName, digits, named_plan};
use super::read::Keep;
use super::remote::{Remote, SELF_TESTS, positions};
use super::segments::{base_name, checkpoint_name};
use crate::chain::What;
use crate::model::{BusinessId, HistoryFilter};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How many positions may follow a checkpoint before the next one is due. A guess: reading so many takes a few seconds.
pub(super) const EVERY: u64 = 1_000;

/// How many positions are kept in any case. A guess: those of many applies.
const KEPT_POSITIONS: u64 = 1_000;

/// How many objects are removed at a time. A guess.
const REMOVALS: usize = 16;

/// How old call counts and what the self-test left must be to be removed, in hours. Budgets look at the last hour and a test takes
/// seconds; the rest is for clocks that are wrong.
const USELESS_AFTER: i64 = 48;

/// What can be removed of a business.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prunable {
    /// The number of objects of the journal.
    pub objects: u64,
    /// The time from which on the record is complete afterwards; `None` if it stays as it is.
    pub begins: Option<Timestamp>,
    /// The number of objects with call counts.
    pub calls: usize,
    /// The number of saved plans.
    pub plans: usize,
}

/// The shortest time for which a journal is kept: 15 times as long as a stalled writer could have a position.
pub const LEAST_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Remote {
    /// Writes a checkpoint up to a position at which no run holds the lease.
    pub(super) async fn write_checkpoint(
        &self,
        business: BusinessId,
        up_to: u64,
    ) -> Result<(), JournalError> {
        let checkpoints = self.checkpoints(business).await?;
        let before = checkpoints.newest(up_to - 1);
        let mut summary = Summary::default();
        let mut add = |lines: &[u8], at: u64| {
            summary.add(lines).map_err(|why| {
                let object = super::remote::position_name(business, at);
                JournalError::Chain { location: self.location(), object, why: why.to_string() }
            })
        };
        if before > 0 {
            add(&self.checkpoint(business, before).await?, before)?;
        }
        let mut next = before + 1;
        while next <= up_to {
            for lines in self.lines(business, next, up_to).await? {
                add(&lines, next)?;
                next += 1;
            }
        }
        let body = summary.finish(up_to)?;
        // If there is one already, somebody else has made the same.
        self.objects.create(&checkpoint_name(business, up_to), &body.into()).await.map(drop)
    }

    /// Returns what can be removed of a business if everything younger than `keep` stays, and removes it if `remove` is set. Call
    /// counts are kept for two days.
    pub(super) async fn prune(
        &self,
        business: BusinessId,
        keep: SignedDuration,
        now: Timestamp,
        remove: bool,
    ) -> Result<Prunable, JournalError> {
        let before = now.saturating_sub(keep.max(LEAST_KEPT)).unwrap_or(Timestamp::MIN);
        let base = self.checkpoints(business).await?.base;
        let (up_to, begins) = match self.removable(business, base, before).await? {
            Some((at, begins)) => (at, Some(begins)),
            None => (base, None),
        };
        let journal = self.objects.list(&format!("{business}/journal"), None).await?;
        let position = |name: &String| name.strip_suffix(".jsonl")?.parse::<u64>().ok();
        let old: Vec<u64> = journal.iter().filter_map(position).filter(|at| *at <= up_to).collect();
        if remove && up_to > 0 {
            if begins.is_some() {
                self.write_checkpoint(business, up_to).await?;
                self.checkpoint(business, up_to).await?;
                // From now on, no reader looks for what is before.
                self.objects.create(&base_name(business, up_to), &b"{}\n".as_slice().into()).await?;
            }
            let names = old.iter().map(|at| super::remote::position_name(business, *at));
            let checkpoints = self.objects.list(&format!("{business}/checkpoints"), None).await?;
            let is_older = |name: &&String| {
                name.split_once('.').and_then(|(at, _)| at.parse::<u64>().ok()).is_some_and(|at| at < up_to)
            };
            let older =
                checkpoints.iter().filter(is_older).map(|name| format!("{business}/checkpoints/{name}"));
            self.remove(names.chain(older).collect()).await?;
        }
        let calls = self.old_calls(business, now).await?;
        let (plans, names) = self.old_plans(business, before).await?;
        let prunable = Prunable { objects: old.len() as u64, begins, calls: calls.len(), plans: plans.len() };
        if remove {
            // Names first: what has no name is removed the next time if this is interrupted.
            for objects in [calls, names, plans] {
                self.remove(objects).await?;
            }
        }
        Ok(prunable)
    }

    /// Returns the objects with call counts that no budget looks at, by the clock of the store and by that of the run.
    async fn old_calls(&self, business: BusinessId, now: Timestamp) -> Result<Vec<String>, JournalError> {
        let before = hours_before(now, USELESS_AFTER);
        let folder = format!("{business}/calls");
        let is_old = |(name, put): &(String, Timestamp)| {
            let hour = name.split_once('/').and_then(|(hour, _)| hour.parse::<i64>().ok());
            *put < before && hour.is_some_and(|hour| hour < before.as_second().div_euclid(3600))
        };
        let found = self.objects.list_below(&folder).await?;
        Ok(found.into_iter().filter(is_old).map(|(name, _)| format!("{folder}/{name}")).collect())
    }

    /// Returns the plans that were saved before a time, and the names that were given before it; without those of the last runs, and
    /// without those of a name under which a younger plan waits.
    async fn old_plans(
        &self,
        business: BusinessId,
        before: Timestamp,
    ) -> Result<(Vec<String>, Vec<String>), JournalError> {
        let saved = self.objects.list_dated(&format!("{business}/plans")).await?;
        let named = self.named_plans(business).await?;
        let history = self.history(business, Keep::Last(LAST_RUNS), &HistoryFilter::default()).await?.0;
        if history.unusable.is_some() {
            // Nobody knows what was applied last.
            return Ok((Vec::new(), Vec::new()));
        }
        let young: BTreeSet<&PlanName> =
            named.iter().filter(|(_, put)| *put >= before).map(|((name, _), _)| name).collect();
        let (kept, old): (Vec<_>, Vec<_>) =
            named.iter().map(|(named, _)| named).partition(|(name, _)| young.contains(name));
        let mut needed: BTreeSet<&str> = kept.iter().map(|(_, digits)| digits.as_str()).collect();
        needed.extend(history.runs.iter().filter_map(|run| digits(run.plan_digest.as_str())));
        let is_old = |(name, put): &&(String, Timestamp)| {
            *put < before && name.strip_suffix(".json").is_some_and(|digits| !needed.contains(digits))
        };
        let plans = saved.iter().filter(is_old).map(|(name, _)| format!("{business}/plans/{name}")).collect();
        Ok((plans, old.iter().map(|(name, digits)| named_plan(business, name, digits)).collect()))
    }

    /// Returns how many objects of earlier self-tests can be removed, and removes them if `remove` is set.
    pub(super) async fn prune_self_tests(&self, now: Timestamp, remove: bool) -> Result<usize, JournalError> {
        let before = hours_before(now, USELESS_AFTER);
        let found = self.objects.list_dated(SELF_TESTS).await?;
        let old: Vec<String> = found
            .into_iter()
            .filter(|(_, put)| *put < before)
            .map(|(name, _)| format!("{SELF_TESTS}/{name}"))
            .collect();
        let number = old.len();
        if remove {
            self.remove(old).await?;
        }
        Ok(number)
    }

    /// Returns the last position that can be removed, and its time.
    async fn removable(
        &self,
        business: BusinessId,
        base: u64,
        before: Timestamp,
    ) -> Result<Option<(u64, Timestamp)>, JournalError> {
        let dated = self.objects.list_dated(&format!("{business}/journal")).await?;
        let position = |name: &str| name.strip_suffix(".jsonl")?.parse::<u64>().ok();
        let mut dated: Vec<(u64, Timestamp)> = dated
            .iter()
            .filter_map(|(name, at)| Some((position(name)?, *at)))
            .filter(|(at, _)| *at > base)
            .collect();
        dated.sort_unstable();
        let tail = dated.last().map_or(base, |(at, _)| *at);
        // By the clock of the store: an old time in an object may come from a wrong clock.
        let old =
            (base + 1..).zip(&dated).take_while(|(expected, (at, put))| expected == at && *put < before);
        let mut at = old.count() as u64 + base;
        at = at.min(tail.saturating_sub(KEPT_POSITIONS));
        while at > base {
            let (header, _) = self.part(business, at).await?;
            let made = header.at.parse::<Timestamp>().ok().filter(|made| *made < before);
            // What is kept begins with a run.
            if let Some(made) = made
                && header.what.is_free()
            {
                return Ok(Some((at, made)));
            }
            // A run whose lease was taken over has no end.
            let follows = self.part(business, at + 1).await?.0.what;
            if let Some(made) = made
                && follows == What::Takeover
            {
                return Ok(Some((at, made)));
            }
            at -= 1;
        }
        Ok(None)
    }

    async fn remove(&self, names: Vec<String>) -> Result<(), JournalError> {
        let removed = stream::iter(names).map(|name| async move { self.objects.delete(&name).await });
        let removed: Vec<Result<(), JournalError>> = removed.buffer_unordered(REMOVALS).collect().await;
        removed.into_iter().collect()
    }

    /// Returns the last position of a journal; 0 if there is none.
    pub(super) async fn tail(&self, business: BusinessId) -> Result<u64, JournalError> {
        let hint = self.hint(business).await?;
        Ok(positions(&self.objects, business, hint).await?.last().copied().unwrap_or(hint))
    }
}

fn hours_before(now: Timestamp, hours: i64) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN)
}
