//! Reads that lag behind writes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Ecs, call};
use crate::service::Outcome;
use crate::world::World;

/// Answers one call. A write first remembers what was before it, if any read may need that; a read within `lag` of a
/// write, or one that is to be `stale`, is answered from what was before.
pub(crate) fn call_with_lag(
    world: &mut World,
    operation: &str,
    input: Value,
    write: bool,
    lag: Duration,
    stale: Option<bool>,
) -> Outcome {
    let lag = SignedDuration::try_from(lag).unwrap_or(SignedDuration::ZERO);
    if write {
        remember(world, lag, stale.is_some());
        return call(world, operation, input);
    }
    let before = match stale {
        Some(true) => world.ecs_before.last(),
        _ => world.ecs_before.iter().find(|(written, _)| is_recent(*written, world.now, lag)),
    };
    let Some((_, before)) = before else { return call(world, operation, input) };
    let present = std::mem::replace(&mut world.ecs, before.clone());
    let outcome = call(world, operation, input);
    world.ecs = present;
    outcome
}

fn is_recent(written: Timestamp, now: Timestamp, lag: SignedDuration) -> bool {
    now.duration_since(written) < lag
}

fn remember(world: &mut World, lag: SignedDuration, stale_reads_wait: bool) {
    let now = world.now;
    let mut before: Vec<(Timestamp, Ecs)> = std::mem::take(&mut world.ecs_before);
    before.retain(|(written, _)| is_recent(*written, now, lag));
    if !lag.is_zero() || stale_reads_wait {
        before.push((now, world.ecs.clone()));
    }
    world.ecs_before = before;
}
