//! What was seen in AWS. Pure data: `aws/observe` fills it, `plan` reads it.
//!
//! Each type holds what the operator compares, and no more: what AWS adds to an answer later is never drift.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::ImageDigest;

/// The answer to “is it there?”. A failed read is `Unknown`, and `Unknown` is never `Absent`: nothing is made or
/// deleted because of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Seen<T> {
    Present(T),
    Absent,
    /// It could not be read; the text says why, for people.
    Unknown(String),
}

impl<T> Seen<T> {
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Why it could not be read.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Present(_) | Self::Absent => None,
        }
    }
}

/// Tags as AWS shows them.
pub type Tags = BTreeMap<String, String>;

/// All that one pass saw of one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub cluster: Seen<()>,
    pub repository: Seen<LiveRepository>,
    /// The digest behind the wanted tag (or the wanted digest itself, if the image is there).
    pub image: Seen<ImageDigest>,
    pub execution_role: Seen<LiveRole>,
    pub task_role: Seen<LiveRole>,
    pub log_group: Seen<LiveLogGroup>,
    pub service: Seen<LiveService>,
    /// The service's deployments, newest first; read only while a rollout is under way or the service is in motion.
    pub deployments: Seen<Vec<LiveDeployment>>,
    /// Why tasks of the service stopped lately, newest first; read only while tasks fail.
    pub stopped_tasks: Vec<StoppedTask>,
    /// Names of this agent's alarms that are in ALARM.
    pub alarms_firing: Seen<BTreeSet<String>>,
}

/// A task definition that carries a hash of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTaskDefinition {
    pub arn: String,
    pub active: bool,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRepository {
    pub arn: String,
    /// `imageTagMutability` as AWS writes it.
    pub tag_mutability: String,
    /// Wildcards of the tags that may move all the same.
    pub mutable_tags: BTreeSet<String>,
    pub scan_on_push: bool,
    pub lifecycle_policy: Option<Value>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRole {
    pub arn: String,
    pub trust_policy: Value,
    /// Inline policies by name.
    pub policies: BTreeMap<String, Value>,
    pub permissions_boundary: Option<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveLogGroup {
    pub arn: String,
    pub retention_days: Option<u32>,
    pub kms_key: Option<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveService {
    pub arn: String,
    pub status: ServiceStatus,
    pub task_definition: String,
    pub desired_count: u32,
    pub running_count: u32,
    pub pending_count: u32,
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<String>,
    pub assign_public_ip: bool,
    pub platform_version: String,
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
    pub circuit_breaker: CircuitBreaker,
    /// Target group ARNs, of any load balancer attached.
    pub target_groups: BTreeSet<String>,
    pub execute_command: bool,
    pub managed_tags: bool,
    /// `SERVICE`, `TASK_DEFINITION` or `NONE`.
    pub propagate_tags: String,
    pub tags: Tags,
    /// The deployments that ECS lists in the service itself, newest first.
    pub rollouts: Vec<LiveServiceRollout>,
    /// ECS's own latest words, newest first.
    pub events: Vec<LiveEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    pub enable: bool,
    pub rollback: bool,
}

/// An entry of `Service.deployments`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveServiceRollout {
    pub id: String,
    pub primary: bool,
    pub task_definition: String,
    pub state: RolloutStateSeen,
    pub reason: Option<String>,
    pub desired_count: u32,
    pub running_count: u32,
    pub pending_count: u32,
    pub failed_tasks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutStateSeen {
    InProgress,
    Completed,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveEvent {
    pub id: String,
    pub at: Timestamp,
    pub message: String,
}

/// A service deployment (`DescribeServiceDeployments`) with the task definition of the revision that it aims at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveDeployment {
    pub arn: String,
    pub status: DeploymentStatus,
    pub status_reason: Option<String>,
    /// AWS's clock; compared with other AWS times only.
    pub created_at: Timestamp,
    /// The task definition of the target service revision; `None` if the revision could not be read.
    pub target_task_definition: Option<String>,
    /// What the target revision really runs: container name → image digest.
    pub target_image_digests: BTreeMap<String, String>,
    pub rollback_reason: Option<String>,
    /// Tasks that failed to start, as the circuit breaker counts them.
    pub failed_tasks: u32,
    pub failure_threshold: Option<u32>,
}

/// `ServiceDeployment.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentStatus {
    Pending,
    InProgress,
    StopRequested,
    RollbackRequested,
    RollbackInProgress,
    Successful,
    /// Stopped by hand, superseded, or failed with rollback off: the context tells.
    Stopped,
    RollbackSuccessful,
    RollbackFailed,
}

impl DeploymentStatus {
    /// Nothing will change any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed => true,
            Self::Pending
            | Self::InProgress
            | Self::StopRequested
            | Self::RollbackRequested
            | Self::RollbackInProgress => false,
        }
    }
}

/// Why a task stopped: what a person asks first when a release fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    pub arn: String,
    pub task_definition: String,
    pub reason: String,
    pub exit_code: Option<i32>,
}
