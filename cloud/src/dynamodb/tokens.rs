//! Request tokens: the same token within ten minutes is the same transaction.
//!
//! A token must be remembered exactly if its transaction was applied, whenever the process is killed. So it is written by
//! SQLite itself, within the transaction: while a call with a token is under way its row waits in a temporary table, and
//! temporary triggers on the tables of items copy it to the lasting one with the first item that is written. A
//! transaction that is rolled back takes the copy with it. One that writes nothing (checks, and deletes of what is not
//! there) leaves no copy; its token is written afterwards, and if that is lost nothing happens twice, because nothing
//! happened.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Database, internal, validation};
use crate::service::{Outcome, ServiceError};

/// How long a token holds (TransactWriteItems, API reference).
const WINDOW_MS: i64 = 10 * 60 * 1000;
/// The longest token (same page).
const LONGEST: usize = 36;

pub(super) const SCHEMA: &str = r#"
    CREATE TABLE IF NOT EXISTS "ropewalk request token" (
        operation TEXT NOT NULL,
        token TEXT NOT NULL,
        hash TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (operation, token)
    );
    CREATE TEMP TABLE "ropewalk pending token" (
        operation TEXT NOT NULL,
        token TEXT NOT NULL,
        hash TEXT NOT NULL,
        at_ms INTEGER NOT NULL
    );
"#;

const REMEMBER: &str = r#"INSERT OR REPLACE INTO "ropewalk request token" (operation, token, hash, at_ms)
    SELECT operation, token, hash, at_ms FROM "ropewalk pending token""#;

impl Database {
    /// Puts the triggers on a table's items. They live as long as the connection and the table.
    pub(super) fn watch_for_tokens(&self, table: &str) -> Result<(), ServiceError> {
        for event in ["INSERT", "UPDATE", "DELETE"] {
            self.sql(&format!(
                r#"CREATE TEMP TRIGGER IF NOT EXISTS "ropewalk {event} {table}" AFTER {event} ON main."{table}"
                   WHEN EXISTS (SELECT 1 FROM "ropewalk pending token")
                   BEGIN {REMEMBER}; END"#
            ))?;
        }
        Ok(())
    }

    /// A transaction, at most once for a token.
    pub(super) fn transact(&self, now: Timestamp, operation: &str, mut input: Value) -> Outcome {
        let token = match input.as_object_mut().and_then(|members| members.remove("ClientRequestToken")) {
            None | Some(Value::Null) => return self.pass_through(operation, input),
            Some(Value::String(token)) => token,
            Some(_) => return Err(validation("ClientRequestToken must be a text")),
        };
        check(&token)?;
        let hash = hash_of(operation, &input);
        let now_ms = now.as_millisecond();
        self.forget_old_tokens(now_ms)?;
        match self.remembered(operation, &token)? {
            Some(known) if known == hash => return Ok(replay(operation, &input)),
            Some(_) => {
                return Err(ServiceError::new(
                    "IdempotentParameterMismatchException",
                    "The request uses the same client token as a previous, but non-identical request.",
                ));
            }
            None => {}
        }
        self.expect(operation, &token, &hash, now_ms)?;
        let answer = self.pass_through(operation, input);
        if answer.is_ok() {
            self.sql(REMEMBER)?;
        }
        self.sql(r#"DELETE FROM "ropewalk pending token""#)?;
        answer
    }

    fn forget_old_tokens(&self, now_ms: i64) -> Result<(), ServiceError> {
        let oldest = now_ms - WINDOW_MS;
        self.storage
            .conn()
            .execute(r#"DELETE FROM "ropewalk request token" WHERE at_ms <= ?1"#, [oldest])
            .map(drop)
            .map_err(|error| internal(&error.to_string()))
    }

    /// The hash of the request that this token came with.
    pub(super) fn remembered(&self, operation: &str, token: &str) -> Result<Option<String>, ServiceError> {
        let failed = |text: String| internal(&text);
        let connection = self.storage.conn();
        let mut statement = connection
            .prepare_cached(r#"SELECT hash FROM "ropewalk request token" WHERE operation = ?1 AND token = ?2"#)
            .map_err(|error| failed(error.to_string()))?;
        let mut rows = statement.query([operation, token]).map_err(|error| failed(error.to_string()))?;
        let row = rows.next().map_err(|error| failed(error.to_string()))?;
        row.map(|row| row.get(0)).transpose().map_err(|error| failed(error.to_string()))
    }

    /// What the triggers are to remember.
    pub(super) fn expect(&self, operation: &str, token: &str, hash: &str, now_ms: i64) -> Result<(), ServiceError> {
        self.sql(r#"DELETE FROM "ropewalk pending token""#)?;
        self.storage
            .conn()
            .execute(
                r#"INSERT INTO "ropewalk pending token" (operation, token, hash, at_ms) VALUES (?1, ?2, ?3, ?4)"#,
                (operation, token, hash, now_ms),
            )
            .map(drop)
            .map_err(|error| internal(&error.to_string()))
    }
}

fn check(token: &str) -> Result<(), ServiceError> {
    let bound = match token.len() {
        0 => "greater than or equal to 1",
        1..=LONGEST => return Ok(()),
        _ => "less than or equal to 36",
    };
    Err(validation(format!(
        "1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy constraint: Member must \
         have length {bound}"
    )))
}

/// What must be the same under one token: the actions. How capacity is to be reported may differ.
pub(super) fn hash_of(operation: &str, input: &Value) -> String {
    let actions = match operation {
        "ExecuteTransaction" => &input["TransactStatements"],
        _ => &input["TransactItems"],
    };
    let mut canonical = String::new();
    write_canonical(actions, &mut canonical);
    Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON with its members in order: clients keep items in hash maps, and a retry may write them in another order.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push('{');
            for name in names {
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write_canonical(&members[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for value in values {
                write_canonical(value, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// The answer to a retry: that of a transaction that was applied. AWS bills it as a read; here each action counts as one
/// transactional read of at most 4 KB (two units), because the sizes of that time are not kept.
fn replay(operation: &str, input: &Value) -> Value {
    if operation == "ExecuteTransaction" {
        let count = input["TransactStatements"].as_array().map_or(0, Vec::len);
        return json!({ "Responses": vec![json!({}); count] });
    }
    let asked = input["ReturnConsumedCapacity"].as_str().unwrap_or("NONE");
    if asked == "NONE" {
        return json!({});
    }
    let mut units: std::collections::BTreeMap<&str, f64> = Default::default();
    for action in input["TransactItems"].as_array().into_iter().flatten() {
        let one = action.as_object().and_then(|members| members.values().next());
        if let Some(table) = one.and_then(|one| one["TableName"].as_str()) {
            *units.entry(table).or_default() += 2.0;
        }
    }
    let consumed: Vec<Value> = units
        .into_iter()
        .map(|(table, units)| json!({ "TableName": table, "CapacityUnits": units, "ReadCapacityUnits": units }))
        .collect();
    json!({ "ConsumedCapacity": consumed })
}
