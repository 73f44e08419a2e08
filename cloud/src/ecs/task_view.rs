//! How tasks read, and how one is stopped: ListTasks, DescribeTasks, StopTask.

use serde::Deserialize;
use serde_json::{Value, json};

use super::paging::page;
use super::scheduler::SCHEDULER_DELAY;
use super::service::{Service, ServiceStatus};
use super::shapes::{invalid, missing, put_times};
use super::task::{Container, Health, StopCode, Task, TaskStatus};
use super::{Ecs, cluster, service_update, task_definition};
use crate::service::{Outcome, ServiceError, input};
use crate::world::World;

/// DescribeTasks takes so many.
const MOST_TASKS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListInput {
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    service_name: Option<String>,
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    started_by: Option<String>,
    #[serde(default)]
    desired_status: Option<String>,
    #[serde(default)]
    launch_type: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

/// ListTasks: those meant to run, unless STOPPED is asked for.
pub(super) fn list(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: ListInput = input(value)?;
    let cluster = &cluster::find(ecs, input.cluster.as_deref())?.name;
    let wanted = match input.desired_status.as_deref() {
        None | Some("RUNNING") => true,
        // ECS never answers with tasks for this one.
        Some("PENDING") => return page("taskArns", Vec::new(), None, None, 100),
        Some("STOPPED") => false,
        Some(other) => return Err(invalid(format!("Unknown desired status {other}."))),
    };
    let service_key = input.service_name.as_deref().map(|name| service_update::key(cluster, name));
    if let Some(key) = &service_key
        && !ecs.services.get(key).is_some_and(|service| service.status != ServiceStatus::Inactive)
    {
        return Err(ServiceError::new("ServiceNotFoundException", "Service not found."));
    }
    let of_family = |task: &Task| {
        let family = cluster::name_of(&task.task_definition).split(':').next();
        input.family.as_deref().is_none_or(|wanted| Some(wanted) == family)
    };
    let arns = ecs
        .services
        .iter()
        .filter(|(key, service)| service.cluster == *cluster && service_key.as_ref().is_none_or(|it| it == *key))
        .filter(|_| input.launch_type.as_deref().is_none_or(|launch_type| launch_type == "FARGATE"))
        .flat_map(|(_, service)| service.tasks.values())
        .filter(|task| task.wanted == wanted && of_family(task))
        .filter(|task| input.started_by.as_ref().is_none_or(|wanted| *wanted == task.deployment))
        .map(|task| Value::from(arn(world, cluster, &task.id)))
        .collect();
    page("taskArns", arns, input.next_token.as_deref(), input.max_results, MOST_TASKS)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeInput {
    #[serde(default)]
    cluster: Option<String>,
    tasks: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

/// DescribeTasks: stopped ones for an hour.
pub(super) fn describe(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: DescribeInput = input(value)?;
    let cluster = &cluster::find(ecs, input.cluster.as_deref())?.name;
    if input.tasks.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    if input.tasks.len() > MOST_TASKS {
        return Err(invalid(format!("Tasks cannot have more than {MOST_TASKS} elements.")));
    }
    let tags = input.include.iter().any(|field| field == "TAGS");
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in &input.tasks {
        let id = cluster::name_of(reference);
        let mut services = ecs.services.values().filter(|service| service.cluster == *cluster);
        match services.find_map(|service| service.tasks.get(id).map(|task| (service, task))) {
            Some((service, task)) => found.push(view(ecs, service, task, world, tags)),
            None => failures.push(missing(arn(world, cluster, id))),
        }
    }
    Ok(json!({ "tasks": found, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StopInput {
    #[serde(default)]
    cluster: Option<String>,
    task: String,
    #[serde(default)]
    reason: Option<String>,
}

/// StopTask: the service replaces it.
pub(super) fn stop(ecs: &mut Ecs, world: &World, value: Value) -> Outcome {
    let input: StopInput = input(value)?;
    let cluster = cluster::find(ecs, input.cluster.as_deref())?.name.clone();
    let id = cluster::name_of(&input.task);
    let key = ecs
        .services
        .iter()
        .find(|(_, service)| service.cluster == cluster && service.tasks.contains_key(id))
        .map(|(key, _)| key.clone())
        .ok_or_else(|| invalid("The referenced task was not found."))?;
    if let Some(service) = ecs.services.get_mut(&key) {
        if let Some(task) = service.tasks.get_mut(id) {
            let reason = input.reason.unwrap_or_else(|| String::from("Task stopped by user"));
            task.begin_stop(StopCode::UserInitiated, reason, world.now);
        }
        service.wake_at(world.now + SCHEDULER_DELAY);
    }
    let service = &ecs.services[&key];
    Ok(json!({ "task": view(ecs, service, &service.tasks[id], world, false) }))
}

fn arn(world: &World, cluster: &str, id: &str) -> String {
    let World { region, account, .. } = world;
    format!("arn:aws:ecs:{region}:{account}:task/{cluster}/{id}")
}

fn view(ecs: &Ecs, service: &Service, task: &Task, world: &World, tags: bool) -> Value {
    let task_arn = arn(world, &service.cluster, &task.id);
    let content = task_definition::find(ecs, &task.task_definition).map(|definition| &definition.content);
    let cpu = content.and_then(|content| content.cpu.clone()).unwrap_or_default();
    let memory = content.and_then(|content| content.memory.clone()).unwrap_or_default();
    let zone = if task.id.as_bytes().first().is_some_and(|byte| byte % 2 == 0) { "a" } else { "b" };
    let mut view = json!({
        "taskArn": task_arn,
        "clusterArn": cluster::arn(world, &service.cluster),
        "taskDefinitionArn": task.task_definition,
        "group": format!("service:{}", service.name),
        "startedBy": task.deployment,
        "lastStatus": task.status.name(),
        "desiredStatus": if task.wanted { "RUNNING" } else { "STOPPED" },
        "healthStatus": task.health.name(),
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "availabilityZone": format!("{}{zone}", world.region),
        "cpu": cpu,
        "memory": memory,
        "version": task.version,
        "enableExecuteCommand": service.settings.enable_execute_command,
        "attributes": [],
        "overrides": { "containerOverrides": [], "inferenceAcceleratorOverrides": [] },
        "attachments": [attachment(task)],
        "containers": task.containers.iter().map(|it| container(it, task, &task_arn)).collect::<Vec<_>>(),
    });
    put_times(
        &mut view,
        &[
            ("createdAt", Some(task.created_at)),
            ("connectivityAt", task.connected_at),
            ("pullStartedAt", task.pull_started_at),
            ("pullStoppedAt", task.pull_stopped_at),
            ("startedAt", task.started_at),
            ("stoppingAt", task.stopping_at),
            ("executionStoppedAt", task.exited_at),
            ("stoppedAt", task.stopped_at),
        ],
    );
    if task.connected_at.is_some() {
        view["connectivity"] = json!("CONNECTED");
    }
    if let Some((code, reason)) = &task.stop {
        view["stopCode"] = json!(code.name());
        view["stoppedReason"] = json!(reason);
    }
    if tags {
        let propagated = service.settings.propagate_tags.as_deref() == Some("SERVICE");
        view["tags"] = if propagated { json!(service.tags) } else { json!([]) };
    }
    view
}

/// A private address made from the task's id: stable, and as good as unique within a service.
fn address(task: &Task) -> String {
    let bytes = task.id.as_bytes();
    let number = bytes.iter().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    format!("10.0.{}.{}", number >> 8 & 0xff, (number & 0xff).clamp(4, 250))
}

fn attachment(task: &Task) -> Value {
    let status = match task.status {
        TaskStatus::Provisioning => "ATTACHING",
        TaskStatus::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    let id = &task.id;
    let mut details = vec![json!({ "name": "subnetId", "value": task.subnet })];
    if task.connected_at.is_some() {
        details.push(json!({ "name": "networkInterfaceId", "value": format!("eni-{}", &id[..17]) }));
        details.push(json!({ "name": "privateIPv4Address", "value": address(task) }));
    }
    json!({
        "id": format!("{}-{}-4{}-a{}-{}", &id[..8], &id[8..12], &id[13..16], &id[17..20], &id[20..]),
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": details,
    })
}

fn container(container: &Container, task: &Task, task_arn: &str) -> Value {
    let status = match task.status {
        status if status < TaskStatus::Activating => "PENDING",
        _ if container.exit_code.is_some() || task.status == TaskStatus::Stopped => "STOPPED",
        _ => "RUNNING",
    };
    let mut view = json!({
        "containerArn": format!("{}/{}", task_arn.replacen(":task/", ":container/", 1), container.name),
        "taskArn": task_arn,
        "name": container.name,
        "image": container.image,
        "lastStatus": status,
        "healthStatus": if container.checked { task.health.name() } else { Health::Unknown.name() },
        "networkBindings": [],
        "networkInterfaces": [],
        "cpu": "0",
    });
    if task.connected_at.is_some() {
        view["networkInterfaces"] = json!([{ "attachmentId": &task.id[..8], "privateIpv4Address": address(task) }]);
    }
    if let Some(digest) = &container.digest {
        view["imageDigest"] = json!(digest);
        view["runtimeId"] = json!(format!("{}-{}", task.id, &digest[digest.len().saturating_sub(10)..]));
    }
    if let Some(code) = container.exit_code {
        view["exitCode"] = json!(code);
    }
    if let Some((StopCode::TaskFailedToStart, reason)) = &task.stop
        && container.digest.is_none()
    {
        view["reason"] = json!(reason);
    }
    view
}
