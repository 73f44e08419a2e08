//! Log groups and their settings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Class, Group, check_group_name, constraint, group, group_arn, group_mut, group_of_identifier, invalid,
    no_such_group,
};
use crate::paging::page;
use crate::service::{Outcome, ServiceError};
use crate::tags::Tags;
use crate::world::World;

/// The days that PutRetentionPolicy takes (Amazon CloudWatch Logs API reference).
const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateInput {
    log_group_name: String,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    log_group_class: Class,
    #[serde(default)]
    deletion_protection_enabled: bool,
}

pub(super) fn create(world: &mut World, input: CreateInput) -> Outcome {
    check_group_name(&input.log_group_name)?;
    check_tags(&input.tags, &Tags::new())?;
    if let Some(key) = &input.kms_key_id {
        check_key(key)?;
    }
    if world.logs.groups.contains_key(&input.log_group_name) {
        return Err(ServiceError::new("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    let group = Group {
        created_at_ms: world.now.as_millisecond(),
        class: input.log_group_class,
        // Groups for delivery keep two days, whatever is asked.
        retention_days: (input.log_group_class == Class::Delivery).then_some(2),
        kms_key: input.kms_key_id,
        deletion_protection: input.deletion_protection_enabled,
        tags: input.tags,
        streams: Default::default(),
    };
    world.logs.groups.insert(input.log_group_name, group);
    Ok(json!({}))
}

fn check_key(key: &str) -> Result<(), ServiceError> {
    if key.starts_with("arn:") && key.contains(":kms:") && key.len() <= 256 {
        return Ok(());
    }
    Err(invalid("The specified KMS key does not exist or is not allowed to be used with the log group."))
}

fn check_tags(tags: &Tags, existing: &Tags) -> Result<(), ServiceError> {
    match crate::tags::problem(&crate::tags::to_list(tags), existing) {
        None => Ok(()),
        Some(crate::tags::Problem::TooMany) => {
            Err(ServiceError::new("TooManyTagsException", "The resource can have no more than 50 tags."))
        }
        Some(problem) => Err(invalid(problem.text())),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeInput {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_identifiers: Option<Vec<String>>,
    log_group_class: Option<Class>,
    #[serde(default, rename = "includeLinkedAccounts")]
    _include_linked_accounts: bool,
    account_identifiers: Option<Vec<String>>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn describe(world: &mut World, input: DescribeInput) -> Outcome {
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    let limit = page_size(input.limit)?;
    let named: Option<Vec<String>> = input
        .log_group_identifiers
        .map(|list| list.into_iter().map(|one| group_of_identifier(world, None, Some(one))).collect())
        .transpose()?;
    let here = input.account_identifiers.is_none_or(|accounts| accounts.contains(&world.account));
    let wanted = |name: &str, group: &Group| {
        here && input.log_group_name_prefix.as_deref().is_none_or(|prefix| name.starts_with(prefix))
            && input
                .log_group_name_pattern
                .as_deref()
                .is_none_or(|part| name.to_lowercase().contains(&part.to_lowercase()))
            && input.log_group_class.is_none_or(|class| class == group.class)
            && named.as_ref().is_none_or(|names| names.iter().any(|other| other == name))
    };
    let groups = world
        .logs
        .groups
        .iter()
        .filter(|(name, group)| wanted(name, group))
        .map(|(name, group)| (name.clone(), description(world, name, group)));
    let page =
        page(groups, limit, input.next_token.as_deref()).map_err(|_| invalid("The specified nextToken is invalid."))?;
    let mut answer = json!({ "logGroups": page.items });
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

/// 1 to 50, 50 where nothing is said.
pub(super) fn page_size(limit: Option<usize>) -> Result<usize, ServiceError> {
    match limit {
        None => Ok(50),
        Some(limit @ 1..=50) => Ok(limit),
        Some(0) => Err(constraint("0", "limit", "Member must have value greater than or equal to 1")),
        Some(limit) => Err(constraint(&limit.to_string(), "limit", "Member must have value less than or equal to 50")),
    }
}

fn description(world: &World, name: &str, group: &Group) -> Value {
    let stored: usize = group.streams.values().flat_map(|stream| &stream.events).map(|event| event.message.len()).sum();
    let mut value = json!({
        "logGroupName": name,
        "creationTime": group.created_at_ms,
        "metricFilterCount": 0,
        "arn": format!("{}:*", group_arn(world, name)),
        "logGroupArn": group_arn(world, name),
        "storedBytes": stored,
        "logGroupClass": group.class,
        "deletionProtectionEnabled": group.deletion_protection,
    });
    if let Some(days) = group.retention_days {
        value["retentionInDays"] = json!(days);
    }
    if let Some(key) = &group.kms_key {
        value["kmsKeyId"] = json!(key);
    }
    value
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NameInput {
    log_group_name: String,
}

pub(super) fn delete(world: &mut World, input: NameInput) -> Outcome {
    if group(world, &input.log_group_name)?.deletion_protection {
        return Err(ServiceError::new(
            "OperationAbortedException",
            "The log group cannot be deleted because deletion protection is enabled.",
        ));
    }
    world.logs.groups.remove(&input.log_group_name);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RetentionInput {
    log_group_name: String,
    retention_in_days: u32,
}

pub(super) fn put_retention(world: &mut World, input: RetentionInput) -> Outcome {
    let days = input.retention_in_days;
    if !RETENTION_DAYS.contains(&days) {
        let valid: Vec<String> = RETENTION_DAYS.iter().map(u32::to_string).collect();
        return Err(constraint(
            &days.to_string(),
            "retentionInDays",
            &format!("Member must satisfy enum value set: [{}]", valid.join(", ")),
        ));
    }
    group_mut(world, &input.log_group_name)?.retention_days = Some(days);
    Ok(json!({}))
}

pub(super) fn delete_retention(world: &mut World, input: NameInput) -> Outcome {
    group_mut(world, &input.log_group_name)?.retention_days = None;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AssociateInput {
    log_group_name: Option<String>,
    resource_identifier: Option<String>,
    kms_key_id: String,
}

pub(super) fn associate_key(world: &mut World, input: AssociateInput) -> Outcome {
    check_key(&input.kms_key_id)?;
    let name = group_of_identifier(world, input.log_group_name, input.resource_identifier)?;
    group_mut(world, &name)?.kms_key = Some(input.kms_key_id);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DisassociateInput {
    log_group_name: Option<String>,
    resource_identifier: Option<String>,
}

pub(super) fn disassociate_key(world: &mut World, input: DisassociateInput) -> Outcome {
    let name = group_of_identifier(world, input.log_group_name, input.resource_identifier)?;
    group_mut(world, &name)?.kms_key = None;
    Ok(json!({}))
}

/// The group of an ARN as TagResource takes it: without `:*`.
fn tagged_group<'a>(world: &'a mut World, arn: &str) -> Result<&'a mut Group, ServiceError> {
    let prefix = group_arn(world, "");
    match arn.strip_prefix(&prefix) {
        Some(name) if !name.contains(':') => world.logs.groups.get_mut(name).ok_or_else(no_such_group),
        _ => Err(constraint(arn, "resourceArn", "Member must be the ARN of a log group without a trailing :*")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagInput {
    resource_arn: String,
    tags: BTreeMap<String, String>,
}

pub(super) fn tag(world: &mut World, input: TagInput) -> Outcome {
    let group = tagged_group(world, &input.resource_arn)?;
    check_tags(&input.tags, &group.tags)?;
    group.tags.extend(input.tags);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UntagInput {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, input: UntagInput) -> Outcome {
    let group = tagged_group(world, &input.resource_arn)?;
    group.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListTagsInput {
    resource_arn: String,
}

pub(super) fn list_tags(world: &mut World, input: ListTagsInput) -> Outcome {
    let group = tagged_group(world, &input.resource_arn)?;
    Ok(json!({ "tags": group.tags }))
}
