//! What Fargate asks of a task definition.

use super::container::{ContainerDefinition, HealthCheck};
use super::shapes::client;
use crate::service::ServiceError;

/// Sizes as Fargate publishes them: CPU units, then the memory in MiB as first, last and step.
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122880, 8192),
];

/// The CPU units of `256`, `.25 vCPU`, `1 vCPU`.
pub(super) fn cpu_units(text: &str) -> Option<u32> {
    number(text, &["vcpu"], 1024.0)
}

/// The MiB of `512`, `0.5GB`, `1 GB`.
pub(super) fn memory_mib(text: &str) -> Option<u32> {
    number(text, &["gb"], 1024.0)
}

fn number(text: &str, units: &[&str], factor: f64) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    for unit in units {
        if let Some(amount) = text.strip_suffix(unit) {
            let amount: f64 = amount.trim().parse().ok()?;
            return (amount > 0.0 && amount < 1_000_000.0).then_some((amount * factor).round() as u32);
        }
    }
    text.parse().ok()
}

/// Whether Fargate has this size. 256 CPU units go with 512, 1024 and 2048 MiB only.
pub(super) fn has_size(cpu: u32, memory: u32) -> bool {
    SIZES.iter().any(|(units, first, last, step)| {
        *units == cpu
            && (*first..=*last).contains(&memory)
            && (memory - first).is_multiple_of(*step)
            && !(cpu == 256 && memory == 1536)
    })
}

/// The task level: network mode and size. Returns the size in AWS's plain numbers.
pub(super) fn check_task(
    network_mode: Option<&str>,
    cpu: Option<&str>,
    memory: Option<&str>,
) -> Result<(String, String), ServiceError> {
    if network_mode != Some("awsvpc") {
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    let cpu = cpu.ok_or_else(|| client("Fargate requires that 'cpu' be defined at the task level."))?;
    let memory = memory.ok_or_else(|| client("Fargate requires that 'memory' be defined at the task level."))?;
    let units = cpu_units(cpu).ok_or_else(|| client("Invalid 'cpu' setting for task."))?;
    let mib = memory_mib(memory).ok_or_else(|| client("Invalid 'memory' setting for task."))?;
    if !has_size(units, mib) {
        return Err(client(format!("No Fargate configuration exists for given values: {units} CPU, {mib} memory.")));
    }
    Ok((units.to_string(), mib.to_string()))
}

/// What a container needs an execution role for.
pub(super) fn check_execution_role(containers: &[ContainerDefinition]) -> Result<(), ServiceError> {
    let needs =
        |what: &str| client(format!("Fargate requires task definition to have execution role ARN to support {what}."));
    for container in containers {
        if container.image.contains(".dkr.ecr.") {
            return Err(needs("ECR images"));
        }
        if container.log_configuration.as_ref().is_some_and(|logs| logs.log_driver == "awslogs") {
            return Err(needs("log driver awslogs"));
        }
        if !container.secrets.is_empty() {
            return Err(needs("secrets"));
        }
    }
    Ok(())
}

/// One container: name, image, health check, log options, names used twice.
pub(super) fn check_container(container: &ContainerDefinition) -> Result<(), ServiceError> {
    let name = &container.name;
    if name.is_empty() {
        return Err(client("Container.name should not be null or empty."));
    }
    if name.len() > 255 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(client("Container.name contains invalid characters."));
    }
    if container.image.is_empty() {
        return Err(client("Container.image should not be null or empty."));
    }
    if container.image.contains(char::is_whitespace) {
        return Err(client("Container.image contains invalid characters."));
    }
    if container.port_mappings.iter().any(|port| port.host_port.is_some() && port.host_port != port.container_port) {
        return Err(client("When networkMode=awsvpc, the host ports and container ports in port mappings must match."));
    }
    for secret in &container.secrets {
        let taken = container.environment.iter().any(|pair| pair.name == secret.name);
        if taken || container.secrets.iter().filter(|other| other.name == secret.name).count() > 1 {
            return Err(client(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on \
                 the container, such as '{}'.",
                secret.name
            )));
        }
    }
    if let Some(logs) = container.log_configuration.as_ref().filter(|logs| logs.log_driver == "awslogs") {
        for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
            if !logs.options.contains_key(option) {
                return Err(client(format!("Log driver awslogs requires option '{option}'.")));
            }
        }
    }
    container.health_check.as_ref().map_or(Ok(()), check_health)
}

/// Ranges of the ECS API reference, type HealthCheck.
fn check_health(check: &HealthCheck) -> Result<(), ServiceError> {
    if check.command.is_empty() {
        return Err(client("The health check command should not be null or empty."));
    }
    let ranges = [
        ("interval", check.interval, 5, 300),
        ("timeout", check.timeout, 2, 60),
        ("retries", check.retries, 1, 10),
        ("startPeriod", check.start_period.unwrap_or(0), 0, 300),
    ];
    for (name, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            return Err(client(format!("The health check {name} must be between {least} and {most}.")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fargate_has_the_published_sizes_and_no_others() {
        assert!(has_size(256, 512) && has_size(256, 2048) && has_size(4096, 30720) && has_size(16384, 122_880));
        assert!(!has_size(256, 1536) && !has_size(256, 4096) && !has_size(1024, 1024) && !has_size(300, 512));
    }

    #[test]
    fn sizes_may_be_written_in_words() {
        assert_eq!((cpu_units("1 vCPU"), cpu_units(".25 vcpu"), cpu_units("256")), (Some(1024), Some(256), Some(256)));
        assert_eq!((memory_mib("1 GB"), memory_mib("0.5GB"), memory_mib("lots")), (Some(1024), Some(512), None));
    }
}
