//! The report document: the outcome of every change of a plan that was applied.

use super::parts::{
    ChangeEntry, OriginEntries, OutcomeParts, Tool, UserEntry, documents, text, with_outcome,
};
use super::plan::{UnreadableEntry, ViolationEntry, unreadable, waived};
use super::values::AsText;
use super::{FORMAT_VERSION, Findings, json};
use crate::model::{BusinessId, Report, ReportedChange};
use crate::proposal::Proposal;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// A report.
    ReportDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// When the plan was made, in UTC.
        created_at: AsText<Timestamp>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// The system user whose token was used; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<UserEntry<'a>>,
        /// The digest of what the manifests mean.
        manifest_digest: Cow<'a, str>,
        /// The id of the run in the journal; absent if nothing was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<Cow<'a, str>>,
        /// What the run comes from; absent if nothing is known.
        #[serde(default, skip_serializing_if = "OriginEntries::is_empty")]
        origin: OriginEntries<'a>,
        /// Whether any write was sent.
        wrote: bool,
        /// Why the run stopped early; absent if it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<Cow<'a, str>>,
        /// The changes with their outcomes, in the order of the plan.
        changes: Vec<OutcomeEntry<'a>>,
        /// The WABAs that could not be read. They were not planned.
        unreadable: Vec<UnreadableEntry<'a>>,
        /// The violations of guards that a waiver covered.
        waived: Vec<ViolationEntry<'a>>,
        /// The numbers of changes.
        summary: ReportSummary,
    }
    /// The numbers of changes of a report.
    ReportSummary {
        /// Changes that are now as planned.
        done: usize,
        /// Changes that are not, or whose outcome is not known.
        not_done: usize,
    }
}

with_outcome! {
    /// A change with its outcome.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    OutcomeEntry {
        /// The change, as planned.
        change: ChangeEntry<'a>,
        ..outcome,
    }
}

/// Writes a report as a JSON document. The proposal and the findings are those of the plan that was applied.
///
/// # Errors
///
/// If the writer fails.
pub fn report(
    report: &Report,
    proposal: &Proposal,
    findings: Findings<'_>,
    to: impl io::Write,
) -> io::Result<()> {
    let plan = &proposal.plan;
    let done = report.changes.iter().filter(|reported| reported.outcome.is_done()).count();
    let document = ReportDocument {
        format_version: FORMAT_VERSION.into(),
        tool: Tool::this(),
        created_at: AsText(proposal.made),
        business: AsText(plan.business),
        acting_user: UserEntry::acting(proposal),
        manifest_digest: proposal.manifest_digest.as_str().into(),
        run: report.run.as_ref().map(text),
        origin: OriginEntries::of(&report.origin),
        wrote: report.wrote,
        stopped: report.stopped.as_deref().map(Into::into),
        changes: report.changes.iter().map(|reported| OutcomeEntry::of(proposal, reported)).collect(),
        unreadable: unreadable(plan),
        waived: waived(proposal, findings.waived),
        summary: ReportSummary { done, not_done: report.changes.len() - done },
    };
    json::write_document(&document, to)
}

impl<'a> OutcomeEntry<'a> {
    fn of(proposal: &'a Proposal, reported: &'a ReportedChange) -> Self {
        let OutcomeParts { outcome, stored, found, error } = OutcomeParts::of(&reported.outcome);
        let change = ChangeEntry::of(&proposal.plan, &reported.change, &proposal.sources);
        Self { change, outcome, stored, found, error }
    }
}
