//! Elastic Container Service: clusters, task definitions, services, deployments, tasks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// Elastic Container Service: clusters, task definitions, services, deployments, tasks.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ecs {}

/// Answers one call.
pub(crate) fn call(_world: &mut World, operation: &str, _input: Value) -> Outcome {
    Err(ServiceError::unknown_operation("ecs", operation))
}
