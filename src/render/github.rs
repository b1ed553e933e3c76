//! Workflow commands of GitHub Actions: annotations on the lines of a pull request.

use super::harmless;
use super::view::{Finding, FindingKind, View};
use crate::diagnostic::{Diagnostic, Severity, in_order};
use crate::model::{Position, Sources};
use std::fmt::Write as _;

/// The number of unmanaged assignments in one command. A guess: GitHub cuts long annotations.
const ROWS: usize = 50;

/// The path from the top of the repository to the folder in which the program runs: `infra/`, or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathPrefix(pub String);

/// Shows diagnostics as commands, by file, line and column.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, prefix: &PathPrefix) -> String {
    let mut commands = Commands { text: String::new(), sources, prefix };
    for diagnostic in in_order(found) {
        let level = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help = diagnostic.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
        commands.add(level, diagnostic.code, diagnostic.at, &format!("{}{help}", diagnostic.message));
    }
    commands.text
}

/// Shows the findings, the unmanaged assignments and the last lines of a plan or of drift. Changes are only counted:
/// GitHub shows ten annotations of each level.
pub fn plan(view: &View<'_>, prefix: &PathPrefix) -> String {
    let mut commands = Commands { text: String::new(), sources: view.sources(), prefix };
    for found in view.findings(false) {
        commands.add_findings(&found);
    }
    if let Some(line) = view.unmanaged() {
        let rows = view.unmanaged_rows(false, true).into_iter().take(ROWS).map(|row| row.to_string());
        let lines: Vec<String> = [line].into_iter().chain(rows).collect();
        commands.add("notice", "unmanaged", None, &lines.join("\n"));
    }
    commands.add("notice", "plan", None, &view.closing().join("\n"));
    commands.text
}

/// Workflow commands in the making.
struct Commands<'a> {
    text: String,
    sources: &'a Sources,
    prefix: &'a PathPrefix,
}

impl Commands<'_> {
    /// Adds findings of one kind: notices in one command, others in a command each.
    fn add_findings(&mut self, found: &[Finding]) {
        let kind = found[0].kind;
        let level = match kind {
            FindingKind::Refused | FindingKind::Test => "error",
            FindingKind::Unreadable
            | FindingKind::Unresolved
            | FindingKind::OutOfScope
            | FindingKind::AskedAgain
            | FindingKind::Waived
            | FindingKind::LeftAlone
            | FindingKind::Ending => "warning",
            FindingKind::Policy
            | FindingKind::Undo
            | FindingKind::Snapshot
            | FindingKind::Deferred
            | FindingKind::Kept
            | FindingKind::Left
            | FindingKind::Notice
            | FindingKind::Partial
            | FindingKind::Highlight => {
                let lines: Vec<String> = found.iter().map(|finding| finding.text.to_string()).collect();
                return self.add("notice", kind.code(), None, &lines.join("\n"));
            }
        };
        for finding in found {
            let advice = finding.advice.as_ref().map_or_else(String::new, |advice| format!("\n{advice}"));
            let message = format!("{}: {}{advice}", kind.title(), finding.text);
            self.add(level, finding.guard.unwrap_or(kind.code()), finding.at, &message);
        }
    }

    fn add(&mut self, level: &str, title: &str, at: Option<Position>, message: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "::{level} ");
        if let Some(at) = at {
            let file = property(&harmless(&format!("{}{}", self.prefix.0, self.sources.path(at.source))));
            let _ = write!(self.text, "file={file},line={},col={},", at.line, at.column);
        }
        let message: Vec<String> = message.lines().map(harmless).collect();
        let _ = writeln!(self.text, "title={}::{}", property(title), data(&message.join("\n")));
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
