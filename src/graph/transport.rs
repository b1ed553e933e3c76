//! The wire: sends a call, or a batch of them, once, and takes in the answer up to a limit.
//!
//! It tries nothing again and waits for nothing but the answer.

use super::address::{self, wrong, wrong_because};
use super::answer::{self, Answer, Signals};
use super::call::Call;
use super::error::GraphError;
use super::settings::Settings;
use super::wire::BatchItem;
use crate::clock::Clock;
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a transport lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// GET alone, and a batch in which each item is a GET.
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
    request_timeout: Duration,
    clock: Clock,
    requests: AtomicU64,
    calls: AtomicU64,
}

/// What came of a request, with what its headers tell.
pub(super) type Told<T> = (Result<T, GraphError>, Signals);

impl Transport {
    pub(super) fn new(settings: &Settings, access: Access) -> Result<Self, GraphError> {
        let base = address::base(&settings.graph_url, &settings.graph_version)?;
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .default_headers(address::headers(&settings.token)?)
            .user_agent(concat!("wabacl/", env!("CARGO_PKG_VERSION")));
        if address::is_loopback(&base) {
            client = client.no_proxy();
        }
        if let Some(path) = &settings.ca_file {
            for certificate in address::certificates(path)? {
                client = client.add_root_certificate(certificate);
            }
        }
        Ok(Self {
            client: client
                .build()
                .map_err(|error| wrong_because("the connection could not be set up", error))?,
            access,
            encoded_token: address::encoded(&base, &settings.token),
            base,
            token: settings.token.clone(),
            proof: settings.app_secret.as_ref().map(|secret| address::proof(secret, &settings.token)),
            body_limit: settings.body_limit,
            request_timeout: settings.request_timeout,
            clock: settings.clock.clone(),
            requests: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        })
    }

    /// Returns how many requests were sent, and how many calls were in them.
    pub(super) fn sent(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.calls.load(Ordering::Relaxed))
    }

    /// Returns the token, for the one call that must carry it in its address (`debug_token`).
    pub(super) fn token(&self) -> &SecretString {
        &self.token
    }

    /// Sends one call as a request of its own.
    pub(super) async fn alone(&self, call: &Call) -> Told<Answer> {
        if self.access == Access::Read && call.method != Method::GET {
            return (Err(GraphError::ReadOnly), Signals::default());
        }
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => _ = segments.pop_if_empty().extend(call.path.split('/')),
            Err(()) => return (Err(wrong("the address of the Graph API has no path")), Signals::default()),
        }
        let mut request = self.client.request(call.method.clone(), url).query(&call.query);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let what = format!("{} /{}", call.method, call.path);
        match self.exchange(request, &what).await {
            Err(error) => (Err(error), Signals::default()),
            Ok((status, signals, body)) => {
                (answer::judge(status, body, &signals, |text| self.redacted(text)), signals)
            }
        }
    }

    /// Sends calls as one request. Each is judged by itself; one without an answer is [`GraphError::NoAnswer`].
    pub(super) async fn batch(&self, calls: &[&Call]) -> Told<Vec<Result<Answer, GraphError>>> {
        if self.access == Access::Read && calls.iter().any(|call| call.method != Method::GET) {
            return (Err(GraphError::ReadOnly), Signals::default());
        }
        let items: Vec<Value> = calls.iter().map(|call| call.item(&self.base)).collect();
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push("");
        }
        let request = self.client.post(url).form(&[("batch", Value::from(items).to_string())]);
        self.calls.fetch_add(calls.len() as u64, Ordering::Relaxed);
        let (status, mut signals, body) =
            match self.exchange(request, &format!("batch of {}", calls.len())).await {
                Err(error) => return (Err(error), Signals::default()),
                Ok(told) => told,
            };
        let redacted = |text: &str| self.redacted(text);
        let items = answer::judge(status, body, &signals, redacted)
            .and_then(|answer| answer::parse::<Vec<Option<BatchItem>>>(&answer, redacted));
        let items = match items {
            Ok(items) if items.len() == calls.len() => items,
            Ok(items) => {
                let what = format!("{} answers to a batch of {}", items.len(), calls.len());
                return (Err(GraphError::NotGraph { status, what }), signals);
            }
            Err(error) => return (Err(error), signals),
        };
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            answers.push(item.map_or(Err(GraphError::NoAnswer), |item| {
                let of_item = item.signals();
                signals.join(&of_item);
                answer::judge(item.code, item.body.unwrap_or_default().into_bytes(), &of_item, redacted)
            }));
        }
        (Ok(answers), signals)
    }

    /// Reads an answer as what it should be.
    pub(super) fn parse<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, GraphError> {
        answer::parse(answer, |text| self.redacted(text))
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
        what: &str,
    ) -> Result<(u16, Signals, Vec<u8>), GraphError> {
        let request = match &self.proof {
            Some(proof) => request.query(&[("appsecret_proof", proof.expose_secret())]),
            None => request,
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let started = self.clock.elapsed();
        let exchanged = self.clock.working(async {
            let response = request.send().await.map_err(unanswered)?;
            let (status, signals) = (response.status().as_u16(), Signals::of_headers(response.headers()));
            Ok((status, signals, self.body(response).await?))
        });
        let Some(told) = self.clock.within(self.request_timeout, exchanged).await else {
            return Err(GraphError::TimedOut { after: self.request_timeout });
        };
        let (status, signals, body) = told?;
        let took = self.clock.elapsed().saturating_sub(started);
        tracing::debug!("{what}: HTTP {status}, {} bytes, {took:.0?}", body.len());
        Ok((status, signals, body))
    }

    /// Takes in an answer, up to the limit.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, GraphError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(GraphError::Redirect { status: status.as_u16() });
        }
        let mut bytes = Vec::new();
        let broken = |error: reqwest::Error| GraphError::Broken { source: Arc::new(error.without_url()) };
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > self.body_limit {
                return Err(GraphError::TooLarge { limit: self.body_limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
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

/// Sorts the failure of a request that got no answer: a write that never left cannot have taken effect.
fn unanswered(error: reqwest::Error) -> GraphError {
    let error = error.without_url();
    let never_left = error.is_connect() || error.is_builder();
    let source = Arc::new(error);
    if never_left { GraphError::Unreachable { source } } else { GraphError::Broken { source } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_of_an_answer_before_that_is_cut() {
        let token = "EAA|0123456789".repeat(4);
        let mut settings = Settings::new(SecretString::from(&*token));
        settings.app_secret = Some(SecretString::from("hush"));
        let transport = Transport::new(&settings, Access::Read).unwrap();
        let redacted = |text: &str| transport.redacted(text);
        let proof = transport.proof.as_ref().unwrap().expose_secret();
        for pad in 0..600 {
            for secret in [&*token, &token.replace('|', "%7C"), proof] {
                let page = format!("<p>{}{secret}</p>", "x".repeat(pad));
                let json = format!("\"{}{secret}\"", "x".repeat(pad));
                for (status, body) in [(502, page), (200, json)] {
                    let told = answer::judge(status, body.into(), &Signals::default(), redacted)
                        .and_then(|answer| transport.parse::<Vec<Value>>(&answer))
                        .unwrap_err()
                        .to_string();
                    assert!(!told.contains(secret.get(..8).unwrap()), "{pad}: {told}");
                }
            }
        }
    }
}
