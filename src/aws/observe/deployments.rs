//! Service deployments and the revisions that they aim at: how a rollout is judged.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{self, ServiceDeploymentStatus};
use jiff::Timestamp;

use super::{Observer, count, each, timestamp};
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::observed::{DeploymentStatus, LiveDeployment, Seen};

/// DescribeServiceDeployments' and DescribeServiceRevisions' most.
const ARNS_A_CALL: usize = 20;
/// How many of a service's deployments are described. A rollout is judged by its own and what came after it.
const KEPT_DEPLOYMENTS: usize = 10;
/// ListServiceDeployments' most.
const LISTED_A_CALL: i32 = 100;

/// What a service revision runs.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    task_definition: String,
    image_digests: BTreeMap<String, String>,
}

/// By deployment ARN.
type Described = BTreeMap<String, Result<(LiveDeployment, Option<String>), String>>;

impl Observer {
    pub(super) async fn deployments(
        &self,
        cluster: &str,
        services: &[String],
    ) -> BTreeMap<String, Seen<Vec<LiveDeployment>>> {
        let lists = each(services.iter().map(|service| self.newest_deployments(cluster, service))).await;
        let memory = &self.aws.inner.memory.ended_deployments;
        let arns: BTreeSet<&String> = lists.iter().flatten().flatten().collect();
        let due: Vec<String> = arns.into_iter().filter(|arn| memory.recall(arn).is_none()).cloned().collect();
        let described = self.describe_deployments(&due).await;
        let targets = described.values().filter_map(|described| described.as_ref().ok()?.1.clone()).collect();
        let revisions = self.revisions(&targets).await;
        let read = services.iter().zip(lists).map(|(service, list)| {
            let seen = match list {
                Err(error) => Seen::Unknown(error.to_string()),
                Ok(arns) => {
                    let all = arns.iter().map(|arn| self.deployment(arn, &described, &revisions));
                    all.collect::<Result<_, _>>().map_or_else(Seen::Unknown, Seen::Present)
                }
            };
            (service.clone(), seen)
        });
        read.collect()
    }

    /// Joins a deployment with its revision, and remembers it once it has ended.
    fn deployment(
        &self,
        arn: &str,
        described: &Described,
        revisions: &BTreeMap<String, Revision>,
    ) -> Result<LiveDeployment, String> {
        let memory = &self.aws.inner.memory.ended_deployments;
        if let Some(ended) = memory.recall(arn) {
            return Ok(ended);
        }
        let found = described.get(arn).cloned();
        let (mut deployment, target) = found.unwrap_or_else(|| Err(format!("ECS did not answer for {arn}")))?;
        if let Some(revision) = target.and_then(|target| revisions.get(&target)) {
            deployment.target_task_definition = Some(revision.task_definition.clone());
            deployment.target_image_digests = revision.image_digests.clone();
        }
        let seen = self.settle(&format!("deployment/{arn}"), Seen::Present(deployment));
        let deployment = match seen {
            Seen::Present(deployment) => deployment,
            Seen::Unknown(why) => return Err(why),
            Seen::Absent => return Err(format!("{arn} is gone")),
        };
        if deployment.status.is_terminal() && deployment.target_task_definition.is_some() {
            memory.keep(arn, &Seen::Present(deployment.clone()));
        }
        Ok(deployment)
    }

    /// ARNs, newest first. ECS documents no order, so all pages are read and sorted.
    async fn newest_deployments(&self, cluster: &str, service: &str) -> Result<Vec<String>, AwsError> {
        let mut briefs: Vec<(Option<Timestamp>, String)> = Vec::new();
        let mut token = None;
        loop {
            let request = self.aws.inner.ecs.list_service_deployments().cluster(cluster).service(service);
            let request = request.max_results(LISTED_A_CALL).set_next_token(token).send();
            let call = self.aws.call(Family::EcsDeploymentReads, "ecs:ListServiceDeployments", service, request);
            let answer = call.await?;
            briefs.extend(answer.service_deployments().iter().filter_map(|brief| {
                Some((brief.created_at().and_then(timestamp), brief.service_deployment_arn()?.to_owned()))
            }));
            token = answer.next_token;
            if token.is_none() {
                break;
            }
        }
        briefs.sort_by(|left, right| right.cmp(left));
        Ok(briefs.into_iter().map(|(_, arn)| arn).take(KEPT_DEPLOYMENTS).collect())
    }

    async fn describe_deployments(&self, arns: &[String]) -> Described {
        let batches = arns.chunks(ARNS_A_CALL).map(|batch| async move {
            let request = self.aws.inner.ecs.describe_service_deployments();
            let request = request.set_service_deployment_arns(Some(batch.to_vec())).send();
            let resource = batch.join(", ");
            self.aws.call(Family::EcsDeploymentReads, "ecs:DescribeServiceDeployments", &resource, request).await
        });
        let mut described = Described::new();
        for (batch, answer) in arns.chunks(ARNS_A_CALL).zip(each(batches).await) {
            match answer {
                Err(error) => described.extend(batch.iter().map(|arn| (arn.clone(), Err(error.to_string())))),
                Ok(answer) => described.extend(answer.service_deployments().iter().filter_map(|deployment| {
                    let arn = deployment.service_deployment_arn()?.to_owned();
                    Some((arn.clone(), live_deployment(arn, deployment)))
                })),
            }
        }
        described
    }

    /// What could not be read is left out, and asked for again next time; so is a revision whose images ECS has not resolved
    /// yet, which is the one thing that is added to a revision later.
    async fn revisions(&self, arns: &BTreeSet<String>) -> BTreeMap<String, Revision> {
        let memory = &self.aws.inner.memory.revisions;
        let due: Vec<String> = arns.iter().filter(|arn| memory.recall(arn).is_none()).cloned().collect();
        let batches = due.chunks(ARNS_A_CALL).map(|batch| async move {
            let request = self.aws.inner.ecs.describe_service_revisions();
            let request = request.set_service_revision_arns(Some(batch.to_vec())).send();
            let resource = batch.join(", ");
            self.aws.call(Family::EcsRevisionReads, "ecs:DescribeServiceRevisions", &resource, request).await
        });
        let known = arns.iter().filter_map(|arn| Some((arn.clone(), memory.recall(arn)?)));
        let mut revisions: BTreeMap<String, Revision> = known.collect();
        for answer in each(batches).await.into_iter().flatten() {
            for revision in answer.service_revisions() {
                if let (Some(arn), Some(read)) = (revision.service_revision_arn(), live_revision(revision)) {
                    if !read.image_digests.is_empty() {
                        memory.keep(arn, &Seen::Present(read.clone()));
                    }
                    revisions.insert(arn.to_owned(), read);
                }
            }
        }
        revisions
    }
}

fn live_revision(revision: &types::ServiceRevision) -> Option<Revision> {
    let images = revision.container_images().iter();
    let digests =
        images.filter_map(|image| Some((image.container_name()?.to_owned(), image.image_digest()?.to_owned())));
    Some(Revision { task_definition: revision.task_definition()?.to_owned(), image_digests: digests.collect() })
}

fn live_deployment(
    arn: String,
    deployment: &types::ServiceDeployment,
) -> Result<(LiveDeployment, Option<String>), String> {
    let breaker = deployment.deployment_circuit_breaker();
    let target = deployment.target_service_revision();
    let target = target.and_then(types::ServiceRevisionSummary::arn).map(str::to_owned);
    let live = LiveDeployment {
        status: status(deployment.status())?,
        status_reason: deployment.status_reason().map(str::to_owned),
        created_at: deployment
            .created_at()
            .and_then(timestamp)
            .ok_or_else(|| format!("ECS does not say when {arn} was made"))?,
        target_task_definition: None,
        target_image_digests: BTreeMap::new(),
        rollback_reason: deployment.rollback().and_then(types::Rollback::reason).map(str::to_owned),
        failed_tasks: breaker.map_or(0, |breaker| count(breaker.failure_count())),
        failure_threshold: breaker.map(|breaker| count(breaker.threshold())).filter(|threshold| *threshold > 0),
        arn,
    };
    Ok((live, target))
}

fn status(status: Option<&ServiceDeploymentStatus>) -> Result<DeploymentStatus, String> {
    Ok(match status {
        Some(ServiceDeploymentStatus::Pending) => DeploymentStatus::Pending,
        Some(ServiceDeploymentStatus::InProgress) => DeploymentStatus::InProgress,
        Some(ServiceDeploymentStatus::StopRequested) => DeploymentStatus::StopRequested,
        Some(ServiceDeploymentStatus::RollbackRequested) => DeploymentStatus::RollbackRequested,
        Some(ServiceDeploymentStatus::RollbackInProgress) => DeploymentStatus::RollbackInProgress,
        Some(ServiceDeploymentStatus::Successful) => DeploymentStatus::Successful,
        Some(ServiceDeploymentStatus::Stopped) => DeploymentStatus::Stopped,
        Some(ServiceDeploymentStatus::RollbackSuccessful) => DeploymentStatus::RollbackSuccessful,
        Some(ServiceDeploymentStatus::RollbackFailed) => DeploymentStatus::RollbackFailed,
        Some(other) => return Err(format!("ECS says a deployment is {}", other.as_str())),
        None => return Err("ECS does not say how a deployment stands".to_owned()),
    })
}
