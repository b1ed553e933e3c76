//! The pages of a reconciler over HTTP: only GET, and nothing that changes anything.

use super::board::Board;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::clock::Clock;
use crate::listener::{Limits, Listener, Method, Request, Response, StatusCode};
use crate::redact;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Listens on an address.
pub(super) async fn bind(address: SocketAddr, limits: Limits) -> Result<Listener, Failure> {
    let listener = Listener::bind(address, limits, Clock::real()).await;
    listener.map_err(|error| {
        let failure = Failure::failed(&format!("listening on {address}"), error);
        Failure { exit: Exit::Failed, ..failure }.hint("name an address of this machine and a free port")
    })
}

/// Answers requests until `stop` is ready.
pub(super) async fn serve(listener: Listener, board: Arc<Board>, stop: impl Future<Output = ()>) {
    let is_local = listener.address().ip().is_loopback();
    let handler = move |request: Request| {
        let board = Arc::clone(&board);
        async move { answer(&request, &board, is_local) }
    };
    listener.serve(handler, stop).await;
}

fn answer(request: &Request, board: &Board, is_local: bool) -> Response {
    // A web page can make its own name lead to this machine, and so read what only this machine may.
    if is_local && !request.header("host").is_some_and(is_local_host) {
        return text(StatusCode::FORBIDDEN, "the host of this address is localhost");
    }
    if *request.method() != Method::GET {
        return Response::not_allowed("GET");
    }
    match request.path() {
        "/healthz" => match board.stuck() {
            None => text(StatusCode::OK, "ok"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, &why),
        },
        "/readyz" => match board.unready() {
            None => text(StatusCode::OK, "ok"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        "/metrics" => {
            let metrics = redact::text(&board.metrics()).into_owned();
            Response::text(StatusCode::OK, METRICS, metrics)
        }
        "/status" => Response::text(StatusCode::OK, JSON, board.status()),
        "/" => match board.last_page() {
            Some(page) => Response::text(StatusCode::OK, HTML, page.to_vec()),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "no plan has been made yet; see /status"),
        },
        _ => text(StatusCode::NOT_FOUND, "there are /, /status, /metrics, /healthz and /readyz"),
    }
}

fn text(status: StatusCode, line: &str) -> Response {
    Response::text(status, TEXT, format!("{line}\n"))
}

/// Returns whether the value of a `Host` header names this machine: `localhost`, or a loopback address, with any port.
fn is_local_host(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost", "LOCALHOST:9464", "127.0.0.1", "127.0.0.2:80", "[::1]", "[::1]:9464"] {
            assert!(is_local_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:9464",
            "localhost:80:80",
            "10.0.0.1",
            "[::2]",
            "\u{ff}",
        ] {
            assert!(!is_local_host(host.as_bytes()), "{host}");
        }
    }
}
