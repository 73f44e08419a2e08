use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::alarms::State;
use super::call;
use super::definition::MissingData;
use super::evaluate::verdict;
use crate::world::World;

const RULES: [MissingData; 4] =
    [MissingData::Missing, MissingData::Ignore, MissingData::Breaching, MissingData::NotBreaching];

/// The oldest first, as the user guide writes them: `0` is fine, `X` breaches, `-` is missing.
fn points(text: &str) -> Vec<Option<bool>> {
    let point = |letter| match letter {
        '0' => Some(false),
        'X' => Some(true),
        _ => None,
    };
    text.chars().filter(|letter| *letter != ' ').rev().map(point).collect()
}

#[test]
fn states_are_those_of_the_tables_in_the_user_guide() {
    let (ok, alarm, unknown) = (Some(State::Ok), Some(State::Alarm), Some(State::InsufficientData));
    let three_of_three = [
        ("0 - X - X", [ok, ok, ok, ok]),
        ("0 - - - -", [ok, ok, ok, ok]),
        ("- - - - -", [unknown, None, alarm, ok]),
        ("0 X X - X", [alarm, alarm, alarm, alarm]),
        ("- - X - -", [alarm, None, alarm, ok]),
    ];
    let two_of_three = [
        ("0 - X - X", [alarm, alarm, alarm, alarm]),
        ("0 0 X 0 X", [alarm, alarm, alarm, alarm]),
        ("0 - X - -", [ok, ok, alarm, ok]),
        ("- - - - 0", [ok, ok, alarm, ok]),
        ("- - - X -", [alarm, None, alarm, ok]),
    ];
    for (to_alarm, table) in [(3, three_of_three), (2, two_of_three)] {
        for (row, expected) in table {
            let found = RULES.map(|rule| verdict(&points(row), 3, to_alarm, rule));
            assert_eq!(found, expected, "{to_alarm} of 3: {row}");
        }
    }
}

proptest! {
    #[test]
    fn with_all_datapoints_there_it_is_m_of_n_whatever_the_rule(
        points in proptest::collection::vec(any::<bool>(), 8),
        (periods, to_alarm) in (1usize..=6).prop_flat_map(|periods| (Just(periods), 1..=periods)),
        rule in proptest::sample::select(RULES.to_vec()),
    ) {
        let breaching = points[..periods].iter().filter(|breaching| **breaching).count();
        let expected = if breaching >= to_alarm { State::Alarm } else { State::Ok };
        let all: Vec<Option<bool>> = points.iter().copied().map(Some).collect();
        prop_assert_eq!(verdict(&all[..periods + 2], periods, to_alarm, rule), Some(expected));
    }

    #[test]
    fn filling_missing_data_is_writing_it_behind_the_real_datapoints(
        points in proptest::collection::vec(proptest::option::of(any::<bool>()), 8),
        (periods, to_alarm) in (1usize..=6).prop_flat_map(|periods| (Just(periods), 1..=periods)),
        filled_with in any::<bool>(),
    ) {
        let points = &points[..periods + 2];
        let mut filled: Vec<bool> = points.iter().copied().flatten().collect();
        filled.resize(periods.max(filled.len()), filled_with);
        let breaching = filled[..periods].iter().filter(|breaching| **breaching).count();
        let expected = if breaching >= to_alarm { State::Alarm } else { State::Ok };
        let rule = if filled_with { MissingData::Breaching } else { MissingData::NotBreaching };
        prop_assert_eq!(verdict(points, periods, to_alarm, rule), Some(expected));
    }

    #[test]
    fn missing_and_ignore_never_clear_without_a_good_datapoint_and_never_agree_on_silence(
        points in proptest::collection::vec(proptest::option::of(any::<bool>()), 8),
        (periods, to_alarm) in (1usize..=6).prop_flat_map(|periods| (Just(periods), 1..=periods)),
    ) {
        let points = &points[..periods + 2];
        let missing = verdict(points, periods, to_alarm, MissingData::Missing);
        let ignored = verdict(points, periods, to_alarm, MissingData::Ignore);
        if points.iter().all(Option::is_none) {
            prop_assert_eq!((missing, ignored), (Some(State::InsufficientData), None));
        } else if !points.contains(&Some(false)) {
            // Too young to raise the alarm by itself is the one case in which a lone breach counts as fine.
            let oldest = points.iter().rposition(Option::is_some).unwrap_or_default();
            let raised = oldest + 1 >= to_alarm;
            prop_assert_eq!(missing == Some(State::Alarm), raised || points.iter().flatten().count() >= to_alarm);
        }
    }
}

fn at(second: i64) -> Timestamp {
    // Noon of a day, on a minute.
    Timestamp::from_second(1_793_620_800 + second).unwrap()
}

fn world() -> World {
    World::new("211125768252", "us-east-1", at(0), 7)
}

fn alarm(more: Value) -> Value {
    let mut input = json!({
        "AlarmName": "errors", "Namespace": "Agents", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "Dimensions": [{ "Name": "Agent", "Value": "a" }],
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

fn datum(world: &mut World, value: f64) {
    let datum = json!({ "MetricName": "Errors", "Value": value, "Dimensions": [{ "Name": "Agent", "Value": "a" }] });
    call(world, "PutMetricData", json!({ "Namespace": "Agents", "MetricData": [datum] })).unwrap();
}

fn described(world: &mut World) -> Value {
    let answer = call(world, "DescribeAlarms", json!({ "AlarmNames": ["errors"] })).unwrap();
    answer["MetricAlarms"][0].clone()
}

#[test]
fn an_alarm_rises_when_m_of_n_periods_breach_and_says_when_and_why() {
    let mut world = world();
    call(&mut world, "PutMetricAlarm", alarm(json!({}))).unwrap();
    let new = described(&mut world);
    assert_eq!(new["StateValue"], "INSUFFICIENT_DATA");
    assert_eq!(new["StateReason"], "Unchecked: Initial alarm creation");
    assert_eq!(new["DatapointsToAlarm"], 2);
    for second in [10, 70] {
        world.now = at(second);
        datum(&mut world, 3.0);
    }
    // Nothing looks at the alarm for an hour; its history is none the less that of each minute: it was raised, and
    // cleared when the older breach left the five periods that are looked at.
    world.now = at(119);
    assert_eq!(described(&mut world)["StateValue"], "OK");
    world.now = at(3600);
    let later = described(&mut world);
    assert_eq!(later["StateValue"], "OK");
    assert_eq!(later["StateTransitionedTimestamp"], json!(at(360).as_second() as f64));
    let mut again = self::world();
    call(&mut again, "PutMetricAlarm", alarm(json!({}))).unwrap();
    for second in [10, 70] {
        again.now = at(second);
        datum(&mut again, 3.0);
    }
    again.now = at(125);
    let raised = described(&mut again);
    assert_eq!(raised["StateValue"], "ALARM");
    assert_eq!(raised["StateUpdatedTimestamp"], json!(at(120).as_second() as f64));
    let reason = raised["StateReason"].as_str().unwrap();
    assert!(reason.starts_with("Threshold Crossed: 2 out of the last 3 datapoints [3.0 ("), "{reason}");
    let end = "were greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).";
    assert!(reason.ends_with(end), "{reason}");
}

#[test]
fn a_state_that_is_set_lasts_until_the_next_evaluation() {
    let mut world = world();
    call(&mut world, "PutMetricAlarm", alarm(json!({}))).unwrap();
    world.now = at(61);
    let input = json!({ "AlarmName": "errors", "StateValue": "ALARM", "StateReason": "a drill" });
    call(&mut world, "SetAlarmState", input).unwrap();
    assert_eq!(described(&mut world)["StateReason"], "a drill");
    world.now = at(119);
    assert_eq!(described(&mut world)["StateValue"], "ALARM");
    world.now = at(120);
    assert_eq!(described(&mut world)["StateValue"], "OK");
}

#[test]
fn an_alarm_that_is_put_again_keeps_its_state() {
    let mut world = world();
    call(&mut world, "PutMetricAlarm", alarm(json!({ "TreatMissingData": "breaching" }))).unwrap();
    world.now = at(60);
    assert_eq!(described(&mut world)["StateValue"], "ALARM");
    world.now = at(90);
    call(&mut world, "PutMetricAlarm", alarm(json!({ "Threshold": 5.0 }))).unwrap();
    let updated = described(&mut world);
    assert_eq!((&updated["StateValue"], &updated["Threshold"]), (&json!("ALARM"), &json!(5.0)));
}

#[test]
fn alarms_that_cloudwatch_refuses_are_refused() {
    let cases = [
        (json!({ "Period": 45 }), "ValidationError", "Period must be 10, 20, 30 or a multiple of 60"),
        (
            json!({ "Period": 3540, "EvaluationPeriods": 25, "DatapointsToAlarm": 1 }),
            "ValidationError",
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        ),
        (
            json!({ "DatapointsToAlarm": 4 }),
            "ValidationError",
            "DatapointsToAlarm must be greater than 0 and less than or equal to EvaluationPeriods.",
        ),
        (
            json!({ "Metrics": [{ "Id": "e1", "Expression": "m1 / m2" }] }),
            "InvalidParameterValue",
            "The embedded cloud does not know metric math yet: name a single metric, without an expression.",
        ),
        (json!({ "AlarmActions": ["topic"] }), "ValidationError", "Invalid arn syntax: topic"),
    ];
    let mut world = world();
    for (change, code, text) in cases {
        let refused = call(&mut world, "PutMetricAlarm", alarm(change.clone())).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.message.as_str()), (code, text), "{change}");
    }
    let unknown = call(&mut world, "PutMetricAlarm", alarm(json!({ "Colour": "red" }))).unwrap_err();
    assert!(unknown.message.contains("unknown field `Colour`"), "{}", unknown.message);
}

#[test]
fn a_year_without_data_is_lived_through_at_once() {
    let mut world = world();
    for number in 0..200 {
        let name = format!("errors{number}");
        call(&mut world, "PutMetricAlarm", alarm(json!({ "AlarmName": name, "TreatMissingData": "missing" }))).unwrap();
    }
    datum(&mut world, 3.0);
    datum(&mut world, 3.0);
    world.now += SignedDuration::from_hours(365 * 24);
    let answer = call(&mut world, "DescribeAlarms", json!({ "AlarmNamePrefix": "errors199" })).unwrap();
    let alarm = &answer["MetricAlarms"][0];
    assert_eq!(alarm["StateValue"], "INSUFFICIENT_DATA");
    // Raised as soon as the lone breach is old enough; unknown when it is no longer looked at.
    assert_eq!(alarm["StateTransitionedTimestamp"], json!(at(360).as_second() as f64));
    assert_eq!(alarm["StateReason"], "Insufficient Data: 3 datapoints were unknown.");
}

#[test]
fn metrics_whose_names_run_into_each_other_are_kept_apart() {
    let mut world = world();
    let put = |world: &mut World, namespace: &str, name: &str, dimensions: Value, value: f64| {
        let datum = json!({ "MetricName": name, "Dimensions": dimensions, "Value": value });
        call(world, "PutMetricData", json!({ "Namespace": namespace, "MetricData": [datum] })).unwrap();
    };
    let dimension = |name: &str, value: &str| json!([{ "Name": name, "Value": value }]);
    put(&mut world, "a", "b c", json!([]), 1.0);
    put(&mut world, "a b", "c", json!([]), 2.0);
    put(&mut world, "a", "b", dimension("c", "d=e"), 4.0);
    put(&mut world, "a", "b", dimension("c=d", "e"), 8.0);
    let mut sum = |namespace: &str, name: &str, dimensions: Value| {
        let input = json!({
            "Namespace": namespace, "MetricName": name, "Dimensions": dimensions, "Period": 60,
            "StartTime": at(0).as_second(), "EndTime": at(60).as_second(), "Statistics": ["Sum"],
        });
        call(&mut world, "GetMetricStatistics", input).unwrap()["Datapoints"][0]["Sum"].clone()
    };
    assert_eq!(sum("a", "b c", json!([])), 1.0);
    assert_eq!(sum("a b", "c", json!([])), 2.0);
    assert_eq!(sum("a", "b", dimension("c", "d=e")), 4.0);
    assert_eq!(sum("a", "b", dimension("c=d", "e")), 8.0);
    assert_eq!(sum("a", "b", json!([])), Value::Null);
}

#[test]
fn datapoints_older_than_fifteen_days_are_forgotten() {
    let mut world = world();
    datum(&mut world, 1.0);
    world.now += SignedDuration::from_hours(16 * 24);
    datum(&mut world, 2.0);
    let input = json!({
        "Namespace": "Agents", "MetricName": "Errors", "Dimensions": [{ "Name": "Agent", "Value": "a" }],
        "StartTime": at(0).as_second(), "EndTime": world.now.as_second() + 60, "Period": 86400, "Statistics": ["Sum"],
    });
    let answer = call(&mut world, "GetMetricStatistics", input).unwrap();
    assert_eq!(answer["Datapoints"].as_array().unwrap().len(), 1);
    assert_eq!(answer["Datapoints"][0]["Sum"], 2.0);
}
