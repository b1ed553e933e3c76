//! The document of `report`: every holder on every WABA in scope, with a cover that adds up, the changes of a period, and what
//! differs from a snapshot.

use super::journal::WriteEntry;
use super::parts::{
    GrantEntry, LastWriteEntry, OriginEntries, RunnerEntry, Tool, UserEntry, WabaEntry, documents, text,
};
use super::plan::{SnapshotEntry, UnreadableEntry, UnresolvedEntry, WaiverEntry, unresolved};
use super::review::ReviewerEntry;
use super::values::{AsText, Tasks};
use super::words::{
    HolderKindWord, HolderWord, LiveSourceWord, NotComparedWord, ProofWord, ReviewStateWord, StandingWord,
};
use super::{FORMAT_VERSION, json};
use crate::model::{
    BusinessId, LastReview, Name, RecordedRun, RecordedWrite, RowReview, TaskSet, TimeLimit, WabaId,
};
use crate::query::{
    AccessReport, Comparison, Difference, Holding, OutsideChange, PeriodChange, PeriodCounts, ReportCounts,
    ReportJournal, RoleDifference, proof,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// A report on live access.
    AccessReportDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// When live access was read, in UTC.
        created_at: AsText<Timestamp>,
        /// The instant for which grants are in force, in UTC.
        now: AsText<Timestamp>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// Where live access was read; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<LiveSourceWord>,
        /// The snapshot that live access is taken from; absent if it was read from an API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<SnapshotEntry>,
        /// The digest of what the manifests mean.
        manifest_digest: Cow<'a, str>,
        /// The globs on the names of WABAs that the report is narrowed to; without any, it is all in scope.
        narrowed_to: Vec<Cow<'a, str>>,
        /// The waivers of the manifests that are in force.
        waivers: Vec<WaiverEntry<'a>>,
        /// The journal that last writes and changes are from.
        journal: ReportJournalEntry<'a>,
        /// The WABAs in scope that were read or should have been.
        wabas: Vec<WabaEntry<'a>>,
        /// The WABAs that could not be read. The report says nothing about them.
        unreadable: Vec<UnreadableEntry<'a>>,
        /// The declared system users that were not found.
        unresolved: Vec<UnresolvedEntry<'a>>,
        /// The WABAs in scope that were not read, because the report is narrowed.
        left_out: Vec<AsText<WabaId>>,
        /// The holders, by WABA and then by user.
        holders: Vec<ReportRowEntry<'a>>,
        /// The changes of a period; absent if none was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period: Option<PeriodEntry<'a>>,
        /// What differs from a snapshot; absent if none was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        baseline: Option<ComparisonEntry<'a>>,
        /// The last review that the folder of reviews has; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_review: Option<LastReviewEntry<'a>>,
        /// The files of reviews that could not be read, each with the reason.
        unread_reviews: Vec<Cow<'a, str>>,
        /// The numbers of the report.
        summary: AccessReportSummary,
    }
    /// The last review, compared with live access.
    LastReviewEntry<'a> {
        /// The file.
        file: Cow<'a, str>,
        /// When the decisions were taken over, in UTC.
        taken_at: AsText<Timestamp>,
        /// The rows.
        rows: usize,
        /// The rows to keep.
        keep: usize,
        /// The rows to end.
        end: usize,
        /// Of those to end, those that still hold something of what they held.
        still_held: usize,
        /// Who decided, and about how many rows.
        reviewers: Vec<ReviewerEntry<'a>>,
        /// Whether everybody holds exactly what was reviewed.
        current: bool,
    }
    /// The journal of a report.
    ReportJournalEntry<'a> {
        /// Whether there is a state that keeps one.
        kept: bool,
        /// Why it could not be read; absent if it could.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Cow<'a, str>>,
        /// The runs in it.
        runs: usize,
        /// The writes in it.
        writes: usize,
        /// The lines that could not be read.
        broken_lines: usize,
    }
    /// A holder on a WABA.
    ReportRowEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// The kind of user.
        kind: HolderKindWord,
        /// How the manifests see the user.
        standing: StandingWord,
        /// Whether it is a system user or a person of the business itself.
        own: bool,
        /// Whether the manifests decide about its access: what they do not ask for is taken away.
        managed: bool,
        /// The tasks of its assignment; none if it holds everything by its role.
        holds: Tasks,
        /// Whether it holds everything by its role, without an assignment.
        by_role: bool,
        /// Whether it has admin access: by `MANAGE`, by `FULL_CONTROL`, or by its role.
        privileged: bool,
        /// Whether grants in force give all that it holds.
        granted: bool,
        /// The grants, or the exception, in force for it.
        granted_by: Vec<GrantEntry<'a>>,
        /// Whether an exception is in force for it.
        exception: bool,
        /// The last write in the journal that took effect; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_write: Option<LastWriteEntry<'a>>,
        /// The waivers of the run of that write; absent without any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waivers: Vec<Cow<'a, str>>,
        /// What is known of the effect of that write; absent without a write.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<ProofWord>,
        /// Whether it still holds what that write left; absent without a write.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        as_written: Option<bool>,
        /// The last review that is about it; absent if none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        review: Option<RowReviewEntry<'a>>,
    }
    /// The last review about a holder.
    RowReviewEntry<'a> {
        /// What it decided, or that the holder changed since.
        state: ReviewStateWord,
        /// Who decided.
        reviewer: Cow<'a, str>,
        /// When the decisions were taken over, in UTC.
        taken_at: AsText<Timestamp>,
        /// What the reviewer noted; absent without a note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Cow<'a, str>>,
    }
    /// The changes of a period.
    PeriodEntry<'a> {
        /// The first day or instant; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<AsText<TimeLimit>>,
        /// The last day, or the instant before which; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<AsText<TimeLimit>>,
        /// The writes, oldest first: of the whole business, or, if the report is narrowed, those on its WABAs.
        changes: Vec<PeriodChangeEntry<'a>>,
        /// The numbers of the changes.
        summary: PeriodSummary,
    }
    /// A write in the period.
    PeriodChangeEntry<'a> {
        /// The id of the run.
        run: Cow<'a, str>,
        /// The system user whose token was used; absent if it was not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<UserEntry<'a>>,
        /// The process that ran it.
        by: RunnerEntry<'a>,
        /// What the run comes from; absent if nothing is known.
        #[serde(default, skip_serializing_if = "OriginEntries::is_empty")]
        origin: OriginEntries<'a>,
        /// The waivers that were given.
        waivers: Vec<Cow<'a, str>>,
        /// The digest of what the manifests meant.
        manifest_digest: Cow<'a, str>,
        /// The write.
        write: WriteEntry<'a>,
        /// What is known of its effect.
        proof: ProofWord,
        /// When a read showed its effect, in UTC; absent if none did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proven_at: Option<AsText<Timestamp>>,
        /// The run whose read showed its effect; absent if none did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proven_by: Option<Cow<'a, str>>,
    }
    /// The numbers of a period. All but `runs` and `changes` add up to `changes`.
    PeriodSummary {
        /// Runs with a change in the period.
        runs: usize,
        /// Changes.
        changes: usize,
        /// Of them, those that a read shows.
        proven: usize,
        /// Of them, those that were accepted and that lists do not show.
        accepted_not_listed: usize,
        /// Of them, those where a read shows other tasks, or only a part.
        otherwise: usize,
        /// Of them, those that had no effect or were not sent.
        without_effect: usize,
        /// Of them, those whose outcome is not known.
        unknown: usize,
    }
    /// What differs from a snapshot.
    ComparisonEntry<'a> {
        /// The snapshot.
        snapshot: SnapshotEntry,
        /// The assignments that differ, or that something changed in between that no run explains, by WABA and user.
        differences: Vec<DifferenceEntry<'a>>,
        /// The system users of the business that became admins, or are admins no more. No run does that.
        roles: Vec<RoleDifferenceEntry<'a>>,
        /// The WABAs in scope that were not compared.
        not_compared: Vec<NotComparedEntry<'a>>,
        /// The WABAs of the snapshot that are not in scope.
        out_of_scope: Vec<AsText<WabaId>>,
        /// The number of WABAs that were compared. With `not_compared` they are all that were read or should have been.
        compared: usize,
        /// The number of differences with a change that no run explains.
        outside: usize,
    }
    /// An assignment that differs from a snapshot.
    DifferenceEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// Whose assignment it is.
        holder: HolderWord,
        /// The tasks in the snapshot.
        before: Tasks,
        /// The tasks now.
        after: Tasks,
        /// The writes since then that took effect, oldest first.
        writes: Vec<LastWriteEntry<'a>>,
        /// The changes in between that no run explains, oldest first.
        outside: Vec<OutsideChangeEntry>,
    }
    /// A change that no run in the journal explains.
    OutsideChangeEntry {
        /// The tasks that were gained.
        gained: Tasks,
        /// The tasks that were lost.
        lost: Tasks,
        /// The last time at which it was not so yet, in UTC: the snapshot, or a write.
        after: AsText<Timestamp>,
        /// The first time at which it was so, in UTC: a write, or the reading of live access.
        before: AsText<Timestamp>,
    }
    /// A system user that became an admin, or is one no more.
    RoleDifferenceEntry<'a> {
        /// The user.
        user: UserEntry<'a>,
        /// Whether it is an admin now.
        admin: bool,
    }
    /// A WABA that was not compared.
    NotComparedEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// Why.
        why: NotComparedWord,
    }
    /// The numbers of a report. `declared`, `other_system_users`, `people` and `others` add up to `holders`; so do `managed` and
    /// `unmanaged`, `assignments` and `by_role`, and `reviewed`, `changed_since_review` and `never_reviewed`. `wabas_read`, `wabas_unreadable` and `wabas_left_out` add up to `wabas`.
    AccessReportSummary {
        /// WABAs in scope.
        wabas: usize,
        /// WABAs that were read.
        wabas_read: usize,
        /// WABAs that could not be read.
        wabas_unreadable: usize,
        /// WABAs that were not read, because the report is narrowed.
        wabas_left_out: usize,
        /// Declared system users that were not found.
        users_not_found: usize,
        /// Pairs of a WABA and a holder.
        holders: usize,
        /// Of them, those with an assignment, as it was read.
        assignments: usize,
        /// Of them, admins who hold everything by their role, without an assignment.
        by_role: usize,
        /// Of them, declared system users.
        declared: usize,
        /// Of them, other system users of the business.
        other_system_users: usize,
        /// Of them, people.
        people: usize,
        /// Of them, users of other businesses and of an unknown kind.
        others: usize,
        /// Of them, those whose access the manifests decide.
        managed: usize,
        /// Of them, those whose access the manifests leave alone.
        unmanaged: usize,
        /// Of them, those with admin access.
        privileged: usize,
        /// Of them, those that hold nothing but what grants in force give.
        granted: usize,
        /// Of them, those for which an exception is in force.
        exceptions: usize,
        /// Of them, those that hold what was reviewed.
        reviewed: usize,
        /// Of them, those that hold something else than what was reviewed.
        changed_since_review: usize,
        /// Of them, those that no review is about.
        never_reviewed: usize,
    }
}

impl<'a> LastReviewEntry<'a> {
    fn of(last: &'a LastReview) -> Self {
        let reviewer = |(name, rows): &'a (Name, usize)| ReviewerEntry { name: text(name), rows: *rows };
        Self {
            file: last.file.as_str().into(),
            taken_at: AsText(last.taken_at),
            rows: last.rows,
            keep: last.keep,
            end: last.end,
            still_held: last.still_held,
            reviewers: last.reviewers.iter().map(reviewer).collect(),
            current: last.is_current,
        }
    }
}

/// Writes a report as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub fn access_report(report: &AccessReport<'_>, to: impl io::Write) -> io::Result<()> {
    json::write_document(&AccessReportDocument::of(report), to)
}

fn names(names: &[Name]) -> Vec<Cow<'_, str>> {
    names.iter().map(text).collect()
}

impl<'a> AccessReportDocument<'a> {
    fn of(report: &'a AccessReport<'a>) -> Self {
        let (basis, answer) = (&report.basis, &report.answer);
        let evidence = &basis.evidence;
        let waba = |waba: &WabaId| WabaEntry::named(*waba, evidence.waba_name(*waba));
        let unreadable =
            |(id, why): (&WabaId, &&'a str)| UnreadableEntry { waba: waba(id), error: Cow::Borrowed(*why) };
        Self {
            format_version: FORMAT_VERSION.into(),
            tool: Tool::this(),
            created_at: AsText(basis.created_at),
            now: AsText(evidence.desired.now),
            business: AsText(evidence.desired.business),
            source: LiveSourceWord::of(basis.live_source),
            snapshot: basis.live_source.snapshot().map(SnapshotEntry::of),
            manifest_digest: basis.manifest_digest.into(),
            narrowed_to: basis.narrowed_to.iter().map(|glob| glob.as_str().into()).collect(),
            waivers: report.waivers().map(|waiver| WaiverEntry::of(waiver, basis.sources)).collect(),
            journal: ReportJournalEntry::of(&basis.journal),
            wabas: evidence.desired.scope.wabas.keys().map(waba).collect(),
            unreadable: answer.unreadable.iter().map(unreadable).collect(),
            unresolved: unresolved(evidence.plan, basis.sources),
            left_out: report.left_out().map(AsText).collect(),
            holders: answer.holders.iter().map(|holding| ReportRowEntry::of(report, holding)).collect(),
            period: report.changes.as_deref().map(|changes| PeriodEntry::of(report, changes)),
            baseline: report.comparison.as_ref().zip(basis.earlier).map(|(comparison, earlier)| {
                ComparisonEntry::of(report, comparison, SnapshotEntry::of(&earlier.mark))
            }),
            last_review: basis.last_review.map(LastReviewEntry::of),
            unread_reviews: basis.unread_reviews.iter().map(|why| why.as_str().into()).collect(),
            summary: AccessReportSummary::of(report),
        }
    }
}

impl<'a> ReportJournalEntry<'a> {
    fn of(journal: &ReportJournal<'a>) -> Self {
        let ReportJournal { history, is_kept, unreadable } = *journal;
        Self {
            kept: is_kept,
            error: unreadable.map(Into::into),
            runs: history.runs.len(),
            writes: history.runs.iter().map(|run| run.writes.len()).sum(),
            broken_lines: history.broken_lines,
        }
    }
}

impl<'a> ReportRowEntry<'a> {
    fn of(report: &AccessReport<'a>, holding: &Holding<'a>) -> Self {
        let basis = &report.basis;
        let evidence = &basis.evidence;
        let Holding { key, standing, own, tasks, by_role, given_by, .. } = holding;
        let last = report.last_write(holding);
        Self {
            waba: WabaEntry::named(key.waba, evidence.waba_name(key.waba)),
            user: UserEntry::named(key.user, evidence.user_name(*key)),
            kind: HolderKindWord::of(*standing),
            standing: (*standing).into(),
            own: *own,
            managed: report.is_managed(holding),
            holds: Tasks((*tasks).clone()),
            by_role: *by_role,
            privileged: report.is_privileged(holding),
            granted: report.is_granted(holding),
            granted_by: evidence
                .entries(given_by)
                .map(|entry| GrantEntry::of(&entry.source, basis.sources))
                .collect(),
            exception: report.is_excepted(holding),
            last_write: last.map(|(run, write, _)| LastWriteEntry::recorded(run, write)),
            waivers: last.map(|(run, ..)| names(&run.waivers)).unwrap_or_default(),
            proof: last.map(|(_, write, _)| proof(write).into()),
            as_written: last.map(|(.., as_written)| as_written),
            review: report.review(holding).map(RowReviewEntry::of),
        }
    }
}

impl<'a> RowReviewEntry<'a> {
    fn of(review: &'a RowReview) -> Self {
        let RowReview { state, reviewer, taken_at, note } = review;
        Self {
            state: (*state).into(),
            reviewer: text(reviewer),
            taken_at: AsText(*taken_at),
            note: (!note.as_str().is_empty()).then(|| text(note)),
        }
    }
}

impl<'a> PeriodEntry<'a> {
    fn of(report: &'a AccessReport<'a>, changes: &'a [PeriodChange<'a>]) -> Self {
        let limit = |limit: Option<TimeLimit>| limit.map(AsText);
        let counts = PeriodCounts::of(changes);
        Self {
            since: limit(report.basis.period.and_then(|period| period.since)),
            until: limit(report.basis.period.and_then(|period| period.until)),
            changes: changes.iter().map(|change| PeriodChangeEntry::of(report, change)).collect(),
            summary: PeriodSummary {
                runs: counts.runs,
                changes: counts.changes,
                proven: counts.proven,
                accepted_not_listed: counts.accepted_not_listed,
                otherwise: counts.otherwise,
                without_effect: counts.without_effect,
                unknown: counts.unknown,
            },
        }
    }
}

impl<'a> PeriodChangeEntry<'a> {
    fn of(report: &'a AccessReport<'a>, change: &'a PeriodChange<'a>) -> Self {
        let PeriodChange { run, write, proof } = *change;
        let (proven_at, proven_by) = proof.read().unzip();
        Self {
            run: text(&run.id),
            acting_user: run.acting_user.as_ref().map(|(id, name)| UserEntry::new(*id, name)),
            by: RunnerEntry::of(&run.by),
            origin: OriginEntries::of(&run.origin),
            waivers: names(&run.waivers),
            manifest_digest: text(&run.manifest_digest),
            write: WriteEntry::of(write, &report.basis.journal.history.sources),
            proof: proof.into(),
            proven_at: proven_at.map(AsText),
            proven_by: proven_by.map(|by: Option<&'a str>| by.unwrap_or(run.id.as_str()).into()),
        }
    }
}

impl<'a> ComparisonEntry<'a> {
    fn of(report: &'a AccessReport<'a>, comparison: &'a Comparison<'a>, snapshot: SnapshotEntry) -> Self {
        let evidence = &report.basis.evidence;
        let role = |role: &RoleDifference<'a>| RoleDifferenceEntry {
            user: UserEntry::new(role.user, role.name),
            admin: role.is_admin,
        };
        let not_compared = comparison.not_compared.iter().map(|(waba, why)| NotComparedEntry {
            waba: WabaEntry::named(*waba, evidence.waba_name(*waba)),
            why: (*why).into(),
        });
        Self {
            snapshot,
            differences: comparison.differences.iter().map(|one| DifferenceEntry::of(report, one)).collect(),
            roles: comparison.roles.iter().map(role).collect(),
            not_compared: not_compared.collect(),
            out_of_scope: comparison.out_of_scope.iter().copied().map(AsText).collect(),
            compared: comparison.compared,
            outside: comparison.outside(),
        }
    }
}

impl<'a> DifferenceEntry<'a> {
    fn of(report: &AccessReport<'a>, difference: &'a Difference<'a>) -> Self {
        let Difference { key, user, holder, before, after, writes, outside } = difference;
        let name = (!user.is_empty()).then_some(Cow::Borrowed(*user));
        let written =
            |(run, write): &(&'a RecordedRun, &'a RecordedWrite)| LastWriteEntry::recorded(run, write);
        Self {
            waba: WabaEntry::named(key.waba, report.basis.evidence.waba_name(key.waba)),
            user: UserEntry { id: AsText(key.user), name, live_name: None },
            holder: (*holder).into(),
            before: Tasks(before.clone()),
            after: Tasks(after.clone()),
            writes: writes.iter().map(written).collect(),
            outside: outside.iter().map(OutsideChangeEntry::of).collect(),
        }
    }
}

impl OutsideChangeEntry {
    fn of(change: &OutsideChange) -> Self {
        let tasks = |set: &TaskSet| Tasks(set.clone());
        Self {
            gained: tasks(&change.gained),
            lost: tasks(&change.lost),
            after: AsText(change.after),
            before: AsText(change.before),
        }
    }
}

impl AccessReportSummary {
    fn of(report: &AccessReport<'_>) -> Self {
        let ReportCounts {
            wabas,
            wabas_read,
            wabas_unreadable,
            wabas_left_out,
            holders,
            assignments,
            by_role,
            declared,
            other_system_users,
            people,
            others,
            managed,
            unmanaged,
            privileged,
            granted,
            excepted,
            reviewed,
            changed_since,
            never_reviewed,
        } = report.counts();
        Self {
            wabas,
            wabas_read,
            wabas_unreadable,
            wabas_left_out,
            users_not_found: report.basis.evidence.plan.unresolved.len(),
            holders,
            assignments,
            by_role,
            declared,
            other_system_users,
            people,
            others,
            managed,
            unmanaged,
            privileged,
            granted,
            exceptions: excepted,
            reviewed,
            changed_since_review: changed_since,
            never_reviewed,
        }
    }
}
