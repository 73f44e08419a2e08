//! From datapoints to states: M of N, with AWS's rules for missing data.
//!
//! "Configuring how CloudWatch alarms treat missing data" (Amazon CloudWatch user guide) says how; its two tables are
//! among the tests. More periods than N are looked at, so that a late datapoint does not count as missing.

use jiff::Timestamp;
use serde_json::json;

use super::alarms::{Alarm, State};
use super::definition::{MissingData, Rule};
use super::metrics::{Series, samples};
use crate::world::World;

/// How many periods more than N are looked at: the guide's tables look at 5 where N is 3.
const EXTRA_PERIODS: usize = 2;

/// Evaluates every alarm at each of its times up to now.
pub(crate) fn advance(world: &mut World) {
    let now = world.now;
    let cloudwatch = &mut world.cloudwatch;
    for alarm in cloudwatch.alarms.values_mut() {
        let step = step_seconds(alarm.definition.period.unwrap_or(60));
        let first = (alarm.evaluated_until.as_second().div_euclid(step) + 1) * step;
        if first > now.as_second() {
            continue;
        }
        if let Ok(rule) = alarm.definition.rule() {
            let series = rule.selector.series(&cloudwatch.series);
            evaluate_until(alarm, &rule, &series, first, now.as_second());
        }
        alarm.evaluated_until = now;
    }
}

fn evaluate_until(alarm: &mut Alarm, rule: &Rule, series: &[&Series], first: i64, now: i64) {
    let latest = series.iter().filter_map(|series| series.latest()).max();
    // The periods are bounded by a week: they fit.
    let range = (rule.periods + EXTRA_PERIODS) as i64 * rule.period;
    let mut time = first;
    while time <= now {
        evaluate_at(alarm, rule, series, time);
        if latest.is_none_or(|latest| latest < time - range) {
            // Nothing is left to be seen: all later evaluations say what this one said.
            return;
        }
        time += step_seconds(rule.period);
    }
}

/// How often an alarm is evaluated: every minute; those of high resolution every 10 or 30 seconds.
fn step_seconds(period: i64) -> i64 {
    match period {
        10 | 20 => 10,
        30 => 30,
        _ => 60,
    }
}

fn evaluate_at(alarm: &mut Alarm, rule: &Rule, series: &[&Series], time: i64) {
    let Ok(timestamp) = Timestamp::from_second(time) else { return };
    // The latest period first.
    let points: Vec<Option<f64>> = (0..rule.periods + EXTRA_PERIODS)
        .map(|age| {
            // The count of periods is bounded by a week: it fits.
            let end = time - age as i64 * rule.period;
            samples(series, end - rule.period, end).statistic(&rule.statistic)
        })
        .collect();
    let breaching: Vec<Option<bool>> =
        points.iter().map(|point| point.map(|value| rule.comparison.breaches(value, rule.threshold))).collect();
    let verdict = verdict(&breaching, rule.periods, rule.to_alarm, rule.missing);
    let Some(state) = verdict else { return };
    if state != alarm.state {
        let reason = reason(rule, &points, state, alarm.state, time);
        let data = reason_data(rule, &points, time);
        alarm.write_state(state, reason, Some(data), timestamp);
    }
}

/// The state that datapoints give, the latest first; `None` leaves the state as it is.
///
/// Where N real datapoints are among those looked at, they decide alone. Where they are not, what is missing counts as
/// the alarm says. A lone breach that is old enough raises the alarm although data is missing, because nothing says that
/// it is over.
pub(super) fn verdict(points: &[Option<bool>], periods: usize, to_alarm: usize, missing: MissingData) -> Option<State> {
    let real: Vec<(usize, bool)> =
        points.iter().enumerate().filter_map(|(age, point)| point.map(|breaching| (age, breaching))).collect();
    let latest = &real[..real.len().min(periods)];
    let breaching = latest.iter().filter(|(_, breaching)| *breaching).count();
    let filled = periods.saturating_sub(latest.len());
    let counted = if missing == MissingData::Breaching { breaching + filled } else { breaching };
    if counted >= to_alarm {
        return Some(State::Alarm);
    }
    if filled == 0 {
        return Some(State::Ok);
    }
    let old_enough = real.last().is_some_and(|(age, _)| age + 1 >= to_alarm);
    let premature = old_enough && real.iter().all(|(_, breaching)| *breaching);
    match missing {
        MissingData::Breaching | MissingData::NotBreaching => Some(State::Ok),
        MissingData::Missing if real.is_empty() => Some(State::InsufficientData),
        MissingData::Missing if premature => Some(State::Alarm),
        MissingData::Ignore if real.is_empty() || premature => None,
        MissingData::Missing | MissingData::Ignore => Some(State::Ok),
    }
}

/// The sentence that people read in the console and in notifications.
fn reason(rule: &Rule, points: &[Option<f64>], state: State, before: State, time: i64) -> String {
    let real: Vec<(usize, f64)> =
        points.iter().enumerate().filter_map(|(age, point)| point.map(|value| (age, value))).collect();
    let latest = &real[..real.len().min(rule.periods)];
    if state == State::InsufficientData {
        return format!("Insufficient Data: {} were unknown.", counted(rule.periods, "datapoint"));
    }
    if latest.is_empty() {
        let missing = rule.periods;
        let (treated, verb) = match rule.missing {
            MissingData::Breaching => ("Breaching", if missing == 1 { "was" } else { "were" }),
            _ => ("NonBreaching", if missing == 1 { "was" } else { "were" }),
        };
        return format!(
            "Threshold Crossed: no datapoints were received for {} and {} {verb} treated as [{treated}].",
            counted(missing, "period"),
            counted(missing, "missing datapoint"),
        );
    }
    let wanted = state == State::Alarm;
    let telling: Vec<(usize, f64)> = latest
        .iter()
        .copied()
        .filter(|(_, value)| rule.comparison.breaches(*value, rule.threshold) == wanted)
        .collect();
    let listed: Vec<String> = telling
        .iter()
        .map(|(age, value)| format!("{value:?} ({})", start_of(rule, *age, time).strftime("%d/%m/%y %H:%M:%S")))
        .collect();
    let minimum = if wanted { rule.to_alarm } else { rule.periods + 1 - rule.to_alarm };
    format!(
        "Threshold Crossed: {} out of the last {} [{}] {}{} {} the threshold ({:?}) (minimum {} for {} -> {} transition).",
        telling.len(),
        counted(rule.periods, "datapoint"),
        listed.join(", "),
        if telling.len() == 1 { "was" } else { "were" },
        if wanted { "" } else { " not" },
        rule.comparison.words(),
        rule.threshold,
        counted(minimum, "datapoint"),
        before.name(),
        state.name(),
    )
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn start_of(rule: &Rule, age: usize, time: i64) -> Timestamp {
    Timestamp::from_second(time - (age as i64 + 1) * rule.period).unwrap_or_default()
}

fn reason_data(rule: &Rule, points: &[Option<f64>], time: i64) -> String {
    let recent: Vec<f64> = points.iter().take(rule.periods).rev().copied().flatten().collect();
    let oldest = start_of(rule, rule.periods - 1, time);
    json!({
        "version": "1.0",
        "queryDate": Timestamp::from_second(time).unwrap_or_default().to_string(),
        "startDate": oldest.to_string(),
        "period": rule.period,
        "recentDatapoints": recent,
        "threshold": rule.threshold,
    })
    .to_string()
}
