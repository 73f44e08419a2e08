//! Lifecycle policies and repository policies. A lifecycle policy is checked and kept; it is not carried out.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{invalid_parameter, repository, repository_mut};
use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// What AWS answers for a policy that has not been carried out yet.
const NEVER_EVALUATED: f64 = 0.0;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NameInput {
    registry_id: Option<String>,
    repository_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutLifecycleInput {
    registry_id: Option<String>,
    repository_name: String,
    lifecycle_policy_text: String,
}

pub(super) fn put_lifecycle(world: &mut World, input: PutLifecycleInput) -> Outcome {
    check_lifecycle(&input.lifecycle_policy_text).map_err(|reason| {
        invalid_parameter("LifecyclePolicyText", &format!("Lifecycle policy validation failure: {reason}"))
    })?;
    let repository = repository_mut(world, input.registry_id.as_deref(), &input.repository_name)?;
    repository.lifecycle = Some(input.lifecycle_policy_text.clone());
    Ok(json!({
        "registryId": world.account,
        "repositoryName": input.repository_name,
        "lifecyclePolicyText": input.lifecycle_policy_text,
    }))
}

pub(super) fn get_lifecycle(world: &mut World, input: NameInput) -> Outcome {
    let repository = repository(world, input.registry_id.as_deref(), &input.repository_name)?;
    let text = repository.lifecycle.as_ref().ok_or_else(|| no_lifecycle(world, &input.repository_name))?;
    Ok(json!({
        "registryId": world.account,
        "repositoryName": input.repository_name,
        "lifecyclePolicyText": text,
        "lastEvaluatedAt": NEVER_EVALUATED,
    }))
}

pub(super) fn delete_lifecycle(world: &mut World, input: NameInput) -> Outcome {
    let missing = no_lifecycle(world, &input.repository_name);
    let repository = repository_mut(world, input.registry_id.as_deref(), &input.repository_name)?;
    let text = repository.lifecycle.take().ok_or(missing)?;
    Ok(json!({
        "registryId": world.account,
        "repositoryName": input.repository_name,
        "lifecyclePolicyText": text,
        "lastEvaluatedAt": NEVER_EVALUATED,
    }))
}

fn no_lifecycle(world: &World, name: &str) -> ServiceError {
    ServiceError::new(
        "LifecyclePolicyNotFoundException",
        format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            world.account
        ),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LifecyclePolicy {
    rules: Vec<LifecycleRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LifecycleRule {
    rule_priority: i64,
    #[serde(rename = "description")]
    _description: Option<String>,
    selection: Selection,
    #[serde(rename = "action")]
    _action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selection {
    tag_status: TagStatus,
    #[serde(default)]
    tag_prefix_list: Vec<String>,
    #[serde(default)]
    tag_pattern_list: Vec<String>,
    count_type: CountType,
    count_unit: Option<CountUnit>,
    count_number: i64,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
enum CountType {
    ImageCountMoreThan,
    SinceImagePushed,
    SinceImagePulled,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum CountUnit {
    Days,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Action {
    #[serde(rename = "type")]
    _kind: ActionKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ActionKind {
    Expire,
}

/// The rules of "Examples of lifecycle policies" and "Lifecycle policy properties" in the Amazon ECR user guide.
fn check_lifecycle(text: &str) -> Result<(), String> {
    let unreadable = || "Could not map policyString into LifecyclePolicy.".to_owned();
    if !(100..=30_720).contains(&text.len()) {
        return Err("The policy text must have between 100 and 30720 characters.".to_owned());
    }
    let policy: LifecyclePolicy = serde_json::from_str(text).map_err(|_| unreadable())?;
    if policy.rules.is_empty() {
        return Err(unreadable());
    }
    let mut priorities = BTreeSet::new();
    let highest = policy.rules.iter().map(|rule| rule.rule_priority).max().unwrap_or_default();
    for rule in &policy.rules {
        let selection = &rule.selection;
        if rule.rule_priority < 1 {
            return Err("rulePriority must be at least 1.".to_owned());
        }
        if !priorities.insert(rule.rule_priority) {
            return Err(format!("rulePriority {} is used by more than one rule.", rule.rule_priority));
        }
        if selection.count_number < 1 {
            return Err("countNumber must be greater than 0.".to_owned());
        }
        let lists = !selection.tag_prefix_list.is_empty() || !selection.tag_pattern_list.is_empty();
        match (selection.tag_status, lists) {
            (TagStatus::Tagged, false) => {
                return Err("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.".to_owned());
            }
            (TagStatus::Untagged | TagStatus::Any, true) => {
                return Err("tagPrefixList and tagPatternList need tagStatus=TAGGED.".to_owned());
            }
            (TagStatus::Any, false) if rule.rule_priority != highest => {
                return Err("Rule for tagStatus=ANY must have the lowest priority per storage class".to_owned());
            }
            _ => {}
        }
        if (selection.count_type == CountType::ImageCountMoreThan) == selection.count_unit.is_some() {
            return Err("countUnit must be given with, and only with, countType sinceImagePushed.".to_owned());
        }
    }
    for status in [TagStatus::Untagged, TagStatus::Any] {
        if policy.rules.iter().filter(|rule| rule.selection.tag_status == status).count() > 1 {
            let name = if status == TagStatus::Any { "Any" } else { "Untagged" };
            return Err(format!("Only one rule can select {name} images per storage class"));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SetInput {
    registry_id: Option<String>,
    repository_name: String,
    policy_text: String,
    #[serde(default, rename = "force")]
    _force: bool,
}

pub(super) fn set(world: &mut World, input: SetInput) -> Outcome {
    let parsed: Value = serde_json::from_str(&input.policy_text).unwrap_or_default();
    let statements_are_there = match &parsed["Statement"] {
        Value::Array(statements) => !statements.is_empty(),
        Value::Object(_) => true,
        _ => false,
    };
    if !statements_are_there {
        return Err(invalid_parameter("PolicyText", "Invalid repository policy provided"));
    }
    let repository = repository_mut(world, input.registry_id.as_deref(), &input.repository_name)?;
    repository.policy = Some(input.policy_text.clone());
    Ok(policy_answer(world, &input.repository_name, &input.policy_text))
}

pub(super) fn get(world: &mut World, input: NameInput) -> Outcome {
    let repository = repository(world, input.registry_id.as_deref(), &input.repository_name)?;
    let text = repository.policy.as_ref().ok_or_else(|| no_policy(world, &input.repository_name))?;
    Ok(policy_answer(world, &input.repository_name, text))
}

pub(super) fn delete(world: &mut World, input: NameInput) -> Outcome {
    let missing = no_policy(world, &input.repository_name);
    let repository = repository_mut(world, input.registry_id.as_deref(), &input.repository_name)?;
    let text = repository.policy.take().ok_or(missing)?;
    Ok(policy_answer(world, &input.repository_name, &text))
}

fn policy_answer(world: &World, name: &str, text: &str) -> Value {
    json!({ "registryId": world.account, "repositoryName": name, "policyText": text })
}

fn no_policy(world: &World, name: &str) -> ServiceError {
    ServiceError::new(
        "RepositoryPolicyNotFoundException",
        format!(
            "Repository policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            world.account
        ),
    )
}
