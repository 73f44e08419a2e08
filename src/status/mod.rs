//! What people see: conditions, events, and the stable JSON of `-o json`, of the ledger's status document, and later of
//! HTTP. Nothing volatile is in it, so it is written only when something changed.

mod derive;
mod events;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::{Cause, Provenance};
use crate::names::{ImageDigest, RevisionNumber, RolloutNumber};
use crate::plan::Wait;

pub use derive::{Failure, Report, derive, retained};

/// One agent's status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `FLEET/AGENT`.
    pub agent: String,
    pub state: State,
    /// When the state was last another one.
    pub since: Timestamp,
    /// What git asks for.
    pub wanted: Option<RevisionSummary>,
    /// What serves; during a rollout, what served before it.
    pub serving: Option<RevisionSummary>,
    pub tasks: TaskCounts,
    /// Counts the changes of what git asks.
    pub generation: u64,
    /// The generation that was last seen to be live.
    pub converged_generation: Option<u64>,
    pub rollout: Option<RolloutSummary>,
    pub conditions: Vec<Condition>,
    /// Why nothing more is done now.
    pub waits: Vec<Wait>,
    /// What a person should know first, in one line.
    pub note: Option<String>,
    pub alarms_firing: BTreeSet<String>,
    pub provenance: Provenance,
    /// Newest first, 20 at most.
    pub events: Vec<Event>,
}

/// What one word says of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Something must be there first: an image, a cluster, a role.
    Waiting,
    /// ECS replaces tasks.
    Rolling,
    /// The wanted workload serves at full count.
    Ready,
    /// A release failed; what ran before serves.
    Held,
    /// A person must mend something.
    Stalled,
    /// `mode: observe`.
    Observing,
    /// The file is gone; what runs is retained.
    Retained,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionSummary {
    pub revision: RevisionNumber,
    pub version: String,
    pub digest: ImageDigest,
    pub task_definition: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskCounts {
    pub running: u32,
    pub pending: u32,
    pub desired: u32,
    /// During a rollout: tasks of the new revision that run.
    pub new_running: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutSummary {
    pub number: RolloutNumber,
    pub revision: RevisionNumber,
    pub version: String,
    pub cause: Cause,
    pub phase: RolloutPhase,
    pub started_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RolloutPhase {
    Deploying,
    Monitoring,
}

/// As Kubernetes writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    pub status: ConditionStatus,
    pub message: Option<String>,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub enum ConditionKind {
    /// A healthy revision serves at full count.
    Ready,
    /// Live is what git asks, at the observed generation.
    Converged,
    Progressing,
    Drifted,
    /// The file is good; if not, the last good version of it holds.
    Valid,
    /// AWS takes the operator's calls.
    Reachable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

/// One line of what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub at: Timestamp,
    pub source: EventSource,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EventSource {
    Git,
    Ropewalk,
    Ecs,
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Waiting => "waiting",
            Self::Rolling => "rolling",
            Self::Ready => "ready",
            Self::Held => "held",
            Self::Stalled => "stalled",
            Self::Observing => "observing",
            Self::Retained => "retained",
        })
    }
}

impl Status {
    /// The condition of this kind.
    pub fn condition(&self, kind: ConditionKind) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}
