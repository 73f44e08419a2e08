//! What may be done to AWS: a closed list, one variant for one write, absolute values only. An action never uses what
//! another brought forth: the next pass observes that.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ledger::record::IntendedAction;
use crate::names::ContentHash;
use crate::observed::{CircuitBreaker, Tags};
use crate::resources::{LogGroup, Repository, Role, Service, TaskDefinition};

/// One write to AWS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
// A plan holds a handful of actions for one pass: boxing the large ones would cost every reader more than it saves.
#[allow(clippy::large_enum_variant)]
pub enum Action {
    CreateRepository {
        repository: Repository,
        tags: Tags,
    },
    PutImageTagMutability {
        repository: String,
        mutable_tags: BTreeSet<String>,
    },
    PutImageScanningConfiguration {
        repository: String,
        scan_on_push: bool,
    },
    PutLifecyclePolicy {
        repository: String,
        policy: Value,
    },
    CreateRole {
        role: Role,
        tags: Tags,
    },
    UpdateAssumeRolePolicy {
        role: String,
        policy: Value,
    },
    PutRolePolicy {
        role: String,
        policy_name: String,
        policy: Value,
    },
    DeleteRolePolicy {
        role: String,
        policy_name: String,
    },
    PutRolePermissionsBoundary {
        role: String,
        boundary: String,
    },
    DeleteRolePermissionsBoundary {
        role: String,
    },
    TagRole {
        role: String,
        tags: Tags,
    },
    CreateLogGroup {
        log_group: LogGroup,
        tags: Tags,
    },
    PutRetentionPolicy {
        log_group: String,
        days: u32,
    },
    AssociateKmsKey {
        log_group: String,
        key: String,
    },
    DisassociateKmsKey {
        log_group: String,
    },
    /// Tags by ARN, for log groups and ECS alike.
    TagLogGroup {
        arn: String,
        tags: Tags,
    },
    TagEcsResource {
        arn: String,
        tags: Tags,
    },
    RegisterTaskDefinition {
        task_definition: TaskDefinition,
        hash: ContentHash,
        tags: Tags,
    },
    CreateService {
        service: Service,
        task_definition_arn: String,
        client_token: String,
        tags: Tags,
    },
    UpdateService {
        update: ServiceUpdate,
    },
    /// Ends a deployment under way and returns to what ran before.
    StopServiceDeployment {
        service: String,
        deployment_arn: String,
    },
}

/// An UpdateService call: what is `None` is not sent, and ECS keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceUpdate {
    pub cluster: String,
    pub service: String,
    pub task_definition_arn: Option<String>,
    pub desired_count: Option<u32>,
    pub network: Option<NetworkUpdate>,
    pub deployment: Option<DeploymentUpdate>,
    pub platform_version: Option<String>,
    pub execute_command: Option<bool>,
    pub managed_tags: Option<bool>,
    pub propagate_tags: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkUpdate {
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentUpdate {
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
    pub circuit_breaker: CircuitBreaker,
}

/// An action with the reason that a person reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAction {
    pub action: Action,
    /// What changes, field by field; empty where something is made.
    pub changes: Vec<Change>,
}

/// A field's change, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    pub field: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

impl Action {
    /// The AWS operation, and so the permission, that it needs.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateRepository { .. } => "ecr:CreateRepository",
            Self::PutImageTagMutability { .. } => "ecr:PutImageTagMutability",
            Self::PutImageScanningConfiguration { .. } => "ecr:PutImageScanningConfiguration",
            Self::PutLifecyclePolicy { .. } => "ecr:PutLifecyclePolicy",
            Self::CreateRole { .. } => "iam:CreateRole",
            Self::UpdateAssumeRolePolicy { .. } => "iam:UpdateAssumeRolePolicy",
            Self::PutRolePolicy { .. } => "iam:PutRolePolicy",
            Self::DeleteRolePolicy { .. } => "iam:DeleteRolePolicy",
            Self::PutRolePermissionsBoundary { .. } => "iam:PutRolePermissionsBoundary",
            Self::DeleteRolePermissionsBoundary { .. } => "iam:DeleteRolePermissionsBoundary",
            Self::TagRole { .. } => "iam:TagRole",
            Self::CreateLogGroup { .. } => "logs:CreateLogGroup",
            Self::PutRetentionPolicy { .. } => "logs:PutRetentionPolicy",
            Self::AssociateKmsKey { .. } => "logs:AssociateKmsKey",
            Self::DisassociateKmsKey { .. } => "logs:DisassociateKmsKey",
            Self::TagLogGroup { .. } => "logs:TagResource",
            Self::TagEcsResource { .. } => "ecs:TagResource",
            Self::RegisterTaskDefinition { .. } => "ecs:RegisterTaskDefinition",
            Self::CreateService { .. } => "ecs:CreateService",
            Self::UpdateService { .. } => "ecs:UpdateService",
            Self::StopServiceDeployment { .. } => "ecs:StopServiceDeployment",
        }
    }

    /// The name of the resource that it writes to.
    pub fn resource(&self) -> &str {
        match self {
            Self::CreateRepository { repository, .. } => repository.name.as_str(),
            Self::PutImageTagMutability { repository, .. }
            | Self::PutImageScanningConfiguration { repository, .. }
            | Self::PutLifecyclePolicy { repository, .. } => repository,
            Self::CreateRole { role, .. } => &role.name,
            Self::UpdateAssumeRolePolicy { role, .. }
            | Self::PutRolePolicy { role, .. }
            | Self::DeleteRolePolicy { role, .. }
            | Self::PutRolePermissionsBoundary { role, .. }
            | Self::DeleteRolePermissionsBoundary { role }
            | Self::TagRole { role, .. } => role,
            Self::CreateLogGroup { log_group, .. } => &log_group.name,
            Self::PutRetentionPolicy { log_group, .. }
            | Self::AssociateKmsKey { log_group, .. }
            | Self::DisassociateKmsKey { log_group } => log_group,
            Self::TagLogGroup { arn, .. } | Self::TagEcsResource { arn, .. } => arn,
            Self::RegisterTaskDefinition { task_definition, .. } => &task_definition.family,
            Self::CreateService { service, .. } => &service.name,
            Self::UpdateService { update } => &update.service,
            Self::StopServiceDeployment { service, .. } => service,
        }
    }

    /// What kind of thing it writes to, for people.
    pub fn resource_kind(&self) -> ResourceKind {
        match self {
            Self::CreateRepository { .. }
            | Self::PutImageTagMutability { .. }
            | Self::PutImageScanningConfiguration { .. }
            | Self::PutLifecyclePolicy { .. } => ResourceKind::Repository,
            Self::CreateRole { .. }
            | Self::UpdateAssumeRolePolicy { .. }
            | Self::PutRolePolicy { .. }
            | Self::DeleteRolePolicy { .. }
            | Self::PutRolePermissionsBoundary { .. }
            | Self::DeleteRolePermissionsBoundary { .. }
            | Self::TagRole { .. } => ResourceKind::Role,
            Self::CreateLogGroup { .. }
            | Self::PutRetentionPolicy { .. }
            | Self::AssociateKmsKey { .. }
            | Self::DisassociateKmsKey { .. }
            | Self::TagLogGroup { .. } => ResourceKind::LogGroup,
            Self::RegisterTaskDefinition { .. } => ResourceKind::TaskDefinition,
            Self::TagEcsResource { .. }
            | Self::CreateService { .. }
            | Self::UpdateService { .. }
            | Self::StopServiceDeployment { .. } => ResourceKind::Service,
        }
    }

    /// Whether it makes something that was not there.
    pub fn makes(&self) -> bool {
        matches!(
            self,
            Self::CreateRepository { .. }
                | Self::CreateRole { .. }
                | Self::CreateLogGroup { .. }
                | Self::RegisterTaskDefinition { .. }
                | Self::CreateService { .. }
        )
    }
}

/// The kinds of resources, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ResourceKind {
    Repository,
    Role,
    LogGroup,
    TaskDefinition,
    Service,
}

impl std::fmt::Display for ResourceKind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Repository => "repository",
            Self::Role => "role",
            Self::LogGroup => "log group",
            Self::TaskDefinition => "task definition",
            Self::Service => "service",
        })
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(out, "{} {from} → {to}", self.field),
            (None, Some(to)) => write!(out, "{} → {to}", self.field),
            (Some(from), None) => write!(out, "{} {from} removed", self.field),
            (None, None) => out.write_str(&self.field),
        }
    }
}

impl PlannedAction {
    /// How the ledger records the intent.
    ///
    /// # Errors
    /// If the action cannot be written as canonical JSON.
    pub fn intended(&self) -> Result<IntendedAction, serde_json::Error> {
        Ok(IntendedAction {
            operation: self.action.operation().to_owned(),
            resource: self.action.resource().to_owned(),
            changes: self.changes.iter().map(ToString::to_string).collect(),
            hash: ContentHash::of(&self.action)?,
        })
    }
}

/// Tags that are missing or differ, of those wanted.
pub fn missing_tags(wanted: &BTreeMap<String, String>, live: &Tags) -> Tags {
    wanted.iter().filter(|(key, value)| live.get(*key) != Some(value)).map(|(k, v)| (k.clone(), v.clone())).collect()
}
