//! CloudWatch Logs by the SDK.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;

use crate::support;

const GROUP: &str = "/ecs/dev/test-agent";
const NOON_MS: i64 = 1_793_620_800_000;

#[tokio::test(start_paused = true)]
async fn a_group_is_described_as_it_was_made_and_set() {
    let cloud = support::cloud();
    let logs = support::logs(&cloud);
    logs.create_log_group().log_group_name(GROUP).tags("ropewalk:fleet", "dev").send().await.unwrap();
    let again = logs.create_log_group().log_group_name(GROUP).send().await.unwrap_err();
    assert_eq!(again.message(), Some("The specified log group already exists"));
    assert!(again.into_service_error().is_resource_already_exists_exception());
    logs.put_retention_policy().log_group_name(GROUP).retention_in_days(7).send().await.unwrap();
    let refused = logs.put_retention_policy().log_group_name(GROUP).retention_in_days(31).send().await.unwrap_err();
    let text = refused.message().unwrap();
    assert!(text.starts_with("1 validation error detected: Value '31' at 'retentionInDays' failed"), "{text}");
    assert!(refused.into_service_error().is_invalid_parameter_exception());
    let described = logs.describe_log_groups().log_group_name_prefix("/ecs/dev").send().await.unwrap();
    let group = &described.log_groups()[0];
    assert_eq!(group.arn(), Some("arn:aws:logs:us-east-1:211125768252:log-group:/ecs/dev/test-agent:*"));
    let arn = group.log_group_arn().unwrap();
    assert_eq!(format!("{arn}:*"), group.arn().unwrap());
    assert_eq!((group.retention_in_days(), group.creation_time()), (Some(7), Some(NOON_MS)));
    logs.tag_resource().resource_arn(arn).tags("more", "1").send().await.unwrap();
    logs.untag_resource().resource_arn(arn).tag_keys("ropewalk:fleet").send().await.unwrap();
    let tags = logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags().unwrap()["more"], "1");
    assert_eq!(tags.tags().unwrap().len(), 1);
    let key = "arn:aws:kms:us-east-1:211125768252:key/k";
    logs.associate_kms_key().log_group_name(GROUP).kms_key_id(key).send().await.unwrap();
    logs.delete_retention_policy().log_group_name(GROUP).send().await.unwrap();
    let described = logs.describe_log_groups().send().await.unwrap();
    assert_eq!(described.log_groups()[0].kms_key_id(), Some(key));
    assert_eq!(described.log_groups()[0].retention_in_days(), None);
    logs.delete_log_group().log_group_name(GROUP).send().await.unwrap();
    let gone = logs.delete_log_group().log_group_name(GROUP).send().await.unwrap_err();
    assert_eq!(gone.message(), Some("The specified log group does not exist."));
}

fn event(timestamp: i64, message: &str) -> InputLogEvent {
    InputLogEvent::builder().timestamp(timestamp).message(message).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn events_are_read_back_in_order_until_retention_takes_them() {
    let cloud = support::cloud();
    let logs = support::logs(&cloud);
    logs.create_log_group().log_group_name(GROUP).send().await.unwrap();
    logs.put_retention_policy().log_group_name(GROUP).retention_in_days(1).send().await.unwrap();
    for stream in ["ecs/a/1", "ecs/a/2"] {
        logs.create_log_stream().log_group_name(GROUP).log_stream_name(stream).send().await.unwrap();
        let put = logs.put_log_events().log_group_name(GROUP).log_stream_name(stream);
        let put = put.log_events(event(NOON_MS - 5, "started")).log_events(event(NOON_MS, "error: \"no model\""));
        put.send().await.unwrap();
    }
    let unordered = logs.put_log_events().log_group_name(GROUP).log_stream_name("ecs/a/1");
    let unordered = unordered.log_events(event(NOON_MS, "b")).log_events(event(NOON_MS - 1, "a")).send().await;
    assert!(unordered.unwrap_err().into_service_error().is_invalid_parameter_exception());
    let read = || logs.get_log_events().log_group_name(GROUP).log_stream_name("ecs/a/1");
    let first = read().start_from_head(true).limit(1).send().await.unwrap();
    assert_eq!(first.events()[0].message(), Some("started"));
    let next = read().next_token(first.next_forward_token().unwrap()).send().await.unwrap();
    assert_eq!(next.events()[0].message(), Some("error: \"no model\""));
    let end = read().next_token(next.next_forward_token().unwrap()).send().await.unwrap();
    assert_eq!((end.events().len(), end.next_forward_token()), (0, next.next_forward_token()));
    let found = logs.filter_log_events().log_group_name(GROUP).filter_pattern("error -started").send().await.unwrap();
    let streams: Vec<_> = found.events().iter().map(|event| event.log_stream_name().unwrap()).collect();
    assert_eq!(streams, ["ecs/a/1", "ecs/a/2"]);
    let streams = logs.describe_log_streams().log_group_name(GROUP).descending(true).send().await.unwrap();
    assert_eq!(streams.log_streams()[0].log_stream_name(), Some("ecs/a/2"));
    assert_eq!(streams.log_streams()[0].last_event_timestamp(), Some(NOON_MS));
    tokio::time::advance(Duration::from_secs(24 * 3600)).await;
    let later = read().send().await.unwrap();
    assert_eq!(later.events().len(), 1);
}
