//! The service, and what a new task definition changes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Changes, listed};
use crate::observed::{CircuitBreaker, LiveService, Tags};
use crate::plan::action::{Change, DeploymentUpdate, NetworkUpdate, ServiceUpdate, missing_tags};
use crate::resources::{Service, TaskDefinition};

/// ECS stops a rollout whose tasks keep failing and returns to the last that was complete, also with nobody watching.
pub const CIRCUIT_BREAKER: CircuitBreaker = CircuitBreaker { enable: true, rollback: true };
/// What ECS fills in where nothing is said.
pub const PLATFORM_VERSION: &str = "LATEST";
/// Tasks carry the service's tags, so that cost and owner can be told by task.
pub const PROPAGATE_TAGS: &str = "SERVICE";

/// How a live service differs from the one that should be.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDifference {
    pub update: ServiceUpdate,
    pub changes: Vec<Change>,
    pub missing_tags: Tags,
    /// Whether ECS will start a deployment because of it.
    pub deploys: bool,
}

impl ServiceDifference {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.missing_tags.is_empty()
    }
}

/// Compares a service with the live one, from Describe's answer only. One UpdateService puts all of it right.
pub fn service(wanted: &Service, task_definition_arn: &str, live: &LiveService, tags: &Tags) -> ServiceDifference {
    let mut update =
        ServiceUpdate { cluster: wanted.cluster.clone(), service: wanted.name.clone(), ..ServiceUpdate::default() };
    let mut changes = Changes::default();
    let text = |text: &String| text.clone();

    if changes.differs("task definition", &live.task_definition, &task_definition_arn.to_owned(), |arn| short_arn(arn))
    {
        update.task_definition_arn = Some(task_definition_arn.to_owned());
    }
    let subnets = changes.differs("subnets", &live.subnets, &wanted.subnets, listed);
    let groups = changes.differs("security groups", &live.security_groups, &wanted.security_groups, listed);
    let public_ip = changes.differs("public IP", &live.assign_public_ip, &false, bool::to_string);
    if subnets || groups || public_ip {
        update.network =
            Some(NetworkUpdate { subnets: wanted.subnets.clone(), security_groups: wanted.security_groups.clone() });
    }
    if changes.differs("platform version", &live.platform_version, &PLATFORM_VERSION.to_owned(), text) {
        update.platform_version = Some(PLATFORM_VERSION.to_owned());
    }
    let deploys = update.task_definition_arn.is_some() || update.network.is_some() || update.platform_version.is_some();

    // `None` where the autoscaler owns the count.
    if let Some(count) = wanted.desired_count
        && changes.differs("desired count", &live.desired_count, &count, u32::to_string)
    {
        update.desired_count = Some(count);
    }
    update.deployment = deployment(wanted, live, &mut changes);
    if changes.differs("execute command", &live.execute_command, &false, bool::to_string) {
        update.execute_command = Some(false);
    }
    if changes.differs("managed tags", &live.managed_tags, &true, bool::to_string) {
        update.managed_tags = Some(true);
    }
    if changes.differs("propagated tags", &live.propagate_tags, &PROPAGATE_TAGS.to_owned(), text) {
        update.propagate_tags = Some(PROPAGATE_TAGS.to_owned());
    }
    ServiceDifference { update, changes: changes.0, missing_tags: missing_tags(tags, &live.tags), deploys }
}

fn deployment(wanted: &Service, live: &LiveService, changes: &mut Changes) -> Option<DeploymentUpdate> {
    let percent = |percent: &u32| format!("{percent}%");
    let (minimum, maximum) = (wanted.minimum_healthy_percent, wanted.maximum_percent);
    let minimum_differs = changes.differs("minimum healthy", &live.minimum_healthy_percent, &minimum, percent);
    let maximum_differs = changes.differs("maximum", &live.maximum_percent, &maximum, percent);
    let breaker_differs =
        changes.differs("circuit breaker", &live.circuit_breaker, &CIRCUIT_BREAKER, |breaker| {
            match (breaker.enable, breaker.rollback) {
                (true, true) => "on, rolls back".to_owned(),
                (true, false) => "on".to_owned(),
                (false, _) => "off".to_owned(),
            }
        });
    (minimum_differs || maximum_differs || breaker_differs).then_some(DeploymentUpdate {
        minimum_healthy_percent: minimum,
        maximum_percent: maximum,
        circuit_breaker: CIRCUIT_BREAKER,
    })
}

/// `family:7` of a task definition's ARN.
fn short_arn(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

/// What a new task definition changes against the one recorded before. Values of environment variables are not shown:
/// people paste into them what should not be read by all.
pub fn task_definition_changes(before: Option<&TaskDefinition>, after: &TaskDefinition) -> Vec<Change> {
    let Some(before) = before else { return Vec::new() };
    let (Ok(before), Ok(after)) = (serde_json::to_value(before), serde_json::to_value(after)) else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    compare(&mut String::new(), Some(&before), Some(&after), &mut changes);
    changes
}

fn compare(path: &mut String, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    if let (Some(Value::Object(left)), Some(Value::Object(right))) = (before, after) {
        let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for key in keys {
            let length = path.len();
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
            compare(path, left.get(key), right.get(key), changes);
            path.truncate(length);
        }
        return;
    }
    let field = path.strip_prefix("container.").unwrap_or(path).to_owned();
    let masked = field.starts_with("environment.");
    let show = |value: &Value| match value {
        _ if masked => "••••".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    changes.push(Change { from: before.map(show), to: after.map(show), field });
}
