//! The rollout's state machine: what ECS says of our own deployment, and what follows from it.
//!
//! A deployment is judged by its own service deployment and what that aims at, never by “one deployment and desired =
//! running”: ROLLBACK_SUCCESSFUL is a failed deployment, and one that a newer one replaced is neither.

use jiff::Timestamp;

use crate::ledger::{Head, Rollout, RolloutState};
use crate::observed::{DeploymentStatus, LiveDeployment, LiveService, RolloutStateSeen, Seen, Snapshot};
use crate::plan::Wait;

/// What ECS says of a rollout's own deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of ours is to be seen: it has not begun, or somebody's deployment took its place.
    NotBegun,
    /// Under way; nothing else is written to the service.
    UnderWay(Wait),
    Completed,
    Failed {
        reason: String,
    },
}

/// Judges a rollout that is being deployed. `task_definition` is the ARN that it deploys, if it was seen.
pub fn judge(rollout: &Rollout, task_definition: Option<&str>, snapshot: &Snapshot) -> Verdict {
    let (Some(service), Some(task_definition)) = (snapshot.service.present(), task_definition) else {
        return match &snapshot.service {
            Seen::Unknown(why) => unreadable("the service", why),
            Seen::Present(_) | Seen::Absent => Verdict::NotBegun,
        };
    };
    let deployments = match &snapshot.deployments {
        Seen::Present(deployments) => deployments,
        Seen::Unknown(why) => return unreadable("the service's deployments", why),
        Seen::Absent => return Verdict::NotBegun,
    };
    let since = newer_than(deployments, rollout.after_deployment.as_deref());
    let ours =
        since.iter().position(|deployment| deployment.target_task_definition.as_deref() == Some(task_definition));
    match ours {
        None if since.iter().any(|deployment| deployment.target_task_definition.is_none()) => {
            unreadable("what a deployment aims at", "its service revision is not visible yet")
        }
        None => Verdict::NotBegun,
        Some(position) => judge_own(&since[position], position > 0, service, snapshot),
    }
}

fn unreadable(what: &str, why: &str) -> Verdict {
    Verdict::UnderWay(Wait::Unreadable { what: what.to_owned(), why: why.to_owned() })
}

/// The deployments after the one that was newest before the rollout began. AWS's order, AWS's times: nothing is compared
/// with the local clock.
fn newer_than<'a>(deployments: &'a [LiveDeployment], after: Option<&str>) -> &'a [LiveDeployment] {
    let end = after.and_then(|after| deployments.iter().position(|deployment| deployment.arn == after));
    &deployments[..end.unwrap_or(deployments.len())]
}

fn judge_own(own: &LiveDeployment, replaced: bool, service: &LiveService, snapshot: &Snapshot) -> Verdict {
    match own.status {
        DeploymentStatus::Successful if replaced => Verdict::NotBegun,
        DeploymentStatus::Successful => Verdict::Completed,
        // Something newer took its place: that is not its failure.
        DeploymentStatus::Stopped if replaced => Verdict::NotBegun,
        DeploymentStatus::Stopped | DeploymentStatus::RollbackSuccessful | DeploymentStatus::RollbackFailed => {
            Verdict::Failed { reason: reason(own, snapshot) }
        }
        DeploymentStatus::Pending
        | DeploymentStatus::InProgress
        | DeploymentStatus::StopRequested
        | DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress => under_way(own, service, snapshot),
    }
}

/// A first deployment has nothing to return to: ECS marks it FAILED in the service, and launches no more tasks.
fn under_way(own: &LiveDeployment, service: &LiveService, snapshot: &Snapshot) -> Verdict {
    let primary = service.rollouts.iter().find(|rollout| rollout.primary);
    match primary {
        Some(primary)
            if primary.state == RolloutStateSeen::Failed
                && Some(&primary.task_definition) == own.target_task_definition.as_ref() =>
        {
            Verdict::Failed { reason: reason(own, snapshot) }
        }
        _ => Verdict::UnderWay(Wait::Deploying {
            running: primary.map_or(0, |primary| primary.running_count),
            wanted: service.desired_count,
        }),
    }
}

/// What failed, in one line: ECS's verdict, how many tasks, and the last words of one of them.
fn reason(own: &LiveDeployment, snapshot: &Snapshot) -> String {
    let verdict =
        own.rollback_reason.as_deref().or(own.status_reason.as_deref()).unwrap_or("ECS stopped the deployment");
    let mut reason = verdict.trim_end_matches('.').to_owned();
    if own.failed_tasks > 0 {
        reason += &format!("; {} tasks failed", own.failed_tasks);
    }
    let target = own.target_task_definition.as_ref();
    if let Some(task) = snapshot.stopped_tasks.iter().find(|task| Some(&task.task_definition) == target) {
        reason += &format!("; a task said: {}", task.reason.trim_end_matches('.'));
        if let Some(code) = task.exit_code {
            reason += &format!(" (exit code {code})");
        }
    }
    reason
}

/// A rollout that takes longer than its deadline is ended: ECS would go on trying for hours.
pub fn overdue(rollout: &Rollout, deadline: std::time::Duration, now: Timestamp) -> bool {
    matches!(rollout.state, RolloutState::Deploying)
        && now.duration_since(rollout.started_at).unsigned_abs() > deadline
        && now > rollout.started_at
}

/// The deployment of ours that can be stopped, if there is something to return to.
pub fn stoppable<'a>(head: &Head, task_definition: &str, snapshot: &'a Snapshot) -> Option<&'a str> {
    head.good()?;
    let newest = snapshot.deployments.present()?.first()?;
    let ours = newest.target_task_definition.as_deref() == Some(task_definition);
    let running = matches!(newest.status, DeploymentStatus::Pending | DeploymentStatus::InProgress);
    (ours && running).then_some(newest.arn.as_str())
}
