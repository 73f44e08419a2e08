//! What is watched, and when the agent rests, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Required;
use crate::spec::units::{Percent, Span, Usd};

/// When a rollout is rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rollback {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<ErrorRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<Unhealthy>,
}

/// Errors over invocations in one window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ErrorRate {
    /// Default: 10%.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<Percent>,
    /// The window: 1m to 60m, in whole minutes. Default: 5m.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// With fewer requests in the window, nothing is concluded. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub min_invocations: Option<u32>,
}

/// Tasks that fail their health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Unhealthy {
    /// 1m to 60m, in whole minutes. Default: 2m.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

/// When people are told; nothing is rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Alarms {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<AbovePercent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_p95: Option<AboveSpan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttles: Option<Throttles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_per_day: Option<AboveUsd>,
}

/// The error rate's limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AbovePercent {
    /// Default: 5%.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<Percent>,
}

/// The limit of the 95th percentile of the duration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AboveSpan {
    /// Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<Span>,
}

/// Throttled model invocations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Throttles {
    /// Default: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<u32>,
    /// 1m to 60m, in whole minutes. Default: 1m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Span>,
}

/// The limit of a day's cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AboveUsd {
    /// In US dollars. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<Usd>,
}

/// When the agent rests, and when it comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Schedule {
    /// An IANA time zone, such as `Europe/Berlin`.
    pub timezone: Required<String>,
    /// A cron expression of five fields.
    pub pause: Required<String>,
    /// A cron expression of five fields.
    pub resume: Required<String>,
}
