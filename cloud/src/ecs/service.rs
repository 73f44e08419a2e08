//! A service: what it should run, and all that follows from it.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::deployment::{Deployment, DeploymentStatus, Revision, ServiceDeployment};
use super::shapes::{CapacityProviderStrategyItem, DeploymentConfiguration, NetworkConfiguration, Tag};
use super::task::Task;

/// Where a service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ServiceStatus {
    Active,
    /// Deleted; its tasks are still stopping.
    Draining,
    Inactive,
}

/// What makes ECS deploy when it changes. A service revision is one of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Workload {
    /// An ARN.
    pub(super) task_definition: String,
    pub(super) launch_type: Option<String>,
    pub(super) capacity_provider_strategy: Vec<CapacityProviderStrategyItem>,
    pub(super) platform_version: String,
    pub(super) network_configuration: Option<NetworkConfiguration>,
    pub(super) load_balancers: Vec<Value>,
    pub(super) service_registries: Vec<Value>,
    pub(super) service_connect_configuration: Option<Value>,
    pub(super) volume_configurations: Vec<Value>,
    pub(super) vpc_lattice_configurations: Vec<Value>,
}

/// What changes in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ServiceSettings {
    pub(super) deployment: DeploymentConfiguration,
    pub(super) health_check_grace_period_seconds: Option<u32>,
    pub(super) placement_constraints: Vec<Value>,
    pub(super) placement_strategy: Vec<Value>,
    pub(super) enable_ecs_managed_tags: bool,
    pub(super) propagate_tags: Option<String>,
    pub(super) enable_execute_command: bool,
    pub(super) availability_zone_rebalancing: String,
    pub(super) role: Option<String>,
}

/// An event of a service, as people read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) message: String,
}

/// A service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) cluster: String,
    pub(super) arn: String,
    pub(super) status: ServiceStatus,
    pub(super) created_at: Timestamp,
    pub(super) desired: u32,
    pub(super) workload: Workload,
    pub(super) settings: ServiceSettings,
    pub(super) tags: Vec<Tag>,
    /// CreateService's token and input, for its repetition.
    pub(super) client_token: Option<String>,
    pub(super) created_from: Value,
    /// The primary one first, then those whose tasks are still being replaced, newest first.
    pub(super) deployments: Vec<Deployment>,
    /// Oldest first.
    pub(super) service_deployments: Vec<ServiceDeployment>,
    /// By id.
    pub(super) revisions: BTreeMap<String, Revision>,
    /// By id; stopped ones stay for an hour.
    pub(super) tasks: BTreeMap<String, Task>,
    /// Newest first.
    pub(super) events: VecDeque<Event>,
    /// The last deployment that completed, and its revision: where a rollback goes.
    pub(super) last_completed: Option<(String, String)>,
    /// When the scheduler looks at this service next.
    pub(super) wake: Option<Timestamp>,
    /// Whether the last event said that it is in a steady state.
    pub(super) steady: bool,
    /// Rounds in a row in which tasks did not start, and until when no others are started.
    pub(super) failed_rounds: u32,
    pub(super) hold_launches_until: Option<Timestamp>,
}

impl Service {
    pub(super) fn is_active(&self) -> bool {
        self.status == ServiceStatus::Active
    }

    pub(super) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.status == DeploymentStatus::Primary)
    }

    pub(super) fn primary_mut(&mut self) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|deployment| deployment.status == DeploymentStatus::Primary)
    }

    pub(super) fn deployment_mut(&mut self, id: &str) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|deployment| deployment.id == id)
    }

    pub(super) fn service_deployment_mut(&mut self, id: &str) -> Option<&mut ServiceDeployment> {
        self.service_deployments.iter_mut().find(|deployment| deployment.id == id)
    }

    /// The service deployment under way, if one is.
    pub(super) fn ongoing_mut(&mut self) -> Option<&mut ServiceDeployment> {
        self.service_deployments.last_mut().filter(|deployment| !deployment.status.is_terminal())
    }

    /// The scheduler looks at this service at `at`, or earlier if it was going to.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// When something happens here next.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.tasks.values().filter_map(|task| task.due).chain(self.wake).min()
    }

    /// The largest number of tasks that may be there at once.
    pub(super) fn most_tasks(&self) -> usize {
        let percent = self.settings.deployment.maximum_percent.unwrap_or(200);
        (u64::from(self.desired) * u64::from(percent) / 100) as usize
    }

    /// The number of healthy tasks below which the scheduler does not go by itself.
    pub(super) fn least_healthy(&self) -> usize {
        let percent = self.settings.deployment.minimum_healthy_percent.unwrap_or(100);
        (u64::from(self.desired) * u64::from(percent)).div_ceil(100) as usize
    }
}
