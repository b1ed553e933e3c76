//! The JSON formats: structs of their own, so that a change of the core never changes a contract by accident.
//!
//! A minor version only adds; readers refuse a newer major version. This module must not know how text looks.

use super::{PlanView, harmless};
use crate::diagnostic::{Diagnostic, Severity};
use crate::guard;
use crate::model::{
    self, Action, AssignmentKey, GrantSource, Name, Outcome, Plan, Position, Prune, Sources, TaskSet, UserId,
    WabaId, WhyGone,
};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io;

/// The version of all three formats.
pub const FORMAT_VERSION: &str = "1.0";

/// What a document says beside the plan, and the plan does not know.
#[derive(Debug, Clone, Copy)]
pub struct JsonHeader<'a> {
    /// When it was made.
    pub created_at: Timestamp,
    /// The acting user's name, where it is known.
    pub acting_user_name: Option<&'a Name>,
    /// The digest of what the manifests mean, such as `sha256:…`.
    pub manifest_digest: &'a str,
}

macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

documents! {
    /// The program that wrote a document.
    Tool {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
    }
    /// A WABA or a user.
    Named {
        /// Its id.
        id: String,
        /// Its name, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    }
    /// A plan: every change, in the order in which they are applied.
    PlanDocument {
        /// The version of this format.
        format_version: String,
        /// The program that wrote this.
        tool: Tool,
        /// When this was made, in UTC.
        created_at: String,
        /// The day for which the plan was made, in UTC: `2026-11-23`.
        day: String,
        /// The id of the business portfolio.
        business: String,
        /// The system user whose token is used, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<Named>,
        /// The digest of what the manifests mean.
        manifest_digest: String,
        /// Whether `--waba` narrowed the plan to some WABAs.
        partial: bool,
        /// The changes, in the order in which they are applied.
        changes: Vec<ChangeEntry>,
        /// Live rows in scope that are left alone.
        unmanaged: Vec<UnmanagedEntry>,
        /// WABAs that could not be read and are not planned.
        unreadable: Vec<UnreadableEntry>,
        /// The guards that the plan breaks.
        violations: Vec<ViolationEntry>,
        /// The guards that the plan breaks and that were waived for this run.
        waived: Vec<ViolationEntry>,
        /// What the reader should know besides.
        notices: Vec<NoticeEntry>,
        /// The numbers.
        summary: PlanSummary,
    }
    /// A change of one assignment.
    ChangeEntry {
        /// What it does.
        action: ActionWord,
        /// The WABA.
        waba: Named,
        /// The user.
        user: Named,
        /// The tasks that are live, by name.
        before: Vec<String>,
        /// The tasks that shall be, by name: the whole new set.
        after: Vec<String>,
        /// The grants that ask for what shall be.
        because: Vec<GrantEntry>,
        /// Why something goes, where something does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<GoneEntry>,
        /// Set where the acting user cannot make this change itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocked: Option<BlockedWord>,
        /// Whether the user is an admin of the business, who may not be listed even after the write.
        admin: bool,
    }
    /// A grant.
    GrantEntry {
        /// Its path in its document: `grants[1]`.
        grant: String,
        /// Its name, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The file in which it stands.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// Its reason, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The last day it holds, where it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    }
    /// Why something goes.
    GoneEntry {
        /// The prune rule by which it goes.
        prune: PruneWord,
        /// The lines that no longer give it.
        lines: Vec<GoneLine>,
    }
    /// A line that no longer gives something.
    GoneLine {
        /// In which way.
        why: GoneWord,
        /// The file: of the expired grant, of the user's declaration, or of the WABA's.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// The expired grant, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantEntry>,
    }
    /// A live row that is left alone.
    UnmanagedEntry {
        /// The WABA.
        waba: Named,
        /// The user.
        user: Named,
        /// What it holds, by name.
        tasks: Vec<String>,
        /// Why it is left alone.
        why: UnmanagedWord,
    }
    /// A WABA that could not be read.
    UnreadableEntry {
        /// The WABA.
        waba: Named,
        /// Why.
        error: String,
    }
    /// A breach of a guard.
    ViolationEntry {
        /// The guard.
        code: String,
        /// What would happen.
        message: String,
        /// The WABA, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waba: Option<Named>,
        /// The user, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Named>,
    }
    /// Something to know that stops nothing.
    NoticeEntry {
        /// What it is.
        code: NoticeWord,
        /// The WABA, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waba: Option<Named>,
        /// The user, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Named>,
    }
    /// The numbers of a plan.
    PlanSummary {
        /// Changes from nothing to something.
        assign: usize,
        /// Changes from one set to another.
        change: usize,
        /// Changes from something to nothing.
        revoke: usize,
        /// Live assignments in scope that stay.
        unchanged: usize,
    }
    /// A report: what became of every change.
    ReportDocument {
        /// The version of this format.
        format_version: String,
        /// The program that wrote this.
        tool: Tool,
        /// When this was made, in UTC.
        created_at: String,
        /// The id of the business portfolio.
        business: String,
        /// The system user whose token is used, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<Named>,
        /// The digest of what the manifests mean.
        manifest_digest: String,
        /// Whether any write was sent.
        wrote: bool,
        /// Why the run ended before its end, where it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<String>,
        /// The changes with their outcomes, in the plan's order.
        changes: Vec<OutcomeEntry>,
        /// WABAs that could not be read and were not planned.
        unreadable: Vec<UnreadableEntry>,
        /// The guards that were waived for this run.
        waived: Vec<ViolationEntry>,
        /// How many changes are now as planned, and how many are not.
        summary: ReportSummary,
    }
    /// A change with its outcome.
    OutcomeEntry {
        /// The change, as planned.
        change: ChangeEntry,
        /// What became of it.
        outcome: OutcomeWord,
        /// What is stored, where it is not what was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Vec<String>>,
        /// What was found, where the WABA had moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Vec<String>>,
        /// Why, where it failed, is unknown or was not attempted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    }
    /// The numbers of a report.
    ReportSummary {
        /// Changes that are now as planned.
        done: usize,
        /// Changes that are not, or of which that is not known.
        not_done: usize,
    }
    /// What is wrong, or doubtful, about the manifests.
    DiagnosticsDocument {
        /// The version of this format.
        format_version: String,
        /// The program that wrote this.
        tool: Tool,
        /// The diagnostics, by file, line and column.
        diagnostics: Vec<DiagnosticEntry>,
        /// The numbers.
        summary: DiagnosticsSummary,
    }
    /// Something about the manifests.
    DiagnosticEntry {
        /// Whether it stops the run.
        severity: SeverityWord,
        /// A stable code.
        code: String,
        /// What is wrong.
        message: String,
        /// The file, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// The line, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        /// The column in characters, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<u32>,
        /// What to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    }
    /// The numbers of diagnostics.
    DiagnosticsSummary {
        /// Diagnostics that stop the run.
        errors: usize,
        /// Diagnostics that do not.
        warnings: usize,
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$word_doc])* $word,)* }
    )*};
}

words! {
    /// What a change does.
    ActionWord {
        /// From nothing to something.
        Assign,
        /// From one set to another.
        Change,
        /// From something to nothing.
        Revoke,
    }
    /// Why the acting user cannot make a change itself.
    BlockedWord {
        /// It would raise its own tasks.
        SelfRaise,
    }
    /// What may be taken away.
    PruneWord {
        /// Nothing.
        None,
        /// Declared users hold exactly what the grants give.
        Declared,
        /// The business's other system users lose theirs too.
        All,
    }
    /// In which way a line no longer gives something.
    GoneWord {
        /// The grant has expired.
        Expired,
        /// The user is declared here, and no grant gives it this.
        Declared,
        /// The user is declared nowhere, and the WABA, declared here, is pruned of all such.
        Undeclared,
    }
    /// Why a row is left alone.
    UnmanagedWord {
        /// A person.
        Person,
        /// A system user of another business.
        OtherBusiness,
        /// A system user that no manifest declares.
        Undeclared,
        /// A kind of user that this program does not know.
        Unknown,
    }
    /// Something to know.
    NoticeWord {
        /// The WABA's list came back empty, and nothing could confirm that.
        Unconfirmed,
        /// The plan writes to an admin, who may not be listed even after the write.
        AssignsToAdmin,
    }
    /// What became of a change.
    OutcomeWord {
        /// Written, read back, and stored as planned.
        Applied,
        /// It was already as planned.
        AlreadySo,
        /// Accepted, but the user is an admin and is not listed.
        AcceptedNotListed,
        /// Accepted, but what is stored is not what was asked.
        StoredDifferently,
        /// Not written: live state was no longer what the plan saw.
        Moved,
        /// Refused, or without effect.
        Failed,
        /// Sent, and whether it took effect could not be found out.
        Unknown,
        /// Never sent.
        NotAttempted,
    }
    /// Whether a diagnostic stops the run.
    SeverityWord {
        /// It does.
        Error,
        /// It does not.
        Warning,
    }
}

/// Writes a plan as JSON, with a line feed at its end.
///
/// # Errors
///
/// Where the sink fails.
pub fn plan(view: &PlanView<'_>, header: &JsonHeader<'_>, to: impl io::Write) -> io::Result<()> {
    write(&plan_document(view, header), to)
}

/// Gives a plan as the document that is written.
pub fn plan_document(view: &PlanView<'_>, header: &JsonHeader<'_>) -> PlanDocument {
    let plan = view.plan;
    let summary = plan.summary();
    PlanDocument {
        format_version: FORMAT_VERSION.to_owned(),
        tool: tool(),
        created_at: header.created_at.to_string(),
        day: plan.day.to_string(),
        business: plan.business.to_string(),
        acting_user: acting_user(plan, header),
        manifest_digest: header.manifest_digest.to_owned(),
        partial: plan.partial,
        changes: plan.changes.iter().map(|change| change_entry(plan, change, view.sources)).collect(),
        unmanaged: plan.unmanaged.iter().map(|row| unmanaged(plan, row)).collect(),
        unreadable: unreadable(plan),
        violations: view.violations.iter().map(|found| violation(plan, found)).collect(),
        waived: view.waived.iter().map(|found| violation(plan, found)).collect(),
        notices: plan.notices.iter().map(|found| notice(plan, found)).collect(),
        summary: PlanSummary {
            assign: summary.assign,
            change: summary.change,
            revoke: summary.revoke,
            unchanged: summary.unchanged,
        },
    }
}

/// Writes a report as JSON, with a line feed at its end. The view is that of the plan that was applied.
///
/// # Errors
///
/// Where the sink fails.
pub fn report(
    report: &model::Report,
    view: &PlanView<'_>,
    header: &JsonHeader<'_>,
    to: impl io::Write,
) -> io::Result<()> {
    let plan = view.plan;
    let done = report.changes.iter().filter(|reported| reported.outcome.is_done()).count();
    let document = ReportDocument {
        format_version: FORMAT_VERSION.to_owned(),
        tool: tool(),
        created_at: header.created_at.to_string(),
        business: plan.business.to_string(),
        acting_user: acting_user(plan, header),
        manifest_digest: header.manifest_digest.to_owned(),
        wrote: report.wrote,
        stopped: report.stopped.as_deref().map(harmless),
        changes: report.changes.iter().map(|reported| outcome(plan, reported, view.sources)).collect(),
        unreadable: unreadable(plan),
        waived: view.waived.iter().map(|found| violation(plan, found)).collect(),
        summary: ReportSummary { done, not_done: report.changes.len() - done },
    };
    write(&document, to)
}

/// Writes diagnostics as JSON, by file, line and column, with a line feed at its end.
///
/// # Errors
///
/// Where the sink fails.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, to: impl io::Write) -> io::Result<()> {
    let errors = found.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let document = DiagnosticsDocument {
        format_version: FORMAT_VERSION.to_owned(),
        tool: tool(),
        diagnostics: super::text::in_order(found).into_iter().map(|one| diagnostic(one, sources)).collect(),
        summary: DiagnosticsSummary { errors, warnings: found.len() - errors },
    };
    write(&document, to)
}

fn write(document: &impl Serialize, mut to: impl io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, document)?;
    to.write_all(b"\n")
}

fn tool() -> Tool {
    Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

#[allow(clippy::needless_pass_by_value, reason = "an id is a number that is copied")]
fn entry(id: impl Display, name: &Name) -> Named {
    let name = (!name.as_str().is_empty()).then(|| harmless(name.as_str()));
    Named { id: id.to_string(), name }
}

fn waba(plan: &Plan, id: WabaId) -> Named {
    entry(id, &plan.waba_name(id))
}

fn user(plan: &Plan, id: UserId) -> Named {
    entry(id, &plan.user_name(id))
}

fn acting_user(plan: &Plan, header: &JsonHeader<'_>) -> Option<Named> {
    plan.acting_user.map(|id| header.acting_user_name.map_or_else(|| user(plan, id), |name| entry(id, name)))
}

fn tasks(set: &TaskSet) -> Vec<String> {
    set.names().map(harmless).collect()
}

fn change_entry(plan: &Plan, change: &model::Change, sources: &Sources) -> ChangeEntry {
    let AssignmentKey { waba: on, user: who } = change.key;
    ChangeEntry {
        action: match change.action() {
            Action::Assign => ActionWord::Assign,
            Action::Change => ActionWord::Change,
            Action::Revoke => ActionWord::Revoke,
        },
        waba: waba(plan, on),
        user: user(plan, who),
        before: tasks(&change.before),
        after: tasks(&change.after),
        because: change.because.grants.iter().map(|source| grant(source, sources)).collect(),
        gone: change.because.gone.as_ref().map(|(prune, lines)| GoneEntry {
            prune: match prune {
                Prune::None => PruneWord::None,
                Prune::Declared => PruneWord::Declared,
                Prune::All => PruneWord::All,
            },
            lines: lines.iter().map(|line| gone_line(line, sources)).collect(),
        }),
        blocked: change.blocked.map(|model::Blocked::SelfRaise| BlockedWord::SelfRaise),
        admin: change.admin,
    }
}

fn grant(source: &GrantSource, sources: &Sources) -> GrantEntry {
    GrantEntry {
        grant: harmless(&source.path),
        name: source.name.as_ref().map(|name| harmless(name.as_str())),
        file: harmless(sources.path(source.at.source)),
        line: source.at.line,
        column: source.at.column,
        reason: source.reason.as_ref().map(|reason| harmless(reason.as_str())),
        until: source.until.map(|day: Date| day.to_string()),
    }
}

fn gone_line(line: &WhyGone, sources: &Sources) -> GoneLine {
    let (why, at, expired): (_, Position, _) = match line {
        WhyGone::Expired(source) => (GoneWord::Expired, source.at, Some(grant(source, sources))),
        WhyGone::Declared(at) => (GoneWord::Declared, *at, None),
        WhyGone::Undeclared(at) => (GoneWord::Undeclared, *at, None),
    };
    let file = harmless(sources.path(at.source));
    GoneLine { why, file, line: at.line, column: at.column, grant: expired }
}

fn unmanaged(plan: &Plan, row: &model::Unmanaged) -> UnmanagedEntry {
    UnmanagedEntry {
        waba: waba(plan, row.key.waba),
        user: entry(row.key.user, &row.name),
        tasks: tasks(&row.tasks),
        why: match row.why {
            model::UnmanagedReason::Person => UnmanagedWord::Person,
            model::UnmanagedReason::OtherBusiness => UnmanagedWord::OtherBusiness,
            model::UnmanagedReason::Undeclared => UnmanagedWord::Undeclared,
            model::UnmanagedReason::Unknown => UnmanagedWord::Unknown,
        },
    }
}

fn unreadable(plan: &Plan) -> Vec<UnreadableEntry> {
    plan.unreadable
        .iter()
        .map(|(id, error)| UnreadableEntry { waba: waba(plan, *id), error: harmless(error) })
        .collect()
}

fn violation(plan: &Plan, found: &guard::Violation) -> ViolationEntry {
    ViolationEntry {
        code: found.code.to_owned(),
        message: harmless(&found.message),
        waba: found.waba.map(|id| waba(plan, id)),
        user: found.user.map(|id| user(plan, id)),
    }
}

fn notice(plan: &Plan, found: &model::Notice) -> NoticeEntry {
    match *found {
        model::Notice::Unconfirmed(id) => {
            NoticeEntry { code: NoticeWord::Unconfirmed, waba: Some(waba(plan, id)), user: None }
        }
        model::Notice::AssignsToAdmin(id) => {
            NoticeEntry { code: NoticeWord::AssignsToAdmin, waba: None, user: Some(user(plan, id)) }
        }
    }
}

fn outcome(plan: &Plan, reported: &model::ReportedChange, sources: &Sources) -> OutcomeEntry {
    let (word, stored, found, error) = match &reported.outcome {
        Outcome::Applied => (OutcomeWord::Applied, None, None, None),
        Outcome::AlreadySo => (OutcomeWord::AlreadySo, None, None, None),
        Outcome::AcceptedNotListed => (OutcomeWord::AcceptedNotListed, None, None, None),
        Outcome::StoredDifferently { stored } => (OutcomeWord::StoredDifferently, Some(stored), None, None),
        Outcome::Moved { found } => (OutcomeWord::Moved, None, Some(found), None),
        Outcome::Failed { error } => (OutcomeWord::Failed, None, None, Some(error)),
        Outcome::Unknown { error } => (OutcomeWord::Unknown, None, None, Some(error)),
        Outcome::NotAttempted { why } => (OutcomeWord::NotAttempted, None, None, Some(why)),
    };
    OutcomeEntry {
        change: change_entry(plan, &reported.change, sources),
        outcome: word,
        stored: stored.map(tasks),
        found: found.map(tasks),
        error: error.map(|error| harmless(error)),
    }
}

fn diagnostic(found: &Diagnostic, sources: &Sources) -> DiagnosticEntry {
    DiagnosticEntry {
        severity: match found.severity {
            Severity::Error => SeverityWord::Error,
            Severity::Warning => SeverityWord::Warning,
        },
        code: found.code.to_owned(),
        message: harmless(&found.message),
        file: found.at.map(|at| harmless(sources.path(at.source))),
        line: found.at.map(|at| at.line),
        column: found.at.map(|at| at.column),
        help: found.help.as_deref().map(harmless),
    }
}
