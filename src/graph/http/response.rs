//! Responses: their headers about limits, and whether they are data, an error of the API, or neither.

use super::rows::{self, PageOfRows};
use super::text;
use super::wire::{BatchItem, ErrorBody, ErrorEnvelope};
use crate::graph::error::{ApiError, GraphError, shorten};
use crate::redact;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// The longest excerpt of a response that is not JSON, in characters. A guess: one line of a terminal.
const EXCERPT: usize = 120;
/// The most values in a response. A guess: a nested page of 100 WABAs with 100 holders each has 200,000. As JSON of an
/// unknown form, a value takes up to 700 bytes of memory.
const MAX_VALUES: usize = 500_000;
/// Stands for an absent code, which is not 0. The API has no negative codes.
const NO_CODE: i32 = -1;

/// A response that is not an error.
#[derive(Debug, Clone, Default)]
pub(in crate::graph) struct ApiResponse {
    status: u16,
    body: Vec<u8>,
    /// The id by which Meta's support finds the call; escaped.
    pub(in crate::graph) trace: Option<String>,
}

impl ApiResponse {
    /// Parses the body.
    pub(in crate::graph) fn parse<T: DeserializeOwned>(&self) -> Result<T, GraphError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// Parses the body as a page of a list. A row that cannot be read does not hide the others.
    pub(in crate::graph) fn parse_page<T: DeserializeOwned>(&self) -> Result<PageOfRows<T>, GraphError> {
        rows::page(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// Returns the error of a body that cannot be parsed. JSON of another form stays so when it is read again.
    fn unreadable(&self, error: &serde_json::Error) -> GraphError {
        let what = shorten(&redact::text(&error.to_string()));
        if error.is_data() {
            return GraphError::UnknownForm { what };
        }
        let is_page = self.body.trim_ascii_start().starts_with(b"<");
        let page = || excerpt(&redact::text(&String::from_utf8_lossy(&self.body)));
        GraphError::UnexpectedResponse { status: self.status, what: if is_page { page() } else { what } }
    }
}

/// The headers of a response that this client uses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::graph) struct ApiHeaders {
    /// The highest usage of any limit, in percent; can exceed 100.
    pub(in crate::graph) usage: Option<u32>,
    /// How long the API asks to wait.
    pub(in crate::graph) wait: Option<Duration>,
    /// The version of the API that answered.
    pub(super) version: Option<String>,
    trace: Option<String>,
}

impl ApiHeaders {
    /// Reads the headers by a look-up of their lower-case names.
    fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let json = |name: &str| serde_json::from_str::<Value>(header(name)?).ok();
        let business = json("x-business-use-case-usage");
        let rows = business.iter().filter_map(Value::as_object).flat_map(|usage| usage.values());
        let rows: Vec<&Value> = rows.filter_map(Value::as_array).flatten().collect();
        let app = ["x-app-usage", "x-ad-account-usage"].map(json);
        let usage = rows.iter().copied().chain(app.iter().flatten()).filter_map(highest_usage).max();
        let minutes =
            rows.iter().filter_map(|row| row.get("estimated_time_to_regain_access")?.as_u64()).max();
        let minutes = minutes.filter(|minutes| *minutes > 0);
        let seconds = header("retry-after").and_then(|text| text.trim().parse().ok());
        let wait = [seconds, minutes.map(|minutes| minutes.saturating_mul(60))];
        let version = header("facebook-api-version").map(shorten);
        let trace = ["x-fb-trace-id", "x-fb-request-id"].iter().find_map(|name| header(name));
        Self {
            usage,
            wait: wait.into_iter().flatten().max().map(Duration::from_secs),
            version,
            trace: trace.map(shorten),
        }
    }

    pub(super) fn of_response(headers: &HeaderMap) -> Self {
        Self::read(|name| headers.get(name)?.to_str().ok())
    }

    pub(super) fn of_batch_item(item: &BatchItem) -> Self {
        Self::read(|name| {
            let header = item.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            header.map(|header| header.value.as_str())
        })
    }

    /// Merges the headers of another response: the higher usage, the longer wait.
    pub(super) fn merge(&mut self, other: &Self) {
        self.usage = self.usage.max(other.usage);
        self.wait = self.wait.max(other.wait);
    }
}

/// Returns the highest percentage in a usage object.
fn highest_usage(row: &Value) -> Option<u32> {
    let names = ["call_count", "total_time", "total_cputime", "acc_id_util_pct"];
    let shares = names.iter().filter_map(|name| row.get(name)?.as_f64());
    let highest = shares.map(|share| share.clamp(0.0, 1000.0)).reduce(f64::max)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1000")]
    Some(highest.ceil() as u32)
}

/// Returns a response as data, or as the error that it is.
pub(super) fn check(status: u16, body: Vec<u8>, headers: &ApiHeaders) -> Result<ApiResponse, GraphError> {
    let body = text::repaired(body);
    if has_too_many_values(&body) {
        return Err(GraphError::UnknownForm { what: format!("it has more than {MAX_VALUES} values") });
    }
    if let Ok(mut envelope) = serde_json::from_slice::<ErrorEnvelope>(&body) {
        envelope.error.texts().for_each(|text| *text = redact::text(text).into_owned());
        return Err(api_error(status, &envelope.error, headers.wait));
    }
    if !(200..300).contains(&status) {
        let what = excerpt(&redact::text(&String::from_utf8_lossy(&body)));
        return Err(match status {
            429 => throttled_by_proxy(&what, headers.wait),
            status => GraphError::UnexpectedResponse { status, what },
        });
    }
    let trace = headers.trace.as_deref().map(|trace| redact::text(trace).into_owned());
    Ok(ApiResponse { status, body, trace })
}

/// Returns whether a body has more values than any response, before it is parsed: each array, object and comma begins one.
fn has_too_many_values(body: &[u8]) -> bool {
    body.iter().filter(|byte| matches!(byte, b'[' | b'{' | b',')).nth(MAX_VALUES).is_some()
}

/// Returns the error of a server in front of the API that refuses further calls.
fn throttled_by_proxy(page: &str, wait: Option<Duration>) -> GraphError {
    let message = format!("HTTP 429: {page}");
    let api = ApiError { status: 429, code: None, subcode: None, message, explanation: None, trace: None };
    GraphError::Throttled { api, wait }
}

/// Classifies an error of the API by its code, as in Meta's error tables.
fn api_error(status: u16, body: &ErrorBody, wait: Option<Duration>) -> GraphError {
    let api = ApiError {
        status,
        code: body.code,
        subcode: body.error_subcode,
        message: shorten(&body.message),
        explanation: body.explanation().as_deref().map(shorten),
        trace: body.fbtrace_id.as_deref().map(shorten),
    };
    let says = |text: &str| body.message.contains(text);
    match (body.code.unwrap_or(NO_CODE), body.error_subcode) {
        (102 | 190, _) => GraphError::InvalidToken(api),
        (0, _) if body.kind.as_deref() == Some("AuthException") => GraphError::InvalidToken(api),
        (104, _) => GraphError::InvalidProof(api),
        (100, _) if says("appsecret_proof") => GraphError::InvalidProof(api),
        (4 | 17 | 32 | 341 | 613 | 80007 | 80008 | 130_429, _) => GraphError::Throttled { api, wait },
        (1, _) if says("reduce the amount of data") => GraphError::TooMuchData(api),
        (1 | 2, _) => GraphError::Transient(api),
        // A transient error comes before its code: a read is retried, and a write is settled by a read.
        (code, _) if code != 803 && (body.is_transient == Some(true) || status >= 500) => {
            GraphError::Transient(api)
        }
        (3 | 10 | 200..=299, _) => GraphError::NotPermitted(api),
        (100, Some(33)) => GraphError::WrongId(api),
        (100, Some(1_752_100)) => GraphError::WrongKindOfId(api),
        (100, _) if says("Need either permission on WhatsApp Business Account") => {
            GraphError::NotPermitted(api)
        }
        (415, _) => GraphError::TwoFactor(api),
        (803, _) => GraphError::NotFound(api),
        (368 | 131_031, _) => GraphError::Blocked(api),
        _ if status == 429 => GraphError::Throttled { api, wait },
        _ => GraphError::BadRequest(api),
    }
}

/// Returns the first line of a response that is not JSON.
fn excerpt(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("an empty body");
    line.chars().take(EXCERPT).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::http::secrets::Secrets;
    use secrecy::ExposeSecret;

    fn headers(sent: &[(&str, &str)]) -> ApiHeaders {
        ApiHeaders::read(|name| sent.iter().find(|(has, _)| *has == name).map(|(_, value)| *value))
    }

    #[test]
    fn the_wait_is_read_in_seconds_and_in_minutes() {
        assert_eq!(headers(&[("retry-after", "7")]).wait, Some(Duration::from_secs(7)));
        let usage = r#"{"1":[{"type":"x","estimated_time_to_regain_access":2},{"estimated_time_to_regain_access":5}]}"#;
        let business = ("x-business-use-case-usage", usage);
        assert_eq!(headers(&[business]).wait, Some(Duration::from_secs(300)));
        assert_eq!(headers(&[business, ("retry-after", "7")]).wait, Some(Duration::from_secs(300)));
        assert_eq!(headers(&[("x-business-use-case-usage", r#"{"1":[{"call_count":3}]}"#)]).wait, None);
        assert_eq!(headers(&[]), ApiHeaders::default());
    }

    #[test]
    fn the_usage_is_the_highest_share_of_any_limit() {
        let business =
            r#"{"1":[{"call_count":28,"total_cputime":25,"total_time":31.2}],"2":[{"call_count":3}]}"#;
        let app = r#"{"call_count":9,"total_time":7,"total_cputime":0}"#;
        assert_eq!(headers(&[("x-business-use-case-usage", business), ("x-app-usage", app)]).usage, Some(32));
        assert_eq!(headers(&[("x-app-usage", app)]).usage, Some(9));
        assert_eq!(headers(&[("x-app-usage", "[1]"), ("x-business-use-case-usage", "{")]).usage, None);
    }

    #[test]
    fn a_secret_is_redacted_before_a_text_is_shortened() {
        let token = "EAA|0123456789".repeat(4);
        let secrets = Secrets::new(&token.as_str().into(), Some(&"hush".into()));
        let proof = secrets.proof().unwrap().expose_secret();
        for pad in 0..600 {
            for secret in [&*token, &token.replace('|', "%7C"), proof] {
                let page = format!("<p>{}{secret}</p>", "x".repeat(pad));
                let json = format!("\"{}{secret}\"", "x".repeat(pad));
                for (status, body) in [(502, page), (200, json)] {
                    let message = check(status, body.into(), &ApiHeaders::default())
                        .and_then(|response| response.parse::<Vec<Value>>())
                        .unwrap_err()
                        .to_string();
                    assert!(!message.contains(secret.get(..8).unwrap()), "{pad}: {message}");
                }
            }
        }
    }
}
