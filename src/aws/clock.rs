//! The operator's clock: wall time in production, virtual under tokio's paused time, scaled with `--speed`. The SDK reads
//! the time and sleeps through it too, so that signing, back-off and deadlines follow.

use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Where the time comes from. Clones read the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    origin: Origin,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    /// The machine's wall clock: AWS refuses signatures that are minutes off, so a suspended machine must notice.
    Wall,
    From {
        base: Timestamp,
        speed: f64,
    },
}

impl Clock {
    /// A clock that reads `base` now and then runs `speed` times as fast as tokio's time (1.0 is real time). A speed that
    /// is no positive number counts as 1.0.
    pub fn new(base: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { started: Instant::now(), origin: Origin::From { base, speed } }
    }

    /// The machine's own clock.
    pub fn system() -> Self {
        Self { started: Instant::now(), origin: Origin::Wall }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match self.origin {
            Origin::Wall => Timestamp::now(),
            Origin::From { base, .. } => {
                let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
                base.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// How much of this clock's time has passed since it was made: monotonic, whatever happens to the wall clock.
    pub fn elapsed(&self) -> Duration {
        self.scaled(self.started.elapsed(), self.speed())
    }

    /// How many of its seconds pass in one second outside.
    pub fn speed(&self) -> f64 {
        match self.origin {
            Origin::Wall => 1.0,
            Origin::From { speed, .. } => speed,
        }
    }

    /// Sleeps for `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(self.scaled(duration, 1.0 / self.speed())).await;
    }

    /// This clock's time in which `duration` passes outside. What guards against a slow machine or network (a call's
    /// deadline, a lease) must not be shortened by `--speed`: the machine is no faster for it.
    pub fn outside(&self, duration: Duration) -> Duration {
        self.scaled(duration, self.speed())
    }

    fn scaled(&self, duration: Duration, factor: f64) -> Duration {
        // Exact where there is nothing to scale: floats would round virtual time.
        if factor == 1.0 {
            return duration;
        }
        Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Clock::now(self).into()
    }
}

impl AsyncSleep for Clock {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.clone();
        Sleep::new(async move { Clock::sleep(&clock, duration).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Timestamp {
        "2026-11-01T09:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn paused_time_drives_the_clock() {
        let clock = Clock::new(base(), 1.0);
        clock.sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.elapsed(), Duration::from_secs(90));
        assert_eq!(clock.now().to_string(), "2026-11-01T09:01:30Z");
    }

    #[tokio::test(start_paused = true)]
    async fn speed_shortens_sleep_and_not_what_guards_against_a_slow_machine() {
        let clock = Clock::new(base(), 60.0);
        let outside = Instant::now();
        clock.sleep(Duration::from_secs(120)).await;
        assert_eq!(outside.elapsed(), Duration::from_secs(2));
        assert_eq!(clock.now().to_string(), "2026-11-01T09:02:00Z");
        clock.sleep(clock.outside(Duration::from_secs(20))).await;
        assert_eq!(outside.elapsed(), Duration::from_secs(22));
    }

    #[tokio::test(start_paused = true)]
    async fn a_speed_that_is_no_number_counts_as_real_time() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Clock::new(base(), speed).speed(), 1.0);
        }
    }
}
