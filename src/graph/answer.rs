//! An answer as it came: what its headers tell about limits, and whether it is an answer at all.

use super::error::{GraphError, shortened};
use super::wire::ErrorEnvelope;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// What stands in an answer, once it is known to be none of the API's refusals.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The id by which Meta's support finds the call; harmless.
    pub(super) trace: Option<String>,
}

/// What the headers of an answer tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Signals {
    /// The highest share of any limit that is used up, in percent; it may be above 100.
    pub(super) usage: Option<u32>,
    /// How long the API asks to wait.
    pub(super) wait: Option<Duration>,
    pub(super) trace: Option<String>,
}

impl Signals {
    /// Reads them by a look-up of headers, whose names are in lower case.
    pub(super) fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let json = |name: &str| serde_json::from_str::<Value>(header(name)?).ok();
        let business = json("x-business-use-case-usage");
        let rows = business.iter().filter_map(Value::as_object).flat_map(|usage| usage.values());
        let rows: Vec<&Value> = rows.filter_map(Value::as_array).flatten().collect();
        let app = ["x-app-usage", "x-ad-account-usage"].map(json);
        let used = rows.iter().copied().chain(app.iter().flatten()).filter_map(highest).max();
        let estimates = rows.iter().filter_map(|row| row.get("estimated_time_to_regain_access")?.as_u64());
        let minutes = estimates.max().filter(|minutes| *minutes > 0);
        let seconds = header("retry-after").and_then(|text| text.trim().parse().ok());
        let wait = [seconds, minutes.map(|minutes| minutes.saturating_mul(60))];
        let trace = ["x-fb-trace-id", "x-fb-request-id"].iter().find_map(|name| header(name));
        Self {
            usage: used,
            wait: wait.into_iter().flatten().max().map(Duration::from_secs),
            trace: trace.map(shortened),
        }
    }

    pub(super) fn of_headers(headers: &HeaderMap) -> Self {
        Self::read(|name| headers.get(name)?.to_str().ok())
    }

    /// Joins what two answers tell: the worse of each.
    pub(super) fn join(&mut self, other: &Self) {
        self.usage = self.usage.max(other.usage);
        self.wait = self.wait.max(other.wait);
    }
}

/// Returns the highest percentage of a row of usage.
fn highest(row: &Value) -> Option<u32> {
    let shares = ["call_count", "total_time", "total_cputime", "acc_id_util_pct"];
    let used = shares.iter().filter_map(|name| row.get(name)?.as_f64()).fold(None, |highest, share| {
        let share = share.clamp(0.0, 1000.0);
        Some(highest.map_or(share, |highest: f64| highest.max(share)))
    })?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1000")]
    Some(used.ceil() as u32)
}

/// Tells an answer from a refusal, and both from what is neither. `redacted` takes the secrets out of a text
/// that somebody else wrote.
pub(super) fn judge(
    status: u16,
    body: Vec<u8>,
    signals: &Signals,
    redacted: impl Fn(&str) -> String,
) -> Result<Answer, GraphError> {
    if let Ok(mut envelope) = serde_json::from_slice::<ErrorEnvelope>(&body) {
        envelope.error.texts().for_each(|text| *text = redacted(text));
        return Err(GraphError::from_api(status, &envelope.error, signals.wait));
    }
    if !(200..300).contains(&status) {
        let text = redacted(&String::from_utf8_lossy(&body));
        return Err(GraphError::NotGraph { status, what: first_line(&text) });
    }
    let trace = signals.trace.as_deref().map(redacted);
    Ok(Answer { status, body, trace })
}

/// Reads an answer as what it should be.
pub(super) fn parse<T: DeserializeOwned>(
    answer: &Answer,
    redacted: impl Fn(&str) -> String,
) -> Result<T, GraphError> {
    serde_json::from_slice(&answer.body).map_err(|error| GraphError::NotGraph {
        status: answer.status,
        what: shortened(&redacted(&error.to_string())),
    })
}

/// Returns the first line of something that is no JSON.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("an empty body");
    line.chars().take(120).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(headers: &[(&str, &str)]) -> Signals {
        Signals::read(|name| headers.iter().find(|(has, _)| *has == name).map(|(_, value)| *value))
    }

    #[test]
    fn the_wait_is_told_in_seconds_or_in_minutes() {
        assert_eq!(signals(&[("retry-after", "7")]).wait, Some(Duration::from_secs(7)));
        let usage = r#"{"1":[{"type":"x","estimated_time_to_regain_access":2},{"estimated_time_to_regain_access":5}]}"#;
        let business = ("x-business-use-case-usage", usage);
        assert_eq!(signals(&[business]).wait, Some(Duration::from_secs(300)));
        assert_eq!(signals(&[business, ("retry-after", "7")]).wait, Some(Duration::from_secs(300)));
        assert_eq!(signals(&[("x-business-use-case-usage", r#"{"1":[{"call_count":3}]}"#)]).wait, None);
        assert_eq!(signals(&[]), Signals::default());
    }

    #[test]
    fn the_usage_is_the_highest_share_of_any_limit() {
        let business =
            r#"{"1":[{"call_count":28,"total_cputime":25,"total_time":31.2}],"2":[{"call_count":3}]}"#;
        let app = r#"{"call_count":9,"total_time":7,"total_cputime":0}"#;
        assert_eq!(signals(&[("x-business-use-case-usage", business), ("x-app-usage", app)]).usage, Some(32));
        assert_eq!(signals(&[("x-app-usage", app)]).usage, Some(9));
        assert_eq!(signals(&[("x-app-usage", "[1]"), ("x-business-use-case-usage", "{")]).usage, None);
    }
}
