//! The JSON formats: structs of their own, so that a change of the core never changes a contract by accident.
//!
//! A minor version only adds; readers refuse a newer major version. This module must not know how text looks.

#[macro_use]
mod document;
mod drift;
mod journal;

pub use document::*;
pub use journal::*;

use super::{View, harmless};
use crate::diagnostic::{Diagnostic, Severity};
use crate::guard;
use crate::model::{
    self, Action, AssignmentKey, GrantSource, Name, Outcome, Plan, Position, Prune, Sources, TaskSet, UserId,
    WabaId, WhyGone,
};
use jiff::civil::Date;
use serde::Serialize;
use std::fmt::Display;
use std::io;

/// The version of all formats.
pub const FORMAT_VERSION: &str = "1.0";

/// Writes a plan as JSON, with a line feed at its end.
///
/// # Errors
///
/// Where the sink fails.
pub fn plan(view: &View<'_>, to: impl io::Write) -> io::Result<()> {
    write(&plan_document(view), to)
}

/// Returns a plan as the document that is written.
pub fn plan_document(view: &View<'_>) -> PlanDocument {
    let plan = view.plan();
    let (summary, cost) = (plan.summary(), plan.apply_cost());
    PlanDocument {
        format_version: FORMAT_VERSION.to_owned(),
        tool: tool(),
        created_at: view.proposal.made.to_string(),
        day: plan.day.to_string(),
        business: plan.business.to_string(),
        acting_user: acting_user(view),
        manifest_digest: view.proposal.manifest_digest.clone(),
        partial: plan.partial,
        changes: plan.changes.iter().map(|change| drift::change(view, change)).collect(),
        unmanaged: plan.unmanaged.iter().map(|row| unmanaged(plan, row)).collect(),
        unreadable: unreadable(plan),
        violations: view.violations.iter().map(|found| violation(plan, found)).collect(),
        waived: view.waived.iter().map(|found| violation(plan, found)).collect(),
        notices: plan.notices.iter().map(|found| notice(plan, found)).collect(),
        expiring: drift::expiring(view),
        summary: PlanSummary {
            assign: summary.assign,
            change: summary.change,
            revoke: summary.revoke,
            unchanged: summary.unchanged,
        },
        apply_cost: ApplyCostEntry { reads: cost.reads, writes: cost.writes },
    }
}

/// Writes a report as JSON, with a line feed at its end. The view is that of the plan that was applied.
///
/// # Errors
///
/// Where the sink fails.
pub fn report(report: &model::Report, view: &View<'_>, to: impl io::Write) -> io::Result<()> {
    let plan = view.plan();
    let done = report.changes.iter().filter(|reported| reported.outcome.is_done()).count();
    let document = ReportDocument {
        format_version: FORMAT_VERSION.to_owned(),
        tool: tool(),
        created_at: view.proposal.made.to_string(),
        business: plan.business.to_string(),
        acting_user: acting_user(view),
        manifest_digest: view.proposal.manifest_digest.clone(),
        wrote: report.wrote,
        stopped: report.stopped.as_deref().map(harmless),
        changes: report.changes.iter().map(|reported| outcome(plan, reported, view.sources())).collect(),
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

fn acting_user(view: &View<'_>) -> Option<Named> {
    view.proposal.acting_user().map(|(id, name)| entry(id, &name))
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
            prune: prune_word(*prune),
            lines: lines.iter().map(|line| gone_line(line, sources)).collect(),
        }),
        blocked: change.blocked.map(|model::Blocked::SelfRaise| BlockedWord::SelfRaise),
        admin: change.admin,
        drift: None,
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
        code: found.guard.code().to_owned(),
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

fn prune_word(prune: Prune) -> PruneWord {
    match prune {
        Prune::None => PruneWord::None,
        Prune::Declared => PruneWord::Declared,
        Prune::All => PruneWord::All,
    }
}

fn outcome(plan: &Plan, reported: &model::ReportedChange, sources: &Sources) -> OutcomeEntry {
    let OutcomeParts { outcome, stored, found, error } = OutcomeParts::of(&reported.outcome);
    OutcomeEntry { change: change_entry(plan, &reported.change, sources), outcome, stored, found, error }
}

/// An outcome in the parts that documents tell of it.
struct OutcomeParts {
    outcome: OutcomeWord,
    stored: Option<Vec<String>>,
    found: Option<Vec<String>>,
    error: Option<String>,
}

impl OutcomeParts {
    fn of(outcome: &Outcome) -> Self {
        let word = |outcome| Self { outcome, stored: None, found: None, error: None };
        let because = |outcome, error: &str| Self { error: Some(harmless(error)), ..word(outcome) };
        match outcome {
            Outcome::Applied => word(OutcomeWord::Applied),
            Outcome::AlreadySo => word(OutcomeWord::AlreadySo),
            Outcome::AcceptedNotListed => word(OutcomeWord::AcceptedNotListed),
            Outcome::StoredDifferently { stored } => {
                Self { stored: Some(tasks(stored)), ..word(OutcomeWord::StoredDifferently) }
            }
            Outcome::Moved { found } => Self { found: Some(tasks(found)), ..word(OutcomeWord::Moved) },
            Outcome::Failed { error } => because(OutcomeWord::Failed, error),
            Outcome::Unknown { error } => because(OutcomeWord::Unknown, error),
            Outcome::NotAttempted { why } => because(OutcomeWord::NotAttempted, why),
        }
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
