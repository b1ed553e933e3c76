//! Makes manifests from the live state, and proves that their plan is empty.

use super::{EngineError, Events, Session};
use crate::diagnostic::Diagnostic;
use crate::import::{ImportOptions, Imported, ImportedFile, TABLE, import};
use crate::manifest::{self, Manifest};
use crate::model::{BusinessId, Earlier, Estate, Plan, Prune, Sources};
use crate::proposal::Proposal;
use crate::resolve::{self, Circumstances, Resolved};
use crate::{diagnostic, plan};

/// Every value of `prune`.
pub(super) const PRUNE: [(&str, Prune); 3] =
    [("none", Prune::None), ("declared", Prune::Declared), ("all", Prune::All)];

impl Session {
    /// Reads everything of a business, and makes manifests of it.
    ///
    /// # Errors
    ///
    /// If a list cannot be read, or as [`import_estate`].
    pub async fn import(
        &self,
        business: BusinessId,
        options: ImportOptions,
        events: Events<'_>,
    ) -> Result<Imported, EngineError> {
        import_estate(&self.estate(business, events).await?, options)
    }

    /// Reads everything of a business, and makes manifests of it without the suspected mistakes, and the plan that rights these.
    ///
    /// # Errors
    ///
    /// If a list cannot be read, or as [`normalize_estate`].
    pub async fn import_normalized(
        &self,
        business: BusinessId,
        events: Events<'_>,
    ) -> Result<(Imported, Proposal), EngineError> {
        normalize_estate(&self.estate(business, events).await?)
    }
}

/// Makes manifests from live access. Their plan is empty with each value of `prune`; with `normalize`, that is so before the
/// suspected mistakes are left out.
///
/// # Errors
///
/// [`EngineError::NotExact`] if their plan is not empty.
pub fn import_estate(estate: &Estate, options: ImportOptions) -> Result<Imported, EngineError> {
    if options.normalize {
        return Ok(normalize_estate(estate)?.0);
    }
    let exact = import(estate, options);
    prove(estate, &exact.files)?;
    Ok(exact)
}

/// Makes manifests from live access without the suspected mistakes, and the plan with `prune: declared` that rights these.
///
/// # Errors
///
/// [`EngineError::NotExact`] if the plan with the suspected mistakes is not empty.
pub fn normalize_estate(estate: &Estate) -> Result<(Imported, Proposal), EngineError> {
    import_estate(estate, ImportOptions { normalize: false })?;
    let normalized = import(estate, ImportOptions { normalize: true });
    let sources = sources(&normalized.files);
    let Resolved { mut desired, .. } = resolved(estate, &sources)?;
    for waba in desired.scope.wabas.values_mut() {
        waba.prune = Prune::Declared;
    }
    let plan = plan::plan(&desired, &estate.observed);
    Ok((normalized, Proposal { sources, ..Proposal::without_evidence(plan) }))
}

/// Plans the files with each value of `prune`, and fails at the first change.
fn prove(estate: &Estate, files: &[ImportedFile]) -> Result<(), EngineError> {
    let Resolved { mut desired, .. } = resolved(estate, &sources(files))?;
    for (word, prune) in PRUNE {
        for waba in desired.scope.wabas.values_mut() {
            waba.prune = prune;
        }
        let plan = plan::plan(&desired, &estate.observed);
        if let Some(why) = first_difference(&plan) {
            return Err(EngineError::NotExact(format!("with `prune: {word}`, {why}")));
        }
    }
    Ok(())
}

/// Returns what a plan that should be empty would do.
fn first_difference(plan: &Plan) -> Option<String> {
    if let Some(change) = plan.changes.first() {
        let (user, waba) = (change.key.user, change.key.waba);
        let others = plan.changes.len() - 1;
        return Some(format!(
            "the plan changes user {user} on WABA {waba} from [{}] to [{}], and {others} more",
            change.before, change.after
        ));
    }
    let unresolved = plan.unresolved.first()?;
    Some(format!("the user `{}` is not found: {}", unresolved.name, unresolved.why))
}

fn resolved(estate: &Estate, sources: &Sources) -> Result<Resolved, EngineError> {
    let (manifest, found) = manifest::parse(sources);
    let manifest = valid(manifest, &found)?;
    let circumstances = Circumstances {
        now: estate.taken,
        acting_user: estate.acting_user.as_ref().map(|(user, _)| *user),
        earlier: &Earlier::default(),
        admin_rows: &[],
    };
    let (resolved, found) = resolve::resolve(&manifest, &estate.directory, circumstances);
    resolved.ok_or_else(|| EngineError::NotExact(first_error(&found)))
}

fn valid(manifest: Option<Manifest>, found: &[Diagnostic]) -> Result<Manifest, EngineError> {
    manifest.ok_or_else(|| EngineError::NotExact(first_error(found)))
}

pub(super) fn first_error(found: &[Diagnostic]) -> String {
    let (errors, _) = diagnostic::counts(found);
    let first = found.iter().find(|found| found.is_error());
    first.map_or_else(String::new, |first| {
        format!("they have {errors} errors, the first is: {}", first.message)
    })
}

/// Returns the files as if they were read.
pub(super) fn sources(files: &[ImportedFile]) -> Sources {
    let mut sources = Sources::default();
    let ids: Vec<_> =
        files.iter().map(|file| (file.name, sources.add(file.name, file.text.clone()))).collect();
    for (of, text) in &ids {
        for (name, table) in ids.iter().filter(|(name, _)| *name == TABLE && of != name) {
            sources.add_table(*text, *name, Ok(*table));
        }
    }
    sources
}

#[cfg(test)]
pub(super) mod tests;
