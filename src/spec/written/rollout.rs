//! How a new revision is brought in, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Required;
use crate::spec::model::{OnNoData, Promote};
use crate::spec::units::{Percent, Span};

/// How a new revision is brought in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rollout {
    /// Default: `rolling: {}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smoke_test: Option<SmokeTest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Prompts>,
    /// More than the built-in metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<Metric>>,
    /// `automatic` (the default), or `manual`: waits for a person (not available yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promote: Option<Promote>,
    /// How long it is watched after the last traffic step before it counts as succeeded. Default: 30m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<Span>,
    /// How long it may take until the last traffic step, without gates and bakes. Default: 20m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
    /// After which time ECS rolls back by itself if nobody passes a gate. Default: 60m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_timeout: Option<Span>,
    /// What happens at a gate without enough requests to judge. Default: `pass`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<OnNoData>,
}

/// How the traffic goes over to the new revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Strategy {
    /// Task by task.
    Rolling {},
    /// A part of the traffic first, then all of it.
    Canary {
        /// The part.
        percent: Required<Percent>,
        /// How long the part is watched.
        bake: Required<Span>,
    },
    /// In equal steps.
    Linear {
        /// A step's size.
        step: Required<Percent>,
        /// How long each step is watched.
        bake: Required<Span>,
    },
    /// All at once, with the old revision kept beside.
    BlueGreen {
        /// How long both are kept.
        bake: Required<Span>,
    },
}

/// One request that the new revision has to answer before it gets traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SmokeTest {
    /// Where the request goes.
    #[schemars(regex(pattern = r"^/"))]
    pub path: Required<String>,
    /// The JSON body: with it the request is a POST, without it a GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Default: status 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
    /// Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// ARN of the secret that holds a bearer token to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:secretsmanager:"))]
    pub auth: Option<String>,
}

/// What an answer has to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expectation {
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u32>,
    /// Texts that the answer holds, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency: Option<Span>,
}

/// Golden prompts: every gate may ask them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Prompts {
    /// How many of them have to be answered as expected. Default: 100%.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_ratio: Option<Percent>,
    /// The prompts.
    #[schemars(length(min = 1))]
    pub cases: Required<Vec<PromptCase>>,
}

/// A prompt and what is expected of its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PromptCase {
    /// What people see when it fails; no two cases share it.
    pub name: Required<String>,
    /// Where the request goes.
    #[schemars(regex(pattern = r"^/"))]
    pub path: Required<String>,
    /// The JSON body: with it the request is a POST, without it a GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
}

/// A metric of one's own that is watched during a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metric {
    /// What people see; no two metrics share it.
    pub name: Required<String>,
    /// CloudWatch metric math over `m_…` metrics.
    pub expression: Required<String>,
    /// Above this the rollout fails.
    pub above: Required<Percent>,
}
