//! What the load balancer sends to an agent.

use super::container::is_url_path;
use super::{At, allowed, distinct};
use crate::spec::model::{Fleet, Traffic, TrafficAuth};
use crate::spec::problem::{Findings, ProblemKind};
use crate::spec::written::agent as written;
use crate::spec::written::rollout::Strategy;

/// Elastic Load Balancing's quota of condition values per rule.
const MAX_CONDITION_VALUES: usize = 5;

/// `None` where something is missing; `Some(None)` where there is no traffic.
#[allow(clippy::option_option)]
pub(crate) fn traffic(
    written: Option<&written::Traffic>,
    fleet: Option<&Fleet>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<Option<Traffic>> {
    let Some(written) = written else { return Some(None) };
    let paths = written.paths.clone().unwrap_or_default();
    if written.host.is_none() && paths.is_empty() && !at.is_broken() {
        findings.push(
            at.range(),
            ProblemKind::SaysNothing { field: at.field(), expected: "`host`, `paths` or both in it" },
        );
    }
    if let Some(host) = &written.host {
        let place = at.key("host");
        if !is_host(host) {
            findings.push(place.range(), ProblemKind::Host { field: place.field() });
        } else if let Some(fleet) = fleet {
            allowed(host, "hosts", &fleet.allow.hosts, &place, findings);
        }
    }
    let paths_at = at.key("paths");
    distinct(&paths, true, &paths_at, findings);
    for (path, place) in paths.iter().zip(paths_at.items()) {
        // `*` is the one character that a pattern has more than a path.
        if !is_url_path(&path.replace('*', "")) || path.len() > 128 {
            findings.push(place.range(), ProblemKind::UrlPath { field: place.field() });
        }
    }
    let most = MAX_CONDITION_VALUES - usize::from(written.host.is_some());
    if paths.len() > most {
        let kind =
            ProblemKind::OutOfRange { field: paths_at.field(), expected: format!("{most} paths at most"), hint: None };
        findings.push(paths_at.range(), kind);
    }
    let auth = match &written.auth {
        Some(written::TrafficAuth::Jwt { issuer, jwks }) => {
            let at = at.key("auth").key("jwt");
            for (url, place) in [(issuer.get(), at.key("issuer")), (jwks.get(), at.key("jwks"))] {
                if url.is_some_and(|url| !is_https(url)) {
                    findings.push(place.range(), ProblemKind::HttpsUrl { field: place.field() });
                }
            }
            Some(TrafficAuth::Jwt { issuer: issuer.get()?.clone(), jwks: jwks.get()?.clone() })
        }
        None => None,
    };
    Some(Some(Traffic { host: written.host.clone(), paths, auth }))
}

/// What traffic and strategies ask of each other and of the fleet.
pub(crate) fn with_strategy(spec: &written::AgentSpec, fleet: Option<&Fleet>, at: &At<'_>, findings: &mut Findings) {
    let strategy = spec.rollout.as_ref().and_then(|rollout| rollout.strategy.as_ref());
    let strategy_at = at.key("rollout").key("strategy");
    let is_rolling = matches!(strategy, None | Some(Strategy::Rolling {}));
    let mut needs = |at: &At<'_>, needs, hint| {
        findings.push(at.key_range(), ProblemKind::Needs { field: at.field(), needs, hint });
    };
    let balancer = fleet.map(|fleet| fleet.load_balancer.as_ref());
    if spec.traffic.is_some() && balancer == Some(None) {
        needs(&at.key("traffic"), "a load balancer", "add `loadBalancer` to the fleet");
    }
    if is_rolling {
        return;
    }
    match &spec.traffic {
        None => needs(
            &strategy_at,
            "`traffic`",
            "only traffic that a load balancer sends can be moved in steps; else use `rolling: {}`",
        ),
        Some(traffic) => {
            if balancer
                .flatten()
                .is_some_and(|balancer| balancer.test_listener.is_none() || balancer.infrastructure_role.is_none())
            {
                needs(
                    &strategy_at,
                    "`testListener` and `infrastructureRole`",
                    "add them to the fleet's `loadBalancer`",
                );
            }
            if traffic.auth.is_some() {
                needs(
                    &at.key("traffic").key("auth"),
                    "the strategy `rolling`",
                    "tokens are checked by the listener's rule, which other strategies move",
                );
            }
        }
    }
}

/// A DNS name, its first label perhaps a `*`.
pub(crate) fn is_host(text: &str) -> bool {
    let labels: Vec<&str> = text.strip_prefix("*.").unwrap_or(text).split('.').collect();
    text.len() <= 128
        && labels.len() >= 2
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

fn is_https(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| {
        is_host(rest.split('/').next().unwrap_or_default()) && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}
