//! One request and its answer: what is sent, how much is taken in, and when it is tried again.

use super::error::{GraphError, shortened};
use super::settings::Settings;
use super::wire::{ErrorEnvelope, Page};
use crate::time::Time;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest pause before a retry.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The longest pause before the first retry.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The most pages of one list: at 100 rows a page, a million rows.
const PAGES: usize = 10_000;
/// The header that tells how long a throttled WABA stays so, in minutes.
const BUSINESS_USAGE: HeaderName = HeaderName::from_static("x-business-use-case-usage");

/// What a transport lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// GET alone.
    Read,
    /// Everything.
    Write,
}

/// Sends requests with one token.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    access: Access,
    base: Url,
    token: SecretString,
    /// The token as it stands in an address.
    encoded_token: SecretString,
    proof: Option<SecretString>,
    body_limit: usize,
    retries: u32,
    time: Time,
    calls: AtomicU64,
}

/// Parameters of a request, as names and values.
pub(super) type Query<'a> = &'a [(&'a str, &'a str)];

impl Transport {
    pub(super) fn new(settings: &Settings, access: Access) -> Result<Self, GraphError> {
        let base = base(&settings.graph_url, &settings.graph_version)?;
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.request_timeout)
            .default_headers(headers(&settings.token)?)
            .user_agent(concat!("wabacl/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            client = client.no_proxy();
        }
        if let Some(path) = &settings.ca_file {
            for certificate in certificates(path)? {
                client = client.add_root_certificate(certificate);
            }
        }
        Ok(Self {
            client: client
                .build()
                .map_err(|error| wrong_because("the connection could not be set up", error))?,
            access,
            encoded_token: encoded(&base, &settings.token),
            base,
            token: settings.token.clone(),
            proof: settings.app_secret.as_ref().map(|secret| proof(secret, &settings.token)),
            body_limit: settings.body_limit,
            retries: settings.retries,
            time: settings.time.clone(),
            calls: AtomicU64::new(0),
        })
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Gives the token, for the one call that must carry it in its address (`debug_token`).
    pub(super) fn token(&self) -> &SecretString {
        &self.token
    }

    /// Reads one object. Passing faults are tried again, with a jittered pause.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Query<'_>,
    ) -> Result<T, GraphError> {
        let mut longest = FIRST_PAUSE;
        for _ in 0..self.retries {
            match self.send(Method::GET, path, query, None).await {
                Err(error) if error.is_passing() => {
                    let pause = longest.mul_f64(fastrand::f64());
                    tracing::info!("{path}: {error}; once more in {pause:.1?}");
                    self.time.sleep(pause).await;
                    longest = (longest * 2).min(LONGEST_PAUSE);
                }
                settled => return settled,
            }
        }
        self.send(Method::GET, path, query, None).await
    }

    /// Reads a list to its end: whole, or not at all.
    ///
    /// The end is where `paging.next` is absent, not where a page is short. `next` itself holds the token and
    /// is never followed; a cursor that comes a second time is an error.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Query<'_>,
    ) -> Result<Vec<T>, GraphError> {
        let mut rows = Vec::new();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page: Page<T> = self.get(path, &query).await?;
            rows.extend(page.data);
            let Some(paging) = page.paging.filter(|paging| paging.next) else { return Ok(rows) };
            let Some(cursor) = paging.cursors.and_then(|cursors| cursors.after) else {
                return Err(broken("a page says that there is a next one, but gives no cursor"));
            };
            if !seen.insert(cursor.clone()) {
                return Err(broken("the same cursor came twice"));
            }
            if seen.len() >= PAGES {
                return Err(broken("it does not end"));
            }
            after = Some(cursor);
        }
    }

    /// Sends one request, once.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&Value>,
    ) -> Result<T, GraphError> {
        if self.access == Access::Read && method != Method::GET {
            return Err(GraphError::ReadOnly);
        }
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => _ = segments.pop_if_empty().extend(path.split('/')),
            Err(()) => return Err(wrong("the address of the Graph API has no path")),
        }
        let mut request = self.client.request(method.clone(), url).query(query);
        if let Some(proof) = &self.proof {
            request = request.query(&[("appsecret_proof", proof.expose_secret())]);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let started = std::time::Instant::now();
        let response = request.send().await.map_err(unanswered)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = self.body(response).await?;
        let took = started.elapsed();
        tracing::debug!("{method} /{path}: HTTP {status}, {} bytes, {took:.0?}", bytes.len());
        self.judge(status, &headers, &bytes)
    }

    /// Takes in an answer, up to the limit.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, GraphError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(GraphError::Redirect { status: status.as_u16() });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| GraphError::Broken { source: error.without_url() })?
        {
            if bytes.len() + chunk.len() > self.body_limit {
                return Err(GraphError::TooLarge { limit: self.body_limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Tells an answer from a refusal, and both from what is neither.
    fn judge<T: DeserializeOwned>(
        &self,
        status: u16,
        headers: &HeaderMap,
        bytes: &[u8],
    ) -> Result<T, GraphError> {
        if let Ok(mut envelope) = serde_json::from_slice::<ErrorEnvelope>(bytes) {
            envelope.error.message = self.redacted(&envelope.error.message);
            envelope.error.fbtrace_id = envelope.error.fbtrace_id.map(|trace| self.redacted(&trace));
            return Err(GraphError::from_api(status, &envelope.error, wait(headers)));
        }
        if !(200..300).contains(&status) {
            let text = self.redacted(&String::from_utf8_lossy(bytes));
            return Err(GraphError::NotGraph { status, what: first_line(&text) });
        }
        serde_json::from_slice(bytes).map_err(|error| GraphError::NotGraph {
            status,
            what: shortened(&self.redacted(&error.to_string())),
        })
    }

    /// Takes the secrets out of a text that somebody else wrote. Only a whole one is found, so this comes
    /// before a text is cut.
    pub(super) fn redacted(&self, text: &str) -> String {
        let secrets = [Some(&self.token), Some(&self.encoded_token), self.proof.as_ref()];
        let names = ["[token]", "[token]", "[proof]"];
        secrets.into_iter().zip(names).fold(text.to_owned(), |text, (secret, name)| match secret {
            Some(secret) => text.replace(secret.expose_secret(), name),
            None => text,
        })
    }
}

fn wrong(what: impl Into<String>) -> GraphError {
    GraphError::Settings { what: what.into(), source: None }
}

fn wrong_because(
    what: impl Into<String>,
    error: impl std::error::Error + Send + Sync + 'static,
) -> GraphError {
    GraphError::Settings { what: what.into(), source: Some(Box::new(error)) }
}

pub(super) fn broken(what: &str) -> GraphError {
    GraphError::BrokenList { what: what.into() }
}

/// Sorts the failure of a request that got no answer: a write that never left cannot have taken effect.
fn unanswered(error: reqwest::Error) -> GraphError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        GraphError::Unreachable { source: error }
    } else {
        GraphError::Broken { source: error }
    }
}

fn base(url: &str, version: &str) -> Result<Url, GraphError> {
    let mut parts = version.strip_prefix('v').unwrap_or_default().split('.');
    let number =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if !(number(parts.next()) && number(parts.next()) && parts.next().is_none()) {
        return Err(wrong("--graph-version is not `v` and two numbers, such as v25.0"));
    }
    let mut base = Url::parse(url).map_err(|error| wrong_because("--graph-url is no address", error))?;
    if !base.username().is_empty() || base.password().is_some() {
        return Err(wrong("--graph-url holds a user or a password, which would be shown in logs"));
    }
    match base.scheme() {
        "https" => {}
        "http" if is_loopback(&base) => {}
        "http" => {
            return Err(wrong(
                "--graph-url is plain HTTP; that goes only to this machine (127.0.0.1, localhost)",
            ));
        }
        _ => return Err(wrong("--graph-url is neither https nor http")),
    }
    base.set_query(None);
    base.set_fragment(None);
    match base.path_segments_mut() {
        Ok(mut segments) => _ = segments.pop_if_empty().push(version),
        Err(()) => return Err(wrong("--graph-url has no path")),
    }
    Ok(base)
}

/// Tells whether an address is on this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn headers(token: &SecretString) -> Result<HeaderMap, GraphError> {
    if token.expose_secret().is_empty() {
        return Err(wrong("the access token is empty"));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| wrong("the access token holds characters that no token has, such as a line break"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

fn certificates(path: &std::path::Path) -> Result<Vec<reqwest::Certificate>, GraphError> {
    let shown = crate::model::visible(&path.display().to_string()).into_owned();
    let pem = std::fs::read(path)
        .map_err(|error| wrong_because(format!("--ca-file {shown} could not be read"), error))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| wrong_because(format!("--ca-file {shown} is not PEM"), error))?;
    if certificates.is_empty() {
        return Err(wrong(format!("--ca-file {shown} holds no certificate")));
    }
    Ok(certificates)
}

/// Gives a token as it would stand in an address.
fn encoded(base: &Url, token: &SecretString) -> SecretString {
    let mut url = base.clone();
    url.query_pairs_mut().clear().append_key_only(token.expose_secret());
    SecretString::from(url.query().unwrap_or_default())
}

/// Gives the proof that the caller knows the app's secret: the lower-case hexadecimal HMAC-SHA256 of the token.
fn proof(secret: &SecretString, token: &SecretString) -> SecretString {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(token.expose_secret().as_bytes());
    let digits =
        mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    SecretString::from(digits)
}

/// Gives how long the API asks to wait: `Retry-After` in seconds, or the longest estimate in minutes.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
    if let Some(seconds) = text(&RETRY_AFTER).and_then(|text| text.parse().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    let usage: Value = serde_json::from_str(text(&BUSINESS_USAGE)?).ok()?;
    let estimates = usage.as_object()?.values().filter_map(Value::as_array).flatten();
    let minutes = estimates.filter_map(|of| of.get("estimated_time_to_regain_access")?.as_u64()).max()?;
    (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
}

/// Gives the first line of something that is no JSON.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("an empty body");
    line.chars().take(120).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_the_hmac_of_the_token_with_the_secret_as_key() {
        let proof = proof(
            &SecretString::from("key"),
            &SecretString::from("The quick brown fox jumps over the lazy dog"),
        );
        assert_eq!(proof.expose_secret(), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    }

    #[test]
    fn a_secret_is_taken_out_of_an_answer_before_that_is_cut() {
        let token = "EAA|0123456789".repeat(4);
        let mut settings = Settings::new(SecretString::from(&*token));
        settings.app_secret = Some(SecretString::from("hush"));
        let transport = Transport::new(&settings, Access::Read).unwrap();
        let proof = transport.proof.as_ref().unwrap().expose_secret();
        for pad in 0..600 {
            for secret in [&*token, &token.replace('|', "%7C"), proof] {
                let page = format!("<p>{}{secret}</p>", "x".repeat(pad));
                let json = format!("\"{}{secret}\"", "x".repeat(pad));
                for (status, body) in [(502, page), (200, json)] {
                    let answer = transport.judge::<Page<Value>>(status, &HeaderMap::new(), body.as_bytes());
                    let told = answer.unwrap_err().to_string();
                    assert!(!told.contains(secret.get(..8).unwrap()), "{pad}: {told}");
                }
            }
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_alone() {
        for good in
            ["https://graph.facebook.com", "http://127.0.0.1:1", "http://localhost/x", "http://[::1]:1"]
        {
            assert!(base(good, "v25.0").is_ok(), "{good}");
        }
        for bad in
            ["http://graph.facebook.com", "ftp://localhost", "localhost", "https://u:p@graph.facebook.com"]
        {
            assert!(base(bad, "v25.0").is_err(), "{bad}");
        }
        for version in ["25.0", "v25", "v25.0.1", "v.0", "latest", "v25.0/x"] {
            assert!(base("https://graph.facebook.com", version).is_err(), "{version}");
        }
    }

    #[test]
    fn the_wait_is_told_in_seconds_or_in_minutes() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        assert_eq!(wait(&headers("retry-after", "7")), Some(Duration::from_secs(7)));
        let usage = r#"{"1":[{"type":"x","estimated_time_to_regain_access":2},{"estimated_time_to_regain_access":5}]}"#;
        assert_eq!(wait(&headers("x-business-use-case-usage", usage)), Some(Duration::from_secs(300)));
        assert_eq!(wait(&headers("x-business-use-case-usage", r#"{"1":[{"call_count":3}]}"#)), None);
        assert_eq!(wait(&HeaderMap::new()), None);
    }
}
