//! Drift as metrics for the textfile collector of Prometheus's node exporter. Decides nothing.
//!
//! No label holds a name: names are foreign, there may be thousands of them, and every value is a time series.

use super::View;
use crate::model::{BusinessId, Moved, UnmanagedReason};
use jiff::Timestamp;
use std::fmt::{Display, Write as _};

/// The metric by which it shows that runs have stopped to succeed.
const LAST_SUCCESS: &str = "wabacl_drift_last_success_timestamp_seconds";

/// Shows drift as metrics.
///
/// `before` is what the file held that is being replaced: a run that could not read every WABA was no success, and
/// keeps the time of the last one.
pub fn drift(view: &View<'_>, now: Timestamp, before: Option<&str>) -> String {
    let plan = view.plan();
    let mut page = Page { text: String::new(), business: plan.business };
    let summary = plan.summary();
    page.gauge(
        "wabacl_drift_changes",
        "Assignments that differ from the manifests, by what an apply would do to them.",
        "action",
        [("assign", summary.assign), ("change", summary.change), ("revoke", summary.revoke)],
    );
    if let Some(drift) = view.drift {
        page.gauge(
            "wabacl_drift_moved",
            "Assignments that differ from the manifests, by the side that moved, as far as that can be told.",
            "moved",
            Moved::ALL.map(|moved| (moved.word(), drift.count(moved))),
        );
    }
    let rows = |why| plan.unmanaged.iter().filter(|row| row.why == why).count();
    page.gauge(
        "wabacl_drift_unmanaged_assignments",
        "Live assignments in scope that are left alone, by the reason.",
        "why",
        [
            ("person", rows(UnmanagedReason::Person)),
            ("other-business", rows(UnmanagedReason::OtherBusiness)),
            ("undeclared", rows(UnmanagedReason::Undeclared)),
            ("unknown", rows(UnmanagedReason::Unknown)),
        ],
    );
    page.one(
        "wabacl_drift_unchanged_assignments",
        "Live assignments in scope that are as the manifests ask.",
        summary.unchanged,
    );
    page.one(
        "wabacl_drift_unreadable_wabas",
        "WABAs in scope that could not be read.",
        plan.unreadable.len(),
    );
    if let Some(expiring) = view.drift.and_then(|drift| drift.expiring.as_ref()) {
        page.one("wabacl_drift_expiring_grants", "Grants that end soon.", expiring.len());
    }
    page.one("wabacl_drift_last_run_timestamp_seconds", "When drift was last looked for.", now.as_second());
    let success = if plan.unreadable.is_empty() {
        Some(now.as_second())
    } else {
        before.and_then(|text| last_success(text, plan.business))
    };
    if let Some(success) = success {
        page.one(LAST_SUCCESS, "When drift was last looked for and every WABA could be read.", success);
    }
    page.text
}

/// Finds the time of the last success in what was written before.
fn last_success(text: &str, business: BusinessId) -> Option<i64> {
    let series = format!("{LAST_SUCCESS}{{business=\"{business}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok())
}

/// Metrics in the making.
struct Page {
    text: String,
    business: BusinessId,
}

impl Page {
    fn head(&mut self, name: &str, help: &str) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    /// Puts in a gauge with a value for each of some labels.
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

    /// Puts in a gauge with one value.
    #[allow(clippy::needless_pass_by_value, reason = "a number is copied")]
    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help);
        let _ = writeln!(self.text, "{name}{{business=\"{}\"}} {value}", self.business);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Drift, Plan};
    use crate::proposal::Proposal;

    fn metrics(plan: &Plan, drift: Option<&Drift>, second: i64, before: Option<&str>) -> String {
        let proposal = Proposal::without_evidence(plan.clone());
        let view = View { proposal: &proposal, violations: &[], waived: &[], drift };
        super::drift(&view, Timestamp::from_second(second).unwrap(), before)
    }

    fn empty() -> Plan {
        Plan::empty("98".parse().unwrap(), jiff::civil::date(2026, 11, 23))
    }

    #[test]
    fn a_run_that_could_not_read_all_keeps_the_time_of_the_last_success() {
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
    fn grants_that_end_are_counted_where_somebody_asks() {
        let asked = Drift { expiring: Some(Vec::new()), ..Drift::default() };
        assert!(
            metrics(&empty(), Some(&asked), 0, None)
                .contains("wabacl_drift_expiring_grants{business=\"98\"} 0\n")
        );
        assert!(!metrics(&empty(), Some(&Drift::default()), 0, None).contains("expiring"));
    }
}
