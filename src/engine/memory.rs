//! What earlier runs and manifests declared, and what recent runs removed.

use super::previous::Previous;
use super::{EngineError, set_files};
use crate::digest::inventory_digest;
use crate::manifest::Manifest;
use crate::model::{
    AssignmentKey, BusinessId, Earlier, EarlierWaba, Name, Outcome, Position, PreviousUser, RecentRemovals,
    RecordedWrite, ReleasedUser, Settlement, Sources, TaskSet, WabaId,
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
        for inventory in inventories {
            if inventory.set == *set {
                let users = inventory.users.iter().map(|(id, user)| (*id, &user.name));
                let wabas = inventory.wabas.iter().map(|(id, waba)| (*id, &waba.name));
                memory.inventory_digest = Some(inventory_digest(users, wabas));
                memory.add(inventory, sources);
            } else {
                memory.earlier.other_sets.extend(inventory.users.into_keys());
            }
        }
        Ok(memory)
    }

    fn add(&mut self, inventory: Inventory, sources: &mut Sources) {
        let mut by_path = BTreeMap::new();
        for (id, InventoryUser { name, file, line }) in inventory.users {
            let source = *by_path.entry(file.clone()).or_insert_with(|| sources.add(file, ""));
            let at = Position { source, line, column: 1 };
            self.earlier.inventory.insert(id, ReleasedUser { name, at });
        }
        self.earlier.wabas = inventory.wabas;
        self.files = inventory.files.into_iter().collect();
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

/// Returns the assignments that lost a task in the last 24 hours and did not regain it, by the journal.
///
/// Removals without effect do not count, and neither do suspensions and those of runs in which `max-removals` was waived.
pub(super) async fn recent_removals(
    state: Option<&StateStore>,
    business: BusinessId,
    now: Timestamp,
) -> Result<RecentRemovals, EngineError> {
    let Some(state) = state else { return Ok(RecentRemovals::new()) };
    let since = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
    let history = state.history(business, Keep::Since(since)).await;
    let failed = || EngineError::store("reading the journal");
    let history = history.map_err(failed())?;
    if let Some(to) = &history.moved_to {
        return Err(failed()(JournalError::Moved { location: state.to_string(), to: to.to_string() }));
    }
    let mut lost: BTreeMap<AssignmentKey, (TaskSet, TaskSet)> = BTreeMap::new();
    for run in &history.runs {
        let is_waived = run.waivers.iter().any(|waiver| waiver.as_str() == MAX_REMOVALS);
        for write in run.writes.iter().filter(|write| write.at >= since && may_have_effect(write)) {
            let (lost, left) = lost.entry(write.key).or_default();
            left.clone_from(&write.after);
            if !is_waived && !write.because.is_suspension() {
                lost.extend(&write.before.difference(&write.after));
            }
            *lost = lost.difference(&write.after);
        }
    }
    let still_lost = lost.into_iter().filter(|(_, (tasks, _))| !tasks.is_empty());
    Ok(still_lost.map(|(key, (_, left))| (key, left)).collect())
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
    match outdated(state, proposal, complete).await? {
        Some(inventory) => state.save_inventory(proposal.plan.business, &inventory, now).await,
        None => Ok(()),
    }
}

/// Returns the inventory that [`remember`] would save; `None` if it is the one that is there.
///
/// # Errors
///
/// If the inventory cannot be read.
pub(super) async fn outdated(
    state: &StateStore,
    proposal: &Proposal,
    complete: bool,
) -> Result<Option<Inventory>, JournalError> {
    let (business, declared) = (proposal.plan.business, &proposal.declared);
    let DeclaredSet { name, files, users, labels, settled } = declared;
    let known = state.inventories(business).await?;
    let known = known.into_iter().find(|inventory| inventory.set == *name);
    let before = known.clone();
    let mut inventory = known.unwrap_or_else(|| Inventory::new(name.clone()));
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
    Ok((before.as_ref() != Some(&inventory)).then_some(inventory))
}

/// What other runs change. If it is the same before planning and under the lease, the plan rests on nothing that is old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    last_run: Option<Name>,
    inventories: Vec<Inventory>,
}

impl Mark {
    /// Reads the mark of a business.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub(super) async fn read(state: &StateStore, business: BusinessId) -> Result<Self, EngineError> {
        let both = try_join(state.history(business, Keep::Last(1)), state.inventories(business));
        let (history, inventories) = both.await.map_err(EngineError::store("reading the journal"))?;
        let last_run = history.runs.last().map(|run| run.id.clone());
        Ok(Self { last_run, inventories })
    }
}
