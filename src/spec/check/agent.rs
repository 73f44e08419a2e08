//! An agent: its image and all its sections.

use super::{At, allowed, arn, container, rollout, signals, traffic};
use crate::names::{AgentId, default_repository};
use crate::spec::defaults;
use crate::spec::model::{Agent, Deletion, Fleet, Image, ImageReference, Mode};
use crate::spec::problem::{Findings, ProblemKind};
use crate::spec::written::agent as written;

/// Without its fleet, an agent is checked as far as it can be, and is not given back.
pub(crate) fn agent(
    file: &written::AgentFile,
    fleet: Option<&Fleet>,
    root: &At<'_>,
    findings: &mut Findings,
) -> Option<Agent> {
    let name = file.metadata.get().and_then(|metadata| metadata.name.get());
    let spec = file.spec.get()?;
    let at = root.key("spec");
    let home = fleet.map_or(arn::Home { account: None, region: None }, arn::Home::from);
    let image = spec.image.get().and_then(|image| reference(image, &at.key("image"), findings));
    let port = container::port(spec.port, &at.key("port"), findings);
    let size = container::size(spec.size.as_ref(), &at.key("size"), findings);
    let capacity = container::capacity(spec, &at, findings);
    let variables = container::variables(spec, home, fleet, &at, findings);
    let models = container::models(spec, fleet, &at.key("models"), findings);
    let health = container::health(spec.health.as_ref(), &at.key("health"), findings);
    let logs = container::logs(spec.logs.as_ref(), &at.key("logs"), findings);
    let traffic = traffic::traffic(spec.traffic.as_ref(), fleet, &at.key("traffic"), findings);
    let rollout = rollout::rollout(spec.rollout.as_ref(), home, fleet, &at.key("rollout"), findings);
    traffic::with_strategy(spec, fleet, &at, findings);
    let rollback = signals::rollback(spec.rollback.as_ref(), &at.key("rollback"), findings);
    let alarms = signals::alarms(spec.alarms.as_ref(), &at.key("alarms"), findings);
    let schedule = signals::schedule(spec.schedule.as_ref(), &at.key("schedule"), findings);

    let (fleet, name) = (fleet?, name?);
    let id = AgentId::new(fleet.name.clone(), name.clone());
    let repository = spec.image.get()?.repository.clone().unwrap_or_else(|| default_repository(&fleet.project, name));
    allowed(
        repository.as_str(),
        "repositories",
        &fleet.allow.repositories,
        &at.key("image").key("repository"),
        findings,
    );
    Some(Agent {
        file: Default::default(),
        image: Image { repository, reference: image? },
        port: port?,
        size,
        capacity: capacity?,
        environment: variables.environment,
        secrets: variables.secrets,
        models,
        health,
        logs: crate::spec::model::Logs {
            group: logs.group.unwrap_or_else(|| id.log_group_name()),
            retention_days: logs.retention.unwrap_or_else(|| defaults::log_retention_days(fleet.environment)),
        },
        traffic: traffic?,
        rollout: rollout?,
        rollback,
        alarms,
        schedule: schedule?,
        deletion: spec.deletion.unwrap_or(Deletion::Retain),
        mode: stricter(fleet.mode, spec.mode.unwrap_or(Mode::Enforce)),
        id,
    })
}

/// Whoever wants no writes gets none.
fn stricter(one: Mode, other: Mode) -> Mode {
    match (one, other) {
        (Mode::Enforce, Mode::Enforce) => Mode::Enforce,
        _ => Mode::Observe,
    }
}

fn reference(image: &written::Image, at: &At<'_>, findings: &mut Findings) -> Option<ImageReference> {
    match (&image.tag, &image.digest) {
        (Some(tag), None) => {
            if tag.as_str() == "latest" {
                findings.push(at.key("tag").range(), ProblemKind::MutableTag {});
            }
            Some(ImageReference::Tag(tag.clone()))
        }
        (None, Some(digest)) => Some(ImageReference::Digest(digest.clone())),
        (Some(_), Some(_)) => {
            findings.push(at.key("digest").key_range(), ProblemKind::TagAndDigest { both: true });
            None
        }
        (None, None) => {
            // A tag that was wrong by itself is no missing tag.
            if !at.is_broken() {
                findings.push(at.range(), ProblemKind::TagAndDigest { both: false });
            }
            None
        }
    }
}
