//! The steps of a task, taken when they are due.

use jiff::SignedDuration;
use serde_json::json;

use super::deployment::Rollout;
use super::scheduler::SCHEDULER_DELAY;
use super::service::Service;
use super::task::{
    ACTIVATING, DEPROVISIONING, Health, KEEP_STOPPED, PENDING, STOPPING, StopCode, Task, TaskStatus, Turn,
};
use super::task_definition::{self, TaskDefinition};
use super::task_start::{Start, without_tag};
use super::{Ecs, events};
use crate::behaviour::Behaviour;
use crate::logs;
use crate::world::World;

/// ECS starts tasks that failed again after a while that grows to this (ECS developer guide, "service throttle logic").
const LONGEST_HOLD: SignedDuration = SignedDuration::from_mins(27);
const SHORTEST_HOLD: SignedDuration = SignedDuration::from_secs(5);
/// So many rounds fail before ECS slows down and says so.
const ROUNDS_BEFORE_THROTTLE: u32 = 3;

/// Takes the step of task `id` that is due at `world.now`.
pub(super) fn step(service: &mut Service, id: &str, ecs: &Ecs, world: &mut World) {
    let now = world.now;
    let Some(mut task) = service.tasks.remove(id) else { return };
    match task.status {
        TaskStatus::Provisioning => {
            task.connected_at = Some(now);
            task.pull_started_at = Some(now);
            task.enter(TaskStatus::Pending, now, PENDING);
        }
        TaskStatus::Pending => match start_containers(service, &mut task, ecs, world) {
            Ok(()) => {
                task.pull_stopped_at = Some(now);
                task.enter(TaskStatus::Activating, now, ACTIVATING);
            }
            Err(reason) => {
                task.begin_stop(StopCode::TaskFailedToStart, reason, now);
                did_not_start(service, &task.deployment, world);
            }
        },
        TaskStatus::Activating => run(service, &mut task, ecs, world),
        TaskStatus::Running => turn(service, &mut task, ecs, world),
        TaskStatus::Deactivating => task.enter(TaskStatus::Stopping, now, STOPPING),
        TaskStatus::Stopping => {
            task.exit_containers(0, now);
            task.enter(TaskStatus::Deprovisioning, now, DEPROVISIONING);
        }
        TaskStatus::Deprovisioning => {
            task.stopped_at = Some(now);
            task.enter(TaskStatus::Stopped, now, KEEP_STOPPED);
            service.wake_at(now + SCHEDULER_DELAY);
        }
        // Forgotten; nothing else depends on it any more.
        TaskStatus::Stopped => return,
    }
    service.tasks.insert(task.id.clone(), task);
}

/// Fetches what the containers need; each image is resolved to a digest once per revision.
fn start_containers(service: &mut Service, task: &mut Task, ecs: &Ecs, world: &World) -> Result<(), String> {
    let definition = definition(ecs, task).ok_or("The task definition is gone.")?;
    let start = Start { world, definition, task: &task.id };
    start.initialise()?;
    let pinned = service.revisions.get_mut(&task.revision).map(|revision| &mut revision.digests);
    let mut no_pins = Default::default();
    let pinned = pinned.unwrap_or(&mut no_pins);
    let mut behaviour = Behaviour::Healthy;
    for container in &mut task.containers {
        let image = match pinned.get(&container.name) {
            Some(digest) => format!("{}@{digest}", without_tag(&container.image)),
            None => container.image.clone(),
        };
        let pulled = start.pull(&image)?;
        pinned.entry(container.name.clone()).or_insert_with(|| pulled.digest.clone());
        container.digest = Some(pulled.digest);
        if container.essential && behaviour == Behaviour::Healthy {
            behaviour = pulled.behaviour;
            task.ready_after_seconds = pulled.ready_after_seconds;
        }
    }
    task.behaviour = behaviour;
    Ok(())
}

/// The containers are up, or have crashed at their start.
fn run(service: &mut Service, task: &mut Task, ecs: &Ecs, world: &mut World) {
    let now = world.now;
    if task.behaviour == Behaviour::Crash {
        log(task, ecs, world, "ERROR", "startup failed: the agent cannot be initialised");
        task.exit(1, now);
        did_not_start(service, &task.deployment, world);
        return;
    }
    task.started_at = Some(now);
    task.status = TaskStatus::Running;
    task.version += 1;
    task.due = task.next_turn().map(|(after, _)| now + after);
    log(task, ecs, world, "INFO", "agent starting");
    log(task, ecs, world, "INFO", "listening");
    if task.is_healthy() {
        became_healthy(service, &task.deployment);
    }
    service.wake_at(now + SCHEDULER_DELAY);
}

/// A running task becomes healthy or unhealthy, or crashes.
fn turn(service: &mut Service, task: &mut Task, ecs: &Ecs, world: &mut World) {
    let now = world.now;
    task.version += 1;
    match task.next_turn().map(|(_, turn)| turn) {
        Some(Turn::BecomesHealthy) => {
            task.health = Health::Healthy;
            task.due = task.next_turn().map(|(after, _)| now + after);
            became_healthy(service, &task.deployment);
        }
        Some(Turn::BecomesUnhealthy) => {
            task.health = Health::Unhealthy;
            task.begin_stop(StopCode::ServiceSchedulerInitiated, "Task failed container health checks", now);
            events::add(service, world, format!("(task {}) failed container health checks.", task.id));
            count_failure(service, &task.deployment);
        }
        Some(Turn::Crashes) => {
            log(task, ecs, world, "ERROR", "the agent has crashed");
            task.exit(1, now);
        }
        None => task.due = None,
    }
    service.wake_at(now + SCHEDULER_DELAY);
}

fn became_healthy(service: &mut Service, deployment: &str) {
    let resets = service.settings.deployment.breaker().reset_on_healthy_task.unwrap_or(true);
    service.failed_rounds = 0;
    service.hold_launches_until = None;
    if resets && let Some(deployment) = service.deployment_mut(deployment) {
        deployment.failed_tasks = 0;
        mirror_failures(service);
    }
}

/// A task of `deployment` did not come to run: the circuit breaker counts it, and the next start waits.
pub(super) fn did_not_start(service: &mut Service, deployment: &str, world: &mut World) {
    let now = world.now;
    count_failure(service, deployment);
    // Tasks that fail at the same moment are one round.
    if service.hold_launches_until.is_none_or(|until| until <= now) {
        service.failed_rounds = service.failed_rounds.saturating_add(1);
        service.hold_launches_until = Some(now + hold_after(service.failed_rounds));
        if service.failed_rounds == ROUNDS_BEFORE_THROTTLE + 1 {
            events::add(service, world, String::from("is unable to consistently start tasks successfully."));
        }
    }
    service.wake_at(now + SCHEDULER_DELAY);
}

fn hold_after(rounds: u32) -> SignedDuration {
    let doublings = rounds.saturating_sub(ROUNDS_BEFORE_THROTTLE).min(16);
    (SHORTEST_HOLD * (1 << doublings)).min(LONGEST_HOLD)
}

fn count_failure(service: &mut Service, deployment: &str) {
    if let Some(deployment) = service.deployment_mut(deployment)
        && deployment.rollout == Rollout::InProgress
    {
        deployment.failed_tasks += 1;
        mirror_failures(service);
    }
}

/// The service deployment shows the failures of the deployment that it brought, until that one is given up.
fn mirror_failures(service: &mut Service) {
    let Some(ongoing) = service.ongoing_mut().filter(|ongoing| ongoing.rollback.is_none()) else { return };
    let id = ongoing.deployment.clone();
    let Some(failed) = service.deployment_mut(&id).map(|deployment| deployment.failed_tasks) else { return };
    if let Some(ongoing) = service.ongoing_mut() {
        ongoing.failure_count = failed;
    }
}

fn definition<'a>(ecs: &'a Ecs, task: &Task) -> Option<&'a TaskDefinition> {
    task_definition::find(ecs, &task.task_definition)
}

/// Writes a line of the essential containers to their log streams, in the JSON that the agents write.
fn log(task: &Task, ecs: &Ecs, world: &mut World, level: &str, message: &str) {
    let Some(definition) = definition(ecs, task) else { return };
    for container in definition.content.container_definitions.iter().filter(|container| container.essential) {
        if let Some((group, stream)) = container.log_stream(&task.id) {
            let line = json!({ "timestamp": world.now.to_string(), "level": level, "message": message });
            logs::put(world, group, &stream, &line.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_slow_down_to_one_in_27_minutes() {
        let seconds: Vec<i64> = [1, 3, 4, 5, 8, 12, 500].map(|rounds| hold_after(rounds).as_secs()).to_vec();
        assert_eq!(seconds, [5, 5, 10, 20, 160, 1620, 1620]);
    }
}
