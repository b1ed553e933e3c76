//! A server that sends answers from a file, and the client that reads them.
//!
//! An input is a list of answers. Each begins with a line `=== METHOD PATH`. Then come the status line without the
//! protocol, the headers, an empty line and the body. The n-th call gets the n-th answer for its method and path, and
//! later calls get the last one. A batch gets the answer for `POST /`, or one with the answers for its items.

use super::panics;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wabacl::clock::Clock;
use wabacl::graph::{
    DirectoryRequest, GraphClient, GraphError, ObserveRequest, ReadStrategy, RunSettings, Settings,
};
use wabacl::model::{ScopeForecast, TaskSet, causes};

const BEGIN: &str = "2026-11-26T12:00:00Z";
const TOKEN: &str = "EAAfuzzedTokenOfNobody0123456789";
const BUSINESS: &str = "10";
const USERS: [&str; 2] = ["101", "102"];
const WABAS: [&str; 3] = ["500", "501", "502"];

/// What the client made of the answers of an input.
#[derive(Debug, Default)]
pub(crate) struct ApiRead {
    /// Whether the lists could be read.
    pub(crate) accepted: bool,
    /// Everything that it says about them.
    pub(crate) said: String,
    /// The number of requests that the server got.
    pub(crate) requests: usize,
}

/// Reads and writes with the client, against a server that sends the answers of an input.
///
/// # Panics
///
/// If the client panics, in whichever task, or says its token.
pub(crate) fn read(input: &[u8], strategy: ReadStrategy) -> ApiRead {
    let answers = Answers::parse(input);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let read = panics::rethrown(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let clock = Clock::simulated(BEGIN.parse().expect("a timestamp"));
        let reading = clock.run(read_answers(answers, strategy, clock.clone()));
        tracing::subscriber::with_default(subscriber, || runtime.block_on(reading))
    });
    let mut read = read.expect("a server on this machine can be used");
    read.said += &String::from_utf8_lossy(&lock(&log.0));
    assert!(!read.said.contains(TOKEN), "the client says its token");
    read
}

async fn read_answers(answers: Answers, strategy: ReadStrategy, clock: Clock) -> io::Result<ApiRead> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut settings = Settings::new(TOKEN.into());
    settings.graph_url = format!("http://{}", listener.local_addr()?);
    settings.clock = clock;
    let run = RunSettings { read_strategy: strategy, jitter: Some(1), ..RunSettings::default() };
    let client = GraphClient::new(&settings).expect("the settings can be used");
    let answers = Arc::new(Mutex::new(answers));
    let mut read = ApiRead::default();
    tokio::select! {
        biased;
        () = use_client(&client, &run, &mut read) => {}
        error = serve(listener, Arc::clone(&answers)) => return Err(error),
    }
    read.requests = lock(&answers).requests;
    Ok(read)
}

/// Makes each kind of call.
async fn use_client(client: &GraphClient, run: &RunSettings, read: &mut ApiRead) {
    let reader = client.reader(run);
    let (wabas, users) = (WABAS.map(id), USERS.map(id));
    read.note("the token", &reader.token_info().await);
    read.note("me", &reader.me().await);
    let mut request = DirectoryRequest::new(id(BUSINESS));
    (request.declared, request.solutions_of) = (wabas.to_vec(), wabas[..2].to_vec());
    request.app = Some(id("67"));
    let forecast = ScopeForecast::of(wabas).and_discovered(|_, name, _| name.as_str().starts_with('N'));
    let (directory, prefetched) = match reader.prefetch(&request, &forecast, &|_| ()).await {
        Ok(lists) => lists,
        Err(error) => return read.note::<()>("the lists", &Err(error)),
    };
    read.accepted = true;
    read.note("the directory", &Ok(&directory));
    let in_scope: Vec<_> = directory.wabas.keys().chain(&wabas).copied().collect();
    let expected = wabas.iter().map(|waba| (*waba, users.to_vec())).collect();
    let request = ObserveRequest {
        asks_users: true,
        directory: &directory,
        wabas: &in_scope,
        expected: &expected,
        suspended: &users.into_iter().collect(),
        has_lists: true,
    };
    read.note("the assignments", &reader.observe(&request, prefetched, &|_| ()).await);
    read.note("a WABA", &reader.assignments(&directory, wabas[0]).await);
    let writer = client.writer(&reader);
    let mut tasks = TaskSet::EMPTY;
    tasks.insert_name("MANAGE");
    read.note("an assignment", &writer.assign(wabas[0], users[0], &tasks).await);
    read.note("a removal", &writer.revoke(wabas[0], users[1]).await);
}

impl ApiRead {
    /// Notes a result as far as users can see it: errors with their causes and hints, values as they are.
    fn note<T: std::fmt::Debug>(&mut self, what: &str, result: &Result<T, GraphError>) {
        let text = match result {
            Ok(value) => format!("{what}: {value:?}\n"),
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                format!("{what}: {}; {hint}\n", causes(error).collect::<Vec<_>>().join(": "))
            }
        };
        self.said += &text;
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(digits: &str) -> T {
    digits.parse().expect("an id")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what is logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The answers of a server.
#[derive(Debug, Default)]
struct Answers {
    /// By method and path, in their order, with the number of those that were sent.
    by_call: BTreeMap<Vec<u8>, (Vec<Answer>, usize)>,
    requests: usize,
}

#[derive(Debug, Clone, Default)]
struct Answer {
    status: Vec<u8>,
    /// Whole lines, without their ends.
    headers: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Answers {
    fn parse(input: &[u8]) -> Self {
        let mut answers = Self::default();
        let mut lines = input.split_inclusive(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            let Some(call) = line.strip_prefix(b"=== ") else { continue };
            let mut block = std::iter::from_fn(|| lines.next_if(|line| !line.starts_with(b"=== ")));
            let status = block.next().unwrap_or_default().trim_ascii().to_vec();
            let head = block.by_ref().map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
            let headers = head.map(<[u8]>::to_vec).collect();
            let body = block.collect::<Vec<_>>().concat();
            let call = call.trim_ascii().to_vec();
            answers.by_call.entry(call).or_default().0.push(Answer { status, headers, body });
        }
        answers
    }

    /// Returns the next answer for a call.
    fn next(&mut self, method: &str, path: &str) -> Option<Answer> {
        let (answers, sent) = self.by_call.get_mut(format!("{method} {path}").as_bytes())?;
        let answer = answers.get(*sent).or(answers.last())?;
        *sent += 1;
        Some(answer.clone())
    }

    /// Returns the answer to a request.
    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.requests += 1;
        let known = self.next(method, path);
        match known {
            Some(answer) => answer,
            None if method == "POST" && path == "/" => self.batch(body),
            None => Answer { status: b"404 Not Found".to_vec(), body: NOT_FOUND.into(), ..Answer::default() },
        }
    }

    /// Answers each item of a batch.
    fn batch(&mut self, body: &[u8]) -> Answer {
        let field = form_urlencoded::parse(body).find(|(name, _)| name == "batch");
        let items = field.and_then(|(_, value)| serde_json::from_str::<Vec<Value>>(&value).ok());
        let answers: Vec<Value> = items.unwrap_or_default().iter().map(|item| self.item(item)).collect();
        Answer {
            status: b"200 OK".to_vec(),
            body: Value::from(answers).to_string().into(),
            ..Answer::default()
        }
    }

    fn item(&mut self, item: &Value) -> Value {
        let method = item["method"].as_str().unwrap_or_default();
        let answer = self.answer(method, &path(item["relative_url"].as_str().unwrap_or_default()), b"");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = text(&answer.status).split(' ').next().and_then(|code| code.parse::<u16>().ok());
        let header = |line: &Vec<u8>| {
            let line = text(line);
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            json!({ "name": name, "value": value.trim() })
        };
        let headers: Vec<Value> = answer.headers.iter().map(header).collect();
        json!({ "code": code, "headers": headers, "body": text(&answer.body) })
    }
}

const NOT_FOUND: &str =
    r#"{"error":{"message":"no such object","type":"GraphMethodException","code":100,"error_subcode":33}}"#;

/// Returns the path of an address below the version: `/` for the version itself.
fn path(address: &str) -> String {
    let path = address.split('?').next().unwrap_or_default().trim_start_matches('/');
    let below = path.split_once('/').map_or("", |(_, below)| below);
    if below.is_empty() { String::from("/") } else { below.to_owned() }
}

/// Serves each connection, and returns the error that ends it.
async fn serve(listener: TcpListener, answers: Arc<Mutex<Answers>>) -> io::Error {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let answers = Arc::clone(&answers);
                // A client that gives up is no fault of the server.
                tokio::spawn(async move { _ = respond(stream, &answers).await });
            }
            Err(error) => return error,
        }
    }
}

/// Answers one request, and closes the connection: whatever the headers promise, nothing else comes.
async fn respond(mut stream: TcpStream, answers: &Mutex<Answers>) -> io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    while request.len() < head + length.unwrap_or(0) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    let (method, address) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let answer = lock(answers).answer(method, &path(address), &request[head..]);
    stream.write_all(&answer.bytes()).await?;
    stream.shutdown().await
}

impl Answer {
    fn bytes(&self) -> Vec<u8> {
        let length = format!("content-length: {}", self.body.len());
        let head = [&b"HTTP/1.1 "[..], &self.status].concat();
        let lines = std::iter::once(&head).chain(&self.headers).map(Vec::as_slice);
        let lines: Vec<&[u8]> = lines.chain([length.as_bytes(), b"connection: close", b"", b""]).collect();
        [lines.join(&b"\r\n"[..]), self.body.clone()].concat()
    }
}
