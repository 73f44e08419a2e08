//! CloudWatch by the SDK, in CBOR, and raw in awsJson as boto3 speaks it.

use std::time::Duration;

use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricDatum, MetricStat, StandardUnit, StateValue,
    Statistic, Tag,
};
use serde_json::json;

use crate::support;

const NOON: i64 = 1_793_620_800;

fn agent() -> Dimension {
    Dimension::builder().name("Agent").value("coach").build()
}

async fn put(cloudwatch: &aws_sdk_cloudwatch::Client, values: &[f64]) {
    let datum = MetricDatum::builder()
        .metric_name("Duration")
        .dimensions(agent())
        .set_values(Some(values.to_vec()))
        .unit(StandardUnit::Seconds)
        .build();
    cloudwatch.put_metric_data().namespace("Ropewalk").metric_data(datum).send().await.unwrap();
}

fn alarm(
    cloudwatch: &aws_sdk_cloudwatch::Client,
    name: &str,
) -> aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder {
    cloudwatch
        .put_metric_alarm()
        .alarm_name(name)
        .alarm_description("slow answers")
        .namespace("Ropewalk")
        .metric_name("Duration")
        .dimensions(agent())
        .extended_statistic("p95")
        .period(60)
        .evaluation_periods(3)
        .datapoints_to_alarm(2)
        .threshold(30.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .treat_missing_data("notBreaching")
        .alarm_actions("arn:aws:sns:us-east-1:211125768252:people")
        .tags(Tag::builder().key("ropewalk:fleet").value("dev").build())
}

#[tokio::test(start_paused = true)]
async fn metrics_are_read_back_by_every_statistic() {
    let cloud = support::cloud();
    let cloudwatch = support::cloudwatch(&cloud);
    put(&cloudwatch, &[1.0, 2.0, 3.0, 10.0]).await;
    let read = cloudwatch
        .get_metric_statistics()
        .namespace("Ropewalk")
        .metric_name("Duration")
        .dimensions(agent())
        .start_time(DateTime::from_secs(NOON - 60))
        .end_time(DateTime::from_secs(NOON + 60))
        .period(60)
        .statistics(Statistic::Sum)
        .statistics(Statistic::Average)
        .statistics(Statistic::Minimum)
        .statistics(Statistic::Maximum)
        .statistics(Statistic::SampleCount)
        .send()
        .await
        .unwrap();
    let point = &read.datapoints()[0];
    assert_eq!((point.sum(), point.average(), point.sample_count()), (Some(16.0), Some(4.0), Some(4.0)));
    assert_eq!((point.minimum(), point.maximum()), (Some(1.0), Some(10.0)));
    assert_eq!((point.timestamp().unwrap().secs(), point.unit()), (NOON, Some(&StandardUnit::Seconds)));
    let metric = Metric::builder().namespace("Ropewalk").metric_name("Duration").dimensions(agent()).build();
    let query = |id: &str, stat: &str| {
        let stat = MetricStat::builder().metric(metric.clone()).period(300).stat(stat).build();
        MetricDataQuery::builder().id(id).metric_stat(stat).build()
    };
    let range = || {
        let start = DateTime::from_secs(NOON - 600);
        cloudwatch.get_metric_data().start_time(start).end_time(DateTime::from_secs(NOON + 600))
    };
    let data = range().metric_data_queries(query("a", "p50")).metric_data_queries(query("b", "p95")).send().await;
    let data = data.unwrap();
    let values: Vec<_> = data.metric_data_results().iter().map(|result| result.values()[0]).collect();
    assert_eq!(values, [2.0, 10.0]);
    assert_eq!(data.metric_data_results()[0].timestamps()[0].secs(), NOON);
    let math = MetricDataQuery::builder().id("e").expression("a / b").build();
    let refused = range().metric_data_queries(math).send().await.unwrap_err();
    assert!(refused.message().unwrap().contains("metric math"), "{refused:?}");
    let aws =
        cloudwatch.put_metric_data().namespace("AWS/ECS").metric_data(MetricDatum::builder().metric_name("x").build());
    assert_eq!(aws.send().await.unwrap_err().message(), Some("The value AWS/ for parameter Namespace is invalid."));
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_described_as_it_was_put_and_follows_its_metric() {
    let cloud = support::cloud();
    let cloudwatch = support::cloudwatch(&cloud);
    alarm(&cloudwatch, "ropewalk/dev/coach/slow").send().await.unwrap();
    let describe = || async {
        let answer = cloudwatch.describe_alarms().alarm_names("ropewalk/dev/coach/slow").send().await.unwrap();
        answer.metric_alarms()[0].clone()
    };
    let new = describe().await;
    assert_eq!(new.state_value(), Some(&StateValue::InsufficientData));
    assert_eq!(new.alarm_arn(), Some("arn:aws:cloudwatch:us-east-1:211125768252:alarm:ropewalk/dev/coach/slow"));
    assert_eq!((new.extended_statistic(), new.threshold(), new.period()), (Some("p95"), Some(30.0), Some(60)));
    assert_eq!((new.actions_enabled(), new.treat_missing_data()), (Some(true), Some("notBreaching")));
    assert_eq!(new.dimensions(), [agent()]);
    assert_eq!(new.alarm_configuration_updated_timestamp().unwrap().secs(), NOON);
    let tags = cloudwatch.list_tags_for_resource().resource_arn(new.alarm_arn().unwrap()).send().await.unwrap();
    assert_eq!(tags.tags()[0].key(), Some("ropewalk:fleet"));
    for _ in 0..2 {
        put(&cloudwatch, &[40.0; 20]).await;
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    let raised = describe().await;
    assert_eq!(raised.state_value(), Some(&StateValue::Alarm));
    assert_eq!(raised.state_transitioned_timestamp().unwrap().secs(), NOON + 120);
    let fleet = cloudwatch.describe_alarms().alarm_name_prefix("ropewalk/dev/").state_value(StateValue::Alarm);
    assert_eq!(fleet.send().await.unwrap().metric_alarms().len(), 1);
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(describe().await.state_value(), Some(&StateValue::Ok));
}

#[tokio::test(start_paused = true)]
async fn alarms_come_in_pages_and_go_together_or_not_at_all() {
    let cloud = support::cloud();
    let cloudwatch = support::cloudwatch(&cloud);
    for number in 0..60 {
        alarm(&cloudwatch, &format!("a{number:02}")).send().await.unwrap();
    }
    let first = cloudwatch.describe_alarms().send().await.unwrap();
    assert_eq!(first.metric_alarms().len(), 50);
    let rest = cloudwatch.describe_alarms().next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!((rest.metric_alarms().len(), rest.next_token()), (10, None));
    let names = (0..101).map(|number| format!("n{number}")).collect();
    let many = cloudwatch.describe_alarms().set_alarm_names(Some(names)).send().await.unwrap_err();
    assert_eq!(many.code(), Some("ValidationError"));
    let missing = cloudwatch.delete_alarms().alarm_names("a00").alarm_names("none").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found());
    cloudwatch.delete_alarms().alarm_names("a00").alarm_names("a01").send().await.unwrap();
    let left = cloudwatch.describe_alarms().max_records(100).send().await.unwrap();
    assert_eq!(left.metric_alarms().len(), 58);
}

#[tokio::test(start_paused = true)]
async fn old_and_new_protocols_see_the_same_alarms() {
    let cloud = support::cloud();
    alarm(&support::cloudwatch(&cloud), "slow").send().await.unwrap();
    let (status, answer) =
        support::raw(&cloud, "GraniteServiceVersion20100801.DescribeAlarms", json!({ "AlarmNames": ["slow"] })).await;
    assert_eq!((status, &answer["MetricAlarms"][0]["AlarmName"]), (200, &json!("slow")));
    assert_eq!(answer["MetricAlarms"][0]["StateUpdatedTimestamp"], json!(NOON as f64));
}
