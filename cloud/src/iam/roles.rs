//! Roles.

use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{Kind, parse};
use super::{
    Paging, Role, check_name, check_tags, constraint, limit_exceeded, managed, marker_page, no_such_entity, number,
    role, role_mut, url_encoded, validation,
};
use crate::service::{Outcome, ServiceError};
use crate::tags::{self, Tag};
use crate::world::World;

/// Roles an account may have, as it comes (IAM quotas).
const ROLES_PER_ACCOUNT: usize = 1000;
/// Characters of a trust policy, white space not counted (IAM quotas).
const TRUST_POLICY_SIZE: usize = 2048;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateInput {
    path: Option<String>,
    role_name: String,
    assume_role_policy_document: String,
    description: Option<String>,
    #[serde(default, deserialize_with = "number")]
    max_session_duration: Option<u32>,
    permissions_boundary: Option<String>,
    #[serde(default, deserialize_with = "super::list")]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &mut World, input: CreateInput) -> Outcome {
    let name = input.role_name;
    check_name(&name, "roleName", 64)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_path(&path)?;
    check_description(input.description.as_deref())?;
    let max_session_duration = checked_duration(input.max_session_duration)?;
    check_trust(&input.assume_role_policy_document)?;
    check_tags(&input.tags, &tags::Tags::new())?;
    if let Some(boundary) = &input.permissions_boundary {
        check_boundary(world, boundary)?;
    }
    // Role names are unique whatever their case.
    if world.iam.roles.keys().any(|other| other.eq_ignore_ascii_case(&name)) {
        return Err(
            ServiceError::new("EntityAlreadyExists", format!("Role with name {name} already exists.")).with_status(409)
        );
    }
    if world.iam.roles.len() >= ROLES_PER_ACCOUNT {
        return Err(limit_exceeded(format!("Cannot exceed quota for RolesPerAccount: {ROLES_PER_ACCOUNT}")));
    }
    let id: String = world.ids.hex32().to_ascii_uppercase().chars().take(17).collect();
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{name}", world.account),
        path,
        id: format!("AROA{id}"),
        created_at: world.now,
        trust: input.assume_role_policy_document,
        description: input.description,
        max_session_duration,
        boundary: input.permissions_boundary,
        tags: tags::from_list(input.tags),
        inline: Default::default(),
        attached: Vec::new(),
        name: name.clone(),
    };
    let answer = json!({ "Role": description(&role, true) });
    world.iam.roles.insert(name, role);
    Ok(answer)
}

fn check_path(path: &str) -> Result<(), ServiceError> {
    let valid = path.starts_with('/') && path.ends_with('/') && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if valid && path.len() <= 512 {
        return Ok(());
    }
    Err(validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
         characters and/or / characters."
            .to_owned(),
    ))
}

fn check_description(description: Option<&str>) -> Result<(), ServiceError> {
    match description {
        Some(text) if text.chars().count() > 1000 => {
            Err(constraint(text, "description", "Member must have length less than or equal to 1000"))
        }
        _ => Ok(()),
    }
}

fn checked_duration(seconds: Option<u32>) -> Result<u32, ServiceError> {
    let limit = |bound: &str, seconds: u32| {
        Err(constraint(&seconds.to_string(), "maxSessionDuration", &format!("Member must have value {bound}")))
    };
    match seconds.unwrap_or(3600) {
        seconds @ 0..3600 => limit("greater than or equal to 3600", seconds),
        seconds @ 3600..=43200 => Ok(seconds),
        seconds => limit("less than or equal to 43200", seconds),
    }
}

fn check_trust(document: &str) -> Result<(), ServiceError> {
    parse(document, Kind::Trust)?;
    let size = document.chars().filter(|letter| !letter.is_whitespace()).count();
    if size > TRUST_POLICY_SIZE {
        return Err(limit_exceeded(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_SIZE}")));
    }
    Ok(())
}

fn check_boundary(world: &World, arn: &str) -> Result<(), ServiceError> {
    match managed::document(&world.iam, arn) {
        Some(_) => Ok(()),
        None => Err(no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable."))),
    }
}

/// A role as Get- and CreateRole answer it; ListRoles leaves out tags and boundary.
fn description(role: &Role, whole: bool) -> Value {
    let mut value = json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created_at.to_string(),
        "AssumeRolePolicyDocument": url_encoded(&role.trust),
        "MaxSessionDuration": role.max_session_duration,
    });
    if let Some(description) = &role.description {
        value["Description"] = json!(description);
    }
    if whole {
        value["RoleLastUsed"] = json!({});
        if !role.tags.is_empty() {
            value["Tags"] = json!(tags::to_list(&role.tags));
        }
        if let Some(boundary) = &role.boundary {
            value["PermissionsBoundary"] =
                json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary });
        }
    }
    value
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NameInput {
    role_name: String,
}

pub(super) fn get(world: &mut World, input: NameInput) -> Outcome {
    Ok(json!({ "Role": description(role(world, &input.role_name)?, true) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateInput {
    role_name: String,
    description: Option<String>,
    #[serde(default, deserialize_with = "number")]
    max_session_duration: Option<u32>,
}

pub(super) fn update(world: &mut World, input: UpdateInput) -> Outcome {
    check_description(input.description.as_deref())?;
    let duration = input.max_session_duration.map(|seconds| checked_duration(Some(seconds))).transpose()?;
    let role = role_mut(world, &input.role_name)?;
    if input.description.is_some() {
        role.description = input.description;
    }
    if let Some(seconds) = duration {
        role.max_session_duration = seconds;
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateTrustInput {
    role_name: String,
    policy_document: String,
}

pub(super) fn update_trust(world: &mut World, input: UpdateTrustInput) -> Outcome {
    let role = role_mut(world, &input.role_name)?;
    check_trust(&input.policy_document)?;
    role.trust = input.policy_document;
    Ok(json!({}))
}

pub(super) fn delete(world: &mut World, input: NameInput) -> Outcome {
    let role = role(world, &input.role_name)?;
    let conflict = |text: &str| Err(ServiceError::new("DeleteConflict", text).with_status(409));
    if !role.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !role.inline.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    world.iam.roles.remove(&input.role_name);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListInput {
    path_prefix: Option<String>,
    marker: Option<String>,
    #[serde(default, deserialize_with = "number")]
    max_items: Option<usize>,
}

pub(super) fn list(world: &mut World, input: ListInput) -> Outcome {
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    let roles = world.iam.roles.values().filter(|role| role.path.starts_with(&prefix));
    let paging = Paging { marker: input.marker, max_items: input.max_items };
    marker_page("Roles", roles.map(|role| (role.name.clone(), description(role, false))), &paging)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TagInput {
    role_name: String,
    #[serde(deserialize_with = "super::list")]
    tags: Vec<Tag>,
}

pub(super) fn tag(world: &mut World, input: TagInput) -> Outcome {
    let role = role_mut(world, &input.role_name)?;
    check_tags(&input.tags, &role.tags)?;
    role.tags.extend(tags::from_list(input.tags));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UntagInput {
    role_name: String,
    #[serde(deserialize_with = "super::list")]
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, input: UntagInput) -> Outcome {
    let role = role_mut(world, &input.role_name)?;
    role.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RolePageInput {
    pub(super) role_name: String,
    pub(super) path_prefix: Option<String>,
    pub(super) marker: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(super) max_items: Option<usize>,
}

pub(super) fn list_tags(world: &mut World, input: RolePageInput) -> Outcome {
    let role = role(world, &input.role_name)?;
    let paging = Paging { marker: input.marker, max_items: input.max_items };
    marker_page("Tags", tags::to_list(&role.tags).into_iter().map(|tag| (tag.key.clone(), tag)), &paging)
}

/// There are no instance profiles here; tools ask for them before they delete a role.
pub(super) fn list_instance_profiles(world: &mut World, input: RolePageInput) -> Outcome {
    role(world, &input.role_name)?;
    let paging = Paging { marker: input.marker, max_items: input.max_items };
    marker_page("InstanceProfiles", Vec::<(String, Value)>::new(), &paging)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BoundaryInput {
    role_name: String,
    permissions_boundary: String,
}

pub(super) fn put_boundary(world: &mut World, input: BoundaryInput) -> Outcome {
    role(world, &input.role_name)?;
    check_boundary(world, &input.permissions_boundary)?;
    role_mut(world, &input.role_name)?.boundary = Some(input.permissions_boundary);
    Ok(json!({}))
}

pub(super) fn delete_boundary(world: &mut World, input: NameInput) -> Outcome {
    let role = role_mut(world, &input.role_name)?;
    if role.boundary.take().is_none() {
        return Err(no_such_entity(format!("Role {} has no permissions boundary.", input.role_name)));
    }
    Ok(json!({}))
}
