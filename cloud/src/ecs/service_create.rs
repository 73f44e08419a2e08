//! CreateService and DeleteService.

use serde::Deserialize;
use serde_json::{Value, json};

use super::scheduler::SCHEDULER_DELAY;
use super::service::{Service, ServiceSettings, ServiceStatus, Workload};
use super::service_input::{self, ServiceInput};
use super::shapes::{client, invalid};
use super::{Ecs, cluster, rollout, service_view, tags, task_definition};
use crate::service::{Outcome, ServiceError, input};
use crate::world::World;

/// CreateService. The same token with the same input answers with the service that is there.
pub(super) fn create(ecs: &mut Ecs, world: &mut World, value: Value) -> Outcome {
    let created_from = value.clone();
    let input: ServiceInput = input(value)?;
    if input.service.is_some() || input.force_new_deployment.is_some() {
        return Err(service_input::unknown_member("service or forceNewDeployment"));
    }
    let cluster = cluster::find(ecs, input.cluster.as_deref())?.name.clone();
    let name = input.service_name.clone().ok_or_else(|| invalid("Service name can not be null or empty."))?;
    if !cluster::is_name(&name) {
        return Err(invalid("Service name must match ^[A-Za-z0-9_-]+$ and be at most 255 characters long."));
    }
    if input.client_token.as_ref().is_some_and(|token| token.len() > 36) {
        return Err(invalid("clientToken can be at most 36 characters long."));
    }
    let key = format!("{cluster}/{name}");
    if let Some(existing) = ecs.services.get(&key) {
        match existing.status {
            ServiceStatus::Active => return repeated(existing, &input, &created_from, world),
            ServiceStatus::Draining => return Err(invalid("Unable to Start a service that is still Draining.")),
            ServiceStatus::Inactive => {}
        }
    }
    let service = make(ecs, world, cluster, name, input, created_from)?;
    let answer = json!({ "service": service_view::view(&service, world, true) });
    ecs.services.insert(key, service);
    Ok(answer)
}

fn repeated(existing: &Service, input: &ServiceInput, created_from: &Value, world: &World) -> Outcome {
    let same_token = input.client_token.is_some() && input.client_token == existing.client_token;
    if same_token && *created_from == existing.created_from {
        return Ok(json!({ "service": service_view::view(existing, world, true) }));
    }
    Err(invalid("Creation of service was not idempotent."))
}

fn make(
    ecs: &Ecs,
    world: &mut World,
    cluster: String,
    name: String,
    mut input: ServiceInput,
    created_from: Value,
) -> Result<Service, ServiceError> {
    if input.scheduling_strategy.as_deref().is_some_and(|strategy| strategy != "REPLICA") {
        return Err(client("The embedded cloud does not run DAEMON services."));
    }
    service_input::check_controller(input.deployment_controller.as_ref())?;
    let reference = input.task_definition.take().ok_or_else(|| invalid("TaskDefinition can not be blank."))?;
    let definition = task_definition::usable(ecs, &reference)?;
    let count = input.desired_count.ok_or_else(|| invalid("The desired count must be specified."))?;
    let desired = service_input::desired_count(count)?;
    let deployment = input.deployment_configuration.take().unwrap_or_default();
    service_input::check_deployment(&deployment)?;
    let given_tags = input.tags.take().unwrap_or_default();
    tags::check(&given_tags)?;
    let workload = workload(&mut input, definition.arn.clone());
    service_input::check_workload(world, &workload, definition)?;
    let grace = input.health_check_grace_period_seconds;
    service_input::check_grace_period(grace, !workload.load_balancers.is_empty())?;
    let settings = ServiceSettings {
        deployment: deployment.filled(),
        health_check_grace_period_seconds: grace,
        placement_constraints: input.placement_constraints.unwrap_or_default(),
        placement_strategy: input.placement_strategy.unwrap_or_default(),
        enable_ecs_managed_tags: input.enable_ecs_managed_tags.unwrap_or(false),
        propagate_tags: input.propagate_tags,
        enable_execute_command: input.enable_execute_command.unwrap_or(false),
        availability_zone_rebalancing: input.availability_zone_rebalancing.unwrap_or_else(|| String::from("ENABLED")),
        role: input.role,
    };
    let mut service = Service {
        arn: format!("arn:aws:ecs:{}:{}:service/{cluster}/{name}", world.region, world.account),
        name,
        cluster,
        status: ServiceStatus::Active,
        created_at: world.now,
        desired,
        workload,
        settings,
        tags: given_tags,
        client_token: input.client_token,
        created_from,
        deployments: Vec::new(),
        service_deployments: Vec::new(),
        revisions: Default::default(),
        tasks: Default::default(),
        events: Default::default(),
        last_completed: None,
        wake: None,
        steady: false,
        failed_rounds: 0,
        hold_launches_until: None,
    };
    rollout::begin(&mut service, world);
    Ok(service)
}

/// What makes ECS deploy, taken out of the input.
fn workload(input: &mut ServiceInput, task_definition_arn: String) -> Workload {
    Workload {
        task_definition: task_definition_arn,
        launch_type: input.launch_type.take(),
        capacity_provider_strategy: input.capacity_provider_strategy.take().unwrap_or_default(),
        platform_version: input.platform_version.take().unwrap_or_else(|| String::from("LATEST")),
        network_configuration: input.network_configuration.take(),
        load_balancers: input.load_balancers.take().unwrap_or_default(),
        service_registries: input.service_registries.take().unwrap_or_default(),
        service_connect_configuration: input.service_connect_configuration.take(),
        volume_configurations: input.volume_configurations.take().unwrap_or_default(),
        vpc_lattice_configurations: input.vpc_lattice_configurations.take().unwrap_or_default(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteInput {
    #[serde(default)]
    cluster: Option<String>,
    service: String,
    #[serde(default)]
    force: bool,
}

/// DeleteService: DRAINING until its last task has stopped, then INACTIVE.
pub(super) fn delete(ecs: &mut Ecs, world: &mut World, value: Value) -> Outcome {
    let input: DeleteInput = input(value)?;
    let service = super::service_update::find_mut(ecs, input.cluster.as_deref(), &input.service)?;
    if service.is_active() {
        if service.desired > 0 && !input.force {
            return Err(invalid("The service cannot be stopped while it is scaled above 0."));
        }
        service.desired = 0;
        service.status = ServiceStatus::Draining;
        if let Some(ongoing) = service.ongoing_mut() {
            let status = super::deployment::ServiceDeploymentStatus::Stopped;
            ongoing.finish(status, Some(String::from("The service was deleted.")), world.now);
        }
        service.wake_at(world.now + SCHEDULER_DELAY);
    }
    Ok(json!({ "service": service_view::view(service, world, true) }))
}
