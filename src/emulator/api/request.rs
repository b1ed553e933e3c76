//! Parsing of requests.
//!
//! Clients of the API send parameters in the query, in a form or as JSON, and the token in a header or as a parameter.
//! Meta's SDKs use all of these.

use super::multipart;
use super::rejection::Rejection;
use super::version;
use crate::model::{AssignmentKey, TaskSet, WabaId};
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The maximum length of a body in bytes. A guess, far above a batch of 50 items.
const MAX_BODY: usize = 1 << 20;
/// The edges whose calls count towards the limit of their WABA, from Meta's documentation. Reading the WABA itself counts
/// as well.
const CHARGED_EDGES: [&str; 4] = ["assigned_users", "phone_numbers", "subscribed_apps", "solutions"];
/// The version of a path that names none.
pub(crate) const DEFAULT_VERSION: &str = "v25.0";
/// The parameters that identify the caller. They do not belong to a request's identity.
const CREDENTIALS: [&str; 2] = ["access_token", "appsecret_proof"];

/// A request to the API: a whole HTTP request, or an item of a batch.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The version, such as `v25.0`.
    pub(crate) version: String,
    /// The segments of the path after the version.
    pub(crate) path: Vec<String>,
    pub(crate) token: Option<String>,
    params: BTreeMap<String, String>,
}

impl ApiRequest {
    /// Parses an HTTP request. A POST with the parameter `method` is a request with that method.
    ///
    /// # Errors
    ///
    /// If the body is too long, or is not a JSON object although its content type is JSON.
    pub(crate) async fn read(parts: &Parts, body: Body) -> Result<Self, Rejection> {
        let mut params = BTreeMap::new();
        add_pairs(&mut params, parts.uri.query().unwrap_or_default().as_bytes());
        let body = to_bytes(body, MAX_BODY).await.map_err(|_| Rejection::bad("The body is too long"))?;
        let content_type = content_type(&parts.headers);
        if content_type.starts_with("application/json") {
            add_json(&mut params, &body)?;
        } else if let Some(boundary) = multipart::boundary(content_type) {
            add(&mut params, multipart::pairs(&body, boundary));
        } else {
            add_pairs(&mut params, &body);
        }
        let method = effective_method(&parts.method, &mut params);
        let (version, path) = split(parts.uri.path());
        let version = version.unwrap_or(DEFAULT_VERSION).to_owned();
        let token = bearer(&parts.headers).or_else(|| params.get("access_token").cloned());
        let token = token.filter(|token| !token.is_empty());
        Ok(Self { method, version, path, token, params })
    }

    /// Parses an item of the batch that this request contains. The item inherits version, token and proof.
    ///
    /// # Errors
    ///
    /// If the item has no valid method or no URL.
    pub(crate) fn item(&self, item: &Map<String, Value>) -> Result<Self, Rejection> {
        let text = |name| item.get(name).and_then(Value::as_str);
        let method = text("method").ok_or_else(|| Rejection::missing("method"))?.to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Rejection::bad("Invalid method"))?;
        let url = text("relative_url").ok_or_else(|| Rejection::missing("relative_url"))?;
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut params = BTreeMap::new();
        if let Some(proof) = self.param("appsecret_proof") {
            params.insert("appsecret_proof".to_owned(), proof.to_owned());
        }
        add_pairs(&mut params, query.as_bytes());
        match item.get("body") {
            Some(Value::String(body)) => add_pairs(&mut params, body.as_bytes()),
            Some(Value::Object(members)) => add_members(&mut params, members),
            _ => {}
        }
        let own = text("access_token").map(str::to_owned).or_else(|| params.get("access_token").cloned());
        let token = own.or_else(|| self.token.clone()).filter(|token| !token.is_empty());
        let (version, path) = split(path);
        let version = version.unwrap_or(&self.version).to_owned();
        Ok(Self { method, version, path, token, params })
    }

    /// Returns a parameter. An empty one counts as absent.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the path with the version: `/v25.0/500/assigned_users`.
    pub(crate) fn location(&self) -> String {
        format!("/{}/{}", self.version, self.path.join("/"))
    }

    /// Returns a text that is equal for equal requests, whoever the caller is.
    pub(crate) fn identity(&self) -> String {
        let mut text = format!("{} {}", self.method, self.path.join("/"));
        for (name, value) in self.params.iter().filter(|(name, _)| !CREDENTIALS.contains(&name.as_str())) {
            text.extend(["\n", name, "=", value]);
        }
        text
    }

    /// Checks that the version exists.
    ///
    /// # Errors
    ///
    /// The API takes a version that does not exist for the id of an object.
    pub(crate) fn check_version(&self) -> Result<(), Rejection> {
        match (version::answering(&self.version), self.path.is_empty()) {
            (Some(_), _) => Ok(()),
            (None, true) => Err(Rejection::unknown_alias(&self.version)),
            (None, false) => Err(Rejection::unknown_path(&self.path.join("/"))),
        }
    }

    /// Returns the WABA whose budget of calls the request uses, if its path names one.
    pub(crate) fn charged_waba(&self) -> Option<WabaId> {
        match self.path.as_slice() {
            [id] => id.parse().ok(),
            [waba, edge] if CHARGED_EDGES.contains(&edge.as_str()) => waba.parse().ok(),
            _ => None,
        }
    }

    /// Returns the WABA whose assignments the request reads or writes.
    pub(crate) fn managed_waba(&self) -> Option<WabaId> {
        match self.path.as_slice() {
            [waba, edge] if edge == "assigned_users" => waba.parse().ok(),
            _ => None,
        }
    }

    /// Returns the assignment and the tasks that a write requests, or `None` if they cannot be parsed. Nothing is
    /// checked against the world.
    pub(crate) fn write(&self) -> Option<(AssignmentKey, TaskSet)> {
        let key = AssignmentKey { waba: self.managed_waba()?, user: self.param("user")?.parse().ok()? };
        match self.method {
            Method::POST => Some((key, TaskSet::from_names(self.tasks().ok()?))),
            Method::DELETE => Some((key, TaskSet::EMPTY)),
            _ => None,
        }
    }

    /// Returns the list `tasks`: an array in one parameter (JSON, or with single quotes as in Meta's guide), or one
    /// parameter for each task (`tasks[0]`, `tasks[]`).
    ///
    /// # Errors
    ///
    /// If the list is absent or is not an array.
    pub(crate) fn tasks(&self) -> Result<Vec<String>, Rejection> {
        let no_array = || Rejection::bad("Param tasks must be an array.");
        if let Some(text) = self.param("tasks") {
            let array = serde_json::from_str(text);
            return array
                .or_else(|_| serde_json::from_str(&text.replace('\'', "\"")))
                .map_err(|_| no_array());
        }
        let mut tasks = BTreeMap::new();
        for (name, value) in &self.params {
            let Some(index) = name.strip_prefix("tasks[").and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            let index: usize = index.parse().map_err(|_| no_array())?;
            tasks.insert(index, value.clone());
        }
        if tasks.is_empty() { Err(Rejection::missing("tasks")) } else { Ok(tasks.into_values().collect()) }
    }
}

/// Adds parameters. Each `name[]` becomes the next of `name[0]`, `name[1]`, ….
fn add(params: &mut BTreeMap<String, String>, pairs: impl IntoIterator<Item = (String, String)>) {
    for (name, value) in pairs {
        let name = match name.strip_suffix("[]") {
            Some(list) => {
                let is_item =
                    |known: &&String| known.starts_with(list) && known[list.len()..].starts_with('[');
                format!("{list}[{}]", params.keys().filter(is_item).count())
            }
            None => name,
        };
        params.insert(name, value);
    }
}

/// Returns the method that a request stands for: clients that know only GET and POST send the parameter `method`.
fn effective_method(method: &Method, params: &mut BTreeMap<String, String>) -> Method {
    let given = params.get("method").filter(|_| *method == Method::POST);
    let parsed = given.and_then(|text| Method::from_bytes(text.to_ascii_uppercase().as_bytes()).ok());
    let Some(parsed) = parsed else { return method.clone() };
    params.remove("method");
    parsed
}

/// Adds the parameters of a form or a query.
fn add_pairs(params: &mut BTreeMap<String, String>, encoded: &[u8]) {
    add(params, form_urlencoded::parse(encoded).into_owned());
}

/// Adds the members of a JSON body, unless it is empty.
fn add_json(params: &mut BTreeMap<String, String>, body: &[u8]) -> Result<(), Rejection> {
    if body.is_empty() {
        return Ok(());
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Err(Rejection::bad("The body is not a JSON object"));
    };
    add_members(params, &members);
    Ok(())
}

/// Adds the members of an object. A value that is not a string becomes its JSON text.
fn add_members(params: &mut BTreeMap<String, String>, members: &Map<String, Value>) {
    params.extend(members.iter().map(|(name, value)| match value.as_str() {
        Some(text) => (name.clone(), text.to_owned()),
        None => (name.clone(), value.to_string()),
    }));
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

/// Splits a path into the version, if any, and the other segments.
fn split(path: &str) -> (Option<&str>, Vec<String>) {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    let version = parts.next_if(|part| is_version(part));
    (version, parts.map(str::to_owned).collect())
}

fn is_version(part: &str) -> bool {
    let numbers = part.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    numbers.is_some_and(|(major, minor)| major.parse::<u16>().is_ok() && minor.parse::<u16>().is_ok())
}
