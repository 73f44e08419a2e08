//! Records: append-only, numbered without gap, chained by hash.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{ContentHash, ImageDigest, RevisionNumber, RolloutNumber};
use crate::resources::{Content, Hashes};

/// One commit to an agent's ledger: all that one pass decided, before its first effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// From 1, without gap.
    pub sequence: u64,
    /// The lease's epoch at commit.
    pub epoch: u64,
    pub at: Timestamp,
    /// The hash of the record before; `None` in the first.
    pub previous: Option<ContentHash>,
    pub provenance: Provenance,
    pub entries: Vec<Entry>,
}

impl Record {
    /// The hash that the next record carries.
    ///
    /// # Errors
    /// If the record cannot be written as canonical JSON.
    pub fn hash(&self) -> Result<ContentHash, serde_json::Error> {
        ContentHash::of(self)
    }
}

/// Where the desired state came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// The git commit, where the directory is a git work tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The first line of the commit's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The work tree held changes that were not committed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncommitted: bool,
}

/// A revision, as the rest of the ledger refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionRef {
    pub number: RevisionNumber,
    pub hashes: Hashes,
    /// The tag that people wrote, or the digest's short form.
    pub version: String,
    pub digest: ImageDigest,
    /// The sequence number of the record that holds the content.
    pub recorded_in: u64,
}

/// Why a rollout began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// The agent's first deployment.
    Created,
    /// Git asks for another workload.
    NewContent,
    /// Somebody else changed what runs; it is put back.
    Drift,
    /// A release failed; what is held is put back where ECS did not do it.
    Hold,
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Succeeded,
    /// What ran before runs again; the text says why.
    RolledBack {
        reason: String,
    },
    /// There was nothing to go back to; the text says why.
    Stalled {
        reason: String,
    },
    /// Newer content took its place.
    Superseded,
}

/// One fact or intent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Entry {
    /// What git asks of the agent changed. `content` is there when the revision is new.
    Desired {
        generation: u64,
        revision: RevisionRef,
        content: Option<Box<Content>>,
    },
    /// A task definition of ours was seen.
    TaskDefinitionSeen {
        hash: ContentHash,
        arn: String,
    },
    /// What will be written to AWS next, in absolute values; written before the first of it.
    Intent {
        actions: Vec<IntendedAction>,
    },
    /// What is live differs from what was converged; the fields that did.
    Drift {
        fields: Vec<String>,
    },
    RolloutStarted {
        rollout: RolloutNumber,
        revision: RevisionRef,
        cause: Cause,
        /// The newest service deployment before it began: ours is newer.
        after_deployment: Option<String>,
    },
    /// ECS moved all traffic; the revision is watched from now on.
    Monitoring {
        rollout: RolloutNumber,
        until: Timestamp,
    },
    RolloutEnded {
        rollout: RolloutNumber,
        outcome: Outcome,
    },
    /// All that was intended is seen to be so.
    Converged {
        generation: u64,
    },
}

/// An action as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntendedAction {
    /// The AWS operation, e.g. `ecs:UpdateService`.
    pub operation: String,
    /// The resource's name.
    pub resource: String,
    /// What changes, for people: `desired count 1 → 3`.
    pub changes: BTreeSet<String>,
    /// Of the whole action: the same hash means the same values.
    pub hash: ContentHash,
}
