//! Metrics read: GetMetricData, GetMetricStatistics, ListMetrics.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::metrics::{Selector, Statistic, samples};
use super::{Dimension, invalid_combination, invalid_value, metric_math_is_not_known, required_time, validation};
use crate::paging::page;
use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// The periods from `start` to before `end` that have samples: first second and samples.
fn periods(
    world: &World,
    selector: &Selector,
    start: Timestamp,
    end: Timestamp,
    period: i64,
) -> Vec<(i64, super::metrics::Bucket)> {
    let series = selector.series(&world.cloudwatch.series);
    let first = start.as_second().div_euclid(period) * period;
    let mut found = Vec::new();
    let mut from = first;
    while from < end.as_second() {
        let bucket = samples(&series, from, from + period);
        if bucket.count > 0.0 {
            found.push((from, bucket));
        }
        from += period;
    }
    found
}

/// 1, 5, 10, 20, 30 or a multiple of 60 seconds.
pub(super) fn check_period(period: i64) -> Result<(), ServiceError> {
    if matches!(period, 1 | 5 | 10 | 20 | 30) || (period >= 60 && period % 60 == 0) {
        return Ok(());
    }
    Err(invalid_value("The parameter Period must be 1, 5, 10, 20, 30, or any multiple of 60."))
}

fn check_range(start: Timestamp, end: Timestamp, period: i64, most: i64) -> Result<(), ServiceError> {
    if start >= end {
        return Err(validation("The parameter StartTime must be less than the parameter EndTime."));
    }
    let points = (end.as_second() - start.as_second()) / period;
    if points > most {
        return Err(invalid_combination(format!(
            "You have requested up to {points} datapoints, which exceeds the limit of {most}. You may reduce the \
             datapoints requested by increasing Period, or decreasing the time range."
        )));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StatisticsInput {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    #[serde(deserialize_with = "required_time")]
    start_time: Timestamp,
    #[serde(deserialize_with = "required_time")]
    end_time: Timestamp,
    period: i64,
    #[serde(default)]
    statistics: Vec<String>,
    #[serde(default)]
    extended_statistics: Vec<String>,
    unit: Option<String>,
}

pub(super) fn statistics(world: &mut World, input: StatisticsInput) -> Outcome {
    check_period(input.period)?;
    check_range(input.start_time, input.end_time, input.period, 1440)?;
    if input.statistics.is_empty() && input.extended_statistics.is_empty() {
        return Err(ServiceError::new("MissingParameter", "Must specify either Statistics or ExtendedStatistics."));
    }
    let mut plain = Vec::new();
    for name in &input.statistics {
        match Statistic::parse(name) {
            Some(Statistic::Percentile(_)) | None => return Err(unknown_statistic(name)),
            Some(statistic) => plain.push((name, statistic)),
        }
    }
    let mut extended = Vec::new();
    for name in &input.extended_statistics {
        extended.push((name, Statistic::parse(name).ok_or_else(|| unknown_statistic(name))?));
    }
    let selector = Selector::new(&input.namespace, &input.metric_name, &input.dimensions, input.unit.as_deref());
    let mut datapoints = Vec::new();
    for (second, bucket) in periods(world, &selector, input.start_time, input.end_time, input.period) {
        let mut datapoint = json!({
            "Timestamp": second as f64,
            "Unit": input.unit.as_deref().unwrap_or_else(|| unit_of(world, &selector)),
        });
        for (name, statistic) in &plain {
            if let Some(value) = bucket.statistic(statistic) {
                datapoint[name.as_str()] = json!(value);
            }
        }
        let percentiles: Map<String, Value> = extended
            .iter()
            .filter_map(|(name, statistic)| Some(((*name).clone(), json!(bucket.statistic(statistic)?))))
            .collect();
        if !percentiles.is_empty() {
            datapoint["ExtendedStatistics"] = Value::Object(percentiles);
        }
        datapoints.push(datapoint);
    }
    Ok(json!({ "Label": input.metric_name, "Datapoints": datapoints }))
}

fn unit_of<'a>(world: &'a World, selector: &Selector) -> &'a str {
    selector.series(&world.cloudwatch.series).first().map_or("None", |series| series.unit.as_str())
}

fn unknown_statistic(name: &str) -> ServiceError {
    validation(format!(
        "The embedded cloud does not know the statistic {name}: it knows SampleCount, Average, Sum, Minimum, Maximum and \
         percentiles such as p95."
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DataInput {
    metric_data_queries: Vec<Query>,
    #[serde(deserialize_with = "required_time")]
    start_time: Timestamp,
    #[serde(deserialize_with = "required_time")]
    end_time: Timestamp,
    scan_by: Option<ScanBy>,
    max_datapoints: Option<usize>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
enum ScanBy {
    TimestampAscending,
    TimestampDescending,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Query {
    id: String,
    metric_stat: Option<MetricStat>,
    expression: Option<String>,
    label: Option<String>,
    return_data: Option<bool>,
    period: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MetricStat {
    metric: Metric,
    period: i64,
    stat: String,
    unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Metric {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

pub(super) fn data(world: &mut World, input: DataInput) -> Outcome {
    if input.metric_data_queries.len() > 500 {
        return Err(validation("The collection MetricDataQueries must not have a size greater than 500."));
    }
    let mut results = Vec::new();
    let mut total = 0;
    for query in &input.metric_data_queries {
        let result = answer(world, query, &input)?;
        total += result.1.len();
        if query.return_data.unwrap_or(true) {
            results.push(json!({
                "Id": query.id,
                "Label": result.0,
                "Timestamps": result.1,
                "Values": result.2,
                "StatusCode": "Complete",
            }));
        }
    }
    if total > input.max_datapoints.unwrap_or(100_800) {
        return Err(invalid_value("The embedded cloud does not page metric data: shorten the time range."));
    }
    Ok(json!({ "MetricDataResults": results, "Messages": [] }))
}

/// Label, times and values of one query.
fn answer(world: &World, query: &Query, input: &DataInput) -> Result<(String, Vec<f64>, Vec<f64>), ServiceError> {
    if !query.id.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(validation(format!(
            "The value {} for parameter MetricDataQueries.member.Id is not matching the expected pattern \
             ^[a-z][a-zA-Z0-9_]*$.",
            query.id
        )));
    }
    let stat = match (&query.metric_stat, &query.expression) {
        (Some(stat), None) if query.period.is_none() => stat,
        (None, None) => {
            return Err(validation("Either MetricStat or Expression must be specified in each MetricDataQuery."));
        }
        (Some(_), None) => {
            return Err(validation("Period must not be specified beside MetricStat: it is a member of MetricStat."));
        }
        (_, Some(_)) => return Err(metric_math_is_not_known()),
    };
    check_period(stat.period)?;
    check_range(input.start_time, input.end_time, stat.period, 100_800)?;
    let statistic = Statistic::parse(&stat.stat).ok_or_else(|| unknown_statistic(&stat.stat))?;
    let metric = &stat.metric;
    let selector = Selector::new(&metric.namespace, &metric.metric_name, &metric.dimensions, stat.unit.as_deref());
    let mut found = periods(world, &selector, input.start_time, input.end_time, stat.period);
    if input.scan_by != Some(ScanBy::TimestampAscending) {
        found.reverse();
    }
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for (second, bucket) in found {
        if let Some(value) = bucket.statistic(&statistic) {
            times.push(second as f64);
            values.push(value);
        }
    }
    Ok((query.label.clone().unwrap_or_else(|| metric.metric_name.clone()), times, values))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListInput {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<DimensionFilter>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DimensionFilter {
    name: String,
    value: Option<String>,
}

pub(super) fn list(world: &mut World, input: ListInput) -> Outcome {
    let mut metrics = BTreeMap::new();
    for series in world.cloudwatch.series.values() {
        let has = |filter: &DimensionFilter| {
            series
                .dimensions
                .get(&filter.name)
                .is_some_and(|value| filter.value.as_ref().is_none_or(|wanted| wanted == value))
        };
        let wanted = input.namespace.as_ref().is_none_or(|namespace| *namespace == series.namespace)
            && input.metric_name.as_ref().is_none_or(|name| *name == series.name)
            && input.dimensions.iter().all(has);
        if wanted {
            let dimensions: Vec<Value> =
                series.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
            let key = format!("{} {} {:?}", series.namespace, series.name, series.dimensions);
            let metric = json!({ "Namespace": series.namespace, "MetricName": series.name, "Dimensions": dimensions });
            metrics.insert(key, metric);
        }
    }
    let page = page(metrics, 500, input.next_token.as_deref()).map_err(|_| validation("Invalid nextToken"))?;
    let mut answer = json!({ "Metrics": page.items });
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_high_resolution_one_or_whole_minutes() {
        for period in [1, 5, 10, 30, 60, 300, 86_400] {
            assert!(check_period(period).is_ok(), "{period}");
        }
        for period in [0, 2, 45, 61, 90, -60] {
            assert!(check_period(period).is_err(), "{period}");
        }
    }
}
