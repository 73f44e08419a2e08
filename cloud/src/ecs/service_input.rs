//! What CreateService and UpdateService are given, and what AWS refuses of it.

use serde::Deserialize;
use serde_json::Value;

use super::service::Workload;
use super::shapes::{
    CapacityProviderStrategyItem, DeploymentConfiguration, NetworkConfiguration, Tag, client, invalid,
};
use super::task_definition::TaskDefinition;
use crate::service::ServiceError;
use crate::world::World;

/// The members of both operations. `None` is what was left out: a default at creation, no change in an update.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
pub(super) struct ServiceInput {
    pub(super) cluster: Option<String>,
    /// CreateService only, as the next five.
    pub(super) service_name: Option<String>,
    pub(super) client_token: Option<String>,
    pub(super) launch_type: Option<String>,
    pub(super) role: Option<String>,
    pub(super) scheduling_strategy: Option<String>,
    pub(super) tags: Option<Vec<Tag>>,
    /// UpdateService only, as the next one.
    pub(super) service: Option<String>,
    pub(super) force_new_deployment: Option<bool>,
    pub(super) task_definition: Option<String>,
    pub(super) desired_count: Option<i64>,
    pub(super) capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
    pub(super) platform_version: Option<String>,
    pub(super) network_configuration: Option<NetworkConfiguration>,
    pub(super) load_balancers: Option<Vec<Value>>,
    pub(super) service_registries: Option<Vec<Value>>,
    pub(super) service_connect_configuration: Option<Value>,
    pub(super) volume_configurations: Option<Vec<Value>>,
    pub(super) vpc_lattice_configurations: Option<Vec<Value>>,
    pub(super) deployment_configuration: Option<DeploymentConfiguration>,
    pub(super) deployment_controller: Option<Value>,
    pub(super) availability_zone_rebalancing: Option<String>,
    pub(super) health_check_grace_period_seconds: Option<u32>,
    pub(super) placement_constraints: Option<Vec<Value>>,
    pub(super) placement_strategy: Option<Vec<Value>>,
    #[serde(rename = "enableECSManagedTags")]
    pub(super) enable_ecs_managed_tags: Option<bool>,
    pub(super) propagate_tags: Option<String>,
    pub(super) enable_execute_command: Option<bool>,
}

/// What the embedded cloud cannot run as AWS would; it says so instead of doing something else.
fn unsupported(what: &str) -> ServiceError {
    ServiceError::new("UnsupportedFeatureException", format!("The embedded cloud does not run {what} yet."))
}

/// The desired count, in ECS's range.
pub(super) fn desired_count(count: i64) -> Result<u32, ServiceError> {
    u32::try_from(count)
        .ok()
        .filter(|count| *count <= 5_000)
        .ok_or_else(|| invalid("The desired count must be between 0 and 5000."))
}

/// Refuses deployment configurations that AWS refuses, and strategies that the cloud does not run.
pub(super) fn check_deployment(configuration: &DeploymentConfiguration) -> Result<(), ServiceError> {
    if let Some(strategy) = configuration.strategy.as_deref().filter(|strategy| *strategy != "ROLLING") {
        return Err(unsupported(&format!("{strategy} deployments")));
    }
    if configuration.lifecycle_hooks.as_ref().is_some_and(|hooks| !hooks.is_empty()) {
        return Err(unsupported("deployment lifecycle hooks"));
    }
    if configuration.early_success_criteria.is_some() {
        return Err(unsupported("early success criteria"));
    }
    let most = configuration.maximum_percent.unwrap_or(200);
    let least = configuration.minimum_healthy_percent.unwrap_or(100);
    if most == 100 && least == 100 {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    if !(100..=200).contains(&most) {
        return Err(invalid("maximumPercent must be between 100 and 200."));
    }
    if least > 100 {
        return Err(invalid("minimumHealthyPercent must be between 0 and 100."));
    }
    let breaker = configuration.breaker();
    if let Some(threshold) = &breaker.threshold_configuration
        && (threshold.value == 0
            || !["BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT"].contains(&threshold.kind.as_str()))
    {
        return Err(invalid("The threshold configuration of the deployment circuit breaker is not valid."));
    }
    match &configuration.alarms {
        Some(alarms) if alarms.enable && alarms.alarm_names.is_empty() => {
            Err(invalid("Alarm names must be specified when deployment alarms are enabled."))
        }
        _ => Ok(()),
    }
}

/// Refuses workloads that AWS refuses: launch type, network, subnets that do not exist.
pub(super) fn check_workload(
    world: &World,
    workload: &Workload,
    definition: &TaskDefinition,
) -> Result<(), ServiceError> {
    if workload.launch_type.is_some() && !workload.capacity_provider_strategy.is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    let providers = &workload.capacity_provider_strategy;
    let fargate = match workload.launch_type.as_deref() {
        Some(launch_type) => launch_type == "FARGATE",
        None => !providers.is_empty() && providers.iter().all(|item| item.capacity_provider.starts_with("FARGATE")),
    };
    if !fargate {
        return Err(unsupported("tasks on anything but Fargate"));
    }
    if !definition.content.requires_compatibilities.iter().any(|name| name == "FARGATE") {
        return Err(invalid("Task definition does not support launch_type FARGATE."));
    }
    let version = &workload.platform_version;
    if version != "LATEST" && version != "1.4.0" {
        return Err(ServiceError::new("PlatformUnknownException", "The specified platform version doesn't exist."));
    }
    check_load_balancers(workload, definition)?;
    let network = workload
        .network_configuration
        .as_ref()
        .and_then(|network| network.awsvpc_configuration.as_ref())
        .ok_or_else(|| invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."))?;
    if network.subnets.is_empty() {
        return Err(invalid("subnets can not be empty."));
    }
    if network.subnets.len() > 16 {
        return Err(invalid("subnets can have at most 16 items."));
    }
    if network.security_groups.len() > 5 {
        return Err(invalid("securityGroups can have at most 5 items."));
    }
    if !["ENABLED", "DISABLED"].contains(&network.assign_public_ip.as_str()) {
        return Err(invalid("assignPublicIp must be ENABLED or DISABLED."));
    }
    for subnet in &network.subnets {
        if !world.network.subnets.contains(subnet) {
            return Err(invalid(format!("The subnet ID '{subnet}' does not exist")));
        }
    }
    for group in &network.security_groups {
        if !world.network.security_groups.contains(group) {
            return Err(invalid(format!("The security group '{group}' does not exist")));
        }
    }
    Ok(())
}

fn check_load_balancers(workload: &Workload, definition: &TaskDefinition) -> Result<(), ServiceError> {
    for balancer in &workload.load_balancers {
        let text = |name: &str| balancer.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("containerName");
        let containers = &definition.content.container_definitions;
        let container = containers
            .iter()
            .find(|container| container.name == name)
            .ok_or_else(|| invalid(format!("The container {name} does not exist in the task definition.")))?;
        let port = balancer.get("containerPort").and_then(Value::as_u64);
        let exposes =
            |wanted: u64| container.port_mappings.iter().any(|it| it.container_port.map(u64::from) == Some(wanted));
        if !port.is_some_and(exposes) {
            return Err(invalid(format!(
                "The container {name} did not have a container port {} defined.",
                port.unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// Only ECS's own deployment controller exists here.
pub(super) fn check_controller(controller: Option<&Value>) -> Result<(), ServiceError> {
    match controller.and_then(|controller| controller.get("type")).and_then(Value::as_str) {
        None | Some("ECS") => Ok(()),
        Some(other) => Err(unsupported(&format!("the deployment controller {other}"))),
    }
}

/// A grace period is for load balancers.
pub(super) fn check_grace_period(seconds: Option<u32>, balanced: bool) -> Result<(), ServiceError> {
    match seconds {
        Some(seconds) if seconds > 0 && !balanced => {
            Err(invalid("Health check grace period is only valid for services configured to use load balancers"))
        }
        _ => Ok(()),
    }
}

/// A member that only the other operation has.
pub(super) fn unknown_member(name: &str) -> ServiceError {
    client(format!("{name} is no member of this operation."))
}
