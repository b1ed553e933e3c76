//! The metrics of a reconciler, for a scrape.
//!
//! No label holds an id or a name: each value would be a time series.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

/// What is counted of a reconciler since it started, and how it stands. Times are in seconds since 1970.
#[derive(Debug, Clone, Default)]
pub struct ReconcilerNumbers {
    /// The mode.
    pub mode: &'static str,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether a round runs now.
    pub is_running: bool,
    /// The rounds by how they ended.
    pub rounds: BTreeMap<&'static str, u64>,
    /// The rounds in a row that did not succeed.
    pub failures: u32,
    /// The changes by their outcome.
    pub changes: BTreeMap<&'static str, u64>,
    /// The calls to the API.
    pub calls: u64,
    /// The requests to the API.
    pub requests: u64,
    /// The calls that were sent again.
    pub retries: u64,
    /// The seconds spent waiting because of limits.
    pub waited: f64,
    /// The highest use of a limit in the last round, in percent.
    pub limit_used: Option<u32>,
    /// The plans that the guards refused, each once.
    pub refused_plans: u64,
    /// Since when a plan waits that the guards refuse.
    pub refused_since: Option<i64>,
    /// Whether the manifests that are there now cannot be used.
    pub has_broken_manifests: bool,
    /// When the reconciler started.
    pub started: i64,
    /// When the last round ended.
    pub last_round: Option<i64>,
    /// How long it took, in seconds.
    pub last_duration: Option<f64>,
    /// When a round last read all of the scope.
    pub last_read: Option<i64>,
    /// When a round of all of the scope last succeeded.
    pub last_success: Option<i64>,
    /// The seconds since the last read of all of the scope; without one, since the start.
    pub lag: f64,
    /// When the token expires.
    pub token_expires: Option<i64>,
    /// What the webhook has received, if there is one.
    pub webhook: Option<WebhookNumbers>,
}

/// What is counted of a webhook since it began.
#[derive(Debug, Clone, Default)]
pub struct WebhookNumbers {
    /// The deliveries by their result.
    pub deliveries: BTreeMap<&'static str, u64>,
    /// The events of accepted deliveries by their kind.
    pub events: BTreeMap<&'static str, u64>,
    /// The WABAs that wait for their round.
    pub waiting: usize,
}

/// Shows the numbers as metrics.
pub fn reconciler(numbers: &ReconcilerNumbers) -> String {
    let mut text = String::new();
    let info = format!("{{mode=\"{}\",version=\"{}\"}}", numbers.mode, env!("CARGO_PKG_VERSION"));
    head(&mut text, "wabacl_reconcile_info", "gauge", "The program and what its rounds do.");
    line(&mut text, &format!("wabacl_reconcile_info{info}"), 1);
    let mut by = |name: &str, help: &str, label: &str, values: &BTreeMap<&'static str, u64>| {
        head(&mut text, name, "counter", help);
        for (word, value) in values {
            line(&mut text, &format!("{name}{{{label}=\"{word}\"}}"), value);
        }
    };
    by("wabacl_reconcile_rounds_total", "Rounds, by how they ended.", "end", &numbers.rounds);
    by("wabacl_reconcile_changes_total", "Changes, by their outcome.", "outcome", &numbers.changes);
    if let Some(webhook) = &numbers.webhook {
        let name = "wabacl_reconcile_webhook_deliveries_total";
        by(name, "Deliveries to the webhook, by their result.", "result", &webhook.deliveries);
        let name = "wabacl_reconcile_webhook_events_total";
        by(name, "Events of accepted deliveries, by their kind.", "kind", &webhook.events);
        metric(&mut text, "due_wabas", "gauge", "WABAs that wait for their round.", webhook.waiting);
    }
    for (name, help, value) in [
        ("calls_total", "Calls to the API; each item of a batch is one.", numbers.calls),
        ("requests_total", "Requests to the API.", numbers.requests),
        ("retries_total", "Calls to the API that were sent again.", numbers.retries),
        ("refused_plans_total", "Plans that the guards refused, each once.", numbers.refused_plans),
    ] {
        metric(&mut text, name, "counter", help, value);
    }
    let help = "Seconds spent waiting because of limits of the API.";
    metric(&mut text, "waited_seconds_total", "counter", help, numbers.waited);
    for (name, help, value) in [
        (
            "ready",
            "Whether live access was read recently, by a usable token and manifests.",
            numbers.is_ready,
        ),
        ("running", "Whether a round runs.", numbers.is_running),
        ("refused", "Whether a plan waits that the guards refuse.", numbers.refused_since.is_some()),
        (
            "manifests_broken",
            "Whether the manifests that are there cannot be used.",
            numbers.has_broken_manifests,
        ),
    ] {
        metric(&mut text, name, "gauge", help, u8::from(value));
    }
    metric(
        &mut text,
        "failures_in_a_row",
        "gauge",
        "Rounds in a row that did not succeed.",
        numbers.failures,
    );
    metric(&mut text, "lag_seconds", "gauge", "Time since the last read of all of the scope.", numbers.lag);
    let help = "The highest use of a limit that the API reported in the last round.";
    optional(&mut text, "limit_used_percent", help, numbers.limit_used);
    optional(&mut text, "last_round_duration_seconds", "Duration of the last round.", numbers.last_duration);
    metric(&mut text, "start_timestamp_seconds", "gauge", "Start of the reconciler.", numbers.started);
    for (name, help, value) in [
        ("refused_since_timestamp_seconds", "Since when the refused plan waits.", numbers.refused_since),
        ("last_round_timestamp_seconds", "End of the last round.", numbers.last_round),
        ("last_read_timestamp_seconds", "The last read of all of the scope.", numbers.last_read),
        (
            "last_success_timestamp_seconds",
            "The last success of a round of all of the scope.",
            numbers.last_success,
        ),
        ("token_expires_timestamp_seconds", "End of the token.", numbers.token_expires),
    ] {
        optional(&mut text, name, help, value);
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, series: &str, value: impl Display) {
    let _ = writeln!(text, "{series} {value}");
}

fn metric(text: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    let name = format!("wabacl_reconcile_{name}");
    head(text, &name, kind, help);
    line(text, &name, value);
}

fn optional(text: &mut String, name: &str, help: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        metric(text, name, "gauge", help, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_metric() {
        let text = reconciler(&ReconcilerNumbers::default());
        assert!(text.contains("\nwabacl_reconcile_ready 0\n"), "{text}");
        for unknown in ["last_read_timestamp", "limit_used", "refused_since", "token_expires"] {
            assert!(!text.contains(unknown), "{unknown}: {text}");
        }
        let numbers = ReconcilerNumbers {
            rounds: BTreeMap::from([("in-sync", 3), ("failed", 0)]),
            refused_since: Some(7),
            waited: 1.5,
            ..ReconcilerNumbers::default()
        };
        let text = reconciler(&numbers);
        for expected in [
            "wabacl_reconcile_rounds_total{end=\"failed\"} 0\n",
            "wabacl_reconcile_rounds_total{end=\"in-sync\"} 3\n",
            "wabacl_reconcile_refused 1\n",
            "wabacl_reconcile_refused_since_timestamp_seconds 7\n",
            "# TYPE wabacl_reconcile_waited_seconds_total counter\nwabacl_reconcile_waited_seconds_total 1.5\n",
        ] {
            assert!(text.contains(expected), "{expected} is missing in {text}");
        }
    }
}
