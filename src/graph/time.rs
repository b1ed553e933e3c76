//! Time as a value: how waiting is done.

use std::time::Duration;

/// How waiting is done: at the clock's pace, or faster, so that a test need not wait.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    faster: f64,
}

impl Time {
    /// Waits as long as is asked.
    pub const fn real() -> Self {
        Self { faster: 1.0 }
    }

    /// Waits so many times shorter than is asked; a factor below 1 counts as 1.
    pub const fn scaled(faster: f64) -> Self {
        Self { faster: faster.max(1.0) }
    }

    pub(super) async fn sleep(self, duration: Duration) {
        tokio::time::sleep(duration.div_f64(self.faster)).await;
    }
}
