//! dynoxide's answers and errors, as AWS writes them: ARNs of this account and region, times of the cloud's clock, no
//! marks of its own.

use dynoxide::DynoxideError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Database, validation};
use crate::service::{Outcome, ServiceError, epoch_seconds};

/// How dynoxide's own ARNs go on behind `arn:aws:SERVICE:`.
const LOCAL: &str = ":dynoxide:000000000000:";

impl Database {
    /// A table may be named by its ARN; dynoxide knows names only.
    pub(super) fn with_table_names(&self, mut input: Value) -> Result<Value, ServiceError> {
        let prefix = format!("arn:aws:dynamodb:{}:{}:table/", self.region, self.account);
        for member in ["TableName", "ResourceArn"] {
            let Some(arn) = input.get(member).and_then(Value::as_str).filter(|text| text.starts_with("arn:")) else {
                continue;
            };
            let Some(name) = arn.strip_prefix(&prefix) else {
                return Err(ServiceError::new(
                    "AccessDeniedException",
                    format!(
                        "User: arn:aws:iam::{}:user/embedded is not authorized to access this resource: {arn}",
                        self.account
                    ),
                ));
            };
            if member == "TableName" {
                input[member] = json!(name);
            }
        }
        Ok(input)
    }

    /// The description of a table with this account's ARNs and the cloud's times.
    pub(super) fn with_own_times(&self, answer: Value) -> Outcome {
        let mut answer = self.with_own_arns(answer);
        for member in ["Table", "TableDescription"] {
            let Some(table) = answer.get_mut(member) else { continue };
            let name = table["TableName"].as_str().unwrap_or_default().to_owned();
            let Some(row) = self.row(&name)? else { continue };
            let created_at = epoch_seconds(row.created_at);
            table["TableId"] = json!(table_id(&name, &created_at.to_string()));
            if let Some(summary) = table.get_mut("BillingModeSummary").filter(|summary| summary.is_object()) {
                summary["LastUpdateToPayPerRequestDateTime"] = created_at.clone();
            }
            table["CreationDateTime"] = created_at;
        }
        Ok(answer)
    }

    pub(super) fn with_own_arns(&self, answer: Value) -> Value {
        match answer {
            Value::String(text) if text.starts_with("arn:") => Value::String(self.own(&text)),
            Value::Array(values) => Value::Array(values.into_iter().map(|value| self.with_own_arns(value)).collect()),
            Value::Object(members) => {
                Value::Object(members.into_iter().map(|(name, value)| (name, self.with_own_arns(value))).collect())
            }
            other => other,
        }
    }

    fn own(&self, text: &str) -> String {
        text.replace(LOCAL, &format!(":{}:{}:", self.region, self.account))
    }

    /// dynoxide's error as AWS's.
    pub(super) fn refused(&self, error: &DynoxideError) -> ServiceError {
        let code = error.error_type().rsplit('#').next().unwrap_or_default();
        let text = self.own(without_marks(&error.to_string()));
        let text =
            text.replace("arn:aws:iam::000000000000:root", &format!("arn:aws:iam::{}:user/embedded", self.account));
        let mut refused = ServiceError::new(code, text).with_status(error.status_code());
        let body: Value = serde_json::from_str(&error.to_json()).unwrap_or_default();
        for member in ["CancellationReasons", "Item"] {
            if let Some(value) = body.get(member) {
                refused = refused.with_detail(member, without_marks_in(value.clone()));
            }
        }
        refused
    }
}

/// The marks with which dynoxide's readers say which error they mean.
const MARKS: [&str; 5] =
    ["SERIALIZATION_AS_READ:", "VALIDATION_AS_READ:", "SERIALIZATION:", "VALIDATION_REQUEST:", "VALIDATION:"];

fn without_marks(text: &str) -> &str {
    MARKS.iter().find_map(|mark| text.strip_prefix(mark)).unwrap_or(text)
}

fn without_marks_in(value: Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(without_marks_in).collect()),
        Value::Object(mut members) => {
            if let Some(Value::String(text)) = members.get_mut("Message") {
                *text = without_marks(text).to_owned();
            }
            Value::Object(members)
        }
        other => other,
    }
}

/// An input that dynoxide cannot read: a mark says which error it is; else what is missing or null is a validation error,
/// and what has the wrong type a serialization error.
pub(super) fn unreadable(operation: &str, text: &str) -> ServiceError {
    let clean = without_marks(text);
    if text.starts_with("SERIALIZATION") {
        return ServiceError::new("SerializationException", clean);
    }
    if text.starts_with("VALIDATION_REQUEST:") && matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem") {
        return validation(format!("1 validation error detected: {clean}"));
    }
    if text.starts_with("VALIDATION") || text.contains("Supplied AttributeValue") {
        return validation(clean);
    }
    if let Some(member) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        let mut letters = member.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        let member: String = first.into_iter().chain(letters).collect();
        return validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ));
    }
    if text.contains("unknown variant") || text.contains("invalid type: null") {
        return validation(clean);
    }
    if text.contains("empty AttributeValue") {
        return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
    }
    ServiceError::new("SerializationException", clean)
}

/// An id that follows from the table's name and birth: the same run gives the same one.
fn table_id(name: &str, created_at: &str) -> String {
    let digest = Sha256::digest(format!("{name}/{created_at}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
