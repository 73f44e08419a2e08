//! The desired state after validation: every default filled in, every value in range. What comes later is infallible.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Percent, Span, Usd};
use crate::names::{
    AccountId, AgentId, AgentName, ClusterName, FleetName, ImageDigest, ImageTag, ProjectName, Region, RepositoryName,
};

/// All that was written in one directory, read completely.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DesiredState {
    pub fleets: BTreeMap<FleetName, FleetState>,
}

/// A fleet and its agents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetState {
    pub fleet: Fleet,
    /// The file that the fleet was read from, relative to the directory.
    pub file: PathBuf,
    pub agents: BTreeMap<AgentName, Agent>,
}

/// One environment: an account, a region, a cluster, a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fleet {
    pub name: FleetName,
    pub project: ProjectName,
    pub environment: Environment,
    pub account: AccountId,
    pub region: Region,
    pub cluster: ClusterName,
    pub network: Network,
    pub load_balancer: Option<LoadBalancer>,
    /// SNS topic.
    pub notify: Option<String>,
    /// Policy ARN, set on every role made.
    pub permissions_boundary: Option<String>,
    pub allow: Allow,
    pub mode: Mode,
    /// KMS key ARN.
    pub encryption_key: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Environment {
    Dev,
    Staging,
    Prod,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    pub vpc: String,
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    pub listener: String,
    pub test_listener: Option<String>,
    pub infrastructure_role: Option<String>,
}

/// Bounds on what an agent may name; an empty list bounds nothing. Patterns with `*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allow {
    pub secrets: Vec<String>,
    pub repositories: Vec<String>,
    pub hosts: Vec<String>,
    pub models: Vec<String>,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
}

/// Whether the operator writes to AWS at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    #[default]
    Enforce,
    Observe,
}

/// One agent: what should run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    pub id: AgentId,
    /// The file that the agent was read from, relative to the directory; no part of its content.
    #[serde(skip)]
    pub file: PathBuf,
    pub image: Image,
    pub port: u16,
    pub size: Size,
    pub capacity: Capacity,
    pub environment: BTreeMap<String, String>,
    /// Variable name → secret ARN (never a value).
    pub secrets: BTreeMap<String, String>,
    /// Bedrock model ids and inference profiles.
    pub models: BTreeSet<String>,
    pub health: Health,
    pub logs: Logs,
    pub traffic: Option<Traffic>,
    pub rollout: Rollout,
    pub rollback: RollbackPolicy,
    pub alarms: Alarms,
    pub schedule: Option<Schedule>,
    pub deletion: Deletion,
    /// The stricter of the fleet's and the agent's.
    pub mode: Mode,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    pub repository: RepositoryName,
    pub reference: ImageReference,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageReference {
    Tag(ImageTag),
    Digest(ImageDigest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// CPU units; 1024 are one vCPU.
    pub cpu: u32,
    pub memory_mib: u32,
    pub architecture: Architecture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Architecture {
    Arm64,
    X86_64,
}

/// How many tasks: a number, or bounds between which the autoscaler decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capacity {
    Replicas(u32),
    Scaling { min: u32, max: u32, cpu: Percent },
}

/// The container's health check and, with traffic, the target group's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    pub path: String,
    pub interval: Span,
    pub timeout: Span,
    pub retries: u32,
    pub start_period: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    pub group: String,
    pub retention_days: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    pub host: Option<String>,
    pub paths: Vec<String>,
    pub auth: Option<TrafficAuth>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrafficAuth {
    Jwt { issuer: String, jwks: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    pub strategy: Strategy,
    pub smoke_test: Option<SmokeTest>,
    pub prompts: Option<Prompts>,
    pub metrics: Vec<RolloutMetric>,
    pub promote: Promote,
    /// Watched after the last traffic step before it counts as succeeded.
    pub monitor: Span,
    /// From the first UpdateService to the last traffic step, without gates and bakes.
    pub deadline: Span,
    pub hook_timeout: Span,
    pub on_no_data: OnNoData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    Rolling {},
    Canary { percent: Percent, bake: Span },
    Linear { step: Percent, bake: Span },
    BlueGreen { bake: Span },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmokeTest {
    pub path: String,
    pub body: Option<serde_json::Value>,
    pub expect: Expectation,
    pub timeout: Span,
    /// ARN of the secret that holds a token.
    pub auth: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    pub status: Option<u16>,
    pub contains: Vec<String>,
    pub max_latency: Option<Span>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompts {
    pub pass_ratio: Percent,
    pub cases: Vec<PromptCase>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptCase {
    pub name: String,
    pub path: String,
    pub body: Option<serde_json::Value>,
    pub expect: Expectation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutMetric {
    pub name: String,
    pub expression: String,
    pub above: Percent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Promote {
    #[default]
    Automatic,
    Manual,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnNoData {
    #[default]
    Pass,
    Wait,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackPolicy {
    pub error_rate: ErrorRate,
    /// How long hosts may be unhealthy.
    pub unhealthy: Span,
}

/// One window: the sum of errors over the sum of invocations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRate {
    pub above: Percent,
    #[serde(rename = "for")]
    pub window: Span,
    pub min_invocations: u32,
}

/// People are told; nothing is rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarms {
    pub error_rate: Percent,
    pub duration_p95: Span,
    pub throttles: Throttles,
    pub cost_per_day: Usd,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttles {
    pub above: u32,
    pub per: Span,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// IANA name.
    pub timezone: String,
    /// Cron expressions of five fields.
    pub pause: String,
    pub resume: String,
}

impl Schedule {
    /// The time zone; validation has made sure that it exists. It is looked up in the bundled database, so that it does
    /// not depend on the machine.
    pub fn time_zone(&self) -> Option<TimeZone> {
        TimeZoneDatabase::bundled().get(&self.timezone).ok()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Deletion {
    #[default]
    Retain,
    Delete,
}
