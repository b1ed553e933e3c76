//! What earlier runs and manifests declared, and what recent runs removed.

use super::previous::Previous;
use super::{EngineError, set_files};
use crate::digest::inventory_digest;
use crate::manifest::Manifest;
use crate::model::{
    BusinessId, Earlier, EarlierWaba, History, Name, Outcome, Position, PreviousUser, RecentRemoval,
    RecentRemovals, RecordedWrite, ReleasedUser, Settlement, Sources, WabaId,
};
use crate::proposal::{DeclaredSet, Proposal};
use crate::store::{Inventory, InventoryUser, JournalError, Keep, StateStore};
use futures_util::future::try_join;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The time in which removals of several runs count together towards `max-removals`.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// The waiver whose removals do not count later. With a waiver of the manifests they count, because it has a limit.
const MAX_REMOVALS: &str = "max-removals";

/// What the state tells about a set of manifests.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) earlier: Earlier,
    /// The digest of the set's inventory, if there is one.
    pub(super) inventory_digest: Option<String>,
    /// The files of the manifests when they were last applied.
    files: Vec<String>,
    /// The inventories of all sets.
    pub(super) inventories: Vec<Inventory>,
}

impl Memory {
    /// Reads the inventories of a business. The files that they name become sources, so that reasons can refer to them.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub(super) async fn load(
        state: Option<&StateStore>,
        business: BusinessId,
        set: &Name,
        sources: &mut Sources,
    ) -> Result<Self, EngineError> {
        let Some(state) = state else { return Ok(Self::default()) };
        let failed = || EngineError::store("reading what was declared earlier");
        let (in_place, inventories) =
            futures_util::join!(state.check_in_place(), state.inventories(business));
        in_place.map_err(failed())?;
        let inventories = inventories.map_err(failed())?;
        let mut memory = Self::default();
        for inventory in &inventories {
            if inventory.set == *set {
                let users = inventory.users.iter().map(|(id, user)| (*id, &user.name));
                let wabas = inventory.wabas.iter().map(|(id, waba)| (*id, &waba.name));
                memory.inventory_digest = Some(inventory_digest(users, wabas));
                memory.add(inventory, sources);
            } else {
                memory.earlier.other_sets.extend(inventory.users.keys());
            }
        }
        Ok(Self { inventories, ..memory })
    }

    fn add(&mut self, inventory: &Inventory, sources: &mut Sources) {
        let mut by_path = BTreeMap::new();
        for (id, InventoryUser { name, file, line }) in &inventory.users {
            let source = *by_path.entry(file).or_insert_with(|| sources.add(file.clone(), ""));
            let at = Position { source, line: *line, column: 1 };
            self.earlier.inventory.insert(*id, ReleasedUser { name: name.clone(), at });
        }
        self.earlier.wabas = inventory.wabas.clone();
        self.files = inventory.files.iter().cloned().collect();
    }

    /// Adds the users that the manifests of `--previous` declare. Their positions become those of `sources`.
    pub(super) fn add_previous(&mut self, previous: &Previous, sources: &mut Sources) {
        let paths: Vec<_> =
            previous.sources.iter().map(|(_, source)| sources.add(&*source.path, "")).collect();
        for (name, user) in &previous.manifest.system_users {
            let source = paths.get(user.at.source.0 as usize).copied().unwrap_or_default();
            self.earlier.previous.push(PreviousUser {
                id: user.id.map(|id| id.value),
                live_name: user.name.as_ref().map_or_else(|| name.clone(), |live| live.value.clone()),
                released: ReleasedUser { name: name.clone(), at: Position { source, ..user.at } },
            });
        }
    }

    /// Checks that every file of the set that still exists was given.
    ///
    /// # Errors
    ///
    /// [`EngineError::PartOfSet`] if one was not: then users would seem to be declared no more.
    pub(super) fn check_files(
        &self,
        manifest: &Manifest,
        files: &[String],
        given: &Sources,
    ) -> Result<(), EngineError> {
        let missing = set_files::not_given(&self.files, files, &set_files::roots(given));
        if missing.is_empty() {
            return Ok(());
        }
        Err(EngineError::PartOfSet { set: manifest.set.clone(), files: missing })
    }
}

/// Returns what the journal has of the last 24 hours.
pub(super) async fn recent_history(
    state: Option<&StateStore>,
    business: BusinessId,
    now: Timestamp,
) -> Result<History, EngineError> {
    let Some(state) = state else { return Ok(History::default()) };
    let since = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
    let history = state.history(business, Keep::Since(since)).await;
    let failed = || EngineError::store("reading the journal");
    let history = history.map_err(failed())?;
    match &history.moved_to {
        Some(to) => Err(failed()(JournalError::Moved { location: state.to_string(), to: to.to_string() })),
        None => Ok(history),
    }
}

/// Returns the [`removals`] of the journal.
pub(super) async fn recent_removals(
    state: Option<&StateStore>,
    business: BusinessId,
    now: Timestamp,
) -> Result<RecentRemovals, EngineError> {
    Ok(removals(&recent_history(state, business, now).await?, now))
}

/// Returns the assignments that lost a task in the last 24 hours and did not regain it, by the journal.
///
/// Removals without effect do not count, and neither do suspensions and those of runs in which `max-removals` was waived.
pub(super) fn removals(history: &History, now: Timestamp) -> RecentRemovals {
    let since = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
    let mut removals = RecentRemovals::new();
    for run in &history.runs {
        let is_waived = run.waivers.iter().any(|waiver| waiver.as_str() == MAX_REMOVALS);
        for write in run.writes.iter().filter(|write| write.at >= since && may_have_effect(write)) {
            let RecentRemoval { lost, left } = removals.entry(write.key).or_default();
            left.clone_from(&write.after);
            if !is_waived && !write.because.is_suspension() {
                lost.extend(&write.before.difference(&write.after));
            }
            *lost = lost.difference(&write.after);
        }
    }
    removals.retain(|_, removal| !removal.lost.is_empty());
    removals
}

fn may_have_effect(write: &RecordedWrite) -> bool {
    if let Some(settled) = &write.settled {
        return settled.how != Settlement::NoEffect;
    }
    write.outcome.as_ref().is_none_or(|known| match known.outcome {
        Outcome::Applied
        | Outcome::AcceptedNotListed
        | Outcome::StoredDifferently { .. }
        | Outcome::InPart { .. }
        | Outcome::Unknown { .. } => true,
        Outcome::AlreadySo
        | Outcome::Moved { .. }
        | Outcome::Failed { .. }
        | Outcome::NotAttempted { .. } => false,
    })
}

/// Records what a proposal's manifests declare, for later runs. `complete` says that all of the scope was read and
/// everything was applied: only then does anything leave the inventory.
///
/// # Errors
///
/// If the inventory cannot be read or written.
pub(super) async fn remember(
    state: &StateStore,
    proposal: &Proposal,
    complete: bool,
    now: Timestamp,
) -> Result<(), JournalError> {
    let business = proposal.plan.business;
    match outdated(&state.inventories(business).await?, proposal, complete) {
        Some(inventory) => state.save_inventory(business, &inventory, now).await,
        None => Ok(()),
    }
}

/// Returns the inventory that [`remember`] would save; `None` if it is among those that are there.
fn outdated(known: &[Inventory], proposal: &Proposal, complete: bool) -> Option<Inventory> {
    let DeclaredSet { name, files, users, labels, settled } = &proposal.declared;
    let before = known.iter().find(|inventory| inventory.set == *name);
    let mut inventory = before.cloned().unwrap_or_else(|| Inventory::new(name.clone()));
    for (id, user) in users {
        let file = set_files::relative(proposal.sources.path(user.at.source));
        let entry = InventoryUser { name: user.name.clone(), file, line: user.at.line };
        inventory.users.insert(*id, entry);
    }
    if complete {
        inventory.users.retain(|id, _| users.contains_key(id) || !settled.contains(id));
        inventory.wabas.clear();
        inventory.files.clear();
    }
    let labels = |id: &WabaId| labels.get(id).cloned().unwrap_or_default();
    let waba = |(id, name): (&WabaId, &Name)| (*id, EarlierWaba { name: name.clone(), labels: labels(id) });
    inventory.wabas.extend(proposal.access.wabas.iter().map(waba));
    inventory.files.extend(files.iter().cloned());
    (before != Some(&inventory)).then_some(inventory)
}

/// What other runs change. If it is the same before planning and under the lease, the plan rests on nothing that is old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last run with the number of its writes: it may go on while a plan is made.
    last_run: Option<(Name, usize)>,
    /// Whether writes are in flight; `None` if a line of the journal cannot be read.
    are_in_flight: Option<bool>,
    inventories: Vec<Inventory>,
}

impl Mark {
    /// Returns the mark of what [`recent_history`] and [`Memory::load`] have read.
    pub(super) fn of(history: &History, inventories: Vec<Inventory>) -> Self {
        let last_run = history.runs.last().map(|run| (run.id.clone(), run.writes.len()));
        let are_in_flight = history.unusable.is_none().then(|| history.in_flight().next().is_some());
        Self { last_run, are_in_flight, inventories }
    }

    /// Reads the mark of a business.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub(super) async fn read(
        state: &StateStore,
        business: BusinessId,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let inventories =
            async { state.inventories(business).await.map_err(EngineError::store("reading the journal")) };
        let (history, inventories) =
            try_join(recent_history(Some(state), business, now), inventories).await?;
        Ok(Self::of(&history, inventories))
    }

    /// Returns whether a run without changes has something to write: outcomes of writes in flight, or the inventory.
    ///
    /// # Errors
    ///
    /// If a line of the journal cannot be read that matters.
    pub(super) async fn asks_for_writes(
        &self,
        state: &StateStore,
        proposal: &Proposal,
    ) -> Result<bool, JournalError> {
        let plan = &proposal.plan;
        let are_in_flight = match self.are_in_flight {
            Some(known) => known,
            None => state.history(plan.business, Keep::InFlight).await?.in_flight().next().is_some(),
        };
        let complete = !plan.is_partial() && !plan.is_incomplete();
        Ok(are_in_flight || outdated(&self.inventories, proposal, complete).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AssignmentKey, TaskSet};

    #[test]
    fn a_run_that_has_gone_on_makes_another_mark() {
        let key = AssignmentKey { waba: "500".parse().unwrap(), user: "12".parse().unwrap() };
        let sets = [TaskSet::EMPTY, TaskSet::EMPTY];
        let write = RecordedWrite::example(Timestamp::UNIX_EPOCH, key, sets, Some(Outcome::Applied));
        let mark = |writes: usize| Mark::of(&History::example(vec![write.clone(); writes]), Vec::new());
        assert_eq!(mark(1), mark(1));
        assert_ne!(mark(1), mark(2));
        assert_ne!(mark(1), Mark::of(&History::default(), Vec::new()));
    }
}
