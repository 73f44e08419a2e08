//! Lists of task definitions and their families.

use serde::Deserialize;
use serde_json::Value;

use super::Ecs;
use super::paging::page;
use super::shapes::invalid;
use super::task_definition::{Family, Status};
use crate::service::{Outcome, input};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListInput {
    #[serde(default)]
    family_prefix: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    sort: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

/// ListTaskDefinitions. Despite its name `familyPrefix` is the whole family name.
pub(super) fn definitions(ecs: &Ecs, value: Value) -> Outcome {
    let input: ListInput = input(value)?;
    let status = match input.status.as_deref() {
        None | Some("ACTIVE") => Status::Active,
        Some("INACTIVE") => Status::Inactive,
        Some("DELETE_IN_PROGRESS") => Status::DeleteInProgress,
        Some(other) => return Err(invalid(format!("Unknown status {other}."))),
    };
    let mut arns: Vec<Value> = ecs
        .families
        .iter()
        .filter(|(name, _)| input.family_prefix.as_ref().is_none_or(|prefix| prefix == *name))
        .flat_map(|(_, family)| family.revisions.values())
        .filter(|definition| definition.status == status)
        .map(|definition| Value::from(definition.arn.as_str()))
        .collect();
    if input.sort.as_deref() == Some("DESC") {
        arns.reverse();
    }
    page("taskDefinitionArns", arns, input.next_token.as_deref(), input.max_results, 100)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FamiliesInput {
    #[serde(default)]
    family_prefix: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

/// ListTaskDefinitionFamilies: here `familyPrefix` is a prefix.
pub(super) fn families(ecs: &Ecs, value: Value) -> Outcome {
    let input: FamiliesInput = input(value)?;
    let is_active = |family: &Family| family.revisions.values().any(|definition| definition.status == Status::Active);
    let wanted = |family: &Family| match input.status.as_deref() {
        Some("ACTIVE") => is_active(family),
        Some("INACTIVE") => !is_active(family),
        _ => true,
    };
    let names = ecs
        .families
        .iter()
        .filter(|(name, _)| input.family_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix)))
        .filter(|(_, family)| wanted(family))
        .map(|(name, _)| Value::from(name.as_str()))
        .collect();
    page("families", names, input.next_token.as_deref(), input.max_results, 100)
}
