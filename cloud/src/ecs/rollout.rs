//! The transitions of a deployment: begin, complete, fail, roll back, stop.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::circuit_breaker;
use super::deployment::{
    Deployment, DeploymentStatus, Monitor, Revision, Rollback, Rollout, ServiceDeployment, ServiceDeploymentStatus,
};
use super::events;
use super::scheduler::SCHEDULER_DELAY;
use super::service::Service;
use crate::world::World;

/// Begins a deployment of the service's present workload. One that is under way is superseded.
pub(super) fn begin(service: &mut Service, world: &mut World) {
    let now = world.now;
    if let Some(ongoing) = service.ongoing_mut() {
        let reason = String::from("The service deployment was stopped because a newer service deployment started.");
        ongoing.finish(ServiceDeploymentStatus::Stopped, Some(reason), now);
    }
    let sources: Vec<String> = {
        let mut sources: Vec<String> = Vec::new();
        for deployment in &service.deployments {
            if !sources.contains(&deployment.revision) {
                sources.push(deployment.revision.clone());
            }
        }
        sources
    };
    let revision = world.ids.digits19();
    service.revisions.insert(
        revision.clone(),
        Revision {
            id: revision.clone(),
            workload: service.workload.clone(),
            created_at: now,
            digests: Default::default(),
        },
    );
    let deployment = make_primary(service, &revision, world);
    let breaker = service.settings.deployment.breaker();
    service.service_deployments.push(ServiceDeployment {
        id: world.ids.hex32()[..21].to_owned(),
        deployment,
        status: ServiceDeploymentStatus::Pending,
        reason: None,
        sources,
        target: revision,
        configuration: service.settings.deployment.clone(),
        breaker: if breaker.enable { Monitor::Monitoring } else { Monitor::Disabled },
        failure_count: 0,
        threshold: circuit_breaker::threshold(&breaker, service.desired),
        rollback: None,
        created_at: now,
        started_at: None,
        finished_at: None,
        stopped_at: None,
        updated_at: now,
    });
    forget_old(service);
    service.wake_at(now + SCHEDULER_DELAY);
}

/// How many service deployments are kept; ECS keeps those of 90 days.
const KEPT_DEPLOYMENTS: usize = 200;

/// Forgets the oldest service deployments, and the revisions that nothing names any more.
fn forget_old(service: &mut Service) {
    let surplus = service.service_deployments.len().saturating_sub(KEPT_DEPLOYMENTS);
    service.service_deployments.drain(..surplus);
    let mut named: BTreeSet<String> = service.last_completed.iter().map(|(_, revision)| revision.clone()).collect();
    for deployment in &service.service_deployments {
        named.extend(deployment.sources.iter().chain([&deployment.target]).cloned());
    }
    named.extend(service.deployments.iter().map(|deployment| deployment.revision.clone()));
    named.extend(service.tasks.values().map(|task| task.revision.clone()));
    service.revisions.retain(|id, _| named.contains(id));
}

/// Puts a new primary deployment of `revision` before the others; returns its id.
fn make_primary(service: &mut Service, revision: &str, world: &mut World) -> String {
    let id = format!("ecs-svc/{}", world.ids.digits19());
    demote(service, world.now);
    service.deployments.insert(
        0,
        Deployment {
            id: id.clone(),
            status: DeploymentStatus::Primary,
            rollout: Rollout::InProgress,
            reason: format!("ECS deployment {id} in progress."),
            revision: revision.to_owned(),
            failed_tasks: 0,
            created_at: world.now,
            updated_at: world.now,
        },
    );
    id
}

fn demote(service: &mut Service, now: Timestamp) {
    if let Some(primary) = service.primary_mut() {
        primary.status = DeploymentStatus::Active;
        primary.updated_at = now;
    }
    // A new deployment starts its tasks at once, however badly the one before it did.
    service.failed_rounds = 0;
    service.hold_launches_until = None;
    service.steady = false;
}

/// The primary deployment has replaced everything: it is complete, and so is its service deployment.
pub(super) fn complete(service: &mut Service, world: &mut World) {
    let now = world.now;
    let Some(primary) = service.primary_mut() else { return };
    primary.rollout = Rollout::Completed;
    primary.reason = format!("ECS deployment {} completed.", primary.id);
    primary.updated_at = now;
    let (id, revision) = (primary.id.clone(), primary.revision.clone());
    service.last_completed = Some((id.clone(), revision));
    events::add(service, world, format!("(deployment {id}) deployment completed."));
    if let Some(ongoing) = service.ongoing_mut() {
        let status = match ongoing.status {
            ServiceDeploymentStatus::RollbackInProgress => ServiceDeploymentStatus::RollbackSuccessful,
            _ => ServiceDeploymentStatus::Successful,
        };
        ongoing.finish(status, None, now);
    }
}

/// The circuit breaker has tripped: back to the last completed deployment, or no further.
pub(super) fn trip(service: &mut Service, world: &mut World) {
    const REASON: &str = "ECS deployment circuit breaker: tasks failed to start.";
    let now = world.now;
    let rolls_back = service.settings.deployment.breaker().rollback;
    let Some(primary) = service.primary_mut() else { return };
    primary.rollout = Rollout::Failed;
    primary.reason = REASON.to_owned();
    primary.updated_at = now;
    let id = primary.id.clone();
    events::add(service, world, format!("(deployment {id}) deployment failed: tasks failed to start."));
    let Some(ongoing) = service.ongoing_mut() else { return };
    ongoing.breaker = Monitor::Triggered;
    ongoing.reason = Some(REASON.to_owned());
    if ongoing.rollback.is_some() {
        ongoing.finish(ServiceDeploymentStatus::RollbackFailed, None, now);
    } else if rolls_back && service.last_completed.as_ref().is_some_and(|(last, _)| *last != id) {
        roll_back(service, world, "ECS deployment circuit breaker", "The deployment circuit breaker was triggered.");
    } else if let Some(ongoing) = service.ongoing_mut() {
        ongoing.finish(ServiceDeploymentStatus::Stopped, None, now);
    }
}

/// Goes back to the last completed deployment: the same one if its tasks are still being replaced, so that they stay,
/// else a new one of its revision. With none to go back to the service deployment stops where it is.
pub(super) fn roll_back(service: &mut Service, world: &mut World, actor: &str, reason: &str) {
    let now = world.now;
    let Some((target, revision)) = service.last_completed.clone() else {
        stop(service, world, "There is no completed deployment to roll back to.");
        return;
    };
    if let Some(primary) = service.primary_mut()
        && primary.rollout == Rollout::InProgress
    {
        primary.rollout = Rollout::Failed;
        primary.reason = format!("{actor}: {reason}");
    }
    let there = service.deployments.iter().position(|deployment| deployment.id == target);
    match there {
        Some(index) => {
            demote(service, now);
            let mut deployment = service.deployments.remove(index);
            deployment.status = DeploymentStatus::Primary;
            deployment.rollout = Rollout::InProgress;
            deployment.failed_tasks = 0;
            deployment.updated_at = now;
            service.deployments.insert(0, deployment);
        }
        None => {
            make_primary(service, &revision, world);
        }
    }
    if let Some(primary) = service.primary_mut() {
        primary.reason = format!("{actor}: rolling back to deploymentId {target}.");
    }
    if let Some(revision) = service.revisions.get(&revision) {
        service.workload = revision.workload.clone();
    }
    if let Some(ongoing) = service.ongoing_mut() {
        ongoing.status = ServiceDeploymentStatus::RollbackInProgress;
        ongoing.reason = Some(reason.to_owned());
        ongoing.rollback = Some(Rollback { reason: reason.to_owned(), started_at: now, revision });
        ongoing.updated_at = now;
    }
    events::add(service, world, format!("rolling back to deployment {target}."));
    service.wake_at(now + SCHEDULER_DELAY);
}

/// Stops the deployment under way where it is: what runs stays, nothing more is started.
pub(super) fn stop(service: &mut Service, world: &World, reason: &str) {
    let now = world.now;
    if let Some(primary) = service.primary_mut() {
        primary.rollout = Rollout::Failed;
        primary.reason = reason.to_owned();
        primary.updated_at = now;
    }
    if let Some(ongoing) = service.ongoing_mut() {
        ongoing.finish(ServiceDeploymentStatus::Stopped, Some(reason.to_owned()), now);
    }
}
