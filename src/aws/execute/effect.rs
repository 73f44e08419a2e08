//! What a write changes, in the names of `observed`: what the next read should show.

use serde::Serialize;
use serde_json::{Value, json};

use crate::aws::recent::Written;
use crate::observed::Tags;
use crate::plan::Action;
use crate::plan::action::ServiceUpdate;
use crate::resources::{LogGroup, Repository, Role, Service};

pub(super) struct Effect {
    /// As `observe` calls the thing.
    pub(super) key: String,
    pub(super) written: Written,
}

pub(super) fn effect(action: &Action) -> Effect {
    let (key, written) = match action {
        Action::CreateRepository { repository, tags } => {
            (repository_key(repository.name.as_str()), new_repository(repository, tags))
        }
        Action::PutImageTagMutability { repository, mutable_tags } => {
            (repository_key(repository), mutability(mutable_tags))
        }
        Action::PutImageScanningConfiguration { repository, scan_on_push } => {
            (repository_key(repository), one("scan_on_push", scan_on_push))
        }
        Action::PutLifecyclePolicy { repository, policy } => {
            (repository_key(repository), one("lifecycle_policy", policy))
        }
        Action::CreateRole { role, tags } => (role_key(&role.name), new_role(role, tags)),
        Action::UpdateAssumeRolePolicy { role, policy } => (role_key(role), one("trust_policy", policy)),
        Action::PutRolePolicy { role, policy_name, policy } => {
            (role_key(role), one(&format!("policies.{policy_name}"), policy))
        }
        Action::DeleteRolePolicy { role, policy_name } => (role_key(role), removed(&format!("policies.{policy_name}"))),
        Action::PutRolePermissionsBoundary { role, boundary } => {
            (role_key(role), one("permissions_boundary", boundary))
        }
        Action::DeleteRolePermissionsBoundary { role } => (role_key(role), removed("permissions_boundary")),
        Action::TagRole { role, tags } => (role_key(role), tagged(tags)),
        Action::CreateLogGroup { log_group, tags } => (log_group_key(&log_group.name), new_log_group(log_group, tags)),
        Action::PutRetentionPolicy { log_group, days } => (log_group_key(log_group), one("retention_days", days)),
        Action::AssociateKmsKey { log_group, key } => (log_group_key(log_group), one("kms_key", key)),
        Action::DisassociateKmsKey { log_group } => (log_group_key(log_group), removed("kms_key")),
        // arn:aws:logs:region:account:log-group:NAME
        Action::TagLogGroup { arn, tags } => (log_group_key(arn.splitn(7, ':').last().unwrap_or(arn)), tagged(tags)),
        // arn:aws:ecs:region:account:service/CLUSTER/NAME
        Action::TagEcsResource { arn, tags } => (arn.splitn(6, ':').last().unwrap_or(arn).to_owned(), tagged(tags)),
        Action::RegisterTaskDefinition { hash, .. } => (format!("task-definition/{hash}"), Written::new()),
        Action::CreateService { service, task_definition_arn, tags, .. } => {
            (service_key(&service.cluster, &service.name), new_service(service, task_definition_arn, tags))
        }
        Action::UpdateService { update } => (service_key(&update.cluster, &update.service), updated(update)),
        Action::StopServiceDeployment { deployment_arn, .. } => {
            (format!("deployment/{deployment_arn}"), one("status", &"RollbackRequested"))
        }
    };
    Effect { key, written }
}

fn repository_key(name: &str) -> String {
    format!("repository/{name}")
}

fn role_key(name: &str) -> String {
    format!("role/{name}")
}

fn log_group_key(name: &str) -> String {
    format!("log-group/{name}")
}

fn service_key(cluster: &str, name: &str) -> String {
    format!("service/{cluster}/{name}")
}

/// Total: what cannot be JSON is not waited for.
fn value<T: Serialize>(value: &T) -> Option<Value> {
    serde_json::to_value(value).ok().filter(|value| !value.is_null())
}

fn one<T: Serialize>(field: &str, written: &T) -> Written {
    Written::from([(field.to_owned(), value(written))])
}

fn removed(field: &str) -> Written {
    Written::from([(field.to_owned(), None)])
}

fn tagged(tags: &Tags) -> Written {
    tags.iter().map(|(key, value)| (format!("tags.{key}"), Some(json!(value)))).collect()
}

fn mutability<T: Serialize>(mutable_tags: &T) -> Written {
    one("mutable_tags", mutable_tags)
}

fn new_repository(repository: &Repository, tags: &Tags) -> Written {
    let mut written = tagged(tags);
    written.extend(mutability(&repository.mutable_tags));
    written.extend(one("scan_on_push", &repository.scan_on_push));
    written
}

fn new_role(role: &Role, tags: &Tags) -> Written {
    let mut written = tagged(tags);
    written.extend(one("trust_policy", &role.trust_policy));
    if role.permissions_boundary.is_some() {
        written.extend(one("permissions_boundary", &role.permissions_boundary));
    }
    written
}

fn new_log_group(log_group: &LogGroup, tags: &Tags) -> Written {
    let mut written = tagged(tags);
    if log_group.encryption_key.is_some() {
        written.extend(one("kms_key", &log_group.encryption_key));
    }
    written
}

fn new_service(service: &Service, task_definition_arn: &str, tags: &Tags) -> Written {
    let mut written = tagged(tags);
    written.extend(one("task_definition", &task_definition_arn));
    written.extend(one("subnets", &service.subnets));
    written.extend(one("security_groups", &service.security_groups));
    written
}

fn updated(update: &ServiceUpdate) -> Written {
    let mut written = Written::new();
    let mut put = |field: &str, value: Option<Value>| {
        if value.is_some() {
            written.insert(field.to_owned(), value);
        }
    };
    put("task_definition", value(&update.task_definition_arn));
    put("desired_count", value(&update.desired_count));
    put("platform_version", value(&update.platform_version));
    put("execute_command", value(&update.execute_command));
    put("managed_tags", value(&update.managed_tags));
    put("propagate_tags", value(&update.propagate_tags));
    if let Some(network) = &update.network {
        put("subnets", value(&network.subnets));
        put("security_groups", value(&network.security_groups));
        put("assign_public_ip", Some(json!(false)));
    }
    if let Some(deployment) = &update.deployment {
        put("minimum_healthy_percent", value(&deployment.minimum_healthy_percent));
        put("maximum_percent", value(&deployment.maximum_percent));
        put("circuit_breaker", value(&deployment.circuit_breaker));
    }
    written
}
