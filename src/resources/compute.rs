//! What runs: the task definition and the service.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::names::{AccountId, ContentHash, ImageDigest, Region, RepositoryName};
use crate::spec::model::{Agent, Architecture, Capacity, Fleet};

/// The environment variable that carries the revision label: the first 12 digits of the task definition's hash. It is
/// injected after hashing, so it is no part of the content.
pub const REVISION_VARIABLE: &str = "AGENT_REVISION";

/// How long ECS waits between SIGTERM and SIGKILL, in seconds. The runtime drains for 25 s and must have 5 s more
/// (`shutdown.stopTimeoutAbove` in agent-runtime/contract.json); twice that leaves people room to drain longer. Fargate
/// allows 120.
const STOP_TIMEOUT_SECONDS: u32 = 60;

/// A task definition without its revision label: what its hash is taken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinition {
    pub family: String,
    /// CPU units.
    pub cpu: u32,
    pub memory_mib: u32,
    pub architecture: Architecture,
    pub execution_role_arn: String,
    pub task_role_arn: String,
    pub container: Container,
}

/// The one essential container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    pub name: String,
    pub image: PinnedImage,
    pub port: u16,
    pub environment: BTreeMap<String, String>,
    /// Variable name → secret ARN.
    pub secrets: BTreeMap<String, String>,
    pub health_check: HealthCheck,
    pub logs: LogConfiguration,
    pub stop_timeout_seconds: u32,
}

/// An image by digest: a tag never reaches ECS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedImage {
    pub account: AccountId,
    pub region: Region,
    pub repository: RepositoryName,
    pub digest: ImageDigest,
}

impl PinnedImage {
    /// `…dkr.ecr….amazonaws.com/repository@sha256:…`.
    pub fn uri(&self) -> String {
        format!("{}.dkr.ecr.{}.amazonaws.com/{}@{}", self.account, self.region, self.repository, self.digest)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    pub command: Vec<String>,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub retries: u32,
    pub start_period_seconds: u32,
}

/// The `awslogs` driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogConfiguration {
    pub group: String,
    pub region: Region,
    pub stream_prefix: String,
}

impl TaskDefinition {
    /// The environment as it is registered: with the revision label of `hash`.
    pub fn labelled_environment(&self, hash: &ContentHash) -> BTreeMap<String, String> {
        let mut environment = self.container.environment.clone();
        environment.insert(REVISION_VARIABLE.to_owned(), hash.label().to_owned());
        environment
    }
}

/// An ECS service, but for the task definition's ARN and what AWS invents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    pub name: String,
    pub cluster: String,
    /// `None` where the autoscaler owns it.
    pub desired_count: Option<u32>,
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<String>,
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
}

pub(super) fn task_definition(fleet: &Fleet, agent: &Agent, digest: &ImageDigest) -> TaskDefinition {
    TaskDefinition {
        family: agent.id.service_name(),
        cpu: agent.size.cpu,
        memory_mib: agent.size.memory_mib,
        architecture: agent.size.architecture,
        execution_role_arn: role_arn(fleet, &agent.id.execution_role_name(&fleet.project)),
        task_role_arn: role_arn(fleet, &agent.id.task_role_name(&fleet.project)),
        container: Container {
            name: agent.id.agent.to_string(),
            image: PinnedImage {
                account: fleet.account.clone(),
                region: fleet.region.clone(),
                repository: agent.image.repository.clone(),
                digest: digest.clone(),
            },
            port: agent.port,
            environment: environment(agent, digest),
            secrets: agent.secrets.clone(),
            health_check: health_check(agent),
            logs: LogConfiguration {
                group: agent.logs.group.clone(),
                region: fleet.region.clone(),
                stream_prefix: "ecs".to_owned(),
            },
            stop_timeout_seconds: STOP_TIMEOUT_SECONDS,
        },
    }
}

fn role_arn(fleet: &Fleet, name: &str) -> String {
    format!("arn:aws:iam::{}:role/{name}", fleet.account)
}

/// What the agent is told of itself: the dimensions of its metrics and the answer of its `/version`. The tag is not
/// among it: two tags of one digest are one content.
fn environment(agent: &Agent, digest: &ImageDigest) -> BTreeMap<String, String> {
    let mut environment = agent.environment.clone();
    environment.insert("AGENT_FLEET".to_owned(), agent.id.fleet.to_string());
    environment.insert("AGENT_NAME".to_owned(), agent.id.agent.to_string());
    environment.insert("AGENT_PORT".to_owned(), agent.port.to_string());
    environment.insert("AGENT_IMAGE_DIGEST".to_owned(), digest.to_string());
    environment
}

/// ECS ignores the image's own HEALTHCHECK, so the task definition carries one. The slim Python image has no curl.
fn health_check(agent: &Agent) -> HealthCheck {
    let url = format!("http://127.0.0.1:{}{}", agent.port, agent.health.path);
    let timeout = agent.health.timeout.as_secs();
    let script = format!("import urllib.request as r; r.urlopen('{url}', timeout={timeout})");
    HealthCheck {
        command: vec!["CMD".to_owned(), "python".to_owned(), "-c".to_owned(), script],
        interval_seconds: whole_seconds(agent.health.interval.as_secs()),
        timeout_seconds: whole_seconds(timeout),
        retries: agent.health.retries,
        start_period_seconds: whole_seconds(agent.health.start_period.as_secs()),
    }
}

/// Validation bounds these to ECS's ranges, far below the limit.
fn whole_seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// New tasks start before old ones stop: never below the count that was asked for.
const MINIMUM_HEALTHY_PERCENT: u32 = 100;
const MAXIMUM_PERCENT: u32 = 200;

pub(super) fn service(fleet: &Fleet, agent: &Agent) -> Service {
    Service {
        name: agent.id.service_name(),
        cluster: fleet.cluster.to_string(),
        desired_count: match agent.capacity {
            Capacity::Replicas(count) => Some(count),
            Capacity::Scaling { .. } => None,
        },
        subnets: fleet.network.subnets.clone(),
        security_groups: fleet.network.security_groups.clone(),
        minimum_healthy_percent: MINIMUM_HEALTHY_PERCENT,
        maximum_percent: MAXIMUM_PERCENT,
    }
}
