//! DynamoDB: dynoxide behind the wire, with what it lacks put around it.
//!
//! dynoxide answers the items and tables. Around it stand: request tokens on the cloud's clock, remembered in the same
//! SQLite transaction as the writes they stand for (`tokens`); creation times on the cloud's clock; ARNs of this account
//! and region; continuous backups; and members that dynoxide would silently lose are refused (`members`).

mod answers;
mod members;
mod tables;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use dynoxide::DynoxideError;
use dynoxide::actions::{self, vector_lifecycle::VectorIndexLifecycle};
use dynoxide::storage::Storage;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::service::{Outcome, ServiceError};

/// The tables of all accounts and regions: one SQLite file each, or one database each in memory.
pub(crate) struct Tables {
    data: Option<PathBuf>,
    databases: Mutex<BTreeMap<(String, String), Database>>,
}

/// The tables cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the DynamoDB tables of account {account} in {region} cannot be opened: {reason}")]
pub(crate) struct TablesError {
    account: String,
    region: String,
    reason: String,
}

impl Tables {
    /// Opens what is below `data`, or starts empty in memory.
    ///
    /// # Errors
    /// A file cannot be opened, is no database, or was written by a newer version.
    pub(crate) fn open(data: Option<&Path>) -> Result<Self, TablesError> {
        let tables = Self { data: data.map(|data| data.join("dynamodb")), databases: Mutex::default() };
        for (account, region) in tables.data.as_deref().map(saved).unwrap_or_default() {
            tables.with_database(&account, &region, |_| ())?;
        }
        Ok(tables)
    }

    /// Answers one call. What was answered survives the process.
    pub(crate) fn call(&self, operation: &str, input: Value, account: &str, region: &str, now: Timestamp) -> Outcome {
        self.with_database(account, region, |database| database.call(now, operation, input))
            .unwrap_or_else(|error| Err(internal(&error.to_string())))
    }

    fn with_database<T>(
        &self,
        account: &str,
        region: &str,
        act: impl FnOnce(&Database) -> T,
    ) -> Result<T, TablesError> {
        let mut databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), region.to_owned());
        let database = match databases.entry(key) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let path = self.data.as_ref().map(|data| data.join(account).join(format!("{region}.sqlite")));
                entry.insert(Database::open(path.as_deref(), account, region)?)
            }
        };
        Ok(act(database))
    }
}

/// The accounts and regions that have a file.
fn saved(data: &Path) -> Vec<(String, String)> {
    let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found = Vec::new();
    for account in entries(data) {
        for file in entries(&account).filter(|file| file.extension().is_some_and(|kind| kind == "sqlite")) {
            if let (Some(account), Some(region)) = (account.file_name(), file.file_stem()) {
                found.push((account.to_string_lossy().into_owned(), region.to_string_lossy().into_owned()));
            }
        }
    }
    found
}

/// The tables of one account and region.
struct Database {
    storage: Storage,
    lifecycle: VectorIndexLifecycle,
    clock: CallClock,
    account: String,
    region: String,
}

/// dynoxide's clock: the time of the call under way, in milliseconds since 1970.
#[derive(Clone, Debug, Default)]
struct CallClock(Arc<AtomicI64>);

impl dynoxide::storage_backend::Clock for CallClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed) / 1000).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1000.0
    }
}

impl Database {
    fn open(path: Option<&Path>, account: &str, region: &str) -> Result<Self, TablesError> {
        let failed = |reason: String| TablesError { account: account.to_owned(), region: region.to_owned(), reason };
        let storage = match path {
            None => Storage::memory(),
            Some(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
                }
                let text = path.to_str().ok_or_else(|| failed("its path is not UTF-8".to_owned()))?;
                Storage::new(text)
            }
        };
        let storage = storage.map_err(|error| failed(error.to_string()))?;
        let clock = CallClock::default();
        let database = Self {
            storage: storage.with_clock(Arc::new(clock.clone())),
            lifecycle: VectorIndexLifecycle::new(),
            clock,
            account: account.to_owned(),
            region: region.to_owned(),
        };
        database.prepare().map_err(|error| failed(error.message))?;
        Ok(database)
    }

    /// What stands beside dynoxide's own tables. Their names have spaces, which names of DynamoDB tables cannot have.
    fn prepare(&self) -> Result<(), ServiceError> {
        self.sql(tables::SCHEMA)?;
        self.sql(tokens::SCHEMA)?;
        for name in self.storage.list_table_names().map_err(|error| self.refused(&error))? {
            self.watch_for_tokens(&name)?;
        }
        Ok(())
    }

    fn call(&self, now: Timestamp, operation: &str, input: Value) -> Outcome {
        self.clock.0.store(now.as_millisecond(), Ordering::Relaxed);
        let input = if input.is_null() { Value::Object(Default::default()) } else { input };
        members::check(operation, &input)?;
        let input = self.with_table_names(input)?;
        match operation {
            "CreateTable" => self.create_table(now, input),
            "DeleteTable" => self.delete_table(input),
            "UpdateContinuousBackups" => self.update_continuous_backups(now, &input),
            "DescribeContinuousBackups" => self.describe_continuous_backups(now, &input),
            "TransactWriteItems" | "ExecuteTransaction" => self.transact(now, operation, input),
            "DescribeTable" | "UpdateTable" => {
                let answer = self.pass_through(operation, input)?;
                self.with_own_times(answer)
            }
            "ListStreams" | "DescribeStream" => {
                let answer = self.pass_through(operation, input)?;
                Ok(self.with_own_arns(answer))
            }
            _ => self.pass_through(operation, input),
        }
    }

    /// What dynoxide answers.
    fn pass_through(&self, operation: &str, input: Value) -> Outcome {
        let storage = &self.storage;
        let lifecycle = &self.lifecycle;
        macro_rules! run {
            ($action:ident $(, $more:expr)?) => {{
                let request = self.request(operation, input)?;
                self.finish(actions::$action::execute(storage, request $(, $more)?))
            }};
        }
        match operation {
            "CreateTable" => run!(create_table),
            "DeleteTable" => run!(delete_table, lifecycle),
            "DescribeTable" => run!(describe_table, lifecycle),
            "UpdateTable" => run!(update_table, lifecycle),
            "ListTables" => run!(list_tables),
            "PutItem" => run!(put_item),
            "GetItem" => run!(get_item),
            "UpdateItem" => run!(update_item),
            "DeleteItem" => run!(delete_item),
            "Query" => run!(query),
            "Scan" => run!(scan),
            "BatchGetItem" => run!(batch_get_item),
            "BatchWriteItem" => run!(batch_write_item),
            "TransactWriteItems" => run!(transact_write_items),
            "TransactGetItems" => run!(transact_get_items),
            "ExecuteStatement" => run!(execute_statement),
            "BatchExecuteStatement" => run!(batch_execute_statement),
            "ExecuteTransaction" => run!(execute_transaction),
            "TagResource" => run!(tag_resource),
            "UntagResource" => run!(untag_resource),
            "ListTagsOfResource" => run!(list_tags_of_resource),
            "UpdateTimeToLive" => run!(update_time_to_live),
            "DescribeTimeToLive" => run!(describe_time_to_live),
            "ListStreams" => run!(list_streams),
            "DescribeStream" => run!(describe_stream),
            "GetShardIterator" => run!(get_shard_iterator),
            "GetRecords" => run!(get_records),
            _ => Err(ServiceError::unknown_operation("dynamodb", operation)),
        }
    }

    fn request<T: DeserializeOwned>(&self, operation: &str, input: Value) -> Result<T, ServiceError> {
        serde_json::from_value(input).map_err(|error| answers::unreadable(operation, &error.to_string()))
    }

    fn finish<T: Serialize>(&self, future: impl Future<Output = dynoxide::Result<T>>) -> Outcome {
        let answer = at_once(future).map_err(|error| self.refused(&error))?;
        crate::service::output(&answer)
    }

    /// Runs SQL statements of our own.
    fn sql(&self, statements: &str) -> Result<(), ServiceError> {
        self.storage.conn().execute_batch(statements).map_err(|error| internal(&error.to_string()))
    }
}

/// Runs a future of dynoxide's SQLite storage, which never waits (dynoxide, `NativeDatabase`).
fn at_once<T>(future: impl Future<Output = dynoxide::Result<T>>) -> dynoxide::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(DynoxideError::InternalServerError("the storage made a call wait".to_owned())),
    }
}

fn internal(text: &str) -> ServiceError {
    ServiceError::new("InternalServerError", text).with_status(500)
}

fn validation(text: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationException", text)
}
