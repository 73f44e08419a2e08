//! Elastic Container Registry: repositories, images by tag and digest.
//!
//! Manifests are real OCI documents: an image's digest is the SHA-256 of the bytes that BatchGetImage returns, and how
//! its tasks behave is written in the manifest's annotations, so that it travels with the digest.

mod images;
mod listing;
mod policies;
mod push;
mod repositories;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::service::{Outcome, ServiceError, epoch_seconds, input_or};
use crate::tags::Tags;
use crate::world::World;

pub(crate) use push::{push, push_or_wait};

/// Elastic Container Registry: repositories, images by tag and digest.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ecr {
    #[serde(default)]
    repositories: BTreeMap<String, Repository>,
    /// Images that were pushed before their repository existed, by repository; they appear when it is created.
    #[serde(default)]
    waiting: BTreeMap<String, Vec<crate::admin::Push>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Repository {
    created_at: Timestamp,
    mutability: Mutability,
    scan_on_push: bool,
    encryption: Encryption,
    #[serde(default)]
    tags: Tags,
    policy: Option<String>,
    lifecycle: Option<String>,
    /// By digest.
    #[serde(default)]
    images: BTreeMap<String, Image>,
    /// Image tag to digest.
    #[serde(default)]
    image_tags: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    manifest: String,
    media_type: String,
    pushed_at: Timestamp,
    scan_started_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Encryption {
    encryption_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
}

/// Which tags may move.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mutability {
    kind: MutabilityKind,
    filters: Vec<ExclusionFilter>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum MutabilityKind {
    #[default]
    Mutable,
    Immutable,
    ImmutableWithExclusion,
    MutableWithExclusion,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExclusionFilter {
    filter_type: FilterType,
    filter: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterType {
    Wildcard,
}

impl Mutability {
    fn may_move(&self, tag: &str) -> bool {
        let excluded = || self.filters.iter().any(|filter| crate::wildcard::matches(&filter.filter, tag));
        match self.kind {
            MutabilityKind::Mutable => true,
            MutabilityKind::Immutable => false,
            MutabilityKind::ImmutableWithExclusion => excluded(),
            MutabilityKind::MutableWithExclusion => !excluded(),
        }
    }
}

/// Answers one call.
pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    match operation {
        "CreateRepository" => repositories::create(world, read(input)?),
        "DescribeRepositories" => repositories::describe(world, read(input)?),
        "DeleteRepository" => repositories::delete(world, read(input)?),
        "PutImageTagMutability" => repositories::put_mutability(world, read(input)?),
        "PutImageScanningConfiguration" => repositories::put_scanning(world, read(input)?),
        "TagResource" => repositories::tag(world, read(input)?),
        "UntagResource" => repositories::untag(world, read(input)?),
        "ListTagsForResource" => repositories::list_tags(world, read(input)?),
        "PutLifecyclePolicy" => policies::put_lifecycle(world, read(input)?),
        "GetLifecyclePolicy" => policies::get_lifecycle(world, read(input)?),
        "DeleteLifecyclePolicy" => policies::delete_lifecycle(world, read(input)?),
        "SetRepositoryPolicy" => policies::set(world, read(input)?),
        "GetRepositoryPolicy" => policies::get(world, read(input)?),
        "DeleteRepositoryPolicy" => policies::delete(world, read(input)?),
        "PutImage" => images::put(world, read(input)?),
        "BatchGetImage" => images::batch_get(world, read(input)?),
        "BatchDeleteImage" => images::batch_delete(world, read(input)?),
        "DescribeImages" => listing::describe(world, read(input)?),
        "ListImages" => listing::list(world, read(input)?),
        "StartImageScan" => scan::start(world, read(input)?),
        "DescribeImageScanFindings" => scan::findings(world, read(input)?),
        "GetAuthorizationToken" => authorization_token(world, read(input)?),
        _ => Err(ServiceError::unknown_operation("ecr", operation)),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    input_or(value, "InvalidParameterException")
}

/// The image that a task definition's `image` means.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) digest: String,
    pub(crate) behaviour: Behaviour,
    /// How long its tasks take from their start until they pass health checks; none: as its behaviour says.
    pub(crate) ready_after: Option<Duration>,
}

/// Resolves an image URI, by tag or by digest.
///
/// # Errors
/// The `stoppedReason` with which ECS stops a task whose image cannot be pulled.
pub(crate) fn resolve(world: &World, image_uri: &str) -> Result<Resolved, String> {
    let not_found = || {
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
             {image_uri}: {image_uri}: not found"
        )
    };
    let registry = format!("{}.dkr.ecr.{}.amazonaws.com/", world.account, world.region);
    let reference = image_uri.strip_prefix(&registry).ok_or_else(not_found)?;
    let (name, digest, tag) = split_reference(reference);
    let repository = world.ecr.repositories.get(name).ok_or_else(not_found)?;
    let digest = match digest {
        Some(digest) => digest,
        None => repository.image_tags.get(tag).ok_or_else(not_found)?,
    };
    let image = repository.images.get(digest).ok_or_else(not_found)?;
    let (behaviour, ready_after) = push::annotated_behaviour(&image.manifest);
    Ok(Resolved { digest: digest.to_owned(), behaviour, ready_after })
}

/// `name[:tag][@digest]`: a digest wins over the tag, no tag means `latest`.
fn split_reference(reference: &str) -> (&str, Option<&str>, &str) {
    let (rest, digest) = match reference.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (reference, None),
    };
    let (name, tag) = rest.split_once(':').unwrap_or((rest, "latest"));
    (name, digest, tag)
}

/// The repository of a call, in AWS's own registry check.
fn repository<'a>(world: &'a World, registry: Option<&str>, name: &str) -> Result<&'a Repository, ServiceError> {
    check_repository_name(name)?;
    let registry = registry.unwrap_or(&world.account);
    let found = (registry == world.account).then(|| world.ecr.repositories.get(name)).flatten();
    found.ok_or_else(|| repository_not_found(registry, name))
}

fn repository_mut<'a>(
    world: &'a mut World,
    registry: Option<&str>,
    name: &str,
) -> Result<&'a mut Repository, ServiceError> {
    check_repository_name(name)?;
    let registry = registry.unwrap_or(&world.account).to_owned();
    let found = (registry == world.account).then(|| world.ecr.repositories.get_mut(name)).flatten();
    found.ok_or_else(|| repository_not_found(&registry, name))
}

fn repository_not_found(registry: &str, name: &str) -> ServiceError {
    ServiceError::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{registry}'"),
    )
}

fn invalid_parameter(member: &str, constraint: &str) -> ServiceError {
    ServiceError::new(
        "InvalidParameterException",
        format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
    )
}

/// 2 to 256 characters; path parts of small letters and digits, with single separators inside.
fn check_repository_name(name: &str) -> Result<(), ServiceError> {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part_is_valid = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().copied().is_some_and(alphanumeric)
            && bytes.last().copied().is_some_and(alphanumeric)
            && bytes.iter().all(|byte| alphanumeric(*byte) || b"._-".contains(byte))
            && bytes.windows(2).all(|pair| alphanumeric(pair[0]) || alphanumeric(pair[1]))
    };
    if !(2..=256).contains(&name.len()) || !name.split('/').all(part_is_valid) {
        return Err(invalid_parameter(
            "repositoryName",
            "must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'",
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthorizationTokenInput {
    #[serde(default)]
    registry_ids: Vec<String>,
}

fn authorization_token(world: &mut World, input: AuthorizationTokenInput) -> Outcome {
    let registries = if input.registry_ids.is_empty() { vec![world.account.clone()] } else { input.registry_ids };
    let expires_at = world.now + SignedDuration::from_hours(12);
    let data: Vec<Value> = registries
        .iter()
        .map(|registry| {
            let token = format!("AWS:{}", world.ids.hex32());
            json!({
                "authorizationToken": base64::engine::general_purpose::STANDARD.encode(token),
                "expiresAt": epoch_seconds(expires_at),
                "proxyEndpoint": format!("https://{registry}.dkr.ecr.{}.amazonaws.com", world.region),
            })
        })
        .collect();
    Ok(json!({ "authorizationData": data }))
}
