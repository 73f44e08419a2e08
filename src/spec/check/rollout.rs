//! How a new revision is brought in.

use super::arn::{self, Home};
use super::container::is_url_path;
use super::{At, distinct, in_range};
use crate::spec::model::{
    Expectation, Fleet, OnNoData, Promote, PromptCase, Prompts, Rollout, RolloutMetric, SmokeTest, Strategy,
};
use crate::spec::problem::{Findings, ProblemKind};
use crate::spec::units::{Percent, Span};
use crate::spec::written::rollout as written;
use crate::spec::{defaults, plain_secret};

/// ECS's longest bake time.
const DAY: Span = Span::minutes(24 * 60);

pub(crate) fn rollout(
    written: Option<&written::Rollout>,
    home: Home<'_>,
    fleet: Option<&Fleet>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<Rollout> {
    let default = written::Rollout::default();
    let written = written.unwrap_or(&default);
    let monitor = written.monitor.unwrap_or(defaults::MONITOR);
    in_range(monitor, Span::seconds(0)..=DAY, None, &at.key("monitor"), findings);
    let deadline = written.deadline.unwrap_or(defaults::DEADLINE);
    in_range(deadline, Span::minutes(1)..=DAY, None, &at.key("deadline"), findings);
    let hook_timeout = written.hook_timeout.unwrap_or(defaults::HOOK_TIMEOUT);
    in_range(hook_timeout, Span::minutes(1)..=DAY, None, &at.key("hookTimeout"), findings);
    let strategy = strategy(written.strategy.as_ref(), &at.key("strategy"), findings);
    let smoke_test = match &written.smoke_test {
        Some(test) => smoke_test(test, home, fleet, &at.key("smokeTest"), findings).map(Some),
        None => Some(None),
    };
    let prompts = match &written.prompts {
        Some(written) => prompts(written, &at.key("prompts"), findings).map(Some),
        None => Some(None),
    };
    let metrics = metrics(written.metrics.as_deref().unwrap_or_default(), &at.key("metrics"), findings);
    Some(Rollout {
        strategy: strategy?,
        smoke_test: smoke_test?,
        prompts: prompts?,
        metrics: metrics?,
        promote: written.promote.unwrap_or(Promote::Automatic),
        monitor,
        deadline,
        hook_timeout,
        on_no_data: written.on_no_data.unwrap_or(OnNoData::Pass),
    })
}

/// The limits are those of ECS's deployment configuration: bake times in whole minutes up to a day, a canary of 0.1% or
/// more, linear steps of 3% or more.
fn strategy(written: Option<&written::Strategy>, at: &At<'_>, findings: &mut Findings) -> Option<Strategy> {
    let mut bake = |bake: Option<&Span>, at: At<'_>| {
        let bake = *bake?;
        minutes(bake, Span::minutes(0)..=DAY, &at.key("bake"), findings);
        Some(bake)
    };
    Some(match written {
        None | Some(written::Strategy::Rolling {}) => Strategy::Rolling {},
        Some(written::Strategy::Canary { percent, bake: time }) => {
            let at = at.key("canary");
            let bake = bake(time.get(), at.clone());
            let percent = *percent.get()?;
            if percent == Percent::whole(0) || percent == Percent::whole(100) {
                let kind = ProblemKind::OutOfRange {
                    field: at.key("percent").field(),
                    expected: "more than 0% and less than 100%".to_owned(),
                    hint: None,
                };
                findings.push(at.key("percent").range(), kind);
            }
            Strategy::Canary { percent, bake: bake? }
        }
        Some(written::Strategy::Linear { step, bake: time }) => {
            let at = at.key("linear");
            let bake = bake(time.get(), at.clone());
            let step = *step.get()?;
            in_range(step, Percent::whole(3)..=Percent::whole(100), None, &at.key("step"), findings);
            Strategy::Linear { step, bake: bake? }
        }
        Some(written::Strategy::BlueGreen { bake: time }) => {
            Strategy::BlueGreen { bake: bake(time.get(), at.key("blueGreen"))? }
        }
    })
}

/// A time that AWS takes in whole minutes.
pub(crate) fn minutes(span: Span, range: std::ops::RangeInclusive<Span>, at: &At<'_>, findings: &mut Findings) {
    if range.contains(&span) && !span.as_secs().is_multiple_of(60) {
        let kind = ProblemKind::OutOfRange { field: at.field(), expected: "whole minutes".to_owned(), hint: None };
        findings.push(at.range(), kind);
    }
    in_range(span, range, None, at, findings);
}

fn smoke_test(
    written: &written::SmokeTest,
    home: Home<'_>,
    fleet: Option<&Fleet>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<SmokeTest> {
    request(written.path.get(), written.body.as_ref(), at, findings);
    let timeout = written.timeout.unwrap_or(defaults::SMOKE_TEST_TIMEOUT);
    in_range(timeout, Span::seconds(1)..=Span::minutes(10), None, &at.key("timeout"), findings);
    if let Some(auth) = &written.auth {
        let place = at.key("auth");
        arn::check_secret(auth, home, fleet, &place, place.field(), findings);
    }
    let default = written::Expectation { status: Some(defaults::SMOKE_TEST_STATUS.into()), ..Default::default() };
    let expect = expectation(written.expect.as_ref().unwrap_or(&default), &at.key("expect"), findings);
    Some(SmokeTest {
        path: written.path.get()?.clone(),
        body: written.body.clone(),
        expect,
        timeout,
        auth: written.auth.clone(),
    })
}

fn request(path: Option<&String>, body: Option<&serde_json::Value>, at: &At<'_>, findings: &mut Findings) {
    if path.is_some_and(|path| !is_url_path(path)) {
        findings.push(at.key("path").range(), ProblemKind::UrlPath { field: at.key("path").field() });
    }
    if let Some(looks_like) = body.and_then(secret_in) {
        findings
            .push(at.key("body").key_range(), ProblemKind::SecretInPlain { field: at.key("body").field(), looks_like });
    }
}

fn secret_in(body: &serde_json::Value) -> Option<&'static str> {
    match body {
        serde_json::Value::String(text) => plain_secret::by_pattern(text),
        serde_json::Value::Array(items) => items.iter().find_map(secret_in),
        serde_json::Value::Object(fields) => {
            fields.iter().find_map(|(key, value)| plain_secret::by_pattern(key).or_else(|| secret_in(value)))
        }
        _ => None,
    }
}

fn expectation(written: &written::Expectation, at: &At<'_>, findings: &mut Findings) -> Expectation {
    if written == &written::Expectation::default() && !at.is_broken() {
        let expected = "`status`, `contains` or `maxLatency` in it";
        findings.push(at.range(), ProblemKind::SaysNothing { field: at.field(), expected });
    }
    if let Some(status) = written.status {
        in_range(status, 100..=599, None, &at.key("status"), findings);
    }
    if let Some(latency) = written.max_latency {
        in_range(latency, Span::seconds(1)..=Span::minutes(10), None, &at.key("maxLatency"), findings);
    }
    let contains = written.contains.clone().unwrap_or_default();
    distinct(&contains, written.contains.is_none(), &at.key("contains"), findings);
    Expectation {
        status: written.status.and_then(|status| u16::try_from(status).ok()),
        contains,
        max_latency: written.max_latency,
    }
}

fn prompts(written: &written::Prompts, at: &At<'_>, findings: &mut Findings) -> Option<Prompts> {
    let pass_ratio = written.pass_ratio.unwrap_or(defaults::PASS_RATIO);
    if pass_ratio == Percent::whole(0) {
        let kind = ProblemKind::OutOfRange {
            field: at.key("passRatio").field(),
            expected: "more than 0%".to_owned(),
            hint: Some("leave `prompts` out if their answers do not matter"),
        };
        findings.push(at.key("passRatio").range(), kind);
    }
    let cases_at = at.key("cases");
    let cases = written.cases.get()?;
    if cases.is_empty() && !cases_at.is_broken() {
        findings.push(cases_at.range(), ProblemKind::EmptyList { field: cases_at.field() });
    }
    let mut names = Vec::new();
    let mut complete = Vec::new();
    for (case, at) in cases.iter().zip(cases_at.items()) {
        request(case.path.get(), case.body.as_ref(), &at, findings);
        unique_name(case.name.get(), &mut names, &at, findings);
        let default = written::Expectation { status: Some(defaults::SMOKE_TEST_STATUS.into()), ..Default::default() };
        let expect = expectation(case.expect.as_ref().unwrap_or(&default), &at.key("expect"), findings);
        complete.push(prompt_case(case, expect));
    }
    Some(Prompts { pass_ratio, cases: complete.into_iter().collect::<Option<_>>()? })
}

fn prompt_case(case: &written::PromptCase, expect: Expectation) -> Option<PromptCase> {
    Some(PromptCase { name: case.name.get()?.clone(), path: case.path.get()?.clone(), body: case.body.clone(), expect })
}

/// Names by which people know prompts and metrics: said once each, and not empty.
fn unique_name(name: Option<&String>, names: &mut Vec<String>, at: &At<'_>, findings: &mut Findings) {
    let Some(name) = name else { return };
    let place = at.key("name");
    if name.trim().is_empty() {
        findings.push(place.range(), ProblemKind::SaysNothing { field: place.field(), expected: "a name" });
    } else if names.contains(name) {
        findings.push(place.range(), ProblemKind::DuplicateItem { field: place.field() });
    }
    names.push(name.clone());
}

fn metrics(written: &[written::Metric], at: &At<'_>, findings: &mut Findings) -> Option<Vec<RolloutMetric>> {
    let mut names = Vec::new();
    let mut complete = Vec::new();
    for (metric, at) in written.iter().zip(at.items()) {
        unique_name(metric.name.get(), &mut names, &at, findings);
        if metric.expression.get().is_some_and(|expression| expression.trim().is_empty()) {
            let place = at.key("expression");
            let expected = "metric math such as 100 * m_errors / m_invocations";
            findings.push(place.range(), ProblemKind::SaysNothing { field: place.field(), expected });
        }
        complete.push(rollout_metric(metric));
    }
    complete.into_iter().collect()
}

fn rollout_metric(metric: &written::Metric) -> Option<RolloutMetric> {
    Some(RolloutMetric {
        name: metric.name.get()?.clone(),
        expression: metric.expression.get()?.clone(),
        above: *metric.above.get()?,
    })
}
