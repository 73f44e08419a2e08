//! The defaulted spec, written out: what a file means when nothing is left to defaults.

use serde::Serialize;

use super::model;
use super::written::agent::{self as written, AgentFile, AgentKind, AgentSpec};
use super::written::fleet::{self, FleetFile, FleetKind, FleetSpec};
use super::written::rollout::{self, Strategy};
use super::written::signals;
use super::written::{ApiVersion, Metadata};

/// An agent's file with every default filled in. It is read back as the same agent, in the same fleet.
pub fn explain(fleet: &model::Fleet, agent: &model::Agent) -> String {
    debug_assert_eq!(fleet.name, agent.id.fleet, "an agent is explained in its own fleet");
    yaml(&AgentFile {
        api_version: ApiVersion::V1.into(),
        kind: AgentKind::AgentDeployment.into(),
        metadata: Metadata { name: agent.id.agent.clone().into() }.into(),
        spec: spec(agent).into(),
    })
}

/// A fleet's file with every default filled in. It is read back as the same fleet.
pub fn explain_fleet(fleet: &model::Fleet) -> String {
    yaml(&FleetFile {
        api_version: ApiVersion::V1.into(),
        kind: FleetKind::Fleet.into(),
        metadata: Metadata { name: fleet.name.clone().into() }.into(),
        spec: fleet_spec(fleet).into(),
    })
}

fn yaml<T: Serialize>(file: &T) -> String {
    // It cannot fail: a String takes every write, and the written form has only texts as keys.
    serde_saphyr::to_string(file).unwrap_or_else(|error| format!("# {error}\n"))
}

fn unless_empty<T, C: FromIterator<T>>(items: impl IntoIterator<Item = T>) -> Option<C> {
    let mut items = items.into_iter().peekable();
    if items.peek().is_some() { Some(items.collect()) } else { None }
}

fn fleet_spec(fleet: &model::Fleet) -> FleetSpec {
    let allow = &fleet.allow;
    let list = |items: &[String]| unless_empty(items.iter().cloned());
    FleetSpec {
        project: fleet.project.clone().into(),
        environment: fleet.environment.into(),
        account: fleet.account.clone().into(),
        region: fleet.region.clone().into(),
        cluster: fleet.cluster.clone().into(),
        network: fleet::Network {
            vpc: fleet.network.vpc.clone().into(),
            subnets: fleet.network.subnets.iter().cloned().collect::<Vec<_>>().into(),
            security_groups: fleet.network.security_groups.iter().cloned().collect::<Vec<_>>().into(),
        }
        .into(),
        load_balancer: fleet.load_balancer.as_ref().map(|balancer| fleet::LoadBalancer {
            listener: balancer.listener.clone().into(),
            test_listener: balancer.test_listener.clone(),
            infrastructure_role: balancer.infrastructure_role.clone(),
        }),
        notify: fleet.notify.clone(),
        permissions_boundary: fleet.permissions_boundary.clone(),
        allow: (*allow != model::Allow::default()).then(|| fleet::Allow {
            secrets: list(&allow.secrets),
            repositories: list(&allow.repositories),
            hosts: list(&allow.hosts),
            models: list(&allow.models),
            subnets: list(&allow.subnets),
            security_groups: list(&allow.security_groups),
        }),
        mode: Some(fleet.mode),
        encryption_key: fleet.encryption_key.clone(),
    }
}

fn spec(agent: &model::Agent) -> AgentSpec {
    let (tag, digest) = match &agent.image.reference {
        model::ImageReference::Tag(tag) => (Some(tag.clone()), None),
        model::ImageReference::Digest(digest) => (None, Some(digest.clone())),
    };
    let (replicas, scaling) = match agent.capacity {
        model::Capacity::Replicas(replicas) => (Some(replicas), None),
        model::Capacity::Scaling { min, max, cpu } => {
            (None, Some(written::Scaling { min: min.into(), max: max.into(), cpu: cpu.into() }))
        }
    };
    AgentSpec {
        image: written::Image { repository: Some(agent.image.repository.clone()), tag, digest }.into(),
        port: Some(agent.port.into()),
        size: Some(written::Size {
            cpu: Some(agent.size.cpu),
            memory_mib: Some(agent.size.memory_mib),
            architecture: Some(agent.size.architecture),
        }),
        replicas,
        scaling,
        environment: unless_empty(agent.environment.clone()),
        secrets: unless_empty(agent.secrets.clone()),
        models: unless_empty(agent.models.clone()),
        health: Some(written::Health {
            path: Some(agent.health.path.clone()),
            interval: Some(agent.health.interval),
            timeout: Some(agent.health.timeout),
            retries: Some(agent.health.retries),
            start_period: Some(agent.health.start_period),
        }),
        logs: Some(written::Logs { group: Some(agent.logs.group.clone()), retention: Some(agent.logs.retention_days) }),
        traffic: agent.traffic.as_ref().map(traffic),
        rollout: Some(rollout(&agent.rollout)),
        rollback: Some(rollback(&agent.rollback)),
        alarms: Some(alarms(&agent.alarms)),
        schedule: agent.schedule.as_ref().map(|schedule| signals::Schedule {
            timezone: schedule.timezone.clone().into(),
            pause: schedule.pause.clone().into(),
            resume: schedule.resume.clone().into(),
        }),
        deletion: Some(agent.deletion),
        mode: Some(agent.mode),
    }
}

fn traffic(traffic: &model::Traffic) -> written::Traffic {
    written::Traffic {
        host: traffic.host.clone(),
        paths: unless_empty(traffic.paths.clone()),
        auth: traffic.auth.as_ref().map(|auth| match auth {
            model::TrafficAuth::Jwt { issuer, jwks } => {
                written::TrafficAuth::Jwt { issuer: issuer.clone().into(), jwks: jwks.clone().into() }
            }
        }),
    }
}

fn rollout(rollout: &model::Rollout) -> rollout::Rollout {
    rollout::Rollout {
        strategy: Some(match rollout.strategy {
            model::Strategy::Rolling {} => Strategy::Rolling {},
            model::Strategy::Canary { percent, bake } => {
                Strategy::Canary { percent: percent.into(), bake: bake.into() }
            }
            model::Strategy::Linear { step, bake } => Strategy::Linear { step: step.into(), bake: bake.into() },
            model::Strategy::BlueGreen { bake } => Strategy::BlueGreen { bake: bake.into() },
        }),
        smoke_test: rollout.smoke_test.as_ref().map(|test| rollout::SmokeTest {
            path: test.path.clone().into(),
            body: test.body.clone(),
            expect: Some(expectation(&test.expect)),
            timeout: Some(test.timeout),
            auth: test.auth.clone(),
        }),
        prompts: rollout.prompts.as_ref().map(|prompts| rollout::Prompts {
            pass_ratio: Some(prompts.pass_ratio),
            cases: prompts.cases.iter().map(prompt_case).collect::<Vec<_>>().into(),
        }),
        metrics: unless_empty(rollout.metrics.iter().map(|metric| rollout::Metric {
            name: metric.name.clone().into(),
            expression: metric.expression.clone().into(),
            above: metric.above.into(),
        })),
        promote: Some(rollout.promote),
        monitor: Some(rollout.monitor),
        deadline: Some(rollout.deadline),
        hook_timeout: Some(rollout.hook_timeout),
        on_no_data: Some(rollout.on_no_data),
    }
}

fn prompt_case(case: &model::PromptCase) -> rollout::PromptCase {
    rollout::PromptCase {
        name: case.name.clone().into(),
        path: case.path.clone().into(),
        body: case.body.clone(),
        expect: Some(expectation(&case.expect)),
    }
}

fn expectation(expectation: &model::Expectation) -> rollout::Expectation {
    rollout::Expectation {
        status: expectation.status.map(u32::from),
        contains: unless_empty(expectation.contains.clone()),
        max_latency: expectation.max_latency,
    }
}

fn rollback(rollback: &model::RollbackPolicy) -> signals::Rollback {
    signals::Rollback {
        error_rate: Some(signals::ErrorRate {
            above: Some(rollback.error_rate.above),
            window: Some(rollback.error_rate.window),
            min_invocations: Some(rollback.error_rate.min_invocations),
        }),
        unhealthy: Some(signals::Unhealthy { window: Some(rollback.unhealthy) }),
    }
}

fn alarms(alarms: &model::Alarms) -> signals::Alarms {
    signals::Alarms {
        error_rate: Some(signals::AbovePercent { above: Some(alarms.error_rate) }),
        duration_p95: Some(signals::AboveSpan { above: Some(alarms.duration_p95) }),
        throttles: Some(signals::Throttles { above: Some(alarms.throttles.above), per: Some(alarms.throttles.per) }),
        cost_per_day: Some(signals::AboveUsd { above: Some(alarms.cost_per_day) }),
    }
}
