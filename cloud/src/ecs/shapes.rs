//! Members that several operations share, in AWS's names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::service::ServiceError;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// Where a task's network interface goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NetworkConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) awsvpc_configuration: Option<AwsVpcConfiguration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AwsVpcConfiguration {
    pub(super) subnets: Vec<String>,
    #[serde(default)]
    pub(super) security_groups: Vec<String>,
    #[serde(default = "disabled")]
    pub(super) assign_public_ip: String,
}

fn disabled() -> String {
    String::from("DISABLED")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CapacityProviderStrategyItem {
    pub(super) capacity_provider: String,
    #[serde(default)]
    pub(super) weight: u32,
    #[serde(default)]
    pub(super) base: u32,
}

/// How deployments go. Every member may be left out of an input; [`DeploymentConfiguration::filled`] gives the rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeploymentConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deployment_circuit_breaker: Option<CircuitBreaker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) maximum_percent: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) minimum_healthy_percent: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alarms: Option<DeploymentAlarms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) strategy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bake_time_in_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lifecycle_hooks: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) linear_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) canary_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) early_success_criteria: Option<Value>,
}

impl DeploymentConfiguration {
    /// This configuration with what it leaves out taken from `earlier`: UpdateService keeps what is omitted.
    pub(super) fn over(self, earlier: Self) -> Self {
        Self {
            deployment_circuit_breaker: self.deployment_circuit_breaker.or(earlier.deployment_circuit_breaker),
            maximum_percent: self.maximum_percent.or(earlier.maximum_percent),
            minimum_healthy_percent: self.minimum_healthy_percent.or(earlier.minimum_healthy_percent),
            alarms: self.alarms.or(earlier.alarms),
            strategy: self.strategy.or(earlier.strategy),
            bake_time_in_minutes: self.bake_time_in_minutes.or(earlier.bake_time_in_minutes),
            lifecycle_hooks: self.lifecycle_hooks.or(earlier.lifecycle_hooks),
            linear_configuration: self.linear_configuration.or(earlier.linear_configuration),
            canary_configuration: self.canary_configuration.or(earlier.canary_configuration),
            early_success_criteria: self.early_success_criteria.or(earlier.early_success_criteria),
        }
    }

    /// This configuration with AWS's defaults for a rolling deployment filled in.
    pub(super) fn filled(self) -> Self {
        let defaults = Self {
            deployment_circuit_breaker: Some(CircuitBreaker::default()),
            maximum_percent: Some(200),
            minimum_healthy_percent: Some(100),
            alarms: Some(DeploymentAlarms::default()),
            strategy: Some(String::from("ROLLING")),
            bake_time_in_minutes: Some(0),
            ..Self::default()
        };
        let mut filled = self.over(defaults);
        if let Some(breaker) = &mut filled.deployment_circuit_breaker
            && breaker.enable
        {
            breaker.reset_on_healthy_task.get_or_insert(true);
            breaker.threshold_configuration.get_or_insert(Threshold::default());
        }
        filled
    }

    pub(super) fn breaker(&self) -> CircuitBreaker {
        self.deployment_circuit_breaker.clone().unwrap_or_default()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CircuitBreaker {
    pub(super) enable: bool,
    pub(super) rollback: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reset_on_healthy_task: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) threshold_configuration: Option<Threshold>,
}

/// When the circuit breaker trips; AWS's default is half of the desired count, between 3 and 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threshold {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) value: u32,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { kind: String::from("BOUNDED_PERCENT"), value: 50 }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeploymentAlarms {
    #[serde(default)]
    pub(super) alarm_names: Vec<String>,
    pub(super) rollback: bool,
    pub(super) enable: bool,
}

/// Seconds since the epoch, as awsJson writes timestamps.
pub(super) fn epoch(at: Timestamp) -> Value {
    Value::from(at.as_millisecond() as f64 / 1000.0)
}

/// Adds the timestamps that are there.
pub(super) fn put_times(view: &mut Value, times: &[(&str, Option<Timestamp>)]) {
    for (name, at) in times {
        if let Some(at) = at {
            view[*name] = epoch(*at);
        }
    }
}

/// What AWS says of a thing that a batched Describe does not find.
pub(super) fn missing(arn: String) -> Value {
    json!({ "arn": arn, "reason": "MISSING" })
}

/// AWS's `InvalidParameterException`.
pub(super) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterException", message)
}

/// AWS's `ClientException`.
pub(super) fn client(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ClientException", message)
}
