//! The numbers of a plan or of drift, and the lines that end every output.

use super::View;
use super::harmless;
use crate::model::{Moved, Summary, UnmanagedReason, Verdict};
use crate::text::count;

const UNMANAGED_REASONS: [UnmanagedReason; 6] = [
    UnmanagedReason::Person,
    UnmanagedReason::OtherBusiness,
    UnmanagedReason::Undeclared,
    UnmanagedReason::Ignored,
    UnmanagedReason::OtherSet,
    UnmanagedReason::Unknown,
];

/// The numbers of a plan or of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) struct Totals {
    pub(in crate::render) summary: Summary,
    /// Changes that are not attempted.
    blocked: usize,
    pub(in crate::render) unreadable: usize,
    /// Unmanaged assignments by the reason.
    pub(in crate::render) unmanaged: [(UnmanagedReason, usize); 6],
    /// Undeclared assignments, unless they are accepted.
    pub(in crate::render) undeclared: usize,
    /// Assignments with tasks that only `prune: none` keeps.
    pub(in crate::render) kept: usize,
    /// Declared users that were not found.
    pub(in crate::render) unresolved: usize,
    /// WABAs that left the scope.
    left: usize,
    /// Assignments that an undo leaves alone.
    left_alone: usize,
    /// Differences that are left, because only what has expired is taken away.
    deferred: usize,
    /// Suspended users that hold something out of scope, or may.
    pub(in crate::render) out_of_scope: usize,
    /// Access tests that fail live, if drift is shown.
    pub(in crate::render) failed_tests: Option<usize>,
    /// Differences by the side that changed, if drift is shown.
    pub(in crate::render) moved: Option<[(Moved, usize); 5]>,
    /// Grants that end soon, if the user asked for them.
    pub(in crate::render) ending: Option<usize>,
}

impl View<'_> {
    pub(in crate::render) fn totals(&self) -> Totals {
        let plan = self.plan();
        Totals {
            summary: plan.summary(),
            blocked: plan.changes.iter().filter(|change| change.blocked.is_some()).count(),
            unreadable: plan.unreadable.len(),
            unmanaged: UNMANAGED_REASONS.map(|why| (why, plan.count_unmanaged(why))),
            undeclared: plan.undeclared_drift(),
            kept: plan.kept.len(),
            unresolved: plan.unresolved.len(),
            left: plan.left.len(),
            left_alone: plan.undo.as_ref().map_or(0, |undo| undo.left_alone.len()),
            deferred: plan.deferred.len(),
            out_of_scope: plan.out_of_scope.len(),
            failed_tests: self
                .proposal
                .tests
                .as_ref()
                .filter(|_| self.is_drift())
                .map(|tests| tests.live.count(Verdict::Fail)),
            moved: self.drift.map(|drift| Moved::ALL.map(|moved| (moved, drift.count(moved)))),
            ending: self.drift.and_then(|drift| drift.expiring.as_ref()).map(Vec::len),
        }
    }

    /// Returns the number of assignments to assign, to change, to revoke and without a change, each with its label.
    pub(in crate::render) fn counts(&self, totals: &Totals) -> [(usize, &'static str); 4] {
        let Summary { assign, change, revoke, unchanged } = totals.summary;
        let labels = if self.is_drift() {
            ["missing", "different", "too many", "as declared"]
        } else {
            ["to assign", "to change", "to revoke", "unchanged"]
        };
        let mut labels = labels.into_iter();
        [assign, change, revoke, unchanged].map(|number| (number, labels.next().unwrap_or_default()))
    }

    /// Returns the lines that end every output: the summary, the causes of drift, and the cost of an apply.
    pub(in crate::render) fn closing(&self) -> Vec<String> {
        let totals = self.totals();
        [Some(self.summary(&totals)), causes(&totals), self.cost()].into_iter().flatten().collect()
    }

    /// Sums it up in a few words, for a heading.
    pub(in crate::render) fn headline(&self) -> String {
        let totals = self.totals();
        let [assign, change, revoke, _] =
            self.counts(&totals).map(|(number, label)| format!("{number} {label}"));
        let differs = !self.plan().changes.is_empty();
        let undeclared = (totals.undeclared > 0).then(|| format!("{} undeclared", totals.undeclared));
        let mut parts = Vec::new();
        let undo = self.plan().undo.as_deref();
        let lead = undo.map(|undo| format!("undo of run {}: ", harmless(undo.run.as_str())));
        if let (Some(_), false) = (undo, differs) {
            parts.push(String::from("nothing to take back"));
        } else if differs {
            parts.extend([assign, change, revoke]);
        } else if self.plan().selection.only_expired {
            parts.push(String::from("nothing expired"));
        } else if !self.is_drift() {
            parts.push(String::from("no changes"));
        } else if undeclared.is_none() {
            parts.push(String::from(if totals.is_clean() { "no drift" } else { "nothing to change" }));
        }
        parts.extend(undeclared);
        let failed = totals.failed_tests.filter(|failed| *failed > 0);
        parts.extend(failed.map(|failed| count(failed, "failed access test", "failed access tests")));
        let is_drift = self.is_drift() && (differs || totals.undeclared > 0);
        let lead = lead.unwrap_or_else(|| String::from(if is_drift { "drift: " } else { "" }));
        format!("{lead}{}", parts.join(", "))
    }

    /// Sums it up in one line. It claims a match only if nothing differs, is undeclared, kept, missing or unread.
    fn summary(&self, totals: &Totals) -> String {
        let notes = totals.notes();
        let counts = self.counts(totals).map(|(number, label)| format!("{number} {label}")).join(", ");
        let drifts = !self.plan().changes.is_empty() || totals.undeclared > 0;
        let only_expired = self.plan().selection.only_expired;
        let is_undo = self.plan().undo.is_some();
        let lead = match (self.is_drift(), drifts) {
            (_, false) if is_undo => String::from("Nothing to take back"),
            (_, false) if only_expired => String::from("Nothing that has expired is still held"),
            (true, true) => format!("Drift: {counts}"),
            (false, _) if !self.plan().changes.is_empty() => format!("Plan: {counts}"),
            (true, false) if totals.is_clean() => String::from("No drift"),
            (true, false) => String::from("Nothing to change"),
            (false, _) => String::from("No changes"),
        };
        match (totals.is_clean() && !drifts && !only_expired && !is_undo, self.plan().is_partial()) {
            (true, false) => format!("{lead}. Live access matches the manifests."),
            (true, true) => format!("{lead}. The selected access matches the manifests."),
            (false, _) if notes.is_empty() => format!("{lead}."),
            (false, _) => format!("{lead}; {}.", notes.join("; ")),
        }
    }

    /// Returns the cost of an apply, if anything is written.
    fn cost(&self) -> Option<String> {
        let cost = self.plan().apply_cost();
        (!self.is_drift() && cost.writes > 0).then(|| {
            let (writes, reads) = (count(cost.writes, "write", "writes"), count(cost.reads, "read", "reads"));
            let wabas = count(cost.wabas, "WABA", "WABAs");
            format!("Applying it takes {} API calls: {writes}, and {reads} of {wabas}.", cost.calls())
        })
    }
}

impl Totals {
    /// Returns whether everything in scope is known, declared and as the manifests ask for it.
    fn is_clean(&self) -> bool {
        let unsettled = [
            self.unreadable,
            self.undeclared,
            self.kept,
            self.unresolved,
            self.left,
            self.out_of_scope,
            self.failed_tests.unwrap_or(0),
        ];
        unsettled.iter().all(|number| *number == 0)
    }

    /// Returns what the reader must know besides the changes.
    fn notes(&self) -> Vec<String> {
        let failed = self.failed_tests.unwrap_or(0);
        let notes = [
            (failed, noun(failed, "access test fails", "access tests fail")),
            (self.undeclared, String::from("undeclared")),
            (self.blocked, String::from("of them not attempted")),
            (self.deferred, noun(self.deferred, "difference", "differences") + " left to a full apply"),
            (self.left_alone, String::from("left alone")),
            (self.kept, String::from("kept by prune: none")),
            (
                self.unresolved,
                noun(self.unresolved, "declared user was", "declared users were") + " not found",
            ),
            (self.unreadable, noun(self.unreadable, "WABA", "WABAs") + " could not be read"),
            (self.left, noun(self.left, "WABA", "WABAs") + " left the scope"),
            (
                self.out_of_scope,
                noun(self.out_of_scope, "suspended user holds", "suspended users hold")
                    + " access out of scope",
            ),
        ];
        let notes = notes.into_iter().filter(|(number, _)| *number > 0);
        notes.map(|(number, note)| format!("{number} {note}")).collect()
    }
}

fn noun(number: usize, one: &str, many: &str) -> String {
    String::from(if number == 1 { one } else { many })
}

/// Counts the differences by the side that changed, if that is known of any.
fn causes(totals: &Totals) -> Option<String> {
    let moved = totals.moved?;
    let is_known = |(moved, number): &(Moved, usize)| *moved != Moved::Unknown && *number > 0;
    let where_ = |moved| match moved {
        Moved::Live => "where live access changed",
        Moved::Manifests => "where the manifests changed",
        Moved::Both => "where both changed",
        Moved::Undone => "where the plan was not applied or was undone",
        Moved::Unknown => "where that is unknown",
    };
    let counted = moved.iter().filter(|(_, number)| *number > 0);
    let parts: Vec<String> = counted.map(|(moved, number)| format!("{number} {}", where_(*moved))).collect();
    moved.iter().any(is_known).then(|| format!("Of them: {}.", parts.join(", ")))
}
