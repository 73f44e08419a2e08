//! Elastic Container Service: clusters, task definitions, services, deployments, tasks.

mod cluster;
mod shapes;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// Elastic Container Service: clusters, task definitions, services, deployments, tasks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ecs {
    clusters: BTreeMap<String, cluster::Cluster>,
}

/// Lives through everything that happens until `now`; says whether anything did.
pub(crate) fn advance(_world: &mut World, _now: Timestamp) -> bool {
    false
}

/// Answers one call; a read may see what was before a recent write.
pub(crate) fn call_with_lag(
    world: &mut World,
    operation: &str,
    input: Value,
    _write: bool,
    _lag: Duration,
    _stale: bool,
) -> Outcome {
    call(world, operation, input)
}

/// Answers one call.
fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    let mut ecs = std::mem::take(&mut world.ecs);
    let outcome = dispatch(&mut ecs, world, operation, input);
    world.ecs = ecs;
    outcome
}

/// `world` is the rest of the world: its own `ecs` is empty meanwhile.
fn dispatch(ecs: &mut Ecs, world: &mut World, operation: &str, input: Value) -> Outcome {
    match operation {
        "CreateCluster" => cluster::create(ecs, world, input),
        "DescribeClusters" => cluster::describe(ecs, world, input),
        "ListClusters" => cluster::list(ecs, world, input),
        "DeleteCluster" => cluster::delete(ecs, world, input),
        _ => Err(ServiceError::unknown_operation("ecs", operation)),
    }
}
