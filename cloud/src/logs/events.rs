//! Log streams and events.

use serde::Deserialize;
use serde_json::{Value, json};

use super::groups::page_size;
use super::{
    Event, Group, Stream, constraint, group, group_arn, group_mut, group_of_identifier, invalid, no_such_stream,
};
use crate::paging::page;
use crate::service::{Outcome, ServiceError};
use crate::world::World;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StreamInput {
    log_group_name: String,
    log_stream_name: String,
}

pub(super) fn create_stream(world: &mut World, input: StreamInput) -> Outcome {
    check_stream_name(&input.log_stream_name)?;
    let now = world.now.as_millisecond();
    let group = group_mut(world, &input.log_group_name)?;
    if group.streams.contains_key(&input.log_stream_name) {
        return Err(ServiceError::new("ResourceAlreadyExistsException", "The specified log stream already exists"));
    }
    group.streams.insert(input.log_stream_name, Stream::new(now));
    Ok(json!({}))
}

/// 1 to 512 characters, neither `:` nor `*`.
fn check_stream_name(name: &str) -> Result<(), ServiceError> {
    if name.is_empty() || name.chars().count() > 512 {
        return Err(constraint(name, "logStreamName", "Member must have length between 1 and 512"));
    }
    if name.contains([':', '*']) {
        return Err(constraint(name, "logStreamName", "Member must satisfy regular expression pattern: [^:*]*"));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<OrderBy>,
    #[serde(default)]
    descending: bool,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize, PartialEq)]
enum OrderBy {
    LogStreamName,
    LastEventTime,
}

pub(super) fn describe_streams(world: &mut World, input: DescribeInput) -> Outcome {
    let by_time = input.order_by == Some(OrderBy::LastEventTime);
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let limit = page_size(input.limit)?;
    let name = group_of_identifier(world, input.log_group_name, input.log_group_identifier)?;
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    let mut streams: Vec<(&String, &Stream)> =
        group(world, &name)?.streams.iter().filter(|(stream, _)| stream.starts_with(&prefix)).collect();
    if by_time {
        streams.sort_by_key(|(stream, state)| (state.events.last().map(|event| event.timestamp_ms), *stream));
    }
    if input.descending {
        streams.reverse();
    }
    let numbered = streams
        .into_iter()
        .enumerate()
        .map(|(index, (stream, state))| (format!("{index:08}"), description(world, &name, stream, state)));
    let page = page(numbered, limit, input.next_token.as_deref())
        .map_err(|_| invalid("The specified nextToken is invalid."))?;
    let mut answer = json!({ "logStreams": page.items });
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn description(world: &World, group: &str, name: &str, stream: &Stream) -> Value {
    let mut value = json!({
        "logStreamName": name,
        "creationTime": stream.created_at_ms,
        "arn": format!("{}:log-stream:{name}", group_arn(world, group)),
        "uploadSequenceToken": stream.count.to_string(),
        // AWS answers 0 for every stream since June 2019.
        "storedBytes": 0,
    });
    if let (Some(first), Some(last)) = (stream.events.first(), stream.events.last()) {
        value["firstEventTimestamp"] = json!(first.timestamp_ms);
        value["lastEventTimestamp"] = json!(last.timestamp_ms);
        value["lastIngestionTime"] = json!(last.ingested_at_ms);
    }
    value
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutInput {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<InputEvent>,
    /// AWS ignores it since 2023.
    #[serde(rename = "sequenceToken")]
    _sequence_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputEvent {
    timestamp: i64,
    message: String,
}

pub(super) fn put_events(world: &mut World, input: PutInput) -> Outcome {
    let now = world.now.as_millisecond();
    let group = group_mut(world, &input.log_group_name)?;
    check_batch(&input.log_events)?;
    let keeps_from = group.retention_days.map_or(i64::MIN, |days| now - i64::from(days) * DAY_MS);
    let stream = group.streams.get_mut(&input.log_stream_name).ok_or_else(no_such_stream)?;
    let events = &input.log_events;
    let expired = events.partition_point(|event| event.timestamp < keeps_from);
    let too_old = events.partition_point(|event| event.timestamp < now - 14 * DAY_MS);
    let too_new = events.partition_point(|event| event.timestamp <= now + 2 * 60 * 60 * 1000);
    let mut rejected = serde_json::Map::new();
    if too_new < events.len() {
        rejected.insert("tooNewLogEventStartIndex".to_owned(), json!(too_new));
    }
    if expired > 0 {
        rejected.insert("expiredLogEventEndIndex".to_owned(), json!(expired));
    }
    if too_old > expired {
        rejected.insert("tooOldLogEventEndIndex".to_owned(), json!(too_old));
    }
    for event in events.iter().take(too_new).skip(expired.max(too_old)) {
        stream.put(event.timestamp, now, event.message.clone());
    }
    let mut answer = json!({ "nextSequenceToken": stream.count.to_string() });
    if !rejected.is_empty() {
        answer["rejectedLogEventsInfo"] = Value::Object(rejected);
    }
    Ok(answer)
}

/// The limits of a batch: 10,000 events, 1,048,576 bytes with 26 for each event, in order, within 24 hours.
fn check_batch(events: &[InputEvent]) -> Result<(), ServiceError> {
    let length = events.len();
    if !(1..=10_000).contains(&length) {
        return Err(constraint(&length.to_string(), "logEvents", "Member must have length between 1 and 10000"));
    }
    if events.iter().any(|event| event.message.is_empty()) {
        return Err(constraint("", "logEvents.member.message", "Member must have length greater than or equal to 1"));
    }
    let bytes: usize = events.iter().map(|event| event.message.len() + 26).sum();
    if bytes > 1_048_576 {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of 1048576")));
    }
    if events.windows(2).any(|pair| pair[0].timestamp > pair[1].timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let spans_a_day = match (events.first(), events.last()) {
        (Some(first), Some(last)) => last.timestamp - first.timestamp > DAY_MS,
        _ => false,
    };
    if spans_a_day {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}

/// Events that retention has not yet taken away.
fn kept<'a>(group: &Group, stream: &'a Stream, now: i64) -> impl DoubleEndedIterator<Item = &'a Event> + use<'a> {
    let keeps_from = group.retention_days.map_or(i64::MIN, |days| now - i64::from(days) * DAY_MS);
    stream.events.iter().filter(move |event| event.timestamp_ms >= keeps_from)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    start_from_head: bool,
    #[serde(default, rename = "unmask")]
    _unmask: bool,
}

/// 1 to 10,000 events a call.
fn event_count(limit: Option<usize>) -> Result<usize, ServiceError> {
    match limit {
        None => Ok(10_000),
        Some(limit @ 1..=10_000) => Ok(limit),
        Some(limit) => Err(constraint(&limit.to_string(), "limit", "Member must have value between 1 and 10000")),
    }
}

/// A token is a direction and a position among the events: `f/3` goes on after three, `b/3` goes back from three.
pub(super) fn get(world: &mut World, input: GetInput) -> Outcome {
    let now = world.now.as_millisecond();
    let limit = event_count(input.limit)?;
    let name = group_of_identifier(world, input.log_group_name, input.log_group_identifier)?;
    let group = group(world, &name)?;
    let stream = group.streams.get(&input.log_stream_name).ok_or_else(no_such_stream)?;
    let events: Vec<&Event> =
        kept(group, stream, now).filter(|event| in_time(event, input.start_time, input.end_time)).collect();
    let invalid_token = || invalid("The specified nextToken is invalid.");
    let position = |text: &str| text.parse::<usize>().map(|at| at.min(events.len())).map_err(|_| invalid_token());
    let (from, to) = match input.next_token.as_deref().map(|token| token.split_once('/')) {
        None if input.start_from_head => (0, limit.min(events.len())),
        None => (events.len().saturating_sub(limit), events.len()),
        Some(Some(("f", at))) => {
            let at = position(at)?;
            (at, (at + limit).min(events.len()))
        }
        Some(Some(("b", at))) => {
            let at = position(at)?;
            (at.saturating_sub(limit), at)
        }
        Some(_) => return Err(invalid_token()),
    };
    let page: Vec<Value> = events[from..to]
        .iter()
        .map(|event| {
            json!({
                "timestamp": event.timestamp_ms,
                "message": event.message,
                "ingestionTime": event.ingested_at_ms,
            })
        })
        .collect();
    Ok(json!({
        "events": page,
        "nextForwardToken": format!("f/{to}"),
        "nextBackwardToken": format!("b/{from}"),
    }))
}

fn in_time(event: &Event, start: Option<i64>, end: Option<i64>) -> bool {
    start.is_none_or(|start| event.timestamp_ms >= start) && end.is_none_or(|end| event.timestamp_ms < end)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FilterInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default, rename = "startFromHead")]
    _start_from_head: Option<bool>,
    /// AWS ignores it since 2019: results are always interleaved.
    #[serde(default, rename = "interleaved")]
    _interleaved: bool,
    #[serde(default, rename = "unmask")]
    _unmask: bool,
}

pub(super) fn filter(world: &mut World, input: FilterInput) -> Outcome {
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        return Err(invalid("logStreamNames and logStreamNamePrefix cannot be used together."));
    }
    let now = world.now.as_millisecond();
    let limit = event_count(input.limit)?;
    let name = group_of_identifier(world, input.log_group_name, input.log_group_identifier)?;
    let terms = terms(input.filter_pattern.as_deref().unwrap_or_default())?;
    let group = group(world, &name)?;
    let mut found: Vec<(String, Value)> = Vec::new();
    for (stream_name, stream) in &group.streams {
        let named = input.log_stream_names.as_ref().is_none_or(|names| names.contains(stream_name));
        let prefixed = input.log_stream_name_prefix.as_deref().is_none_or(|prefix| stream_name.starts_with(prefix));
        if !named || !prefixed {
            continue;
        }
        for event in kept(group, stream, now) {
            if in_time(event, input.start_time, input.end_time) && terms.iter().all(|term| term.takes(&event.message)) {
                let id = format!("{:020}{stream_name}{:020}", event.timestamp_ms, event.number);
                let value = json!({
                    "logStreamName": stream_name,
                    "timestamp": event.timestamp_ms,
                    "message": event.message,
                    "ingestionTime": event.ingested_at_ms,
                    "eventId": id,
                });
                found.push((id, value));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let page =
        page(found, limit, input.next_token.as_deref()).map_err(|_| invalid("The specified nextToken is invalid."))?;
    let mut answer = json!({ "events": page.items, "searchedLogStreams": [] });
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

/// One term of a simple filter pattern: all must be in the message, those with `-` must not.
struct Term {
    text: String,
    wanted: bool,
}

impl Term {
    fn takes(&self, message: &str) -> bool {
        message.contains(&self.text) == self.wanted
    }
}

/// Reads a pattern of words and quoted phrases. JSON and space-delimited patterns and regular expressions are not
/// known here, and are refused.
fn terms(pattern: &str) -> Result<Vec<Term>, ServiceError> {
    let pattern = pattern.trim();
    if pattern.starts_with(['{', '[', '%']) || pattern.contains('?') {
        return Err(invalid(
            "The embedded cloud knows filter patterns of words and quoted phrases only, each optionally with -.",
        ));
    }
    let mut terms = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let (wanted, word) = match rest.strip_prefix('-') {
            Some(word) => (false, word),
            None => (true, rest),
        };
        let (text, after) = match word.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| invalid("Invalid filter pattern"))?,
            None => word.split_once(char::is_whitespace).unwrap_or((word, "")),
        };
        terms.push(Term { text: text.to_owned(), wanted });
        rest = after.trim_start();
    }
    Ok(terms)
}
