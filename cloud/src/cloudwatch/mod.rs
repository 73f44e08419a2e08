//! CloudWatch: metrics and alarms. Alarm states follow from datapoints; nothing sets them for longer than until the
//! next evaluation.

mod alarms;
mod definition;
mod evaluate;
mod metrics;
mod queries;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::service::{Outcome, ServiceError, input_or};
use crate::world::World;

pub(crate) use evaluate::advance;

/// CloudWatch: metrics and alarms.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CloudWatch {
    #[serde(default)]
    series: BTreeMap<String, metrics::Series>,
    #[serde(default)]
    alarms: BTreeMap<String, alarms::Alarm>,
}

/// Answers one call.
pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    // What a call changes counts from now on: what was due before is evaluated first.
    advance(world);
    match operation {
        "PutMetricData" => metrics::put(world, read(input)?),
        "GetMetricData" => queries::data(world, read(input)?),
        "GetMetricStatistics" => queries::statistics(world, read(input)?),
        "ListMetrics" => queries::list(world, read(input)?),
        "PutMetricAlarm" => alarms::put(world, read(input)?),
        "DescribeAlarms" => alarms::describe(world, read(input)?),
        "DeleteAlarms" => alarms::delete(world, read(input)?),
        "SetAlarmState" => alarms::set_state(world, read(input)?),
        "TagResource" => alarms::tag(world, read(input)?),
        "UntagResource" => alarms::untag(world, read(input)?),
        "ListTagsForResource" => alarms::list_tags(world, read(input)?),
        _ => Err(ServiceError::unknown_operation("cloudwatch", operation)),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    input_or(value, "ValidationError")
}

fn validation(text: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationError", text)
}

fn invalid_value(text: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterValue", text)
}

fn invalid_combination(text: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterCombination", text)
}

fn metric_math_is_not_known() -> ServiceError {
    invalid_value("The embedded cloud does not know metric math yet: name a single metric, without an expression.")
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Dimension {
    name: String,
    value: String,
}

/// Seconds since 1970, or a text as RFC 3339.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    use serde::de::Error as _;
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(D::Error::custom),
        Some(Value::Number(number)) => {
            let seconds = number.as_f64().ok_or_else(|| D::Error::custom("a timestamp out of range"))?;
            let milliseconds = (seconds * 1000.0).round() as i64;
            Timestamp::from_millisecond(milliseconds).map(Some).map_err(D::Error::custom)
        }
        Some(_) => Err(D::Error::custom("a timestamp is a number of seconds or a text")),
    }
}

fn required_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    time(deserializer)?.ok_or_else(|| serde::de::Error::custom("a timestamp is missing"))
}
