//! A plan or drift as text, grouped by WABA.

use super::{sign, waba_heading};
use crate::model::Moved;
use crate::render::Style;
use crate::render::layout::{Layout, Paint, StyledWord, foreign, own, prose, sentence, tasks};
use crate::render::view::{ChangeNote, Finding, FindingKind, NoteKind, ShownChange, TaskDiff, View};
use crate::render::wording::{count, drift_leads};
use unicode_width::UnicodeWidthStr;

/// The kinds of findings as text shows them: the more important, the nearer to the last line.
const ORDER: [FindingKind; 10] = [
    FindingKind::Kept,
    FindingKind::Left,
    FindingKind::Unreadable,
    FindingKind::Unresolved,
    FindingKind::Notice,
    FindingKind::Ending,
    FindingKind::Highlight,
    FindingKind::Waived,
    FindingKind::Refused,
    FindingKind::Partial,
];

/// Shows a plan or drift for people.
pub fn plan(view: &View<'_>, style: &Style) -> String {
    let mut layout = Layout::new(style);
    write_policy(&mut layout, view, style.verbose);
    for group in view.groups() {
        layout.gap();
        waba_heading(&mut layout, &group.waba());
        let changes: Vec<ShownChange> = group.changes(style.verbose).collect();
        let column = name_column(&changes, layout.width());
        for change in &changes {
            if view.is_drift() {
                write_difference(&mut layout, change);
            } else {
                write_change(&mut layout, change, column);
            }
            write_explanation(&mut layout, change);
        }
    }
    write_unmanaged(&mut layout, view, style.verbose);
    let is_partial = write_findings(&mut layout, view, style.verbose);
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

fn write_change(layout: &mut Layout, change: &ShownChange, column: usize) {
    let name = foreign(&change.user.name, Paint::Bold).column(column);
    // Narrow lines have no space for a column of tasks.
    let hang = if layout.width() >= 60 { 5 + column } else { 6 };
    let identity = change.user.identity().into_iter().map(|text| own(text, Paint::Dim));
    let lead = [sign(change.action), name].into_iter().chain(identity);
    layout.entry(2, hang, lead.chain(tasks(&change.tasks)));
}

/// Writes a difference for readers who did not plan it: in words instead of signs.
fn write_difference(layout: &mut Layout, change: &ShownChange) {
    let identity = change.user.identity().into_iter().map(|text| own(text, Paint::Dim));
    let lead = [sign(change.action), foreign(&change.user.name, Paint::Bold)].into_iter();
    layout.entry(2, 6, lead.chain(identity));
    let TaskDiff { kept, gained, lost } = &change.tasks;
    let (more, fewer) = drift_leads(change.moved());
    for (lead, set, paint) in [
        (more, gained, Paint::Bad),
        (fewer, lost, Paint::Changed),
        ("holds as declared:", kept, Paint::Plain),
    ] {
        if !set.is_empty() {
            let names = super::set_words(set, paint);
            layout.entry(4, 6, prose(lead, Paint::Plain).chain(names));
        }
    }
}

fn write_explanation(layout: &mut Layout, change: &ShownChange) {
    for reason in &change.reasons {
        layout.entry(6, 8, sentence(reason, Paint::Dim));
    }
    for note in &change.notes {
        layout.entry(6, 8, sentence(&note.text, note_paint(note)));
    }
}

fn note_paint(note: &ChangeNote) -> Paint {
    match note.kind {
        NoteKind::Admin | NoteKind::LastWrite => Paint::Dim,
        NoteKind::Moved(Moved::Live) => Paint::Bad,
        NoteKind::Blocked | NoteKind::AdminAccess | NoteKind::Moved(_) => Paint::Changed,
    }
}

fn write_unmanaged(layout: &mut Layout, view: &View<'_>, verbose: bool) {
    if let Some(line) = view.unmanaged() {
        layout.gap();
        layout.entry(0, 2, prose(&line, Paint::Plain));
    }
    for row in view.unmanaged_rows(verbose) {
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
        FindingKind::Kept | FindingKind::Left => (format!("{}:", kind.title()), Paint::Changed),
        FindingKind::Policy
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
        FindingKind::Policy => own("!", Paint::Changed),
        FindingKind::Kept | FindingKind::Left => own(".", Paint::Dim),
        FindingKind::Waived => own("Waived:", Paint::Changed),
        FindingKind::Notice => own("Note:", Paint::Changed),
        FindingKind::Partial => own("Partial:", Paint::Changed),
        FindingKind::Ending => own("-", Paint::Dim),
        FindingKind::Highlight => own("!", if finding.is_loss { Paint::Bad } else { Paint::Changed }),
    }
}
