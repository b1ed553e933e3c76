//! What all requests share, and how one call is answered: limits first, then faults, then the API.

use super::Options;
use super::answer::{Answer, Content};
use super::api::{self, Reply, Scene};
use super::auth::Caller;
use super::call_log::{ForeignChange, ReadOfWaba, Record, Write};
use super::fault::{FaultKind, Faults, Instead, WaitTold};
use super::latency::Latency;
use super::limit::{Meter, Subject, Throttled};
use super::refusal::Refusal;
use super::request::Request;
use super::script::Play;
use super::server::Incoming;
use super::state_file;
use super::world::World;
use crate::clock::Clock;
use crate::model::TaskSet;
use axum::http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// What all requests share.
pub(super) struct Shared {
    pub(super) base: String,
    pub(super) clock: Clock,
    pub(super) latency: Latency,
    pub(super) state_file: Option<PathBuf>,
    pub(super) faults: Faults,
    nesting: bool,
    most_rows: usize,
    world: RwLock<World>,
    meter: Mutex<Meter>,
    record: Mutex<Record>,
    play: Mutex<Play>,
    state_error: Mutex<Option<String>>,
    traces: AtomicU64,
}

/// What answering a call came to, where nothing refused it.
struct Done {
    answer: Value,
    /// How many nested lists there are in it.
    lists: usize,
    /// What a user held before a write that took effect, and what it holds since.
    wrote: Option<(TaskSet, TaskSet)>,
}

impl Shared {
    pub(super) fn new(world: World, base: String, options: Options) -> Self {
        let now = options.clock.elapsed();
        Self {
            base,
            clock: options.clock,
            latency: options.latency,
            state_file: options.state_file,
            faults: Faults::new(options.faults),
            nesting: options.nesting,
            most_rows: options.most_rows,
            world: RwLock::new(world),
            meter: Mutex::new(Meter::new(options.limits)),
            record: Mutex::default(),
            play: Mutex::new(Play::begin(options.script, now)),
            state_error: Mutex::default(),
            traces: AtomicU64::new(0),
        }
    }

    // A panic while a lock was held is a failed request, not the end of the emulator: nothing leaves the
    // state half-changed, so the locks are taken whether or not they are poisoned.

    pub(super) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_error(&self) -> MutexGuard<'_, Option<String>> {
        self.state_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a call.
    pub(super) fn perform(&self, call: &Incoming) -> Answer {
        self.let_others_act();
        let (request, now) = (&call.request, self.clock.elapsed());
        let waba = request.managed_waba();
        let calls = request.ids().map_or(1, |ids| ids.len());
        let admitted = self.meter().admit(waba, calls, call.arrived, now);
        let result = match (admitted, call.fault.as_ref().and_then(FaultKind::instead)) {
            (Err(throttled), _) => Err(self.throttled(request, &throttled)),
            (Ok(()), None) => {
                self.answer(request, call.fault.as_ref()).map_err(|no| self.told(request, Err(no)))
            }
            (Ok(()), Some(instead)) => Err(self.instead(request, instead, now)),
        };
        if call.fault.is_none() && result.is_ok() {
            self.note_read(request);
        }
        self.note_write(request, result.as_ref().ok().and_then(|done| done.wrote.clone()));
        let mut answer = match result {
            Ok(done) => Answer { lists: done.lists, ..self.told(request, Ok(done.answer)) },
            Err(answer) => answer,
        };
        if call.fault.as_ref().is_some_and(FaultKind::loses_the_answer) {
            answer.lose(|_| Content::Lost);
        } else if call.fault == Some(FaultKind::TruncatedBody) {
            answer.lose(Content::HalfOf);
        }
        answer
    }

    /// Makes the changes that somebody else has made by now.
    pub(super) fn let_others_act(&self) {
        let now = self.clock.elapsed();
        loop {
            // No lock is held while another is asked for, but that of the world.
            let next = self.play().foreign(now);
            let Some(mut foreign) = next else { return };
            let mut world = self.world_mut();
            let Some(key) = world.pair(&mut foreign.rng, &foreign.spared) else { continue };
            let before = world.assignments().get(key).cloned().unwrap_or_default();
            let after = foreign.after(&before);
            world.assign(key, after.clone());
            drop(world);
            let at = self.clock.now().saturating_sub(now.saturating_sub(foreign.at));
            let at = at.unwrap_or_else(|_| self.clock.now());
            self.record().foreign.push(ForeignChange { key, before, after, at });
        }
    }

    /// Answers a batch, unless its token is no good or something happens to it as a whole.
    pub(super) fn perform_batch(&self, outer: &Incoming, items: impl FnOnce(&Self) -> Answer) -> Answer {
        let request = &outer.request;
        if let Some(instead) = outer.fault.as_ref().and_then(FaultKind::instead) {
            return self.instead(request, instead, self.clock.elapsed());
        }
        if request.token.is_some()
            && let Err(refusal) = Caller::of(&self.scene(&self.world()), request)
        {
            return self.told(request, Err(refusal));
        }
        let mut answer = items(self);
        answer.headers = self.headers(request, self.trace());
        match outer.fault {
            Some(FaultKind::CloseAfterEffect) => answer.lose(|_| Content::Lost),
            Some(FaultKind::TruncatedBody) => answer.lose(Content::HalfOf),
            _ => {}
        }
        answer
    }

    /// Refuses what is no request.
    pub(super) fn refuse(&self, version: &str, refusal: &Refusal) -> Answer {
        let trace = self.trace();
        let content = Content::Json(refusal.envelope(&trace).to_string());
        let headers = basic_headers(version, trace).into();
        Answer { headers, ..Answer::plain(refusal.status, content) }
    }

    fn scene<'w>(&'w self, world: &'w World) -> Scene<'w> {
        Scene {
            world,
            base: &self.base,
            now: self.clock.now(),
            nesting: self.nesting,
            most_rows: self.most_rows,
            cap: usize::MAX,
            tokens_are_over: self.play().tokens_are_over(self.clock.elapsed()),
        }
    }

    /// Answers a request, and keeps what it changes.
    fn answer(&self, request: &Request, fault: Option<&FaultKind>) -> Result<Done, Refusal> {
        if request.method != Method::GET {
            return self.write(request, fault);
        }
        let world = self.world();
        let mut scene = self.scene(&world);
        if let Some(fault) = fault {
            fault.set(&mut scene);
        }
        let (mut answer, lists) = match api::reply(scene, request)? {
            Reply::Tell(answer, lists) => (answer, lists),
            Reply::Store(..) => return Err(Refusal::unknown_object("get", &request.path.join("/"))),
        };
        if let Some(fault) = fault {
            fault.spoil(&mut answer, request.param("after"));
        }
        Ok(Done { answer, lists, wrote: None })
    }

    /// Checks and stores a write under one lock; where it cannot be kept on disk, it never happened.
    fn write(&self, request: &Request, fault: Option<&FaultKind>) -> Result<Done, Refusal> {
        let mut world = self.world_mut();
        let reply = api::reply(self.scene(&world), request)?;
        let (key, mut tasks) = match reply {
            Reply::Tell(answer, lists) => return Ok(Done { answer, lists, wrote: None }),
            Reply::Store(key, tasks) => (key, tasks),
        };
        if let Some(extra) = fault.and_then(FaultKind::extra).filter(|_| !tasks.is_empty()) {
            tasks.extend(extra);
        }
        let before = world.assign(key, tasks.clone());
        let kept =
            self.state_file.as_deref().map_or(Ok(()), |path| state_file::write(path, &world.to_yaml()));
        *self.state_error() = kept.as_ref().err().map(ToString::to_string);
        if let Err(error) = kept {
            world.assign(key, before);
            tracing::error!(%error, "a write was refused");
            return Err(Refusal::not_kept());
        }
        Ok(Done { answer: json!({ "success": true }), lists: 0, wrote: Some((before, tasks)) })
    }

    fn note_read(&self, request: &Request) {
        let is_first_page = request.method == Method::GET && request.param("after").is_none();
        if let Some(waba) = request.managed_waba().filter(|_| is_first_page) {
            let at = self.clock.now();
            self.record().reads.push(ReadOfWaba { waba, at });
        }
    }

    /// Records a write with what it did.
    fn note_write(&self, request: &Request, wrote: Option<(TaskSet, TaskSet)>) {
        let at = self.clock.now();
        if let Some((key, tasks)) = request.write() {
            let effective = wrote.is_some();
            let (before, after) = wrote.unwrap_or_else(|| {
                let held = self.world().assignments().get(key).cloned().unwrap_or_default();
                (held.clone(), held)
            });
            self.record().writes.push(Write { key, tasks, before, after, effective, at });
        }
    }

    /// Does what a fault does instead of answering.
    fn instead(&self, request: &Request, instead: Instead, now: Duration) -> Answer {
        match instead {
            Instead::Html(status) => Answer::plain(status, Content::Html),
            Instead::Refuse(refusal) => self.told(request, Err(refusal)),
            Instead::Tell(answer) => self.told(request, Ok(answer)),
            Instead::Close => Answer::plain(200, Content::Lost),
            Instead::Redirect(to) => Answer::plain(302, Content::At(to)),
            Instead::Endless => Answer::plain(200, Content::Endless),
            Instead::Throttle { waba, wait, told } => {
                let waba = request.managed_waba().filter(|_| waba);
                let subject = waba.map_or(Subject::App, Subject::Waba);
                let throttled = self.meter().throttle(subject, now, wait, told);
                self.throttled(request, &throttled)
            }
        }
    }

    fn throttled(&self, request: &Request, throttled: &Throttled) -> Answer {
        let trace = self.trace();
        let refusal = throttled.refusal();
        let content = Content::Json(refusal.envelope(&trace).to_string());
        let mut headers = basic_headers(&request.version, trace).to_vec();
        match throttled.how {
            WaitTold::Nowhere => {}
            WaitTold::InUsage => headers.extend(self.usage(request)),
            WaitTold::InRetryAfter => {
                let seconds = throttled.wait.as_millis().div_ceil(1000);
                headers.push(("retry-after", seconds.to_string()));
            }
        }
        Answer { headers, told: vec![throttled.subject], ..Answer::plain(refusal.status, content) }
    }

    /// Makes an answer that the API itself gives, with its headers.
    fn told(&self, request: &Request, answer: Result<Value, Refusal>) -> Answer {
        let trace = self.trace();
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err(refusal) => (refusal.status, refusal.envelope(&trace)),
        };
        Answer {
            headers: self.headers(request, trace),
            ..Answer::plain(status, Content::Json(body.to_string()))
        }
    }

    fn headers(&self, request: &Request, trace: String) -> Vec<(&'static str, String)> {
        let mut headers = basic_headers(&request.version, trace).to_vec();
        headers.extend(self.usage(request));
        headers
    }

    /// Returns the headers that tell how much of the limits is used.
    fn usage(&self, request: &Request) -> [(&'static str, String); 2] {
        let world = self.world();
        let token = request.token.as_ref().and_then(|token| world.tokens.get(token));
        let business = token.and_then(|token| Some(world.users.get(&token.user)?.business));
        let business = business.or(world.business()).map_or_else(|| "0".to_owned(), |id| id.to_string());
        drop(world);
        self.meter().headers(request.managed_waba(), &business, self.clock.elapsed())
    }

    /// Makes up a trace id, as Meta's look.
    fn trace(&self) -> String {
        let number = self.traces.fetch_add(1, Ordering::Relaxed);
        format!("A{:022x}", fastrand::Rng::with_seed(number).u128(..) >> 40)
    }
}

fn basic_headers(version: &str, trace: String) -> [(&'static str, String); 3] {
    [
        ("content-type", "application/json; charset=UTF-8".to_owned()),
        ("facebook-api-version", version.to_owned()),
        ("x-fb-trace-id", trace),
    ]
}
