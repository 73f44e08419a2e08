//! Service deployments and service revisions: how they read, and how one is stopped.

use serde::Deserialize;
use serde_json::{Value, json};

use super::deployment::{Monitor, Revision, ServiceDeployment, ServiceDeploymentStatus};
use super::paging::page;
use super::scheduler::SCHEDULER_DELAY;
use super::service::{Service, ServiceStatus};
use super::service_view::{counts, requested_tasks};
use super::shapes::{epoch, invalid, missing, put_times};
use super::{Ecs, cluster, service_update, task_definition};
use crate::service::{Outcome, ServiceError, input};
use crate::world::World;

/// Describe calls take so many ARNs.
const MOST_ARNS: usize = 20;

/// A service deployment's ARN.
pub(super) fn arn(service: &Service, world: &World, id: &str) -> String {
    let World { region, account, .. } = world;
    format!("arn:aws:ecs:{region}:{account}:service-deployment/{}/{}/{id}", service.cluster, service.name)
}

/// A service revision's ARN.
pub(super) fn revision_arn(service: &Service, world: &World, id: &str) -> String {
    let World { region, account, .. } = world;
    format!("arn:aws:ecs:{region}:{account}:service-revision/{}/{}/{id}", service.cluster, service.name)
}

/// `…:<kind>/cluster/service/id` as the service's key and the id.
fn split<'a>(arn: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let resource = arn.strip_prefix("arn:aws:ecs:")?.splitn(3, ':').nth(2)?;
    resource.strip_prefix(kind)?.strip_prefix('/')?.rsplit_once('/')
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreatedAt {
    #[serde(default)]
    before: Option<f64>,
    #[serde(default)]
    after: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListInput {
    service: String,
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    created_at: Option<CreatedAt>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

/// ListServiceDeployments, newest first.
pub(super) fn list(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: ListInput = input(value)?;
    let cluster = &cluster::find(ecs, input.cluster.as_deref())?.name;
    let service = ecs
        .services
        .get(&service_update::key(cluster, &input.service))
        .filter(|service| service.status != ServiceStatus::Inactive)
        .ok_or_else(|| ServiceError::new("ServiceNotFoundException", "Service not found."))?;
    let in_time = |deployment: &ServiceDeployment| {
        let created = deployment.created_at.as_millisecond() as f64 / 1000.0;
        input.created_at.as_ref().is_none_or(|range| {
            range.before.is_none_or(|before| created < before) && range.after.is_none_or(|after| created > after)
        })
    };
    let briefs = service
        .service_deployments
        .iter()
        .rev()
        .filter(|it| input.status.is_empty() || input.status.iter().any(|status| status == it.status.name()))
        .filter(|it| in_time(it))
        .map(|deployment| {
            let mut brief = json!({
                "serviceDeploymentArn": arn(service, world, &deployment.id),
                "serviceArn": service.arn,
                "clusterArn": cluster::arn(world, cluster),
                "targetServiceRevisionArn": revision_arn(service, world, &deployment.target),
                "status": deployment.status.name(),
            });
            put_state(&mut brief, deployment);
            brief
        })
        .collect();
    page("serviceDeployments", briefs, input.next_token.as_deref(), input.max_results, 100)
}

fn put_state(view: &mut Value, deployment: &ServiceDeployment) {
    if let Some(reason) = &deployment.reason {
        view["statusReason"] = json!(reason);
    }
    put_times(
        view,
        &[
            ("createdAt", Some(deployment.created_at)),
            ("startedAt", deployment.started_at),
            ("finishedAt", deployment.finished_at),
        ],
    );
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeInput {
    service_deployment_arns: Vec<String>,
}

/// DescribeServiceDeployments.
pub(super) fn describe(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: DescribeInput = input(value)?;
    check_arns(&input.service_deployment_arns)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in input.service_deployment_arns {
        let deployment = split(&reference, "service-deployment").and_then(|(key, id)| {
            let service = ecs.services.get(key)?;
            let deployment = service.service_deployments.iter().find(|deployment| deployment.id == id)?;
            Some(view(service, deployment, world))
        });
        match deployment {
            Some(deployment) => found.push(deployment),
            None => failures.push(missing(reference)),
        }
    }
    Ok(json!({ "serviceDeployments": found, "failures": failures }))
}

fn check_arns(arns: &[String]) -> Result<(), ServiceError> {
    if arns.is_empty() || arns.len() > MOST_ARNS {
        return Err(invalid(format!("Specify between 1 and {MOST_ARNS} ARNs.")));
    }
    Ok(())
}

fn view(service: &Service, deployment: &ServiceDeployment, world: &World) -> Value {
    let summary = |id: &str| {
        let (running, pending) = counts(service.tasks.values().filter(|task| task.revision == id));
        json!({
            "arn": revision_arn(service, world, id),
            "requestedTaskCount": requested_tasks(service, id),
            "runningTaskCount": running,
            "pendingTaskCount": pending,
        })
    };
    let alarms = deployment.configuration.alarms.clone().unwrap_or_default();
    let alarms_status = if alarms.enable { Monitor::Monitoring } else { Monitor::Disabled };
    let alarms_status =
        if alarms.enable && deployment.status.is_terminal() { Monitor::MonitoringComplete } else { alarms_status };
    let mut view = json!({
        "serviceDeploymentArn": arn(service, world, &deployment.id),
        "serviceArn": service.arn,
        "clusterArn": cluster::arn(world, &service.cluster),
        "status": deployment.status.name(),
        "sourceServiceRevisions": deployment.sources.iter().map(|id| summary(id)).collect::<Vec<_>>(),
        "targetServiceRevision": summary(&deployment.target),
        "deploymentConfiguration": deployment.configuration,
        "deploymentCircuitBreaker": {
            "status": deployment.breaker.name(),
            "failureCount": deployment.failure_count,
            "threshold": deployment.threshold,
        },
        "alarms": {
            "status": alarms_status.name(),
            "alarmNames": alarms.alarm_names,
            "triggeredAlarmNames": [],
        },
    });
    put_state(&mut view, deployment);
    put_times(&mut view, &[("stoppedAt", deployment.stopped_at), ("updatedAt", Some(deployment.updated_at))]);
    if let Some(rollback) = &deployment.rollback {
        view["rollback"] = json!({
            "reason": rollback.reason,
            "startedAt": epoch(rollback.started_at),
            "serviceRevisionArn": revision_arn(service, world, &rollback.revision),
        });
    }
    view
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RevisionsInput {
    service_revision_arns: Vec<String>,
}

/// DescribeServiceRevisions.
pub(super) fn describe_revisions(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: RevisionsInput = input(value)?;
    check_arns(&input.service_revision_arns)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in input.service_revision_arns {
        let revision = split(&reference, "service-revision").and_then(|(key, id)| {
            let service = ecs.services.get(key)?;
            Some(revision_view(ecs, service, service.revisions.get(id)?, world))
        });
        match revision {
            Some(revision) => found.push(revision),
            None => failures.push(missing(reference)),
        }
    }
    Ok(json!({ "serviceRevisions": found, "failures": failures }))
}

fn revision_view(ecs: &Ecs, service: &Service, revision: &Revision, world: &World) -> Value {
    let workload = &revision.workload;
    let containers = task_definition::find(ecs, &workload.task_definition)
        .map(|definition| definition.content.container_definitions.as_slice())
        .unwrap_or_default();
    let images: Vec<Value> = containers
        .iter()
        .map(|container| {
            let mut image = json!({ "containerName": container.name, "image": container.image });
            if let Some(digest) = revision.digests.get(&container.name) {
                image["imageDigest"] = json!(digest);
            }
            image
        })
        .collect();
    let mut view = json!({
        "serviceRevisionArn": revision_arn(service, world, &revision.id),
        "serviceArn": service.arn,
        "clusterArn": cluster::arn(world, &service.cluster),
        "taskDefinition": workload.task_definition,
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "loadBalancers": workload.load_balancers,
        "serviceRegistries": workload.service_registries,
        "networkConfiguration": workload.network_configuration,
        "containerImages": images,
        "guardDutyEnabled": false,
        "createdAt": epoch(revision.created_at),
    });
    match &workload.launch_type {
        Some(launch_type) => view["launchType"] = json!(launch_type),
        None => view["capacityProviderStrategy"] = json!(workload.capacity_provider_strategy),
    }
    view
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StopInput {
    service_deployment_arn: String,
    #[serde(default)]
    stop_type: Option<String>,
}

/// StopServiceDeployment: asks; the scheduler does it at its next look.
pub(super) fn stop(ecs: &mut Ecs, world: &World, value: Value) -> Outcome {
    let input: StopInput = input(value)?;
    let not_found = || ServiceError::new("ServiceDeploymentNotFoundException", "The service deployment was not found.");
    let (key, id) = split(&input.service_deployment_arn, "service-deployment").ok_or_else(not_found)?;
    let service = ecs.services.get_mut(key).ok_or_else(not_found)?;
    let has_target = service.last_completed.is_some();
    let deployment = service.service_deployment_mut(id).ok_or_else(not_found)?;
    if !matches!(deployment.status, ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress) {
        let text =
            format!("The service deployment cannot be stopped because its status is {}.", deployment.status.name());
        return Err(ServiceError::new("ConflictException", text));
    }
    deployment.status = match input.stop_type.as_deref() {
        None | Some("ROLLBACK") if !has_target => {
            return Err(ServiceError::new(
                "ConflictException",
                "The service deployment cannot be rolled back because there is no completed deployment.",
            ));
        }
        None | Some("ROLLBACK") => ServiceDeploymentStatus::RollbackRequested,
        Some("ABORT") => ServiceDeploymentStatus::StopRequested,
        Some(other) => return Err(invalid(format!("Unknown stop type {other}."))),
    };
    deployment.stopped_at = Some(world.now);
    deployment.updated_at = world.now;
    service.wake_at(world.now + SCHEDULER_DELAY);
    Ok(json!({ "serviceDeploymentArn": input.service_deployment_arn }))
}
