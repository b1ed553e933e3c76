//! Handling of a call: limits first, then faults, then the API.

use super::event_log::{LoggedRead, LoggedWrite};
use super::response::{CallResponse, Content};
use super::state::ServerState;
use crate::emulator::api::{self, ApiRequest, Caller, Context, DEFAULT_VERSION, Rejection, Reply, Write};
use crate::emulator::faults::{FaultKind, LimitScope, Replacement, Throttled, WaitHint};
use crate::emulator::world::{World, state_file};
use crate::model::{AssignmentKey, TaskSet, UserId, WabaId, chain};
use axum::http::Method;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// A call with its time of arrival and its fault.
pub(crate) struct IncomingCall {
    pub(crate) request: ApiRequest,
    pub(crate) arrived: Duration,
    pub(crate) fault: Option<FaultKind>,
}

/// The result of a call that was neither refused nor replaced.
struct Completed {
    body: Value,
    nested_lists: usize,
    /// The write, if it took effect on an assignment.
    written: Option<Written>,
}

/// A write of an assignment that took effect.
#[derive(Clone)]
struct Written {
    before: TaskSet,
    after: TaskSet,
    /// What everybody held on the WABA before.
    holders: BTreeMap<UserId, TaskSet>,
}

impl ServerState {
    /// Handles a call.
    pub(crate) fn perform(&self, call: &IncomingCall) -> CallResponse {
        self.apply_foreign_changes();
        let IncomingCall { request, fault, .. } = call;
        let fault = fault.as_ref();
        let result = self.admit(call).and_then(|()| {
            self.complete(request, fault).map_err(|rejection| self.respond(request, Err(rejection)))
        });
        if fault.is_none() && result.is_ok() {
            self.record_read(request);
        }
        self.record_write(request, result.as_ref().ok().and_then(|done| done.written.clone()));
        let mut response = match result {
            Ok(Completed { body, nested_lists, .. }) => {
                CallResponse { nested_lists, ..self.respond(request, Ok(body)) }
            }
            Err(response) => response,
        };
        if fault.is_some_and(FaultKind::loses_response) {
            response.damage(|_| Content::Lost);
        } else if fault == Some(&FaultKind::TruncatedBody) {
            response.damage(Content::Truncated);
        }
        response
    }

    /// Handles a batch. `items` handles its items, unless the batch as a whole fails.
    pub(crate) fn perform_batch(
        &self,
        batch: &IncomingCall,
        items: impl FnOnce(&Self) -> CallResponse,
    ) -> CallResponse {
        let request = &batch.request;
        if let Some(replacement) = batch.fault.as_ref().and_then(FaultKind::replacement) {
            return self.replace(request, replacement);
        }
        if request.token.is_some()
            && let Err(rejection) = Caller::authenticate(&self.context(&self.world()), request)
        {
            return self.respond(request, Err(rejection));
        }
        let mut response = items(self);
        response.headers = self.headers(request, self.next_trace());
        match batch.fault {
            Some(FaultKind::CloseAfterEffect) => response.damage(|_| Content::Lost),
            Some(FaultKind::TruncatedBody) => response.damage(Content::Truncated),
            _ => {}
        }
        response
    }

    /// Returns the response to a request that cannot be parsed.
    pub(crate) fn reject(&self, version: &str, rejection: &Rejection) -> CallResponse {
        let trace = self.next_trace();
        let content = Content::Json(rejection.envelope(&trace).to_string());
        let headers = basic_headers(version, trace).into();
        CallResponse { headers, ..CallResponse::new(rejection.status, content) }
    }

    /// Admits a call to the API. Returns the response if the limits or a fault prevent that.
    fn admit(&self, call: &IncomingCall) -> Result<(), CallResponse> {
        let request = &call.request;
        let now = self.clock.elapsed();
        let admitted = self.limiter().admit(request.charged_waba(), call.arrived, now);
        admitted.map_err(|throttled| self.respond_throttled(request, &throttled))?;
        match call.fault.as_ref().and_then(FaultKind::replacement) {
            Some(replacement) => Err(self.replace(request, replacement)),
            None => Ok(()),
        }
    }

    /// Returns the response that a fault puts in place of the API's.
    fn replace(&self, request: &ApiRequest, replacement: Replacement) -> CallResponse {
        match replacement {
            Replacement::Html(status) => CallResponse::new(status, Content::Html),
            Replacement::Reject(rejection) => self.respond(request, Err(rejection)),
            Replacement::Body(body) => self.respond(request, Ok(body)),
            Replacement::Close => CallResponse::new(200, Content::Lost),
            Replacement::Redirect(url) => CallResponse::new(302, Content::Redirect(url)),
            Replacement::EndlessBody => CallResponse::new(200, Content::Endless),
            Replacement::Throttle { waba, wait, hint } => {
                let waba = request.managed_waba().filter(|_| waba);
                let scope = waba.map_or(LimitScope::App, LimitScope::Waba);
                let throttled = self.limiter().throttle(scope, self.clock.elapsed(), wait, hint);
                self.respond_throttled(request, &throttled)
            }
        }
    }

    fn context<'w>(&'w self, world: &'w World) -> Context<'w> {
        Context {
            world,
            base_url: &self.base_url,
            now: self.clock.now(),
            nesting: self.nesting,
            marked: self.marked,
            max_rows: self.max_rows,
            max_page_rows: usize::MAX,
            tokens_expired: self.script().tokens_expired(self.clock.elapsed()),
        }
    }

    /// Passes a request to the API, and stores its write.
    fn complete(&self, request: &ApiRequest, fault: Option<&FaultKind>) -> Result<Completed, Rejection> {
        if request.method != Method::GET {
            return self.write(request, fault);
        }
        let current = self.world();
        let world = self.as_lists_show(&current);
        let mut context = self.context(&world);
        if let Some(fault) = fault {
            fault.restrict(&mut context);
        }
        let (mut body, nested_lists) = match api::reply(context, request)? {
            Reply::Read { body, nested_lists } => (body, nested_lists),
            Reply::Write(..) => return Err(Rejection::unknown_object("get", &request.path.join("/"))),
        };
        if let Some(fault) = fault {
            fault.distort(&mut body, request.param("after"));
        }
        Ok(Completed { body, nested_lists, written: None })
    }

    /// Checks and stores a write under one lock. If the state file cannot be written, the write is undone.
    fn write(&self, request: &ApiRequest, fault: Option<&FaultKind>) -> Result<Completed, Rejection> {
        let mut world = self.world_mut();
        let reply = api::reply(self.context(&world), request)?;
        let write = match reply {
            Reply::Read { body, nested_lists } => return Ok(Completed { body, nested_lists, written: None }),
            Reply::Write(write) => write,
        };
        let before = self.state_file.as_ref().map(|_| world.clone());
        let key = if let Write::Assign(key, _) = write { Some(key) } else { None };
        let done = store(&mut world, write, fault)?;
        self.save(&mut world, before).map_err(|_| Rejection::state_not_saved())?;
        if let (Some(key), Some(written)) = (key, &done.written) {
            self.note_removal(key, written, fault);
        }
        Ok(done)
    }

    /// Notes how long lists show a removed assignment. A later write of the assignment ends that.
    fn note_removal(&self, key: AssignmentKey, written: &Written, fault: Option<&FaultKind>) {
        let mut stale = self.stale();
        stale.remove(&key);
        let duration = fault.and_then(FaultKind::stale_for).filter(|_| written.after.is_empty());
        if let Some(duration) = duration {
            stale.insert(key, (written.before.clone(), self.clock.elapsed() + duration));
        }
    }

    /// Returns the world as lists show it: with removed assignments that are still visible.
    fn as_lists_show<'w>(&self, world: &'w World) -> Cow<'w, World> {
        let now = self.clock.elapsed();
        let mut stale = self.stale();
        stale.retain(|_, (_, until)| *until > now);
        let mut shown = Cow::Borrowed(world);
        for (key, (tasks, _)) in stale.iter() {
            shown.to_mut().assign(*key, tasks.clone());
        }
        shown
    }

    /// Replaces or adds the entries of a text in the world's format.
    ///
    /// # Errors
    ///
    /// Why that is not possible. Then nothing changes.
    pub(crate) fn update(&self, text: &str) -> Result<(), String> {
        let mut world = self.world_mut();
        let before = self.state_file.as_ref().map(|_| world.clone());
        world.update(text).map_err(|error| error.to_string())?;
        self.save(&mut world, before)
    }

    /// Writes the state file, if there is one. If that fails, the world becomes as before.
    fn save(&self, world: &mut World, before: Option<World>) -> Result<(), String> {
        let file = self.state_file.as_deref();
        let saved = file.map_or(Ok(()), |path| state_file::write(path, world));
        let error = saved.err().map(|error| chain(&error));
        self.state_error().clone_from(&error);
        let Some(error) = error else { return Ok(()) };
        tracing::error!("a write was refused: {error}");
        if let Some(before) = before {
            *world = before;
        }
        Err(error)
    }

    fn record_read(&self, request: &ApiRequest) {
        let is_first_page = request.method == Method::GET && request.param("after").is_none();
        if let Some(waba) = request.managed_waba().filter(|_| is_first_page) {
            let at = self.clock.now();
            self.log().reads.push(LoggedRead { waba, at });
        }
    }

    fn record_write(&self, request: &ApiRequest, written: Option<Written>) {
        let at = self.clock.now();
        if let Some((key, tasks)) = request.write() {
            let effective = written.is_some();
            let Written { before, after, holders } = written.unwrap_or_else(|| {
                let world = self.world();
                let unchanged = world.tasks(key);
                Written { before: unchanged.clone(), after: unchanged, holders: holders(&world, key.waba) }
            });
            self.log().writes.push(LoggedWrite { key, tasks, before, after, holders, effective, at });
        }
    }

    fn respond_throttled(&self, request: &ApiRequest, throttled: &Throttled) -> CallResponse {
        let mut response = self.reject(&request.version, &throttled.rejection());
        response.announces.push(throttled.scope);
        match throttled.hint {
            WaitHint::None => {}
            WaitHint::UsageHeaders => response.headers.extend(self.usage_headers(request)),
            WaitHint::RetryAfter => {
                let seconds = throttled.wait.as_millis().div_ceil(1000);
                response.headers.push(("retry-after", seconds.to_string()));
            }
        }
        response
    }

    /// Returns the API's own response with its headers.
    fn respond(&self, request: &ApiRequest, result: Result<Value, Rejection>) -> CallResponse {
        let trace = self.next_trace();
        let (status, body) = match result {
            Ok(body) => (200, body),
            Err(rejection) => (rejection.status, rejection.envelope(&trace)),
        };
        CallResponse {
            headers: self.headers(request, trace),
            ..CallResponse::new(status, Content::Json(body.to_string()))
        }
    }

    fn headers(&self, request: &ApiRequest, trace: String) -> Vec<(&'static str, String)> {
        let mut headers = basic_headers(&request.version, trace).to_vec();
        headers.extend(self.usage_headers(request));
        headers
    }

    fn usage_headers(&self, request: &ApiRequest) -> [(&'static str, String); 2] {
        let world = self.world();
        let token = request.token.as_ref().and_then(|token| world.tokens.get(token));
        let business = token.and_then(|token| world.users.get(&token.user)?.business);
        let business = business.or(world.business()).map_or_else(|| "0".to_owned(), |id| id.to_string());
        drop(world);
        self.limiter().usage_headers(request.charged_waba(), &business, self.clock.elapsed())
    }
}

/// Returns what everybody holds on a WABA.
fn holders(world: &World, waba: WabaId) -> BTreeMap<UserId, TaskSet> {
    world.assignments().on(waba).map(|(user, tasks)| (user, tasks.clone())).collect()
}

/// Stores a write.
fn store(world: &mut World, write: Write, fault: Option<&FaultKind>) -> Result<Completed, Rejection> {
    let mut body = json!({ "success": true });
    let mut written = None;
    match write {
        Write::Assign(key, tasks) => {
            let after = fault.map_or(tasks.clone(), |fault| fault.stored(tasks));
            let holders = holders(world, key.waba);
            let before = world.assign(key, after.clone());
            written = Some(Written { before, after, holders });
        }
        Write::CreateSystemUser { business, name, role } => {
            let id = world.add_system_user(business, name, role);
            let id = id.ok_or_else(|| Rejection::bad("There is no id left for a user"))?;
            body = json!({ "id": id.to_string() });
        }
        Write::Subscribe { waba, app, subscribed } => world.subscribe(waba, app, subscribed),
    }
    Ok(Completed { body, nested_lists: 0, written })
}

fn basic_headers(version: &str, trace: String) -> [(&'static str, String); 3] {
    [
        ("content-type", "application/json; charset=UTF-8".to_owned()),
        ("facebook-api-version", api::answering(version).unwrap_or_else(|| DEFAULT_VERSION.to_owned())),
        ("x-fb-trace-id", trace),
    ]
}
