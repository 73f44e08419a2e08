//! Repositories and their settings.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Encryption, ExclusionFilter, Mutability, MutabilityKind, Repository, check_repository_name, invalid_parameter,
    push, repository, repository_mut,
};
use crate::paging::page;
use crate::service::{Outcome, ServiceError, epoch_seconds};
use crate::tags::{self, Tag};
use crate::world::World;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateInput {
    repository_name: String,
    registry_id: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    image_tag_mutability: MutabilityKind,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<ExclusionFilter>,
    #[serde(default)]
    image_scanning_configuration: ScanningConfiguration,
    encryption_configuration: Option<Encryption>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScanningConfiguration {
    #[serde(default)]
    scan_on_push: bool,
}

pub(super) fn create(world: &mut World, input: CreateInput) -> Outcome {
    check_repository_name(&input.repository_name)?;
    check_registry(world, input.registry_id.as_deref())?;
    let mutability = mutability(input.image_tag_mutability, input.image_tag_mutability_exclusion_filters)?;
    check_tags(&input.tags, &tags::Tags::new())?;
    let name = input.repository_name;
    if world.ecr.repositories.contains_key(&name) {
        return Err(ServiceError::new(
            "RepositoryAlreadyExistsException",
            format!("The repository with name '{name}' already exists in the registry with id '{}'", world.account),
        ));
    }
    let repository = Repository {
        created_at: world.now,
        mutability,
        scan_on_push: input.image_scanning_configuration.scan_on_push,
        encryption: encryption(world, input.encryption_configuration)?,
        tags: tags::from_list(input.tags),
        policy: None,
        lifecycle: None,
        images: Default::default(),
        image_tags: Default::default(),
    };
    let answer = json!({ "repository": description(world, &name, &repository) });
    world.ecr.repositories.insert(name.clone(), repository);
    push::push_waiting(world, &name)?;
    Ok(answer)
}

/// AES256 unless KMS is asked for; KMS without a key takes the AWS-managed one.
fn encryption(world: &World, asked: Option<Encryption>) -> Result<Encryption, ServiceError> {
    let asked = asked.unwrap_or(Encryption { encryption_type: "AES256".to_owned(), kms_key: None });
    match (asked.encryption_type.as_str(), &asked.kms_key) {
        ("AES256", None) | ("KMS" | "KMS_DSSE", Some(_)) => Ok(asked),
        ("AES256", Some(_)) => {
            Err(invalid_parameter("encryptionConfiguration", "kmsKey can only be set with encryptionType KMS"))
        }
        ("KMS" | "KMS_DSSE", None) => {
            let key = format!("arn:aws:kms:{}:{}:alias/aws/ecr", world.region, world.account);
            Ok(Encryption { kms_key: Some(key), ..asked })
        }
        _ => Err(invalid_parameter(
            "encryptionConfiguration.encryptionType",
            "Member must satisfy enum value set: [AES256, KMS, KMS_DSSE]",
        )),
    }
}

/// Exclusion filters belong to the two kinds with exclusions, 1 to 5 of them, each with at most two wildcards.
fn mutability(kind: MutabilityKind, filters: Vec<ExclusionFilter>) -> Result<Mutability, ServiceError> {
    const MEMBER: &str = "imageTagMutabilityExclusionFilters";
    let with_exclusion = matches!(kind, MutabilityKind::ImmutableWithExclusion | MutabilityKind::MutableWithExclusion);
    if with_exclusion && filters.is_empty() {
        return Err(invalid_parameter(MEMBER, "must be specified when imageTagMutability has exclusions"));
    }
    if !with_exclusion && !filters.is_empty() {
        return Err(invalid_parameter(MEMBER, "must not be specified unless imageTagMutability has exclusions"));
    }
    if filters.len() > 5 {
        return Err(invalid_parameter(MEMBER, "Member must have length less than or equal to 5"));
    }
    for filter in &filters {
        let text = &filter.filter;
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._*-".contains(&byte));
        if !(1..=128).contains(&text.len()) || !letters {
            return Err(invalid_parameter(MEMBER, "must satisfy regular expression '[0-9a-zA-Z._*-]{1,128}'"));
        }
        if text.bytes().filter(|byte| *byte == b'*').count() > 2 {
            return Err(invalid_parameter(MEMBER, "a filter can have at most 2 wildcards"));
        }
    }
    Ok(Mutability { kind, filters })
}

fn check_registry(world: &World, registry: Option<&str>) -> Result<(), ServiceError> {
    match registry {
        Some(registry) if registry != world.account => {
            Err(invalid_parameter("registryId", "the registry of another account cannot be written"))
        }
        _ => Ok(()),
    }
}

fn description(world: &World, name: &str, repository: &Repository) -> Value {
    let mut value = json!({
        "repositoryArn": arn(world, name),
        "registryId": world.account,
        "repositoryName": name,
        "repositoryUri": format!("{}.dkr.ecr.{}.amazonaws.com/{name}", world.account, world.region),
        "createdAt": epoch_seconds(repository.created_at),
        "imageTagMutability": repository.mutability.kind,
        "imageScanningConfiguration": { "scanOnPush": repository.scan_on_push },
        "encryptionConfiguration": repository.encryption,
    });
    if !repository.mutability.filters.is_empty() {
        value["imageTagMutabilityExclusionFilters"] = json!(repository.mutability.filters);
    }
    value
}

fn arn(world: &World, name: &str) -> String {
    format!("arn:aws:ecr:{}:{}:repository/{name}", world.region, world.account)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeInput {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn describe(world: &mut World, input: DescribeInput) -> Outcome {
    if let Some(names) = input.repository_names.filter(|names| !names.is_empty()) {
        if names.len() > 100 {
            return Err(invalid_parameter("repositoryNames", "Member must have length less than or equal to 100"));
        }
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(invalid_parameter("repositoryNames", "must not be used with maxResults or nextToken"));
        }
        let mut found = Vec::new();
        for name in &names {
            found.push(description(world, name, repository(world, input.registry_id.as_deref(), name)?));
        }
        return Ok(json!({ "repositories": found }));
    }
    let limit = super::listing::page_size(input.max_results)?;
    let all = world.ecr.repositories.iter().map(|(name, repository)| (name.clone(), (name, repository)));
    let page =
        page(all, limit, input.next_token.as_deref()).map_err(|_| invalid_parameter("nextToken", "Invalid token"))?;
    let repositories: Vec<Value> =
        page.items.iter().map(|(name, repository)| description(world, name, repository)).collect();
    let mut answer = json!({ "repositories": repositories });
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeleteInput {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(world: &mut World, input: DeleteInput) -> Outcome {
    let name = input.repository_name;
    let repository = repository(world, input.registry_id.as_deref(), &name)?;
    if !repository.images.is_empty() && !input.force {
        return Err(ServiceError::new(
            "RepositoryNotEmptyException",
            format!(
                "The repository with name '{name}' in registry with id '{}' cannot be deleted because it still \
                 contains images",
                world.account
            ),
        ));
    }
    let answer = json!({ "repository": description(world, &name, repository) });
    world.ecr.repositories.remove(&name);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutMutabilityInput {
    registry_id: Option<String>,
    repository_name: String,
    image_tag_mutability: MutabilityKind,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<ExclusionFilter>,
}

pub(super) fn put_mutability(world: &mut World, input: PutMutabilityInput) -> Outcome {
    let mutability = mutability(input.image_tag_mutability, input.image_tag_mutability_exclusion_filters)?;
    let repository = repository_mut(world, input.registry_id.as_deref(), &input.repository_name)?;
    repository.mutability = mutability.clone();
    let mut answer = json!({
        "registryId": world.account,
        "repositoryName": input.repository_name,
        "imageTagMutability": mutability.kind,
    });
    if !mutability.filters.is_empty() {
        answer["imageTagMutabilityExclusionFilters"] = json!(mutability.filters);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutScanningInput {
    registry_id: Option<String>,
    repository_name: String,
    image_scanning_configuration: ScanningConfiguration,
}

pub(super) fn put_scanning(world: &mut World, input: PutScanningInput) -> Outcome {
    let repository = repository_mut(world, input.registry_id.as_deref(), &input.repository_name)?;
    repository.scan_on_push = input.image_scanning_configuration.scan_on_push;
    let scan_on_push = repository.scan_on_push;
    Ok(json!({
        "registryId": world.account,
        "repositoryName": input.repository_name,
        "imageScanningConfiguration": { "scanOnPush": scan_on_push },
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagInput {
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(world: &mut World, input: TagInput) -> Outcome {
    let repository = by_arn(world, &input.resource_arn)?;
    check_tags(&input.tags, &repository.tags)?;
    repository.tags.extend(tags::from_list(input.tags));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UntagInput {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, input: UntagInput) -> Outcome {
    let repository = by_arn(world, &input.resource_arn)?;
    repository.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListTagsInput {
    resource_arn: String,
}

pub(super) fn list_tags(world: &mut World, input: ListTagsInput) -> Outcome {
    let repository = by_arn(world, &input.resource_arn)?;
    Ok(json!({ "tags": tags::to_list(&repository.tags) }))
}

fn by_arn<'a>(world: &'a mut World, arn: &str) -> Result<&'a mut Repository, ServiceError> {
    let prefix = format!("arn:aws:ecr:{}:{}:repository/", world.region, world.account);
    let name = arn.strip_prefix(&prefix).ok_or_else(|| invalid_parameter("resourceArn", "Invalid ARN"))?;
    repository_mut(world, None, name)
}

fn check_tags(new: &[Tag], existing: &tags::Tags) -> Result<(), ServiceError> {
    match tags::problem(new, existing) {
        None => Ok(()),
        Some(problem @ tags::Problem::TooMany) => Err(ServiceError::new("TooManyTagsException", problem.text())),
        Some(problem) => Err(ServiceError::new("InvalidTagParameterException", problem.text())),
    }
}
