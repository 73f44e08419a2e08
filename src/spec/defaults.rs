//! Every default, in one place. They are those of the design document, and `ropewalk explain FILE` prints them.

use super::model::{Alarms, Architecture, Capacity, Environment, ErrorRate, Health, RollbackPolicy, Size, Throttles};
use super::units::{Percent, Span, Usd};

/// The port that containers listen on.
pub const PORT: u16 = 8001;

/// The smallest of Fargate's sizes, on Graviton.
pub const SIZE: Size = Size { cpu: 256, memory_mib: 512, architecture: Architecture::Arm64 };

/// One task.
pub const CAPACITY: Capacity = Capacity::Replicas(1);

/// `/health` every 30 seconds; three failures in a row count, after one minute to start.
pub fn health() -> Health {
    Health {
        path: "/health".to_owned(),
        interval: Span::seconds(30),
        timeout: Span::seconds(5),
        retries: 3,
        start_period: Span::seconds(60),
    }
}

/// For how many days logs are kept.
pub fn log_retention_days(environment: Environment) -> u32 {
    match environment {
        Environment::Dev | Environment::Staging => 7,
        Environment::Prod => 30,
    }
}

/// A rollout is watched for this long after its last traffic step.
pub const MONITOR: Span = Span::minutes(30);
/// And may take this long to get there.
pub const DEADLINE: Span = Span::minutes(20);
/// A gate that nobody passes ends in ECS's own rollback after this long.
pub const HOOK_TIMEOUT: Span = Span::minutes(60);
/// A smoke test's answer is awaited for this long: the limit of the duration alarm.
pub const SMOKE_TEST_TIMEOUT: Span = Span::seconds(30);
/// The status that a smoke test expects.
pub const SMOKE_TEST_STATUS: u16 = 200;
/// All golden prompts have to be answered as expected.
pub const PASS_RATIO: Percent = Percent::whole(100);

/// Rolled back above 10% errors in 5 minutes (5 requests at least), or when unhealthy for 2 minutes.
pub fn rollback() -> RollbackPolicy {
    RollbackPolicy {
        error_rate: ErrorRate { above: Percent::whole(10), window: Span::minutes(5), min_invocations: 5 },
        unhealthy: Span::minutes(2),
    }
}

/// People are told above 5% errors, 30 seconds (p95), 10 throttles a minute, 100 dollars a day.
pub fn alarms() -> Alarms {
    Alarms {
        error_rate: Percent::whole(5),
        duration_p95: Span::seconds(30),
        throttles: Throttles { above: 10, per: Span::minutes(1) },
        cost_per_day: Usd::dollars(100),
    }
}
