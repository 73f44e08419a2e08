//! Token buckets by API family, so that a fleet-wide change runs at AWS's documented rates instead of into throttling.
//! Rates: AWS-documented request throttling quotas per account and region (Amazon ECS API reference, "Request throttling").

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock::Clock;

/// APIs that share one bucket at AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// DescribeServices, ListServices, DescribeClusters.
    EcsServiceReads,
    /// CreateService, UpdateService, DeleteService, StopServiceDeployment.
    EcsServiceWrites,
    EcsTaskDefinitionReads,
    EcsTaskDefinitionWrites,
    /// ListServiceDeployments, DescribeServiceDeployments.
    EcsDeploymentReads,
    EcsRevisionReads,
    EcsTaskReads,
    EcsTagWrites,
    /// CloudWatch DescribeAlarms, whose rate ECS's own polling of deployment alarms shares.
    AlarmReads,
    EcrReads,
    EcrWrites,
    IamReads,
    IamWrites,
    LogsReads,
    LogsWrites,
    StsReads,
}

/// How many calls at once, and how many a second after that.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    burst: f64,
    per_second: f64,
}

impl Family {
    /// Whether its calls change something in AWS.
    pub fn writes(self) -> bool {
        match self {
            Self::EcsServiceWrites
            | Self::EcsTaskDefinitionWrites
            | Self::EcsTagWrites
            | Self::EcrWrites
            | Self::IamWrites
            | Self::LogsWrites => true,
            Self::EcsServiceReads
            | Self::EcsTaskDefinitionReads
            | Self::EcsDeploymentReads
            | Self::EcsRevisionReads
            | Self::EcsTaskReads
            | Self::AlarmReads
            | Self::EcrReads
            | Self::IamReads
            | Self::LogsReads
            | Self::StsReads => false,
        }
    }

    /// ECS: as documented. The rest is unpublished or shared with others: well below what is seen to be throttled.
    fn rate(self) -> Rate {
        let (burst, per_second) = match self {
            Self::EcsServiceReads => (100.0, 20.0),
            Self::EcsServiceWrites => (50.0, 5.0),
            Self::EcsTaskDefinitionReads | Self::EcsDeploymentReads | Self::EcsRevisionReads => (50.0, 20.0),
            Self::EcsTaskDefinitionWrites => (20.0, 1.0),
            Self::EcsTaskReads => (100.0, 20.0),
            Self::EcsTagWrites => (20.0, 10.0),
            // A third of the 9 a second that the account has: ECS polls deployment alarms from the same bucket.
            Self::AlarmReads => (3.0, 3.0),
            Self::EcrReads => (40.0, 10.0),
            Self::EcrWrites => (10.0, 5.0),
            Self::IamReads => (30.0, 15.0),
            Self::IamWrites => (10.0, 5.0),
            Self::LogsReads => (10.0, 5.0),
            Self::LogsWrites => (10.0, 5.0),
            Self::StsReads => (10.0, 10.0),
        };
        Rate { burst, per_second }
    }
}

/// The buckets of one account and region.
#[derive(Debug)]
pub struct Limits {
    clock: Clock,
    buckets: Mutex<BTreeMap<Family, Bucket>>,
}

/// Tokens may go below zero: each caller reserves its turn, so that calls run in the order in which they were asked for.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    refilled_at: Duration,
}

impl Limits {
    pub fn new(clock: Clock) -> Self {
        Self { clock, buckets: Mutex::new(BTreeMap::new()) }
    }

    /// Waits until a call of this family may be sent.
    pub async fn take(&self, family: Family) {
        let wait = self.reserve(family, 1.0);
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
    }

    /// AWS throttled a call of this family: others share its bucket, so the next calls wait a second's worth longer.
    pub fn throttled(&self, family: Family) {
        self.change(family, |bucket, rate| bucket.tokens = bucket.tokens.min(0.0) - rate.per_second);
    }

    fn reserve(&self, family: Family, tokens: f64) -> Duration {
        self.change(family, |bucket, rate| {
            bucket.tokens -= tokens;
            let missing = (-bucket.tokens).max(0.0);
            Duration::try_from_secs_f64(missing / rate.per_second).unwrap_or_default()
        })
    }

    fn change<T>(&self, family: Family, act: impl FnOnce(&mut Bucket, Rate) -> T) -> T {
        let (rate, now) = (family.rate(), self.clock.elapsed());
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(family).or_insert(Bucket { tokens: rate.burst, refilled_at: now });
        let refill = now.saturating_sub(bucket.refilled_at).as_secs_f64() * rate.per_second;
        bucket.tokens = (bucket.tokens + refill).min(rate.burst);
        bucket.refilled_at = now;
        act(bucket, rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(Clock::new("2026-11-01T09:00:00Z".parse().unwrap(), 1.0))
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_refill_rate() {
        let limits = limits();
        for _ in 0..20 {
            limits.take(Family::EcsTaskDefinitionWrites).await;
        }
        assert_eq!(limits.clock.elapsed(), Duration::ZERO);
        for _ in 0..5 {
            limits.take(Family::EcsTaskDefinitionWrites).await;
        }
        assert_eq!(limits.clock.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn one_family_does_not_delay_another() {
        let limits = limits();
        limits.throttled(Family::EcsServiceWrites);
        limits.take(Family::EcsServiceReads).await;
        assert_eq!(limits.clock.elapsed(), Duration::ZERO);
        limits.take(Family::EcsServiceWrites).await;
        assert!(limits.clock.elapsed() >= Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn callers_are_served_in_the_order_in_which_they_asked() {
        let limits = limits();
        let order = Mutex::new(Vec::new());
        let calls = (0..30).map(|number| {
            let (limits, order) = (&limits, &order);
            async move {
                limits.take(Family::EcsTaskDefinitionWrites).await;
                order.lock().unwrap().push(number);
            }
        });
        futures::future::join_all(calls).await;
        assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
        assert_eq!(limits.clock.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_never_holds_more_than_its_burst() {
        let limits = limits();
        limits.take(Family::EcsTaskDefinitionWrites).await;
        limits.clock.sleep(Duration::from_secs(3_600)).await;
        let start = limits.clock.elapsed();
        for _ in 0..21 {
            limits.take(Family::EcsTaskDefinitionWrites).await;
        }
        assert_eq!((limits.clock.elapsed() - start).as_secs(), 1);
    }
}
