//! Adds lines to the texts of manifests, and proves that they only add.
//!
//! Nothing is written anew: lines stand behind the last entry of a section, with its indentation. Whether YAML reads them as meant
//! is not assumed but checked: the result is parsed, and everything else in it must be as before.

use super::Manifest;
use super::raw::{Document, Entries};
use super::scalar::Location;
use super::yaml;
use crate::diagnostic::Collector;
use crate::model::{Position, SourceId, Sources};
use std::collections::{BTreeMap, BTreeSet};

/// A section that can get more entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// `system_users`.
    SystemUsers,
    /// `wabas`.
    Wabas,
    /// `grants`.
    Grants,
    /// `exceptions`.
    Exceptions,
}

impl Section {
    /// Every section, in the order in which a file has them.
    pub const ALL: [Self; 4] = [Self::SystemUsers, Self::Wabas, Self::Grants, Self::Exceptions];

    /// Returns the key of the section.
    pub fn key(self) -> &'static str {
        match self {
            Self::SystemUsers => "system_users",
            Self::Wabas => "wabas",
            Self::Grants => "grants",
            Self::Exceptions => "exceptions",
        }
    }
}

/// A place for more entries of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: SourceId,
    /// The number of lines before it.
    pub line: usize,
    /// The indentation of the entries.
    pub indent: usize,
    /// The number of entries that the section has there.
    pub entries: usize,
}

/// Lines to add to a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insertion {
    /// The text.
    pub source: SourceId,
    /// The number of lines before them.
    pub line: usize,
    /// The lines, without line breaks.
    pub lines: Vec<String>,
}

/// Returns the places where each section can get more entries: in each document behind its last entry. A section in flow style
/// (`[…]`, `{…}`) has none.
pub fn places(sources: &Sources) -> BTreeMap<Section, Vec<Place>> {
    let mut places: BTreeMap<Section, Vec<Place>> = BTreeMap::new();
    for (source, text) in sources.manifests() {
        let lines: Vec<&str> = text.text.lines().collect();
        for document in yaml::parse(source, &text.text, &mut Collector::default()) {
            for section in Section::ALL {
                let (starts, is_list) = entries(&document.value, section);
                let place = place(&lines, &starts, is_list);
                places.entry(section).or_default().extend(place.map(|(line, indent)| Place {
                    source,
                    line,
                    indent,
                    entries: starts.len(),
                }));
            }
        }
    }
    places
}

/// Returns where the entries of a section start, and whether it is a list.
fn entries(document: &Document, section: Section) -> (Vec<Location>, bool) {
    fn keys<V>(entries: Option<&Entries<V>>) -> Vec<Location> {
        entries.iter().flat_map(|entries| &entries.items).map(|(name, _)| name.location).collect()
    }
    match section {
        Section::SystemUsers => (keys(document.system_users.as_ref()), false),
        Section::Wabas => (keys(document.wabas.as_ref()), false),
        Section::Grants => (document.grants.iter().flatten().map(|grant| grant.location).collect(), true),
        Section::Exceptions => {
            (document.exceptions.iter().flatten().map(|exception| exception.location).collect(), true)
        }
    }
}

/// Returns the number of lines up to the end of the last entry, with the comments behind it that are indented as it is, and its
/// indentation.
fn place(lines: &[&str], starts: &[Location], is_list: bool) -> Option<(usize, usize)> {
    let last = starts.last()?;
    let number = (last.line as usize).checked_sub(1)?;
    let before: String = lines.get(number)?.chars().take((last.column as usize).checked_sub(1)?).collect();
    let indent = before.chars().take_while(|c| *c == ' ').count();
    let lead = before.trim();
    if lead != if is_list { "-" } else { "" } {
        return None;
    }
    let mut end = number + 1;
    for (index, line) in lines.iter().enumerate().skip(end) {
        let text = line.trim_start_matches(' ');
        let indented = line.len() - text.len();
        let is_comment = text.starts_with('#') && indented > 0 && indented == indent;
        if text.trim().is_empty() {
            continue;
        }
        if indented <= indent && !is_comment {
            break;
        }
        end = index + 1;
    }
    Some((end, indent))
}

/// Returns the names of the columns of a table; `None` if its first line is not valid.
pub fn columns(table: &str) -> Option<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(table.as_bytes());
    let header = reader.into_records().next()?.ok()?;
    Some(header.iter().map(str::to_owned).collect())
}

/// Adds lines to a text. They get the line breaks that the text has.
pub fn insert(text: &str, line: usize, lines: &[String]) -> String {
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let at = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    let (before, after) = text.split_at(at);
    let mut result = String::from(before);
    if !before.is_empty() && !before.ends_with('\n') {
        result += line_break;
    }
    for line in lines {
        result += line;
        result += line_break;
    }
    result + after
}

/// Returns the sources with lines added.
pub fn with_insertions(sources: &Sources, insertions: &[Insertion]) -> Sources {
    let mut result = sources.clone();
    let mut from_the_end: Vec<&Insertion> = insertions.iter().collect();
    from_the_end.sort_by_key(|insertion| std::cmp::Reverse((insertion.source, insertion.line)));
    for insertion in from_the_end {
        if let Some(source) = result.get(insertion.source) {
            let text = insert(&source.text, insertion.line, &insertion.lines);
            result.set_text(insertion.source, text);
        }
    }
    result
}

/// Parses sources with lines added, and checks that everything else means what it did. `files` are new files.
///
/// Returns `None` if the result is not valid, or differs in anything but new entries.
pub fn only_adds(
    sources: &Sources,
    insertions: &[Insertion],
    files: &[(String, String)],
) -> Option<(Sources, Manifest)> {
    let mut after = with_insertions(sources, insertions);
    for (path, text) in files {
        after.add(path.clone(), text.clone());
    }
    // With as many empty lines, everything that was there before has the same position.
    let empty = |insertion: &Insertion| Insertion {
        lines: vec![String::new(); insertion.lines.len()],
        ..insertion.clone()
    };
    let padded = with_insertions(sources, &insertions.iter().map(empty).collect::<Vec<_>>());
    let before = super::parse(&padded).0?;
    let manifest = super::parse(&after).0?;
    let added = added_lines(insertions);
    let is_new = |at: Position| {
        sources.get(at.source).is_none()
            || added.get(&at.source).is_some_and(|lines| lines.contains(&(at.line as usize)))
    };
    let tasks = before.extra_tasks.is_subset(&manifest.extra_tasks);
    let mut rest = manifest.clone();
    rest.extra_tasks.clone_from(&before.extra_tasks);
    rest.system_users.retain(|_, user| !is_new(user.at));
    rest.wabas.retain(|_, waba| !is_new(waba.at));
    rest.grants.retain(|grant| !is_new(grant.at));
    rest.exceptions.retain(|exception| !is_new(exception.at));
    (tasks && rest == before).then_some((after, manifest))
}

/// Returns the numbers of the added lines, from 1, in each text.
fn added_lines(insertions: &[Insertion]) -> BTreeMap<SourceId, BTreeSet<usize>> {
    let mut sorted: Vec<&Insertion> = insertions.iter().collect();
    sorted.sort_by_key(|insertion| (insertion.source, insertion.line));
    let mut added: BTreeMap<SourceId, BTreeSet<usize>> = BTreeMap::new();
    for insertion in sorted {
        let lines = added.entry(insertion.source).or_default();
        let first = insertion.line + lines.len() + 1;
        lines.extend(first..first + insertion.lines.len());
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::default();
        sources.add("access.yaml", text);
        sources
    }

    /// Adds an exception, and returns the text, or nothing if there is no place or the result is not right.
    fn with_exception(text: &str) -> Option<String> {
        let sources = sources(text);
        let place = *places(&sources).get(&Section::Exceptions)?.first()?;
        let entry = "- { users: [bot], tasks: [VIEW_COST], wabas: [b], reason: new }";
        let lines = vec![format!("{}{entry}", " ".repeat(place.indent))];
        let insertion = Insertion { source: place.source, line: place.line, lines };
        let (after, manifest) = only_adds(&sources, &[insertion], &[])?;
        assert_eq!(manifest.exceptions.len(), 2);
        Some(after.get(SourceId(0))?.text.clone())
    }

    const HEAD: &str = "version: 1\nbusiness: 1\nsystem_users: { bot: { id: 11 } }\n\
                        wabas: { a: { id: 5 }, b: { id: 6 } }\n";

    fn check(before: &str, expected: Option<&str>) {
        let before = format!("{HEAD}{before}");
        let expected = expected.map(|expected| format!("{HEAD}{expected}"));
        assert_eq!(with_exception(&before), expected, "{before}");
    }

    const NEW: &str = "- { users: [bot], tasks: [VIEW_COST], wabas: [b], reason: new }";

    #[test]
    fn an_entry_stands_behind_the_last_one() {
        let old = "exceptions:\n  - users: [bot]\n    tasks: []\n    wabas: [a]\n    reason: x\n";
        check(old, Some(&format!("{old}  {NEW}\n")));
        let more = "\n# The rules.\nprune: none\n";
        check(&format!("{old}{more}"), Some(&format!("{old}  {NEW}\n{more}")));
        let comment = "\n  # - { users: [bot] } was here\n";
        check(&format!("{old}{comment}{more}"), Some(&format!("{old}{comment}  {NEW}\n{more}")));
        let flush = "exceptions:\n- { users: [bot], tasks: [], wabas: [a], reason: x }";
        check(flush, Some(&format!("{flush}\n{NEW}\n")));
        check(&format!("{flush}\n# end\n"), Some(&format!("{flush}\n{NEW}\n# end\n")));
        check(&format!("{flush}\n---\nversion: 1\n"), Some(&format!("{flush}\n{NEW}\n---\nversion: 1\n")));
    }

    #[test]
    fn a_text_of_several_lines_ends_before_the_new_entry() {
        let old = "exceptions:\n  - users: [bot]\n    tasks: []\n    wabas: [a]\n    reason: |\n      one\n      # two\n";
        check(old, Some(&format!("{old}  {NEW}\n")));
        let old =
            "exceptions:\n  - { users: [bot], tasks: [],\n      wabas: [a], reason: \"x\n\n      y\" }\n";
        check(old, Some(&format!("{old}  {NEW}\n")));
        // The empty line belongs to the text.
        let kept = "exceptions:\n  - users: [bot]\n    tasks: []\n    wabas: [a]\n    reason: |+\n      one\n\nprune: none\n";
        check(kept, None);
    }

    #[test]
    fn line_breaks_stay_as_they_are() {
        let old = format!(
            "{HEAD}exceptions:\n  - {{ users: [bot], tasks: [], wabas: [a], reason: x }}\nprune: none\n"
        );
        let windows = old.replace('\n', "\r\n");
        let after = with_exception(&windows).unwrap();
        assert!(after.contains(&format!("\r\n  {NEW}\r\nprune: none\r\n")), "{after:?}");
        assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    }

    #[test]
    fn flow_style_has_no_place_or_is_found_out() {
        check("exceptions: [{ users: [bot], tasks: [], wabas: [a], reason: x }]\n", None);
        check("exceptions: [\n  { users: [bot], tasks: [], wabas: [a], reason: x }\n]\n", None);
        check("exceptions:\n  - { users: [bot],\n  tasks: [], wabas: [a], reason: x }\n", None);
        check("exceptions:\n  - &x { users: [bot], tasks: [], wabas: [a], reason: x }\n", None);
        check("prune: none\n", None);
    }

    #[test]
    fn what_changes_the_rest_is_found_out() {
        let sources =
            sources(&format!("{HEAD}grants:\n  - {{ users: [bot], tasks: [MANAGE], wabas: [a] }}\n"));
        let add = |line, text: &str| {
            let lines = text.lines().map(str::to_owned).collect();
            only_adds(&sources, &[Insertion { source: SourceId(0), line, lines }], &[]).is_some()
        };
        assert!(add(6, "  - { users: [bot], tasks: [MANAGE], wabas: [b] }"));
        assert!(!add(6, "prune: none"), "another setting");
        assert!(!add(6, "    reason: more"), "another key of the grant");
        assert!(!add(5, "  - { users: [bot], tasks: [MANAGE], wabas: [b] }"), "another number of the grant");
        assert!(!add(6, "  - { users: [nobody], tasks: [MANAGE], wabas: [b] }"), "not valid");
    }
}
