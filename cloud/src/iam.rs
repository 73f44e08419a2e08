//! Identity and Access Management: roles, their policies, and a small evaluator.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// Identity and Access Management: roles, their policies, and a small evaluator.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Iam {}

/// Answers one call.
pub(crate) fn call(_world: &mut World, operation: &str, _input: Value) -> Outcome {
    Err(ServiceError::unknown_operation("iam", operation))
}
