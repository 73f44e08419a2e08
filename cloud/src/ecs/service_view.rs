//! How services read: DescribeServices, ListServices.

use serde::Deserialize;
use serde_json::{Value, json};

use super::deployment::{Deployment, DeploymentStatus};
use super::paging::page;
use super::service::{Service, ServiceStatus};
use super::shapes::{epoch, invalid, missing};
use super::task::{Task, TaskStatus};
use super::{Ecs, cluster, service_update};
use crate::service::{Outcome, input};
use crate::world::World;

/// DescribeServices takes so many names.
const MOST_NAMES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeInput {
    #[serde(default)]
    cluster: Option<String>,
    services: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

/// DescribeServices: what is missing is a failure, not an error.
pub(super) fn describe(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: DescribeInput = input(value)?;
    let cluster = &cluster::find(ecs, input.cluster.as_deref())?.name;
    if input.services.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if input.services.len() > MOST_NAMES {
        return Err(invalid(format!("Services cannot have more than {MOST_NAMES} elements.")));
    }
    let tags = input.include.iter().any(|field| field == "TAGS");
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for reference in &input.services {
        let key = service_update::key(cluster, reference);
        match ecs.services.get(&key) {
            Some(service) => services.push(view(service, world, tags)),
            None => {
                let World { region, account, .. } = world;
                failures.push(missing(format!("arn:aws:ecs:{region}:{account}:service/{key}")));
            }
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListInput {
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    launch_type: Option<String>,
    #[serde(default)]
    scheduling_strategy: Option<String>,
    #[serde(default)]
    resource_management_type: Option<String>,
}

/// ListServices: all that are not INACTIVE; ten a page unless asked for more.
pub(super) fn list(ecs: &Ecs, value: Value) -> Outcome {
    let input: ListInput = input(value)?;
    let cluster = &cluster::find(ecs, input.cluster.as_deref())?.name;
    let is = |wanted: &Option<String>, what: &str| wanted.as_deref().is_none_or(|wanted| wanted == what);
    let arns = ecs
        .services
        .values()
        .filter(|service| service.cluster == *cluster && service.status != ServiceStatus::Inactive)
        .filter(|service| is(&input.launch_type, service.workload.launch_type.as_deref().unwrap_or_default()))
        .filter(|_| is(&input.scheduling_strategy, "REPLICA") && is(&input.resource_management_type, "CUSTOMER"))
        .map(|service| Value::from(service.arn.as_str()))
        .collect();
    page("serviceArns", arns, input.next_token.as_deref(), Some(input.max_results.unwrap_or(10)), 100)
}

/// Tasks by what they do now: running, and on their way to it.
pub(super) fn counts<'a>(tasks: impl Iterator<Item = &'a Task>) -> (u32, u32) {
    tasks.fold((0, 0), |(running, pending), task| match task.status {
        TaskStatus::Running => (running + 1, pending),
        status if status < TaskStatus::Running => (running, pending + 1),
        _ => (running, pending),
    })
}

/// A service as AWS shows it.
pub(super) fn view(service: &Service, world: &World, tags: bool) -> Value {
    let Service { workload, settings, .. } = service;
    let (running, pending) = counts(service.tasks.values());
    let status = match service.status {
        ServiceStatus::Active => "ACTIVE",
        ServiceStatus::Draining => "DRAINING",
        ServiceStatus::Inactive => "INACTIVE",
    };
    let account = &world.account;
    let service_role = format!("arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
    let mut view = json!({
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": cluster::arn(world, &service.cluster),
        "status": status,
        "desiredCount": service.desired,
        "runningCount": running,
        "pendingCount": pending,
        "taskDefinition": workload.task_definition,
        "platformVersion": workload.platform_version,
        "platformFamily": "Linux",
        "loadBalancers": workload.load_balancers,
        "serviceRegistries": workload.service_registries,
        "networkConfiguration": workload.network_configuration,
        "deploymentConfiguration": settings.deployment,
        "deploymentController": { "type": "ECS" },
        "deployments": service.deployments.iter().map(|it| deployment(service, it)).collect::<Vec<_>>(),
        "events": service
            .events
            .iter()
            .map(|event| json!({ "id": event.id, "createdAt": epoch(event.at), "message": event.message }))
            .collect::<Vec<_>>(),
        "createdAt": epoch(service.created_at),
        "createdBy": format!("arn:aws:iam::{account}:user/caller"),
        "roleArn": settings.role.as_deref().unwrap_or(&service_role),
        "placementConstraints": settings.placement_constraints,
        "placementStrategy": settings.placement_strategy,
        "schedulingStrategy": "REPLICA",
        "enableECSManagedTags": settings.enable_ecs_managed_tags,
        "propagateTags": settings.propagate_tags.as_deref().unwrap_or("NONE"),
        "enableExecuteCommand": settings.enable_execute_command,
        "availabilityZoneRebalancing": settings.availability_zone_rebalancing,
        "currentServiceRevisions": revisions(service),
    });
    put_capacity(&mut view, service.workload.launch_type.as_deref(), &json!(workload.capacity_provider_strategy));
    if let Some(seconds) = settings.health_check_grace_period_seconds {
        view["healthCheckGracePeriodSeconds"] = json!(seconds);
    }
    if let Some(current) = service.service_deployments.last() {
        view["currentServiceDeployment"] = json!(super::deployment_view::arn(service, world, &current.id));
    }
    if let Value::Array(revisions) = &mut view["currentServiceRevisions"] {
        for revision in revisions {
            let id = revision["arn"].as_str().unwrap_or_default().to_owned();
            revision["arn"] = json!(super::deployment_view::revision_arn(service, world, &id));
        }
    }
    if tags {
        view["tags"] = json!(service.tags);
    }
    view
}

fn put_capacity(view: &mut Value, launch_type: Option<&str>, strategy: &Value) {
    match launch_type {
        Some(launch_type) => view["launchType"] = json!(launch_type),
        None => view["capacityProviderStrategy"] = strategy.clone(),
    }
}

/// The revisions that have tasks or are about to, with their tasks counted; `arn` is the bare id here.
fn revisions(service: &Service) -> Vec<Value> {
    let mut ids: Vec<&String> = Vec::new();
    for deployment in &service.deployments {
        if !ids.contains(&&deployment.revision) {
            ids.push(&deployment.revision);
        }
    }
    ids.into_iter()
        .map(|id| {
            let (running, pending) = counts(service.tasks.values().filter(|task| task.revision == *id));
            let requested = requested_tasks(service, id);
            json!({
                "arn": id,
                "requestedTaskCount": requested,
                "runningTaskCount": running,
                "pendingTaskCount": pending,
            })
        })
        .collect()
}

/// How many tasks of a revision are asked for: all of the primary deployment's, of the others those that remain.
pub(super) fn requested_tasks(service: &Service, revision: &str) -> u32 {
    if service.primary().is_some_and(|primary| primary.revision == revision) {
        return service.desired;
    }
    service.tasks.values().filter(|task| task.wanted && task.revision == revision).count() as u32
}

fn deployment(service: &Service, deployment: &Deployment) -> Value {
    let tasks = || service.tasks.values().filter(|task| task.deployment == deployment.id);
    let (running, pending) = counts(tasks());
    let desired = match deployment.status {
        DeploymentStatus::Primary => service.desired,
        DeploymentStatus::Active => tasks().filter(|task| task.wanted).count() as u32,
    };
    let workload = service.revisions.get(&deployment.revision).map_or(&service.workload, |it| &it.workload);
    let mut view = json!({
        "id": deployment.id,
        "status": deployment.status.name(),
        "taskDefinition": workload.task_definition,
        "desiredCount": desired,
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": epoch(deployment.created_at),
        "updatedAt": epoch(deployment.updated_at),
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "networkConfiguration": workload.network_configuration,
        "rolloutState": deployment.rollout.name(),
        "rolloutStateReason": deployment.reason,
    });
    put_capacity(&mut view, workload.launch_type.as_deref(), &json!(workload.capacity_provider_strategy));
    view
}
