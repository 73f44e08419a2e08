//! Metrics: what was put, in buckets of a minute or a second.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Dimension, invalid_combination, invalid_value, time, validation};
use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// How long datapoints are kept: as CloudWatch keeps those of one minute.
const RETENTION: SignedDuration = SignedDuration::from_hours(15 * 24);

/// One metric, of one unit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Series {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) dimensions: BTreeMap<String, String>,
    pub(super) unit: String,
    /// By the bucket's first second since 1970.
    buckets: BTreeMap<i64, Bucket>,
}

impl Series {
    /// The second in which its latest bucket begins.
    pub(super) fn latest(&self) -> Option<i64> {
        self.buckets.last_key_value().map(|(second, _)| *second)
    }
}

/// The samples of a bucket, or of a period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
    /// Values and how often each came, for percentiles; they are not known of statistic sets.
    values: Vec<(f64, f64)>,
}

impl Bucket {
    fn of_value(value: f64, count: f64) -> Self {
        Self { count, sum: value * count, minimum: value, maximum: value, values: vec![(value, count)] }
    }

    fn add(&mut self, other: &Self) {
        if other.count <= 0.0 {
            return;
        }
        if self.count <= 0.0 {
            *self = other.clone();
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        for (value, count) in &other.values {
            match self.values.iter_mut().find(|(known, _)| known == value) {
                Some((_, known_count)) => *known_count += count,
                None => self.values.push((*value, *count)),
            }
        }
    }

    /// The statistic over these samples; `None` where they cannot tell, e.g. a percentile of a statistic set.
    pub(super) fn statistic(&self, statistic: &Statistic) -> Option<f64> {
        if self.count <= 0.0 {
            return None;
        }
        match statistic {
            Statistic::SampleCount => Some(self.count),
            Statistic::Sum => Some(self.sum),
            Statistic::Average => Some(self.sum / self.count),
            Statistic::Minimum => Some(self.minimum),
            Statistic::Maximum => Some(self.maximum),
            Statistic::Percentile(percent) => self.percentile(*percent),
        }
    }

    fn percentile(&self, percent: f64) -> Option<f64> {
        if self.minimum == self.maximum {
            return Some(self.minimum);
        }
        let known: f64 = self.values.iter().map(|(_, count)| count).sum();
        if known < self.count {
            return None;
        }
        let mut values = self.values.clone();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let rank = known * percent / 100.0;
        let mut seen = 0.0;
        for (value, count) in &values {
            seen += count;
            if seen >= rank {
                return Some(*value);
            }
        }
        values.last().map(|(value, _)| *value)
    }
}

/// What is asked of a period's samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// 0 to 100.
    Percentile(f64),
}

impl Statistic {
    /// Reads `Sum`, `p95`, `p99.9`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "SampleCount" => Self::SampleCount,
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            _ => {
                let percent: f64 = text.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0).contains(&percent).then_some(Self::Percentile(percent))?
            }
        })
    }
}

/// Which metric, by name and all its dimensions; without a unit all units count together.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) dimensions: BTreeMap<String, String>,
    pub(super) unit: Option<String>,
}

impl Selector {
    pub(super) fn new(namespace: &str, name: &str, dimensions: &[Dimension], unit: Option<&str>) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.iter().map(|one| (one.name.clone(), one.value.clone())).collect(),
            unit: unit.map(str::to_owned),
        }
    }

    /// How the keys of this metric's series begin, whatever their unit.
    fn key(&self) -> String {
        // Neither names nor values can have control characters, so that no two metrics have one key.
        let mut key = format!("{}\u{1f}{}\u{1f}", self.namespace, self.name);
        for (name, value) in &self.dimensions {
            key.push_str(&format!("{name}\u{1d}{value}\u{1f}"));
        }
        key.push('\u{1e}');
        key
    }

    /// The series of this metric: one for each unit in which it was put.
    pub(super) fn series<'a>(&self, all: &'a BTreeMap<String, Series>) -> Vec<&'a Series> {
        let key = self.key();
        all.range(key.clone()..)
            .take_while(|(other, _)| other.starts_with(&key))
            .map(|(_, series)| series)
            .filter(|series| self.unit.as_ref().is_none_or(|unit| *unit == series.unit))
            .collect()
    }
}

/// All samples of some series from `from` to before `to`, in seconds since 1970.
pub(super) fn samples(all: &[&Series], from: i64, to: i64) -> Bucket {
    let mut total = Bucket::default();
    for series in all {
        for bucket in series.buckets.range(from..to).map(|(_, bucket)| bucket) {
            total.add(bucket);
        }
    }
    total
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutInput {
    namespace: String,
    #[serde(default)]
    metric_data: Vec<Datum>,
    #[serde(rename = "StrictEntityValidation")]
    _strict_entity_validation: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Datum {
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    #[serde(default, deserialize_with = "time")]
    timestamp: Option<Timestamp>,
    value: Option<f64>,
    statistic_values: Option<StatisticSet>,
    values: Option<Vec<f64>>,
    counts: Option<Vec<f64>>,
    unit: Option<String>,
    storage_resolution: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StatisticSet {
    sample_count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

/// All or nothing: the first datum that AWS would refuse refuses the call.
pub(super) fn put(world: &mut World, input: PutInput) -> Outcome {
    check_namespace(&input.namespace)?;
    if input.metric_data.len() > 1000 {
        return Err(invalid_value("The collection MetricData must not have a size greater than 1000."));
    }
    let mut buckets = Vec::new();
    for (index, datum) in input.metric_data.iter().enumerate() {
        buckets.push(checked(world.now, datum, index + 1)?);
    }
    for (datum, bucket) in input.metric_data.into_iter().zip(buckets) {
        let resolution = if datum.storage_resolution == Some(1) { 1 } else { 60 };
        let selector = Selector::new(&input.namespace, &datum.metric_name, &datum.dimensions, None);
        let unit = datum.unit.unwrap_or_else(|| "None".to_owned());
        record(world, selector, unit, datum.timestamp.unwrap_or(world.now), resolution, &bucket);
    }
    Ok(json!({}))
}

fn record(world: &mut World, metric: Selector, unit: String, time: Timestamp, resolution: i64, samples: &Bucket) {
    let key = format!("{}{unit}", metric.key());
    let oldest = (world.now - RETENTION).as_second();
    let series = world.cloudwatch.series.entry(key).or_insert_with(|| Series {
        namespace: metric.namespace,
        name: metric.name,
        dimensions: metric.dimensions,
        unit,
        buckets: BTreeMap::new(),
    });
    let second = time.as_second().div_euclid(resolution) * resolution;
    series.buckets.entry(second).or_default().add(samples);
    if series.buckets.first_key_value().is_some_and(|(first, _)| *first < oldest) {
        series.buckets = series.buckets.split_off(&oldest);
    }
}

fn check_namespace(namespace: &str) -> Result<(), ServiceError> {
    let letters = namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/#: ".contains(&byte));
    if namespace.starts_with("AWS/") {
        return Err(invalid_value("The value AWS/ for parameter Namespace is invalid."));
    }
    if !(1..=255).contains(&namespace.len()) || namespace.starts_with(':') || !letters {
        return Err(invalid_value(
            "The parameter Namespace must match the pattern [^:].* and have 1 to 255 characters.",
        ));
    }
    Ok(())
}

/// The samples of a datum, if AWS would take it. `number` counts from one, as AWS counts members.
fn checked(now: Timestamp, datum: &Datum, number: usize) -> Result<Bucket, ServiceError> {
    let member = format!("MetricData.member.{number}");
    if !(1..=255).contains(&datum.metric_name.chars().count()) {
        return Err(invalid_value(format!("The parameter {member}.MetricName must have 1 to 255 characters.")));
    }
    if !has_plain_names(datum) {
        return Err(invalid_value(format!(
            "The parameters {member}.MetricName and {member}.Dimensions must have values without control characters, of \
             at least 1 and, for dimensions, at most 1024 characters."
        )));
    }
    if datum.dimensions.len() > 30 {
        return Err(invalid_value(format!("The collection {member}.Dimensions must not have a size greater than 30.")));
    }
    if let Some(unit) = datum.unit.as_deref().filter(|unit| !UNITS.contains(unit)) {
        return Err(validation(format!("The parameter {member}.Unit has no such value: {unit}.")));
    }
    if !matches!(datum.storage_resolution, None | Some(1 | 60)) {
        return Err(invalid_value(format!("The parameter {member}.StorageResolution must be 1 or 60.")));
    }
    let time = datum.timestamp.unwrap_or(now);
    if time < now - SignedDuration::from_hours(14 * 24) {
        return Err(invalid_value(format!(
            "The parameter {member}.Timestamp must specify a time within the past two weeks."
        )));
    }
    if time > now + SignedDuration::from_hours(2) {
        return Err(invalid_value(format!(
            "The parameter {member}.Timestamp must specify a time no more than two hours in the future."
        )));
    }
    let bucket = bucket_of(datum, &member)?;
    let numbers = [bucket.sum, bucket.count, bucket.minimum, bucket.maximum];
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(invalid_value(format!("The value NaN for parameter {member}.Value is invalid.")));
    }
    Ok(bucket)
}

fn has_plain_names(datum: &Datum) -> bool {
    let plain = |text: &str| !text.is_empty() && text.len() <= 1024 && !text.contains(char::is_control);
    plain(&datum.metric_name)
        && datum.dimensions.iter().all(|dimension| plain(&dimension.name) && plain(&dimension.value))
}

fn bucket_of(datum: &Datum, member: &str) -> Result<Bucket, ServiceError> {
    match (datum.value, &datum.statistic_values, &datum.values) {
        (Some(value), None, None) if datum.counts.is_none() => Ok(Bucket::of_value(value, 1.0)),
        (None, Some(set), None) if datum.counts.is_none() => Ok(Bucket {
            count: set.sample_count,
            sum: set.sum,
            minimum: set.minimum,
            maximum: set.maximum,
            values: Vec::new(),
        }),
        (None, None, Some(values)) => {
            let ones = vec![1.0; values.len()];
            let counts = datum.counts.as_ref().unwrap_or(&ones);
            if values.is_empty() || values.len() > 150 || values.len() != counts.len() {
                return Err(invalid_value(format!(
                    "The parameters {member}.Values and {member}.Counts must be of the same size, 1 to 150."
                )));
            }
            let mut bucket = Bucket::default();
            for (value, count) in values.iter().zip(counts) {
                bucket.add(&Bucket::of_value(*value, *count));
            }
            Ok(bucket)
        }
        (None, None, None) => Err(ServiceError::new(
            "MissingParameter",
            format!("At least one of the parameters {member}.Value, .Values and .StatisticValues must be specified."),
        )),
        _ => Err(invalid_combination(format!(
            "The parameters {member}.Value, .Values and .StatisticValues are mutually exclusive."
        ))),
    }
}

/// StandardUnit (Amazon CloudWatch API reference).
pub(super) const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];
