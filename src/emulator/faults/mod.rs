//! Latency, limits and faults: everything that delays, refuses or distorts what the API would answer.
//!
//! Two sources of faults: a list of [`Fault`]s that a test writes down, and a [`Script`] that draws them from a seed.

mod active_script;
mod fault;
mod latency;
mod limits;
mod rates;
mod script;
mod seeded_rng;

pub use fault::{Fault, FaultKind};
pub use latency::Latency;
pub use limits::{Limits, WaitHint};
pub use rates::Rates;
pub use script::Script;

pub(super) use active_script::ActiveScript;
pub(super) use fault::{CallKind, FaultList, Replacement};
pub(super) use limits::{LimitScope, RateLimiter, Throttled};
