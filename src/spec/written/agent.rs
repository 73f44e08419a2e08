//! An AgentDeployment, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rollout::Rollout;
use super::signals::{Alarms, Rollback, Schedule};
use super::{ApiVersion, Metadata, Required};
use crate::names::{AgentName, ImageDigest, ImageTag, RepositoryName};
use crate::spec::model::{Architecture, Deletion, Mode};
use crate::spec::units::{Percent, Span};

/// One agent: what should run. In `<fleet>/<agent>.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AgentDeployment")]
pub(crate) struct AgentFile {
    pub api_version: Required<ApiVersion>,
    pub kind: Required<AgentKind>,
    pub metadata: Required<Metadata<AgentName>>,
    pub spec: Required<AgentSpec>,
}

/// `kind`: an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum AgentKind {
    AgentDeployment,
}

/// What the agent is made of, how many of it run, and how it is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AgentSpec {
    pub image: Required<Image>,
    /// The port that the container listens on. Default: 8001.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// How many tasks run. Default: 1. Either this or `scaling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub replicas: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// Environment variables. Never secrets: those are named under `secrets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("propertyNames" = { "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$" }))]
    pub environment: Option<BTreeMap<String, String>>,
    /// Environment variables whose values are in Secrets Manager: variable name to the secret's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("propertyNames" = { "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$" }))]
    #[schemars(extend("additionalProperties" = { "type": "string", "pattern": "^arn:aws[a-z-]*:secretsmanager:" }))]
    pub secrets: Option<BTreeMap<String, String>>,
    /// Bedrock models and inference profiles: the agent's role may invoke these and no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub models: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<Logs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Alarms>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What happens when the file goes away. Default: `retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// `enforce`, or `observe`: no write to AWS. The stricter of this and the fleet's holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// The container image: a tag or a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Image {
    /// The ECR repository. Default: `<project>/<name>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryName>,
    /// A tag that never moves, such as `v1.2.0`; not `latest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<ImageTag>,
    /// The manifest's digest, instead of a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<ImageDigest>,
}

/// The task's size: a pair from Fargate's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Size {
    /// CPU units; 1024 are one vCPU. Default: 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [256, 512, 1024, 2048, 4096, 8192, 16384, null]))]
    pub cpu: Option<u32>,
    /// Default: 512.
    #[serde(rename = "memoryMiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 512, max = 122880))]
    pub memory_mib: Option<u32>,
    /// Default: `arm64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
}

/// Bounds between which the autoscaler decides how many tasks run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Scaling {
    /// The fewest tasks.
    pub min: Required<u32>,
    /// The most tasks.
    #[schemars(range(min = 1, max = 5000))]
    pub max: Required<u32>,
    /// The average CPU utilisation that is aimed at.
    pub cpu: Required<Percent>,
}

/// The container's health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Health {
    /// Default: `/health`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^/"))]
    pub path: Option<String>,
    /// 5s to 300s. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
    /// 2s to 60s, and shorter than the interval. Default: 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// 1 to 10. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: Option<u32>,
    /// 0s to 300s, in which failures do not count. Default: 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<Span>,
}

/// Where the container's output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Logs {
    /// The log group. Default: `/ecs/<fleet>/<agent>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-zA-Z0-9_/.#-]{1,512}$"))]
    pub group: Option<String>,
    /// For how many days. Default: 7 in dev and staging, 30 in prod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, null]))]
    pub retention: Option<u32>,
}

/// What of the load balancer's traffic the agent gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Traffic {
    /// Requests with this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Requests with one of these paths, which may hold `*` and `?`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(regex(pattern = r"^/")))]
    pub paths: Option<Vec<String>>,
    /// Checked at the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<TrafficAuth>,
}

/// Who may send requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum TrafficAuth {
    /// Whoever bears a token of this issuer.
    Jwt {
        /// The tokens' issuer, an https URL.
        issuer: Required<String>,
        /// Where the issuer's keys are, an https URL.
        jwks: Required<String>,
    },
}
