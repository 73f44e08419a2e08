//! The cloud's clock: virtual, real or scaled, all three driven by tokio's monotonic time.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Where the time comes from. Under tokio's paused time it is virtual; with `speed` above 1 it is scaled.
#[derive(Clone, Debug)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
    speed: f64,
}

impl Clock {
    /// A clock that reads `base` now and then runs `speed` times as fast as tokio's time (1.0 is real time).
    pub fn new(base: Timestamp, speed: f64) -> Self {
        Self { base, started: Instant::now(), speed }
    }

    /// The time in the cloud.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed().mul_f64(self.speed);
        self.base + SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::ZERO)
    }

    /// How many seconds of the cloud pass in one second outside.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// The same clock, set forward if it would otherwise read less than `earliest`: a cloud that is opened again goes
    /// on from where it was.
    pub(crate) fn not_before(mut self, earliest: Timestamp) -> Self {
        let now = self.now();
        if now < earliest {
            self.base += earliest.duration_since(now);
        }
        self
    }
}
