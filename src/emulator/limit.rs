//! Limits: how many calls an hour are answered, for each WABA and for the app, and the throttling beyond.
//!
//! All moments are on the emulator's clock. It must not know what a call asks.

use super::fault::WaitTold;
use super::refusal::Refusal;
use crate::model::WabaId;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// How many calls any hour may see; `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// For the calls that manage one WABA: `/{waba}/assigned_users` with any verb, alone or in a batch.
    pub waba_calls_per_hour: Option<u32>,
    /// For all calls together.
    pub app_calls_per_hour: Option<u32>,
}

/// Whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    App,
    Waba(WabaId),
}

/// Counts calls, and knows who is throttled until when.
#[derive(Default)]
pub(super) struct Meter {
    limits: Limits,
    app: Gauge,
    wabas: BTreeMap<WabaId, Gauge>,
    while_throttled: usize,
    most_arrived: usize,
}

/// The calls of one subject.
#[derive(Default)]
struct Gauge {
    /// When calls came, in the last hour, whatever became of them.
    arrived: VecDeque<Duration>,
    /// When calls were let in, in the last hour.
    let_in: VecDeque<Duration>,
    throttle: Option<Throttle>,
}

struct Throttle {
    until: Duration,
    how: WaitTold,
    /// When callers were told of it, first and last.
    told: Option<(Duration, Duration)>,
}

impl Throttle {
    /// Returns whether whoever sent a call at a moment could know better. The usage headers of an app do not tell for
    /// how long; who is not told has to try again, but not within a minute.
    fn is_known(&self, sent: Duration, of_waba: bool) -> bool {
        let tells_when = match self.how {
            WaitTold::Nowhere => false,
            WaitTold::InUsage => of_waba,
            WaitTold::InRetryAfter => true,
        };
        self.told.is_some_and(
            |(first, last)| {
                if tells_when { sent > first } else { sent > last && sent < last + MINUTE }
            },
        )
    }
}

/// That a call is not let in.
pub(super) struct Throttled {
    pub(super) subject: Subject,
    /// How long it is until calls are let in again, and how that is told.
    pub(super) wait: Duration,
    pub(super) how: WaitTold,
}

impl Throttled {
    pub(super) fn refusal(&self) -> Refusal {
        match self.subject {
            Subject::App => Refusal::throttled(4, "Application request limit reached"),
            Subject::Waba(_) => {
                let message = "There have been too many calls to this WhatsApp Business account. Wait a bit and \
                               try again.";
                Refusal::throttled(80008, message)
            }
        }
    }
}

impl Gauge {
    /// Returns how long the subject is throttled yet.
    fn throttled(&self, now: Duration) -> Option<Duration> {
        let throttle = self.throttle.as_ref()?;
        throttle.until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Refuses a call where the subject is throttled, or becomes so by it.
    fn refuse(
        &mut self,
        (limit, of_waba): (Option<u32>, bool),
        arrived: Duration,
        now: Duration,
        knew: &mut bool,
    ) -> Option<(Duration, WaitTold)> {
        forget(&mut self.let_in, now);
        if self.throttled(now).is_none() {
            self.throttle = None;
        }
        if let Some(throttle) = &mut self.throttle {
            if throttle.is_known(arrived, of_waba) {
                *knew = true;
                throttle.until += MINUTE;
            }
            return Some((throttle.until.saturating_sub(now), throttle.how));
        }
        let oldest = *self.let_in.front().unwrap_or(&now);
        if self.let_in.len() < limit? as usize {
            return None;
        }
        let until = (oldest + HOUR).max(now + MINUTE);
        let how = WaitTold::InUsage;
        self.throttle = Some(Throttle { until, how, told: None });
        Some((until.saturating_sub(now), how))
    }

    /// Returns the share of the limit that is used, in percent, and the minutes until it is free again.
    fn usage(&self, limit: Option<u32>, now: Duration) -> (u64, u64) {
        let used = self.let_in.iter().filter(|moment| **moment + HOUR > now).count() as u64;
        let percent = limit.map_or(0, |limit| (used * 100).checked_div(limit.into()).unwrap_or(100));
        match self.throttled(now) {
            Some(wait) => (percent.max(100), wait.as_secs().div_ceil(60)),
            None => (percent, 0),
        }
    }
}

/// Forgets what is longer ago than an hour.
fn forget(moments: &mut VecDeque<Duration>, now: Duration) {
    while moments.front().is_some_and(|moment| *moment + HOUR <= now) {
        moments.pop_front();
    }
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes note that a call came.
    pub(super) fn arrive(&mut self, waba: Option<WabaId>, now: Duration) {
        if let Some(waba) = waba {
            let gauge = self.wabas.entry(waba).or_default();
            forget(&mut gauge.arrived, now);
            gauge.arrived.push_back(now);
            self.most_arrived = self.most_arrived.max(gauge.arrived.len());
        }
    }

    /// Lets a request in that counts as so many calls, or refuses it.
    pub(super) fn admit(
        &mut self,
        waba: Option<WabaId>,
        calls: usize,
        arrived: Duration,
        now: Duration,
    ) -> Result<(), Throttled> {
        let mut knew = false;
        let limits = self.limits;
        let mut refused = self.app.refuse((limits.app_calls_per_hour, false), arrived, now, &mut knew);
        let mut subject = Subject::App;
        if let Some(waba) = waba.filter(|_| refused.is_none()) {
            let gauge = self.wabas.entry(waba).or_default();
            refused = gauge.refuse((limits.waba_calls_per_hour, true), arrived, now, &mut knew);
            subject = Subject::Waba(waba);
        }
        self.while_throttled += usize::from(knew);
        if let Some((wait, how)) = refused {
            return Err(Throttled { subject, wait, how });
        }
        self.app.let_in.extend(std::iter::repeat_n(now, calls));
        if let Some(gauge) = waba.and_then(|waba| self.wabas.get_mut(&waba)) {
            gauge.let_in.push_back(now);
        }
        Ok(())
    }

    /// Throttles somebody for so long from now.
    pub(super) fn throttle(
        &mut self,
        subject: Subject,
        now: Duration,
        wait: Duration,
        how: WaitTold,
    ) -> Throttled {
        let gauge = match subject {
            Subject::App => &mut self.app,
            Subject::Waba(waba) => self.wabas.entry(waba).or_default(),
        };
        gauge.throttle = Some(Throttle { until: now + wait, how, told: None });
        Throttled { subject, wait, how }
    }

    /// Ends all throttling.
    pub(super) fn release(&mut self) {
        self.app.throttle = None;
        for gauge in self.wabas.values_mut() {
            gauge.throttle = None;
        }
    }

    /// Takes note that a caller was told of a throttle.
    pub(super) fn told(&mut self, subject: Subject, now: Duration) {
        let gauge = match subject {
            Subject::App => Some(&mut self.app),
            Subject::Waba(waba) => self.wabas.get_mut(&waba),
        };
        if let Some(throttle) = gauge.and_then(|gauge| gauge.throttle.as_mut()) {
            throttle.told = Some((throttle.told.map_or(now, |(first, _)| first), now));
        }
    }

    /// Returns the usage headers of a call on a WABA, or else on the business with that id.
    pub(super) fn headers(
        &self,
        waba: Option<WabaId>,
        business: &str,
        now: Duration,
    ) -> [(&'static str, String); 2] {
        let (of_app, _) = self.app.usage(self.limits.app_calls_per_hour, now);
        let gauge = waba.and_then(|waba| self.wabas.get(&waba));
        let limit = self.limits.waba_calls_per_hour;
        let (used, minutes) = gauge.map_or((0, 0), |gauge| gauge.usage(limit, now));
        let used = if waba.is_some() { used } else { of_app };
        let id = waba.map_or_else(|| business.to_owned(), |waba| waba.to_string());
        let business = json!({ id: [{
            "type": "whatsapp_business_management",
            "call_count": used,
            "total_cputime": 0,
            "total_time": 0,
            "estimated_time_to_regain_access": minutes,
        }] });
        let app = json!({ "call_count": of_app, "total_time": 0, "total_cputime": 0 });
        [("x-app-usage", app.to_string()), ("x-business-use-case-usage", business.to_string())]
    }

    /// Returns how many calls came although their caller had been told that it is throttled.
    pub(super) fn while_throttled(&self) -> usize {
        self.while_throttled
    }

    /// Forgets that callers were told of a throttle.
    pub(super) fn forget_who_was_told(&mut self) {
        let gauges = self.wabas.values_mut().chain([&mut self.app]);
        gauges.filter_map(|gauge| gauge.throttle.as_mut()).for_each(|throttle| throttle.told = None);
    }

    /// Returns the most calls that came for one WABA within any hour.
    pub(super) fn most_arrived(&self) -> usize {
        self.most_arrived
    }

    /// Returns how many calls came that manage a WABA, in the last hour.
    pub(super) fn arrived_at(&self, waba: WabaId, now: Duration) -> usize {
        let arrived = self.wabas.get(&waba).map(|gauge| &gauge.arrived);
        arrived.map_or(0, |moments| moments.iter().filter(|moment| **moment + HOUR > now).count())
    }
}
