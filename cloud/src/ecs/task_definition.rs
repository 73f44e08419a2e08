//! Task definitions: registered once, never changed, retired.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::container::ContainerDefinition;
use super::shapes::{Tag, client, missing, put_times};
use super::{Ecs, cluster, fargate, tags};
use crate::service::{Outcome, ServiceError, input};
use crate::world::World;

/// All revisions of one family; revision numbers are never used twice.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Family {
    pub(super) revisions: BTreeMap<u32, TaskDefinition>,
    last: u32,
}

/// Where a task definition is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Active,
    Inactive,
    DeleteInProgress,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
        }
    }
}

/// One revision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TaskDefinition {
    pub(super) arn: String,
    pub(super) revision: u32,
    pub(super) status: Status,
    pub(super) content: Content,
    pub(super) tags: Vec<Tag>,
    registered_at: Timestamp,
    deregistered_at: Option<Timestamp>,
    delete_requested_at: Option<Timestamp>,
}

/// What was registered, with AWS's defaults filled in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Content {
    pub(super) family: String,
    pub(super) container_definitions: Vec<ContainerDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) task_role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) execution_role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) network_mode: Option<String>,
    #[serde(default)]
    volumes: Vec<Value>,
    #[serde(default)]
    placement_constraints: Vec<Value>,
    #[serde(default)]
    pub(super) requires_compatibilities: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ipc_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proxy_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inference_accelerators: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ephemeral_storage: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) runtime_platform: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enable_fault_injection: Option<bool>,
}

/// RegisterTaskDefinition: always a new revision, whether or not the same content is there already.
pub(super) fn register(ecs: &mut Ecs, world: &World, mut value: Value) -> Outcome {
    let given: Vec<Tag> = match value.as_object_mut().and_then(|members| members.remove("tags")) {
        Some(tags) if !tags.is_null() => input(tags)?,
        _ => Vec::new(),
    };
    let mut content: Content = input(value)?;
    tags::check(&given)?;
    check(&mut content)?;
    content.container_definitions.iter_mut().for_each(ContainerDefinition::normalise);
    let name = content.family.clone();
    let family = ecs.families.entry(name.clone()).or_default();
    family.last += 1;
    let revision = family.last;
    let definition = TaskDefinition {
        arn: format!("arn:aws:ecs:{}:{}:task-definition/{name}:{revision}", world.region, world.account),
        revision,
        status: Status::Active,
        content,
        tags: given,
        registered_at: world.now,
        deregistered_at: None,
        delete_requested_at: None,
    };
    let answer = json!({ "taskDefinition": view(&definition, world), "tags": definition.tags });
    family.revisions.insert(revision, definition);
    Ok(answer)
}

fn check(content: &mut Content) -> Result<(), ServiceError> {
    if !cluster::is_name(&content.family) {
        return Err(client("Family should be at most 255 characters of letters, numbers, underscores and hyphens."));
    }
    if content.container_definitions.is_empty() {
        return Err(client("Container definitions cannot be empty."));
    }
    content.container_definitions.iter().try_for_each(fargate::check_container)?;
    let containers = &content.container_definitions;
    let mut names: Vec<_> = containers.iter().map(|container| &container.name).collect();
    names.sort();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(client("Container names must be unique within a task definition."));
    }
    if !containers.iter().any(|container| container.essential) {
        return Err(client("At least one container in a task definition must be marked as essential."));
    }
    for role in [&content.task_role_arn, &content.execution_role_arn].into_iter().flatten() {
        if !is_role_arn(role) {
            return Err(client("Role is not valid"));
        }
    }
    if content.requires_compatibilities.iter().any(|name| name == "FARGATE") {
        let (cpu, memory) =
            fargate::check_task(content.network_mode.as_deref(), content.cpu.as_deref(), content.memory.as_deref())?;
        (content.cpu, content.memory) = (Some(cpu), Some(memory));
        if content.execution_role_arn.is_none() {
            fargate::check_execution_role(&content.container_definitions)?;
        }
    }
    Ok(())
}

fn is_role_arn(text: &str) -> bool {
    let account_and_name = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/"));
    account_and_name.is_some_and(|(account, name)| account.len() == 12 && !name.is_empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeInput {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

/// DescribeTaskDefinition.
pub(super) fn describe(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: DescribeInput = input(value)?;
    let definition = find(ecs, &input.task_definition).ok_or_else(|| client("Unable to describe task definition."))?;
    let mut answer = json!({ "taskDefinition": view(definition, world) });
    if input.include.iter().any(|field| field == "TAGS") {
        answer["tags"] = json!(definition.tags);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeregisterInput {
    task_definition: String,
}

/// DeregisterTaskDefinition: what runs goes on running.
pub(super) fn deregister(ecs: &mut Ecs, world: &World, value: Value) -> Outcome {
    let input: DeregisterInput = input(value)?;
    let definition = find_exact(ecs, &input.task_definition).ok_or_else(|| {
        client("The specified task definition does not exist. Specify a valid account, family, revision and try again.")
    })?;
    if definition.status == Status::Active {
        definition.status = Status::Inactive;
        definition.deregistered_at = Some(world.now);
    }
    Ok(json!({ "taskDefinition": view(definition, world) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteInput {
    task_definitions: Vec<String>,
}

/// DeleteTaskDefinitions: inactive ones only, ten a call.
pub(super) fn delete(ecs: &mut Ecs, world: &World, value: Value) -> Outcome {
    let input: DeleteInput = input(value)?;
    if input.task_definitions.is_empty() || input.task_definitions.len() > 10 {
        return Err(super::shapes::invalid("Specify between 1 and 10 task definitions."));
    }
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for reference in input.task_definitions {
        match find_exact(ecs, &reference) {
            None => failures.push(missing(reference)),
            Some(definition) if definition.status == Status::Active => failures.push(json!({
                "arn": definition.arn,
                "reason": "The specified task definition is still in ACTIVE status. Please deregister the target and \
                           try again.",
            })),
            Some(definition) => {
                definition.status = Status::DeleteInProgress;
                definition.delete_requested_at.get_or_insert(world.now);
                deleted.push(view(definition, world));
            }
        }
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}

/// The task definition of `family` (its newest active revision), `family:revision` or an ARN.
pub(super) fn find<'a>(ecs: &'a Ecs, reference: &str) -> Option<&'a TaskDefinition> {
    let name = cluster::name_of(reference);
    match name.split_once(':') {
        Some((family, revision)) => ecs.families.get(family)?.revisions.get(&revision.parse().ok()?),
        None => ecs.families.get(name)?.revisions.values().rev().find(|found| found.status == Status::Active),
    }
}

fn find_exact<'a>(ecs: &'a mut Ecs, reference: &str) -> Option<&'a mut TaskDefinition> {
    let (family, revision) = cluster::name_of(reference).split_once(':')?;
    ecs.families.get_mut(family)?.revisions.get_mut(&revision.parse().ok()?)
}

/// The one that a service may be made of or moved to.
pub(super) fn usable<'a>(ecs: &'a Ecs, reference: &str) -> Result<&'a TaskDefinition, ServiceError> {
    let definition = find(ecs, reference).ok_or_else(|| client("TaskDefinition not found."))?;
    match definition.status {
        Status::Active => Ok(definition),
        Status::Inactive | Status::DeleteInProgress => Err(client("TaskDefinition is inactive")),
    }
}

fn view(definition: &TaskDefinition, world: &World) -> Value {
    let mut view = json!(definition.content);
    let compatibilities = match definition.content.network_mode.as_deref() {
        Some("awsvpc") => json!(["EC2", "FARGATE"]),
        _ => json!(["EC2"]),
    };
    view["taskDefinitionArn"] = json!(definition.arn);
    view["revision"] = json!(definition.revision);
    view["status"] = json!(definition.status.name());
    view["requiresAttributes"] = json!([{ "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" }]);
    view["compatibilities"] = compatibilities;
    view["registeredBy"] = json!(format!("arn:aws:iam::{}:user/caller", world.account));
    put_times(
        &mut view,
        &[
            ("registeredAt", Some(definition.registered_at)),
            ("deregisteredAt", definition.deregistered_at),
            ("deleteRequestedAt", definition.delete_requested_at),
        ],
    );
    view
}
