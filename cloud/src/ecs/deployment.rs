//! Deployments, as ECS tells of them: what a service lists, its service deployments, its service revisions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::service::Workload;
use super::shapes::DeploymentConfiguration;

/// A deployment's place in its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DeploymentStatus {
    Primary,
    /// Its tasks are being replaced by the primary one's.
    Active,
}

impl DeploymentStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Active => "ACTIVE",
        }
    }
}

/// How far a deployment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// One entry of a service's `deployments`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Deployment {
    /// `ecs-svc/` and 19 digits.
    pub(super) id: String,
    pub(super) status: DeploymentStatus,
    pub(super) rollout: Rollout,
    pub(super) reason: String,
    pub(super) revision: String,
    pub(super) failed_tasks: u32,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// A service deployment's state; AWS's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ServiceDeploymentStatus {
    Pending,
    InProgress,
    StopRequested,
    RollbackRequested,
    RollbackInProgress,
    Successful,
    Stopped,
    RollbackSuccessful,
    RollbackFailed,
}

impl ServiceDeploymentStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::StopRequested => "STOP_REQUESTED",
            Self::RollbackRequested => "ROLLBACK_REQUESTED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed)
    }
}

/// What the circuit breaker of a service deployment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Monitor {
    Disabled,
    Monitoring,
    Triggered,
    MonitoringComplete,
}

impl Monitor {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Disabled => "DISABLED",
            Self::Monitoring => "MONITORING",
            Self::Triggered => "TRIGGERED",
            Self::MonitoringComplete => "MONITORING_COMPLETE",
        }
    }
}

/// Where a failed service deployment goes back to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rollback {
    pub(super) reason: String,
    pub(super) started_at: Timestamp,
    pub(super) revision: String,
}

/// One service deployment, from its request to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ServiceDeployment {
    pub(super) id: String,
    /// The entry of `deployments` that it brought.
    pub(super) deployment: String,
    pub(super) status: ServiceDeploymentStatus,
    pub(super) reason: Option<String>,
    pub(super) sources: Vec<String>,
    pub(super) target: String,
    pub(super) configuration: DeploymentConfiguration,
    pub(super) breaker: Monitor,
    pub(super) failure_count: u32,
    pub(super) threshold: u32,
    pub(super) rollback: Option<Rollback>,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
    pub(super) updated_at: Timestamp,
}

impl ServiceDeployment {
    /// Ends in `status`.
    pub(super) fn finish(&mut self, status: ServiceDeploymentStatus, reason: Option<String>, at: Timestamp) {
        self.status = status;
        self.reason = reason.or(self.reason.take());
        self.finished_at = Some(at);
        self.updated_at = at;
        if status == ServiceDeploymentStatus::Stopped {
            self.stopped_at.get_or_insert(at);
        }
        if self.breaker == Monitor::Monitoring {
            self.breaker = Monitor::MonitoringComplete;
        }
    }
}

/// One service revision: a workload, and the digests to which its images were resolved when its first task started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Revision {
    pub(super) id: String,
    pub(super) workload: Workload,
    pub(super) created_at: Timestamp,
    /// By container name. Later tasks run the same digests, whatever happens to the tags meanwhile.
    pub(super) digests: BTreeMap<String, String>,
}
