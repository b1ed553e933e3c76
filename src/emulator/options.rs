//! The options of an emulator.

use super::faults::{Fault, Latency, Limits, Script};
use crate::clock::Clock;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The default of [`Options::max_rows`], a guess: Meta publishes no number.
const MAX_ROWS: usize = 5000;

/// Options of an emulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on. It must be a loopback address; port 0 selects a free port.
    pub listen: SocketAddr,
    /// The clock for latencies, limits and the expiry of tokens.
    pub clock: Clock,
    /// How long responses take.
    pub latency: Latency,
    /// How many calls are answered in an hour.
    pub limits: Limits,
    /// Whether `assigned_users` can be nested in lists of WABAs.
    pub nesting: bool,
    /// Whether `debug_token` says that this is an emulator, and of which snapshot. A test of what only the API may do turns it
    /// off.
    pub marked: bool,
    /// The maximum number of rows in a response with nested lists, outer and nested rows together.
    pub max_rows: usize,
    /// The file that the state is written to after each write. A write fails if the file cannot be written.
    pub state_file: Option<PathBuf>,
    /// Faults for chosen requests.
    pub faults: Vec<Fault>,
    /// Random faults from a seed. They happen in addition to `faults`.
    pub script: Option<Script>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            clock: Clock::real(),
            latency: Latency::default(),
            limits: Limits::default(),
            nesting: true,
            marked: true,
            max_rows: MAX_ROWS,
            state_file: None,
            faults: Vec::new(),
            script: None,
        }
    }
}
