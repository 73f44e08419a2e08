//! An agent's head: what its records add up to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Cause, Entry, Outcome, Record, RevisionRef};
use crate::names::{ContentHash, RolloutNumber};

/// What an agent's records add up to. `AGENT#…`/`HEAD` holds it, so that a pass reads one item, not the whole history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The last record's number; 0 before the first.
    pub sequence: u64,
    /// The last record's hash.
    pub last_hash: Option<ContentHash>,
    /// Counts the changes of what git asks.
    pub generation: u64,
    /// The generation that was last seen to be live; `None` while something is still to be done.
    pub converged: Option<u64>,
    /// How many revision numbers were given.
    pub revisions: u32,
    /// How many rollouts there were.
    pub rollouts: u32,
    /// What git asks for.
    pub desired: Option<RevisionRef>,
    /// The rollout under way.
    pub rollout: Option<Rollout>,
    /// The revision of the last rollout that succeeded: what a failed release goes back to.
    pub succeeded: Option<RevisionRef>,
    /// The revision that ECS last moved all traffic to: what a failed release goes back to while none has succeeded yet.
    pub served: Option<RevisionRef>,
    /// Workloads that failed, by workload hash. They are never selected again until a person lifts it.
    pub quarantine: BTreeMap<ContentHash, Held>,
    /// Task definition hash → ARN, for the revisions that this head names.
    pub task_definitions: BTreeMap<ContentHash, String>,
    /// Hashes of the actions that were intended and not yet seen to be done.
    pub intended: BTreeSet<ContentHash>,
}

/// The rollout under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    pub number: RolloutNumber,
    pub revision: RevisionRef,
    pub cause: Cause,
    pub state: RolloutState,
    pub started_at: Timestamp,
    pub after_deployment: Option<String>,
}

/// Where a rollout is. (Gates and analyses of traffic shifts will be states of their own.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RolloutState {
    /// ECS replaces tasks.
    Deploying,
    /// All traffic has moved; the revision is watched.
    Monitoring { until: Timestamp },
}

/// Why a workload is in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    pub version: String,
    pub reason: String,
    pub rollout: RolloutNumber,
    pub at: Timestamp,
}

impl Head {
    /// The head after one more record. Total: a record that does not fit changes nothing it should not.
    #[must_use]
    pub fn after(&self, record: &Record, record_hash: ContentHash) -> Self {
        let mut head = self.clone();
        for entry in &record.entries {
            head.apply(entry, record.at);
        }
        head.sequence = record.sequence;
        head.last_hash = Some(record_hash);
        head.forget_unnamed();
        head
    }

    /// Whether this workload failed and is held back.
    pub fn quarantined(&self, workload: &ContentHash) -> Option<&Held> {
        self.quarantine.get(workload)
    }

    /// What a failed release goes back to: the last that succeeded; before there is one, the last that served. Never one
    /// that failed itself.
    pub fn good(&self) -> Option<&RevisionRef> {
        let good = |revision: &&RevisionRef| self.quarantined(&revision.hashes.workload).is_none();
        self.succeeded.as_ref().filter(good).or(self.served.as_ref().filter(good))
    }

    /// One entry's effect.
    pub fn apply(&mut self, entry: &Entry, at: Timestamp) {
        match entry {
            Entry::Desired { generation, revision, .. } => {
                self.generation = *generation;
                self.revisions = self.revisions.max(revision.number.0);
                self.desired = Some(revision.clone());
                self.converged = None;
            }
            Entry::TaskDefinitionSeen { hash, arn } => {
                self.task_definitions.insert(hash.clone(), arn.clone());
            }
            Entry::Intent { actions } => {
                self.intended.extend(actions.iter().map(|action| action.hash.clone()));
                self.converged = None;
            }
            Entry::Drift { .. } => self.converged = None,
            Entry::RolloutStarted { rollout, revision, cause, after_deployment } => {
                self.rollouts = rollout.0;
                self.converged = None;
                self.rollout = Some(Rollout {
                    number: *rollout,
                    revision: revision.clone(),
                    cause: cause.clone(),
                    state: RolloutState::Deploying,
                    started_at: at,
                    after_deployment: after_deployment.clone(),
                });
            }
            Entry::Monitoring { until, .. } => {
                if let Some(rollout) = &mut self.rollout {
                    rollout.state = RolloutState::Monitoring { until: *until };
                    self.served = Some(rollout.revision.clone());
                }
            }
            Entry::RolloutEnded { outcome, .. } => self.end_rollout(outcome, at),
            Entry::Converged { generation } => {
                self.converged = Some(*generation);
                self.intended.clear();
            }
        }
    }

    fn end_rollout(&mut self, outcome: &Outcome, at: Timestamp) {
        let Some(rollout) = self.rollout.take() else { return };
        match outcome {
            Outcome::Succeeded => self.succeeded = Some(rollout.revision),
            Outcome::RolledBack { reason } | Outcome::Stalled { reason } => {
                let held = Held {
                    version: rollout.revision.version.clone(),
                    reason: reason.clone(),
                    rollout: rollout.number,
                    at,
                };
                self.quarantine.insert(rollout.revision.hashes.workload, held);
            }
            Outcome::Superseded => {}
        }
    }

    /// Keeps the head small: only the task definitions that it names are kept in it; the ledger has an item for each.
    fn forget_unnamed(&mut self) {
        let named: BTreeSet<&ContentHash> = [&self.desired, &self.succeeded, &self.served]
            .into_iter()
            .flatten()
            .chain(self.rollout.as_ref().map(|rollout| &rollout.revision))
            .map(|revision| &revision.hashes.task_definition)
            .collect();
        self.task_definitions.retain(|hash, _| named.contains(hash));
    }
}
