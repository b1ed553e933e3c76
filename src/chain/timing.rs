//! The times of the protocol.

use std::time::Duration;

/// The times of the protocol. All are measured by one's own monotonic clock: no clocks of two machines are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    /// How long the end of the chain must stand still before another run takes the lease over.
    pub lease: Duration,
    /// How long ago the newest own put may have begun when a request to the API leaves.
    pub window: Duration,
    /// The longest silence of a holder that has writes in flight.
    pub beat: Duration,
    /// The longest silence of another holder.
    pub idle_beat: Duration,
    /// How long an operation of the store is tried.
    pub tries: Duration,
    /// The pause between two tries.
    pub pause: Duration,
    /// The pause between two looks at a lease that another run holds.
    pub poll: Duration,
    /// A run that was silent for longer has lost its lease, and an answer that took longer proves nothing. So nobody appends at a
    /// position that is older than twice this time, and what is older may be removed.
    pub stale: Duration,
}

impl Default for Timing {
    /// The lease is the window of 30 s, the 60 s that a request to the API may take, and 30 s of slack: what a dead holder
    /// sent is over before its successor reads. The other times are guesses: a beat fails once before the window ends, and
    /// a store that does not answer for 15 s is down. A day is far longer than any pause after which a run should go on, and far
    /// shorter than the 30 days that [`prune`](crate::store::StateStore::prune) keeps at least.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            lease: seconds(120),
            window: seconds(30),
            beat: seconds(15),
            idle_beat: seconds(45),
            tries: seconds(15),
            pause: Duration::from_millis(500),
            poll: seconds(5),
            stale: seconds(24 * 3600),
        }
    }
}
