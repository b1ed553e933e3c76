//! Checks manifests against the system users and WABAs of their business.

use super::access_tests::judge_resolved;
use super::event::StageGuard;
use super::manifests::{LiveNames, Validation};
use super::memory::Memory;
use super::propose::{present, solutions_of};
use super::session::reading_directory;
use super::{EngineError, Events, PlanRequest, Session, Stage, set_files};
use crate::diagnostic::{self, Diagnostic};
use crate::graph::DirectoryRequest;
use crate::manifest;
use crate::resolve::{self, Circumstances};
use std::collections::BTreeSet;

impl Session {
    /// Checks valid manifests against the directory of their business: names, ids, how WABAs are shared, what selections match.
    /// Reads no assignments.
    ///
    /// # Errors
    ///
    /// If a list or the state cannot be read, or only a part of a set was given.
    pub async fn validate(
        &self,
        offline: Validation,
        request: &PlanRequest,
        events: Events<'_>,
    ) -> Result<Validation, EngineError> {
        let Validation { manifest: Some(manifest), sources, .. } = offline else { return Ok(offline) };
        let business = manifest.business.value;
        // Its positions may refer to files that are not among the sources.
        let mut remembered = sources.clone();
        let memory = Memory::load(request.state.as_ref(), business, &manifest.set, &mut remembered).await?;
        memory.check_files(&manifest, &set_files::given(&sources), &sources)?;
        let wanted = DirectoryRequest {
            solutions_of: solutions_of(&manifest).collect(),
            declared: present(&manifest).map(|waba| waba.id.value).collect(),
            ..self.directory_request(business)
        };
        let stage = StageGuard::start(Stage::ReadingWabas, wanted.declared.len(), events);
        let directory = self.reader.directory(&wanted).await;
        let directory = directory.map_err(EngineError::graph(reading_directory(business)))?;
        drop(stage);
        let circumstances = Circumstances {
            now: request.now(),
            acting_user: self.acting_user(),
            earlier: &memory.earlier,
            admin_rows: &[],
        };
        let (_, mut diagnostics) = manifest::parse(&sources);
        let (resolved, found) = resolve::resolve(&manifest, &directory, circumstances);
        diagnostics.extend(found);
        let is_missing = |waba: &&manifest::WabaDeclaration| !directory.wabas.contains_key(&waba.id.value);
        let missing: BTreeSet<_> = present(&manifest).filter(is_missing).map(|waba| waba.id.value).collect();
        for (name, waba) in &manifest.wabas {
            if missing.contains(&waba.id.value) {
                diagnostics.push(diagnostic::unknown_waba_id(waba.id.at, name, waba.id.value));
            }
        }
        let tests = resolved.as_ref().filter(|_| !manifest.tests.is_empty()).map(judge_resolved);
        let live = resolved.map(|resolved| {
            let scope = &resolved.desired.scope;
            let is_known = |id| directory.system_users.contains_key(id);
            let users = scope.users.keys().filter(|id| is_known(id)).count();
            let wabas = scope.wabas.keys().filter(|id| !missing.contains(id)).count();
            let missing = manifest.system_users.len() - users + missing.len();
            LiveNames { users, wabas, missing }
        });
        let is_valid = !diagnostics.iter().any(Diagnostic::is_error);
        let diagnostics = diagnostic::bounded(diagnostics);
        let manifest = Some(manifest).filter(|_| is_valid);
        Ok(Validation { manifest, diagnostics, sources, tests, live })
    }
}
