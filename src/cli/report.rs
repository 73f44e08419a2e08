//! What `-o json` prints: stable types, with their JSON Schema.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::ledger::{Cause, Entry, Outcome, Provenance, Record, RevisionRef};
use crate::names::{AgentId, ImageDigest, RevisionNumber, RolloutNumber};
use crate::plan::{Change, Plan, PlannedAction, ResourceKind, Wait};
use crate::spec::Problem;
use crate::status::Status;

/// What `status` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// The time where the agents run: the embedded cloud's own, if it is one.
    pub now: Timestamp,
    /// Ordered by fleet and name.
    pub agents: Vec<Status>,
}

/// What `validate` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidateReport {
    /// How many files were read.
    pub files: usize,
    /// Ordered by place.
    pub problems: Vec<Problem>,
}

/// What `plan` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// Ordered by fleet and name.
    pub agents: Vec<AgentPlan>,
}

/// What a pass over one agent would do now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentPlan {
    /// `FLEET/AGENT`.
    pub agent: String,
    /// What git asked for until now.
    pub from: Option<PlannedRevision>,
    /// What it asks for, if that is new.
    pub to: Option<PlannedRevision>,
    /// One AWS write each, in order.
    pub actions: Vec<PlannedWrite>,
    /// What differs from what was converged, by somebody else's hand.
    pub drift: Vec<String>,
    /// Why more is not done at once.
    pub waits: Vec<Wait>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRevision {
    pub revision: RevisionNumber,
    pub version: String,
    pub digest: ImageDigest,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedWrite {
    /// The AWS operation, e.g. `ecs:UpdateService`.
    pub operation: String,
    pub kind: ResourceKind,
    pub resource: String,
    /// Whether it makes something that was not there.
    pub makes: bool,
    /// Field by field; empty where something is made.
    pub changes: Vec<Change>,
}

/// What `history` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryReport {
    /// `FLEET/AGENT`.
    pub agent: String,
    /// Oldest first.
    pub records: Vec<HistoryRecord>,
}

/// One commit to the ledger.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRecord {
    /// From 1, without gap.
    pub sequence: u64,
    /// The epoch of the lease under which it was written.
    pub epoch: u64,
    pub at: Timestamp,
    /// Where the desired state came from.
    pub provenance: Provenance,
    pub entries: Vec<HistoryEntry>,
}

/// One fact or intent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "kind", rename_all_fields = "camelCase")]
pub enum HistoryEntry {
    /// What git asks of the agent changed.
    Desired { generation: u64, revision: PlannedRevision, new_revision: bool },
    /// A task definition of ours was seen.
    TaskDefinitionSeen { arn: String },
    /// What would be written to AWS next.
    Intent { actions: Vec<HistoryAction> },
    /// What was live differed from what was converged.
    Drift { fields: Vec<String> },
    /// A rollout began.
    RolloutStarted { rollout: RolloutNumber, revision: PlannedRevision, cause: Cause },
    /// ECS moved all traffic; the revision was watched from then on.
    Monitoring { rollout: RolloutNumber, until: Timestamp },
    /// A rollout ended.
    RolloutEnded { rollout: RolloutNumber, outcome: Outcome },
    /// All that was intended was seen to be so.
    Converged { generation: u64 },
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryAction {
    /// The AWS operation, e.g. `ecs:UpdateService`.
    pub operation: String,
    pub resource: String,
    /// `desired count 1 → 3`.
    pub changes: Vec<String>,
}

impl From<&RevisionRef> for PlannedRevision {
    fn from(revision: &RevisionRef) -> Self {
        Self { revision: revision.number, version: revision.version.clone(), digest: revision.digest.clone() }
    }
}

impl AgentPlan {
    /// What a pass with this plan would do; `before` is what git asked for until now.
    pub fn new(id: &AgentId, before: Option<&RevisionRef>, plan: &Plan) -> Self {
        let to = plan.entries.iter().find_map(|entry| match entry {
            Entry::Desired { revision, .. } => Some(PlannedRevision::from(revision)),
            _ => None,
        });
        let drift = plan.entries.iter().flat_map(|entry| match entry {
            Entry::Drift { fields } => fields.clone(),
            _ => Vec::new(),
        });
        Self {
            agent: id.to_string(),
            from: before.map(PlannedRevision::from),
            to,
            drift: drift.collect(),
            actions: plan.actions.iter().map(PlannedWrite::from).collect(),
            waits: plan.waits.clone(),
        }
    }

    /// Whether a pass would write anything to AWS, or record that git asks for something else.
    pub fn pending(&self) -> bool {
        self.to.is_some() || !self.actions.is_empty()
    }
}

impl From<&PlannedAction> for PlannedWrite {
    fn from(planned: &PlannedAction) -> Self {
        Self {
            operation: planned.action.operation().to_owned(),
            kind: planned.action.resource_kind(),
            resource: planned.action.resource().to_owned(),
            makes: planned.action.makes(),
            changes: planned.changes.clone(),
        }
    }
}

impl From<&Record> for HistoryRecord {
    fn from(record: &Record) -> Self {
        Self {
            sequence: record.sequence,
            epoch: record.epoch,
            at: record.at,
            provenance: record.provenance.clone(),
            entries: record.entries.iter().map(HistoryEntry::from).collect(),
        }
    }
}

impl From<&Entry> for HistoryEntry {
    fn from(entry: &Entry) -> Self {
        match entry {
            Entry::Desired { generation, revision, content } => {
                Self::Desired { generation: *generation, revision: revision.into(), new_revision: content.is_some() }
            }
            Entry::TaskDefinitionSeen { arn, .. } => Self::TaskDefinitionSeen { arn: arn.clone() },
            Entry::Intent { actions } => Self::Intent {
                actions: actions
                    .iter()
                    .map(|action| HistoryAction {
                        operation: action.operation.clone(),
                        resource: action.resource.clone(),
                        changes: action.changes.iter().cloned().collect(),
                    })
                    .collect(),
            },
            Entry::Drift { fields } => Self::Drift { fields: fields.clone() },
            Entry::RolloutStarted { rollout, revision, cause, .. } => {
                Self::RolloutStarted { rollout: *rollout, revision: revision.into(), cause: cause.clone() }
            }
            Entry::Monitoring { rollout, until } => Self::Monitoring { rollout: *rollout, until: *until },
            Entry::RolloutEnded { rollout, outcome } => {
                Self::RolloutEnded { rollout: *rollout, outcome: outcome.clone() }
            }
            Entry::Converged { generation } => Self::Converged { generation: *generation },
        }
    }
}
