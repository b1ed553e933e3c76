//! Limits on the calls per hour, for each WABA and for the app, and throttling beyond them.
//!
//! All times are on the emulator's clock. A call that the caller could have known to be throttled lengthens the
//! throttling, as Meta documents.

use crate::emulator::api::Rejection;
use crate::model::WabaId;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The maximum number of calls within any hour; `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// For the calls that use the budget of one WABA, alone or in a batch: `/{waba}` and its edges.
    pub waba_calls_per_hour: Option<u32>,
    /// For all calls.
    pub app_calls_per_hour: Option<u32>,
}

/// How a response to a throttled call announces the time to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitHint {
    /// No header.
    None,
    /// The usage headers: minutes for a WABA. For an app they contain the share of the limit, and no time.
    UsageHeaders,
    /// `Retry-After` and no other header, in seconds.
    RetryAfter,
}

/// The calls that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitScope {
    App,
    Waba(WabaId),
}

impl LimitScope {
    /// Returns whether a response with the hint contains the time to wait.
    fn announces_wait(self, hint: WaitHint) -> bool {
        match hint {
            WaitHint::None => false,
            WaitHint::UsageHeaders => matches!(self, Self::Waba(_)),
            WaitHint::RetryAfter => true,
        }
    }
}

/// A call that is refused because its WABA or the app is throttled.
pub(crate) struct Throttled {
    pub(crate) scope: LimitScope,
    /// The time until calls are admitted again.
    pub(crate) wait: Duration,
    pub(crate) hint: WaitHint,
}

impl Throttled {
    pub(crate) fn rejection(&self) -> Rejection {
        match self.scope {
            LimitScope::App => Rejection::throttled(4, "Application request limit reached"),
            LimitScope::Waba(_) => {
                let message = "There have been too many calls to this WhatsApp Business account. Wait a bit and \
                               try again.";
                Rejection::throttled(80008, message)
            }
        }
    }
}

/// Throttling that is in force.
struct Throttling {
    until: Duration,
    hint: WaitHint,
    /// Whether responses contain the time to wait.
    announces_wait: bool,
    /// When responses announced the throttling, first and last.
    announced: Option<(Duration, Duration)>,
}

impl Throttling {
    fn new(scope: LimitScope, until: Duration, hint: WaitHint) -> Self {
        Self { until, hint, announces_wait: scope.announces_wait(hint), announced: None }
    }

    /// Returns whether the caller of a call could have known when it sent the call.
    ///
    /// Without a time to wait, the caller must probe, but not within a minute.
    fn is_known_at(&self, sent: Duration) -> bool {
        match self.announced {
            None => false,
            Some((first, _)) if self.announces_wait => sent > first,
            Some((_, last)) => sent > last && sent < last + MINUTE,
        }
    }
}

/// The calls of one scope within the last hour.
struct CallWindow {
    scope: LimitScope,
    limit: Option<u32>,
    /// When calls arrived, including refused ones.
    arrived: VecDeque<Duration>,
    /// When calls were admitted.
    admitted: VecDeque<Duration>,
    throttling: Option<Throttling>,
}

/// A call that a window does not admit.
struct Denial {
    wait: Duration,
    hint: WaitHint,
    /// Whether the caller could have known.
    was_known: bool,
}

impl CallWindow {
    fn new(scope: LimitScope, limit: Option<u32>) -> Self {
        Self { scope, limit, arrived: VecDeque::new(), admitted: VecDeque::new(), throttling: None }
    }

    /// Returns how long the scope is still throttled.
    fn remaining_wait(&self, now: Duration) -> Option<Duration> {
        let throttling = self.throttling.as_ref()?;
        throttling.until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Checks whether a call is admitted. Throttling starts with the first call beyond the limit.
    fn check(&mut self, sent: Duration, now: Duration) -> Result<(), Denial> {
        forget_old(&mut self.admitted, now);
        if self.remaining_wait(now).is_none() {
            self.throttling = None;
        }
        if let Some(throttling) = &mut self.throttling {
            let was_known = throttling.is_known_at(sent);
            if was_known {
                throttling.until += MINUTE;
            }
            let wait = throttling.until.saturating_sub(now);
            return Err(Denial { wait, hint: throttling.hint, was_known });
        }
        if self.limit.is_none_or(|limit| self.admitted.len() < limit as usize) {
            return Ok(());
        }
        let oldest = *self.admitted.front().unwrap_or(&now);
        let wait = (oldest + HOUR).saturating_sub(now).max(MINUTE);
        self.throttle(now + wait, WaitHint::UsageHeaders);
        Err(Denial { wait, hint: WaitHint::UsageHeaders, was_known: false })
    }

    fn throttle(&mut self, until: Duration, hint: WaitHint) {
        self.throttling = Some(Throttling::new(self.scope, until, hint));
    }

    /// Returns the used share of the limit in percent, and the minutes until throttling ends.
    fn usage(&self, now: Duration) -> (u64, u64) {
        let used = self.admitted.iter().filter(|time| **time + HOUR > now).count() as u64;
        let percent = self.limit.map_or(0, |limit| (used * 100).checked_div(limit.into()).unwrap_or(100));
        match self.remaining_wait(now) {
            Some(wait) => {
                let minutes = wait.as_millis().div_ceil(60_000);
                (percent.max(100), u64::try_from(minutes).unwrap_or(u64::MAX))
            }
            None => (percent, 0),
        }
    }
}

/// Removes the times that are more than an hour ago.
fn forget_old(times: &mut VecDeque<Duration>, now: Duration) {
    while times.front().is_some_and(|time| *time + HOUR <= now) {
        times.pop_front();
    }
}

/// Counts calls, and refuses those beyond the limits.
pub(crate) struct RateLimiter {
    limits: Limits,
    app: CallWindow,
    wabas: BTreeMap<WabaId, CallWindow>,
    calls_while_throttled: usize,
    most_arrived: usize,
}

impl RateLimiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            app: CallWindow::new(LimitScope::App, limits.app_calls_per_hour),
            wabas: BTreeMap::new(),
            calls_while_throttled: 0,
            most_arrived: 0,
        }
    }

    fn window(&mut self, scope: LimitScope) -> &mut CallWindow {
        let limit = self.limits.waba_calls_per_hour;
        match scope {
            LimitScope::App => &mut self.app,
            LimitScope::Waba(waba) => self.wabas.entry(waba).or_insert_with(|| CallWindow::new(scope, limit)),
        }
    }

    fn windows(&mut self) -> impl Iterator<Item = &mut CallWindow> {
        self.wabas.values_mut().chain([&mut self.app])
    }

    /// Counts the arrival of a call that manages a WABA.
    pub(crate) fn record_arrival(&mut self, waba: WabaId, now: Duration) {
        let arrived = &mut self.window(LimitScope::Waba(waba)).arrived;
        forget_old(arrived, now);
        arrived.push_back(now);
        let count = arrived.len();
        self.most_arrived = self.most_arrived.max(count);
    }

    /// Admits a call that was sent at `sent`.
    ///
    /// # Errors
    ///
    /// If the app or the WABA is throttled.
    pub(crate) fn admit(
        &mut self,
        waba: Option<WabaId>,
        sent: Duration,
        now: Duration,
    ) -> Result<(), Throttled> {
        let waba = waba.map(LimitScope::Waba);
        for scope in [LimitScope::App].into_iter().chain(waba) {
            if let Err(Denial { wait, hint, was_known }) = self.window(scope).check(sent, now) {
                self.calls_while_throttled += usize::from(was_known);
                return Err(Throttled { scope, wait, hint });
            }
        }
        self.app.admitted.push_back(now);
        if let Some(scope) = waba {
            self.window(scope).admitted.push_back(now);
        }
        Ok(())
    }

    /// Throttles a scope, whatever the limits are.
    pub(crate) fn throttle(
        &mut self,
        scope: LimitScope,
        now: Duration,
        wait: Duration,
        hint: WaitHint,
    ) -> Throttled {
        self.window(scope).throttle(now + wait, hint);
        Throttled { scope, wait, hint }
    }

    /// Ends all throttling.
    pub(crate) fn release(&mut self) {
        self.windows().for_each(|window| window.throttling = None);
    }

    /// Records that a response announced throttling.
    pub(crate) fn record_announcement(&mut self, scope: LimitScope, now: Duration) {
        if let Some(throttling) = &mut self.window(scope).throttling {
            let first = throttling.announced.map_or(now, |(first, _)| first);
            throttling.announced = Some((first, now));
        }
    }

    /// Forgets that throttling was announced.
    pub(crate) fn forget_announcements(&mut self) {
        self.windows().filter_map(|window| window.throttling.as_mut()).for_each(|it| it.announced = None);
    }

    /// Returns the usage headers of a call that manages a WABA, or of another call of the business with that id.
    pub(crate) fn usage_headers(
        &self,
        waba: Option<WabaId>,
        business: &str,
        now: Duration,
    ) -> [(&'static str, String); 2] {
        let (app_percent, _) = self.app.usage(now);
        let window = waba.and_then(|waba| self.wabas.get(&waba));
        let (waba_percent, minutes) = window.map_or((0, 0), |window| window.usage(now));
        let percent = if waba.is_some() { waba_percent } else { app_percent };
        let id = waba.map_or_else(|| business.to_owned(), |waba| waba.to_string());
        let business = json!({ id: [{
            "type": "whatsapp_business_management",
            "call_count": percent,
            "total_cputime": 0,
            "total_time": 0,
            "estimated_time_to_regain_access": minutes,
        }] });
        let app = json!({ "call_count": app_percent, "total_time": 0, "total_cputime": 0 });
        [("x-app-usage", app.to_string()), ("x-business-use-case-usage", business.to_string())]
    }

    /// Returns the number of calls whose callers could have known that they were throttled.
    pub(crate) fn calls_while_throttled(&self) -> usize {
        self.calls_while_throttled
    }

    /// Returns the maximum number of calls that arrived for one WABA within any hour.
    pub(crate) fn most_arrived(&self) -> usize {
        self.most_arrived
    }

    /// Returns the number of calls that arrived for a WABA within the last hour.
    pub(crate) fn arrived_at(&self, waba: WabaId, now: Duration) -> usize {
        let arrived = self.wabas.get(&waba).map(|window| &window.arrived);
        arrived.map_or(0, |times| times.iter().filter(|time| **time + HOUR > now).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_announced_minutes_is_not_too_early() {
        let mut window = CallWindow::new(LimitScope::App, None);
        window.throttle(Duration::from_millis(540_300), WaitHint::UsageHeaders);
        assert_eq!(window.usage(Duration::ZERO), (100, 10));
    }
}
