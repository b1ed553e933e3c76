//! The plan document: every change in the order in which they are applied, for `plan`, `drift` and `show`.

use super::access_tests::{self, TestEntry};
use super::parts::{
    ChangeEntry, DriftEntry, GrantEntry, StepEntry, Tool, UserEntry, WabaEntry, documents, text,
};
use super::saved::EvidenceEntry;
use super::undo::UndoEntry;
use super::values::{AsText, Tasks};
use super::words::{NoticeWord, OnlyWord, UndeclaredWord, UnmanagedWord};
use super::{FORMAT_VERSION, Findings, PartsReader, json};
use crate::guard::{Violation, Waived};
use crate::model::{
    self, ApplyCost, AssignmentKey, BusinessId, Change, Deferred, Drift, EndingGrant, Glob, Kept, LeftWaba,
    Name, Notice, OutOfScope, Plan, PolicyLine, ReleasedUser, Selection, SnapshotMark, Sources, Summary,
    TaskSet, TimeLimit, Unmanaged, Unresolved, UserId, WabaId, Waiver,
};
use crate::proposal::Proposal;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

documents! {
    /// A plan: every change, in the order in which they are applied.
    PlanDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that made the plan.
        tool: Tool<'a>,
        /// When the plan was made, in UTC.
        created_at: AsText<Timestamp>,
        /// The day for which the plan was made, in UTC: `2026-11-23`.
        day: AsText<Date>,
        /// The instant for which the plan was made, in UTC; absent if it is `created_at`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        planned_for: Option<AsText<Timestamp>>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// The system user whose token is used; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<UserEntry<'a>>,
        /// The snapshot that live access is taken from; absent if it was read from an API. Such a plan cannot be applied to
        /// the API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "SnapshotEntry")]
        snapshot: Option<SnapshotEntry>,
        /// The digest of what the manifests mean; empty if the plan takes back a run.
        manifest_digest: Cow<'a, str>,
        /// Whether the plan says nothing about the rest of the scope: `--waba`, `--user` or `--only` limited it, or it takes
        /// back a run.
        partial: bool,
        /// What the plan was limited to; absent if it was not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "SelectionEntry<'_>")]
        selection: Option<SelectionEntry<'a>>,
        /// The run that the plan takes back; absent for a plan of manifests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "UndoEntry<'_>")]
        undo: Option<UndoEntry<'a>>,
        /// The changes, in the order in which they are applied.
        changes: Vec<ChangeEntry<'a>>,
        /// The live assignments in scope that the plan does not manage.
        unmanaged: Vec<UnmanagedEntry<'a>>,
        /// The WABAs that could not be read. They are not planned.
        unreadable: Vec<UnreadableEntry<'a>>,
        /// The declared system users that were not found. Their assignments are not planned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<UnresolvedEntry<'_>>")]
        unresolved: Option<Vec<UnresolvedEntry<'a>>>,
        /// The system users that were declared earlier and are declared no more, and that hold something in scope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<ReleasedEntry<'_>>")]
        released: Option<Vec<ReleasedEntry<'a>>>,
        /// The tasks that no grant gives and that only `prune: none` keeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<KeptEntry<'_>>")]
        kept: Option<Vec<KeptEntry<'a>>>,
        /// The WABAs that were in scope when the manifests were last applied, and are no more. Nothing is removed there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<LeftEntry<'_>>")]
        left: Option<Vec<LeftEntry<'a>>>,
        /// What suspended users hold on WABAs that are not in scope. Nothing is removed there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<OutOfScopeEntry<'_>>")]
        out_of_scope: Option<Vec<OutOfScopeEntry<'a>>>,
        /// What a plan of only what has expired leaves on the WABAs that were read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<DeferredEntry<'_>>")]
        deferred: Option<Vec<DeferredEntry<'a>>>,
        /// The declared admins that have full access by their role, where no assignment narrows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<UserEntry<'_>>")]
        by_role: Option<Vec<UserEntry<'a>>>,
        /// The settings that limit the plan, where they are not the default or differ from those of `--previous`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Vec<PolicyLineEntry<'_>>")]
        policy: Option<Vec<PolicyLineEntry<'a>>>,
        /// What access of undeclared system users counts as.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "UndeclaredWord")]
        undeclared: Option<UndeclaredWord>,
        /// The digest of the inventory that decides who is released; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inventory_digest: Option<Cow<'a, str>>,
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
        /// The results of the access tests: of a plan after it, of drift live. Absent without tests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tests: Option<Vec<TestEntry<'a>>>,
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
    /// A snapshot.
    SnapshotEntry {
        /// When it was taken, in UTC.
        taken: AsText<Timestamp>,
        /// The business that it is of.
        business: AsText<BusinessId>,
        /// Whether the names of people and other businesses were left out.
        without_names: bool,
        /// Whether writes to the emulator have changed it.
        changed: bool,
        /// The WABAs that are not in it, because the API showed nothing else of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<AsText<WabaId>>,
    }
    /// What a plan was limited to.
    SelectionEntry<'a> {
        /// Globs on the names of WABAs; without any, it is all of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        wabas: Vec<Cow<'a, str>>,
        /// System users, as `--user` named them; without any, it is all of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        users: Vec<Cow<'a, str>>,
        /// The changes; absent if it is all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<OnlyWord>,
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
        /// Whether the user belongs to the business itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "bool")]
        own: Option<bool>,
    }
    /// A declared system user that was not found.
    UnresolvedEntry<'a> {
        /// The name in the manifests.
        name: Cow<'a, str>,
        /// The declared id; absent if none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<AsText<UserId>>,
        /// Why it was not found.
        why: Cow<'a, str>,
        /// The file that declares it.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
        /// The number of assignments that are not planned.
        assignments: usize,
    }
    /// A system user that is declared no more.
    ReleasedEntry<'a> {
        /// The user. The name is the one that it had in the manifests.
        user: UserEntry<'a>,
        /// The file that declared it.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
    }
    /// Tasks that only `prune: none` keeps.
    KeptEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// The tasks.
        tasks: Tasks,
    }
    /// A WABA that left the scope.
    LeftEntry<'a> {
        /// The WABA. The name is the one that it had.
        waba: WabaEntry<'a>,
        /// What the system users of the business hold there.
        held: Vec<HeldEntry<'a>>,
    }
    /// A difference that a plan of only what has expired leaves.
    DeferredEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// The tasks after the plan.
        before: Tasks,
        /// The tasks that a plan of everything would give.
        after: Tasks,
    }
    /// What a suspended user holds out of scope.
    OutOfScopeEntry<'a> {
        /// The user.
        user: UserEntry<'a>,
        /// The WABAs with what it holds there.
        held: Vec<HeldOnEntry<'a>>,
        /// Why that could not be read; absent if it could.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Cow<'a, str>>,
    }
    /// What is held on a WABA.
    HeldOnEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The tasks; none if the API does not report them.
        tasks: Tasks,
    }
    /// What a user holds.
    HeldEntry<'a> {
        /// The user.
        user: UserEntry<'a>,
        /// The tasks.
        tasks: Tasks,
    }
    /// A setting that limits the plan.
    PolicyLineEntry<'a> {
        /// The path of the setting: `guards.max_removals`.
        key: Cow<'a, str>,
        /// The value; absent if it is not set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Cow<'a, str>>,
        /// The default; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<Cow<'a, str>>,
        /// Whether it differs from the manifests of `--previous`.
        changed: bool,
        /// The value in the manifests of `--previous`, if it differs; absent if it was not set there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Cow<'a, str>>,
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
        /// The waiver that covers it; absent if none does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waiver: Option<WaiverEntry<'a>>,
    }
    /// A waiver that covers a violation.
    WaiverEntry<'a> {
        /// The guard, with the target or the limit: `not-permitted=globex`, `max-removals<=120`.
        waiver: Cow<'a, str>,
        /// The number up to which the guard is waived, if it counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
        /// When it ends; absent if it is for one run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<AsText<TimeLimit>>,
        /// Why there is a waiver; absent if it is for one run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Cow<'a, str>>,
        /// The file; absent if it is for one run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<Cow<'a, str>>,
        /// The line, from 1; absent if it is for one run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
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
        /// The id that the user had before, if it has another one now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<AsText<UserId>>,
        /// Why, if there is a reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Cow<'a, str>>,
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
        /// Assignments of system users that no manifest declares, unless `undeclared: allow` accepts them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "usize")]
        undeclared: Option<usize>,
        /// Assignments with tasks that only `prune: none` keeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "usize")]
        kept: Option<usize>,
        /// Differences that a plan of only what has expired leaves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "usize")]
        deferred: Option<usize>,
    }
    /// The API calls that an apply takes if none is sent again.
    ApplyCostEntry {
        /// Reads: each WABA that is written is read before and after, and between its gains and losses.
        reads: usize,
        /// Writes: one for each change that is attempted, two for one that is split.
        writes: usize,
    }
}

impl SnapshotEntry {
    pub(super) fn of(mark: &SnapshotMark) -> Self {
        Self {
            taken: AsText(mark.taken),
            business: AsText(mark.business),
            without_names: mark.without_names,
            changed: mark.changed,
            left_out: mark.left_out.iter().copied().map(AsText).collect(),
        }
    }

    pub(super) fn read(self) -> SnapshotMark {
        SnapshotMark {
            taken: self.taken.0,
            business: self.business.0,
            acting_user: None,
            without_names: self.without_names,
            changed: self.changed,
            left_out: self.left_out.into_iter().map(|id| id.0).collect(),
        }
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

impl<'a> SelectionEntry<'a> {
    fn of(selection: &'a Selection) -> Self {
        Self {
            wabas: selection.wabas.iter().map(|glob| glob.as_str().into()).collect(),
            users: selection.users.iter().map(text).collect(),
            only: selection.only_expired.then_some(OnlyWord::Expired),
        }
    }

    pub(super) fn read(self) -> Selection {
        let wabas = self.wabas.into_iter().map(|glob| Glob::new(&*glob)).collect();
        let users = self.users.into_iter().map(Name::new).collect();
        Selection { wabas, users, only_expired: self.only.is_some(), ..Selection::default() }
    }
}

impl<'a> PlanDocument<'a> {
    /// Returns the document without findings, evidence and digest.
    pub(super) fn of(proposal: &'a Proposal) -> Self {
        let plan = &proposal.plan;
        Self {
            format_version: FORMAT_VERSION.into(),
            tool: Tool::of(&proposal.made_by),
            created_at: AsText(proposal.made),
            day: AsText(plan.day()),
            planned_for: (plan.now != proposal.made).then_some(AsText(plan.now)),
            business: AsText(plan.business),
            acting_user: UserEntry::acting(proposal),
            snapshot: proposal.live_source.snapshot().map(SnapshotEntry::of),
            manifest_digest: proposal.manifest_digest.as_str().into(),
            partial: plan.is_partial(),
            selection: plan.selection.is_narrowed().then(|| SelectionEntry::of(&plan.selection)),
            undo: UndoEntry::of(proposal),
            changes: changes(plan, &proposal.sources),
            unmanaged: plan.unmanaged.iter().map(|row| UnmanagedEntry::of(plan, row)).collect(),
            unreadable: unreadable(plan),
            unresolved: Some(unresolved(&proposal.plan, &proposal.sources)),
            released: Some(released(proposal)),
            kept: Some(plan.kept.iter().map(|kept| KeptEntry::of(plan, kept)).collect()),
            left: Some(plan.left.iter().map(LeftEntry::of).collect()),
            out_of_scope: Some(
                plan.out_of_scope.iter().map(|found| OutOfScopeEntry::of(plan, found)).collect(),
            ),
            deferred: Some(plan.deferred.iter().map(|left| DeferredEntry::of(plan, left)).collect()),
            by_role: Some(plan.by_role.iter().map(|user| UserEntry::of(plan, *user)).collect()),
            policy: Some(proposal.policy_lines.iter().map(PolicyLineEntry::of).collect()),
            undeclared: Some(plan.undeclared.into()),
            inventory_digest: proposal.inventory_digest.as_deref().map(Into::into),
            violations: None,
            waived: None,
            notices: plan.notices.iter().map(|notice| NoticeEntry::of(plan, notice)).collect(),
            expiring: None,
            tests: None,
            summary: PlanSummary::of(plan),
            apply_cost: plan.apply_cost().into(),
            evidence: None,
            digest: None,
        }
    }

    pub(super) fn with_findings(proposal: &'a Proposal, findings: Findings<'a>) -> Self {
        let mut document = Self::of(proposal);
        document.violations = Some(violations(&proposal.plan, findings.violations));
        document.waived = Some(waived(proposal, findings.waived));
        document.tests = proposal.tests.as_ref().map(|tests| {
            let report = if findings.drift.is_some() { &tests.live } else { &tests.after };
            access_tests::entries(report, &proposal.sources)
        });
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

/// Returns the changes, with the positions of the writes of those that take two.
fn changes<'a>(plan: &'a Plan, sources: &'a Sources) -> Vec<ChangeEntry<'a>> {
    let mut steps: BTreeMap<AssignmentKey, Vec<StepEntry>> = BTreeMap::new();
    let all = plan.by_waba().flat_map(model::writes);
    for (position, write) in (1..).zip(all).filter(|(_, write)| write.change.split) {
        let step = StepEntry { position, tasks: Tasks(write.after) };
        steps.entry(write.change.key).or_default().push(step);
    }
    let entry = |change: &'a Change| ChangeEntry {
        steps: steps.remove(&change.key).unwrap_or_default(),
        ..ChangeEntry::of(plan, change, sources)
    };
    plan.changes.iter().map(entry).collect()
}

pub(super) fn unresolved<'a>(plan: &'a Plan, sources: &'a Sources) -> Vec<UnresolvedEntry<'a>> {
    let entry = |unresolved: &'a Unresolved| UnresolvedEntry {
        name: text(&unresolved.name),
        id: unresolved.id.map(AsText),
        why: unresolved.why.as_str().into(),
        file: sources.path(unresolved.at.source).into(),
        line: unresolved.at.line,
        assignments: unresolved.assignments,
    };
    plan.unresolved.iter().map(entry).collect()
}

fn released(proposal: &Proposal) -> Vec<ReleasedEntry<'_>> {
    let Proposal { plan, sources, .. } = proposal;
    let entry = |(id, released): (&UserId, &'_ ReleasedUser)| ReleasedEntry {
        user: UserEntry::of(plan, *id),
        file: Cow::Owned(sources.path(released.at.source).to_owned()),
        line: released.at.line,
    };
    plan.released.iter().map(entry).collect()
}

pub(super) fn unreadable(plan: &Plan) -> Vec<UnreadableEntry<'_>> {
    let entry =
        |(waba, error)| UnreadableEntry { waba: WabaEntry::of(plan, waba), error: Cow::Borrowed(error) };
    plan.unreadable.iter().map(|(waba, error)| entry((*waba, error.as_str()))).collect()
}

fn violations<'a>(plan: &'a Plan, found: &'a [Violation]) -> Vec<ViolationEntry<'a>> {
    found.iter().map(|violation| ViolationEntry::of(plan, violation)).collect()
}

pub(super) fn waived<'a>(proposal: &'a Proposal, found: &'a [Waived]) -> Vec<ViolationEntry<'a>> {
    let entry = |Waived { violation, waiver }: &'a Waived| ViolationEntry {
        waiver: Some(WaiverEntry::of(waiver, &proposal.sources)),
        ..ViolationEntry::of(&proposal.plan, violation)
    };
    found.iter().map(entry).collect()
}

impl<'a> ViolationEntry<'a> {
    fn of(plan: &'a Plan, violation: &'a Violation) -> Self {
        Self {
            code: violation.guard.code().into(),
            message: violation.message.as_str().into(),
            waba: violation.waba.map(|waba| WabaEntry::of(plan, waba)),
            user: violation.user.map(|user| UserEntry::of(plan, user)),
            waiver: None,
        }
    }
}

impl<'a> WaiverEntry<'a> {
    pub(super) fn of(waiver: &'a Waiver, sources: &'a Sources) -> Self {
        let terms = waiver.terms.as_ref();
        Self {
            waiver: waiver.to_string().into(),
            limit: terms.and_then(|terms| terms.limit),
            until: terms.map(|terms| AsText(terms.until)),
            reason: terms.map(|terms| text(&terms.reason)),
            file: terms.map(|terms| sources.path(terms.at.source).into()),
            line: terms.map(|terms| terms.at.line),
        }
    }
}

impl<'a> UnmanagedEntry<'a> {
    fn of(plan: &'a Plan, row: &'a Unmanaged) -> Self {
        Self {
            waba: WabaEntry::of(plan, row.key.waba),
            user: UserEntry::new(row.key.user, &row.name),
            tasks: Tasks(row.tasks.clone()),
            why: row.why.into(),
            own: Some(row.own),
        }
    }
}

impl<'a> KeptEntry<'a> {
    fn of(plan: &'a Plan, kept: &Kept) -> Self {
        Self {
            waba: WabaEntry::of(plan, kept.key.waba),
            user: UserEntry::of(plan, kept.key.user),
            tasks: Tasks(kept.tasks.clone()),
        }
    }
}

impl<'a> LeftEntry<'a> {
    fn of(left: &'a LeftWaba) -> Self {
        let held = |(user, name, tasks): &'a (UserId, Name, TaskSet)| HeldEntry {
            user: UserEntry::new(*user, name),
            tasks: Tasks(tasks.clone()),
        };
        Self { waba: WabaEntry::new(left.waba, &left.name), held: left.held.iter().map(held).collect() }
    }
}

impl<'a> DeferredEntry<'a> {
    fn of(plan: &'a Plan, left: &'a Deferred) -> Self {
        Self {
            waba: WabaEntry::of(plan, left.key.waba),
            user: UserEntry::of(plan, left.key.user),
            before: Tasks(left.before.clone()),
            after: Tasks(left.after.clone()),
        }
    }
}

impl<'a> OutOfScopeEntry<'a> {
    fn of(plan: &'a Plan, found: &'a OutOfScope) -> Self {
        let held = |(waba, name, tasks): &'a (WabaId, Name, TaskSet)| HeldOnEntry {
            waba: WabaEntry::new(*waba, name),
            tasks: Tasks(tasks.clone()),
        };
        Self {
            user: UserEntry::of(plan, found.user),
            held: found.held.iter().map(held).collect(),
            error: found.error.as_deref().map(Into::into),
        }
    }
}

impl OutOfScopeEntry<'_> {
    /// Returns what is held, without the names of the user.
    pub(super) fn read(held: Vec<HeldOnEntry<'_>>, error: Option<Cow<'_, str>>, user: UserId) -> OutOfScope {
        let held = held.into_iter().map(|held| (held.waba.id.0, held.waba.into_name(), held.tasks.0));
        OutOfScope { user, held: held.collect(), error: error.map(Cow::into_owned) }
    }
}

impl UnresolvedEntry<'_> {
    pub(super) fn read(self, parts: &mut PartsReader) -> Unresolved {
        Unresolved {
            at: parts.position(&self.file, self.line, 1),
            name: Name::new(self.name),
            id: self.id.map(|id| id.0),
            why: self.why.into_owned(),
            assignments: self.assignments,
        }
    }
}

impl LeftEntry<'_> {
    pub(super) fn read(self) -> LeftWaba {
        let held = |held: HeldEntry<'_>| (held.user.id.0, held.user.into_name(), held.tasks.0);
        LeftWaba {
            waba: self.waba.id.0,
            held: self.held.into_iter().map(held).collect(),
            name: self.waba.into_name(),
        }
    }
}

impl<'a> PolicyLineEntry<'a> {
    fn of(line: &'a PolicyLine) -> Self {
        Self {
            key: line.key.as_str().into(),
            value: line.value.as_deref().map(Into::into),
            default: line.default.as_deref().map(Into::into),
            changed: line.previous.is_some(),
            previous: line.previous.as_ref().and_then(|old| old.as_deref()).map(Into::into),
        }
    }

    pub(super) fn read(self) -> PolicyLine {
        let previous = self.previous.map(Cow::into_owned);
        PolicyLine {
            key: self.key.into_owned(),
            value: self.value.map(Cow::into_owned),
            default: self.default.map(Cow::into_owned),
            previous: self.changed.then_some(previous),
        }
    }
}

impl<'a> NoticeEntry<'a> {
    fn of(plan: &'a Plan, notice: &Notice) -> Self {
        let code = match notice {
            Notice::Unconfirmed(_) => NoticeWord::Unconfirmed,
            Notice::AssignsToAdmin(_) => NoticeWord::AssignsToAdmin,
            Notice::KeepsUndeclared => NoticeWord::KeepsUndeclared,
            Notice::OtherId { .. } => NoticeWord::OtherId,
            Notice::PreviousUnusable(_) => NoticeWord::PreviousUnusable,
        };
        let mut entry = Self { code, waba: None, user: None, before: None, why: None };
        match notice {
            Notice::Unconfirmed(waba) => entry.waba = Some(WabaEntry::of(plan, *waba)),
            Notice::AssignsToAdmin(user) => entry.user = Some(UserEntry::of(plan, *user)),
            Notice::OtherId { user, before } => {
                entry.user = Some(UserEntry::of(plan, *user));
                entry.before = Some(AsText(*before));
            }
            Notice::PreviousUnusable(why) => entry.why = Some(Cow::Owned(why.clone())),
            Notice::KeepsUndeclared => {}
        }
        entry
    }

    /// Returns the notice; `None` if a part of it is missing.
    pub(super) fn read(self) -> Option<Notice> {
        let (waba, user) = (self.waba.map(|waba| waba.id.0), self.user.map(|user| user.id.0));
        match self.code {
            NoticeWord::Unconfirmed => waba.map(Notice::Unconfirmed),
            NoticeWord::AssignsToAdmin => user.map(Notice::AssignsToAdmin),
            NoticeWord::KeepsUndeclared => Some(Notice::KeepsUndeclared),
            NoticeWord::OtherId => Some(Notice::OtherId { user: user?, before: self.before?.0 }),
            NoticeWord::PreviousUnusable => Some(Notice::PreviousUnusable(self.why?.into_owned())),
        }
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

impl PlanSummary {
    fn of(plan: &Plan) -> Self {
        let Summary { assign, change, revoke, unchanged } = plan.summary();
        let (undeclared, kept) = (Some(plan.undeclared_drift()), Some(plan.kept.len()));
        let deferred = Some(plan.deferred.len());
        Self { assign, change, revoke, unchanged, undeclared, kept, deferred }
    }
}

impl From<ApplyCost> for ApplyCostEntry {
    fn from(cost: ApplyCost) -> Self {
        Self { reads: cost.reads, writes: cost.writes }
    }
}
