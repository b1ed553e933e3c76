//! The cover of a report: what it is about, the numbers that add up, and what is missing. Every format shows the same lines.

use super::table::sheet::TableCell;
use crate::model::{Glob, HistoryFilter, LastReview, LiveSource, SnapshotMark, Waiver, age};
use crate::query::{AccessReport, Comparison, Gap, PeriodCounts, ReportCounts};
use crate::text::count;

/// A line of a cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoverLine {
    /// What it is about: a heading if `value` is missing.
    pub(crate) label: String,
    pub(crate) value: Option<TableCell>,
}

/// Returns the cover of a report.
pub(crate) fn cover(report: &AccessReport<'_>) -> Vec<CoverLine> {
    let mut cover = CoverLines::default();
    about(report, &mut cover);
    numbers(&report.counts(), &mut cover);
    let period = report.changes.as_deref().map(PeriodCounts::of);
    if let (Some(filter), Some(counts)) = (report.basis.period, period) {
        changes(filter, &counts, &mut cover);
    }
    if let Some(comparison) = &report.comparison {
        differences(report, comparison, &mut cover);
    }
    if let Some(last) = report.basis.last_review {
        review(last, &mut cover);
    }
    waivers(report, &mut cover);
    missing(report, &mut cover);
    cover.lines
}

#[derive(Default)]
struct CoverLines {
    lines: Vec<CoverLine>,
}

impl CoverLines {
    fn heading(&mut self, label: &str) {
        self.lines.push(CoverLine { label: label.to_owned(), value: None });
    }

    fn cell(&mut self, label: &str, value: TableCell) {
        self.lines.push(CoverLine { label: label.to_owned(), value: Some(value) });
    }

    fn text(&mut self, label: &str, value: impl Into<String>) {
        self.cell(label, TableCell::Text(value.into()));
    }

    fn number(&mut self, label: &str, number: usize) {
        self.cell(label, TableCell::Number(number));
    }
}

fn about(report: &AccessReport<'_>, cover: &mut CoverLines) {
    let basis = &report.basis;
    cover.heading("Report on access");
    cover.cell("Business", TableCell::Id(basis.evidence.desired.business.to_string()));
    let globs: Vec<&str> = basis.narrowed_to.iter().map(Glob::as_str).collect();
    cover.text(
        "Scope",
        if globs.is_empty() {
            String::from("every WABA that the manifests name or discover")
        } else {
            format!("narrowed to the WABAs {}", globs.join(", "))
        },
    );
    cover.text("Read at", basis.created_at.to_string());
    cover.text("Grants as of", basis.evidence.desired.now.to_string());
    cover.text("Read from", source(report));
    cover.cell("Manifests", TableCell::Id(basis.manifest_digest.to_owned()));
    let journal = &basis.journal;
    let writes: usize = journal.history.runs.iter().map(|run| run.writes.len()).sum();
    cover.text(
        "Journal",
        match (journal.unreadable, journal.is_kept) {
            (Some(_), _) => String::from("could not be read"),
            (None, false) => String::from("none is kept"),
            (None, true) => {
                let runs = count(journal.history.runs.len(), "run", "runs");
                format!("{runs}, {}", count(writes, "write", "writes"))
            }
        },
    );
    cover.text("Made by", concat!("wabacl ", env!("CARGO_PKG_VERSION")));
}

/// Describes where live access was read, and how old a snapshot is.
fn source(report: &AccessReport<'_>) -> String {
    match report.basis.live_source {
        LiveSource::Unrecorded => String::from("not known"),
        LiveSource::Api => String::from("Meta's API"),
        LiveSource::Emulator => String::from("an emulator"),
        LiveSource::Snapshot(mark) => snapshot(mark, report),
    }
}

fn snapshot(mark: &SnapshotMark, report: &AccessReport<'_>) -> String {
    let age = age(report.basis.created_at.duration_since(mark.taken));
    let changed = if mark.changed { ", changed by an emulator since" } else { "" };
    let left_out = mark.left_out.len();
    let missing = if left_out == 0 {
        String::new()
    } else {
        format!(", {} not in it", count(left_out, "WABA is", "WABAs are"))
    };
    format!("the snapshot of {}, {age} old{changed}{missing}", mark.taken)
}

fn numbers(counts: &ReportCounts, cover: &mut CoverLines) {
    cover.heading("Completeness");
    cover.number("WABAs in scope", counts.wabas);
    cover.number("= read", counts.wabas_read);
    cover.number("+ could not be read", counts.wabas_unreadable);
    cover.number("+ left out", counts.wabas_left_out);
    cover.number("Rows: pairs of a WABA and a holder", counts.holders);
    cover.number("= assignments", counts.assignments);
    cover.number("+ admins by role, without an assignment", counts.by_role);
    cover.number("= declared system users", counts.declared);
    cover.number("+ other system users", counts.other_system_users);
    cover.number("+ people", counts.people);
    cover.number("+ users of other businesses, or of an unknown kind", counts.others);
    cover.number("= managed by the manifests", counts.managed);
    cover.number("+ not managed", counts.unmanaged);
    cover.number("= reviewed as they are", counts.reviewed);
    cover.number("+ changed since their review", counts.changed_since);
    cover.number("+ never reviewed", counts.never_reviewed);
    cover.number("Of the rows: privileged", counts.privileged);
    cover.number("Of the rows: nothing but what grants in force give", counts.granted);
    cover.number("Of the rows: with an exception in force", counts.excepted);
    cover.text("The numbers", if counts.add_up() { "add up" } else { "do not add up" });
}

fn review(last: &LastReview, cover: &mut CoverLines) {
    cover.heading("Last review");
    cover.text("File", last.file.clone());
    cover.text("Taken over at", last.taken_at.to_string());
    cover.number("Rows", last.rows);
    cover.number("= to keep", last.keep);
    cover.number("+ to end", last.end);
    cover.number("Of those to end: still hold something", last.still_held);
    for (name, rows) in &last.reviewers {
        cover.text("Reviewer", format!("{} ({})", name.as_str(), count(*rows, "row", "rows")));
    }
    cover.text(
        "Live access",
        if last.is_current { "is as it was reviewed" } else { "is not as it was reviewed" },
    );
}

fn changes(filter: &HistoryFilter, counts: &PeriodCounts, cover: &mut CoverLines) {
    cover.heading("Changes of the period");
    cover
        .text("Since", filter.since.map_or_else(|| String::from("the first run"), |since| since.to_string()));
    cover.text("Until", filter.until.map_or_else(|| String::from("now"), |until| until.to_string()));
    cover.number("Runs", counts.runs);
    cover.number("Changes", counts.changes);
    cover.number("= shown by a read", counts.proven);
    cover.number("+ accepted, not listed", counts.accepted_not_listed);
    cover.number("+ otherwise than written, or in part", counts.otherwise);
    cover.number("+ without effect, or not sent", counts.without_effect);
    cover.number("+ of unknown outcome", counts.unknown);
}

fn differences(report: &AccessReport<'_>, comparison: &Comparison<'_>, cover: &mut CoverLines) {
    cover.heading("Differences from a snapshot");
    if let Some(earlier) = report.basis.earlier {
        let changed = if earlier.mark.changed { ", changed by an emulator since" } else { "" };
        cover.text("Snapshot", format!("of {}{changed}", earlier.mark.taken));
    }
    cover.number("WABAs compared", comparison.compared);
    cover.number("WABAs not compared", comparison.not_compared.len());
    cover.number("WABAs of the snapshot that are not in scope", comparison.out_of_scope.len());
    cover.number("Differences", comparison.differences.len() + comparison.roles.len());
    let outside = comparison.outside() + comparison.roles.len();
    cover.number("Of them, changed outside of all runs", outside);
}

fn waivers(report: &AccessReport<'_>, cover: &mut CoverLines) {
    let waivers: Vec<&Waiver> = report.waivers().collect();
    if waivers.is_empty() {
        return;
    }
    cover.heading("Waivers in force");
    for waiver in waivers {
        cover.text(&waiver.to_string(), super::wording::waiver(waiver, report.basis.sources).to_string());
    }
}

/// Describes what could not be read, each by its name.
fn missing(report: &AccessReport<'_>, cover: &mut CoverLines) {
    cover.heading("Could not be read");
    let gaps = report.gaps();
    if gaps.is_empty() {
        cover.text("Nothing is missing", "");
    }
    for gap in gaps {
        let (label, why) = gap_text(report, gap);
        cover.text(&label, why);
    }
}

/// Returns what could not be read, and why.
pub(crate) fn gap_text(report: &AccessReport<'_>, gap: Gap<'_>) -> (String, String) {
    let waba = |waba| match report.basis.evidence.waba_name(waba).name {
        Some(name) => format!("WABA {name} ({waba})"),
        None => format!("WABA {waba}"),
    };
    match gap {
        Gap::Waba(id, why) => (waba(id), why.to_owned()),
        Gap::User(user) => (format!("system user {}", user.name), user.why.clone()),
        Gap::Journal(why) => {
            (String::from("the journal"), format!("{why}; last writes, proofs and changes are missing"))
        }
        Gap::JournalLines(number) => {
            let lines = count(number, "line of the journal", "lines of the journal");
            (lines, String::from("writes or outcomes are missing; `wabacl journal` shows the lines"))
        }
        Gap::Review(why) => (String::from("a review"), why.to_owned()),
        Gap::NotCompared(id, why) => {
            (format!("{} for the comparison", waba(id)), super::table::not_compared(why).to_owned())
        }
    }
}
