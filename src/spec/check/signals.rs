//! What is watched, and when the agent rests.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::rollout::minutes;
use super::{At, in_range};
use crate::spec::defaults;
use crate::spec::model::{Alarms, ErrorRate, RollbackPolicy, Schedule, Throttles};
use crate::spec::problem::{Findings, ProblemKind};
use crate::spec::units::{Percent, Span, Usd};
use crate::spec::written::signals as written;

/// Windows of alarms: CloudWatch's period is in whole minutes, and an hour is long for a rollout.
const WINDOW: std::ops::RangeInclusive<Span> = Span::minutes(1)..=Span::minutes(60);

pub(crate) fn rollback(written: Option<&written::Rollback>, at: &At<'_>, findings: &mut Findings) -> RollbackPolicy {
    let default = defaults::rollback();
    let Some(written) = written else { return default };
    let rate = written.error_rate.as_ref();
    let error_rate = ErrorRate {
        above: rate.and_then(|rate| rate.above).unwrap_or(default.error_rate.above),
        window: rate.and_then(|rate| rate.window).unwrap_or(default.error_rate.window),
        min_invocations: rate.and_then(|rate| rate.min_invocations).unwrap_or(default.error_rate.min_invocations),
    };
    let unhealthy = written.unhealthy.as_ref().and_then(|unhealthy| unhealthy.window).unwrap_or(default.unhealthy);
    let rate_at = at.key("errorRate");
    below_all(error_rate.above, &rate_at.key("above"), findings);
    minutes(error_rate.window, WINDOW, &rate_at.key("for"), findings);
    in_range(error_rate.min_invocations, 1..=u32::MAX, None, &rate_at.key("minInvocations"), findings);
    minutes(unhealthy, WINDOW, &at.key("unhealthy").key("for"), findings);
    RollbackPolicy { error_rate, unhealthy }
}

/// Nothing is ever above 100%.
fn below_all(percent: Percent, at: &At<'_>, findings: &mut Findings) {
    if percent >= Percent::whole(100) {
        let kind = ProblemKind::OutOfRange {
            field: at.field(),
            expected: "less than 100%".to_owned(),
            hint: Some("nothing is ever above 100%"),
        };
        findings.push(at.range(), kind);
    }
}

pub(crate) fn alarms(written: Option<&written::Alarms>, at: &At<'_>, findings: &mut Findings) -> Alarms {
    let default = defaults::alarms();
    let Some(written) = written else { return default };
    let throttles = written.throttles.as_ref();
    let alarms = Alarms {
        error_rate: written.error_rate.as_ref().and_then(|rate| rate.above).unwrap_or(default.error_rate),
        duration_p95: written.duration_p95.as_ref().and_then(|p95| p95.above).unwrap_or(default.duration_p95),
        throttles: Throttles {
            above: throttles.and_then(|throttles| throttles.above).unwrap_or(default.throttles.above),
            per: throttles.and_then(|throttles| throttles.per).unwrap_or(default.throttles.per),
        },
        cost_per_day: written.cost_per_day.as_ref().and_then(|cost| cost.above).unwrap_or(default.cost_per_day),
    };
    below_all(alarms.error_rate, &at.key("errorRate").key("above"), findings);
    let duration = at.key("durationP95").key("above");
    in_range(alarms.duration_p95, Span::seconds(1)..=Span::minutes(60), None, &duration, findings);
    minutes(alarms.throttles.per, WINDOW, &at.key("throttles").key("per"), findings);
    let cost = at.key("costPerDay").key("above");
    if alarms.cost_per_day == Usd::dollars(0) {
        let kind = ProblemKind::OutOfRange { field: cost.field(), expected: "more than 0".to_owned(), hint: None };
        findings.push(cost.range(), kind);
    }
    alarms
}

/// `None` where something is missing; `Some(None)` where there is no schedule.
#[allow(clippy::option_option)]
pub(crate) fn schedule(
    written: Option<&written::Schedule>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<Option<Schedule>> {
    let Some(written) = written else { return Some(None) };
    let zones = TimeZoneDatabase::bundled();
    let zone = written.timezone.get().and_then(|name| match zones.get(name) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let place = at.key("timezone");
            findings.push(place.range(), ProblemKind::TimeZone { suggestion: similar_zone(&zones, name) });
            None
        }
    });
    for (pattern, key) in [(written.pause.get(), "pause"), (written.resume.get(), "resume")] {
        if let Some(pattern) = pattern
            && let Err(why) = cron(pattern, zone.clone().unwrap_or(TimeZone::UTC))
        {
            let place = at.key(key);
            findings.push(place.range(), ProblemKind::Cron { field: place.field(), why });
        }
    }
    let (pause, resume) = (written.pause.get()?.clone(), written.resume.get()?.clone());
    if pause.split_whitespace().eq(resume.split_whitespace()) {
        findings.push(at.key("resume").range(), ProblemKind::PauseIsResume {});
    }
    Some(Some(Schedule { timezone: written.timezone.get()?.clone(), pause, resume }))
}

fn similar_zone(zones: &TimeZoneDatabase, name: &str) -> Option<String> {
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase().replace(' ', "_");
    let wanted = city(name);
    let known: Vec<String> = zones.available().map(|zone| zone.as_str().to_owned()).collect();
    let same = known.iter().find(|zone| city(zone) == wanted && zone.contains('/'));
    same.or_else(|| known.iter().find(|zone| crate::spec::scalar::is_near(name, zone))).cloned()
}

/// Whether it is five fields, and ever comes true.
fn cron(pattern: &str, zone: TimeZone) -> Result<(), &'static str> {
    if pattern.split_whitespace().count() != 5 {
        return Err("it does not have five fields");
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(pattern).map_err(|_| "one of its fields cannot be read")?;
    // Any start will do, as patterns without a year repeat within the Gregorian calendar's leap years.
    let start = date(2024, 1, 1).at(0, 0, 0, 0).to_zoned(zone).map_err(|_| "the time zone has no such time")?;
    cron.find_next_occurrence(&start, true).map(|_| ()).map_err(|_| "it never comes true")
}
