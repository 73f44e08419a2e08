//! What to do next: the only place that decides.

pub mod action;
pub mod diff;
mod guard;
mod planner;
mod rollout;
pub mod target;
pub mod wait;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::{Entry, Head, Provenance, RevisionRef};
use crate::names::{ContentHash, ImageDigest};
use crate::observed::{LiveTaskDefinition, Seen, Snapshot};
use crate::spec::model::{Agent, Fleet};
pub use action::{Action, Change, PlannedAction, ResourceKind};
pub use target::{Questions, TaskDefinitionQuestion, questions};
pub use wait::Wait;

/// All that a decision may depend on.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    pub now: Timestamp,
    pub ledger_id: &'a str,
    pub fleet: &'a Fleet,
    pub agent: &'a Agent,
    pub provenance: &'a Provenance,
    pub head: &'a Head,
    pub recall: &'a Recall,
    pub snapshot: &'a Snapshot,
}

/// What the ledger remembers of this content, beyond the head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recall {
    /// The digest that the wanted tag meant when it was first seen.
    pub tag_digest: Option<ImageDigest>,
    /// Revisions that had a number before, by revision hash: the wanted one, if it did.
    pub revisions: BTreeMap<ContentHash, RevisionRef>,
    /// The contents that may have to be restored, by revision hash: the last that succeeded.
    pub contents: BTreeMap<ContentHash, crate::resources::Content>,
    /// Task definitions by hash: from the ledger's ARN or found by tag.
    pub task_definitions: BTreeMap<ContentHash, Seen<LiveTaskDefinition>>,
}

/// What to do next, and why nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What happened and what is intended: committed before the first action.
    pub entries: Vec<Entry>,
    /// In order; the first failure stops the rest.
    pub actions: Vec<PlannedAction>,
    /// Why more is not done.
    pub waits: Vec<Wait>,
    /// When to look again, if nothing wakes the loop before; `None` for the next resync.
    pub next_wake: Option<Duration>,
}

/// Decides what to do next: pure, and total.
pub fn plan(input: &Input<'_>) -> Plan {
    planner::Planner::new(input).plan()
}
