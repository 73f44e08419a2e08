//! Alarms: kept, described, deleted, set for a moment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::definition::Definition;
use super::{invalid_combination, invalid_value, validation};
use crate::paging::page;
use crate::service::{Outcome, ServiceError, epoch_seconds, output};
use crate::tags::{self, Tag, Tags};
use crate::world::World;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) definition: Definition,
    configured_at: Timestamp,
    pub(super) state: State,
    pub(super) reason: String,
    pub(super) reason_data: Option<String>,
    /// When state or reason were last written, and when the state last changed.
    pub(super) updated_at: Timestamp,
    pub(super) transitioned_at: Timestamp,
    /// Up to when it has been evaluated.
    pub(super) evaluated_until: Timestamp,
    #[serde(default)]
    tags: Tags,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum State {
    Ok,
    Alarm,
    InsufficientData,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// A new alarm has INSUFFICIENT_DATA; an alarm that is put again keeps its state until its next evaluation.
pub(super) fn put(world: &mut World, mut definition: Definition) -> Outcome {
    definition.check_names()?;
    definition.rule()?;
    let given_tags = std::mem::take(&mut definition.tags);
    check_tags(&given_tags, &Tags::new())?;
    let now = world.now;
    match world.cloudwatch.alarms.get_mut(&definition.alarm_name) {
        Some(alarm) => {
            // Tags are taken at creation only (PutMetricAlarm, API reference).
            alarm.definition = definition;
            alarm.configured_at = now;
        }
        None => {
            let alarm = Alarm {
                configured_at: now,
                state: State::InsufficientData,
                reason: "Unchecked: Initial alarm creation".to_owned(),
                reason_data: None,
                updated_at: now,
                transitioned_at: now,
                evaluated_until: now,
                tags: tags::from_list(given_tags),
                definition,
            };
            world.cloudwatch.alarms.insert(alarm.definition.alarm_name.clone(), alarm);
        }
    }
    Ok(json!({}))
}

fn check_tags(new: &[Tag], existing: &Tags) -> Result<(), ServiceError> {
    match tags::problem(new, existing) {
        None => Ok(()),
        Some(problem) => Err(invalid_value(problem.text())),
    }
}

fn arn(world: &World, name: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", world.region, world.account)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeInput {
    alarm_names: Option<Vec<String>>,
    alarm_name_prefix: Option<String>,
    alarm_types: Option<Vec<AlarmType>>,
    state_value: Option<State>,
    action_prefix: Option<String>,
    max_records: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, PartialEq)]
#[allow(clippy::enum_variant_names, reason = "AWS's own names")]
enum AlarmType {
    MetricAlarm,
    CompositeAlarm,
    LogAlarm,
}

pub(super) fn describe(world: &mut World, input: DescribeInput) -> Outcome {
    let names = input.alarm_names.filter(|names| !names.is_empty());
    if names.as_ref().is_some_and(|names| names.len() > 100) {
        return Err(validation(
            "1 validation error detected: Value at 'alarmNames' failed to satisfy constraint: Member must have length less \
             than or equal to 100",
        ));
    }
    if names.is_some() && input.alarm_name_prefix.is_some() {
        return Err(invalid_combination("AlarmNamePrefix and AlarmNames cannot be specified together."));
    }
    let limit = match input.max_records {
        None => 50,
        Some(limit @ 1..=100) => limit,
        Some(_) => return Err(validation("MaxRecords must be between 1 and 100.")),
    };
    // Without AlarmTypes only metric alarms are given; there are no others here.
    let metric_alarms = input.alarm_types.is_none_or(|types| types.contains(&AlarmType::MetricAlarm));
    let wanted = |alarm: &Alarm| {
        let definition = &alarm.definition;
        let mut actions =
            definition.ok_actions.iter().chain(&definition.alarm_actions).chain(&definition.insufficient_data_actions);
        metric_alarms
            && names.as_ref().is_none_or(|names| names.contains(&definition.alarm_name))
            && input.alarm_name_prefix.as_deref().is_none_or(|prefix| definition.alarm_name.starts_with(prefix))
            && input.state_value.is_none_or(|state| state == alarm.state)
            && input.action_prefix.as_deref().is_none_or(|prefix| actions.any(|action| action.starts_with(prefix)))
    };
    let alarms = world.cloudwatch.alarms.iter().filter(|(_, alarm)| wanted(alarm));
    let page = page(alarms.map(|(name, alarm)| (name.clone(), alarm)), limit, input.next_token.as_deref())
        .map_err(|_| ServiceError::new("InvalidNextToken", "The next token specified is invalid."))?;
    let described: Result<Vec<Value>, _> = page.items.iter().map(|alarm| description(world, alarm)).collect();
    let mut answer = json!({ "MetricAlarms": described?, "CompositeAlarms": [] });
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

fn description(world: &World, alarm: &Alarm) -> Outcome {
    let mut value = output(&alarm.definition)?;
    value["AlarmArn"] = json!(arn(world, &alarm.definition.alarm_name));
    value["AlarmConfigurationUpdatedTimestamp"] = epoch_seconds(alarm.configured_at);
    value["StateValue"] = json!(alarm.state);
    value["StateReason"] = json!(alarm.reason);
    value["StateUpdatedTimestamp"] = epoch_seconds(alarm.updated_at);
    value["StateTransitionedTimestamp"] = epoch_seconds(alarm.transitioned_at);
    if let Some(data) = &alarm.reason_data {
        value["StateReasonData"] = json!(data);
    }
    Ok(value)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteInput {
    alarm_names: Vec<String>,
}

/// All or none: one name that is unknown deletes nothing.
pub(super) fn delete(world: &mut World, input: DeleteInput) -> Outcome {
    if input.alarm_names.len() > 100 {
        return Err(validation("At most 100 alarms can be deleted in one call."));
    }
    let alarms = &mut world.cloudwatch.alarms;
    let missing: Vec<&str> =
        input.alarm_names.iter().filter(|name| !alarms.contains_key(*name)).map(String::as_str).collect();
    if !missing.is_empty() {
        return Err(not_found(&format!("The following alarms do not exist: {}", missing.join(", "))));
    }
    alarms.retain(|name, _| !input.alarm_names.contains(name));
    Ok(json!({}))
}

fn not_found(text: &str) -> ServiceError {
    ServiceError::new("ResourceNotFound", text).with_status(404)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetStateInput {
    alarm_name: String,
    state_value: State,
    state_reason: String,
    state_reason_data: Option<String>,
}

/// Holds until the next evaluation, as AWS says.
pub(super) fn set_state(world: &mut World, input: SetStateInput) -> Outcome {
    if input.state_reason.chars().count() > 1023 {
        return Err(validation("StateReason must have at most 1023 characters."));
    }
    let reason_data = match input.state_reason_data {
        None => None,
        Some(data) if serde_json::from_str::<Map<String, Value>>(&data).is_ok() => Some(data),
        Some(_) => {
            return Err(ServiceError::new("InvalidFormat", "StateReasonData was not syntactically valid JSON."));
        }
    };
    let now = world.now;
    let alarm = world
        .cloudwatch
        .alarms
        .get_mut(&input.alarm_name)
        .ok_or_else(|| not_found(&format!("Alarm {} does not exist.", input.alarm_name)))?;
    alarm.write_state(input.state_value, input.state_reason, reason_data, now);
    Ok(json!({}))
}

impl Alarm {
    pub(super) fn write_state(&mut self, state: State, reason: String, data: Option<String>, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.transitioned_at = now;
        }
        self.reason = reason;
        self.reason_data = data;
        self.updated_at = now;
    }
}

fn by_arn<'a>(world: &'a mut World, given: &str) -> Result<&'a mut Alarm, ServiceError> {
    let prefix = arn(world, "");
    let missing =
        || ServiceError::new("ResourceNotFoundException", format!("Unable to find resource: {given}")).with_status(404);
    let name = given.strip_prefix(&prefix).ok_or_else(missing)?;
    world.cloudwatch.alarms.get_mut(name).ok_or_else(missing)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TagInput {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

pub(super) fn tag(world: &mut World, input: TagInput) -> Outcome {
    let alarm = by_arn(world, &input.resource_arn)?;
    check_tags(&input.tags, &alarm.tags)?;
    alarm.tags.extend(tags::from_list(input.tags));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UntagInput {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    #[serde(rename = "TagKeys")]
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, input: UntagInput) -> Outcome {
    let alarm = by_arn(world, &input.resource_arn)?;
    alarm.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListTagsInput {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
}

pub(super) fn list_tags(world: &mut World, input: ListTagsInput) -> Outcome {
    let alarm = by_arn(world, &input.resource_arn)?;
    Ok(json!({ "Tags": tags::to_list(&alarm.tags) }))
}
