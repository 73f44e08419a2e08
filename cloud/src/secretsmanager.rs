//! Secrets Manager.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// Secrets Manager.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Secrets {}

/// Answers one call.
pub(crate) fn call(_world: &mut World, operation: &str, _input: Value) -> Outcome {
    Err(ServiceError::unknown_operation("secretsmanager", operation))
}
