//! The view model: everything that is shown of a plan or of drift, computed once for every format.
//!
//! A format decides how an item looks, never whether it is shown. Texts are computed one item at a time, when a format
//! asks for the next: a plan can have 200,000 changes.

mod commands;
mod entries;
mod findings;
mod highlights;
mod task_diff;
mod totals;
mod undo;

pub use entries::GroupBy;
pub(super) use entries::{Entry, Group, Heading, admin_note, together, wabas};
pub(super) use findings::{Finding, FindingKind};
pub(super) use task_diff::{TaskDiff, TaskMark, is_known};

use super::sentence::Sentence;
use super::{harmless, wording};
use crate::documents::Findings;
use crate::guard::{Review, Violation, Waived};
use crate::model::{
    Action, AssignmentKey, Change, Drift, LiveAccess, Moved, Name, Plan, Sources, Undeclared, Unmanaged,
    UnmanagedReason, UserId, WabaId,
};
use crate::proposal::Proposal;
use crate::query::Named;
use std::collections::BTreeMap;

/// What is shown: a plan with its review, or drift.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The proposal.
    pub proposal: &'a Proposal,
    /// The violations that no waiver covers.
    pub violations: &'a [Violation],
    /// The violations that a waiver covers.
    pub waived: &'a [Waived],
    /// What is known of the differences, if drift is shown.
    pub drift: Option<&'a Drift>,
    /// What speaks for each change besides its reason, escaped, if something does.
    pub evidence: Option<&'a BTreeMap<AssignmentKey, String>>,
}

/// A WABA or a user with the name to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedObject {
    /// The escaped name, or the id if there is no name.
    pub(super) name: String,
    /// The id, if `name` is not the id itself.
    pub(super) id: Option<String>,
    /// The escaped live name, if the manifests use another one.
    pub(super) live_name: Option<String>,
}

/// A change as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownChange {
    pub(super) action: Action,
    pub(super) user: NamedObject,
    pub(super) tasks: TaskDiff,
    /// The grants that ask for it, and the reasons of a loss.
    pub(super) reasons: Vec<Sentence>,
    pub(super) notes: Vec<ChangeNote>,
}

impl ShownChange {
    /// Returns which side changed, if that is shown.
    pub(super) fn moved(&self) -> Option<Moved> {
        self.notes.iter().find_map(|note| match note.kind {
            NoteKind::Moved(moved) => Some(moved),
            NoteKind::Refused
            | NoteKind::Blocked
            | NoteKind::Admin
            | NoteKind::AdminAccess
            | NoteKind::LastWrite
            | NoteKind::Evidence => None,
        })
    }
}

/// Something else about a change that the reader should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChangeNote {
    pub(super) kind: NoteKind,
    pub(super) text: Sentence,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoteKind {
    /// A guard refuses the change.
    Refused,
    /// The change is not attempted.
    Blocked,
    /// How the change is made, or that the user is an admin of the business.
    Admin,
    /// An admin loses or regains the full access of its role.
    AdminAccess,
    /// The last write in the journal.
    LastWrite,
    /// The side that changed.
    Moved(Moved),
    /// What speaks for the change besides its reason.
    Evidence,
}

impl<'a> View<'a> {
    /// Shows what an apply would do.
    pub fn of_plan(review: &'a Review) -> Self {
        Self {
            proposal: review.proposal(),
            violations: review.violations(),
            waived: review.waived(),
            drift: None,
            evidence: None,
        }
    }

    /// Shows what a plan would do that is not applied, with evidence for its changes. Guards are not evaluated.
    pub fn with_evidence(proposal: &'a Proposal, evidence: &'a BTreeMap<AssignmentKey, String>) -> Self {
        Self { proposal, violations: &[], waived: &[], drift: None, evidence: Some(evidence) }
    }

    /// Shows how live access differs from the manifests. Guards are not evaluated.
    pub fn of_drift(proposal: &'a Proposal, drift: &'a Drift) -> Self {
        Self { proposal, violations: &[], waived: &[], drift: Some(drift), evidence: None }
    }

    /// Returns what is known besides the proposal, for documents.
    pub fn document_findings(&self) -> Findings<'a> {
        Findings { violations: self.violations, waived: self.waived, drift: self.drift }
    }

    pub(super) fn plan(&self) -> &'a Plan {
        &self.proposal.plan
    }

    pub(super) fn access(&self) -> &'a LiveAccess {
        &self.proposal.access
    }

    pub(super) fn sources(&self) -> &'a Sources {
        &self.proposal.sources
    }

    pub(super) fn is_drift(&self) -> bool {
        self.drift.is_some()
    }

    /// Returns what happens to the tasks of an assignment: by an apply, or in drift, what happened outside the manifests.
    pub(super) fn task_diff(&self, change: &Change) -> TaskDiff {
        if self.is_drift() {
            TaskDiff::between(&change.after, &change.before)
        } else {
            TaskDiff::between(&change.before, &change.after)
        }
    }

    /// Returns the kind of a change: of an apply, or in drift, of what happened outside the manifests.
    pub(super) fn action(&self, change: &Change) -> Action {
        if self.is_drift() { Action::between(&change.after, &change.before) } else { change.action() }
    }

    /// Returns the live assignments that are not managed, counted by the reason, if there are any.
    pub(super) fn unmanaged(self) -> Option<String> {
        (!self.plan().unmanaged.is_empty()).then(|| wording::unmanaged(self.plan()))
    }

    /// Returns the unmanaged assignments that are listed: those of undeclared system users, or all; folded over WABAs,
    /// or one by one.
    ///
    /// Undeclared access is always listed, unless the manifests accept it.
    pub(super) fn unmanaged_rows(self, verbose: bool, folds: bool) -> Vec<Sentence> {
        let drifts = self.plan().undeclared == Undeclared::Drift;
        let is_listed = |row: &&Unmanaged| verbose || (drifts && row.why == UnmanagedReason::Undeclared);
        let rows = self.plan().unmanaged.iter().filter(is_listed).collect();
        let single = |row: &&'_ Unmanaged| (!folds).then_some(row.key.waba);
        let same =
            |row: &&Unmanaged| (row.why, row.key.user, row.name.clone(), row.tasks.clone(), single(row));
        let shown = |rows: Vec<&Unmanaged>| {
            let row = rows[0];
            let user = NamedObject::new(row.name.as_str(), row.key.user.to_string());
            let wabas = rows.iter().map(|row| NamedObject::waba(self.plan(), row.key.waba));
            let lead = Sentence::default().own(wording::unmanaged_noun(row.why).0).object(&user, "");
            let on = entries::wabas(wabas, rows.len(), "", verbose);
            lead.own("on")
                .then(on)
                .own(if rows.len() > 1 { "holds on each" } else { "holds" })
                .tasks(&row.tasks)
        };
        entries::together(rows, same).into_iter().map(shown).collect()
    }
}

impl NamedObject {
    pub(super) fn new(name: &str, id: String) -> Self {
        if name.trim().is_empty() {
            Self { name: id, id: None, live_name: None }
        } else {
            Self { name: harmless(name), id: Some(id), live_name: None }
        }
    }

    fn live(self, name: Option<&Name>) -> Self {
        Self { live_name: name.map(|name| harmless(name.as_str())), ..self }
    }

    /// Returns an object with its names, and its id if that is known.
    pub(super) fn named(named: Named<'_>, id: Option<String>) -> Self {
        let name = named.name.map_or("", |name| name.as_str());
        match id {
            Some(id) => Self::new(name, id).live(named.live_name),
            None => Self { name: harmless(name), id: None, live_name: None },
        }
    }

    pub(super) fn waba(plan: &Plan, id: WabaId) -> Self {
        let name = plan.waba_names.get(&id).map_or("", |name| name.as_str());
        Self::new(name, id.to_string()).live(plan.live_waba_names.get(&id))
    }

    pub(super) fn user(plan: &Plan, id: UserId) -> Self {
        let name = plan.user_names.get(&id).map_or("", |name| name.as_str());
        Self::new(name, id.to_string()).live(plan.live_user_names.get(&id))
    }

    /// Returns what stands behind the name of a user: its live name and id, if the manifests use another name.
    pub(super) fn identity(&self) -> Option<String> {
        let live = self.live_name.as_ref()?;
        let id = self.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        Some(format!("= {live}{id}"))
    }
}

/// Returns how many items of a list are shown: all, or `most` where that folds more than one.
pub(super) fn folded(length: usize, most: usize, verbose: bool) -> usize {
    if verbose || length <= most + 1 { length } else { most }
}
