//! Drift as metrics, for the textfile collector of Prometheus's node exporter. Decides nothing.

use super::PlanView;
use crate::model::UnmanagedReason;
use jiff::Timestamp;
use std::fmt::Write as _;

/// The metric that outlives a run that could not read everything.
const LAST_SUCCESS: &str = "wabacl_last_success_timestamp_seconds";

/// Shows drift as metrics. `now` is when everything was read; where something could not be, the time of the last
/// success is taken over from what the file held before.
pub fn drift(view: &PlanView<'_>, now: Timestamp, earlier: &str) -> String {
    let (plan, summary) = (view.plan, view.plan.summary());
    let business = format!("business=\"{}\"", plan.business);
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, values: &[(String, String)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{{{labels}}} {value}");
        }
    };
    let actions = [("assign", summary.assign), ("change", summary.change), ("revoke", summary.revoke)];
    let value =
        |label: &str, of: &str, number: usize| (format!("{business},{label}=\"{of}\""), number.to_string());
    metric(
        "wabacl_drift_changes",
        "Assignments that differ from the manifests, by what would mend them.",
        &actions.map(|(action, number)| value("action", action, number)),
    );
    let reasons = [
        ("person", UnmanagedReason::Person),
        ("other-business", UnmanagedReason::OtherBusiness),
        ("undeclared", UnmanagedReason::Undeclared),
        ("unknown", UnmanagedReason::Unknown),
    ];
    let rows = |why: UnmanagedReason| plan.unmanaged.iter().filter(|row| row.why == why).count();
    metric(
        "wabacl_unmanaged_assignments",
        "Assignments in scope that the manifests do not own, by why.",
        &reasons.map(|(word, why)| value("why", word, rows(why))),
    );
    let only = |number: usize| [(business.clone(), number.to_string())];
    metric("wabacl_unreadable_wabas", "WABAs in scope that could not be read.", &only(plan.unreadable.len()));
    if let Some(ending) = view.notes.and_then(|notes| notes.ending.as_ref()) {
        metric("wabacl_expiring_grants", "Grants that end within the time asked for.", &only(ending.len()));
    }
    let success = if plan.unreadable.is_empty() {
        Some(now.as_second().to_string())
    } else {
        earlier
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{LAST_SUCCESS}{{{business}}} ")))
            .map(str::to_owned)
    };
    if let Some(success) = success {
        metric(LAST_SUCCESS, "When everything in scope was last read.", &[(business, success)]);
    }
    text
}
