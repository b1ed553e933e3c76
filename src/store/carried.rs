//! What a migration takes along besides journal and inventories: saved plans, and the calls of the last hour.
//!
//! Copying can be repeated: it replaces nothing, and counts no call twice.

use super::calls::{CallLog, CallsByMinute};
use super::error::JournalError;
use super::identity;
use super::plans::{LAST_RUNS, digits, plan_name};
use super::read::Keep;
use super::remote::Remote;
use super::shared_calls::{object_text, parse, periods_at};
use super::state::{Backend, StateStore, folder};
use super::{PlanName, off_thread};
use crate::clock::Clock;
use crate::model::{BusinessId, RunEnd};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// For how long after it was saved a plan is copied. `apply` refuses one that is older than 7 days unless `--max-plan-age` allows
/// it; this is the time for which `state prune` keeps plans at least.
const PLANS_FOR: SignedDuration = super::LEAST_KEPT;

/// The minutes of calls that are copied: those that a budget looks at.
const MINUTES: i64 = 61;

/// What a migration took along besides journal and inventories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// The number of saved plans that are in the new place.
    pub plans: usize,
    /// The number of saved plans that stay behind: those older than 30 days, or all if the new place is a folder, which keeps none.
    pub plans_left: usize,
    /// The number of calls of the last hour that are counted in the new place.
    pub calls: u64,
}

impl StateStore {
    /// Copies the plans that may still be used, and the calls of the last hour, to another place.
    pub(super) async fn carry(
        &self,
        to: &Self,
        business: BusinessId,
        clock: &Clock,
    ) -> Result<Carried, JournalError> {
        let (plans, plans_left) = match (&self.backend, &to.backend) {
            (Backend::Folder(_), _) => (0, 0),
            (Backend::Remote(from), target) => {
                let wanted = self.wanted_plans(from, business, clock.now()).await?;
                match target {
                    Backend::Folder(_) => (0, wanted.number() + wanted.older),
                    Backend::Remote(target) => {
                        (copy_plans(from, target, business, &wanted).await?, wanted.older)
                    }
                }
            }
        };
        let calls = self.carry_calls(to, business, clock).await?;
        Ok(Carried { plans, plans_left, calls })
    }

    /// Returns the plans that may still be used.
    async fn wanted_plans(
        &self,
        from: &Remote,
        business: BusinessId,
        now: Timestamp,
    ) -> Result<Wanted, JournalError> {
        let mut wanted = Wanted::default();
        let history = self.history(business, Keep::Last(LAST_RUNS)).await?;
        for run in history.runs.iter().rev().filter(|run| run.end.as_ref().is_some_and(RunEnd::is_as_planned))
        {
            let Some(digits) = digits(run.plan_digest.as_str()) else { continue };
            if from.objects.get(&plan_name(business, digits)).await?.is_some() {
                wanted.applied = Some(digits.to_owned());
                break;
            }
        }
        let oldest = now.saturating_sub(PLANS_FOR).unwrap_or(Timestamp::MIN);
        let mut older = BTreeSet::new();
        for (name, put) in from.named_plans(business).await? {
            if put < oldest {
                older.insert(name.1);
            } else {
                wanted.named.insert(name);
            }
        }
        wanted.older = older.iter().filter(|digits| !wanted.has(digits)).count();
        Ok(wanted)
    }

    /// Copies the calls of the last hour. Returns how many there are.
    async fn carry_calls(&self, to: &Self, business: BusinessId, clock: &Clock) -> Result<u64, JournalError> {
        let minute = clock.now().as_second().div_euclid(60);
        let sum = |calls: &CallsByMinute| calls.values().map(|calls| u64::from(*calls)).sum::<u64>();
        match (&self.backend, &to.backend) {
            (Backend::Folder(from), Backend::Remote(to)) => {
                let calls = calls_in_folder(folder(from, business), minute, clock).await?;
                // The machine that has the log of the folder reads that, and not this object.
                let machine = identity::machine(Some(from));
                for (period, text) in object_text(&calls) {
                    let name = format!("{business}/calls/{period}/moved@{machine}.tsv");
                    to.objects.put(&name, &text.into_bytes().into()).await?;
                }
                Ok(sum(&calls))
            }
            (Backend::Folder(from), Backend::Folder(to)) => {
                let calls = calls_in_folder(folder(from, business), minute, clock).await?;
                self.add_to_log(folder(to, business), &calls, minute, clock).await?;
                Ok(sum(&calls))
            }
            (Backend::Remote(from), Backend::Remote(to)) => {
                let (calls, objects) = calls_in_store(from, business, None, minute).await?;
                for name in objects {
                    if let Some(body) = from.objects.get(&name).await? {
                        to.objects.put(&name, &body).await?;
                    }
                }
                Ok(sum(&calls))
            }
            (Backend::Remote(from), Backend::Folder(to)) => {
                // If the folder is where this machine counts, its own calls are there.
                let machine = identity::machine(Some(to));
                let (calls, _) = calls_in_store(from, business, Some(&machine), minute).await?;
                self.add_to_log(folder(to, business), &calls, minute, clock).await?;
                Ok(sum(&calls))
            }
        }
    }

    async fn add_to_log(
        &self,
        folder: PathBuf,
        calls: &CallsByMinute,
        minute: i64,
        clock: &Clock,
    ) -> Result<(), JournalError> {
        let (calls, from, path) = (calls.clone(), self.url()?, folder.clone());
        let added =
            off_thread(clock, move || CallLog::open(folder)?.add_copied(&calls, &from, minute)).await?;
        added.map_err(|error| JournalError::Folder { path, source: Arc::new(error) })
    }
}

/// The plans that a migration copies, by their digits.
#[derive(Debug, Default)]
struct Wanted {
    /// The one that was applied last.
    applied: Option<String>,
    /// Those that wait for an apply, with their names.
    named: BTreeSet<(PlanName, String)>,
    /// The number of other ones that are too old.
    older: usize,
}

impl Wanted {
    fn all(&self) -> BTreeSet<&str> {
        self.applied.iter().chain(self.named.iter().map(|(_, digits)| digits)).map(String::as_str).collect()
    }

    fn has(&self, digits: &str) -> bool {
        self.all().contains(digits)
    }

    fn number(&self) -> usize {
        self.all().len()
    }
}

/// Copies plans, and then their names. Returns the number of plans.
async fn copy_plans(
    from: &Remote,
    to: &Remote,
    business: BusinessId,
    wanted: &Wanted,
) -> Result<usize, JournalError> {
    let mut copied = BTreeSet::new();
    for digits in wanted.all() {
        let name = plan_name(business, digits);
        if let Some(body) = from.objects.get(&name).await? {
            to.objects.create(&name, &body).await?;
            copied.insert(digits);
        }
    }
    for (name, digits) in &wanted.named {
        if copied.contains(digits.as_str()) {
            to.name_plan(business, name, digits).await?;
        }
    }
    Ok(copied.len())
}

/// Returns the calls of the last hour in the log of a folder.
async fn calls_in_folder(path: PathBuf, minute: i64, clock: &Clock) -> Result<CallsByMinute, JournalError> {
    let folder = path.clone();
    let read = off_thread(clock, move || {
        if !folder.exists() {
            return Ok(Vec::new());
        }
        CallLog::open(folder)?.read_new(minute)
    });
    let read = read.await?.map_err(|error| JournalError::Folder { path, source: Arc::new(error) })?;
    let mut calls = CallsByMinute::new();
    for (at, waba) in read.into_iter().filter(|(at, _)| *at > minute - MINUTES) {
        let sum = calls.entry((at, waba)).or_default();
        *sum = sum.saturating_add(1);
    }
    Ok(calls)
}

/// Returns the calls of the last hour in a store, and the objects that count them; without those of a machine.
async fn calls_in_store(
    from: &Remote,
    business: BusinessId,
    without: Option<&str>,
    minute: i64,
) -> Result<(CallsByMinute, Vec<String>), JournalError> {
    let (mut calls, mut objects) = (CallsByMinute::new(), Vec::new());
    let skipped = without.map(|machine| format!("@{machine}.tsv"));
    for period in periods_at(minute) {
        let folder = format!("{business}/calls/{period}");
        for name in from.objects.list(&folder, None).await? {
            if skipped.as_ref().is_some_and(|end| name.ends_with(end)) {
                continue;
            }
            let name = format!("{folder}/{name}");
            let Some(body) = from.objects.get(&name).await? else { continue };
            for count in parse(&body).into_iter().filter(|count| count.minute > minute - MINUTES) {
                let sum = calls.entry((count.minute, count.waba)).or_default();
                *sum = sum.saturating_add(count.calls);
            }
            objects.push(name);
        }
    }
    Ok((calls, objects))
}
