//! Policy documents: read, and refused where IAM refuses them.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::service::ServiceError;

/// A policy document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    pub(super) actions: Match,
    /// `None` in a trust policy.
    pub(super) resources: Option<Match>,
    /// `None` in an identity policy.
    pub(super) principal: Option<Value>,
    /// Operator → key → values.
    pub(super) condition: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug)]
pub(super) enum Match {
    Any(Vec<String>),
    None(Vec<String>),
}

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// What a role may do.
    Identity,
    /// Who may take a role on.
    Trust,
}

/// Reads a policy document.
///
/// # Errors
/// `MalformedPolicyDocument`.
pub(super) fn parse(text: &str, kind: Kind) -> Result<Document, ServiceError> {
    let value: Value = serde_json::from_str(text).map_err(|_| malformed("Syntax errors in policy."))?;
    let Value::Object(mut document) = value else { return Err(malformed("Syntax errors in policy.")) };
    match document.remove("Version") {
        None => {}
        Some(Value::String(version)) if version == "2012-10-17" || version == "2008-10-17" => {}
        Some(_) => return Err(malformed("Policy document must be version 2012-10-17 or greater.")),
    }
    document.remove("Id");
    let statements = match document.remove("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements,
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    if !document.is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    let statements: Result<_, _> = statements.into_iter().map(|statement| parse_statement(statement, kind)).collect();
    Ok(Document { statements: statements? })
}

fn malformed(text: &str) -> ServiceError {
    ServiceError::new("MalformedPolicyDocument", text)
}

fn parse_statement(statement: Value, kind: Kind) -> Result<Statement, ServiceError> {
    let Value::Object(mut statement) = statement else { return Err(malformed("Syntax errors in policy.")) };
    statement.remove("Sid");
    let effect = statement.remove("Effect").ok_or_else(|| malformed("Missing required field Effect"))?;
    let effect = serde_json::from_value(effect).map_err(|_| malformed("Invalid effect."))?;
    let actions = either(&mut statement, "Action", "NotAction")?
        .ok_or_else(|| malformed("Policy statement must contain actions."))?;
    check_actions(&actions, kind)?;
    let resources = either(&mut statement, "Resource", "NotResource")?;
    let principal = statement.remove("Principal");
    match kind {
        Kind::Identity => {
            if principal.is_some() || statement.contains_key("NotPrincipal") {
                return Err(malformed("Policy document should not specify a principal."));
            }
            let resources = resources.as_ref().ok_or_else(|| malformed("Policy statement must contain resources."))?;
            check_resources(resources)?;
        }
        Kind::Trust => {
            if resources.is_some() {
                return Err(malformed("Has prohibited field Resource"));
            }
            let principal = principal.as_ref().ok_or_else(|| malformed("Missing required field Principal"))?;
            if !principal_is_valid(principal) {
                return Err(malformed("Invalid principal in policy"));
            }
        }
    }
    let condition = match statement.remove("Condition") {
        None => Map::new(),
        Some(Value::Object(condition)) if condition.values().all(Value::is_object) => condition,
        Some(_) => return Err(malformed("Syntax errors in policy.")),
    };
    if let Some(unknown) = statement.keys().next() {
        return Err(malformed(&format!("Syntax errors in policy: unknown field {unknown}")));
    }
    Ok(Statement { effect, actions, resources, principal, condition })
}

/// One of two opposite members, each a text or a list of texts.
fn either(statement: &mut Map<String, Value>, member: &str, opposite: &str) -> Result<Option<Match>, ServiceError> {
    match (statement.remove(member), statement.remove(opposite)) {
        (Some(_), Some(_)) => Err(malformed("Syntax errors in policy.")),
        (Some(value), None) => Ok(Some(Match::Any(texts(value)?))),
        (None, Some(value)) => Ok(Some(Match::None(texts(value)?))),
        (None, None) => Ok(None),
    }
}

fn texts(value: Value) -> Result<Vec<String>, ServiceError> {
    let texts = match value {
        Value::String(text) => vec![text],
        value => serde_json::from_value(value).map_err(|_| malformed("Syntax errors in policy."))?,
    };
    if texts.is_empty() { Err(malformed("Syntax errors in policy.")) } else { Ok(texts) }
}

fn check_actions(actions: &Match, kind: Kind) -> Result<(), ServiceError> {
    let (Match::Any(actions) | Match::None(actions)) = actions;
    for action in actions {
        let vendor_is_valid = action.split_once(':').is_some_and(|(vendor, name)| {
            !vendor.is_empty()
                && !name.is_empty()
                && vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        });
        if action != "*" && !vendor_is_valid {
            return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
        }
        if kind == Kind::Trust && !action.to_ascii_lowercase().starts_with("sts:") {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
    }
    Ok(())
}

fn check_resources(resources: &Match) -> Result<(), ServiceError> {
    let (Match::Any(resources) | Match::None(resources)) = resources;
    for resource in resources {
        let is_arn = resource.starts_with("arn:") && resource.split(':').count() >= 6;
        // A star may stand for the rest of an ARN, e.g. `arn:aws:s3*`.
        let is_open = resource.starts_with("arn:") && resource.contains('*');
        if resource != "*" && !is_arn && !is_open {
            return Err(malformed(&format!("Resource {resource} must be in ARN format or \"*\".")));
        }
    }
    Ok(())
}

/// `"*"`, or an object of AWS, Service, Federated or CanonicalUser to texts.
fn principal_is_valid(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text == "*",
        Value::Object(members) => {
            !members.is_empty()
                && members.iter().all(|(kind, value)| {
                    matches!(kind.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser")
                        && texts(value.clone()).is_ok()
                })
        }
        _ => false,
    }
}
