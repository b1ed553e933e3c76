use super::*;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Runs on a runtime with one thread and a clock that jumps while all tasks wait.
fn simulated<T, F: Future<Output = T>>(run: impl FnOnce(Clock) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::simulated(jiff::Timestamp::UNIX_EPOCH);
    runtime.block_on(async { clock.clone().run(run(clock)).await })
}

const LIMITS: Limits = Limits {
    connections: 2,
    head: 8 * 1024,
    headers: 8,
    bodies: 4_000,
    head_time: Duration::from_secs(5),
    body_time: Duration::from_secs(10),
    answer_time: Duration::from_secs(30),
};

/// The most bytes that the handler of the tests takes.
const LONGEST: usize = 1_000;

/// The connections of a test, without sockets: what arrives does not depend on the system.
struct Peer {
    clock: Clock,
    bodies: Arc<Semaphore>,
    /// The bodies that the handler got.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), bodies: Arc::new(Semaphore::new(LIMITS.bodies)), seen: Arc::default() }
    }

    /// Opens a connection.
    fn connect(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (clock, bodies, seen) = (self.clock.clone(), Arc::clone(&self.bodies), Arc::clone(&self.seen));
        let handler = {
            let clock = clock.clone();
            move |request: Request| {
                let (clock, seen) = (clock.clone(), Arc::clone(&seen));
                async move {
                    if request.path() == "/slow" {
                        clock.sleep(Duration::from_secs(3600)).await;
                    }
                    if request.path() == "/unread" {
                        return Response::text(StatusCode::OK, "text/plain", request.query().to_owned());
                    }
                    match request.body(LONGEST).await {
                        Ok(body) => {
                            seen.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
                            Response::text(StatusCode::OK, "text/plain", "thanks")
                        }
                        Err(error) => Response::empty(error.status()),
                    }
                }
            }
        };
        tokio::spawn(connection::serve(far, LIMITS, clock, bodies, handler));
        near
    }

    /// Sends bytes, and returns what is answered until the connection is closed, and when that was.
    async fn send(&self, bytes: &[u8]) -> (String, Duration) {
        let mut stream = self.connect();
        // A peer may close before it has read all.
        let _ = stream.write_all(bytes).await;
        self.rest(stream).await
    }

    async fn rest(&self, mut stream: DuplexStream) -> (String, Duration) {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        (String::from_utf8(answer).unwrap(), self.clock.elapsed())
    }
}

/// Returns the status of an answer.
fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").map_or("", |rest| &rest[..3])
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").into_bytes()
}

#[test]
fn a_request_is_answered_and_the_connection_closed() {
    simulated(async |clock| {
        let peer = Peer::new(&clock);
        let two = [post("/", "Content-Length: 5\r\n", "hello"), post("/", "Content-Length: 5\r\n", "again")];
        let (answer, at) = peer.send(&two.concat()).await;
        assert_eq!((status(&answer), at), ("200", Duration::ZERO));
        assert!(answer.contains("connection: close\r\n") && answer.ends_with("\r\n\r\nthanks"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "the second request is not answered");
        let (answer, _) =
            peer.send(&post("/", "Transfer-Encoding: chunked\r\n", "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")).await;
        assert_eq!(status(&answer), "200");
        let (answer, _) = peer.send(b"GET /unread?a=%20 HTTP/1.0\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("\r\n\r\na=%20"), "{answer}");
        assert_eq!(*peer.seen.lock().unwrap(), ["hello", "abc"]);
    });
}

#[test]
fn a_body_of_another_length_is_not_taken() {
    simulated(async |clock| {
        let peer = Peer::new(&clock);
        let long = "x".repeat(LONGEST + 1);
        for (what, bytes, expected) in [
            // Nothing of it was sent: it is refused by its length alone.
            ("announced", post("/", &format!("Content-Length: {}\r\n", LONGEST + 1), ""), "413"),
            ("absurd", post("/", "Content-Length: 18446744073709551615\r\n", ""), "431"),
            ("large", post("/", "Content-Length: 9223372036854775807\r\n", ""), "413"),
            (
                "sent",
                post("/", "Transfer-Encoding: chunked\r\n", &format!("3e9\r\n{long}\r\n0\r\n\r\n")),
                "413",
            ),
            ("negative", post("/", "Content-Length: -1\r\n", ""), "400"),
            ("two", post("/", "Content-Length: 1\r\nContent-Length: 2\r\n", "a"), "400"),
            ("chunk", post("/", "Transfer-Encoding: chunked\r\n", "zz\r\n"), "400"),
        ] {
            let (answer, at) = peer.send(&bytes).await;
            assert_eq!((status(&answer), at), (expected, Duration::ZERO), "{what}");
        }
        let exact = "x".repeat(LONGEST);
        let (answer, _) = peer.send(&post("/", &format!("Content-Length: {LONGEST}\r\n"), &exact)).await;
        assert_eq!(status(&answer), "200");
        assert_eq!(*peer.seen.lock().unwrap(), [exact]);
    });
}

#[test]
fn a_body_that_breaks_off_never_reaches_the_handler() {
    simulated(async |clock| {
        let peer = Peer::new(&clock);
        let mut stream = peer.connect();
        stream.write_all(&post("/", "Content-Length: 10\r\n", "half")).await.unwrap();
        stream.shutdown().await.unwrap();
        let (answer, at) = peer.rest(stream).await;
        assert!(matches!(status(&answer), "" | "400") && at.is_zero(), "{answer}");
        assert!(peer.seen.lock().unwrap().is_empty());
    });
}

#[test]
fn what_is_too_slow_is_cut_off() {
    simulated(async |clock| {
        let peer = Peer::new(&clock);
        let (answer, at) = peer.send(b"").await;
        assert_eq!((answer.as_str(), at), ("", LIMITS.head_time), "no request");
        let (answer, at) = peer.send(b"POST / HTTP/1.1\r\nHos").await;
        assert_eq!((answer.as_str(), at), ("", 2 * LIMITS.head_time), "half a head");
        let before = clock.elapsed();
        let (answer, at) = peer.send(&post("/", "Content-Length: 10\r\n", "half")).await;
        assert_eq!((status(&answer), at), ("408", before + LIMITS.body_time), "half a body");
        let before = clock.elapsed();
        let (answer, at) = peer.send(b"GET /slow HTTP/1.1\r\n\r\n").await;
        assert_eq!(
            (answer.as_str(), at),
            ("", before + LIMITS.body_time + LIMITS.answer_time),
            "a slow handler"
        );
        assert!(peer.seen.lock().unwrap().is_empty());
    });
}

/// One byte a second keeps a connection busy, but does not extend its time.
#[test]
fn a_trickle_is_cut_off_too() {
    simulated(async |clock| {
        let peer = Peer::new(&clock);
        for (head, limit) in
            [("", LIMITS.head_time), ("POST / HTTP/1.1\r\nContent-Length: 999\r\n\r\n", LIMITS.body_time)]
        {
            let before = clock.elapsed();
            let (mut from, mut to) = tokio::io::split(peer.connect());
            to.write_all(head.as_bytes()).await.unwrap();
            let trickle = async {
                while to.write_all(b"P").await.is_ok() {
                    clock.sleep(Duration::from_secs(1)).await;
                }
            };
            let mut answer = Vec::new();
            let read = async {
                from.read_to_end(&mut answer).await.unwrap();
                clock.elapsed()
            };
            let ((), ended) = tokio::join!(trickle, read);
            assert_eq!(ended, before + limit);
        }
    });
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    simulated(async |clock| {
        let peer = Peer::new(&clock);
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(LIMITS.head));
        let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(LIMITS.head));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(LIMITS.headers + 1));
        for (what, bytes, expected) in [
            ("path", long.as_bytes(), ["431", "414"]),
            ("header", large.as_bytes(), ["431", "431"]),
            ("headers", many.as_bytes(), ["431", "431"]),
            ("TLS", &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], ["400", "400"]),
            ("HTTP/2", &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], ["", "505"]),
        ] {
            let (answer, at) = peer.send(bytes).await;
            assert!(expected.contains(&status(&answer)) && at.is_zero(), "{what}: {answer} at {at:?}");
            assert!(answer.is_empty() || answer.ends_with("\r\n\r\n"), "{what} is not quoted: {answer}");
        }
    });
}

/// All bodies together take no more than the limit. Announced lengths take nothing from others.
#[test]
fn the_memory_of_all_bodies_is_bounded() {
    simulated(async |clock| {
        let peer = Peer::new(&clock);
        let most = format!("Content-Length: {LONGEST}\r\n");
        let mut slow = Vec::new();
        for sent in [0, LONGEST - 1, LONGEST - 1, LONGEST - 1, LONGEST - 1] {
            let mut stream = peer.connect();
            stream.write_all(&post("/", &most, &"x".repeat(sent))).await.unwrap();
            slow.push(stream);
        }
        let (answer, at) = peer.send(&post("/", "Content-Length: 5\r\n", "hello")).await;
        assert_eq!((status(&answer), at), ("503", Duration::ZERO), "four bytes are left");
        let (answer, _) = peer.send(&post("/", "Content-Length: 4\r\n", "fits")).await;
        assert_eq!(status(&answer), "200");
        for stream in slow {
            assert_eq!(status(&peer.rest(stream).await.0), "408");
        }
        let (answer, _) = peer.send(&post("/", "Content-Length: 5\r\n", "hello")).await;
        assert_eq!(status(&answer), "200", "the memory is free again");
        assert_eq!(*peer.seen.lock().unwrap(), ["fits", "hello"]);
        assert_eq!(peer.bodies.available_permits(), LIMITS.bodies);
    });
}

#[test]
fn a_header_that_is_there_twice_counts_as_none() {
    let request = |headers: &[(&'static str, &str)]| {
        simulated(async |clock| {
            let seen = Arc::new(Mutex::new(None));
            let (mut near, far) = tokio::io::duplex(1024);
            let handler = {
                let seen = Arc::clone(&seen);
                move |request: Request| {
                    *seen.lock().unwrap() = Some(request.header("x-sign").map(<[u8]>::to_vec));
                    async { Response::empty(StatusCode::OK) }
                }
            };
            let serving = connection::serve(far, LIMITS, clock.clone(), Arc::new(Semaphore::new(1)), handler);
            let line = |text: String, (name, value): &(&str, &str)| format!("{text}{name}: {value}\r\n");
            let lines = headers.iter().fold(String::new(), line);
            near.write_all(format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes()).await.unwrap();
            near.shutdown().await.unwrap();
            serving.await;
            let seen = seen.lock().unwrap().take();
            seen.expect("the handler is called")
        })
    };
    assert_eq!(request(&[("X-Sign", "a")]), Some(b"a".to_vec()));
    assert_eq!(request(&[]), None);
    assert_eq!(request(&[("X-Sign", "a"), ("x-sign", "a")]), None);
}

/// With all connections taken, further ones wait; none is refused.
#[test]
fn connections_are_bounded() {
    simulated(async |clock| {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), LIMITS, clock.clone()).await.unwrap();
        let address = listener.address();
        let served = Arc::new(Mutex::new(0));
        let handler = {
            let served = Arc::clone(&served);
            move |_: Request| {
                *served.lock().unwrap() += 1;
                async { Response::empty(StatusCode::OK) }
            }
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(listener.serve(handler, async { _ = stopped.await }));
        // The clock stands still, so the two that send nothing stay.
        let (idle, mut third) = clock
            .working(async {
                let idle =
                    [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
                let mut third = TcpStream::connect(address).await.unwrap();
                third.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
                for _ in 0..1_000 {
                    tokio::task::yield_now().await;
                }
                (idle, third)
            })
            .await;
        assert_eq!(*served.lock().unwrap(), 0);
        let mut answer = Vec::new();
        third.read_to_end(&mut answer).await.unwrap();
        assert_eq!(status(&String::from_utf8(answer).unwrap()), "200");
        assert_eq!(clock.elapsed(), LIMITS.head_time, "the idle ones were cut off");
        drop((idle, stop));
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
    });
}
