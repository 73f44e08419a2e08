//! CloudWatch Logs: groups, retention, streams and events.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// CloudWatch Logs: groups, retention, streams and events.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Logs {}

/// Answers one call.
pub(crate) fn call(_world: &mut World, operation: &str, _input: Value) -> Outcome {
    Err(ServiceError::unknown_operation("logs", operation))
}
