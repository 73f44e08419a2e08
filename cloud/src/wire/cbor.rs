//! Smithy's rpc-v2-cbor, as the Rust SDK's CloudWatch speaks it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

use crate::service::ServiceError;

/// Tag 1 of RFC 8949: seconds since the epoch.
const EPOCH_TAG: u64 = 1;

/// Reads a request body; an empty one is an empty structure. Timestamps become epoch seconds, blobs base64.
pub(super) fn parse(body: &[u8]) -> Result<Value, ServiceError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let cbor: Cbor = ciborium::from_reader(body)
        .map_err(|error| ServiceError::new("SerializationException", format!("The body is not CBOR: {error}.")))?;
    Ok(to_json(cbor))
}

/// Writes a body. Members named `…Timestamp` (or `…Timestamps`, a list) are timestamps.
pub(super) fn body(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into a vector cannot fail, and every JSON value has a CBOR form.
    let _ = ciborium::into_writer(&from_json(value, false), &mut bytes);
    bytes
}

fn to_json(cbor: Cbor) -> Value {
    match cbor {
        Cbor::Integer(integer) => {
            let wide = i128::from(integer);
            match (i64::try_from(wide), u64::try_from(wide)) {
                (Ok(number), _) => Value::from(number),
                (_, Ok(number)) => Value::from(number),
                _ => Value::Null,
            }
        }
        Cbor::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
        Cbor::Float(float) => Number::from_f64(float).map_or(Value::Null, Value::Number),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bool(boolean) => Value::Bool(boolean),
        Cbor::Tag(_, inner) => to_json(*inner),
        Cbor::Array(items) => Value::Array(items.into_iter().map(to_json).collect()),
        Cbor::Map(entries) => Value::Object(
            entries
                .into_iter()
                .filter_map(|(key, value)| key.into_text().ok().map(|key| (key, to_json(value))))
                .collect(),
        ),
        _ => Value::Null,
    }
}

fn from_json(value: &Value, timestamp: bool) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(boolean) => Cbor::Bool(*boolean),
        Value::Number(number) if timestamp => {
            Cbor::Tag(EPOCH_TAG, Box::new(Cbor::Float(number.as_f64().unwrap_or_default())))
        }
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Cbor::Integer(integer.into()),
            (_, Some(integer)) => Cbor::Integer(integer.into()),
            _ => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(items) => Cbor::Array(items.iter().map(|item| from_json(item, timestamp)).collect()),
        Value::Object(members) => Cbor::Map(
            members
                .iter()
                .map(|(key, value)| {
                    let timestamp = key.ends_with("Timestamp") || key.ends_with("Timestamps");
                    (Cbor::Text(key.clone()), from_json(value, timestamp))
                })
                .collect(),
        ),
    }
}
