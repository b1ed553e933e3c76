//! A report on live access as tables: the holders, the changes of a period, what differs from a snapshot, and what could not be
//! read.

use super::line;
use super::sheet::{Column, ReportSheet, TableCell};
use crate::documents::words::{
    ActionWord, HolderKindWord, HolderWord, OutcomeWord, ProofWord, ReviewStateWord, StandingWord,
};
use crate::model::{Name, RecordedRun, TaskSet};
use crate::query::{
    AccessReport, Difference, Gap, Holding, NotCompared, PeriodChange, RoleDifference, proof,
};
use crate::render::cover::gap_text;
use crate::render::wording;
use std::io;

/// A table of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportTable {
    /// The holders.
    Access,
    /// The changes of the period.
    Changes,
    /// What differs from the snapshot.
    Differences,
    /// What could not be read.
    Unreadable,
}

const ACCESS: [Column; 33] = [
    ("business", 20),
    ("waba_id", 18),
    ("waba", 28),
    ("waba_live_name", 28),
    ("user_id", 18),
    ("user", 24),
    ("user_live_name", 24),
    ("kind", 15),
    ("standing", 14),
    ("own", 8),
    ("managed", 10),
    ("holds", 40),
    ("by_role", 9),
    ("privileged", 11),
    ("granted", 10),
    ("granted_by", 44),
    ("exception", 11),
    ("reason", 30),
    ("until", 14),
    ("since", 22),
    ("last_written", 22),
    ("last_run", 26),
    ("proof", 18),
    ("actor", 16),
    ("approver", 16),
    ("commit", 20),
    ("pull_request", 40),
    ("run_url", 40),
    ("waivers", 24),
    ("review", 14),
    ("reviewed_by", 20),
    ("reviewed_at", 22),
    ("review_note", 30),
];

const CHANGES: [Column; 33] = [
    ("at", 22),
    ("action", 10),
    ("waba_id", 18),
    ("waba", 28),
    ("user_id", 18),
    ("user", 24),
    ("before", 34),
    ("after", 34),
    ("gained", 30),
    ("lost", 30),
    ("why", 60),
    ("reason", 30),
    ("outcome", 20),
    ("proof", 20),
    ("proven_at", 22),
    ("proven_by", 26),
    ("found", 34),
    ("error", 40),
    ("run", 26),
    ("write", 8),
    ("acting_user_id", 18),
    ("acting_user", 20),
    ("os_user", 14),
    ("host", 16),
    ("actor", 16),
    ("approver", 16),
    ("commit", 20),
    ("pull_request", 40),
    ("run_url", 40),
    ("waivers", 24),
    ("version", 10),
    ("plan_digest", 24),
    ("manifest_digest", 24),
];

const DIFFERENCES: [Column; 17] = [
    ("waba_id", 18),
    ("waba", 28),
    ("user_id", 18),
    ("user", 24),
    ("holder", 15),
    ("before", 34),
    ("after", 34),
    ("gained", 30),
    ("lost", 30),
    ("explained", 11),
    ("gained_outside", 30),
    ("lost_outside", 30),
    ("outside_after", 22),
    ("outside_before", 22),
    ("runs", 30),
    ("commits", 24),
    ("pull_requests", 40),
];

const UNREADABLE: [Column; 4] = [("what", 16), ("id", 20), ("name", 30), ("why", 80)];

/// What a table shows as the tasks of a user whose role is ADMIN.
const FULL_ACCESS: &str = "full access by its role";

impl AccessReport<'_> {
    /// Returns a table of the report; `None` if the report has no such part.
    pub(crate) fn sheet(&self, table: ReportTable) -> Option<ReportSheet<'_>> {
        Some(match table {
            ReportTable::Access => ReportSheet {
                name: "Access",
                columns: &ACCESS,
                length: self.answer.holders.len(),
                rows: Box::new(self.answer.holders.iter().map(|holding| holder(self, holding).to_vec())),
            },
            ReportTable::Changes => {
                let changes = self.changes.as_ref()?;
                ReportSheet {
                    name: "Changes",
                    columns: &CHANGES,
                    length: changes.len(),
                    rows: Box::new(changes.iter().map(|one| change(self, one).to_vec())),
                }
            }
            ReportTable::Differences => {
                let comparison = self.comparison.as_ref()?;
                let differences = comparison.differences.iter().map(|one| difference(self, one).to_vec());
                ReportSheet {
                    name: "Differences",
                    columns: &DIFFERENCES,
                    length: comparison.differences.len() + comparison.roles.len(),
                    rows: Box::new(differences.chain(comparison.roles.iter().map(|one| role(one).to_vec()))),
                }
            }
            ReportTable::Unreadable => {
                let gaps = self.gaps();
                ReportSheet {
                    name: "Unreadable",
                    columns: &UNREADABLE,
                    length: gaps.len(),
                    rows: Box::new(gaps.into_iter().map(|one| gap(self, one).to_vec())),
                }
            }
        })
    }
}

/// Writes a table of a report as CSV. A part that the report does not have has no rows and no columns.
///
/// # Errors
///
/// If the writer fails.
pub fn access_report(report: &AccessReport<'_>, table: ReportTable, to: impl io::Write) -> io::Result<()> {
    let Some(sheet) = report.sheet(table) else { return Ok(()) };
    let columns: Vec<&str> = sheet.columns.iter().map(|(name, _)| *name).collect();
    let mut writer = super::table(&columns, to)?;
    for row in sheet.rows {
        writer.write_record(row.iter().map(TableCell::to_csv))?;
    }
    writer.flush()
}

fn tasks(set: &TaskSet) -> TableCell {
    TableCell::text(set.names().collect::<Vec<_>>().join(" "))
}

fn name(name: Option<&Name>) -> TableCell {
    TableCell::text_or_empty(name.map(Name::as_str))
}

fn origin(run: Option<&RecordedRun>, key: &str) -> TableCell {
    name(run.and_then(|run| run.origin.get(key)))
}

fn holder(report: &AccessReport<'_>, holding: &Holding<'_>) -> [TableCell; ACCESS.len()] {
    let basis = &report.basis;
    let evidence = basis.evidence;
    let (waba, user) = (evidence.waba_name(holding.key.waba), evidence.user_name(holding.key));
    let grants = || evidence.entries(&holding.given_by).map(|entry| &entry.source);
    let last = report.last_write(holding);
    let review = report.review(holding);
    let run = last.map(|(run, ..)| run);
    let at = last.map(|(_, write, _)| write.at);
    [
        TableCell::id(evidence.desired.business),
        TableCell::id(holding.key.waba),
        name(waba.name),
        name(waba.live_name),
        TableCell::id(holding.key.user),
        name(user.name),
        name(user.live_name),
        TableCell::word(HolderKindWord::of(holding.standing)),
        TableCell::word(StandingWord::from(holding.standing)),
        TableCell::flag(holding.own),
        TableCell::flag(report.is_managed(holding)),
        tasks(holding.tasks),
        TableCell::flag(holding.by_role),
        TableCell::flag(report.is_privileged(holding)),
        TableCell::flag(report.is_granted(holding)),
        TableCell::list(grants().map(|grant| line(grant, basis.sources))),
        TableCell::flag(report.is_excepted(holding)),
        TableCell::list(grants().filter_map(|grant| grant.reason.as_ref()).map(Name::as_str)),
        TableCell::list(grants().filter_map(|grant| grant.until).map(|until| until.to_string())),
        TableCell::time(at.filter(|_| last.is_some_and(|(.., as_written)| as_written))),
        TableCell::time(at),
        TableCell::id_or_empty(run.map(|run| run.id.as_str())),
        last.map_or_else(TableCell::empty, |(_, write, _)| TableCell::word(ProofWord::from(proof(write)))),
        origin(run, "actor"),
        origin(run, "approver"),
        TableCell::id_or_empty(run.and_then(|run| run.origin.get("commit")).map(Name::as_str)),
        origin(run, "pull_request"),
        origin(run, "run_url"),
        TableCell::list(run.iter().flat_map(|run| &run.waivers).map(Name::as_str)),
        review.map_or_else(TableCell::empty, |review| TableCell::word(ReviewStateWord::from(review.state))),
        name(review.map(|review| &review.reviewer)),
        TableCell::time(review.map(|review| review.taken_at)),
        name(review.map(|review| &review.note)),
    ]
}

fn change(report: &AccessReport<'_>, change: &PeriodChange<'_>) -> [TableCell; CHANGES.len()] {
    let PeriodChange { run, write, proof } = *change;
    let sources = &report.basis.journal.history.sources;
    let why = wording::reasons(&write.because, sources, true, 1);
    let more = (write.more > 0).then(|| format!("and {} more", write.more));
    let reasons = write.because.grants.iter().filter_map(|grant| grant.reason.as_ref());
    let outcome = write.outcome.as_ref();
    let (found, error) = outcome.map(|known| super::found_and_error(&known.outcome)).unwrap_or_default();
    let (proven_at, proven_by) = proof.read().unzip();
    [
        TableCell::time(Some(write.at)),
        TableCell::word(ActionWord::from(write.action())),
        TableCell::id(write.key.waba),
        name(Some(&write.waba_name)),
        TableCell::id(write.key.user),
        name(Some(&write.user_name)),
        tasks(&write.before),
        tasks(&write.after),
        tasks(&write.after.difference(&write.before)),
        tasks(&write.before.difference(&write.after)),
        TableCell::list(why.iter().map(ToString::to_string).chain(more)),
        TableCell::list(reasons.map(Name::as_str)),
        outcome.map_or_else(TableCell::empty, |known| TableCell::word(OutcomeWord::from(&known.outcome))),
        TableCell::word(ProofWord::from(proof)),
        TableCell::time(proven_at),
        TableCell::id_or_empty(proven_by.map(|by| by.unwrap_or(run.id.as_str()))),
        write.settled.as_ref().map(|settled| &settled.found).or(found).map_or_else(TableCell::empty, tasks),
        TableCell::text_or_empty(error),
        TableCell::id(run.id.as_str()),
        TableCell::Number(usize::try_from(write.number).unwrap_or(usize::MAX)),
        TableCell::id_or_empty(run.acting_user.as_ref().map(|(id, _)| id)),
        name(run.acting_user.as_ref().map(|(_, name)| name)),
        name(run.by.user.as_ref()),
        name(run.by.host.as_ref()),
        origin(Some(run), "actor"),
        origin(Some(run), "approver"),
        TableCell::id_or_empty(run.origin.get("commit").map(Name::as_str)),
        origin(Some(run), "pull_request"),
        origin(Some(run), "run_url"),
        TableCell::list(run.waivers.iter().map(Name::as_str)),
        TableCell::text(run.version.as_str()),
        TableCell::id(run.plan_digest.as_str()),
        TableCell::id(run.manifest_digest.as_str()),
    ]
}

fn difference(report: &AccessReport<'_>, difference: &Difference<'_>) -> [TableCell; DIFFERENCES.len()] {
    let Difference { key, user, holder, before, after, writes, outside } = difference;
    let runs = || writes.iter().map(|(run, _)| *run);
    let origins = |key: &str| {
        let mut found: Vec<&str> = runs().filter_map(|run| run.origin.get(key)).map(Name::as_str).collect();
        found.dedup();
        found
    };
    [
        TableCell::id(key.waba),
        name(report.basis.evidence.waba_name(key.waba).name),
        TableCell::id(key.user),
        TableCell::text(*user),
        TableCell::word(HolderWord::from(*holder)),
        tasks(before),
        tasks(after),
        tasks(&after.difference(before)),
        tasks(&before.difference(after)),
        TableCell::flag(outside.is_empty()),
        tasks(&difference.gained_outside()),
        tasks(&difference.lost_outside()),
        TableCell::list(outside.iter().map(|one| one.after.to_string())),
        TableCell::list(outside.iter().map(|one| one.before.to_string())),
        TableCell::list(runs().map(|run| run.id.as_str())),
        TableCell::list(origins("commit")),
        TableCell::list(origins("pull_request")),
    ]
}

/// Returns a row for a user that became an admin, or is one no more.
fn role(role: &RoleDifference<'_>) -> [TableCell; DIFFERENCES.len()] {
    let mut cells = [const { TableCell::empty() }; DIFFERENCES.len()];
    cells[1] = TableCell::text("(every WABA)");
    cells[2] = TableCell::id(role.user);
    cells[3] = TableCell::text(role.name.as_str());
    cells[4] = TableCell::word(HolderWord::SystemUser);
    let full = || TableCell::text(FULL_ACCESS);
    let [change, outside] = if role.is_admin { [7, 10] } else { [8, 11] };
    cells[if role.is_admin { 6 } else { 5 }] = full();
    cells[9] = TableCell::flag(false);
    cells[change] = full();
    cells[outside] = full();
    cells
}

fn gap(report: &AccessReport<'_>, gap: Gap<'_>) -> [TableCell; UNREADABLE.len()] {
    let waba_name = |waba| name(report.basis.evidence.waba_name(waba).name);
    match gap {
        Gap::Waba(waba, why) => {
            [TableCell::text("waba"), TableCell::id(waba), waba_name(waba), TableCell::text(why)]
        }
        Gap::User(user) => [
            TableCell::text("user"),
            TableCell::id_or_empty(user.id),
            name(Some(&user.name)),
            TableCell::text(user.why.as_str()),
        ],
        Gap::Journal(_) => [
            TableCell::text("journal"),
            TableCell::empty(),
            TableCell::empty(),
            TableCell::text(gap_text(report, gap).1),
        ],
        Gap::JournalLines(number) => [
            TableCell::text("journal-lines"),
            TableCell::empty(),
            TableCell::empty(),
            TableCell::text(format!("{number} cannot be read: {}", gap_text(report, gap).1)),
        ],
        Gap::Review(why) => {
            [TableCell::text("review"), TableCell::empty(), TableCell::empty(), TableCell::text(why)]
        }
        Gap::NotCompared(waba, why) => [
            TableCell::text("not-compared"),
            TableCell::id(waba),
            waba_name(waba),
            TableCell::text(not_compared(why)),
        ],
    }
}

/// Returns why a WABA is not compared, in words.
pub(crate) fn not_compared(why: NotCompared) -> &'static str {
    match why {
        NotCompared::UnreadableNow => "its access could not be read",
        NotCompared::UnreadableThen => "its access is not in the snapshot",
    }
}
