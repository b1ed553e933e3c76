//! The plan document: every change in the order in which they are applied, for `plan`, `drift` and `show`.

use super::parts::{ChangeEntry, DriftEntry, GrantEntry, Tool, UserEntry, WabaEntry, documents};
use super::saved::EvidenceEntry;
use super::values::{AsText, Tasks};
use super::words::{NoticeWord, UnmanagedWord};
use super::{FORMAT_VERSION, Findings, json};
use crate::guard::Violation;
use crate::model::{
    ApplyCost, BusinessId, Change, Drift, EndingGrant, Notice, Plan, Sources, Summary, Unmanaged,
};
use crate::proposal::Proposal;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// A plan: every change, in the order in which they are applied.
    PlanDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// When the plan was made, in UTC.
        created_at: AsText<Timestamp>,
        /// The day for which the plan was made, in UTC: `2026-11-23`.
        day: AsText<Date>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// The system user whose token is used; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<UserEntry<'a>>,
        /// The digest of what the manifests mean.
        manifest_digest: Cow<'a, str>,
        /// Whether `--waba` limited the plan to some WABAs.
        partial: bool,
        /// The changes, in the order in which they are applied.
        changes: Vec<ChangeEntry<'a>>,
        /// The live assignments in scope that the plan does not manage.
        unmanaged: Vec<UnmanagedEntry<'a>>,
        /// The WABAs that could not be read. They are not planned.
        unreadable: Vec<UnreadableEntry<'a>>,
        /// The violations of guards that no waiver covers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<ViolationEntry<'_>>")]
        violations: Option<Vec<ViolationEntry<'a>>>,
        /// The violations of guards that a waiver covers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<ViolationEntry<'_>>")]
        waived: Option<Vec<ViolationEntry<'a>>>,
        /// Notices. They do not stop an apply.
        notices: Vec<NoticeEntry<'a>>,
        /// The grants that end soon, if `drift --expiring` asks for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expiring: Option<Vec<EndingEntry<'a>>>,
        /// The numbers of changes.
        summary: PlanSummary,
        /// The API calls that an apply takes.
        apply_cost: ApplyCostEntry,
        /// What showing and applying the plan takes besides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "EvidenceEntry<'_>")]
        evidence: Option<EvidenceEntry<'a>>,
        /// The digest of the document without this field: `sha256:` and 64 hexadecimal digits. It detects damage, not
        /// forgery. White space and the order of fields do not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String")]
        digest: Option<Cow<'a, str>>,
    }
    /// A live assignment that the plan does not manage.
    UnmanagedEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// The tasks that the user holds.
        tasks: Tasks,
        /// Why the assignment is not managed.
        why: UnmanagedWord,
    }
    /// A WABA that could not be read.
    UnreadableEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// Why.
        error: Cow<'a, str>,
    }
    /// A violation of a guard.
    ViolationEntry<'a> {
        /// The code of the guard.
        code: Cow<'a, str>,
        /// What would happen.
        message: Cow<'a, str>,
        /// The WABA, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waba: Option<WabaEntry<'a>>,
        /// The user, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserEntry<'a>>,
    }
    /// A notice.
    NoticeEntry<'a> {
        /// What it is about.
        code: NoticeWord,
        /// The WABA, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waba: Option<WabaEntry<'a>>,
        /// The user, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserEntry<'a>>,
    }
    /// A grant that will end.
    EndingEntry<'a> {
        /// The grant.
        grant: GrantEntry<'a>,
        /// The tasks that it gives.
        tasks: Tasks,
        /// The number of users that hold something by the grant.
        users: usize,
        /// The number of WABAs on which they do.
        wabas: usize,
    }
    /// The numbers of changes of a plan.
    PlanSummary {
        /// Changes from no task to some.
        assign: usize,
        /// Changes from some tasks to others.
        change: usize,
        /// Changes from some tasks to none.
        revoke: usize,
        /// Live assignments in scope that stay as they are.
        unchanged: usize,
    }
    /// The API calls that an apply takes if none is sent again.
    ApplyCostEntry {
        /// Reads: each WABA that is written is read before and after, and between its gains and losses.
        reads: usize,
        /// Writes: one for each change that is attempted.
        writes: usize,
    }
}

/// Writes a plan, or drift, as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub fn plan(proposal: &Proposal, findings: Findings<'_>, to: impl io::Write) -> io::Result<()> {
    json::write_document(&PlanDocument::with_findings(proposal, findings), to)
}

impl<'a> PlanDocument<'a> {
    /// Returns the document without findings, evidence and digest.
    pub(super) fn of(proposal: &'a Proposal) -> Self {
        let plan = &proposal.plan;
        Self {
            format_version: FORMAT_VERSION.into(),
            tool: Tool::this(),
            created_at: AsText(proposal.made),
            day: AsText(plan.day),
            business: AsText(plan.business),
            acting_user: UserEntry::acting(proposal),
            manifest_digest: proposal.manifest_digest.as_str().into(),
            partial: plan.partial,
            changes: plan
                .changes
                .iter()
                .map(|change| ChangeEntry::of(plan, change, &proposal.sources))
                .collect(),
            unmanaged: plan.unmanaged.iter().map(|row| UnmanagedEntry::of(plan, row)).collect(),
            unreadable: unreadable(plan),
            violations: None,
            waived: None,
            notices: plan.notices.iter().map(|notice| NoticeEntry::of(plan, notice)).collect(),
            expiring: None,
            summary: plan.summary().into(),
            apply_cost: plan.apply_cost().into(),
            evidence: None,
            digest: None,
        }
    }

    pub(super) fn with_findings(proposal: &'a Proposal, findings: Findings<'a>) -> Self {
        let mut document = Self::of(proposal);
        document.violations = Some(violations(&proposal.plan, findings.violations));
        document.waived = Some(violations(&proposal.plan, findings.waived));
        if let Some(drift) = findings.drift {
            document.add_drift(&proposal.plan.changes, drift, &proposal.sources);
        }
        document
    }

    fn add_drift(&mut self, changes: &[Change], drift: &'a Drift, sources: &'a Sources) {
        for (entry, change) in self.changes.iter_mut().zip(changes) {
            entry.drift = drift.explanations.get(&change.key).map(|known| Box::new(DriftEntry::of(known)));
        }
        let ending = |grants: &'a Vec<EndingGrant>| EndingEntry::all(grants, sources);
        self.expiring = drift.expiring.as_ref().map(ending);
    }
}

pub(super) fn unreadable(plan: &Plan) -> Vec<UnreadableEntry<'_>> {
    let entry =
        |(waba, error)| UnreadableEntry { waba: WabaEntry::of(plan, waba), error: Cow::Borrowed(error) };
    plan.unreadable.iter().map(|(waba, error)| entry((*waba, error.as_str()))).collect()
}

pub(super) fn violations<'a>(plan: &'a Plan, found: &'a [Violation]) -> Vec<ViolationEntry<'a>> {
    let entry = |violation: &'a Violation| ViolationEntry {
        code: violation.guard.code().into(),
        message: violation.message.as_str().into(),
        waba: violation.waba.map(|waba| WabaEntry::of(plan, waba)),
        user: violation.user.map(|user| UserEntry::of(plan, user)),
    };
    found.iter().map(entry).collect()
}

impl<'a> UnmanagedEntry<'a> {
    fn of(plan: &'a Plan, row: &'a Unmanaged) -> Self {
        Self {
            waba: WabaEntry::of(plan, row.key.waba),
            user: UserEntry::new(row.key.user, &row.name),
            tasks: Tasks(row.tasks.clone()),
            why: row.why.into(),
        }
    }
}

impl<'a> NoticeEntry<'a> {
    fn of(plan: &'a Plan, notice: &Notice) -> Self {
        let (code, waba, user) = match *notice {
            Notice::Unconfirmed(waba) => (NoticeWord::Unconfirmed, Some(WabaEntry::of(plan, waba)), None),
            Notice::AssignsToAdmin(user) => {
                (NoticeWord::AssignsToAdmin, None, Some(UserEntry::of(plan, user)))
            }
        };
        Self { code, waba, user }
    }
}

impl<'a> EndingEntry<'a> {
    pub(super) fn all(grants: &'a [EndingGrant], sources: &'a Sources) -> Vec<Self> {
        let entry = |ending: &'a EndingGrant| Self {
            grant: GrantEntry::of(&ending.source, sources),
            tasks: Tasks(ending.tasks.clone()),
            users: ending.users,
            wabas: ending.wabas,
        };
        grants.iter().map(entry).collect()
    }
}

impl From<Summary> for PlanSummary {
    fn from(summary: Summary) -> Self {
        let Summary { assign, change, revoke, unchanged } = summary;
        Self { assign, change, revoke, unchanged }
    }
}

impl From<ApplyCost> for ApplyCostEntry {
    fn from(cost: ApplyCost) -> Self {
        Self { reads: cost.reads, writes: cost.writes }
    }
}
