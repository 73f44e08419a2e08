//! Tags on clusters, services and task definitions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{Tag, invalid};
use super::{Ecs, cluster};
use crate::service::{Outcome, ServiceError, input};

/// ECS's limits.
const TAG_LIMIT: usize = 50;
const KEY_LIMIT: usize = 128;
const VALUE_LIMIT: usize = 256;

/// Refuses tags that AWS refuses.
pub(super) fn check(tags: &[Tag]) -> Result<(), ServiceError> {
    if tags.len() > TAG_LIMIT {
        return Err(invalid(format!("The maximum number of tags that you can apply to a resource is {TAG_LIMIT}.")));
    }
    for (index, tag) in tags.iter().enumerate() {
        if tag.key.is_empty() || tag.key.chars().count() > KEY_LIMIT {
            return Err(invalid("Tag keys must be between 1 and 128 characters long."));
        }
        if tag.value.chars().count() > VALUE_LIMIT {
            return Err(invalid("Tag values must be at most 256 characters long."));
        }
        let text = || tag.key.chars().chain(tag.value.chars());
        if text().any(|character| !character.is_alphanumeric() && !" +-=._:/@".contains(character)) {
            return Err(invalid(
                "Tags can only contain unicode letters, digits, white space, or these symbols: _ . : / = + - @.",
            ));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys cannot start with the reserved prefix aws:."));
        }
        if tags[..index].iter().any(|earlier| earlier.key == tag.key) {
            return Err(invalid("Duplicate tag keys found."));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagInput {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// TagResource.
pub(super) fn tag(ecs: &mut Ecs, value: Value) -> Outcome {
    let input: TagInput = input(value)?;
    let tags = of(ecs, &input.resource_arn)?;
    let mut merged = tags.clone();
    merged.retain(|tag| input.tags.iter().all(|new| new.key != tag.key));
    merged.extend(input.tags);
    check(&merged)?;
    *tags = merged;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagInput {
    resource_arn: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// UntagResource.
pub(super) fn untag(ecs: &mut Ecs, value: Value) -> Outcome {
    let input: UntagInput = input(value)?;
    of(ecs, &input.resource_arn)?.retain(|tag| !input.tag_keys.contains(&tag.key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListInput {
    resource_arn: String,
}

/// ListTagsForResource.
pub(super) fn list(ecs: &mut Ecs, value: Value) -> Outcome {
    let input: ListInput = input(value)?;
    Ok(json!({ "tags": of(ecs, &input.resource_arn)? }))
}

/// The tags of what an ARN names.
fn of<'a>(ecs: &'a mut Ecs, arn: &str) -> Result<&'a mut Vec<Tag>, ServiceError> {
    let not_found = || invalid("The specified resource is not found. Specify a valid resource and try again.");
    let (kind, name) = arn
        .splitn(6, ':')
        .nth(5)
        .filter(|_| arn.starts_with("arn:aws:ecs:"))
        .and_then(|resource| resource.split_once('/'))
        .ok_or_else(|| invalid("Invalid resource ARN."))?;
    match kind {
        "cluster" => {
            let cluster = ecs.clusters.get_mut(cluster::name_of(arn)).filter(|cluster| cluster.active);
            cluster.map(|cluster| &mut cluster.tags).ok_or_else(not_found)
        }
        "service" => {
            let service = ecs.services.get_mut(name).filter(|service| service.is_active());
            service.map(|service| &mut service.tags).ok_or_else(not_found)
        }
        "task-definition" => {
            let (family, revision) = name.split_once(':').ok_or_else(not_found)?;
            let revision = revision.parse().map_err(|_| not_found())?;
            let found = ecs.families.get_mut(family).and_then(|family| family.revisions.get_mut(&revision));
            found.map(|definition| &mut definition.tags).ok_or_else(not_found)
        }
        _ => Err(not_found()),
    }
}
