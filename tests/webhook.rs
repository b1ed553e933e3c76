//! The webhook over real HTTP on loopback, as Meta and as strangers use it.

use crate::support::waba;
use crate::support::webhook::{
    APP_SECRET, VERIFY_TOKEN, answer, deliver, event, request, secrets, send, signature,
};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use wabacl::clock::Clock;
use wabacl::listener::Listener;
use wabacl::webhook::{self, Counts, Due, Inbox, LONGEST_BODY, QueueSettings, Webhook};

/// An endpoint, and what its sink does.
struct Endpoint {
    address: SocketAddr,
    sink: Arc<Sink>,
    counts: Box<dyn Fn() -> Counts>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

struct Sink {
    taken: Mutex<Vec<Due>>,
    fails: AtomicBool,
    /// What is handed in waits for a permit.
    gate: Semaphore,
    inbox: Inbox,
}

impl Endpoint {
    async fn start(clock: &Clock) -> Self {
        let listener =
            Listener::bind("127.0.0.1:0".parse().unwrap(), webhook::LIMITS, clock.clone()).await.unwrap();
        let address = listener.address();
        let sink = Arc::new(Sink {
            taken: Mutex::default(),
            fails: AtomicBool::new(false),
            gate: Semaphore::new(1_000_000),
            inbox: Inbox::new(QueueSettings::default(), clock.clone()),
        });
        let webhook = Webhook::new(secrets());
        let counts = Box::new(webhook.counts());
        let (stop, stopped) = oneshot::channel();
        let take = {
            let sink = Arc::clone(&sink);
            move |due| {
                let sink = Arc::clone(&sink);
                async move { sink.take(due).await }
            }
        };
        let serving = tokio::spawn(webhook.serve(listener, take, async { _ = stopped.await }));
        Self { address, sink, counts, stop, serving }
    }

    async fn real() -> Self {
        Self::start(&Clock::real()).await
    }

    async fn deliver(&self, body: &str) -> u16 {
        deliver(self.address, body).await
    }

    /// Returns what the sink has taken, one word for each WABA.
    fn taken(&self) -> Vec<String> {
        let words = |due: &Due| {
            let wabas = due.wabas.iter().map(ToString::to_string);
            wabas.chain(due.everything.then(|| String::from("everything"))).collect::<Vec<_>>().join(" ")
        };
        self.sink.taken.lock().unwrap().iter().map(words).collect()
    }

    /// Stops, and returns the counts.
    async fn stop(self) -> Counts {
        drop(self.stop);
        self.serving.await.unwrap();
        (self.counts)()
    }
}

impl Sink {
    async fn take(&self, due: Due) -> Result<(), String> {
        self.gate.acquire().await.unwrap().forget();
        if self.fails.load(Ordering::Relaxed) {
            return Err(String::from("the store is away"));
        }
        self.inbox.add(&due);
        self.taken.lock().unwrap().push(due);
        Ok(())
    }
}

/// Runs on a clock that jumps while all tasks wait.
fn simulated<F: Future>(run: impl FnOnce(Clock) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::simulated(jiff::Timestamp::UNIX_EPOCH);
    runtime.block_on(async { clock.clone().run(run(clock)).await })
}

#[tokio::test]
async fn a_signed_event_is_taken_before_it_is_answered() {
    let endpoint = Endpoint::real().await;
    assert_eq!(endpoint.deliver(&event("PARTNER_ADDED", "500")).await, 200);
    assert_eq!(endpoint.taken(), ["500"]);
    assert_eq!(endpoint.deliver(&event("PARTNER_APP_INSTALLED", "501")).await, 200);
    let solution = event("SOLUTION_UPDATED", "502").replace("account_update", "partner_solutions");
    assert_eq!(endpoint.deliver(&solution).await, 200);
    assert_eq!(endpoint.taken(), ["500", "501", "everything"]);
    assert_eq!(endpoint.stop().await, Counts { accepted: 3, events: 3, ..Counts::default() });
}

#[tokio::test]
async fn nothing_is_answered_before_the_sink_is_done() {
    let endpoint = Endpoint::real().await;
    endpoint.sink.gate.forget_permits(1_000_000);
    let delivery = tokio::spawn(deliver(endpoint.address, event("PARTNER_ADDED", "500").leak()));
    // Another one is answered meanwhile, so the first has had the time to be.
    assert_eq!(endpoint.deliver(&event("ACCOUNT_VIOLATION", "500")).await, 200);
    assert!(!delivery.is_finished());
    endpoint.sink.gate.add_permits(1);
    assert_eq!(delivery.await.unwrap(), 200);
    assert_eq!(endpoint.taken(), ["500"]);
}

#[tokio::test]
async fn without_the_right_signature_nothing_is_taken() {
    let endpoint = Endpoint::real().await;
    let body = event("PARTNER_ADDED", "500");
    let right = signature(&body);
    let digits = right.strip_prefix("sha256=").unwrap();
    let other = webhook::sign(body.as_bytes(), &"another secret".into());
    let wrong: Vec<String> = [
        String::new(),
        other,
        format!("sha256={}", "0".repeat(64)),
        signature(&event("PARTNER_ADDED", "501")),
        digits.to_owned(),
        format!("sha1={digits}"),
        format!("{right}0"),
        right[..right.len() - 1].to_owned(),
        format!("{right}\r\nX-Hub-Signature-256: {right}"),
    ]
    .iter()
    .map(|signature| request(&body, signature))
    .chain([
        request(&body, &right).replace("X-Hub-Signature-256", "X-Hub-Signature"),
        request(&body, &right).replace("PARTNER_ADDED", "PARTNER_added"),
        request(&body, &right).replace("\"500\"", "\"501\""),
    ])
    .collect();
    for request in &wrong {
        assert_eq!(send(endpoint.address, request).await, (401, String::new()), "{request}");
    }
    assert_eq!(endpoint.taken(), [""; 0]);
    let unsigned = wrong.len() as u64;
    assert_eq!(endpoint.stop().await, Counts { unsigned, ..Counts::default() });
}

#[tokio::test]
async fn an_oversized_body_is_refused_before_it_is_read() {
    let endpoint = Endpoint::real().await;
    let right = signature("{}");
    let head = |signature: &str, length: &str| {
        format!("POST /webhook HTTP/1.1\r\nX-Hub-Signature-256: {signature}\r\n{length}\r\n\r\n")
    };
    // Only the heads are sent: the answer does not wait for the body.
    let announced = head(&right, &format!("Content-Length: {}", LONGEST_BODY + 1));
    assert_eq!(send(endpoint.address, &announced).await, (413, String::new()));
    let unsigned = head("sha256=", &format!("Content-Length: {LONGEST_BODY}"));
    assert_eq!(send(endpoint.address, &unsigned).await, (401, String::new()));
    // One that does not announce its length is cut off at the limit.
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
    let chunked = head(&right, "Transfer-Encoding: chunked") + &chunk.repeat(LONGEST_BODY / (64 * 1024) + 1);
    assert_eq!(send(endpoint.address, &chunked).await, (413, String::new()));
    assert_eq!(endpoint.taken(), [""; 0]);
    assert_eq!(endpoint.stop().await, Counts { refused: 2, unsigned: 1, ..Counts::default() });
}

#[tokio::test]
async fn a_body_of_the_greatest_length_is_taken() {
    let endpoint = Endpoint::real().await;
    let body = event("PARTNER_ADDED", "500");
    let body = format!("{}{}", " ".repeat(LONGEST_BODY - body.len()), body);
    assert_eq!(endpoint.deliver(&body).await, 200);
    assert_eq!(endpoint.taken(), ["500"]);
}

#[test]
fn a_slow_body_is_cut_off() {
    simulated(async |clock| {
        let endpoint = Endpoint::start(&clock).await;
        let body = event("PARTNER_ADDED", "500");
        let (head, _) = request(&body, &signature(&body))
            .split_once("\r\n\r\n")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        let stream = clock
            .working(async {
                let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
                stream.write_all(format!("{head}\r\nExpect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
                let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
                // It is sent once the body is being read.
                stream.read_exact(&mut go_on).await.unwrap();
                stream.write_all(&body.as_bytes()[..20]).await.unwrap();
                stream
            })
            .await;
        assert_eq!(
            (answer(stream).await, clock.elapsed()),
            ((408, String::new()), webhook::LIMITS.body_time)
        );
        assert_eq!(endpoint.taken(), [""; 0]);
    });
}

#[test]
fn a_sink_that_hangs_is_cut_off_and_meta_repeats() {
    simulated(async |clock| {
        let endpoint = Endpoint::start(&clock).await;
        endpoint.sink.gate.forget_permits(1_000_000);
        assert_eq!(endpoint.deliver(&event("PARTNER_ADDED", "500")).await, 503);
        assert_eq!(clock.elapsed(), Duration::from_secs(8));
        endpoint.sink.gate.add_permits(1);
        assert_eq!(clock.working(endpoint.deliver(&event("PARTNER_ADDED", "500"))).await, 200);
        assert_eq!(endpoint.taken(), ["500"]);
    });
}

#[tokio::test]
async fn a_delivery_that_the_sink_does_not_take_can_be_repeated() {
    let endpoint = Endpoint::real().await;
    let body = event("PARTNER_ADDED", "500");
    endpoint.sink.fails.store(true, Ordering::Relaxed);
    assert_eq!(send(endpoint.address, &request(&body, &signature(&body))).await, (503, String::new()));
    endpoint.sink.fails.store(false, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(endpoint.deliver(&body).await, 200);
    }
    assert_eq!(endpoint.taken(), ["500", "500", "500"]);
    assert_eq!(endpoint.sink.inbox.waiting(), 1, "they are one");
    assert_eq!(endpoint.stop().await, Counts { accepted: 3, events: 3, failed: 1, ..Counts::default() });
}

#[tokio::test]
async fn other_events_are_answered_and_not_taken() {
    let endpoint = Endpoint::real().await;
    for body in [
        event("ACCOUNT_VIOLATION", "500"),
        event("PARTNER_ADDED", "500").replace("account_update", "messages"),
        String::from("{}"),
        String::from("[7]"),
    ] {
        assert_eq!(endpoint.deliver(&body).await, 200, "{body}");
    }
    for body in ["", "{", "hub=1", "\u{0}"] {
        assert_eq!(endpoint.deliver(body).await, 400, "{body}");
    }
    assert_eq!(endpoint.taken(), [""; 0]);
    assert_eq!(endpoint.stop().await, Counts { accepted: 4, ignored: 4, refused: 4, ..Counts::default() });
}

/// 2,000 WABAs, each in a delivery of its own: what waits is bounded, and a whole round is due.
#[test]
fn a_flood_makes_a_whole_round_due() {
    simulated(async |clock| {
        let endpoint = Endpoint::start(&clock).await;
        let most = QueueSettings::default().most;
        clock
            .working(async {
                for waba in 0..3 * most {
                    assert_eq!(
                        endpoint.deliver(&event("PARTNER_ADDED", &(500 + waba).to_string())).await,
                        200
                    );
                }
            })
            .await;
        assert_eq!(endpoint.sink.inbox.waiting(), most);
        let due = endpoint.sink.inbox.next().await;
        assert!(due.everything && due.wabas.len() == most && due.wabas.contains(&waba("500")));
        assert_eq!(clock.elapsed(), QueueSettings::default().window);
        // The same again, as whoever saw them could send it: nothing is due before the pauses are over.
        clock
            .working(async {
                for waba in 0..most {
                    assert_eq!(
                        endpoint.deliver(&event("PARTNER_ADDED", &(500 + waba).to_string())).await,
                        200
                    );
                }
            })
            .await;
        let due = endpoint.sink.inbox.next().await;
        assert!(due.everything && clock.elapsed() >= QueueSettings::default().round_pause, "{due:?}");
    });
}

fn handshake(query: &str) -> String {
    format!("GET /webhook?{query} HTTP/1.1\r\nHost: hooks.example.com\r\n\r\n")
}

#[tokio::test]
async fn the_handshake_answers_the_challenge_to_the_right_token() {
    let endpoint = Endpoint::real().await;
    let right = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={VERIFY_TOKEN}");
    let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
    stream.write_all(handshake(&right).as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/plain"), "{head}");
    assert_eq!(body, "1158201444");
    let wrong = [
        String::new(),
        right.replace(VERIFY_TOKEN, ""),
        right.replace(VERIFY_TOKEN, APP_SECRET),
        right.replace(VERIFY_TOKEN, &VERIFY_TOKEN[1..]),
        right.replace(VERIFY_TOKEN, &VERIFY_TOKEN.to_uppercase()),
        right.replace("subscribe", "unsubscribe"),
        right.replace("1158201444", "%3Cscript%3E"),
        right.replace("1158201444", &"1".repeat(1_000)),
        format!("{right}&hub.verify_token=x"),
    ];
    for query in &wrong {
        assert_eq!(send(endpoint.address, &handshake(query)).await, (403, String::new()), "{query}");
    }
    let unverified = wrong.len() as u64;
    assert_eq!(endpoint.stop().await, Counts { verified: 1, unverified, ..Counts::default() });
}

#[tokio::test]
async fn there_is_nothing_else() {
    let endpoint = Endpoint::real().await;
    let body = event("PARTNER_ADDED", "500");
    let posted = request(&body, &signature(&body));
    for path in [
        "/",
        "/webhook/",
        "//webhook",
        "/Webhook",
        "/webhook%2f",
        "/webhooks",
        "/x/../webhook",
        "/healthz",
        "/metrics",
        "/status",
    ] {
        let posted = posted.replacen("/webhook", path, 1);
        assert_eq!(send(endpoint.address, &posted).await, (404, String::new()), "{path}");
        let got = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(send(endpoint.address, &got).await, (404, String::new()), "{path}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post"] {
        let other = posted.replacen("POST", method, 1);
        assert_eq!(send(endpoint.address, &other).await, (405, String::new()), "{method}");
    }
    let (status, _) = send(endpoint.address, "GET /webhook HTTP/9.9\r\n\r\n").await;
    assert_eq!(status, 400);
    assert_eq!(endpoint.taken(), [""; 0]);
    assert_eq!(endpoint.stop().await, Counts::default());
}

/// Many at a time: each is answered, none is lost.
#[tokio::test]
async fn deliveries_at_the_same_time_are_all_taken() {
    let endpoint = Endpoint::real().await;
    let to = endpoint.address;
    let deliveries = (0..200).map(|waba| {
        tokio::spawn(async move { deliver(to, &event("PARTNER_ADDED", &(500 + waba).to_string())).await })
    });
    for delivery in deliveries.collect::<Vec<_>>() {
        assert_eq!(delivery.await.unwrap(), 200);
    }
    assert_eq!(endpoint.taken().len(), 200);
}
