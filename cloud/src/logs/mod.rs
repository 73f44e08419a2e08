//! CloudWatch Logs: groups, retention, streams and events.

mod events;
mod groups;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::service::{Outcome, ServiceError, input_or};
use crate::tags::Tags;
use crate::world::World;

/// CloudWatch Logs: groups, retention, streams and events.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Logs {
    #[serde(default)]
    groups: BTreeMap<String, Group>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Group {
    /// Milliseconds since 1970, as all times of this service.
    created_at_ms: i64,
    class: Class,
    retention_days: Option<u32>,
    kms_key: Option<String>,
    #[serde(default)]
    deletion_protection: bool,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    streams: BTreeMap<String, Stream>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Class {
    #[default]
    Standard,
    InfrequentAccess,
    Delivery,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stream {
    created_at_ms: i64,
    /// How many events were ever put: the next event's number.
    #[serde(default)]
    count: u64,
    /// In order of their own time, then of arrival.
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Event {
    number: u64,
    timestamp_ms: i64,
    ingested_at_ms: i64,
    message: String,
}

/// How many events a stream keeps here: enough to look at, and bounded, because a cloud may run for weeks.
const EVENTS_PER_STREAM: usize = 10_000;

/// Answers one call.
pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    match operation {
        "CreateLogGroup" => groups::create(world, read(input)?),
        "DescribeLogGroups" => groups::describe(world, read(input)?),
        "DeleteLogGroup" => groups::delete(world, read(input)?),
        "PutRetentionPolicy" => groups::put_retention(world, read(input)?),
        "DeleteRetentionPolicy" => groups::delete_retention(world, read(input)?),
        "AssociateKmsKey" => groups::associate_key(world, read(input)?),
        "DisassociateKmsKey" => groups::disassociate_key(world, read(input)?),
        "TagResource" => groups::tag(world, read(input)?),
        "UntagResource" => groups::untag(world, read(input)?),
        "ListTagsForResource" => groups::list_tags(world, read(input)?),
        "CreateLogStream" => events::create_stream(world, read(input)?),
        "DescribeLogStreams" => events::describe_streams(world, read(input)?),
        "PutLogEvents" => events::put_events(world, read(input)?),
        "GetLogEvents" => events::get(world, read(input)?),
        "FilterLogEvents" => events::filter(world, read(input)?),
        _ => Err(ServiceError::unknown_operation("logs", operation)),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    input_or(value, "InvalidParameterException")
}

/// Whether a log group is there: a task whose group is missing does not start.
pub(crate) fn group_exists(world: &World, name: &str) -> bool {
    world.logs.groups.contains_key(name)
}

/// Writes a line as a task's log driver does: the stream is made as needed. Without the group the line is lost.
pub(crate) fn put(world: &mut World, group: &str, stream: &str, message: &str) {
    let now = world.now.as_millisecond();
    if let Some(group) = world.logs.groups.get_mut(group) {
        let stream = group.streams.entry(stream.to_owned()).or_insert_with(|| Stream::new(now));
        stream.put(now, now, message.to_owned());
    }
}

impl Stream {
    fn new(now_ms: i64) -> Self {
        Self { created_at_ms: now_ms, count: 0, events: Vec::new() }
    }

    fn put(&mut self, timestamp_ms: i64, ingested_at_ms: i64, message: String) {
        let event = Event { number: self.count, timestamp_ms, ingested_at_ms, message };
        self.count += 1;
        let at = self.events.partition_point(|other| other.timestamp_ms <= timestamp_ms);
        self.events.insert(at, event);
        if self.events.len() > EVENTS_PER_STREAM {
            self.events.remove(0);
        }
    }
}

fn invalid(text: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterException", text)
}

fn constraint(value: &str, member: &str, constraint: &str) -> ServiceError {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

fn group<'a>(world: &'a World, name: &str) -> Result<&'a Group, ServiceError> {
    check_group_name(name)?;
    world.logs.groups.get(name).ok_or_else(no_such_group)
}

fn group_mut<'a>(world: &'a mut World, name: &str) -> Result<&'a mut Group, ServiceError> {
    check_group_name(name)?;
    world.logs.groups.get_mut(name).ok_or_else(no_such_group)
}

fn no_such_group() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_such_stream() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

/// 1 to 512 of letters, digits and `._-/#`.
fn check_group_name(name: &str) -> Result<(), ServiceError> {
    if name.is_empty() {
        return Err(constraint(name, "logGroupName", "Member must have length greater than or equal to 1"));
    }
    if name.len() > 512 {
        return Err(constraint(name, "logGroupName", "Member must have length less than or equal to 512"));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/#".contains(&byte)) {
        return Err(constraint(
            name,
            "logGroupName",
            "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
        ));
    }
    Ok(())
}

fn group_arn(world: &World, name: &str) -> String {
    format!("arn:aws:logs:{}:{}:log-group:{name}", world.region, world.account)
}

/// The group that a name, or an ARN with or without `:*`, means.
fn group_of_identifier(
    world: &World,
    name: Option<String>,
    identifier: Option<String>,
) -> Result<String, ServiceError> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => {
            let prefix = group_arn(world, "");
            let name = identifier.strip_prefix(&prefix).unwrap_or(&identifier);
            Ok(name.strip_suffix(":*").unwrap_or(name).to_owned())
        }
        (Some(_), Some(_)) => Err(invalid("Only one of logGroupName and logGroupIdentifier can be specified.")),
        (None, None) => Err(invalid("Either logGroupName or logGroupIdentifier must be specified.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tasks_lines_are_kept_up_to_a_bound_and_lost_without_their_group() {
        let mut world = World::new("211125768252", "us-east-1", "2026-11-02T12:00:00Z".parse().unwrap(), 7);
        put(&mut world, "/ecs/a", "ecs/a/1", "lost");
        assert!(!group_exists(&world, "/ecs/a"));
        call(&mut world, "CreateLogGroup", json!({ "logGroupName": "/ecs/a" })).unwrap();
        assert!(group_exists(&world, "/ecs/a"));
        for number in 0..EVENTS_PER_STREAM + 5 {
            put(&mut world, "/ecs/a", "ecs/a/1", &format!("line {number}"));
        }
        let input = json!({ "logGroupName": "/ecs/a", "logStreamName": "ecs/a/1", "startFromHead": true });
        let read = call(&mut world, "GetLogEvents", input).unwrap();
        assert_eq!(read["events"].as_array().unwrap().len(), EVENTS_PER_STREAM);
        assert_eq!(read["events"][0]["message"], "line 5");
    }
}
