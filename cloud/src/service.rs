//! What all services share: a call's outcome, AWS's errors, and the reading of an input.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// An answer as JSON in the service's own member names; `wire` turns it into the caller's protocol.
pub(crate) type Outcome = Result<Value, ServiceError>;

/// An AWS error: its code and text are AWS's own, because callers match them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServiceError {
    /// HTTP status, 400 unless the service says otherwise.
    pub(crate) status: u16,
    /// AWS's error code, e.g. `ClientException`.
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ServiceError {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into() }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The operation is not one that the embedded cloud knows.
    pub(crate) fn unknown_operation(service: &str, operation: &str) -> Self {
        Self::new("UnknownOperationException", format!("The embedded cloud does not know {service}:{operation}."))
    }
}

/// Reads an operation's input. Input types deny unknown members: what the cloud would silently lose, it refuses.
pub(crate) fn input<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    let value = if value.is_null() { Value::Object(Default::default()) } else { value };
    serde_json::from_value(value).map_err(|error| {
        ServiceError::new("ValidationException", format!("The embedded cloud cannot read this input: {error}."))
    })
}

/// Writes an operation's output.
pub(crate) fn output<T: Serialize>(value: &T) -> Outcome {
    serde_json::to_value(value)
        .map_err(|error| ServiceError::new("InternalFailure", error.to_string()).with_status(500))
}
