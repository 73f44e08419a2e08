//! Security Token Service.

use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// Answers one call.
pub(crate) fn call(_world: &mut World, operation: &str, _input: Value) -> Outcome {
    Err(ServiceError::unknown_operation("sts", operation))
}
