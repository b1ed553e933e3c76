//! Saved plans: a plan document with evidence and a digest, which can be shown and applied later.
//!
//! The file is complete: nothing else is needed to show the plan or to review it again. The digest covers everything in
//! it. It detects damage, not forgery. A plan is written to the file and read from it without a copy in memory.

mod access_tests;
mod error;
mod evidence;
#[cfg(test)]
mod tests;
mod v1;

pub use error::SavedPlanError;
pub(crate) use evidence::EvidenceEntry;

use super::parts::{ChangeEntry, UserEntry, WabaEntry};
use super::plan::{
    DeferredEntry, KeptEntry, LeftEntry, OutOfScopeEntry, PlanDocument, PolicyLineEntry, ReleasedEntry,
    SnapshotEntry, UnmanagedEntry,
};
use super::{FORMAT_VERSION, PartsReader, json};
use crate::files;
use crate::model::{
    AssignmentKey, Change, Deferred, Glob, Kept, LiveSource, Name, Plan, RecentRemovals, ReleasedUser,
    Selection, Unmanaged, UnmanagedReason, day_of, start_of_day,
};
use crate::proposal::Proposal;
use crate::redact::Redacting;
use crate::text;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

/// The largest file that is read, in bytes. A plan with a million changes has about 250 MB; in memory it takes four times
/// as much.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The versions that are read as this one. In older ones, the fields that were added later are missing.
const READ: [&str; 5] = ["2.0", "2.1", "2.2", "2.3", FORMAT_VERSION];

/// Writes a plan to a file that only its owner may read. The file is replaced atomically.
///
/// # Errors
///
/// [`SavedPlanError::Write`] if the file cannot be written. The old file is then left as it was.
pub fn save(proposal: &Proposal, path: &Path) -> Result<(), SavedPlanError> {
    files::write_out(path, files::OWNER_ONLY, |to| write(proposal, Redacting::new(to)))
        .map_err(|source| SavedPlanError::Write { path: path.to_owned(), source })
}

/// Returns the file of a plan.
///
/// # Errors
///
/// If a text of it cannot be written as JSON.
pub fn to_bytes(proposal: &Proposal) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(proposal, Redacting::new(&mut bytes))?;
    Ok(bytes)
}

/// Writes a plan to a writer.
///
/// # Errors
///
/// If the writer fails.
pub fn write(proposal: &Proposal, to: impl Write) -> io::Result<()> {
    let evidence = Some(EvidenceEntry::of(proposal));
    let mut document = PlanDocument { evidence, ..PlanDocument::of(proposal) };
    document.digest = Some(digest(&document)?.into());
    json::write_document(&document, to)
}

/// Returns whether a file is a plan by its content: a JSON object with a `format_version`. Nothing else is kept of it.
pub fn is_plan(path: &Path) -> bool {
    struct Search<'a>(&'a mut bool);

    impl<'de> Visitor<'de> for Search<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if key == "format_version" {
                    *self.0 = true;
                    return Ok(());
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut found = false;
    if let Ok(file) = files::open_bounded(path, LARGEST) {
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
        // After a find the rest is not read, which is an error to the parser.
        let _ = json.deserialize_map(Search(&mut found));
    }
    found
}

/// Reads a saved plan.
///
/// # Errors
///
/// If the file cannot be read, is not a saved plan, is of a newer format, or was altered.
pub fn load(path: &Path) -> Result<Proposal, SavedPlanError> {
    let error = match parse::<PlanDocument<'_>>(path)? {
        Ok(document) if READ.contains(&&*document.format_version) => return checked(document, path),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    not_current(path, error)
}

/// Reads the text of a saved plan. `name` names it in errors. Plans of format 1 are not read.
///
/// # Errors
///
/// As for [`load`].
pub fn read(text: &[u8], name: &Path) -> Result<Proposal, SavedPlanError> {
    let error = match serde_json::from_slice::<PlanDocument<'_>>(text) {
        Ok(document) if READ.contains(&&*document.format_version) => return checked(document, name),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let mark: Mark = serde_json::from_slice(text).map_err(|error| not_a_plan(name, &error))?;
    other_version(&mark, name, error, || Err(not_a_plan(name, &"it is of format 1")))
}

/// What all versions have.
#[derive(Deserialize)]
struct Mark {
    format_version: String,
}

/// Reads a file that is not a document of this format: it may be of another version.
fn not_current(path: &Path, error: Option<serde_json::Error>) -> Result<Proposal, SavedPlanError> {
    let mark: Mark = parse(path)?.map_err(|error| not_a_plan(path, &error))?;
    other_version(&mark, path, error, || v1::load(path))
}

/// Returns the plan or the error of a document that is not of this format.
fn other_version(
    mark: &Mark,
    path: &Path,
    error: Option<serde_json::Error>,
    of_version_1: impl FnOnce() -> Result<Proposal, SavedPlanError>,
) -> Result<Proposal, SavedPlanError> {
    let version = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    match version(&mark.format_version) {
        Some((1, _)) => of_version_1(),
        Some(found) if Some(found) > version(FORMAT_VERSION) => {
            Err(SavedPlanError::Newer { path: path.to_owned(), version: quoted(&mark.format_version) })
        }
        Some(_) | None => Err(match error {
            Some(error) if READ.contains(&&*mark.format_version) => altered(path, &error),
            Some(_) | None => not_a_plan(path, &format!("`{}` is not a format", mark.format_version)),
        }),
    }
}

/// Reads JSON from a file. The inner error is about the JSON.
fn parse<T: DeserializeOwned>(path: &Path) -> Result<Result<T, serde_json::Error>, SavedPlanError> {
    let fails = |source| SavedPlanError::Read { path: path.to_owned(), source };
    let file = files::open_bounded(path, LARGEST).map_err(fails)?;
    match serde_json::from_reader(BufReader::new(file)) {
        Err(error) if error.is_io() => Err(fails(error.into())),
        parsed => Ok(parsed),
    }
}

/// Returns the proposal of a document if it is complete and has the right digest.
fn checked(mut document: PlanDocument<'_>, path: &Path) -> Result<Proposal, SavedPlanError> {
    if document.evidence.is_none() {
        return Err(not_a_plan(path, &"`--format json` shows a plan, and `--out` saves it"));
    }
    let written = document.digest.take();
    let found = digest(&document).map_err(|source| SavedPlanError::Read { path: path.to_owned(), source })?;
    if written.as_deref() != Some(&found) {
        return Err(altered(path, &"the digest does not match the content"));
    }
    proposal(document).map_err(|why| not_a_plan(path, &why))
}

fn not_a_plan(path: &Path, why: &impl ToString) -> SavedPlanError {
    SavedPlanError::NotASavedPlan { path: path.to_owned(), why: quoted(&why.to_string()) }
}

fn altered(path: &Path, why: &impl ToString) -> SavedPlanError {
    SavedPlanError::Altered { path: path.to_owned(), why: quoted(&why.to_string()) }
}

/// Returns the beginning of a text from the file.
fn quoted(text: &str) -> String {
    text::shorten(text, text::MAX_QUOTE).into_owned()
}

/// Returns the digest of a document that has none yet: of the bytes as which this program writes it.
fn digest(document: &PlanDocument<'_>) -> io::Result<String> {
    let mut hasher = BufWriter::new(Hasher(Sha256::new()));
    json::write(document, &mut hasher)?;
    let Hasher(hasher) = hasher.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(hex(hasher))
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::from("sha256:"), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A writer that hashes.
struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the proposal of a document with evidence.
fn proposal(document: PlanDocument<'_>) -> Result<Proposal, String> {
    let evidence = document.evidence.ok_or("it has no `evidence`")?;
    let mut parts = PartsReader::default();
    for path in &evidence.sources {
        parts.source(path);
    }
    let (made, day) = (document.created_at.0, document.day.0);
    let now = document.planned_for.map_or_else(|| planned_for(made, day), |time| time.0);
    let mut plan = Plan::empty(document.business.0, now);
    plan.implied = evidence.implied.into_iter().map(|(task, tasks)| (task.0, tasks.0)).collect();
    for entry in document.changes {
        add_change(&mut plan, entry, &mut parts)?;
    }
    for UnmanagedEntry { waba, user, tasks, why, own } in document.unmanaged {
        let (key, why) = (AssignmentKey { waba: waba.id.0, user: user.id.0 }, why.into());
        add_waba(&mut plan, waba);
        let own = own.unwrap_or(matches!(why, UnmanagedReason::Person | UnmanagedReason::Undeclared));
        plan.unmanaged.push(Unmanaged { key, name: user.into_name(), tasks: tasks.0, why, own });
    }
    for entry in document.unreadable {
        plan.unreadable.insert(entry.waba.id.0, entry.error.into_owned());
        add_waba(&mut plan, entry.waba);
    }
    for entry in document.notices {
        plan.notices.push(entry.read().ok_or("a notice is about nothing")?);
    }
    for entry in document.unresolved.into_iter().flatten() {
        plan.unresolved.push(entry.read(&mut parts));
    }
    for ReleasedEntry { user, file, line } in document.released.into_iter().flatten() {
        let at = parts.position(&file, line, 1);
        let (id, name) = (user.id.0, add_user(&mut plan, user));
        plan.released.insert(id, ReleasedUser { name, at });
    }
    for KeptEntry { waba, user, tasks } in document.kept.into_iter().flatten() {
        let key = AssignmentKey { waba: waba.id.0, user: user.id.0 };
        add_waba(&mut plan, waba);
        add_user(&mut plan, user);
        plan.kept.push(Kept { key, tasks: tasks.0 });
    }
    plan.left = document.left.into_iter().flatten().map(LeftEntry::read).collect();
    for OutOfScopeEntry { user, held, error } in document.out_of_scope.into_iter().flatten() {
        plan.out_of_scope.push(OutOfScopeEntry::read(held, error, user.id.0));
        add_user(&mut plan, user);
    }
    for DeferredEntry { waba, user, before, after } in document.deferred.into_iter().flatten() {
        let key = AssignmentKey { waba: waba.id.0, user: user.id.0 };
        add_waba(&mut plan, waba);
        add_user(&mut plan, user);
        plan.deferred.push(Deferred { key, before: before.0, after: after.0 });
    }
    for user in document.by_role.into_iter().flatten() {
        plan.by_role.insert(user.id.0);
        add_user(&mut plan, user);
    }
    plan.undeclared = document.undeclared.map(Into::into).unwrap_or_default();
    plan.acting_user = document.acting_user.as_ref().map(|user| user.id.0);
    plan.unchanged = document.summary.unchanged;
    plan.live_in_scope = evidence.live_in_scope;
    plan.selection = match document.selection {
        Some(selection) => selection.read(),
        None if document.undo.is_some() => Selection::default(),
        None => selection_of_older(document.partial),
    };
    if let Some(undo) = document.undo {
        plan.undo = Some(Box::new(undo.read(&mut plan, &mut parts)?));
    }
    let snapshot = document.snapshot.map(SnapshotEntry::read);
    let live_source = evidence.live_source.map_or(LiveSource::Unrecorded, |word| word.read(snapshot));
    let access = evidence.access.read();
    plan.holders = evidence::holders(&plan, &access);
    Ok(Proposal {
        made,
        made_by: document.tool.version.into_owned(),
        manifest_digest: document.manifest_digest.into_owned(),
        acting_user_name: document.acting_user.and_then(|user| user.name).map(Name::new),
        plan,
        access,
        policy: evidence.policy.read(&mut parts)?,
        policy_lines: document.policy.into_iter().flatten().map(PolicyLineEntry::read).collect(),
        recent_removals: RecentRemovals::new(),
        declared: evidence.declared.map(|declared| declared.read(&mut parts)).unwrap_or_default(),
        live_source,
        inventory_digest: document.inventory_digest.map(Cow::into_owned),
        tests: None,
        ending: evidence.ending.into_iter().map(|entry| entry.read(&mut parts)).collect(),
        sources: parts.into_sources(),
    })
}

/// Returns the instant for which a plan is that only names the day: when it was made, or the start of another day.
fn planned_for(made: Timestamp, day: Date) -> Timestamp {
    if day_of(made) == day { made } else { start_of_day(day) }
}

/// Returns the selection of a plan of a version that does not say what it was limited to: as it cannot be made again, a glob
/// that matches everything.
fn selection_of_older(partial: bool) -> Selection {
    Selection { wabas: partial.then(|| Glob::new("*")).into_iter().collect(), ..Selection::default() }
}

fn changes_nothing(key: AssignmentKey) -> String {
    format!("the change of {} on {} changes nothing", key.user, key.waba)
}

/// Adds a change to a plan, and the names that it uses.
fn add_change(plan: &mut Plan, entry: ChangeEntry<'_>, parts: &mut PartsReader) -> Result<(), String> {
    let key = AssignmentKey { waba: entry.waba.id.0, user: entry.user.id.0 };
    let (before, after) = (entry.before.0, entry.after.0);
    if before == after {
        return Err(changes_nothing(key));
    }
    add_waba(plan, entry.waba);
    add_user(plan, entry.user);
    plan.changes.push(Change {
        because: parts.because(entry.because, entry.gone),
        blocked: entry.blocked.map(Into::into),
        admin: entry.admin,
        split: !entry.steps.is_empty(),
        ..Change::new(key, before, after)
    });
    Ok(())
}

/// Adds the names of a WABA to a plan.
pub(super) fn add_waba(plan: &mut Plan, mut entry: WabaEntry<'_>) {
    let (id, live) = (entry.id.0, entry.live_name.take());
    plan.live_waba_names.extend(live.map(|live| (id, Name::new(live))));
    plan.waba_names.insert(id, entry.into_name());
}

/// Adds the names of a user to a plan, and returns the one in the manifests.
pub(super) fn add_user(plan: &mut Plan, mut entry: UserEntry<'_>) -> Name {
    let (id, live) = (entry.id.0, entry.live_name.take());
    plan.live_user_names.extend(live.map(|live| (id, Name::new(live))));
    let name = entry.into_name();
    plan.user_names.insert(id, name.clone());
    name
}
