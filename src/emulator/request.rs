//! A request as the API understands it: whichever way the parameters and the token came.

use super::refusal::Refusal;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest body that is read, in bytes.
const LONGEST_BODY: usize = 1 << 20;
/// The version that answers where the path names none.
const DEFAULT_VERSION: &str = "v25.0";

/// A request: what is asked, of what, by whom.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The version that the path names, such as `v25.0`.
    pub(super) version: String,
    /// The parts of the path behind the version.
    pub(super) path: Vec<String>,
    pub(super) token: Option<String>,
    params: BTreeMap<String, String>,
}

impl Request {
    /// Reads a request whole.
    pub(super) async fn read(parts: &Parts, body: Body) -> Result<Self, Refusal> {
        let mut params = BTreeMap::new();
        add_pairs(&mut params, parts.uri.query().unwrap_or_default().as_bytes());
        let body = to_bytes(body, LONGEST_BODY).await.map_err(|_| Refusal::bad("The body is too long"))?;
        if content_type(&parts.headers).starts_with("application/json") {
            add_json(&mut params, &body)?;
        } else {
            add_pairs(&mut params, &body);
        }
        let (version, path) = split(parts.uri.path());
        let token = bearer(&parts.headers).or_else(|| params.get("access_token").cloned());
        let token = token.filter(|token| !token.is_empty());
        Ok(Self { method: parts.method.clone(), version, path, token, params })
    }

    /// Gives a parameter; one that is empty counts as not given.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Gives the list `tasks`: a JSON array in one parameter, or a parameter for each (`tasks[0]`).
    pub(super) fn tasks(&self) -> Result<Vec<String>, Refusal> {
        if let Some(text) = self.param("tasks") {
            return serde_json::from_str(text).map_err(|_| Refusal::bad("Param tasks must be an array."));
        }
        let mut tasks = BTreeMap::new();
        for (name, value) in &self.params {
            let Some(index) = name.strip_prefix("tasks[").and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            let index: usize = index.parse().map_err(|_| Refusal::bad("Param tasks must be an array."))?;
            tasks.insert(index, value.clone());
        }
        if tasks.is_empty() { Err(Refusal::missing("tasks")) } else { Ok(tasks.into_values().collect()) }
    }
}

/// Adds parameters that are encoded as in a form or a query.
fn add_pairs(params: &mut BTreeMap<String, String>, encoded: &[u8]) {
    params.extend(form_urlencoded::parse(encoded).into_owned());
}

/// Adds the members of a JSON object; what is no text becomes the JSON that it is.
fn add_json(params: &mut BTreeMap<String, String>, body: &[u8]) -> Result<(), Refusal> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Err(Refusal::bad("The body is no JSON object"));
    };
    params.extend(members.into_iter().map(|(name, value)| match value.as_str() {
        Some(text) => (name, text.to_owned()),
        None => (name, value.to_string()),
    }));
    Ok(())
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

/// Splits a path into the version, where it names one, and the parts.
fn split(path: &str) -> (String, Vec<String>) {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    let version = parts.next_if(|part| is_version(part)).unwrap_or(DEFAULT_VERSION).to_owned();
    (version, parts.map(str::to_owned).collect())
}

fn is_version(part: &str) -> bool {
    let numbers = part.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    numbers.is_some_and(|(major, minor)| major.parse::<u16>().is_ok() && minor.parse::<u16>().is_ok())
}
