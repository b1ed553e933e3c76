//! From a run in the journal to a proposal that takes it back.

use super::event::StageGuard;
use super::manifests::report;
use super::memory::{Memory, recent_removals};
use super::propose::{acting_user_name, admin_rows};
use super::runs::{FittingRun, RunChoice, RunSearch};
use super::session::reading_directory;
use super::{
    CheckedManifests, EngineError, Events, PlanRequest, Session, Stage, access_tests, check_sources,
    set_files,
};
use crate::diagnostic::Diagnostic;
use crate::digest::manifest_digest;
use crate::graph::{DirectoryRequest, ObserveRequest, PrefetchedAssignments};
use crate::manifest;
use crate::model::{
    BusinessId, Desired, Directory, History, LiveAccess, Name, Observed, Plan, RecordedRun, Selected,
    Selection, Sources, UserId, WabaId,
};
use crate::plan::{self, UndoRequest, Written};
use crate::proposal::{DeclaredSet, Proposal};
use crate::resolve::{self, Circumstances, NothingSelected, Resolved};
use crate::store::{Keep, StateStore};
use std::collections::{BTreeMap, BTreeSet};

/// A run in a journal, with the runs after it.
#[derive(Debug)]
pub struct FoundRun {
    /// The business.
    pub business: BusinessId,
    run: RecordedRun,
    later: Vec<RecordedRun>,
    unread_lines: usize,
}

/// Finds a run in the journals of a state: in that of a business, or in all of them.
///
/// # Errors
///
/// If a journal cannot be read, none has the whole run, or several runs can be meant.
pub async fn find_run(
    state: &StateStore,
    business: Option<BusinessId>,
    choice: &RunChoice,
) -> Result<FoundRun, EngineError> {
    let failed = || EngineError::store("reading the journal");
    let businesses = match business {
        Some(business) => vec![business],
        None => state.businesses().await.map_err(failed())?,
    };
    let mut search = RunSearch::new(choice);
    let mut histories = BTreeMap::new();
    for business in businesses {
        let history = state.history(business, Keep::All).await.map_err(failed())?;
        if search.look(business, &history.runs) {
            histories.insert(business, history);
        }
    }
    let FittingRun { business, id, .. } = search.finish()?;
    let History { mut runs, broken_lines, begins, .. } = histories.remove(&business).unwrap_or_default();
    let index = runs.iter().position(|run| run.id == id).ok_or(EngineError::NoRun)?;
    if let Some(begins) = begins.filter(|begins| runs[index].at <= *begins) {
        return Err(EngineError::BeforeRecord { run: id, begins });
    }
    let later = runs.split_off(index + 1);
    let run = runs.swap_remove(index);
    Ok(FoundRun { business, run, later, unread_lines: broken_lines })
}

/// The manifests whose guards a plan must keep that takes a run back.
#[derive(Debug)]
pub enum UndoGuards {
    /// Those of manifests.
    Manifests(Box<CheckedManifests>),
    /// The default ones.
    Default(Box<PlanRequest>),
}

impl UndoGuards {
    /// Returns the business of the manifests, if there are any.
    pub fn business(&self) -> Option<BusinessId> {
        match self {
            Self::Manifests(checked) => Some(checked.business()),
            Self::Default(_) => None,
        }
    }

    /// Returns the manifests; without any, those that say nothing.
    fn checked(
        self,
        business: BusinessId,
        events: Events<'_>,
    ) -> Result<(CheckedManifests, bool), EngineError> {
        match self {
            Self::Manifests(checked) if checked.business() == business => Ok((*checked, true)),
            Self::Manifests(checked) => {
                Err(EngineError::OtherBusiness { plan: business, manifests: checked.business() })
            }
            Self::Default(request) => {
                let mut sources = Sources::default();
                sources.add("<defaults>", format!("version: 1\nbusiness: {business}\n"));
                Ok((check_sources(sources, *request, events)?, false))
            }
        }
    }
}

impl Session {
    /// Reads the WABAs on which a run wrote, and plans what takes the run back.
    ///
    /// # Errors
    ///
    /// If the manifests contradict the live directory, nothing is selected, or the API or the state cannot be read.
    pub async fn propose_undo(
        &self,
        found: FoundRun,
        guards: UndoGuards,
        events: Events<'_>,
    ) -> Result<(Proposal, Directory), EngineError> {
        let business = found.business;
        let (checked, has_manifests) = guards.checked(business, events)?;
        let CheckedManifests { manifest, mut sources, request, warnings, .. } = checked;
        let made = request.began;
        let files = set_files::given(&sources);
        let memory = Memory::load(request.state.as_ref(), business, &manifest.set, &mut sources).await?;
        if has_manifests {
            memory.check_files(&manifest, &files, &sources)?;
        }
        let recent_removals = recent_removals(request.state.as_ref(), business, self.clock().now()).await?;
        let written = plan::written(&found.run);
        let wabas: Vec<WabaId> =
            selected(&request.selection, &written, &manifest.wabas)?.into_iter().collect();
        let of_directory = DirectoryRequest { declared: wabas.clone(), ..self.directory_request(business) };
        let directory = self.reader.directory(&of_directory).await;
        let directory = directory.map_err(EngineError::graph(reading_directory(business)))?;
        let admin_rows = admin_rows(&request.admin_rows, &manifest.waivers, request.now());
        let circumstances = Circumstances {
            now: request.now(),
            acting_user: self.acting_user(),
            earlier: &memory.earlier,
            admin_rows: &admin_rows,
        };
        let (resolved, diagnostics) = resolve::resolve(&manifest, &directory, circumstances);
        let found_in_text =
            if has_manifests { [warnings, diagnostics].concat() } else { errors(diagnostics) };
        report(&found_in_text, &sources, events)?;
        let Resolved { mut desired, mut policy } = resolved.ok_or(EngineError::Manifests(1))?;
        policy.no_new_access = request.no_new_access;
        let permitted =
            directory.wabas.iter().filter_map(|(id, waba)| Some((*id, waba.permitted_tasks.clone()?)));
        policy.permitted.extend(permitted);
        let digest = has_manifests.then(|| manifest_digest(&desired, &policy));
        let in_scope = wabas.iter().copied().filter(|waba| desired.scope.wabas.contains_key(waba)).collect();
        let narrowed = Selected { wabas: in_scope, users: None };
        resolve::narrow(&mut desired, request.selection.clone(), narrowed, 0, &recent_removals);
        let observed = self.observe_undone(&directory, &wabas, &written, events).await?;
        let selection = (!request.selection.wabas.is_empty()).then(|| wabas.iter().copied().collect());
        let undo = UndoRequest {
            run: &found.run,
            later: &found.later,
            wabas: selection.as_ref(),
            selection: &request.selection,
            manifests: digest.as_deref(),
            unread_lines: found.unread_lines,
        };
        let plan = plan::undo(undo, &desired, &observed);
        // The tests are judged on all that was read, also on what left the scope.
        let tests = access_tests::judged(&desired, &observed, &plan, &policy);
        let proposal = Proposal {
            tests,
            made,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            manifest_digest: String::new(),
            sources,
            acting_user_name: acting_user_name(&plan, &directory),
            ending: Vec::new(),
            declared: DeclaredSet { name: manifest.set.clone(), ..DeclaredSet::default() },
            access: live_access(&plan, &desired, observed, &wabas),
            policy,
            policy_lines: manifest::policy_lines(&manifest, None),
            recent_removals,
            inventory_digest: None,
            live_source: self.live_source().clone(),
            plan,
        };
        Ok((proposal, directory))
    }

    /// Reads the WABAs on which a run wrote.
    async fn observe_undone(
        &self,
        directory: &Directory,
        wabas: &[WabaId],
        written: &[Written],
        events: Events<'_>,
    ) -> Result<Observed, EngineError> {
        let mut expected: BTreeMap<WabaId, Vec<UserId>> = BTreeMap::new();
        let holding = written.iter().filter(|written| !written.left().is_empty());
        for written in holding.filter(|written| directory.system_users.contains_key(&written.key.user)) {
            expected.entry(written.key.waba).or_default().push(written.key.user);
        }
        let request = ObserveRequest {
            directory,
            wabas,
            expected: &expected,
            suspended: &BTreeSet::new(),
            has_lists: true,
            asks_users: true,
        };
        let stage = StageGuard::start(Stage::ReadingWabas, wabas.len(), events);
        let nothing = PrefetchedAssignments::default();
        let observed = self.reader.observe(&request, nothing, &|read| stage.advance(read)).await;
        observed.map_err(EngineError::graph("reading the assignments"))
    }
}

fn errors(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.into_iter().filter(Diagnostic::is_error).collect()
}

/// Returns the WABAs on which a run wrote and that are selected: by their name in the journal or in the manifests, or by id.
fn selected(
    selection: &Selection,
    written: &[Written],
    declared: &BTreeMap<Name, manifest::WabaDeclaration>,
) -> Result<BTreeSet<WabaId>, EngineError> {
    if selection.wabas.is_empty() {
        return Ok(written.iter().map(|written| written.key.waba).collect());
    }
    let mut names: BTreeMap<WabaId, BTreeSet<Name>> = BTreeMap::new();
    for written in written {
        let known = names.entry(written.key.waba).or_default();
        known.extend([written.waba_name.clone(), Name::new(written.key.waba.to_string())]);
    }
    for (name, waba) in declared {
        if let Some(known) = names.get_mut(&waba.id.value) {
            known.insert(name.clone());
        }
    }
    let mut wabas = BTreeSet::new();
    for glob in &selection.wabas {
        let fits = |names: &BTreeSet<Name>| names.iter().any(|name| glob.matches(name.as_str()));
        let found: Vec<WabaId> = names.iter().filter(|(_, known)| fits(known)).map(|(id, _)| *id).collect();
        if found.is_empty() {
            let known = names.values().flatten();
            return Err(EngineError::NothingSelected(NothingSelected::new(
                "--waba RUN",
                glob.as_str(),
                known,
            )));
        }
        wabas.extend(found);
    }
    Ok(wabas)
}

/// Returns the live access on the WABAs on which the run wrote, for the access matrix and the guards.
fn live_access(plan: &Plan, desired: &Desired, observed: Observed, wabas: &[WabaId]) -> LiveAccess {
    let names: BTreeMap<WabaId, Name> = wabas.iter().map(|waba| (*waba, plan.waba_name(*waba))).collect();
    LiveAccess { wabas: names, ..LiveAccess::of(desired, observed) }
}
