//! What all services share: a call's outcome, AWS's errors, and the reading of an input.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

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
    /// Further members of the error's body, e.g. DynamoDB's `CancellationReasons`.
    pub(crate) details: Map<String, Value>,
}

impl ServiceError {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into(), details: Map::new() }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with_detail(mut self, member: &str, value: Value) -> Self {
        self.details.insert(member.to_owned(), value);
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

/// As [`input`], for services whose answer to a missing required member is `code` with AWS's common text.
pub(crate) fn input_or<T: DeserializeOwned>(value: Value, code: &str) -> Result<T, ServiceError> {
    input(value).map_err(|error| match missing_member(&error.message) {
        Some(member) => ServiceError::new(
            code,
            format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: \
                 Member must not be null"
            ),
        ),
        None => ServiceError { code: code.to_owned(), ..error },
    })
}

/// The member that serde misses, with a small first letter as AWS writes it.
fn missing_member(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("missing field `")?;
    let (member, _) = rest.split_once('`')?;
    let mut letters = member.chars();
    let first = letters.next()?;
    Some(first.to_lowercase().chain(letters).collect())
}

/// A timestamp as the JSON protocols write it: seconds since 1970 with milliseconds.
pub(crate) fn epoch_seconds(time: Timestamp) -> Value {
    json!(time.as_millisecond() as f64 / 1000.0)
}

/// Writes an operation's output.
pub(crate) fn output<T: Serialize>(value: &T) -> Outcome {
    serde_json::to_value(value)
        .map_err(|error| ServiceError::new("InternalFailure", error.to_string()).with_status(500))
}
