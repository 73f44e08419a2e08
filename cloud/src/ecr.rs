//! Elastic Container Registry: repositories, images by tag and digest.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// Elastic Container Registry: repositories, images by tag and digest.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ecr {}

/// Answers one call.
pub(crate) fn call(_world: &mut World, operation: &str, _input: Value) -> Outcome {
    Err(ServiceError::unknown_operation("ecr", operation))
}
