//! A task's life, step by step.
//!
//! ```text
//! PROVISIONING → PENDING → ACTIVATING → RUNNING → DEACTIVATING → STOPPING → DEPROVISIONING → STOPPED
//!                   └──────────┴ fails ──────────────────────────────────────────↗
//! ```

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::container::HealthCheck;
use crate::behaviour::Behaviour;

/// Attaching a network interface: on Fargate a few seconds (this and the next two: the quick end of the 10 to 40 seconds
/// that a small image takes from launch to RUNNING).
pub(super) const PROVISIONING: SignedDuration = SignedDuration::from_secs(5);
/// Fetching secrets, pulling the image, starting the containers.
pub(super) const PENDING: SignedDuration = SignedDuration::from_secs(4);
/// What follows the start of the containers, e.g. registering with a target group. A container that crashes at its start
/// is gone before this ends, so its task never counts as RUNNING, and the circuit breaker sees it.
pub(super) const ACTIVATING: SignedDuration = SignedDuration::from_secs(1);
/// Deregistering, before the containers are told to stop.
pub(super) const DEACTIVATING: SignedDuration = SignedDuration::from_secs(1);
/// From SIGTERM to the exit of a container that handles it; far below the 30 seconds after which ECS kills.
pub(super) const STOPPING: SignedDuration = SignedDuration::from_secs(2);
/// Detaching the network interface.
pub(super) const DEPROVISIONING: SignedDuration = SignedDuration::from_secs(5);
/// ECS shows stopped tasks for at least an hour.
pub(super) const KEEP_STOPPED: SignedDuration = SignedDuration::from_hours(1);

/// A task's `lastStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum TaskStatus {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl TaskStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// A task's `healthStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

impl Health {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

/// Why a task stops; AWS's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    UserInitiated,
    ServiceSchedulerInitiated,
}

impl StopCode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
        }
    }
}

/// A container of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) essential: bool,
    pub(super) checked: bool,
    pub(super) digest: Option<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
}

/// A task of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) deployment: String,
    pub(super) revision: String,
    pub(super) task_definition: String,
    pub(super) status: TaskStatus,
    /// Whether it is meant to run: `desiredStatus` RUNNING, else STOPPED.
    pub(super) wanted: bool,
    pub(super) health: Health,
    /// The check by which ECS judges it, if an essential container has one.
    pub(super) check: Option<HealthCheck>,
    pub(super) behaviour: Behaviour,
    /// Seconds from its start until it would pass a health check.
    pub(super) ready_after_seconds: u64,
    pub(super) containers: Vec<Container>,
    pub(super) subnet: String,
    /// Counts its changes, as ECS does.
    pub(super) version: u64,
    /// When its next step is.
    pub(super) due: Option<Timestamp>,
    pub(super) stop: Option<(StopCode, String)>,
    pub(super) created_at: Timestamp,
    pub(super) connected_at: Option<Timestamp>,
    pub(super) pull_started_at: Option<Timestamp>,
    pub(super) pull_stopped_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) stopping_at: Option<Timestamp>,
    pub(super) exited_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
}

impl Task {
    /// Running, and healthy where ECS checks its health.
    pub(super) fn is_healthy(&self) -> bool {
        self.status == TaskStatus::Running && (self.check.is_none() || self.health == Health::Healthy)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.status < TaskStatus::Running
    }

    /// Moves to `status`, whose next step comes `after`.
    pub(super) fn enter(&mut self, status: TaskStatus, now: Timestamp, after: SignedDuration) {
        self.status = status;
        self.version += 1;
        self.due = Some(now + after);
    }

    /// It is to stop, for this reason: in an orderly way where containers run, else at once.
    pub(super) fn begin_stop(&mut self, code: StopCode, reason: impl Into<String>, now: Timestamp) {
        if !self.wanted {
            return;
        }
        self.wanted = false;
        self.stop = Some((code, reason.into()));
        self.stopping_at = Some(now);
        match self.status {
            TaskStatus::Running | TaskStatus::Activating => self.enter(TaskStatus::Deactivating, now, DEACTIVATING),
            _ => self.enter(TaskStatus::Deprovisioning, now, DEPROVISIONING),
        }
    }

    /// The essential container has exited by itself.
    pub(super) fn exit(&mut self, code: i32, now: Timestamp) {
        self.wanted = false;
        self.stop = Some((StopCode::EssentialContainerExited, String::from("Essential container in task exited")));
        self.stopping_at = Some(now);
        self.exit_containers(code, now);
        self.enter(TaskStatus::Deprovisioning, now, DEPROVISIONING);
    }

    pub(super) fn exit_containers(&mut self, code: i32, now: Timestamp) {
        self.exited_at = Some(now);
        for container in &mut self.containers {
            // What is not essential handles SIGTERM and leaves in peace.
            container.exit_code.get_or_insert(if container.essential { code } else { 0 });
        }
    }

    /// When a running task's next turn comes, and what it will be.
    pub(super) fn next_turn(&self) -> Option<(SignedDuration, Turn)> {
        if let (Some(check), Health::Unknown) = (&self.check, self.health) {
            let ready = (self.behaviour != Behaviour::Unhealthy).then_some(self.ready_after_seconds);
            return Some(verdict(check, ready));
        }
        match self.behaviour {
            Behaviour::CrashAfter(after) => {
                Some((SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX), Turn::Crashes))
            }
            _ => None,
        }
    }
}

/// What happens to a running task by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    BecomesHealthy,
    BecomesUnhealthy,
    Crashes,
}

/// When a check says HEALTHY or UNHEALTHY of a container that passes from `ready` seconds after its start on (or never).
/// The first check comes one interval after the start. Failures within the start period do not count, after it `retries`
/// in a row do; the first pass counts whenever it comes.
fn verdict(check: &HealthCheck, ready: Option<u64>) -> (SignedDuration, Turn) {
    let interval = u64::from(check.interval.max(1));
    let ignored = u64::from(check.start_period.unwrap_or(0)) / interval;
    let gives_up = interval * (ignored + u64::from(check.retries.max(1)));
    let first_pass = ready.map(|ready| interval * ready.div_ceil(interval).max(1));
    let seconds = |seconds| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    match first_pass.filter(|pass| *pass <= gives_up) {
        Some(pass) => (seconds(pass), Turn::BecomesHealthy),
        None => (seconds(gives_up), Turn::BecomesUnhealthy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start_period: Option<u32>) -> HealthCheck {
        HealthCheck { command: vec![], interval: 30, timeout: 5, retries: 3, start_period }
    }

    #[test]
    fn failures_within_the_start_period_do_not_count() {
        let after = |start_period| verdict(&check(start_period), None);
        assert_eq!(after(None), (SignedDuration::from_secs(90), Turn::BecomesUnhealthy));
        assert_eq!(after(Some(60)), (SignedDuration::from_secs(150), Turn::BecomesUnhealthy));
    }

    #[test]
    fn the_first_check_that_passes_makes_a_task_healthy() {
        let after = |ready| verdict(&check(Some(60)), Some(ready));
        assert_eq!(after(0), (SignedDuration::from_secs(30), Turn::BecomesHealthy));
        assert_eq!(after(31), (SignedDuration::from_secs(60), Turn::BecomesHealthy));
        assert_eq!(after(151), (SignedDuration::from_secs(150), Turn::BecomesUnhealthy));
    }
}
