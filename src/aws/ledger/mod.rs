//! The ledger's store: one DynamoDB table. What its items mean is in `crate::ledger`; how they are kept is here alone.
//!
//! Bodies are JSON text in one attribute; what conditions need (sequence, epoch, owner, counter, digest) stands beside it.

mod commit;
mod fleets;
mod init;
mod items;
mod lease;
mod read;
mod status;

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::sync::Mutex;

use super::clock::Clock;
use super::errors::{AwsError, Remedy};
pub use commit::{Commit, CommitError};
pub use init::Initialised;
pub use lease::{Holder, LEASE_DURATION, Lease, LeaseError, LeaseToken, RENEWAL_INTERVAL, STANDSTILL, Takeover};

/// The ledger in one table. Clones are the same.
#[derive(Clone)]
pub struct LedgerStore {
    client: aws_sdk_dynamodb::Client,
    table: String,
    clock: Clock,
    /// Transactions of one fleet meet at its lease item, where DynamoDB lets one through at a time: so they take turns here.
    turn: Arc<Mutex<()>>,
}

impl fmt::Debug for LedgerStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LedgerStore").field("table", &self.table).finish_non_exhaustive()
    }
}

/// The ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no table, or nothing in it that says it is a ledger.
    #[error("table {table} is not a ledger yet; run `ropewalk init`")]
    NotInitialised { table: String },
    /// Another build wrote it.
    #[error(
        "table {table} is a ledger of schema version {found}, and this build knows version {known}; use the build that fits"
    )]
    OtherSchema { table: String, found: u32, known: u32 },
    /// An item cannot be read as what it should be.
    #[error("item {item} of the ledger cannot be read: {why}")]
    Corrupt { item: String, why: String },
    /// DynamoDB refused, or did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl LedgerStore {
    /// The ledger in `table`. Nothing is sent yet.
    pub fn new(client: aws_sdk_dynamodb::Client, table: &str, clock: Clock) -> Self {
        Self { client, table: table.to_owned(), clock, turn: Arc::default() }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    fn error<E>(&self, operation: &'static str, error: &SdkError<E, HttpResponse>) -> LedgerError
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let error = AwsError::of(operation, &format!("table {}", self.table), error);
        match error.remedy {
            Remedy::NotFound => LedgerError::NotInitialised { table: self.table.clone() },
            _ => LedgerError::Aws(error),
        }
    }
}

impl LedgerError {
    /// The AWS error inside, if it is one.
    pub fn aws(&self) -> Option<&AwsError> {
        match self {
            Self::Aws(error) => Some(error),
            Self::NotInitialised { .. } | Self::OtherSchema { .. } | Self::Corrupt { .. } => None,
        }
    }
}
