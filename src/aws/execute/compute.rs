//! Writes to ECS.

use aws_config::retry::RetryConfig;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Compatibility, ContainerDefinition, CpuArchitecture, DeploymentCircuitBreaker,
    DeploymentConfiguration, HealthCheck, KeyValuePair, LaunchType, LogConfiguration, LogDriver, NetworkConfiguration,
    NetworkMode, OsFamily, PortMapping, PropagateTags, RuntimePlatform, Secret, StopServiceDeploymentStopType, Tag,
    TransportProtocol,
};

use super::{Executor, each_tag, incomplete, signed};
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::names::ContentHash;
use crate::observed::{CircuitBreaker, Tags};
use crate::plan::Action;
use crate::plan::action::ServiceUpdate;
use crate::resources::{HASH_TAG, Service, TaskDefinition};
use crate::spec::model::Architecture;

/// How many tasks an autoscaled service starts with: the autoscaler lifts it to its minimum.
const FIRST_COUNT: u32 = 1;

impl Executor {
    pub(super) async fn compute(&self, action: &Action) -> Result<(), AwsError> {
        let (operation, ecs) = (action.operation(), &self.aws.inner.ecs);
        match action {
            Action::RegisterTaskDefinition { task_definition, hash, tags } => {
                self.register_task_definition(operation, task_definition, hash, tags).await
            }
            Action::CreateService { service, task_definition_arn, client_token, tags } => {
                self.create_service(operation, service, task_definition_arn, client_token, tags).await
            }
            Action::UpdateService { update } => self.update_service(operation, update).await,
            Action::StopServiceDeployment { service, deployment_arn } => {
                let request = ecs.stop_service_deployment().service_deployment_arn(deployment_arn);
                let request = request.stop_type(StopServiceDeploymentStopType::Rollback).send();
                self.aws.call(Family::EcsServiceWrites, operation, service, request).await.map(drop)
            }
            Action::TagEcsResource { arn, tags } => {
                let request = ecs.tag_resource().resource_arn(arn).set_tags(Some(ecs_tags(tags))).send();
                self.aws.call(Family::EcsTagWrites, operation, arn, request).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// ECS has no token for it, and a retry after a lost answer would register it twice: so the SDK does not retry it.
    async fn register_task_definition(
        &self,
        operation: &'static str,
        task_definition: &TaskDefinition,
        hash: &ContentHash,
        tags: &Tags,
    ) -> Result<(), AwsError> {
        let family = &task_definition.family;
        let mut tags = tags.clone();
        tags.insert(HASH_TAG.to_owned(), hash.to_string());
        let platform = RuntimePlatform::builder()
            .operating_system_family(OsFamily::Linux)
            .cpu_architecture(match task_definition.architecture {
                Architecture::Arm64 => CpuArchitecture::Arm64,
                Architecture::X86_64 => CpuArchitecture::X8664,
            })
            .build();
        let request = self.aws.inner.ecs.register_task_definition().family(family);
        let request = request
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu(task_definition.cpu.to_string())
            .memory(task_definition.memory_mib.to_string())
            .runtime_platform(platform)
            .execution_role_arn(&task_definition.execution_role_arn)
            .task_role_arn(&task_definition.task_role_arn)
            .container_definitions(container(operation, task_definition, hash)?)
            .set_tags(Some(ecs_tags(&tags)))
            .customize()
            .config_override(aws_sdk_ecs::Config::builder().retry_config(RetryConfig::disabled()))
            .send();
        self.aws.call(Family::EcsTaskDefinitionWrites, operation, family, request).await.map(drop)
    }

    async fn create_service(
        &self,
        operation: &'static str,
        service: &Service,
        task_definition_arn: &str,
        client_token: &str,
        tags: &Tags,
    ) -> Result<(), AwsError> {
        use crate::plan::diff::{CIRCUIT_BREAKER, PLATFORM_VERSION, PROPAGATE_TAGS};
        let network = network(&service.subnets, &service.security_groups);
        let network = network.map_err(|error| incomplete(operation, &service.name, &error))?;
        let request = self.aws.inner.ecs.create_service().cluster(&service.cluster).service_name(&service.name);
        let request = request
            .client_token(client_token)
            .task_definition(task_definition_arn)
            .desired_count(signed(service.desired_count.unwrap_or(FIRST_COUNT)))
            .launch_type(LaunchType::Fargate)
            .platform_version(PLATFORM_VERSION)
            .network_configuration(network)
            .deployment_configuration(deployment(
                service.minimum_healthy_percent,
                service.maximum_percent,
                CIRCUIT_BREAKER,
            ))
            .enable_ecs_managed_tags(true)
            .propagate_tags(PropagateTags::from(PROPAGATE_TAGS))
            .enable_execute_command(false)
            .set_tags(Some(ecs_tags(tags)))
            .send();
        self.aws.call(Family::EcsServiceWrites, operation, &service.name, request).await.map(drop)
    }

    /// What is not in the update is not sent, and ECS keeps it. Never with a forced deployment: a retry would start another.
    async fn update_service(&self, operation: &'static str, update: &ServiceUpdate) -> Result<(), AwsError> {
        let network = match &update.network {
            None => None,
            Some(change) => {
                let network = network(&change.subnets, &change.security_groups);
                Some(network.map_err(|error| incomplete(operation, &update.service, &error))?)
            }
        };
        let deployment = update
            .deployment
            .as_ref()
            .map(|change| deployment(change.minimum_healthy_percent, change.maximum_percent, change.circuit_breaker));
        let request = self.aws.inner.ecs.update_service().cluster(&update.cluster).service(&update.service);
        let request = request
            .set_task_definition(update.task_definition_arn.clone())
            .set_desired_count(update.desired_count.map(signed))
            .set_network_configuration(network)
            .set_deployment_configuration(deployment)
            .set_platform_version(update.platform_version.clone())
            .set_enable_execute_command(update.execute_command)
            .set_enable_ecs_managed_tags(update.managed_tags)
            .set_propagate_tags(update.propagate_tags.as_deref().map(PropagateTags::from))
            .send();
        self.aws.call(Family::EcsServiceWrites, operation, &update.service, request).await.map(drop)
    }
}

type BuildResult<T> = Result<T, aws_sdk_ecs::error::BuildError>;

fn network<'a>(
    subnets: impl IntoIterator<Item = &'a String>,
    security_groups: impl IntoIterator<Item = &'a String>,
) -> BuildResult<NetworkConfiguration> {
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(subnets.into_iter().cloned().collect()))
        .set_security_groups(Some(security_groups.into_iter().cloned().collect()))
        .assign_public_ip(AssignPublicIp::Disabled)
        .build()?;
    Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
}

fn deployment(minimum: u32, maximum: u32, breaker: CircuitBreaker) -> DeploymentConfiguration {
    let breaker = DeploymentCircuitBreaker::builder().enable(breaker.enable).rollback(breaker.rollback).build();
    DeploymentConfiguration::builder()
        .minimum_healthy_percent(signed(minimum))
        .maximum_percent(signed(maximum))
        .deployment_circuit_breaker(breaker)
        .build()
}

/// The essential container, with the revision label in its environment.
fn container(
    operation: &'static str,
    task_definition: &TaskDefinition,
    hash: &ContentHash,
) -> Result<ContainerDefinition, AwsError> {
    let container = &task_definition.container;
    build_container(task_definition, hash).map_err(|error| incomplete(operation, &container.name, &error))
}

fn build_container(task_definition: &TaskDefinition, hash: &ContentHash) -> BuildResult<ContainerDefinition> {
    let container = &task_definition.container;
    let environment = task_definition.labelled_environment(hash);
    let environment = environment.iter().map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
    let secrets = container.secrets.iter().map(|(name, arn)| Secret::builder().name(name).value_from(arn).build());
    let logs = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", &container.logs.group)
        .options("awslogs-region", container.logs.region.as_str())
        .options("awslogs-stream-prefix", &container.logs.stream_prefix)
        .build()?;
    let health = &container.health_check;
    let health = HealthCheck::builder()
        .set_command(Some(health.command.clone()))
        .interval(signed(health.interval_seconds))
        .timeout(signed(health.timeout_seconds))
        .retries(signed(health.retries))
        .start_period(signed(health.start_period_seconds))
        .build()?;
    let port = i32::from(container.port);
    // Under awsvpc the host's port is the container's; it is said so that the answer compares equal.
    let port = PortMapping::builder().container_port(port).host_port(port).protocol(TransportProtocol::Tcp).build();
    Ok(ContainerDefinition::builder()
        .name(&container.name)
        .image(container.image.uri())
        .essential(true)
        .port_mappings(port)
        .set_environment(Some(environment.collect()))
        .set_secrets(Some(secrets.collect::<Result<Vec<_>, _>>()?).filter(|secrets| !secrets.is_empty()))
        .health_check(health)
        .log_configuration(logs)
        .stop_timeout(signed(container.stop_timeout_seconds))
        .build())
}

fn ecs_tags(tags: &Tags) -> Vec<Tag> {
    each_tag(tags, |key, value| Tag::builder().key(key).value(value).build())
}
