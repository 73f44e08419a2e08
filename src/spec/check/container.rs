//! What the container gets: port, size, number, variables, models, health check, logs.

use std::collections::{BTreeMap, BTreeSet};

use super::arn::{self, Home};
use super::{At, allowed, distinct, in_range};
use crate::spec::model::{Capacity, Fleet, Health, Size};
use crate::spec::problem::{Findings, ProblemKind};
use crate::spec::units::{Percent, Span};
use crate::spec::written::agent as written;
use crate::spec::{defaults, fargate, plain_secret};

/// Set by Ropewalk in each task.
const RESERVED: &[&str] = &["AGENT_REVISION", "AGENT_NAME", "AGENT_FLEET", "AGENT_VERSION", "AGENT_IMAGE_DIGEST"];

/// ECS's default quota of tasks per service.
const MAX_TASKS: u32 = 5_000;

/// CloudWatch Logs' closed list, from PutRetentionPolicy.
const RETENTION_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(crate) fn port(written: Option<u32>, at: &At<'_>, findings: &mut Findings) -> Option<u16> {
    let port = written.unwrap_or(u32::from(defaults::PORT));
    in_range(port, 1..=65_535, None, at, findings);
    u16::try_from(port).ok()
}

pub(crate) fn size(written: Option<&written::Size>, at: &At<'_>, findings: &mut Findings) -> Size {
    let cpu = written.and_then(|size| size.cpu).unwrap_or(defaults::SIZE.cpu);
    let memory_mib = written.and_then(|size| size.memory_mib).unwrap_or(defaults::SIZE.memory_mib);
    let sizes = fargate::memory_sizes(cpu);
    if sizes.is_empty() {
        let kind = ProblemKind::CpuUnits { nearest: fargate::nearest_cpu(cpu) };
        findings.push(at.key("cpu").range(), kind);
    } else if !sizes.contains(&memory_mib) && !at.is_broken() {
        // Said where it was written: of the memory, unless only the CPU was.
        let memory = at.key("memoryMiB");
        let kind = ProblemKind::MemoryForCpu {
            cpu,
            memory_mib,
            allowed: fargate::allowed(cpu),
            hint: if memory.is_written() {
                fargate::mend(cpu, memory_mib)
            } else {
                format!("{memory_mib} MiB is the default: write `memoryMiB: {}`", sizes[0])
            },
        };
        let place = if memory.is_written() { memory } else { at.key("cpu") };
        findings.push(place.range(), kind);
    }
    let architecture = written.and_then(|size| size.architecture).unwrap_or(defaults::SIZE.architecture);
    Size { cpu, memory_mib, architecture }
}

pub(crate) fn capacity(spec: &written::AgentSpec, at: &At<'_>, findings: &mut Findings) -> Option<Capacity> {
    if spec.replicas.is_some() && spec.scaling.is_some() {
        findings.push(at.key("scaling").key_range(), ProblemKind::ReplicasAndScaling {});
    }
    if let Some(replicas) = spec.replicas {
        let hint = (replicas == 0).then_some("ask for at least 1; pausing an agent is not available yet");
        in_range(replicas, 1..=MAX_TASKS, hint, &at.key("replicas"), findings);
    }
    let Some(scaling) = &spec.scaling else {
        return Some(spec.replicas.map_or(defaults::CAPACITY, Capacity::Replicas));
    };
    let at = at.key("scaling");
    let (min, max, cpu) = (*scaling.min.get()?, *scaling.max.get()?, *scaling.cpu.get()?);
    in_range(min, 1..=MAX_TASKS, None, &at.key("min"), findings);
    in_range(max, 1..=MAX_TASKS, None, &at.key("max"), findings);
    in_range(cpu, Percent::whole(1)..=Percent::whole(100), None, &at.key("cpu"), findings);
    if min > max {
        findings.push(at.key("min").range(), ProblemKind::MinAboveMax { min, max });
    }
    Some(Capacity::Scaling { min, max, cpu })
}

pub(crate) struct Variables {
    pub environment: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
}

pub(crate) fn variables(
    spec: &written::AgentSpec,
    home: Home<'_>,
    fleet: Option<&Fleet>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Variables {
    let environment = spec.environment.clone().unwrap_or_default();
    let secrets = spec.secrets.clone().unwrap_or_default();
    let (plain_at, secret_at) = (at.key("environment"), at.key("secrets"));
    for (name, value) in &environment {
        let at = plain_at.key(name);
        variable_name(name, &at, findings);
        if let Some(looks_like) = plain_secret::in_variable(name, value) {
            findings.push(at.range(), ProblemKind::SecretInPlain { field: at.field(), looks_like });
        }
    }
    for (name, value) in &secrets {
        let at = secret_at.key(name);
        variable_name(name, &at, findings);
        if environment.contains_key(name) {
            findings.push(at.key_range(), ProblemKind::VariableTwice { name: shown(name) });
        }
        arn::check_secret(value, home, fleet, &at, at.field(), findings);
        // Both are ways in which the AWS SDKs and people name a Bedrock API key.
        if spec.models.is_some() && (name == "AWS_BEARER_TOKEN_BEDROCK" || name == "AWS_BEDROCK_API_KEY") {
            findings.push(at.key_range(), ProblemKind::ModelsUnbound { variable: name.clone() });
        }
    }
    Variables { environment, secrets }
}

fn shown(name: &str) -> String {
    if crate::spec::mask::is_variable_name(name) { name.to_owned() } else { crate::spec::mask::BULLETS.to_owned() }
}

fn variable_name(name: &str, at: &At<'_>, findings: &mut Findings) {
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        findings.push(at.key_range(), ProblemKind::VariableName { field: at.field() });
    } else if RESERVED.contains(&name) {
        findings.push(at.key_range(), ProblemKind::VariableReserved { name: name.to_owned() });
    }
}

pub(crate) fn models(
    spec: &written::AgentSpec,
    fleet: Option<&Fleet>,
    at: &At<'_>,
    findings: &mut Findings,
) -> BTreeSet<String> {
    let models = spec.models.clone().unwrap_or_default();
    distinct(&models, true, at, findings);
    for (model, place) in models.iter().zip(at.items()) {
        if !is_model(model) {
            findings.push(place.range(), ProblemKind::ModelId { field: place.field() });
        } else if let Some(fleet) = fleet {
            allowed(model, "models", &fleet.allow.models, &place, findings);
        }
    }
    models.into_iter().collect()
}

/// `provider.model`, perhaps with a region's prefix and a version, or an ARN of Bedrock's.
fn is_model(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("arn:") {
        let parts: Vec<&str> = rest.splitn(5, ':').collect();
        return parts.len() == 5 && parts[1] == "bedrock" && parts[4].contains('/') && !text.contains('*');
    }
    let Some((provider, model)) = text.split_once('.') else { return false };
    let word = |text: &str, more: &[u8]| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte))
    };
    text.len() <= 140 && word(provider, b"-") && word(model, b"-.:_") && !model.ends_with([':', '.', '-'])
}

pub(crate) fn health(written: Option<&written::Health>, at: &At<'_>, findings: &mut Findings) -> Health {
    let default = defaults::health();
    let health = match written {
        Some(written) => Health {
            path: written.path.clone().unwrap_or(default.path),
            interval: written.interval.unwrap_or(default.interval),
            timeout: written.timeout.unwrap_or(default.timeout),
            retries: written.retries.unwrap_or(default.retries),
            start_period: written.start_period.unwrap_or(default.start_period),
        },
        None => default,
    };
    if !is_url_path(&health.path) {
        findings.push(at.key("path").range(), ProblemKind::UrlPath { field: at.key("path").field() });
    }
    // The limits of `HealthCheck` in ECS's API reference.
    in_range(health.interval, Span::seconds(5)..=Span::seconds(300), None, &at.key("interval"), findings);
    in_range(health.timeout, Span::seconds(2)..=Span::seconds(60), None, &at.key("timeout"), findings);
    in_range(health.retries, 1..=10, None, &at.key("retries"), findings);
    in_range(health.start_period, Span::seconds(0)..=Span::seconds(300), None, &at.key("startPeriod"), findings);
    if health.timeout >= health.interval && !at.is_broken() {
        let timeout = at.key("timeout");
        let place = if timeout.is_written() { timeout } else { at.key("interval") };
        let (timeout, interval) = (health.timeout.to_string(), health.interval.to_string());
        findings.push(place.range(), ProblemKind::TimeoutNotShorter { timeout, interval });
    }
    health
}

/// A path that stays one word in a shell and one path in a URL.
pub(crate) fn is_url_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= 1_024
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~%:@!+,=?&".contains(&byte))
}

/// What of the logs was written; the rest depends on the fleet.
#[derive(Default)]
pub(crate) struct WrittenLogs {
    pub group: Option<String>,
    pub retention: Option<u32>,
}

pub(crate) fn logs(written: Option<&written::Logs>, at: &At<'_>, findings: &mut Findings) -> WrittenLogs {
    let Some(written) = written else { return WrittenLogs::default() };
    if let Some(group) = &written.group {
        let is_group = (1..=512).contains(&group.len())
            && !group.starts_with("aws/")
            && group.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte));
        if !is_group {
            findings.push(at.key("group").range(), ProblemKind::LogGroup {});
        }
    }
    if let Some(days) = written.retention.filter(|days| !RETENTION_DAYS.contains(days)) {
        let nearest = RETENTION_DAYS.iter().copied().find(|known| *known >= days).unwrap_or(3_653);
        findings.push(at.key("retention").range(), ProblemKind::LogRetention { nearest });
    }
    WrittenLogs { group: written.group.clone(), retention: written.retention }
}
