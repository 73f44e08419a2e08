//! UpdateService: what is omitted stays as it is; what makes ECS deploy begins a deployment.

use serde_json::{Value, json};

use super::scheduler::SCHEDULER_DELAY;
use super::service::{Service, Workload};
use super::service_input::{self, ServiceInput};
use super::shapes::invalid;
use super::{Ecs, cluster, rollout, service_view, task_definition};
use crate::service::{Outcome, ServiceError, input};
use crate::world::World;

/// The service that a call names by name or ARN, whatever its status.
pub(super) fn find_mut<'a>(
    ecs: &'a mut Ecs,
    cluster: Option<&str>,
    reference: &str,
) -> Result<&'a mut Service, ServiceError> {
    let cluster = cluster::find(ecs, cluster)?.name.clone();
    ecs.services
        .get_mut(&key(&cluster, reference))
        .ok_or_else(|| ServiceError::new("ServiceNotFoundException", "Service not found."))
}

/// The key of a service that is named by name or ARN.
pub(super) fn key(cluster: &str, reference: &str) -> String {
    format!("{cluster}/{}", cluster::name_of(reference))
}

/// UpdateService.
pub(super) fn update(ecs: &mut Ecs, world: &mut World, value: Value) -> Outcome {
    let input: ServiceInput = input(value)?;
    let create_only = [
        ("serviceName", input.service_name.is_some()),
        ("clientToken", input.client_token.is_some()),
        ("launchType", input.launch_type.is_some()),
        ("role", input.role.is_some()),
        ("schedulingStrategy", input.scheduling_strategy.is_some()),
        ("tags", input.tags.is_some()),
    ];
    if let Some((name, _)) = create_only.iter().find(|(_, given)| *given) {
        return Err(service_input::unknown_member(name));
    }
    let reference = input.service.clone().ok_or_else(|| invalid("Service can not be null or empty."))?;
    let service = find_mut(ecs, input.cluster.as_deref(), &reference)?;
    if !service.is_active() {
        return Err(ServiceError::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    // On a copy, so that a refusal leaves nothing half changed; the copy comes back whole.
    let mut service = service.clone();
    apply(&mut service, ecs, world, input)?;
    let answer = json!({ "service": service_view::view(&service, world, true) });
    ecs.services.insert(key(&service.cluster, &service.name), service);
    Ok(answer)
}

fn apply(service: &mut Service, ecs: &Ecs, world: &mut World, input: ServiceInput) -> Result<(), ServiceError> {
    service_input::check_controller(input.deployment_controller.as_ref())?;
    let force = input.force_new_deployment.unwrap_or(false);
    if let Some(count) = input.desired_count {
        service.desired = service_input::desired_count(count)?;
        service.wake_at(world.now + SCHEDULER_DELAY);
    }
    let workload = changed(&service.workload, ecs, &input)?;
    let settings = &mut service.settings;
    if let Some(deployment) = input.deployment_configuration {
        let deployment = deployment.over(settings.deployment.clone()).filled();
        service_input::check_deployment(&deployment)?;
        settings.deployment = deployment;
        service.wake_at(world.now + SCHEDULER_DELAY);
    }
    let settings = &mut service.settings;
    let balanced = !workload.load_balancers.is_empty();
    service_input::check_grace_period(input.health_check_grace_period_seconds, balanced)?;
    if input.health_check_grace_period_seconds.is_some() {
        settings.health_check_grace_period_seconds = input.health_check_grace_period_seconds;
    }
    set(&mut settings.placement_constraints, input.placement_constraints);
    set(&mut settings.placement_strategy, input.placement_strategy);
    set(&mut settings.enable_ecs_managed_tags, input.enable_ecs_managed_tags);
    set(&mut settings.enable_execute_command, input.enable_execute_command);
    set(&mut settings.availability_zone_rebalancing, input.availability_zone_rebalancing);
    if input.propagate_tags.is_some() {
        settings.propagate_tags = input.propagate_tags;
    }
    if force || workload != service.workload {
        let definition = task_definition::usable(ecs, &workload.task_definition)?;
        service_input::check_workload(world, &workload, definition)?;
        service.workload = workload;
        rollout::begin(service, world);
    }
    Ok(())
}

/// The workload after the update.
fn changed(present: &Workload, ecs: &Ecs, input: &ServiceInput) -> Result<Workload, ServiceError> {
    let mut workload = present.clone();
    if let Some(reference) = &input.task_definition {
        workload.task_definition = task_definition::usable(ecs, reference)?.arn.clone();
    }
    if let Some(strategy) = &input.capacity_provider_strategy {
        workload.capacity_provider_strategy = strategy.clone();
        // A service moves from its launch type to capacity providers in this way.
        if !strategy.is_empty() {
            workload.launch_type = None;
        }
    }
    set(&mut workload.platform_version, input.platform_version.clone());
    if input.network_configuration.is_some() {
        workload.network_configuration = input.network_configuration.clone();
    }
    set(&mut workload.load_balancers, input.load_balancers.clone());
    set(&mut workload.service_registries, input.service_registries.clone());
    if input.service_connect_configuration.is_some() {
        workload.service_connect_configuration = input.service_connect_configuration.clone();
    }
    set(&mut workload.volume_configurations, input.volume_configurations.clone());
    set(&mut workload.vpc_lattice_configurations, input.vpc_lattice_configurations.clone());
    Ok(workload)
}

fn set<T>(member: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *member = value;
    }
}
