//! A Fleet, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApiVersion, Metadata, Required};
use crate::names::{AccountId, ClusterName, FleetName, ProjectName, Region};
use crate::spec::model::{Environment, Mode};

/// One environment: an account, a region, a cluster, a network. In `<fleet>/fleet.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Fleet")]
pub(crate) struct FleetFile {
    pub api_version: Required<ApiVersion>,
    pub kind: Required<FleetKind>,
    pub metadata: Required<Metadata<FleetName>>,
    pub spec: Required<FleetSpec>,
}

/// `kind`: a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum FleetKind {
    Fleet,
}

/// Where the fleet's agents run, and what bounds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FleetSpec {
    /// The project: repositories are `<project>/<agent>`, and are shared by the project's fleets.
    pub project: Required<ProjectName>,
    /// Sets defaults: logs are kept for 7 days in dev and staging, for 30 in prod.
    pub environment: Required<Environment>,
    /// The AWS account, in quotes: YAML tools drop leading zeros of numbers.
    pub account: Required<AccountId>,
    /// The AWS region.
    pub region: Required<Region>,
    /// The ECS cluster.
    pub cluster: Required<ClusterName>,
    pub network: Required<Network>,
    /// Without it, agents are reachable inside the VPC only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// The SNS topic that people are told by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:sns:"))]
    pub notify: Option<String>,
    /// The policy that is set as permissions boundary on every role made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:iam::"))]
    pub permissions_boundary: Option<String>,
    /// Bounds on what agents may name. A list that is left out or empty bounds nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Allow>,
    /// `enforce` (the default), or `observe`: no write to AWS at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The KMS key for what is stored encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:kms:"))]
    pub encryption_key: Option<String>,
}

/// The network that tasks run in; they never get a public address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Network {
    /// The VPC.
    #[schemars(regex(pattern = r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub vpc: Required<String>,
    /// Private subnets, one or more (ECS takes 16 at most).
    #[schemars(length(min = 1, max = 16), inner(regex(pattern = r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    pub subnets: Required<Vec<String>>,
    /// Security groups, one or more (ECS takes 5 at most).
    #[schemars(length(min = 1, max = 5), inner(regex(pattern = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    pub security_groups: Required<Vec<String>>,
}

/// The load balancer in front of agents with `traffic`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoadBalancer {
    /// The production listener.
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:elasticloadbalancing:"))]
    pub listener: Required<String>,
    /// The listener by which a new revision is tried before it gets traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:elasticloadbalancing:"))]
    pub test_listener: Option<String>,
    /// The role with which ECS moves the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:iam::"))]
    pub infrastructure_role: Option<String>,
}

/// Bounds on what agents may name; patterns with `*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Allow {
    /// ARNs of secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<String>>,
    /// Repositories, such as `vitracka/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Vec<String>>,
    /// Hosts, such as `*.example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Models and inference profiles, such as `anthropic.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Subnets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Vec<String>>,
    /// Security groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
}
