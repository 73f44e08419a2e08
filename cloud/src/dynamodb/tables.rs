//! What dynoxide does not keep of a table: when it was made on the cloud's clock, and its continuous backups.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Database, internal, validation};
use crate::service::{Outcome, ServiceError, epoch_seconds};

pub(super) const SCHEMA: &str = r#"
    CREATE TABLE IF NOT EXISTS "ropewalk table" (
        name TEXT PRIMARY KEY,
        created_at_ms INTEGER NOT NULL,
        backups_since_ms INTEGER,
        backup_days INTEGER NOT NULL DEFAULT 35
    );
"#;

/// A row of our own table.
pub(super) struct TableRow {
    pub(super) created_at: Timestamp,
    /// Since when point-in-time recovery is on.
    backups_since: Option<Timestamp>,
    backup_days: i64,
}

impl Database {
    /// The time goes first: a table without its time would show another clock; a time without its table shows nothing,
    /// and the next CreateTable overwrites it.
    pub(super) fn create_table(&self, now: Timestamp, input: Value) -> Outcome {
        let name = input["TableName"].as_str().unwrap_or_default().to_owned();
        if !self.exists(&name)? {
            self.storage
                .conn()
                .execute(
                    r#"INSERT OR REPLACE INTO "ropewalk table" (name, created_at_ms) VALUES (?1, ?2)"#,
                    (&name, now.as_millisecond()),
                )
                .map_err(|error| internal(&error.to_string()))?;
        }
        let answer = self.pass_through("CreateTable", input)?;
        self.watch_for_tokens(&name)?;
        self.with_own_times(answer)
    }

    pub(super) fn delete_table(&self, input: Value) -> Outcome {
        let name = input["TableName"].as_str().unwrap_or_default().to_owned();
        let answer = self.pass_through("DeleteTable", input)?;
        let answer = self.with_own_times(answer)?;
        self.storage
            .conn()
            .execute(r#"DELETE FROM "ropewalk table" WHERE name = ?1"#, [&name])
            .map_err(|error| internal(&error.to_string()))?;
        Ok(answer)
    }

    fn exists(&self, name: &str) -> Result<bool, ServiceError> {
        self.storage.table_exists(name).map_err(|error| self.refused(&error))
    }

    pub(super) fn row(&self, name: &str) -> Result<Option<TableRow>, ServiceError> {
        let failed = |text: String| internal(&text);
        let connection = self.storage.conn();
        let mut statement = connection
            .prepare_cached(
                r#"SELECT created_at_ms, backups_since_ms, backup_days FROM "ropewalk table" WHERE name = ?1"#,
            )
            .map_err(|error| failed(error.to_string()))?;
        let mut rows = statement.query([name]).map_err(|error| failed(error.to_string()))?;
        let Some(row) = rows.next().map_err(|error| failed(error.to_string()))? else { return Ok(None) };
        let read = || -> Result<(i64, Option<i64>, i64), String> {
            let text = |column: usize| format!("column {column} of a table's row cannot be read");
            Ok((row.get(0).map_err(|_| text(0))?, row.get(1).map_err(|_| text(1))?, row.get(2).map_err(|_| text(2))?))
        };
        let (created_at_ms, since_ms, backup_days) = read().map_err(failed)?;
        let time = |ms: i64| Timestamp::from_millisecond(ms).map_err(|error| internal(&error.to_string()));
        Ok(Some(TableRow {
            created_at: time(created_at_ms)?,
            backups_since: since_ms.map(time).transpose()?,
            backup_days,
        }))
    }

    pub(super) fn update_continuous_backups(&self, now: Timestamp, input: &Value) -> Outcome {
        let name = self.existing_table(input)?;
        let specification = &input["PointInTimeRecoverySpecification"];
        let enabled = specification["PointInTimeRecoveryEnabled"].as_bool().ok_or_else(|| {
            validation(
                "1 validation error detected: Value null at \
                 'pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled' failed to satisfy constraint: Member must \
                 not be null",
            )
        })?;
        let days = match &specification["RecoveryPeriodInDays"] {
            Value::Null => 35,
            given => given.as_i64().filter(|days| (1..=35).contains(days)).ok_or_else(|| {
                validation(format!(
                    "1 validation error detected: Value '{given}' at \
                     'pointInTimeRecoverySpecification.recoveryPeriodInDays' failed to satisfy constraint: Member must \
                     have value between 1 and 35"
                ))
            })?,
        };
        let since = enabled.then_some(now.as_millisecond());
        // Recovery that is on already keeps the time since which it is on.
        self.storage
            .conn()
            .execute(
                r#"UPDATE "ropewalk table"
                   SET backups_since_ms = CASE WHEN ?2 IS NULL THEN NULL ELSE COALESCE(backups_since_ms, ?2) END,
                       backup_days = ?3
                   WHERE name = ?1"#,
                (&name, since, days),
            )
            .map_err(|error| internal(&error.to_string()))?;
        self.describe_continuous_backups(now, input)
    }

    pub(super) fn describe_continuous_backups(&self, now: Timestamp, input: &Value) -> Outcome {
        let name = self.existing_table(input)?;
        let row = self.row(&name)?;
        let recovery = match row.as_ref().and_then(|row| Some((row.backups_since?, row.backup_days))) {
            None => json!({ "PointInTimeRecoveryStatus": "DISABLED" }),
            Some((since, days)) => {
                let earliest = since.max(now - SignedDuration::from_hours(24 * days));
                // The latest time is typically five minutes ago (DescribeContinuousBackups, API reference).
                let latest = earliest.max(now - SignedDuration::from_mins(5));
                json!({
                    "PointInTimeRecoveryStatus": "ENABLED",
                    "RecoveryPeriodInDays": days,
                    "EarliestRestorableDateTime": epoch_seconds(earliest),
                    "LatestRestorableDateTime": epoch_seconds(latest),
                })
            }
        };
        Ok(json!({ "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        } }))
    }

    fn existing_table(&self, input: &Value) -> Result<String, ServiceError> {
        let name = input["TableName"].as_str().ok_or_else(|| {
            validation(
                "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be \
                 null",
            )
        })?;
        match self.exists(name)? {
            true => Ok(name.to_owned()),
            false => Err(ServiceError::new("TableNotFoundException", format!("Table not found: {name}"))),
        }
    }
}
