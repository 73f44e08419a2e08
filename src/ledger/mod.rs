//! What happened: the record types of the ledger, and the fold that makes an agent's head of its records.
//!
//! The ledger is event-sourced: a head is what its records say, and anyone can fold them again to check it.

pub mod head;
pub mod record;

pub use head::{Head, Held, Rollout, RolloutState};
pub use record::{Cause, Entry, Outcome, Provenance, Record, RevisionRef};

use serde::{Deserialize, Serialize};

/// The ledger's own identity: `LEDGER`/`META`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    pub ledger_id: String,
    pub schema_version: u32,
}

/// The schema that this build reads and writes. A ledger of another version is refused.
pub const SCHEMA_VERSION: u32 = 1;
