//! The document of `report`: every holder on every WABA in scope, with a cover that adds up.

use super::parts::{GrantEntry, LastWriteEntry, Tool, UserEntry, WabaEntry, documents};
use super::plan::UnreadableEntry;
use super::values::{AsText, Tasks};
use super::words::StandingWord;
use super::{FORMAT_VERSION, json};
use crate::model::{BusinessId, WabaId};
use crate::query::{AccessReport, Holding, ReportCounts};
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
        /// The digest of what the manifests mean.
        manifest_digest: Cow<'a, str>,
        /// The WABAs in scope, unreadable ones included.
        wabas: Vec<WabaEntry<'a>>,
        /// The WABAs that could not be read. The report says nothing about them.
        unreadable: Vec<UnreadableEntry<'a>>,
        /// The holders, by WABA and then by user.
        holders: Vec<ReportRowEntry<'a>>,
        /// The numbers of the report.
        summary: AccessReportSummary,
    }
    /// A holder on a WABA.
    ReportRowEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// How the manifests see the user.
        standing: StandingWord,
        /// Whether it is a system user or a person of the business itself.
        own: bool,
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
        /// The last write in the journal that took effect; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_write: Option<LastWriteEntry<'a>>,
        /// Whether it still holds what that write left; absent without a write.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        as_written: Option<bool>,
    }
    /// The numbers of a report. `declared`, `other_system_users`, `people` and `others` add up to `holders`, and
    /// `wabas_read` and `wabas_unreadable` to `wabas`.
    AccessReportSummary {
        /// WABAs in scope.
        wabas: usize,
        /// WABAs that were read.
        wabas_read: usize,
        /// WABAs that could not be read.
        wabas_unreadable: usize,
        /// Pairs of a WABA and a holder.
        holders: usize,
        /// Of them, declared system users.
        declared: usize,
        /// Of them, other system users of the business.
        other_system_users: usize,
        /// Of them, people.
        people: usize,
        /// Of them, users of other businesses and of an unknown kind.
        others: usize,
        /// Of them, those with admin access.
        privileged: usize,
        /// Of them, those that hold nothing but what grants in force give.
        granted: usize,
    }
}

/// Writes a report as a JSON document. `created_at` is when live access was read.
///
/// # Errors
///
/// If the writer fails.
pub fn access_report(report: &AccessReport<'_>, created_at: Timestamp, to: impl io::Write) -> io::Result<()> {
    json::write_document(&AccessReportDocument::of(report, created_at), to)
}

impl<'a> AccessReportDocument<'a> {
    fn of(report: &AccessReport<'a>, created_at: Timestamp) -> Self {
        let AccessReport { evidence, answer, .. } = report;
        let waba = |waba: &WabaId| WabaEntry::named(*waba, evidence.waba_name(*waba));
        let unreadable =
            |(id, why): (&WabaId, &&'a str)| UnreadableEntry { waba: waba(id), error: Cow::Borrowed(*why) };
        let ReportCounts { declared, other_system_users, people, others, privileged, granted } =
            report.counts();
        Self {
            format_version: FORMAT_VERSION.into(),
            tool: Tool::this(),
            created_at: AsText(created_at),
            now: AsText(evidence.desired.now),
            business: AsText(evidence.desired.business),
            manifest_digest: report.manifest_digest.into(),
            wabas: evidence.desired.scope.wabas.keys().map(waba).collect(),
            unreadable: answer.unreadable.iter().map(unreadable).collect(),
            holders: answer.holders.iter().map(|holding| ReportRowEntry::of(report, holding)).collect(),
            summary: AccessReportSummary {
                wabas: answer.wabas,
                wabas_read: answer.wabas - answer.unreadable.len(),
                wabas_unreadable: answer.unreadable.len(),
                holders: answer.holders.len(),
                declared,
                other_system_users,
                people,
                others,
                privileged,
                granted,
            },
        }
    }
}

impl<'a> ReportRowEntry<'a> {
    fn of(report: &AccessReport<'a>, holding: &Holding<'a>) -> Self {
        let AccessReport { evidence, sources, .. } = report;
        let Holding { key, standing, own, tasks, by_role, given_by, .. } = holding;
        let write = report.last_write(holding);
        Self {
            waba: WabaEntry::named(key.waba, evidence.waba_name(key.waba)),
            user: UserEntry::named(key.user, evidence.user_name(*key)),
            standing: (*standing).into(),
            own: *own,
            holds: Tasks((*tasks).clone()),
            by_role: *by_role,
            privileged: report.is_privileged(holding),
            granted: report.is_granted(holding),
            granted_by: evidence
                .entries(given_by)
                .map(|entry| GrantEntry::of(&entry.source, sources))
                .collect(),
            last_write: write.map(|(run, write, _)| LastWriteEntry::recorded(run, write)),
            as_written: write.map(|(.., as_written)| as_written),
        }
    }
}
