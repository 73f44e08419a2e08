//! Who may do what. An explicit deny wins, and what nothing allows is denied.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::document::{Document, Effect, Kind, Match, Statement, parse};
use super::{Role, managed};
use crate::wildcard;
use crate::world::World;

/// Whether ECS tasks may run with this role: it is there, and its trust policy lets ecs-tasks.amazonaws.com take it on.
///
/// # Errors
/// The reason that ECS gives in `stoppedReason` and in service events.
pub(crate) fn role_for_tasks(world: &World, role_arn: &str) -> Result<(), String> {
    let refused = || {
        format!(
            "ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that the \
             role being passed has the proper trust relationship and permissions and that your IAM user has \
             permissions to pass this role."
        )
    };
    let role = by_arn(world, role_arn).ok_or_else(refused)?;
    let document = parse(&role.trust, Kind::Trust).map_err(|_| refused())?;
    let source = format!("arn:aws:ecs:{}:{}:task", world.region, world.account);
    let context = BTreeMap::from([
        ("aws:sourceaccount", world.account.as_str()),
        ("aws:sourcearn", source.as_str()),
        ("aws:requestedregion", world.region.as_str()),
    ]);
    let takes_on = |statement: &Statement| {
        statement.principal.as_ref().is_some_and(|principal| names_service(principal, "ecs-tasks.amazonaws.com"))
    };
    let decision = decide(&document, "sts:AssumeRole", None, &context, takes_on);
    if decision == Decision::Allowed { Ok(()) } else { Err(refused()) }
}

/// Whether the role's policies, inline and managed, bounded by its permissions boundary, allow an action on a resource.
pub(crate) fn allows(world: &World, role_arn: &str, action: &str, resource: &str) -> bool {
    let Some(role) = by_arn(world, role_arn) else { return false };
    let context = BTreeMap::from([
        ("aws:principalaccount", world.account.as_str()),
        ("aws:principalarn", role.arn.as_str()),
        ("aws:requestedregion", world.region.as_str()),
        ("aws:resourceaccount", world.account.as_str()),
        ("aws:securetransport", "true"),
    ]);
    let attached = role.attached.iter().filter_map(|arn| managed::document(&world.iam, arn));
    let decision = combine(role.inline.values().map(String::as_str).chain(attached), action, resource, &context);
    let within_boundary = || match &role.boundary {
        None => true,
        Some(arn) => combine(managed::document(&world.iam, arn), action, resource, &context) == Decision::Allowed,
    };
    decision == Decision::Allowed && within_boundary()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Decision {
    Allowed,
    DeniedExplicitly,
    /// Nothing allows it.
    Denied,
}

fn by_arn<'a>(world: &'a World, arn: &str) -> Option<&'a Role> {
    let name = arn.rsplit('/').next()?;
    world.iam.roles.get(name).filter(|role| role.arn == arn)
}

fn combine<'a>(
    documents: impl IntoIterator<Item = &'a str>,
    action: &str,
    resource: &str,
    context: &BTreeMap<&str, &str>,
) -> Decision {
    let mut combined = Decision::Denied;
    for text in documents {
        // Documents were read once before they were kept.
        let Ok(document) = parse(text, Kind::Identity) else { continue };
        match decide(&document, action, Some(resource), context, |_| true) {
            Decision::DeniedExplicitly => return Decision::DeniedExplicitly,
            Decision::Allowed => combined = Decision::Allowed,
            Decision::Denied => {}
        }
    }
    combined
}

fn decide(
    document: &Document,
    action: &str,
    resource: Option<&str>,
    context: &BTreeMap<&str, &str>,
    applies: impl Fn(&Statement) -> bool,
) -> Decision {
    let mut decision = Decision::Denied;
    for statement in document.statements.iter().filter(|statement| applies(statement)) {
        let action_matches = is_matched(&statement.actions, |pattern| {
            wildcard::matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
        });
        let resource_matches = match (&statement.resources, resource) {
            (Some(resources), Some(resource)) => {
                is_matched(resources, |pattern| wildcard::matches(&with_variables(pattern, context), resource))
            }
            _ => true,
        };
        if !action_matches || !resource_matches || !condition_holds(&statement.condition, statement.effect, context) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return Decision::DeniedExplicitly,
            Effect::Allow => decision = Decision::Allowed,
        }
    }
    decision
}

fn is_matched(patterns: &Match, matches: impl Fn(&str) -> bool) -> bool {
    match patterns {
        Match::Any(patterns) => patterns.iter().any(|pattern| matches(pattern)),
        Match::None(patterns) => !patterns.iter().any(|pattern| matches(pattern)),
    }
}

/// Policy variables such as `${aws:PrincipalAccount}`; one without a value stays as it is and matches nothing.
fn with_variables(pattern: &str, context: &BTreeMap<&str, &str>) -> String {
    let mut text = pattern.to_owned();
    for (key, value) in context {
        let lower = text.to_ascii_lowercase();
        let variable = format!("${{{key}}}");
        if let Some(at) = lower.find(&variable) {
            text.replace_range(at..at + variable.len(), value);
        }
    }
    text
}

fn names_service(principal: &Value, service: &str) -> bool {
    match &principal["Service"] {
        Value::String(one) => one == service,
        Value::Array(many) => many.iter().any(|one| one == service),
        _ => false,
    }
}

/// All operators of a condition must hold. One that is not known holds in a Deny and not in an Allow: the cautious
/// side both times.
fn condition_holds(condition: &Map<String, Value>, effect: Effect, context: &BTreeMap<&str, &str>) -> bool {
    condition.iter().all(|(operator, keys)| {
        let Some(keys) = keys.as_object() else { return false };
        keys.iter().all(|(key, values)| {
            let values = texts(values);
            let actual = context.get(key.to_ascii_lowercase().as_str()).copied();
            holds(operator, actual, &values).unwrap_or(effect == Effect::Deny)
        })
    })
}

/// Whether one operator holds; `None` for an operator that is not known.
fn holds(operator: &str, actual: Option<&str>, values: &[String]) -> Option<bool> {
    if operator == "Null" {
        let wants_absent = values.iter().any(|value| value == "true");
        return Some(actual.is_none() == wants_absent);
    }
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let (positive, negated) = match operator {
        "StringNotEquals" => ("StringEquals", true),
        "StringNotEqualsIgnoreCase" => ("StringEqualsIgnoreCase", true),
        "StringNotLike" => ("StringLike", true),
        "ArnNotEquals" => ("ArnEquals", true),
        "ArnNotLike" => ("ArnLike", true),
        positive => (positive, false),
    };
    let compare: fn(&str, &str) -> bool = match positive {
        "StringEquals" => |value, actual| value == actual,
        "StringEqualsIgnoreCase" => |value, actual| value.eq_ignore_ascii_case(actual),
        "Bool" => |value, actual| value.eq_ignore_ascii_case(actual),
        // ArnEquals and ArnLike behave identically (IAM user guide, condition operators).
        "StringLike" => wildcard::matches,
        "ArnEquals" | "ArnLike" => arn_matches,
        _ => return None,
    };
    Some(match actual {
        Some(actual) => values.iter().any(|value| compare(value, actual)) != negated,
        None => if_exists || negated,
    })
}

/// The six parts of an ARN are compared one by one: a star does not reach over a colon into the next part.
fn arn_matches(pattern: &str, arn: &str) -> bool {
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == parts.len() && patterns.iter().zip(parts).all(|(pattern, part)| wildcard::matches(pattern, part))
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

/// The id and the name of a role that is there.
pub(crate) fn assumable(world: &World, role_arn: &str) -> Option<(String, String)> {
    by_arn(world, role_arn).map(|role| (role.id.clone(), role.name.clone()))
}
