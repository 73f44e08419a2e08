//! A role's policies: written into it, and attached to it.

use serde::Deserialize;
use serde_json::json;

use super::document::{Kind, parse};
use super::roles::RolePageInput;
use super::{Paging, check_name, limit_exceeded, managed, marker_page, no_such_entity, role, role_mut, url_encoded};
use crate::service::Outcome;
use crate::world::World;

/// Characters of all inline policies of a role together, white space not counted (IAM quotas).
const INLINE_POLICIES_SIZE: usize = 10_240;
/// Managed policies a role may have, as it comes (IAM quotas).
const POLICIES_PER_ROLE: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutInput {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

pub(super) fn put(world: &mut World, input: PutInput) -> Outcome {
    check_name(&input.policy_name, "policyName", 128)?;
    let role = role_mut(world, &input.role_name)?;
    parse(&input.policy_document, Kind::Identity)?;
    let others = role.inline.iter().filter(|(name, _)| **name != input.policy_name).map(|(_, document)| document);
    let size: usize = others
        .chain([&input.policy_document])
        .map(|document| document.chars().filter(|letter| !letter.is_whitespace()).count())
        .sum();
    if size > INLINE_POLICIES_SIZE {
        return Err(limit_exceeded(format!(
            "Maximum policy size of {INLINE_POLICIES_SIZE} bytes exceeded for role {}",
            input.role_name
        )));
    }
    role.inline.insert(input.policy_name, input.policy_document);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NameInput {
    role_name: String,
    policy_name: String,
}

pub(super) fn get(world: &mut World, input: NameInput) -> Outcome {
    let role = role(world, &input.role_name)?;
    let document = role.inline.get(&input.policy_name).ok_or_else(|| no_such_policy(&input.policy_name))?;
    Ok(json!({
        "RoleName": input.role_name,
        "PolicyName": input.policy_name,
        "PolicyDocument": url_encoded(document),
    }))
}

pub(super) fn delete(world: &mut World, input: NameInput) -> Outcome {
    let role = role_mut(world, &input.role_name)?;
    role.inline.remove(&input.policy_name).ok_or_else(|| no_such_policy(&input.policy_name))?;
    Ok(json!({}))
}

fn no_such_policy(name: &str) -> crate::service::ServiceError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}

pub(super) fn list(world: &mut World, input: RolePageInput) -> Outcome {
    let role = role(world, &input.role_name)?;
    let paging = Paging { marker: input.marker, max_items: input.max_items };
    marker_page("PolicyNames", role.inline.keys().map(|name| (name.clone(), name)), &paging)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AttachInput {
    role_name: String,
    policy_arn: String,
}

/// Attaching twice is one attachment.
pub(super) fn attach(world: &mut World, input: AttachInput) -> Outcome {
    role(world, &input.role_name)?;
    managed::check_attachable(&world.iam, &input.policy_arn)?;
    let role = role_mut(world, &input.role_name)?;
    if role.attached.contains(&input.policy_arn) {
        return Ok(json!({}));
    }
    if role.attached.len() >= POLICIES_PER_ROLE {
        return Err(limit_exceeded(format!("Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}")));
    }
    role.attached.push(input.policy_arn);
    Ok(json!({}))
}

pub(super) fn detach(world: &mut World, input: AttachInput) -> Outcome {
    let role = role_mut(world, &input.role_name)?;
    match role.attached.iter().position(|arn| *arn == input.policy_arn) {
        Some(index) => {
            role.attached.remove(index);
            Ok(json!({}))
        }
        None => Err(no_such_entity(format!("Policy {} was not found.", input.policy_arn))),
    }
}

pub(super) fn list_attached(world: &mut World, input: RolePageInput) -> Outcome {
    let role = role(world, &input.role_name)?;
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    let attached = role.attached.iter().filter_map(|arn| {
        let (_, path) = arn.split_once(":policy")?;
        let name = path.rsplit('/').next()?;
        path.starts_with(&prefix).then(|| (arn.clone(), json!({ "PolicyName": name, "PolicyArn": arn })))
    });
    let mut attached: Vec<_> = attached.collect();
    attached.sort_by(|a, b| a.0.cmp(&b.0));
    let paging = Paging { marker: input.marker, max_items: input.max_items };
    marker_page("AttachedPolicies", attached, &paging)
}
