//! Both states of access and the plan between them, for questions about who holds what and why.

use super::manifests::report;
use super::{CheckedManifests, EngineError, Events};
use crate::digest::manifest_digest;
use crate::manifest::Manifest;
use crate::model::{
    Desired, Earlier, Glob, Labels, Name, Observed, Plan, Policy, Selection, Sources, Task, TaskSet, UserId,
    WabaId,
};
use crate::query::{Evidence, NotFound};
use crate::resolve::{self, NothingSelected};
use std::collections::{BTreeMap, BTreeSet};

/// The desired and the live state, and the plan between them.
///
/// A proposal does not keep them, because they are most of the memory.
#[derive(Debug)]
pub struct Survey {
    /// The manifests.
    pub sources: Sources,
    /// The desired state.
    pub desired: Desired,
    /// The live state; empty without the API.
    pub observed: Observed,
    /// The plan.
    pub plan: Plan,
    /// The limits that the guards check.
    pub policy: Policy,
    /// The digest of what the manifests mean.
    pub manifest_digest: String,
    /// The users whose id is not known without the API. Their number must not be shown.
    pub without_id: BTreeSet<UserId>,
    /// The number of rules that cannot discover WABAs without the API.
    pub undiscovered: usize,
}

impl Survey {
    /// Returns what questions are answered from.
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence { desired: &self.desired, observed: &self.observed, plan: &self.plan }
    }

    /// Keeps the WABAs in scope that have all of some labels, each with one of its values.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn labelled(
        &self,
        labels: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<BTreeSet<WabaId>, EngineError> {
        let has = |known: &Labels, key: &String, values: &BTreeSet<String>| {
            known.get(key).is_some_and(|value| values.contains(value))
        };
        let wabas = self.desired.scope.wabas.iter();
        let found =
            wabas.filter(|(_, waba)| labels.iter().all(|(key, values)| has(&waba.labels, key, values)));
        let found: BTreeSet<WabaId> = found.map(|(id, _)| *id).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let all = self.desired.scope.wabas.values().flat_map(|waba| &waba.labels);
        let known: BTreeSet<Name> = all.map(|(key, value)| Name::new(format!("{key}={value}"))).collect();
        let pairs =
            labels.iter().flat_map(|(key, values)| values.iter().map(move |value| format!("{key}={value}")));
        let pairs: Vec<String> = pairs.collect();
        let unknown = pairs.iter().find(|pair| !known.contains(pair.as_str()));
        let shown = unknown.cloned().unwrap_or_else(|| pairs.join(","));
        Err(EngineError::NothingSelected(NothingSelected::new("--labels", &shown, known.iter())))
    }

    /// Finds a WABA in scope by its name in the manifests, its id, or its live name.
    ///
    /// # Errors
    ///
    /// If there is none, or several have the live name.
    pub fn find_waba(&self, given: &Name) -> Result<WabaId, EngineError> {
        let wabas = &self.desired.scope.wabas;
        let named: Vec<WabaId> =
            wabas.iter().filter(|(_, waba)| waba.name == *given).map(|(id, _)| *id).collect();
        let by_id = given.as_str().parse().ok().filter(|id| wabas.contains_key(id)).into_iter().collect();
        let live = wabas.iter().filter(|(_, waba)| waba.live_name.as_ref() == Some(given));
        let levels = [named, by_id, live.map(|(id, _)| *id).collect()];
        match levels.into_iter().find(|found| !found.is_empty()) {
            Some(found) if found.len() == 1 => Ok(found[0]),
            Some(found) => Err(EngineError::Ambiguous {
                value: given.clone(),
                ids: found.iter().map(ToString::to_string).collect(),
            }),
            None => {
                let known = wabas.values().map(|waba| &waba.name);
                Err(EngineError::NothingSelected(NothingSelected::new("WABA", given.as_str(), known)))
            }
        }
    }

    /// Finds a user by its name in the manifests, its id, its live name, or its name on a WABA.
    ///
    /// # Errors
    ///
    /// If there is none, or several have the name.
    pub fn find_user(&self, given: &Name, wabas: &[WabaId]) -> Result<UserId, EngineError> {
        self.evidence().find_user(given, wabas).map_err(|error| match error {
            NotFound::Nobody(known) => {
                EngineError::NothingSelected(NothingSelected::new("USER", given.as_str(), known.iter()))
            }
            NotFound::Several(users) => EngineError::Ambiguous {
                value: given.clone(),
                ids: users.iter().map(ToString::to_string).collect(),
            },
            NotFound::Unresolved(why) => EngineError::UserNotFound { name: given.clone(), why },
        })
    }
}

/// Makes a survey of the desired state alone, without the API.
///
/// # Errors
///
/// If the manifests have an error, or nothing is selected.
pub fn survey_offline(checked: CheckedManifests, events: Events<'_>) -> Result<Survey, EngineError> {
    let CheckedManifests { manifest, sources, request, warnings, .. } = checked;
    let labels = resolve::check_labels(&manifest, &Earlier::default());
    report(&[warnings, resolve::check_offline(&manifest, request.now()), labels].concat(), &sources, events)?;
    let offline = resolve::offline(&manifest, request.now()).ok_or(EngineError::Manifests(1))?;
    let resolve::Resolved { mut desired, policy } = offline.resolved;
    let selection = &request.selection;
    if selection.is_narrowed() {
        let selected =
            resolve::select(selection, &desired, &policy.names).map_err(EngineError::NothingSelected)?;
        desired.scope.wabas.retain(|waba, _| selected.wabas.contains(waba));
    }
    Ok(Survey {
        plan: Plan::empty(manifest.business.value, request.now()),
        observed: Observed::default(),
        manifest_digest: manifest_digest(&desired, &policy),
        sources,
        desired,
        policy,
        without_id: offline.without_id,
        undiscovered: undiscovered(&manifest, selection),
    })
}

/// Returns the number of rules that could discover WABAs of a selection. Names of declared WABAs select only these.
fn undiscovered(manifest: &Manifest, selection: &Selection) -> usize {
    let is_declared = |glob: &Glob| manifest.wabas.contains_key(glob.as_str());
    if !selection.wabas.is_empty() && selection.wabas.iter().all(is_declared) {
        return 0;
    }
    manifest.discover.len()
}

impl CheckedManifests {
    /// Returns the tasks that are named: tasks, roles, and those of `extra_tasks`.
    ///
    /// # Errors
    ///
    /// If one is none of them.
    pub fn tasks_named(&self, names: &[Name]) -> Result<TaskSet, EngineError> {
        let mut tasks = TaskSet::EMPTY;
        for name in names {
            let known = name.as_str().parse::<Task>().is_ok();
            match self.manifest.roles.get(name) {
                Some(role) => tasks.extend(role),
                None if known || self.manifest.extra_tasks.contains(name.as_str()) => {
                    tasks.insert_name(name.as_str());
                }
                None => return Err(self.no_task(name)),
            }
        }
        Ok(tasks)
    }

    fn no_task(&self, name: &Name) -> EngineError {
        let tasks: Vec<Name> = Task::ALL.iter().map(|task| Name::from(task.name())).collect();
        let known = tasks.iter().chain(self.manifest.roles.keys());
        EngineError::NothingSelected(NothingSelected::new("TASK", name.as_str(), known))
    }

    /// Returns the declared name of a WABA that is given by its name or its id; `None` if it is not declared.
    pub fn declared_waba(&self, given: &Name) -> Option<Name> {
        let wabas = &self.manifest.wabas;
        if wabas.contains_key(given) {
            return Some(given.clone());
        }
        let id = given.as_str().parse::<WabaId>().ok()?;
        wabas.iter().find(|(_, waba)| waba.id.value == id).map(|(name, _)| name.clone())
    }

    /// Narrows the manifests to one declared WABA.
    pub fn narrow_to(&mut self, waba: &Name) {
        self.request.selection.wabas = vec![Glob::new(waba.as_str())];
    }
}
