//! The files: YAML and CSV that read back as the draft.

use super::ImportOptions;
use super::draft::{Draft, DraftUser, DraftWaba};
use super::exceptions::{Deviation, DraftException};
use super::names::waba_name;
use super::shared::sharing;
use crate::mining::{List, MinedGrant, Selector};
use crate::model::{DirectoryWaba, Edge, Estate, Shared, TaskSet, WabaId};
use crate::text::cells::{Quotes, row};
use crate::text::yaml::scalar;
use crate::text::{escape, shorten};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The length of a line, in characters, beyond which an entry is written on several lines.
const WIDTH: usize = 110;
/// The longest name in a comment. A guess.
const COMMENT: usize = 60;
/// Up to how many WABAs an exception names on its line.
const ON_A_LINE: usize = 1;

/// The comment at the top of a file with exceptions.
pub const EXCEPTIONS_HEADER: &str = "# What the grants do not explain. Review each: give it a reason and an end, or delete it, which makes the plan right it.\n";

/// The name of the table of WABAs.
pub const TABLE: &str = "wabas.csv";

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedFile {
    /// The name in the folder.
    pub name: &'static str,
    /// The text.
    pub text: String,
}

/// The number of lines of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines {
    /// System users.
    pub users: usize,
    /// Roles.
    pub roles: usize,
    /// Rules that discover WABAs.
    pub rules: usize,
    /// Grants.
    pub grants: usize,
    /// Latent labels that grants use. They have no line of their own.
    pub labels: usize,
    /// WABAs that have a label.
    pub wabas: usize,
    /// Exceptions.
    pub exceptions: usize,
    /// All lines, with comments and headings.
    pub all: usize,
}

pub(super) fn list_name(list: List) -> &'static str {
    match list {
        List::Owned => "owned",
        List::Client => "client",
    }
}

/// Returns the comment at the top: what the files are, and what comes next. It is the same with and without exceptions, so
/// that the first exception changes no other file.
fn header(options: ImportOptions) -> String {
    let (what, review) = if options.normalize {
        ("import --normalize`: what is live without suspected mistakes.", "review its plan")
    } else {
        (
            "import`: what is live, so the plan of these files is empty.",
            "review exceptions.yaml, if there is one",
        )
    };
    format!(
        "# Made by `wabacl {what}\n\
         # Next: {review}, then set `prune: declared`, so that access outside of the manifests is taken away.\n\
         version: 1\n"
    )
}

/// Writes all files.
pub(super) fn write(
    draft: &Draft<'_>,
    deviations: &[Deviation],
    options: ImportOptions,
) -> (Vec<ImportedFile>, Lines) {
    let is_kept = |deviation: &&Deviation| !options.normalize || !deviation.is_suspected();
    let exceptions = draft.exceptions(deviations.iter().filter(is_kept));
    let unknown = unknown_tasks(draft, &exceptions);
    let sections = [users(draft), roles(draft), rules(draft), grants(draft)];
    let unread = unread(draft.estate);
    let (wabas, exceptions) = (wabas(draft), exceptions_of(draft, &exceptions));
    let mut access = header(options);
    let business = draft.estate.directory.business;
    let _ = write!(access, "business: {business}\nprune: none\n");
    if !unknown.is_empty() {
        access += &list("", "extra_tasks", &unknown);
    }
    if wabas.is_some() {
        access += "wabas_from: [wabas.csv]\n";
    }
    for section in sections.iter().chain([&unread]) {
        access += section;
    }
    let lines = |text: &str| text.lines().filter(|line| line.starts_with(' ')).count();
    let mut counts = Lines {
        users: lines(&sections[0]),
        roles: lines(&sections[1]),
        rules: lines(&sections[2]),
        grants: lines(&sections[3]),
        labels: draft.labels.len(),
        wabas: wabas.as_deref().map_or(0, |text| text.lines().count() - 1),
        exceptions: exceptions.as_deref().map_or(0, lines),
        all: 0,
    };
    let file = |name, text| ImportedFile { name, text };
    let mut files = vec![file("access.yaml", access)];
    files.extend(wabas.map(|text| file(TABLE, text)));
    files.extend(exceptions.map(|text| file("exceptions.yaml", text)));
    counts.all = files.iter().map(|file| file.text.lines().count()).sum();
    (files, counts)
}

/// Returns the tasks that this program does not know and that the files name.
fn unknown_tasks(draft: &Draft<'_>, exceptions: &[DraftException]) -> Vec<String> {
    let granted = draft.grants.iter().map(|grant| &grant.tasks);
    let single = draft.singles.keys().map(|(_, tasks)| tasks);
    let excepted = exceptions.iter().map(|exception| &exception.tasks);
    let names: BTreeSet<&str> = granted.chain(single).chain(excepted).flat_map(TaskSet::unknown).collect();
    names.into_iter().map(scalar).collect()
}

fn users(draft: &Draft<'_>) -> String {
    if draft.users.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nsystem_users:\n");
    let mut users: Vec<&DraftUser> = draft.users.iter().collect();
    users.sort_by_key(|user| &user.alias);
    text.extend(users.into_iter().map(user_line));
    text
}

/// Returns the line that declares a system user.
pub(super) fn user_line(user: &DraftUser) -> String {
    let mut parts = vec![format!("id: {}", user.id)];
    if user.is_listed && user.live.as_str() != user.alias && !user.live.as_str().is_empty() {
        parts.push(format!("name: {}", scalar(user.live.as_str())));
    }
    if user.by_role {
        parts.push(String::from("by_role: true"));
    }
    let note = match (user.is_listed, user.by_role) {
        (false, _) => format!(" # not in the list of system users{}", called(user.live.as_str())),
        (true, true) => String::from(" # an ADMIN without assignments: full access by its role"),
        (true, false) => String::new(),
    };
    format!("  {}: {{ {} }}{note}\n", scalar(&user.alias), parts.join(", "))
}

fn called(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("; its name on WABAs: {}", comment(name)) }
}

/// Returns a name for a comment.
fn comment(name: &str) -> String {
    escape(&shorten(name, COMMENT)).into_owned()
}

fn roles(draft: &Draft<'_>) -> String {
    if draft.roles.is_empty() {
        return String::new();
    }
    let mut by_name: Vec<(&String, &TaskSet)> =
        draft.roles.iter().map(|(tasks, name)| (name, tasks)).collect();
    by_name.sort();
    let mut text = String::from("\nroles:\n");
    for (name, tasks) in by_name {
        text += &list("  ", &scalar(name), &tasks.names().map(scalar).collect::<Vec<_>>());
    }
    text
}

/// Writes a key with a list, on several lines if it is long.
fn list(indent: &str, key: &str, items: &[String]) -> String {
    let line = format!("{indent}{key}: [{}]\n", items.join(", "));
    if line.chars().count() <= WIDTH {
        return line;
    }
    let mut text = format!("{indent}{key}:\n");
    for item in items {
        let _ = writeln!(text, "{indent}  - {item}");
    }
    text
}

fn rules(draft: &Draft<'_>) -> String {
    let live = draft.estate.directory.wabas.values();
    let list = |waba: &DirectoryWaba| match waba.edge {
        Edge::Owned => Some(List::Owned),
        Edge::Client => Some(List::Client),
        Edge::Direct => None,
    };
    let lists: BTreeSet<List> = live.filter_map(list).collect();
    let lists = if lists.is_empty() { BTreeSet::from([List::Owned, List::Client]) } else { lists };
    let mut text = String::from("\ndiscover:\n");
    for list in lists.into_iter().map(list_name) {
        let labels = if draft.uses_lists() { format!(", labels: {{ list: {list} }}") } else { String::new() };
        let _ = writeln!(text, "  - {{ from: {list}{labels} }}");
    }
    text
}

/// Declares the WABAs whose access is not known as away. Else the first plan that can read them would give there what the grants
/// say, and take away the rest.
fn unread(estate: &Estate) -> String {
    let ids: BTreeSet<WabaId> =
        estate.observed.unreadable.keys().chain(estate.left_out.keys()).copied().collect();
    if ids.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n# The access on these WABAs could not be read, so no plan touches them. Once it can be, delete their lines (with the\n\
         # last one, `wabas:` too) and run `wabacl import --update` before the next plan.\nwabas:\n",
    );
    for id in ids {
        let live = estate.directory.wabas.get(&id).map(|waba| waba.name.clone()).unwrap_or_default();
        let name = scalar(&waba_name(id, &live, false));
        let _ = writeln!(text, "  {name}: {{ id: {id}, gone: true }}");
    }
    text
}

/// The parts of a grant but its labels, and the labels.
type Merged = BTreeMap<(Vec<u32>, TaskSet, Selector, Vec<Selector>), BTreeMap<String, BTreeSet<String>>>;

fn grants(draft: &Draft<'_>) -> String {
    let text = grant_entries(draft, "").concat();
    if text.is_empty() { text } else { format!("\ngrants:\n{text}") }
}

/// Returns the entries of the grants, those that select WABAs by their ids last.
pub(super) fn grant_entries(draft: &Draft<'_>, reason: &str) -> Vec<String> {
    let mut merged = Merged::new();
    let mut separate = Vec::new();
    for grant in &draft.grants {
        let selector = Selector { label: None, ..grant.selector.clone() };
        let Some(label) = grant.selector.label.and_then(|label| draft.labels.get(label as usize)) else {
            separate.push(entry(
                draft,
                &grant.users,
                &grant.tasks,
                &selection(draft, grant, &BTreeMap::new()),
                reason,
            ));
            continue;
        };
        let rest = (grant.users.clone(), grant.tasks.clone(), selector, grant.except.clone());
        let keys = merged.entry(rest).or_default();
        keys.entry(label.key.clone()).or_default().insert(label.value.clone());
    }
    for ((users, tasks, selector, except), keys) in merged {
        for (key, values) in keys {
            let grant = MinedGrant {
                users: users.clone(),
                tasks: tasks.clone(),
                selector: selector.clone(),
                except: except.clone(),
            };
            let labels = BTreeMap::from([(key, values)]);
            separate.push(entry(draft, &users, &tasks, &selection(draft, &grant, &labels), reason));
        }
    }
    separate.sort();
    let singles = draft.singles.iter().map(|((user, tasks), wabas)| {
        let exception = DraftException { users: vec![*user], tasks: tasks.clone(), wabas: wabas.clone() };
        with_ids(draft, &exception, reason)
    });
    separate.extend(singles);
    separate
}

/// Returns the keys of a grant that select WABAs.
fn selection(
    draft: &Draft<'_>,
    grant: &MinedGrant,
    labels: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut required: Vec<String> =
        grant.selector.list.iter().map(|list| format!("list: {}", list_name(*list))).collect();
    required.extend(labels.iter().map(|(key, values)| {
        let values: Vec<String> = values.iter().map(|value| scalar(value)).collect();
        match values.as_slice() {
            [one] => format!("{}: {one}", scalar(key)),
            several => format!("{}: [{}]", scalar(key), several.join(", ")),
        }
    }));
    let globs: Vec<String> = grant.selector.globs.iter().map(|glob| scalar(glob)).collect();
    let mut keys = Vec::new();
    if !globs.is_empty() || required.is_empty() {
        let all = [String::from("\"*\"")];
        keys.push(format!("wabas: [{}]", if globs.is_empty() { &all[..] } else { &globs }.join(", ")));
    }
    if !required.is_empty() {
        keys.push(format!("labels: {{ {} }}", required.join(", ")));
    }
    keys.extend(except(draft, &grant.except));
    keys
}

fn except(draft: &Draft<'_>, except: &[Selector]) -> Option<String> {
    let globs: Vec<String> =
        except.iter().flat_map(|selector| &selector.globs).map(|glob| scalar(glob)).collect();
    let list =
        except.iter().find_map(|selector| selector.list).map(|list| format!("list: {}", list_name(list)));
    let label = except.iter().find_map(|selector| draft.labels.get(selector.label? as usize));
    let label = label.map(|label| format!("{}: {}", scalar(&label.key), scalar(&label.value)));
    let mut parts = Vec::new();
    if !globs.is_empty() {
        parts.push(format!("wabas: [{}]", globs.join(", ")));
    }
    parts.extend(list.or(label).map(|label| format!("labels: {{ {label} }}")));
    (!parts.is_empty()).then(|| format!("except: {{ {} }}", parts.join(", ")))
}

/// Returns the keys with users and tasks.
fn who(draft: &Draft<'_>, users: &[u32], tasks: &TaskSet) -> [String; 2] {
    let mut users: Vec<String> = users.iter().map(|user| scalar(draft.alias(*user))).collect();
    users.sort();
    let tasks = match draft.roles.get(tasks) {
        Some(role) => scalar(role),
        None => tasks.names().map(scalar).collect::<Vec<_>>().join(", "),
    };
    [format!("users: [{}]", users.join(", ")), format!("tasks: [{tasks}]")]
}

/// Writes an entry of a list on one line, or with a line for each key.
fn entry(draft: &Draft<'_>, users: &[u32], tasks: &TaskSet, selection: &[String], reason: &str) -> String {
    let selection = selection.iter().cloned();
    let reason = (!reason.is_empty()).then(|| format!("reason: {}", scalar(reason)));
    let keys: Vec<String> = who(draft, users, tasks).into_iter().chain(selection).chain(reason).collect();
    let line = format!("  - {{ {} }}\n", keys.join(", "));
    if line.chars().count() <= WIDTH { line } else { format!("  - {}\n", keys.join("\n    ")) }
}

fn exceptions_of(draft: &Draft<'_>, exceptions: &[DraftException]) -> Option<String> {
    if exceptions.is_empty() {
        return None;
    }
    let entries = exception_entries(draft, exceptions, "imported").concat();
    Some(format!("{EXCEPTIONS_HEADER}version: 1\nexceptions:\n{entries}"))
}

/// Returns the entries of exceptions.
pub(super) fn exception_entries(
    draft: &Draft<'_>,
    exceptions: &[DraftException],
    reason: &str,
) -> Vec<String> {
    let entries = exceptions.iter().map(|exception| with_ids(draft, exception, reason));
    let mut entries: Vec<String> = entries.collect();
    entries.sort();
    entries
}

/// Writes an entry that names WABAs by their ids, with their names as comments.
fn with_ids(draft: &Draft<'_>, exception: &DraftException, reason: &str) -> String {
    let wabas: Vec<&DraftWaba<'_>> =
        exception.wabas.iter().filter_map(|waba| draft.wabas.get(*waba as usize)).collect();
    let [users, tasks] = who(draft, &exception.users, &exception.tasks);
    let reason = (!reason.is_empty()).then(|| format!("reason: {}", scalar(reason)));
    if wabas.len() <= ON_A_LINE {
        let ids: Vec<String> = wabas.iter().map(|waba| waba.id.to_string()).collect();
        let names: Vec<String> = wabas.iter().map(|waba| comment(waba.live.name.as_str())).collect();
        let ids = format!("wabas: [{}]", ids.join(", "));
        let keys: Vec<String> = [users, tasks, ids].into_iter().chain(reason).collect();
        return format!("  - {{ {} }} # {}\n", keys.join(", "), names.join(", "));
    }
    let keys: Vec<String> = [users, tasks].into_iter().chain(reason).collect();
    let mut text = format!("  - {}\n    wabas:\n", keys.join("\n    "));
    for waba in wabas {
        let _ = writeln!(text, "      - {} # {}", waba.id, comment(waba.live.name.as_str()));
    }
    text
}

/// Writes the table of the WABAs that have labels.
fn wabas(draft: &Draft<'_>) -> Option<String> {
    let numbers: Vec<usize> =
        (0..draft.wabas.len()).filter(|number| draft.wabas[*number].declared.is_some()).collect();
    if numbers.is_empty() {
        return None;
    }
    let keys: BTreeSet<&str> = draft.labels.iter().map(|label| label.key.as_str()).collect();
    let sharings: Vec<_> = numbers.iter().map(|number| sharing(draft, *number)).collect();
    let has_shared = sharings.iter().any(|sharing| sharing.shared != Shared::Owned);
    let accepts = sharings.iter().any(|sharing| sharing.accepts_tasks);
    let mut columns = vec![String::from("id"), String::from("name")];
    columns.extend(has_shared.then(|| String::from("shared")));
    columns.extend(accepts.then(|| String::from("accept")));
    columns.extend(draft.uses_lists().then(|| String::from("label:list")));
    columns.extend(keys.iter().map(|key| format!("label:{key}")));
    let mut rows: Vec<(&str, String)> = Vec::new();
    for (number, sharing) in numbers.into_iter().zip(sharings) {
        let waba = &draft.wabas[number];
        let mut cells = vec![waba.id.to_string(), waba.name().to_owned()];
        cells.extend(has_shared.then(|| sharing.shared.word().to_owned()));
        let accept = if sharing.accepts_tasks { "task-on-standard" } else { "" };
        cells.extend(accepts.then(|| accept.to_owned()));
        cells.extend(draft.uses_lists().then(|| list_name(waba.list()).to_owned()));
        for key in &keys {
            let labels = waba.labels.iter().filter_map(|label| draft.labels.get(*label as usize));
            let value = labels.into_iter().find(|label| label.key == *key).map(|label| label.value.clone());
            cells.push(value.unwrap_or_default());
        }
        rows.push((waba.name(), row(&cells, Quotes::Needed)));
    }
    rows.sort();
    let rows: String = rows.into_iter().map(|(_, row)| row).collect();
    Some(row(&columns, Quotes::Needed) + &rows)
}
