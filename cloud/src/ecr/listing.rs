//! Images described and listed, page by page.

use serde::Deserialize;
use serde_json::{Value, json};

use super::images::ImageId;
use super::{Image, Repository, invalid_parameter, repository, scan};
use crate::paging::page;
use crate::service::{Outcome, ServiceError, epoch_seconds};
use crate::world::World;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeInput {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    image_ids: Vec<ImageId>,
    next_token: Option<String>,
    max_results: Option<usize>,
    filter: Option<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    tag_status: Option<TagStatus>,
    image_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

impl Filter {
    fn takes(&self, repository: &Repository, digest: &str) -> bool {
        // Nothing is ever archived here.
        let active = matches!(self.image_status.as_deref(), None | Some("ACTIVE" | "ANY"));
        let tagged = || !repository.tags_of(digest).is_empty();
        active
            && match self.tag_status {
                None | Some(TagStatus::Any) => true,
                Some(TagStatus::Tagged) => tagged(),
                Some(TagStatus::Untagged) => !tagged(),
            }
    }
}

/// 1 to 1000, 100 where nothing is said.
pub(super) fn page_size(max_results: Option<usize>) -> Result<usize, ServiceError> {
    match max_results {
        None => Ok(100),
        Some(limit @ 1..=1000) => Ok(limit),
        Some(_) => Err(invalid_parameter("maxResults", "Member must have value between 1 and 1000")),
    }
}

pub(super) fn describe(world: &mut World, input: DescribeInput) -> Outcome {
    let name = &input.repository_name;
    let repository = repository(world, input.registry_id.as_deref(), name)?;
    if !input.image_ids.is_empty() {
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(invalid_parameter("imageIds", "must not be used with maxResults or nextToken"));
        }
        if input.image_ids.len() > 100 {
            return Err(invalid_parameter("imageIds", "Member must have length less than or equal to 100"));
        }
        let mut details = Vec::new();
        for id in &input.image_ids {
            let digest = repository.find(id).map_err(|_| not_found(world, name, id))?;
            let image = repository.images.get(&digest).ok_or_else(|| not_found(world, name, id))?;
            details.push(detail(world, name, repository, &digest, image));
        }
        return Ok(json!({ "imageDetails": details }));
    }
    let limit = page_size(input.max_results)?;
    let all = repository
        .images
        .iter()
        .filter(|(digest, _)| input.filter.as_ref().is_none_or(|filter| filter.takes(repository, digest)))
        .map(|(digest, image)| (digest.clone(), (digest, image)));
    let page = page(all, limit, input.next_token.as_deref()).map_err(|_| invalid_token())?;
    let details: Vec<Value> =
        page.items.iter().map(|(digest, image)| detail(world, name, repository, digest, image)).collect();
    Ok(with_next(json!({ "imageDetails": details }), page.next))
}

pub(super) fn not_found(world: &World, name: &str, id: &ImageId) -> ServiceError {
    ServiceError::new(
        "ImageNotFoundException",
        format!(
            "The image with imageId {} does not exist within the repository with name '{name}' in the registry with \
             id '{}'",
            id.text(),
            world.account
        ),
    )
}

fn invalid_token() -> ServiceError {
    invalid_parameter("nextToken", "Invalid token")
}

fn with_next(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    answer
}

fn detail(world: &World, name: &str, repository: &Repository, digest: &str, image: &Image) -> Value {
    let manifest: Value = serde_json::from_str(&image.manifest).unwrap_or_default();
    let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let size: u64 = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();
    let mut value = json!({
        "registryId": world.account,
        "repositoryName": name,
        "imageDigest": digest,
        "imageSizeInBytes": size,
        "imagePushedAt": epoch_seconds(image.pushed_at),
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ACTIVE",
    });
    if let Some(artifact) = manifest["config"]["mediaType"].as_str() {
        value["artifactMediaType"] = json!(artifact);
    }
    let tags = repository.tags_of(digest);
    if !tags.is_empty() {
        value["imageTags"] = json!(tags);
    }
    scan::add_summary(world.now, digest, image, &mut value);
    value
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListInput {
    registry_id: Option<String>,
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<usize>,
    filter: Option<Filter>,
}

/// One entry a tag, and one for each untagged image.
pub(super) fn list(world: &mut World, input: ListInput) -> Outcome {
    let repository = repository(world, input.registry_id.as_deref(), &input.repository_name)?;
    let limit = page_size(input.max_results)?;
    let mut ids = std::collections::BTreeMap::new();
    for digest in repository.images.keys() {
        if input.filter.as_ref().is_some_and(|filter| !filter.takes(repository, digest)) {
            continue;
        }
        let tags = repository.tags_of(digest);
        for tag in &tags {
            let id = ImageId { image_digest: Some(digest.clone()), image_tag: Some((*tag).to_owned()) };
            ids.insert(format!("{digest} {tag}"), id);
        }
        if tags.is_empty() {
            ids.insert(digest.clone(), ImageId { image_digest: Some(digest.clone()), image_tag: None });
        }
    }
    let page = page(ids, limit, input.next_token.as_deref()).map_err(|_| invalid_token())?;
    Ok(with_next(json!({ "imageIds": page.items }), page.next))
}
