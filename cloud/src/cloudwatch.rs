//! CloudWatch: metrics and alarms.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// CloudWatch: metrics and alarms.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CloudWatch {}

/// Answers one call.
pub(crate) fn call(_world: &mut World, operation: &str, _input: Value) -> Outcome {
    Err(ServiceError::unknown_operation("cloudwatch", operation))
}
