//! Container definitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A container of a task definition. What the cloud does not act on is stored and echoed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContainerDefinition {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) cpu: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memory_reservation: Option<i64>,
    #[serde(default = "yes")]
    pub(super) essential: bool,
    #[serde(default)]
    pub(super) port_mappings: Vec<PortMapping>,
    #[serde(default)]
    pub(super) environment: Vec<NameValue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) secrets: Vec<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) health_check: Option<HealthCheck>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_configuration: Option<LogConfiguration>,
    #[serde(default)]
    mount_points: Vec<Value>,
    #[serde(default)]
    volumes_from: Vec<Value>,
    #[serde(default)]
    system_controls: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entry_point: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ulimits: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    environment_files: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resource_requirements: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dns_servers: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dns_search_domains: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    extra_hosts: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    docker_security_options: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    credential_specs: Vec<Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    docker_labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    linux_parameters: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository_credentials: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restart_policy: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    firelens_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_timeout: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop_timeout: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version_consistency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    working_directory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disable_networking: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    privileged: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    readonly_root_filesystem: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interactive: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pseudo_terminal: Option<bool>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PortMapping {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) container_port: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host_port: Option<u32>,
    #[serde(default = "tcp")]
    protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app_protocol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_port_range: Option<String>,
}

fn tcp() -> String {
    String::from("tcp")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NameValue {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) value_from: String,
}

/// A container's health check, with Docker's defaults as ECS fills them in. Times in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HealthCheck {
    pub(super) command: Vec<String>,
    #[serde(default = "thirty")]
    pub(super) interval: u32,
    #[serde(default = "five")]
    pub(super) timeout: u32,
    #[serde(default = "three")]
    pub(super) retries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start_period: Option<u32>,
}

fn thirty() -> u32 {
    30
}

fn five() -> u32 {
    5
}

fn three() -> u32 {
    3
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogConfiguration {
    pub(super) log_driver: String,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
    #[serde(default)]
    secret_options: Vec<Secret>,
}

impl ContainerDefinition {
    /// Fills in what ECS fills in when it registers a container for `awsvpc`. The order of environment and secrets is
    /// not kept, as ECS does not keep it: callers have to compare them as sets.
    pub(super) fn normalise(&mut self) {
        for port in &mut self.port_mappings {
            port.host_port = port.container_port;
        }
        self.environment.sort_by_key(|pair| std::cmp::Reverse(pair.name.clone()));
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.name.clone()));
    }

    /// The CloudWatch log group and the stream of `task`, if this container logs there.
    pub(super) fn log_stream(&self, task: &str) -> Option<(&str, String)> {
        let logs = self.log_configuration.as_ref().filter(|logs| logs.log_driver == "awslogs")?;
        let group = logs.options.get("awslogs-group")?;
        let prefix = logs.options.get("awslogs-stream-prefix").map_or("ecs", String::as_str);
        Some((group, format!("{prefix}/{}/{task}", self.name)))
    }
}
