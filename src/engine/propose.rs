//! From checked manifests to a proposal.

use super::access_tests;
use super::event::StageGuard;
use super::manifests::report;
use super::memory::{Mark, Memory, recent_history, removals};
use super::narrowed::Narrowed;
use super::session::reading_directory;
use super::{CheckedManifests, EngineError, Event, Events, Session, Stage, Survey, Warning, set_files};
use crate::diagnostic::Diagnostic;
use crate::digest::manifest_digest;
use crate::graph::{DirectoryRequest, ObserveRequest, PrefetchedAssignments};
use crate::manifest::{self, Manifest, WabaDeclaration};
use crate::model::{
    DeclaredUser, Desired, Directory, Guard, History, LiveAccess, Name, Notice, Observed, Plan, PolicyLine,
    RecentRemovals, ReleasedUser, ScopedWaba, Shared, UserId, WabaId, Waiver, causes,
};
use crate::proposal::{DeclaredSet, Proposal};
use crate::resolve::{self, Circumstances, Resolved};
use crate::store::StateStore;
use crate::{drift, plan};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Returns what was read of the state. If the store does not answer, a plan goes on without it, and that is a warning: it only knows
/// less. An apply could take away too much. A state that is elsewhere is an error.
fn without_state<T: Default>(
    read: Result<T, EngineError>,
    state: &mut Option<&StateStore>,
    can_do_without: bool,
    events: Events<'_>,
) -> Result<T, EngineError> {
    read.or_else(|error| {
        if !can_do_without || error.is_of_other_place() {
            return Err(error);
        }
        *state = None;
        events(Event::Warning(Warning::NoState(causes(&error).collect::<Vec<_>>().join(": "))));
        Ok(T::default())
    })
}

/// What was read before planning.
pub(super) struct Reading {
    pub(super) directory: Directory,
    pub(super) prefetched: PrefetchedAssignments,
    /// Whether both lists of WABAs were read.
    pub(super) has_lists: bool,
    /// What is planned, if the run is narrowed.
    pub(super) narrowed: Option<Narrowed>,
}

/// The desired and the live state, and the plan between them, with the evidence that only a proposal needs.
struct Planned {
    survey: Survey,
    directory: Directory,
    declared: DeclaredSet,
    policy_lines: Vec<PolicyLine>,
    recent_removals: RecentRemovals,
    inventory_digest: Option<String>,
    mark: Mark,
}

impl Session {
    /// Reads the live state and plans.
    ///
    /// # Errors
    ///
    /// If the manifests contradict the live directory, nothing is selected, or the API cannot be read.
    pub async fn propose(
        &self,
        checked: CheckedManifests,
        events: Events<'_>,
    ) -> Result<(Proposal, Directory), EngineError> {
        self.propose_seen(checked, events, |_| ()).await
    }

    /// Reads the live state and plans, and shows `seen` both states, which a proposal does not keep.
    ///
    /// # Errors
    ///
    /// As for [`Session::propose`].
    pub async fn propose_seen(
        &self,
        checked: CheckedManifests,
        events: Events<'_>,
        seen: impl FnOnce(&Survey),
    ) -> Result<(Proposal, Directory), EngineError> {
        let (proposal, directory, _) = self.propose_marked(checked, events, seen).await?;
        Ok((proposal, directory))
    }

    /// Also returns the mark of the state before the live state was read.
    pub(super) async fn propose_marked(
        &self,
        checked: CheckedManifests,
        events: Events<'_>,
        seen: impl FnOnce(&Survey),
    ) -> Result<(Proposal, Directory, Mark), EngineError> {
        let made = checked.request.began;
        let planned = Box::pin(self.planned(checked, false, events)).await?;
        seen(&planned.survey);
        let Planned { survey, directory, declared, policy_lines, recent_removals, inventory_digest, mark } =
            planned;
        let Survey { sources, desired, observed, plan, policy, manifest_digest, .. } = survey;
        let tests = access_tests::judged(&desired, &observed, &plan, &policy);
        let proposal = Proposal {
            tests,
            made,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            manifest_digest,
            sources,
            acting_user_name: acting_user_name(&plan, &directory),
            ending: drift::ending(&desired),
            declared,
            plan,
            access: LiveAccess::of(&desired, observed),
            policy,
            policy_lines,
            recent_removals,
            inventory_digest,
            live_source: self.live_source().clone(),
        };
        Ok((proposal, directory, mark))
    }

    /// Reads the live state and plans, and keeps both states for questions about them.
    ///
    /// # Errors
    ///
    /// As for [`Session::propose`].
    pub async fn survey(&self, checked: CheckedManifests, events: Events<'_>) -> Result<Survey, EngineError> {
        Ok(Box::pin(self.planned(checked, true, events)).await?.survey)
    }

    /// Reads the live state and plans. A `question` about it has no guard, so it does without a journal that cannot be read; what it
    /// shows of the journal, it reads itself.
    async fn planned(
        &self,
        checked: CheckedManifests,
        question: bool,
        events: Events<'_>,
    ) -> Result<Planned, EngineError> {
        let CheckedManifests { manifest, mut sources, request, previous, warnings } = checked;
        let (business, mut state) = (manifest.business.value, request.state.as_ref());
        let files = set_files::given(&sources);
        let can_do_without = !request.needs_state && state.is_some_and(StateStore::is_shared);
        let memory = Memory::load(state, business, &manifest.set, &mut sources).await;
        let mut memory = without_state(memory, &mut state, can_do_without, events)?;
        memory.check_files(&manifest, &files, &sources)?;
        // Warnings are reported later, with those that need the API.
        let labels = resolve::check_labels(&manifest, &memory.earlier);
        if labels.iter().any(Diagnostic::is_error) {
            report(&labels, &sources, events)?;
        }
        if let Some(Ok(previous)) = &previous {
            memory.add_previous(previous, &mut sources);
        }
        let now = self.clock().now();
        let history = match recent_history(state, business, now).await {
            Err(error) if question && !can_do_without && !error.is_of_other_place() => History::default(),
            read => without_state(read, &mut state, can_do_without, events)?,
        };
        let recent_removals = removals(&history, now);
        let mark = Mark::of(&history, std::mem::take(&mut memory.inventories));
        drop(history);
        let admin_rows = admin_rows(&request.admin_rows, &manifest.waivers, request.now());
        let circumstances = Circumstances {
            now: request.now(),
            acting_user: self.acting_user(),
            earlier: &memory.earlier,
            admin_rows: &admin_rows,
        };
        let selection = request.selection.clone();
        let reading = if selection.is_narrowed() {
            self.read_selected(&manifest, &selection, circumstances, &sources, events).await?
        } else {
            self.read_all(&manifest, events).await?
        };
        let Reading { directory, prefetched, has_lists, narrowed } = reading;
        let (resolved, diagnostics) = resolve::resolve(&manifest, &directory, circumstances);
        report(&[warnings, diagnostics].concat(), &sources, events)?;
        let Resolved { mut desired, mut policy } = resolved.ok_or(EngineError::Manifests(1))?;
        policy.no_new_access = request.no_new_access;
        let manifest_digest = manifest_digest(&desired, &policy);
        if let Some(Narrowed { selected, unchanged }) = narrowed {
            resolve::narrow(&mut desired, selection, selected, unchanged, &recent_removals);
        }
        let observed = self.observe(&desired, &directory, prefetched, has_lists, events).await?;
        tracing::info!(
            wabas = desired.scope.wabas.len(),
            unreadable = observed.unreadable.len(),
            "the live state is read"
        );
        let mut plan = plan::plan(&desired, &observed);
        let base = match previous {
            Some(Err(why)) => {
                plan.notices.push(Notice::PreviousUnusable(why));
                None
            }
            Some(Ok(previous)) => Some(previous.manifest),
            None => None,
        };
        let declared = declared(&manifest, files, &desired, &observed, &memory);
        Ok(Planned {
            survey: Survey {
                sources,
                desired,
                observed,
                plan,
                policy,
                manifest_digest,
                without_id: BTreeSet::new(),
                undiscovered: 0,
            },
            directory,
            declared,
            policy_lines: manifest::policy_lines(&manifest, base.as_ref()),
            recent_removals,
            inventory_digest: memory.inventory_digest,
            mark,
        })
    }

    /// Reads the directory, and with it the assignments on the WABAs that will be in scope.
    async fn read_all(&self, manifest: &Manifest, events: Events<'_>) -> Result<Reading, EngineError> {
        let business = manifest.business.value;
        let forecast = resolve::forecast(manifest);
        let request = DirectoryRequest {
            solutions_of: solutions_of(manifest).collect(),
            declared: present(manifest).map(|waba| waba.id.value).collect(),
            ..self.directory_request(business)
        };
        let stage = StageGuard::start(Stage::ReadingWabas, forecast.declared().len(), events);
        let read = self.reader.prefetch(&request, &forecast, &|read| stage.advance(read)).await;
        let (directory, prefetched) = read.map_err(EngineError::graph(reading_directory(business)))?;
        Ok(Reading { directory, prefetched, has_lists: true, narrowed: None })
    }

    async fn observe(
        &self,
        desired: &Desired,
        directory: &Directory,
        prefetched: PrefetchedAssignments,
        has_lists: bool,
        events: Events<'_>,
    ) -> Result<Observed, EngineError> {
        let mut wabas: Vec<WabaId> = desired.scope.wabas.keys().chain(desired.left.keys()).copied().collect();
        wabas.sort_unstable();
        let expected = expected_holders(desired);
        let suspended = suspended(desired);
        let request = ObserveRequest {
            directory,
            wabas: &wabas,
            expected: &expected,
            suspended: &suspended,
            has_lists,
            asks_users: desired.narrowing.as_ref().is_none_or(|narrowing| narrowing.selection.ids.is_empty()),
        };
        let stage = StageGuard::start(Stage::CheckingWabas, wabas.len(), events);
        let observed = self.reader.observe(&request, prefetched, &|read| stage.advance(read)).await;
        observed.map_err(EngineError::graph("reading the assignments"))
    }
}

/// Returns the declared WABAs that are not known to be away.
pub(super) fn present(manifest: &Manifest) -> impl Iterator<Item = &WabaDeclaration> {
    manifest.wabas.values().filter(|waba| waba.gone.is_none())
}

/// Returns what the manifests declare, and which earlier users need not be remembered.
fn declared(
    manifest: &Manifest,
    files: Vec<String>,
    desired: &Desired,
    observed: &Observed,
    memory: &Memory,
) -> DeclaredSet {
    let is_complete = desired.narrowing.is_none() && observed.unreadable.is_empty();
    let holding: BTreeSet<UserId> = observed.state.iter().map(|(key, _)| key.user).collect();
    let is_settled =
        |user: &UserId| desired.ignored.contains(user) || (is_complete && !holding.contains(user));
    let user =
        |(id, user): (&UserId, &DeclaredUser)| (*id, ReleasedUser { name: user.name.clone(), at: user.at });
    let labels = |(id, waba): (&WabaId, &ScopedWaba)| (*id, waba.labels.clone());
    DeclaredSet {
        name: manifest.set.clone(),
        files,
        users: desired.scope.users.iter().map(user).collect(),
        labels: desired.scope.wabas.iter().filter(|(_, waba)| !waba.labels.is_empty()).map(labels).collect(),
        settled: memory.earlier.inventory.keys().copied().filter(is_settled).collect(),
    }
}

/// Returns the targets of waivers of `admin-row`: those of the run, and those of the manifests that are in force.
pub(super) fn admin_rows(
    of_run: &[Option<String>],
    waivers: &[Waiver],
    now: Timestamp,
) -> Vec<Option<String>> {
    let is_of = |waiver: &&Waiver| waiver.guard == Guard::AdminRow && waiver.is_in_force(now);
    of_run.iter().cloned().chain(waivers.iter().filter(is_of).map(|waiver| waiver.target.clone())).collect()
}

/// Returns the live name of the acting user, if it is a system user of the business.
pub(super) fn acting_user_name(plan: &Plan, directory: &Directory) -> Option<Name> {
    let user = plan.acting_user.and_then(|user| directory.system_users.get(&user))?;
    Some(user.name.clone())
}

/// Returns the WABAs whose solution has to be read to check what the manifest says about them.
pub(super) fn solutions_of(manifest: &Manifest) -> impl Iterator<Item = WabaId> {
    let by_solution = |shared: Shared| match shared {
        Shared::SolutionWithMessaging | Shared::SolutionWithoutMessaging => true,
        Shared::Owned | Shared::Admin | Shared::Standard => false,
    };
    let wabas = present(manifest).filter(move |waba| by_solution(waba.shared.value));
    wabas.map(|waba| waba.id.value)
}

/// Returns the suspended users of which the plan says what they hold out of scope. A run that is narrowed to some WABAs says
/// nothing about others.
fn suspended(desired: &Desired) -> BTreeSet<UserId> {
    if desired.narrowing.as_ref().is_some_and(|narrowing| narrowing.selection.narrows_wabas()) {
        return BTreeSet::new();
    }
    let users = desired.scope.users.iter().filter(|(_, user)| user.suspended.is_some()).map(|(id, _)| *id);
    users.filter(|user| desired.plans_user(*user)).collect()
}

/// Returns the users that should be on each WABA's list. Users with access by their role may not be listed.
fn expected_holders(desired: &Desired) -> BTreeMap<WabaId, Vec<UserId>> {
    let mut expected: BTreeMap<WabaId, Vec<UserId>> = BTreeMap::new();
    for (key, _) in desired.state.iter() {
        if !desired.scope.users.get(&key.user).is_some_and(|user| user.by_role) {
            expected.entry(key.waba).or_default().push(key.user);
        }
    }
    expected
}
