//! Metrics for Prometheus: drift for the textfile collector of its node exporter, and a reconciler for a scrape.
//!
//! No label holds a name: names are foreign, there may be thousands of them, and every value is a time series.

mod reconciler;

pub use reconciler::{ReconcilerNumbers, WebhookNumbers, reconciler};

use super::View;
use crate::model::{BusinessId, Summary, UnmanagedReason};
use jiff::Timestamp;
use std::fmt::{Display, Write as _};

/// The metric that reveals runs which no longer succeed.
const LAST_SUCCESS: &str = "wabacl_drift_last_success_timestamp_seconds";

/// Shows drift as metrics.
///
/// `previous` is the content of the file that is replaced. A run that could not read every WABA is no success and keeps
/// the time of the last one.
///
/// After an apply, `left` counts the changes that are still to be made.
pub fn drift(view: &View<'_>, left: Option<Summary>, now: Timestamp, previous: Option<&str>) -> String {
    let (business, totals) = (view.plan().business, view.totals());
    let mut metrics = Metrics { text: String::new(), business };
    let summary = left.unwrap_or(totals.summary);
    metrics.gauge(
        "wabacl_drift_changes",
        "Assignments that differ from the manifests, by the action that an apply would take.",
        "action",
        [("assign", summary.assign), ("change", summary.change), ("revoke", summary.revoke)],
    );
    if let Some(moved) = totals.moved {
        metrics.gauge(
            "wabacl_drift_moved",
            "Assignments that differ from the manifests, by the side that changed.",
            "moved",
            moved.map(|(moved, number)| (moved.word(), number)),
        );
    }
    metrics.gauge(
        "wabacl_drift_unmanaged_assignments",
        "Live assignments in scope that are not managed, by the reason.",
        "why",
        totals.unmanaged.map(|(why, number)| (unmanaged_word(why), number)),
    );
    metrics.value(
        "wabacl_drift_unchanged_assignments",
        "Live assignments in scope that match the manifests.",
        summary.unchanged,
    );
    metrics.value(
        "wabacl_drift_unreadable_wabas",
        "WABAs in scope that could not be read.",
        totals.unreadable,
    );
    metrics.value(
        "wabacl_drift_undeclared_assignments",
        "Live assignments in scope of system users that no manifest declares, unless that is accepted.",
        totals.undeclared,
    );
    metrics.value(
        "wabacl_drift_kept_assignments",
        "Live assignments in scope with tasks that only `prune: none` keeps.",
        totals.kept,
    );
    metrics.value("wabacl_drift_unresolved_users", "Declared users that were not found.", totals.unresolved);
    metrics.value(
        "wabacl_drift_out_of_scope_users",
        "Suspended users that hold something out of scope, or of which that could not be read.",
        totals.out_of_scope,
    );
    if let Some(failed) = totals.failed_tests {
        metrics.value("wabacl_drift_failed_tests", "Access tests that fail live.", failed);
    }
    if let Some(ending) = totals.ending {
        metrics.value("wabacl_drift_expiring_grants", "Grants that end soon.", ending);
    }
    if let Some(mark) = view.proposal.live_source.snapshot() {
        metrics.value(
            "wabacl_drift_snapshot_timestamp_seconds",
            "Time of the snapshot that live access is taken from.",
            mark.taken.as_second(),
        );
    }
    let now = now.as_second();
    metrics.value("wabacl_drift_last_run_timestamp_seconds", "Time of the last run.", now);
    let success = match totals.unreadable {
        0 => Some(now),
        _ => previous.and_then(|text| last_success(text, business)),
    };
    if let Some(success) = success {
        metrics.value(LAST_SUCCESS, "Time of the last run that could read every WABA.", success);
    }
    metrics.text
}

fn unmanaged_word(why: UnmanagedReason) -> &'static str {
    match why {
        UnmanagedReason::Person => "person",
        UnmanagedReason::OtherBusiness => "other-business",
        UnmanagedReason::Undeclared => "undeclared",
        UnmanagedReason::Ignored => "ignored",
        UnmanagedReason::OtherSet => "other-set",
        UnmanagedReason::Unknown => "unknown",
    }
}

/// Returns the time of the last success from the metrics of an earlier run.
fn last_success(text: &str, business: BusinessId) -> Option<i64> {
    let series = format!("{LAST_SUCCESS}{{business=\"{business}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok())
}

/// Metrics in the making.
struct Metrics {
    text: String,
    business: BusinessId,
}

impl Metrics {
    fn head(&mut self, name: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    /// Adds a gauge with a value for each label.
    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'static str, usize)>,
    ) {
        self.head(name, help);
        for (word, value) in values {
            let _ =
                writeln!(self.text, "{name}{{business=\"{}\",{label}=\"{word}\"}} {value}", self.business);
        }
    }

    /// Adds a gauge with one value.
    #[allow(clippy::needless_pass_by_value, reason = "a number is copied")]
    fn value(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help);
        let _ = writeln!(self.text, "{name}{{business=\"{}\"}} {value}", self.business);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Drift, Plan};
    use crate::proposal::Proposal;

    fn metrics(plan: &Plan, drift: Option<&Drift>, second: i64, previous: Option<&str>) -> String {
        let proposal = Proposal::without_evidence(plan.clone());
        let view = View { proposal: &proposal, violations: &[], waived: &[], drift, evidence: None };
        super::drift(&view, None, Timestamp::from_second(second).unwrap(), previous)
    }

    fn empty() -> Plan {
        Plan::empty("98".parse().unwrap(), crate::model::start_of_day(jiff::civil::date(2026, 11, 23)))
    }

    #[test]
    fn a_run_that_could_not_read_every_waba_keeps_the_last_success() {
        let good = metrics(&empty(), None, 1000, None);
        assert!(
            good.contains("wabacl_drift_last_success_timestamp_seconds{business=\"98\"} 1000\n"),
            "{good}"
        );
        let mut plan = empty();
        plan.unreadable.insert("500".parse().unwrap(), String::from("refused"));
        let partial = metrics(&plan, None, 2000, Some(&good));
        assert!(
            partial.contains("wabacl_drift_last_run_timestamp_seconds{business=\"98\"} 2000\n"),
            "{partial}"
        );
        assert!(partial.contains("wabacl_drift_unreadable_wabas{business=\"98\"} 1\n"), "{partial}");
        assert!(partial.contains("last_success_timestamp_seconds{business=\"98\"} 1000\n"), "{partial}");
        for before in [None, Some("torn"), Some(&*good.replace("98", "99"))] {
            let never = metrics(&plan, None, 2000, before);
            assert!(!never.contains(LAST_SUCCESS), "{never}");
        }
    }

    #[test]
    fn ending_grants_are_counted_only_if_asked_for() {
        let asked = Drift { expiring: Some(Vec::new()), ..Drift::default() };
        assert!(
            metrics(&empty(), Some(&asked), 0, None)
                .contains("wabacl_drift_expiring_grants{business=\"98\"} 0\n")
        );
        assert!(!metrics(&empty(), Some(&Drift::default()), 0, None).contains("expiring"));
    }
}
