//! Members that several operations share, in AWS's names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::service::ServiceError;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// Seconds since the epoch, as awsJson writes timestamps.
pub(crate) fn epoch(at: Timestamp) -> Value {
    Value::from(at.as_millisecond() as f64 / 1000.0)
}

/// AWS's `InvalidParameterException`.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterException", message)
}

/// AWS's `ClientException`.
pub(crate) fn client(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ClientException", message)
}
