//! The numbers of a plan or of drift, and the lines that end every output.

use super::View;
use crate::model::{Moved, Summary, UnmanagedReason};
use crate::render::wording::count;
use std::fmt::Write as _;

const UNMANAGED_REASONS: [UnmanagedReason; 4] = [
    UnmanagedReason::Person,
    UnmanagedReason::OtherBusiness,
    UnmanagedReason::Undeclared,
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
    pub(in crate::render) unmanaged: [(UnmanagedReason, usize); 4],
    /// Differences by the side that changed, if drift is shown.
    pub(in crate::render) moved: Option<[(Moved, usize); 5]>,
    /// Grants that end soon, if the user asked for them.
    pub(in crate::render) ending: Option<usize>,
}

impl View<'_> {
    pub(in crate::render) fn totals(&self) -> Totals {
        let plan = self.plan();
        let rows = |why| plan.unmanaged.iter().filter(|row| row.why == why).count();
        Totals {
            summary: plan.summary(),
            blocked: plan.changes.iter().filter(|change| change.blocked.is_some()).count(),
            unreadable: plan.unreadable.len(),
            unmanaged: UNMANAGED_REASONS.map(|why| (why, rows(why))),
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

    /// Sums it up in one line. Never claims a match for WABAs that could not be read.
    fn summary(&self, totals: &Totals) -> String {
        let unread = count(totals.unreadable, "WABA could not be read", "WABAs could not be read");
        if self.plan().changes.is_empty() {
            let none = if self.is_drift() { "No drift" } else { "No changes" };
            return match (totals.unreadable, self.plan().partial) {
                (0, false) => format!("{none}. Live access matches the manifests."),
                (0, true) => format!("{none}. Live access on these WABAs matches the manifests."),
                (_, _) => format!("{none} on the WABAs that could be read; {unread}."),
            };
        }
        let counts = self.counts(totals).map(|(number, label)| format!("{number} {label}")).join(", ");
        let mut line = format!("{}: {counts}", if self.is_drift() { "Drift" } else { "Plan" });
        if totals.blocked > 0 {
            // Writing to a string cannot fail.
            let _ = write!(line, "; {} of them not attempted", totals.blocked);
        }
        if totals.unreadable > 0 {
            let _ = write!(line, "; {unread}");
        }
        line + "."
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
