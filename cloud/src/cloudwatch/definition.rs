//! What PutMetricAlarm takes: checked, kept as it came, and given back by DescribeAlarms.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::metrics::{Selector, Statistic, UNITS};
use super::{Dimension, invalid_combination, invalid_value, metric_math_is_not_known, validation};
use crate::service::ServiceError;
use crate::tags::Tag;

/// An alarm on a single metric, in AWS's member names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) alarm_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alarm_description: Option<String>,
    #[serde(default = "yes")]
    pub(super) actions_enabled: bool,
    #[serde(default, rename = "OKActions")]
    pub(super) ok_actions: Vec<String>,
    #[serde(default)]
    pub(super) alarm_actions: Vec<String>,
    #[serde(default)]
    pub(super) insufficient_data_actions: Vec<String>,
    pub(super) metric_name: Option<String>,
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statistic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extended_statistic: Option<String>,
    #[serde(default)]
    pub(super) dimensions: Vec<Dimension>,
    pub(super) period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    pub(super) evaluation_periods: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) datapoints_to_alarm: Option<i64>,
    pub(super) threshold: Option<f64>,
    pub(super) comparison_operator: Comparison,
    #[serde(default)]
    pub(super) treat_missing_data: MissingData,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evaluate_low_sample_count_percentile: Option<String>,
    #[serde(default, skip_serializing)]
    pub(super) metrics: Option<Value>,
    #[serde(default, skip_serializing)]
    pub(super) threshold_metric_id: Option<String>,
    #[serde(default, skip_serializing)]
    pub(super) tags: Vec<Tag>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(clippy::enum_variant_names, reason = "AWS's own names")]
pub(super) enum Comparison {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

impl Comparison {
    pub(super) fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqualToThreshold => value >= threshold,
            Self::GreaterThanThreshold => value > threshold,
            Self::LessThanThreshold => value < threshold,
            Self::LessThanOrEqualToThreshold => value <= threshold,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::GreaterThanOrEqualToThreshold => "greater than or equal to",
            Self::GreaterThanThreshold => "greater than",
            Self::LessThanThreshold => "less than",
            Self::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }
}

/// What a period without samples counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum MissingData {
    Breaching,
    NotBreaching,
    Ignore,
    #[default]
    Missing,
}

/// A definition that was checked, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) selector: Selector,
    pub(super) statistic: Statistic,
    pub(super) period: i64,
    /// N: how many periods are looked at.
    pub(super) periods: usize,
    /// M: how many of them must breach.
    pub(super) to_alarm: usize,
    pub(super) threshold: f64,
    pub(super) comparison: Comparison,
    pub(super) missing: MissingData,
}

impl Definition {
    /// What the alarm watches.
    ///
    /// # Errors
    /// What AWS says against the definition.
    pub(super) fn rule(&self) -> Result<Rule, ServiceError> {
        if self.metrics.is_some() || self.threshold_metric_id.is_some() {
            return Err(metric_math_is_not_known());
        }
        let (Some(namespace), Some(metric_name)) = (&self.namespace, &self.metric_name) else {
            return Err(validation("Exactly one of MetricName with Namespace, or Metrics, must be specified."));
        };
        let statistic = self.checked_statistic()?;
        let period = self.period.ok_or_else(|| validation("Period must not be null"))?;
        self.check_periods(period)?;
        let threshold = self.threshold.ok_or_else(|| validation("The parameter Threshold must be specified."))?;
        if self.unit.as_deref().is_some_and(|unit| !UNITS.contains(&unit)) {
            return Err(validation("Value at 'unit' failed to satisfy constraint: Member must satisfy enum value set"));
        }
        let periods = usize::try_from(self.evaluation_periods).map_err(|_| validation("EvaluationPeriods"))?;
        let to_alarm = match self.datapoints_to_alarm {
            None => periods,
            Some(given) => usize::try_from(given).map_err(|_| validation("DatapointsToAlarm"))?,
        };
        Ok(Rule {
            selector: Selector::new(namespace, metric_name, &self.dimensions, self.unit.as_deref()),
            statistic,
            period,
            periods,
            to_alarm,
            threshold,
            comparison: self.comparison_operator,
            // Alarms on DynamoDB's own metrics ignore missing data, whatever is asked.
            missing: if namespace == "AWS/DynamoDB" { MissingData::Ignore } else { self.treat_missing_data },
        })
    }

    fn checked_statistic(&self) -> Result<Statistic, ServiceError> {
        let unknown = || validation("The embedded cloud knows extended statistics p0 to p100 only, e.g. p95.");
        match (&self.statistic, &self.extended_statistic) {
            (Some(name), None) => match Statistic::parse(name) {
                Some(Statistic::Percentile(_)) | None => Err(validation(format!(
                    "1 validation error detected: Value '{name}' at 'statistic' failed to satisfy constraint: Member must \
                     satisfy enum value set: [SampleCount, Average, Sum, Minimum, Maximum]"
                ))),
                Some(statistic) => Ok(statistic),
            },
            (None, Some(name)) => match Statistic::parse(name) {
                Some(statistic @ Statistic::Percentile(_)) => Ok(statistic),
                _ => Err(unknown()),
            },
            (Some(_), Some(_)) => {
                Err(invalid_combination("Only one of Statistic and ExtendedStatistic can be specified."))
            }
            (None, None) => Err(validation("Exactly one of Statistic and ExtendedStatistic must be specified.")),
        }
    }

    fn check_periods(&self, period: i64) -> Result<(), ServiceError> {
        if !matches!(period, 10 | 20 | 30) && (period < 60 || period % 60 != 0) {
            return Err(validation("Period must be 10, 20, 30 or a multiple of 60"));
        }
        if self.evaluation_periods < 1 {
            return Err(validation(
                "1 validation error detected: Value at 'evaluationPeriods' failed to satisfy constraint: Member must have \
                 value greater than or equal to 1",
            ));
        }
        let (longest, words) = if period < 3600 { (86_400, "a day") } else { (604_800, "seven days") };
        if self.evaluation_periods.saturating_mul(period) > longest {
            return Err(validation(format!(
                "Metrics cannot be checked across more than {words} (EvaluationPeriods * Period must be <= {longest})."
            )));
        }
        match self.datapoints_to_alarm {
            Some(points) if points < 1 || points > self.evaluation_periods => {
                Err(validation("DatapointsToAlarm must be greater than 0 and less than or equal to EvaluationPeriods."))
            }
            _ => Ok(()),
        }
    }

    /// Names, lengths and counts.
    ///
    /// # Errors
    /// What AWS says against them.
    pub(super) fn check_names(&self) -> Result<(), ServiceError> {
        if !(1..=255).contains(&self.alarm_name.chars().count()) {
            return Err(validation(format!(
                "1 validation error detected: Value '{}' at 'alarmName' failed to satisfy constraint: Member must have \
                 length between 1 and 255",
                self.alarm_name
            )));
        }
        if self.alarm_description.as_ref().is_some_and(|text| text.chars().count() > 1024) {
            return Err(validation(
                "1 validation error detected: Value at 'alarmDescription' failed to satisfy constraint: Member must have \
                 length less than or equal to 1024",
            ));
        }
        if self.dimensions.len() > 30 {
            return Err(invalid_value("The collection Dimensions must not have a size greater than 30."));
        }
        for actions in [&self.ok_actions, &self.alarm_actions, &self.insufficient_data_actions] {
            if actions.len() > 5 {
                return Err(validation("An alarm can have at most 5 actions for each state."));
            }
            if let Some(action) = actions.iter().find(|action| !action.starts_with("arn:")) {
                return Err(validation(format!("Invalid arn syntax: {action}")));
            }
        }
        Ok(())
    }
}
