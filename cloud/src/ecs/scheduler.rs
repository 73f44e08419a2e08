//! The service scheduler: one look at a service, and what it does about it.

use jiff::SignedDuration;

use super::deployment::{DeploymentStatus, Rollout, ServiceDeploymentStatus};
use super::service::{Service, ServiceStatus};
use super::task::{Container, Health, PROVISIONING, StopCode, Task, TaskStatus};
use super::task_definition::{self, TaskDefinition};
use super::{Ecs, circuit_breaker, events, lifecycle, rollout, task_start};
use crate::behaviour::Behaviour;
use crate::world::World;

/// From a change to the scheduler's look at it. ECS takes a moment too; a shorter one would show nobody a PENDING
/// deployment.
pub(super) const SCHEDULER_DELAY: SignedDuration = SignedDuration::from_secs(1);

/// One look at a service.
pub(super) fn pass(service: &mut Service, ecs: &Ecs, world: &mut World) {
    service.wake = None;
    match service.status {
        ServiceStatus::Active => {}
        ServiceStatus::Draining => return drain(service, world),
        ServiceStatus::Inactive => return,
    }
    follow_requests(service, world);
    check_breaker(service, world);
    match service.primary().map(|primary| primary.rollout) {
        Some(Rollout::InProgress | Rollout::Completed) => balance(service, ecs, world),
        // A failed deployment stands still, but a service scaled to nothing is stopped all the same.
        Some(Rollout::Failed) if service.desired == 0 => stop_all(service, world),
        Some(Rollout::Failed) | None => {}
    }
    retire_deployments(service);
    conclude(service, world);
}

/// What callers and time have asked of the service deployment.
fn follow_requests(service: &mut Service, world: &mut World) {
    let now = world.now;
    let Some(ongoing) = service.ongoing_mut() else { return };
    match ongoing.status {
        ServiceDeploymentStatus::Pending => {
            ongoing.status = ServiceDeploymentStatus::InProgress;
            ongoing.started_at = Some(now);
            ongoing.updated_at = now;
        }
        ServiceDeploymentStatus::RollbackRequested => {
            rollout::roll_back(service, world, "ECS deployment", "Service deployment rolled back by a user.");
        }
        ServiceDeploymentStatus::StopRequested => {
            rollout::stop(service, world, "Service deployment stopped by a user.");
        }
        _ => {}
    }
}

fn check_breaker(service: &mut Service, world: &mut World) {
    let breaker = service.settings.deployment.breaker();
    let threshold = circuit_breaker::threshold(&breaker, service.desired);
    if let Some(ongoing) = service.ongoing_mut() {
        ongoing.threshold = threshold;
    }
    let Some(primary) = service.primary().filter(|primary| primary.rollout == Rollout::InProgress) else { return };
    if breaker.enable && primary.failed_tasks >= threshold {
        rollout::trip(service, world);
    }
}

/// Tasks that are meant to run, told apart by whether they are the primary deployment's.
struct Census {
    new: Vec<String>,
    old: Vec<String>,
    healthy: usize,
}

fn census(service: &Service, primary: &str) -> Census {
    let wanted = || service.tasks.values().filter(|task| task.wanted);
    let ids = |of_primary: bool| {
        wanted().filter(|task| (task.deployment == primary) == of_primary).map(|task| task.id.clone()).collect()
    };
    Census { new: ids(true), old: ids(false), healthy: wanted().filter(|task| task.is_healthy()).count() }
}

/// A rolling update: start what is missing within the maximum, stop what is too many above the healthy minimum.
fn balance(service: &mut Service, ecs: &Ecs, world: &mut World) {
    let Some(primary) = service.primary().map(|primary| primary.id.clone()) else { return };
    let desired = service.desired as usize;
    let census = census(service, &primary);
    let is_healthy = |service: &Service, id: &String| service.tasks.get(id).is_some_and(Task::is_healthy);

    let mut stops = Vec::new();
    let mut healthy = census.healthy;
    for id in &census.old {
        if !is_healthy(service, id) {
            stops.push(id.clone());
        } else if healthy > service.least_healthy() {
            healthy -= 1;
            stops.push(id.clone());
        }
    }
    // Too many of the new ones: first those that are not healthy yet, then the oldest.
    let mut new = census.new.clone();
    new.sort_by_key(|id| (is_healthy(service, id), service.tasks.get(id).map(|task| task.created_at), id.clone()));
    stops.extend(new.iter().take(census.new.len().saturating_sub(desired)).cloned());
    let mut stopped = 0;
    if !stops.is_empty() {
        stopped = stops.len();
        stop_tasks(service, &stops, &primary, world);
    }

    let missing = desired.saturating_sub(census.new.len());
    let there = census.new.len() + census.old.len() - stopped;
    let room = service.most_tasks().saturating_sub(there);
    let count = missing.min(room);
    match service.hold_launches_until.filter(|until| *until > world.now) {
        Some(until) if missing > 0 => service.wake_at(until),
        _ if count > 0 => launch(service, count, ecs, world),
        _ if missing > 0 && stopped == 0 && !service.tasks.values().any(Task::is_pending) => {
            blocked(service, world);
        }
        _ => {}
    }
}

fn blocked(service: &mut Service, world: &mut World) {
    let text = "was unable to stop or start tasks during a deployment because of the service deployment configuration. \
                Update the minimumHealthyPercent or maximumPercent value and try again.";
    if !service.events.front().is_some_and(|event| event.message.ends_with(text)) {
        events::add(service, world, text.to_owned());
    }
}

fn launch(service: &mut Service, count: usize, ecs: &Ecs, world: &mut World) {
    let Some((deployment, revision)) = service.primary().map(|primary| (primary.id.clone(), primary.revision.clone()))
    else {
        return;
    };
    let Some(definition) = task_definition::find(ecs, &service.workload.task_definition) else { return };
    if let Err(reason) = task_start::assume_roles(world, definition) {
        events::add(service, world, format!("failed to launch a task with (error {reason})."));
        lifecycle::did_not_start(service, &deployment, world);
        if let Some(until) = service.hold_launches_until {
            service.wake_at(until);
        }
        return;
    }
    let mut started = Vec::new();
    for index in 0..count {
        let task = make_task(service, definition, &deployment, &revision, index, world);
        started.push(task.id.clone());
        service.tasks.insert(task.id.clone(), task);
    }
    service.steady = false;
    let text = format!("has started {count} tasks: {}.", events::tasks(&started));
    events::add(service, world, text);
}

fn make_task(
    service: &Service,
    definition: &TaskDefinition,
    deployment: &str,
    revision: &str,
    index: usize,
    world: &mut World,
) -> Task {
    let containers = &definition.content.container_definitions;
    let network = service.workload.network_configuration.as_ref();
    let subnets = network.and_then(|network| network.awsvpc_configuration.as_ref()).map(|network| &network.subnets);
    let mut task = Task {
        id: world.ids.hex32(),
        deployment: deployment.to_owned(),
        revision: revision.to_owned(),
        task_definition: definition.arn.clone(),
        status: TaskStatus::Provisioning,
        wanted: true,
        health: Health::Unknown,
        check: containers.iter().filter(|container| container.essential).find_map(|it| it.health_check.clone()),
        behaviour: Behaviour::Healthy,
        ready_after_seconds: 0,
        containers: containers
            .iter()
            .map(|container| Container {
                name: container.name.clone(),
                image: container.image.clone(),
                essential: container.essential,
                checked: container.health_check.is_some(),
                digest: None,
                exit_code: None,
                reason: None,
            })
            .collect(),
        // Spread over the subnets, as ECS spreads over availability zones.
        subnet: subnets.and_then(|subnets| subnets.get(index % subnets.len().max(1))).cloned().unwrap_or_default(),
        version: 0,
        due: None,
        stop: None,
        created_at: world.now,
        connected_at: None,
        pull_started_at: None,
        pull_stopped_at: None,
        started_at: None,
        stopping_at: None,
        exited_at: None,
        stopped_at: None,
    };
    task.enter(TaskStatus::Provisioning, world.now, PROVISIONING);
    task
}

fn stop_tasks(service: &mut Service, ids: &[String], primary: &str, world: &mut World) {
    let now = world.now;
    for id in ids {
        if let Some(task) = service.tasks.get_mut(id) {
            let reason = format!("Scaling activity initiated by (deployment {primary})");
            task.begin_stop(StopCode::ServiceSchedulerInitiated, reason, now);
        }
    }
    service.steady = false;
    let text = format!("has stopped {} running tasks: {}.", ids.len(), events::tasks(ids));
    events::add(service, world, text);
}

fn stop_all(service: &mut Service, world: &mut World) {
    let ids: Vec<String> = service.tasks.values().filter(|task| task.wanted).map(|task| task.id.clone()).collect();
    let primary = service.primary().map(|primary| primary.id.clone()).unwrap_or_default();
    if !ids.is_empty() {
        stop_tasks(service, &ids, &primary, world);
    }
}

/// A deleted service is INACTIVE once its last task has stopped.
fn drain(service: &mut Service, world: &mut World) {
    stop_all(service, world);
    if service.tasks.values().all(|task| task.status == TaskStatus::Stopped) {
        service.status = ServiceStatus::Inactive;
        service.deployments.clear();
    }
}

/// A deployment that was replaced leaves the list once its last task has stopped.
fn retire_deployments(service: &mut Service) {
    let tasks = &service.tasks;
    service.deployments.retain(|deployment| {
        deployment.status == DeploymentStatus::Primary
            || tasks.values().any(|task| task.deployment == deployment.id && task.status != TaskStatus::Stopped)
    });
}

/// The deployment is complete, the service is in a steady state: when all its tasks are healthy and no others are left.
fn conclude(service: &mut Service, world: &mut World) {
    let Some(primary) = service.primary() else { return };
    let (id, rollout) = (primary.id.clone(), primary.rollout);
    let census = census(service, &primary.id);
    let settled = census.old.is_empty()
        && census.new.len() == service.desired as usize
        && census.healthy == census.new.len()
        && !service.tasks.values().any(|task| task.deployment != id && task.status != TaskStatus::Stopped);
    if settled && rollout == Rollout::InProgress {
        rollout::complete(service, world);
    }
    let steady = settled && rollout != Rollout::Failed;
    if steady && !service.steady {
        events::add(service, world, String::from("has reached a steady state."));
    }
    service.steady = steady;
}
