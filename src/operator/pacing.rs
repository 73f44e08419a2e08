//! How long to wait before an agent is looked at again after something went wrong.
//!
//! The only module that knows the `backoff` crate, which is no longer maintained (RUSTSEC-2025-0012): its successor,
//! `backon`, would be a change of this file alone. What is used of it is plain arithmetic.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;
use sha2::{Digest, Sha256};

use crate::names::AgentId;

/// The first wait: most trouble is a throttle or a read that lags, and is over by then.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// The longest wait while trouble may pass by itself: an agent is converged at most this long after AWS is well again.
const LONGEST_RETRY: Duration = Duration::from_secs(120);
/// How often to try what a person must mend: it bounds the calls under a permanent error (PROMISES L8), and is how long
/// a mended permission may take to be noticed.
const STALLED_RETRY: Duration = Duration::from_secs(300);
/// IAM is eventually consistent: a new role can be assumed within seconds mostly, and AWS's tools wait for up to this.
const PROPAGATION: Duration = Duration::from_secs(240);
/// How often to try while a role propagates.
const PROPAGATION_RETRY: Duration = Duration::from_secs(10);

/// What went wrong, as far as waiting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may pass by itself: throttling, a server's error, a lost connection, a read that lags.
    Passing,
    /// A role, or the like, that AWS itself does not see everywhere yet.
    Propagating,
    /// A person must mend it: a permission, a quota, a refused value.
    Lasting,
}

/// When to try again, and whether a person should be told that it will not mend itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    pub after: Duration,
    pub stalled: bool,
}

/// One agent's pace.
#[derive(Debug)]
pub(super) struct Pace {
    backoff: ExponentialBackoff<TokioClock>,
    propagating_since: Option<Duration>,
    troubled: bool,
}

impl Pace {
    pub(super) fn new() -> Self {
        let mut backoff = ExponentialBackoff {
            current_interval: FIRST_RETRY,
            initial_interval: FIRST_RETRY,
            // Jitter comes from the agent's name, so that one seed always makes one trace.
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: LONGEST_RETRY,
            start_time: TokioClock::instant(),
            // It would else give up after 15 minutes.
            max_elapsed_time: None,
            clock: TokioClock,
        };
        backoff.reset();
        Self { backoff, propagating_since: None, troubled: false }
    }

    /// Whether the last pass met trouble.
    pub(super) fn is_troubled(&self) -> bool {
        self.troubled
    }

    /// All went well: the next trouble starts from the shortest wait.
    pub(super) fn recovered(&mut self) {
        self.backoff.reset();
        self.propagating_since = None;
        self.troubled = false;
    }

    /// Something went wrong. `now` is the time since the clock began.
    pub(super) fn retry(&mut self, trouble: Trouble, id: &AgentId, now: Duration) -> Retry {
        self.troubled = true;
        let retry = match trouble {
            Trouble::Passing => Retry { after: self.longer(), stalled: false },
            Trouble::Lasting => Retry { after: STALLED_RETRY, stalled: true },
            Trouble::Propagating => {
                let since = *self.propagating_since.get_or_insert(now);
                if now.saturating_sub(since) < PROPAGATION {
                    Retry { after: PROPAGATION_RETRY, stalled: false }
                } else {
                    Retry { after: STALLED_RETRY, stalled: true }
                }
            }
        };
        Retry { after: retry.after + jitter(id, retry.after / 5), ..retry }
    }

    fn longer(&mut self) -> Duration {
        let next = self.backoff.next_backoff().unwrap_or(LONGEST_RETRY);
        // The crate adds a random part of one nanosecond even without randomization.
        Duration::from_millis(u64::try_from(next.as_millis()).unwrap_or(u64::MAX)).min(LONGEST_RETRY)
    }
}

/// A part of `spread`, always the same for one agent: it keeps a fleet from asking in one moment.
pub(super) fn jitter(id: &AgentId, spread: Duration) -> Duration {
    let digest = Sha256::digest(id.to_string());
    let share = u32::from(u16::from_be_bytes([digest[0], digest[1]]));
    let nanoseconds = spread.as_nanos() * u128::from(share) / u128::from(u16::MAX);
    Duration::from_millis(u64::try_from(nanoseconds / 1_000_000).unwrap_or(u64::MAX))
}

/// The crate's clock, on tokio's, so that paused time drives it.
#[derive(Clone, Copy, Debug)]
struct TokioClock;

impl TokioClock {
    fn instant() -> std::time::Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl backoff::Clock for TokioClock {
    fn now(&self) -> std::time::Instant {
        Self::instant()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> AgentId {
        "dev/test-agent".parse().unwrap()
    }

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn passing_trouble_is_retried_less_and_less_often_up_to_a_bound() {
        let mut pace = Pace::new();
        let waits: Vec<u64> = (0..9).map(|_| pace.retry(Trouble::Passing, &id(), at(0)).after.as_secs()).collect();
        let longest = LONGEST_RETRY.as_secs();
        for (wait, nominal) in waits.iter().zip([2, 4, 8, 16, 32, 64, longest, longest, longest]) {
            assert!((nominal..=nominal * 6 / 5).contains(wait), "{wait} s instead of about {nominal} s");
        }
    }

    #[test]
    fn after_success_the_next_trouble_starts_from_the_shortest_wait() {
        let mut pace = Pace::new();
        let first = pace.retry(Trouble::Passing, &id(), at(0));
        pace.retry(Trouble::Passing, &id(), at(0));
        assert!(pace.is_troubled());
        pace.recovered();
        assert!(!pace.is_troubled());
        assert_eq!(pace.retry(Trouble::Passing, &id(), at(0)), first);
    }

    #[test]
    fn a_role_may_propagate_for_four_minutes_and_then_a_person_is_told() {
        let mut pace = Pace::new();
        assert!(!pace.retry(Trouble::Propagating, &id(), at(0)).stalled);
        assert!(!pace.retry(Trouble::Propagating, &id(), at(239)).stalled);
        let stalled = pace.retry(Trouble::Propagating, &id(), at(240));
        assert!(stalled.stalled && stalled.after >= STALLED_RETRY, "and it is still tried, slowly");
    }

    #[test]
    fn what_a_person_must_mend_is_tried_at_most_every_five_minutes() {
        let retry = Pace::new().retry(Trouble::Lasting, &id(), at(0));
        assert!(retry.stalled && retry.after >= STALLED_RETRY);
    }

    #[test]
    fn jitter_is_the_same_for_one_agent_and_spreads_many() {
        let spread = Duration::from_secs(100);
        assert_eq!(jitter(&id(), spread), jitter(&id(), spread));
        let ids = (0..50).map(|n| format!("dev/agent-{n}").parse::<AgentId>().unwrap());
        let mut seconds: Vec<u64> = ids.map(|id| jitter(&id, spread).as_secs()).collect();
        seconds.sort_unstable();
        seconds.dedup();
        assert!(seconds.len() > 30 && seconds.iter().all(|second| *second <= 100), "{seconds:?}");
    }
}
