//! Identity and Access Management: roles, their policies, and a small evaluator.

mod document;
mod evaluate;
mod managed;
mod policies;
mod roles;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::paging::page;
use crate::service::{Outcome, ServiceError, input_or};
use crate::tags::{Tag, Tags};
use crate::world::World;

pub(crate) use evaluate::{allows, assumable, role_for_tasks};
pub(crate) use managed::preload_policy;

/// Identity and Access Management: roles, their policies, and a small evaluator.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Iam {
    #[serde(default)]
    roles: BTreeMap<String, Role>,
    /// Customer-managed policies: documents by ARN.
    #[serde(default)]
    policies: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Role {
    path: String,
    name: String,
    id: String,
    arn: String,
    created_at: Timestamp,
    trust: String,
    description: Option<String>,
    max_session_duration: u32,
    boundary: Option<String>,
    #[serde(default)]
    tags: Tags,
    /// Policy documents by policy name.
    #[serde(default)]
    inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    #[serde(default)]
    attached: Vec<String>,
}

/// Answers one call.
pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    match operation {
        "CreateRole" => roles::create(world, read(input)?),
        "GetRole" => roles::get(world, read(input)?),
        "UpdateRole" => roles::update(world, read(input)?),
        "UpdateAssumeRolePolicy" => roles::update_trust(world, read(input)?),
        "DeleteRole" => roles::delete(world, read(input)?),
        "ListRoles" => roles::list(world, read(input)?),
        "TagRole" => roles::tag(world, read(input)?),
        "UntagRole" => roles::untag(world, read(input)?),
        "ListRoleTags" => roles::list_tags(world, read(input)?),
        "PutRolePermissionsBoundary" => roles::put_boundary(world, read(input)?),
        "DeleteRolePermissionsBoundary" => roles::delete_boundary(world, read(input)?),
        "PutRolePolicy" => policies::put(world, read(input)?),
        "GetRolePolicy" => policies::get(world, read(input)?),
        "DeleteRolePolicy" => policies::delete(world, read(input)?),
        "ListRolePolicies" => policies::list(world, read(input)?),
        "AttachRolePolicy" => policies::attach(world, read(input)?),
        "DetachRolePolicy" => policies::detach(world, read(input)?),
        "ListAttachedRolePolicies" => policies::list_attached(world, read(input)?),
        "ListInstanceProfilesForRole" => roles::list_instance_profiles(world, read(input)?),
        _ => Err(ServiceError::unknown_operation("iam", operation)),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    input_or(value, "ValidationError")
}

fn validation(text: String) -> ServiceError {
    ServiceError::new("ValidationError", text)
}

fn constraint(value: &str, member: &str, constraint: &str) -> ServiceError {
    validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

fn no_such_entity(text: String) -> ServiceError {
    ServiceError::new("NoSuchEntity", text).with_status(404)
}

fn limit_exceeded(text: String) -> ServiceError {
    ServiceError::new("LimitExceeded", text).with_status(409)
}

fn role<'a>(world: &'a World, name: &str) -> Result<&'a Role, ServiceError> {
    check_name(name, "roleName", 64)?;
    world.iam.roles.get(name).ok_or_else(|| no_such_role(name))
}

fn role_mut<'a>(world: &'a mut World, name: &str) -> Result<&'a mut Role, ServiceError> {
    check_name(name, "roleName", 64)?;
    world.iam.roles.get_mut(name).ok_or_else(|| no_such_role(name))
}

fn no_such_role(name: &str) -> ServiceError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

/// Letters, digits and `+=,.@_-`, 1 to `longest`.
fn check_name(name: &str, member: &str, longest: usize) -> Result<(), ServiceError> {
    if name.len() > longest {
        return Err(constraint(name, member, &format!("Member must have length less than or equal to {longest}")));
    }
    if name.is_empty() {
        return Err(constraint(name, member, "Member must have length greater than or equal to 1"));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte)) {
        return Err(validation(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )));
    }
    Ok(())
}

/// At most 50 tags, keys of 1 to 128 characters, values of at most 256.
fn check_tags(tags: &[Tag], existing: &Tags) -> Result<(), ServiceError> {
    match crate::tags::problem(tags, existing) {
        None => Ok(()),
        Some(crate::tags::Problem::TooMany) => {
            Err(limit_exceeded("Cannot exceed quota for TagsPerRole: 50".to_owned()))
        }
        Some(crate::tags::Problem::Twice(_)) => Err(ServiceError::new(
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        )),
        Some(problem) => Err(ServiceError::new("InvalidInput", problem.text())),
    }
}

/// Marker paging, as all IAM lists have it: `member` holds the page.
fn marker_page<T: Serialize>(member: &str, items: impl IntoIterator<Item = (String, T)>, paging: &Paging) -> Outcome {
    let limit = paging.max_items.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(constraint(&limit.to_string(), "maxItems", "Member must have value between 1 and 1000"));
    }
    let page = page(items, limit, paging.marker.as_deref())
        .map_err(|_| validation(format!("Invalid Marker: {}", paging.marker.as_deref().unwrap_or_default())))?;
    let mut answer = Map::new();
    answer.insert(member.to_owned(), json!(page.items));
    answer.insert("IsTruncated".to_owned(), json!(page.next.is_some()));
    if let Some(next) = page.next {
        answer.insert("Marker".to_owned(), json!(next));
    }
    Ok(Value::Object(answer))
}

#[derive(Debug, Default)]
struct Paging {
    marker: Option<String>,
    max_items: Option<usize>,
}

/// A number that the query protocol writes as text.
fn number<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: std::str::FromStr + Deserialize<'de>,
    T::Err: std::fmt::Display,
{
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
        Some(other) => other.to_string().parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// A list; the query protocol writes an empty one as an empty text.
fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        other => serde_json::from_value(other).map_err(serde::de::Error::custom),
    }
}

/// Percent-encoded as RFC 3986 says: how IAM writes policy documents in its answers.
fn url_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
