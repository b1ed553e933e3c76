//! A plan or drift as text.

use super::{object_words, sign, waba_heading};
use crate::model::Moved;
use crate::render::Style;
use crate::render::layout::{Layout, Paint, StyledWord, foreign, own, prose, sentence, tasks};
use crate::render::view::{
    ChangeNote, Entry, Finding, FindingKind, Group, Heading, NoteKind, ShownChange, TaskDiff, View,
};
use crate::render::wording::drift_leads;
use crate::text::count;
use unicode_width::UnicodeWidthStr;

/// The kinds of findings as text shows them: the more important, the nearer to the last line.
const ORDER: [FindingKind; 17] = [
    FindingKind::LeftAlone,
    FindingKind::Deferred,
    FindingKind::Kept,
    FindingKind::Left,
    FindingKind::OutOfScope,
    FindingKind::Unreadable,
    FindingKind::Unresolved,
    FindingKind::Notice,
    FindingKind::Ending,
    FindingKind::Highlight,
    FindingKind::AskedAgain,
    FindingKind::Waived,
    FindingKind::Refused,
    FindingKind::Test,
    FindingKind::Snapshot,
    FindingKind::Undo,
    FindingKind::Partial,
];

/// Shows a plan or drift for people: on a terminal folded and wrapped, elsewhere with one line for each change.
pub fn plan(view: &View<'_>, style: &Style) -> String {
    let mut layout = Layout::new(style);
    write_policy(&mut layout, view, style.is_complete());
    let folds = style.width.is_some();
    for group in view.groups(style.group_by, folds) {
        layout.gap();
        let heading = group.heading(style.is_complete());
        write_group_heading(&mut layout, heading.as_ref());
        if folds {
            write_entries(&mut layout, view, &group, heading.as_ref(), style.verbose);
        } else {
            let indent = if heading.is_some() { 2 } else { 0 };
            for entry in &group.entries {
                write_line(&mut layout, view, entry, indent);
            }
        }
    }
    write_unmanaged(&mut layout, view, style);
    let is_partial = write_findings(&mut layout, view, style.is_complete());
    if !is_partial {
        layout.gap();
    }
    let mut paint = Paint::Bold;
    for line in view.closing() {
        layout.entry(0, 2, prose(&line, paint));
        paint = Paint::Plain;
    }
    layout.finish()
}

/// Writes what the entries of a group have in common.
fn write_group_heading(layout: &mut Layout, heading: Option<&Heading>) {
    match heading {
        Some(Heading::Waba(waba)) => waba_heading(layout, waba),
        Some(Heading::User(user)) => {
            layout.entry(0, 2, [own("User", Paint::Dim)].into_iter().chain(object_words(user)));
        }
        Some(Heading::Reasons(reasons)) => {
            for reason in reasons {
                layout.entry(0, 2, sentence(reason, Paint::Plain));
            }
        }
        None => {}
    }
}

/// Writes the entries of a group, without what its heading shows.
fn write_entries(
    layout: &mut Layout,
    view: &View<'_>,
    group: &Group<'_>,
    heading: Option<&Heading>,
    verbose: bool,
) {
    let indent = if heading.is_some() { 2 } else { 0 };
    let shown: Vec<ShownChange> = group.entries.iter().map(|entry| entry.shown(verbose)).collect();
    let column = name_column(&shown, layout.width());
    for (entry, change) in group.entries.iter().zip(&shown) {
        let user = match heading {
            Some(Heading::User(_)) => Vec::new(),
            _ if view.is_drift() => user_words(change, None),
            _ => user_words(change, Some(column)),
        };
        let lead = [sign(change.action)].into_iter().chain(user);
        if view.is_drift() {
            layout.entry(indent, indent + 4, lead);
            for words in difference(change) {
                layout.entry(indent + 4, indent + 6, words);
            }
        } else {
            // Narrow lines have no space for a column of tasks.
            let is_wide = layout.width() >= 60 && !matches!(heading, Some(Heading::User(_)));
            let hang = if is_wide { indent + 3 + column } else { indent + 4 };
            layout.entry(indent, hang, lead.chain(tasks(&change.tasks)));
        }
        if !matches!(heading, Some(Heading::Waba(_))) {
            layout.entry(indent + 4, indent + 6, sentence(&entry.on(verbose), Paint::Plain));
        }
        let reasons = change.reasons.iter().filter(|_| !matches!(heading, Some(Heading::Reasons(_))));
        for reason in reasons {
            layout.entry(indent + 4, indent + 6, sentence(reason, Paint::Dim));
        }
        for note in &change.notes {
            layout.entry(indent + 4, indent + 6, sentence(&note.text, note_paint(note)));
        }
    }
}

/// Writes everything about a change on one line.
fn write_line(layout: &mut Layout, view: &View<'_>, entry: &Entry<'_>, indent: usize) {
    let change = entry.shown(true);
    let lead = [sign(change.action)].into_iter().chain(user_words(&change, None));
    let lead = lead.chain(sentence(&entry.on(true), Paint::Plain)).collect();
    let what = if view.is_drift() { difference(&change) } else { vec![tasks(&change.tasks).collect()] };
    let reasons = change.reasons.iter().map(|reason| sentence(reason, Paint::Dim).collect());
    let notes = change.notes.iter().map(|note| sentence(&note.text, note_paint(note)).collect());
    let parts: Vec<Vec<StyledWord>> = what.into_iter().chain(reasons).chain(notes).collect();
    let last = parts.len();
    let words = [lead].into_iter().chain(parts).enumerate().flat_map(|(index, mut words)| {
        let end = match index {
            0 => ":",
            _ if index < last => ";",
            _ => "",
        };
        let end = words.pop().map(|word| word.with(end));
        words.into_iter().chain(end)
    });
    layout.entry(indent, indent, words);
}

/// Writes the settings that limit the plan, above everything else.
fn write_policy(layout: &mut Layout, view: &View<'_>, verbose: bool) {
    let findings = view.findings(verbose);
    let policy = findings.iter().flatten().filter(|finding| finding.kind == FindingKind::Policy);
    for (index, finding) in policy.enumerate() {
        if index == 0 {
            let heading = format!("{}:", finding.kind.title());
            layout.entry(0, 2, prose(&heading, Paint::Changed));
        }
        write_finding(layout, finding, 2);
    }
}

/// Returns the width of the column of names: that of the widest name, up to a third of the line.
fn name_column(changes: &[ShownChange], width: usize) -> usize {
    let widest = changes.iter().map(|change| change.user.name.width()).max().unwrap_or(0);
    widest.min(width / 3).min(32)
}

/// Returns the name of the user, in a column of some width, and what stands behind it.
fn user_words(change: &ShownChange, column: Option<usize>) -> Vec<StyledWord> {
    let name = foreign(&change.user.name, Paint::Bold);
    let name = match column {
        Some(column) => name.column(column),
        None => name,
    };
    let identity = change.user.identity().map(|text| own(text, Paint::Dim));
    [name].into_iter().chain(identity).collect()
}

/// Returns a difference for readers who did not plan it: in words instead of signs.
fn difference(change: &ShownChange) -> Vec<Vec<StyledWord>> {
    let TaskDiff { kept, gained, lost } = &change.tasks;
    let (more, fewer) = drift_leads(change.moved());
    let sets = [
        (more, gained, Paint::Bad),
        (fewer, lost, Paint::Changed),
        ("holds as declared:", kept, Paint::Plain),
    ];
    let sets = sets.into_iter().filter(|(_, set, _)| !set.is_empty());
    sets.map(|(lead, set, paint)| prose(lead, Paint::Plain).chain(super::set_words(set, paint)).collect())
        .collect()
}

fn note_paint(note: &ChangeNote) -> Paint {
    match note.kind {
        NoteKind::Admin | NoteKind::LastWrite | NoteKind::Evidence => Paint::Dim,
        NoteKind::Refused | NoteKind::Moved(Moved::Live) => Paint::Bad,
        NoteKind::Blocked | NoteKind::AdminAccess | NoteKind::Moved(_) => Paint::Changed,
    }
}

fn write_unmanaged(layout: &mut Layout, view: &View<'_>, style: &Style) {
    if let Some(line) = view.unmanaged() {
        layout.gap();
        layout.entry(0, 2, prose(&line, Paint::Plain));
    }
    for row in view.unmanaged_rows(style.verbose, style.width.is_some()) {
        layout.entry(2, 6, [own(".", Paint::Dim)].into_iter().chain(sentence(&row, Paint::Plain)));
    }
}

/// Writes the findings and returns whether the last one says that the run is partial.
fn write_findings(layout: &mut Layout, view: &View<'_>, verbose: bool) -> bool {
    let findings = view.findings(verbose);
    let of_kind = |kind| findings.iter().filter(move |found| found[0].kind == kind);
    let mut last = None;
    for found in ORDER.into_iter().flat_map(of_kind) {
        let kind = found[0].kind;
        if (last, kind) != (Some(FindingKind::Waived), FindingKind::Refused) {
            layout.gap();
        }
        last = Some(kind);
        let indent = write_heading(layout, kind, found.len());
        for finding in found {
            write_finding(layout, finding, indent);
        }
    }
    last == Some(FindingKind::Partial)
}

/// Writes the heading above findings, if they need one, and returns how far they are indented.
fn write_heading(layout: &mut Layout, kind: FindingKind, number: usize) -> usize {
    let (text, paint) = match kind {
        FindingKind::Unreadable => {
            (format!("{}: {}.", kind.title(), count(number, "WABA", "WABAs")), Paint::Bad)
        }
        FindingKind::Ending => {
            (format!("{} soon:", count(number, "grant ends", "grants end")), Paint::Changed)
        }
        FindingKind::Unresolved => {
            (format!("{}: {}.", kind.title(), count(number, "declared user", "declared users")), Paint::Bad)
        }
        FindingKind::OutOfScope | FindingKind::Test => (format!("{}:", kind.title()), Paint::Bad),
        FindingKind::AskedAgain
        | FindingKind::LeftAlone
        | FindingKind::Deferred
        | FindingKind::Kept
        | FindingKind::Left => (format!("{}:", kind.title()), Paint::Changed),
        FindingKind::Policy
        | FindingKind::Undo
        | FindingKind::Snapshot
        | FindingKind::Refused
        | FindingKind::Waived
        | FindingKind::Notice
        | FindingKind::Partial
        | FindingKind::Highlight => return 0,
    };
    layout.entry(0, 2, prose(&text, paint));
    2
}

fn write_finding(layout: &mut Layout, finding: &Finding, indent: usize) {
    let text = finding.sentence();
    layout.entry(indent, indent + 4, [lead(finding)].into_iter().chain(sentence(&text, Paint::Plain)));
    if let Some(advice) = &finding.advice {
        layout.entry(4, 6, sentence(advice, Paint::Dim));
    }
}

fn lead(finding: &Finding) -> StyledWord {
    match finding.kind {
        FindingKind::Refused => own("Refused:", Paint::Bad),
        FindingKind::Unreadable | FindingKind::Unresolved => own("?", Paint::Bad),
        FindingKind::OutOfScope | FindingKind::Test => own("!", Paint::Bad),
        FindingKind::Policy | FindingKind::AskedAgain => own("!", Paint::Changed),
        FindingKind::Undo => own("Undo:", Paint::Changed),
        FindingKind::LeftAlone | FindingKind::Deferred | FindingKind::Kept | FindingKind::Left => {
            own(".", Paint::Dim)
        }
        FindingKind::Waived => own("Waived:", Paint::Changed),
        FindingKind::Notice => own("Note:", Paint::Changed),
        FindingKind::Snapshot => own("Snapshot:", Paint::Changed),
        FindingKind::Partial => own("Partial:", Paint::Changed),
        FindingKind::Ending => own("-", Paint::Dim),
        FindingKind::Highlight => own("!", if finding.is_loss { Paint::Bad } else { Paint::Changed }),
    }
}
