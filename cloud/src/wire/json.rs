//! awsJson 1.0 and 1.1.

use serde_json::{Value, json};

use crate::service::ServiceError;

/// Reads a request body; an empty one is an empty structure.
pub(super) fn parse(body: &[u8]) -> Result<Value, ServiceError> {
    if body.is_empty() {
        return Ok(Value::Object(Default::default()));
    }
    serde_json::from_slice(body)
        .map_err(|error| ServiceError::new("SerializationException", format!("The body is not JSON: {error}.")))
}

/// Writes a body.
pub(super) fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// The error structure of awsJson, which CBOR shares.
pub(super) fn error(error: &ServiceError) -> Value {
    let mut body = json!({ "__type": error.code, "message": error.message });
    for (member, value) in &error.details {
        body[member.as_str()] = value.clone();
    }
    body
}
