//! `wabacl import --update`.

use super::{Args, CheckedConnection, Exit, Failure, Terminal};
use crate::engine::{self, EngineError, Events, NewFiles, PlanRequest, Updated, UpdatedFile};
use crate::files::{self, Replacement};
use crate::render::text::pending;
use crate::text::{count, escape};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The file for exceptions, as `import --out` names it.
const EXCEPTIONS: &str = "exceptions.yaml";

pub(super) async fn run(
    args: &Args,
    folder: &Path,
    terminal: &Terminal,
    events: Events<'_>,
) -> Result<Exit, Failure> {
    if args.normalize {
        let message = "--normalize leaves exceptions out, and --update adds what is not in the manifests yet";
        return Err(Failure::plain(Exit::Usage, message)
            .hint("leave out --normalize, and delete each added exception that is a mistake: the plan then rights it"));
    }
    if !folder.is_dir() {
        let message = format!("{} is not a folder", escape(&folder.display().to_string()));
        return Err(Failure::plain(Exit::Failed, message)
            .hint("give the folder of the manifests, or write new ones with --out"));
    }
    let began = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let prepared = CheckedConnection::new(&args.connection)?;
    let request = PlanRequest { began, state: args.connection.state()?, ..PlanRequest::default() };
    let checked = engine::check_paths(&[folder.to_owned()], request, events).map_err(without_plan)?;
    let business = checked.business();
    if let Some(given) = args.business.filter(|given| *given != business) {
        let message = format!("the manifests are for the business {business}, and --business is {given}");
        return Err(Failure::plain(Exit::Failed, message).hint("leave out --business"));
    }
    let connected = prepared.connect(Some(business), events).await?;
    let updated = connected.session.update(checked, &new_files(folder, began), events).await;
    connected.end(terminal).await;
    let updated = updated.map_err(without_plan)?;
    write(&updated.files)?;
    for (id, (name, why)) in &updated.unreadable {
        terminal.say(&format!(
            "warning: the access on {name} ({id}) is not known and was left out: {}",
            escape(why)
        ));
    }
    if !updated.out_of_scope.is_empty() {
        let wabas = count(updated.out_of_scope.len(), "WABA", "WABAs");
        let first = updated.out_of_scope.iter().next().map(|(id, name)| format!("{name} ({id})"));
        let first = first.unwrap_or_default();
        terminal.say(&format!(
            "note: no rule of `discover` covers {wabas} on which system users hold something, the first is {first}; \
             they were left out"
        ));
    }
    terminal.product(&summary(folder, &updated))?;
    terminal.written(|to| pending(&updated.pending, &updated.sources, to))?;
    let is_complete = updated.unreadable.is_empty()
        && updated.unresolved.is_empty()
        && updated.pending.iter().all(|pending| pending.surplus.is_empty());
    Ok(if is_complete { Exit::Done } else { Exit::Partial })
}

/// Returns the failure, which says of an error in the manifests that nothing was written.
fn without_plan(error: EngineError) -> Failure {
    let EngineError::Manifests(errors) = error else { return error.into() };
    let errors = if errors == 1 { String::from("an error") } else { format!("{errors} errors") };
    Failure::plain(Exit::Failed, format!("the manifests have {errors}; nothing was written"))
}

/// Returns names for files that are not there yet.
fn new_files(folder: &Path, began: Timestamp) -> NewFiles {
    let is_free = |name: &String| folder.join(name).symlink_metadata().is_err();
    let day = crate::model::day_of(began);
    let numbered = (2..).map(|number| format!("imported-{day}-{number}.yaml"));
    let mut names = std::iter::once(format!("imported-{day}.yaml")).chain(numbered);
    let path = |name: &str| folder.join(name).display().to_string().replace(std::path::MAIN_SEPARATOR, "/");
    NewFiles {
        exceptions: Some(EXCEPTIONS.to_owned()).filter(is_free).map(|name| path(&name)),
        other: path(&names.find(is_free).unwrap_or_default()),
    }
}

/// Writes all files, or none: if one cannot be written, those before it get their old content again.
fn write(updated: &[UpdatedFile]) -> Result<(), Failure> {
    let mut replacements = Vec::new();
    for file in updated {
        let path = Path::new(&file.path);
        let failed = |error| Failure::failed(&format!("reading {}", escape(&file.path)), error);
        let Some(before) = &file.before else {
            let (path, mode) = (path.to_owned(), files::OWNER_ONLY);
            replacements.push(Replacement {
                path,
                mode,
                before: None,
                after: file.after.clone().into_bytes(),
            });
            continue;
        };
        // A link stays one: its file is replaced.
        let path: PathBuf = path.canonicalize().map_err(failed)?;
        let bytes = fs::read(&path).map_err(failed)?;
        let mode = files::mode(&path).map_err(failed)?;
        let mark: &[u8] = if bytes.starts_with(MARK) && !before.starts_with('\u{feff}') { MARK } else { b"" };
        if bytes.strip_prefix(mark) != Some(before.as_bytes()) {
            let message =
                format!("{} changed meanwhile, or holds a secret; nothing was written", escape(&file.path));
            return Err(Failure::plain(Exit::Failed, message).hint("run the command again"));
        }
        let after = [mark, file.after.as_bytes()].concat();
        replacements.push(Replacement { path, mode, before: Some(bytes), after });
    }
    files::replace_all(&replacements).map_err(|(path, error)| {
        Failure::failed(&format!("writing {}", escape(&path.display().to_string())), error)
    })
}

/// The mark with which spreadsheets begin a text in UTF-8. Tables are read without it.
const MARK: &[u8] = "\u{feff}".as_bytes();

fn summary(folder: &Path, updated: &Updated) -> String {
    let shown = escape(&folder.display().to_string()).into_owned();
    let mut text = String::new();
    for file in &updated.files {
        let lines = count(file.lines, "line", "lines");
        let how = if file.before.is_some() { "added to" } else { "in the new file" };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{lines} {how} {}", escape(&file.path));
    }
    let additions = &updated.additions;
    let parts = [
        (additions.users.len(), "system user", "system users"),
        (additions.wabas.len(), "WABA", "WABAs"),
        (additions.grants.len(), "grant", "grants"),
        (additions.exceptions.len(), "exception", "exceptions"),
        (additions.extra_tasks.len(), "unknown task", "unknown tasks"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| count(*number, one, many))
        .collect();
    let _ = if parts.is_empty() {
        writeln!(text, "There is nothing to add to {shown}.")
    } else {
        writeln!(text, "Added {} to {shown}.", parts.join(", "))
    };
    if updated.pending.is_empty() {
        text += "Their plan is empty, with `prune: none`, `declared` and `all`.\n";
    }
    text
}
