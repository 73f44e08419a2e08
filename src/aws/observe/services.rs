//! The cluster and its services.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{self, AssignPublicIp, ClusterField, DeploymentRolloutState, PropagateTags, ServiceField};

use super::{Observer, count, each, failed, timestamp};
use crate::aws::errors::{AwsError, Remedy};
use crate::aws::limits::Family;
use crate::observed::{
    CircuitBreaker, LiveEvent, LiveService, LiveServiceRollout, RolloutStateSeen, Seen, ServiceStatus, Tags,
};

/// DescribeServices' most.
const SERVICES_A_CALL: usize = 10;
/// ECS keeps 100 events; people read the last few.
const KEPT_EVENTS: usize = 10;

pub(super) struct Services {
    pub(super) by_name: BTreeMap<String, Seen<LiveService>>,
    pub(super) cluster_missing: bool,
}

impl Observer {
    pub(super) async fn cluster(&self, cluster: &str, thorough: bool) -> Seen<()> {
        let memory = &self.aws.inner.memory.clusters;
        if !thorough && memory.recall(cluster).is_some() {
            return Seen::Present(());
        }
        let request = self.aws.inner.ecs.describe_clusters().clusters(cluster).include(ClusterField::Tags);
        let call = self.aws.call(Family::EcsServiceReads, "ecs:DescribeClusters", cluster, request.send());
        let seen = match call.await {
            Err(error) => failed(&error),
            Ok(answer) => {
                let found = answer.clusters().iter().find(|found| found.cluster_name() == Some(cluster));
                match (found.and_then(types::Cluster::status), missing(answer.failures(), cluster)) {
                    (Some("ACTIVE"), _) => Seen::Present(()),
                    (Some("INACTIVE" | "FAILED" | "DEPROVISIONING"), _) | (None, true) => Seen::Absent,
                    (Some(status), _) => Seen::Unknown(format!("cluster {cluster} is {status}")),
                    (None, false) => Seen::Unknown(unanswered(answer.failures(), cluster)),
                }
            }
        };
        memory.keep(cluster, &seen);
        seen
    }

    pub(super) async fn services(&self, cluster: &str, names: &[String]) -> Services {
        let batches = names.chunks(SERVICES_A_CALL).map(|batch| self.service_batch(cluster, batch));
        let mut services = Services { by_name: BTreeMap::new(), cluster_missing: false };
        for (batch, result) in names.chunks(SERVICES_A_CALL).zip(each(batches).await) {
            match result {
                Ok(read) => {
                    for (name, seen) in read {
                        let seen = self.settle(&format!("service/{cluster}/{name}"), seen);
                        services.by_name.insert(name, seen);
                    }
                }
                Err(error) => {
                    services.cluster_missing |= error.remedy == Remedy::NotFound;
                    // Also a missing cluster says nothing of a service that carries its name elsewhere: nothing is made.
                    let unknown = |name: &String| (name.clone(), Seen::Unknown(error.to_string()));
                    services.by_name.extend(batch.iter().map(unknown));
                }
            }
        }
        services
    }

    async fn service_batch(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, Seen<LiveService>>, AwsError> {
        let request = self.aws.inner.ecs.describe_services().cluster(cluster).include(ServiceField::Tags);
        let request = request.set_services(Some(names.to_vec())).send();
        let answer = self.aws.call(Family::EcsServiceReads, "ecs:DescribeServices", &names.join(", "), request).await?;
        let read = names.iter().map(|name| {
            let found = answer.services().iter().find(|service| service.service_name() == Some(name));
            let seen = match found {
                Some(service) => live_service(service).map_or_else(Seen::Unknown, Seen::Present),
                None if missing(answer.failures(), name) => Seen::Absent,
                None => Seen::Unknown(unanswered(answer.failures(), name)),
            };
            (name.clone(), seen)
        });
        Ok(read.collect())
    }
}

fn failure<'a>(failures: &'a [types::Failure], name: &str) -> Option<&'a types::Failure> {
    failures.iter().find(|failure| failure.arn().is_some_and(|arn| arn == name || arn.ends_with(&format!("/{name}"))))
}

fn missing(failures: &[types::Failure], name: &str) -> bool {
    failure(failures, name).is_some_and(|failure| failure.reason() == Some("MISSING"))
}

fn unanswered(failures: &[types::Failure], name: &str) -> String {
    match failure(failures, name).and_then(types::Failure::reason) {
        Some(reason) => format!("ECS answered {reason} for {name}"),
        None => format!("ECS did not answer for {name}"),
    }
}

/// A service as it is compared. What is optional and not said has ECS's default.
fn live_service(service: &types::Service) -> Result<LiveService, String> {
    let lacks = |what: &str| format!("ECS's answer lacks the service's {what}");
    let network = service.network_configuration().and_then(types::NetworkConfiguration::awsvpc_configuration);
    let set = |items: &[String]| items.iter().cloned().collect::<BTreeSet<_>>();
    let deployment = service.deployment_configuration();
    let breaker = deployment.and_then(types::DeploymentConfiguration::deployment_circuit_breaker);
    let balancers = service.load_balancers().iter();
    Ok(LiveService {
        arn: service.service_arn().ok_or_else(|| lacks("ARN"))?.to_owned(),
        status: match service.status() {
            Some("ACTIVE") => ServiceStatus::Active,
            Some("DRAINING") => ServiceStatus::Draining,
            Some("INACTIVE") => ServiceStatus::Inactive,
            other => return Err(format!("ECS says the service is {}", other.unwrap_or("in no state"))),
        },
        task_definition: service.task_definition().ok_or_else(|| lacks("task definition"))?.to_owned(),
        desired_count: count(service.desired_count()),
        running_count: count(service.running_count()),
        pending_count: count(service.pending_count()),
        subnets: network.map(|network| set(network.subnets())).unwrap_or_default(),
        security_groups: network.map(|network| set(network.security_groups())).unwrap_or_default(),
        assign_public_ip: network.and_then(|network| network.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        platform_version: service.platform_version().unwrap_or("LATEST").to_owned(),
        minimum_healthy_percent: deployment.and_then(|it| it.minimum_healthy_percent()).map_or(100, count),
        maximum_percent: deployment.and_then(|it| it.maximum_percent()).map_or(200, count),
        circuit_breaker: CircuitBreaker {
            enable: breaker.is_some_and(types::DeploymentCircuitBreaker::enable),
            rollback: breaker.is_some_and(types::DeploymentCircuitBreaker::rollback),
        },
        target_groups: balancers.filter_map(|balancer| balancer.target_group_arn().map(str::to_owned)).collect(),
        execute_command: service.enable_execute_command(),
        managed_tags: service.enable_ecs_managed_tags(),
        propagate_tags: service.propagate_tags().map_or("NONE", PropagateTags::as_str).to_owned(),
        tags: tags(service.tags()),
        rollouts: rollouts(service)?,
        events: events(service),
    })
}

fn rollouts(service: &types::Service) -> Result<Vec<LiveServiceRollout>, String> {
    let mut deployments: Vec<&types::Deployment> = service.deployments().iter().collect();
    // Newest first; the sort is stable, so that ECS's own order decides between equals.
    deployments.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at().and_then(timestamp)));
    deployments.into_iter().map(live_rollout).collect()
}

fn live_rollout(deployment: &types::Deployment) -> Result<LiveServiceRollout, String> {
    let settled = deployment.running_count() == deployment.desired_count() && deployment.pending_count() == 0;
    Ok(LiveServiceRollout {
        id: deployment.id().unwrap_or_default().to_owned(),
        primary: deployment.status() == Some("PRIMARY"),
        task_definition: deployment.task_definition().unwrap_or_default().to_owned(),
        state: match deployment.rollout_state() {
            Some(DeploymentRolloutState::Completed) => RolloutStateSeen::Completed,
            Some(DeploymentRolloutState::Failed) => RolloutStateSeen::Failed,
            Some(DeploymentRolloutState::InProgress) => RolloutStateSeen::InProgress,
            Some(other) => return Err(format!("ECS says a deployment is {}", other.as_str())),
            // Deployments from before the field existed have none.
            None if settled => RolloutStateSeen::Completed,
            None => RolloutStateSeen::InProgress,
        },
        reason: deployment.rollout_state_reason().map(str::to_owned),
        desired_count: count(deployment.desired_count()),
        running_count: count(deployment.running_count()),
        pending_count: count(deployment.pending_count()),
        failed_tasks: count(deployment.failed_tasks()),
    })
}

fn events(service: &types::Service) -> Vec<LiveEvent> {
    let mut events: Vec<LiveEvent> = service.events().iter().filter_map(live_event).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.truncate(KEPT_EVENTS);
    events
}

fn live_event(event: &types::ServiceEvent) -> Option<LiveEvent> {
    Some(LiveEvent {
        id: event.id()?.to_owned(),
        at: timestamp(event.created_at()?)?,
        message: event.message()?.to_owned(),
    })
}

/// ECS's tags as a map.
pub(super) fn tags(tags: &[types::Tag]) -> Tags {
    let pairs = tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())));
    pairs.collect()
}
