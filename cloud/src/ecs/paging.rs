//! Pages of a list.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::shapes::invalid;
use crate::service::ServiceError;

/// The answer with one page of `items` under `member`, and a `nextToken` if there are more.
pub(super) fn page(
    member: &str,
    items: Vec<Value>,
    token: Option<&str>,
    size: Option<i64>,
    most: usize,
) -> Result<Value, ServiceError> {
    let size = match size {
        None => most,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=most).contains(size))
            .ok_or_else(|| invalid(format!("maxResults must be between 1 and {most}.")))?,
    };
    let start = token.map_or(Ok(0), read_token)?;
    let more = items.len() > start + size;
    let mut answer = json!({ member: items.into_iter().skip(start).take(size).collect::<Vec<_>>() });
    if more {
        answer["nextToken"] = Value::from(STANDARD.encode(format!("from:{}", start + size)));
    }
    Ok(answer)
}

fn read_token(token: &str) -> Result<usize, ServiceError> {
    STANDARD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix("from:")?.parse().ok())
        .ok_or_else(|| invalid("Invalid token."))
}
