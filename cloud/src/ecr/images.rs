//! Images: put, get, delete.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::push::{OCI_MANIFEST, digest_of};
use super::{Image, Repository, invalid_parameter, repository, repository_mut};
use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// An image by digest, by tag, or by both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ImageId {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) image_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) image_tag: Option<String>,
}

impl ImageId {
    /// As AWS writes an identifier in its texts.
    pub(super) fn text(&self) -> String {
        let or_null = |part: &Option<String>| part.clone().unwrap_or_else(|| "null".to_owned());
        format!("{{imageDigest:'{}', imageTag:'{}'}}", or_null(&self.image_digest), or_null(&self.image_tag))
    }
}

/// Why an image is not to be had, as the batch operations answer it.
pub(super) enum Failure {
    NotFound,
    TagDoesNotMatchDigest,
    MissingDigestAndTag,
    InvalidDigest,
}

impl Failure {
    pub(super) fn to_json(&self, id: &ImageId) -> Value {
        let (code, reason) = match self {
            Self::NotFound => ("ImageNotFound", "Requested image not found"),
            Self::TagDoesNotMatchDigest => {
                ("ImageTagDoesNotMatchDigest", "The provided image tag does not match the provided image digest")
            }
            Self::MissingDigestAndTag => {
                ("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
            }
            Self::InvalidDigest => (
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
            ),
        };
        json!({ "imageId": id, "failureCode": code, "failureReason": reason })
    }
}

impl Repository {
    /// The digest that an identifier means.
    pub(super) fn find(&self, id: &ImageId) -> Result<String, Failure> {
        let by_tag = id.image_tag.as_ref().map(|tag| self.image_tags.get(tag).cloned().ok_or(Failure::NotFound));
        match (&id.image_digest, by_tag) {
            (None, None) => Err(Failure::MissingDigestAndTag),
            (Some(digest), _) if !is_digest(digest) => Err(Failure::InvalidDigest),
            (Some(digest), _) if !self.images.contains_key(digest) => Err(Failure::NotFound),
            (Some(digest), None) => Ok(digest.clone()),
            (Some(digest), Some(tagged)) => match tagged? == *digest {
                true => Ok(digest.clone()),
                false => Err(Failure::TagDoesNotMatchDigest),
            },
            (None, Some(tagged)) => tagged,
        }
    }

    /// The tags of a digest, in order.
    pub(super) fn tags_of(&self, digest: &str) -> Vec<&str> {
        self.image_tags.iter().filter(|(_, other)| *other == digest).map(|(tag, _)| tag.as_str()).collect()
    }
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty() && !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// 1 to 300 letters, digits, `.`, `_`, `-`; the first neither `.` nor `-`.
pub(super) fn check_tag(tag: &str) -> Result<(), ServiceError> {
    let first_is_valid = tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let letters = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if tag.len() > 300 || !first_is_valid || !letters {
        return Err(invalid_parameter(
            "imageTag",
            "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}'",
        ));
    }
    Ok(())
}

pub(super) struct NewImage {
    pub(super) manifest: String,
    pub(super) media_type: String,
    pub(super) tag: Option<String>,
}

/// Puts an image under its digest and its tag, if that may move. Returns the digest.
pub(super) fn insert(world: &mut World, name: &str, new: NewImage) -> Result<String, ServiceError> {
    let now = world.now;
    let account = world.account.clone();
    let repository = repository_mut(world, None, name)?;
    let digest = digest_of(new.manifest.as_bytes());
    match &new.tag {
        Some(tag) => match repository.image_tags.get(tag) {
            Some(current) if *current == digest => {
                let which = format!("Image with digest '{digest}' and tag '{tag}'");
                return Err(already_exists(&which, name, &account));
            }
            Some(_) if !repository.mutability.may_move(tag) => {
                return Err(ServiceError::new(
                    "ImageTagAlreadyExistsException",
                    format!(
                        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten \
                         because the tag is immutable."
                    ),
                ));
            }
            _ => {
                repository.image_tags.insert(tag.clone(), digest.clone());
            }
        },
        None if repository.images.contains_key(&digest) => {
            return Err(already_exists(&format!("Image with digest '{digest}'"), name, &account));
        }
        None => {}
    }
    let scan_on_push = repository.scan_on_push;
    repository.images.entry(digest.clone()).or_insert_with(|| Image {
        manifest: new.manifest,
        media_type: new.media_type,
        pushed_at: now,
        scan_started_at: scan_on_push.then_some(now),
    });
    Ok(digest)
}

fn already_exists(which: &str, name: &str, account: &str) -> ServiceError {
    ServiceError::new(
        "ImageAlreadyExistsException",
        format!("{which} already exists in the repository with name '{name}' in registry with id '{account}'"),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutInput {
    registry_id: Option<String>,
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

pub(super) fn put(world: &mut World, input: PutInput) -> Outcome {
    repository(world, input.registry_id.as_deref(), &input.repository_name)?;
    if let Some(tag) = &input.image_tag {
        check_tag(tag)?;
    }
    let media_type = media_type(&input.image_manifest, input.image_manifest_media_type)?;
    let digest = digest_of(input.image_manifest.as_bytes());
    if input.image_digest.as_ref().is_some_and(|given| *given != digest) {
        return Err(ServiceError::new(
            "ImageDigestDoesNotMatchException",
            format!(
                "The specified image digest '{}' does not match the digest '{digest}' that Amazon ECR calculated for \
                 the image.",
                input.image_digest.unwrap_or_default()
            ),
        ));
    }
    let new = NewImage { manifest: input.image_manifest, media_type: media_type.clone(), tag: input.image_tag.clone() };
    let manifest = new.manifest.clone();
    insert(world, &input.repository_name, new)?;
    Ok(json!({ "image": {
        "registryId": world.account,
        "repositoryName": input.repository_name,
        "imageId": ImageId { image_digest: Some(digest), image_tag: input.image_tag },
        "imageManifest": manifest,
        "imageManifestMediaType": media_type,
    } }))
}

/// The manifest's type: what the call says, else what the manifest says.
fn media_type(manifest: &str, given: Option<String>) -> Result<String, ServiceError> {
    const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    const KNOWN: [&str; 4] = [
        OCI_MANIFEST,
        DOCKER_MANIFEST,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ];
    let parsed: Value =
        serde_json::from_str(manifest).map_err(|_| invalid_parameter("imageManifest", "Invalid JSON syntax"))?;
    if parsed["schemaVersion"] != json!(2) {
        return Err(invalid_parameter("imageManifest", "Invalid image manifest: schemaVersion must be 2"));
    }
    let written = parsed["mediaType"].as_str();
    match (given, written) {
        (Some(given), Some(written)) if given != written => Err(invalid_parameter(
            "imageManifestMediaType",
            "must be the media type that is written in the image manifest",
        )),
        (Some(given), _) if KNOWN.contains(&given.as_str()) => Ok(given),
        (None, Some(written)) if KNOWN.contains(&written) => Ok(written.to_owned()),
        (None, None) => Err(invalid_parameter(
            "imageManifestMediaType",
            "must be given where the image manifest names no media type",
        )),
        _ => Err(invalid_parameter("imageManifestMediaType", "is not supported")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchInput {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageId>,
    #[serde(default)]
    accepted_media_types: Vec<String>,
}

fn check_count(ids: &[ImageId]) -> Result<(), ServiceError> {
    match ids.len() {
        1..=100 => Ok(()),
        0 => Err(invalid_parameter("imageIds", "Member must have length greater than or equal to 1")),
        _ => Err(invalid_parameter("imageIds", "Member must have length less than or equal to 100")),
    }
}

pub(super) fn batch_get(world: &mut World, input: BatchInput) -> Outcome {
    check_count(&input.image_ids)?;
    let repository = repository(world, input.registry_id.as_deref(), &input.repository_name)?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in &input.image_ids {
        let found = repository.find(id).and_then(|digest| {
            let image = repository.images.get(&digest).ok_or(Failure::NotFound)?;
            let accepted = &input.accepted_media_types;
            let fits = accepted.is_empty() || accepted.contains(&image.media_type);
            fits.then_some((digest, image)).ok_or(Failure::NotFound)
        });
        match found {
            Ok((digest, image)) => images.push(json!({
                "registryId": world.account,
                "repositoryName": input.repository_name,
                "imageId": ImageId { image_digest: Some(digest), image_tag: id.image_tag.clone() },
                "imageManifest": image.manifest,
                "imageManifestMediaType": image.media_type,
            })),
            Err(failure) => failures.push(failure.to_json(id)),
        }
    }
    Ok(json!({ "images": images, "failures": failures }))
}

/// By tag alone only the tag goes, and the image with its last tag; by digest the image goes with all its tags.
pub(super) fn batch_delete(world: &mut World, input: BatchInput) -> Outcome {
    check_count(&input.image_ids)?;
    let repository = repository_mut(world, input.registry_id.as_deref(), &input.repository_name)?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in &input.image_ids {
        let digest = match repository.find(id) {
            Ok(digest) => digest,
            Err(failure) => {
                failures.push(failure.to_json(id));
                continue;
            }
        };
        let tags: Vec<String> = match (&id.image_digest, &id.image_tag) {
            (None, Some(tag)) => vec![tag.clone()],
            _ => repository.tags_of(&digest).into_iter().map(str::to_owned).collect(),
        };
        for tag in &tags {
            repository.image_tags.remove(tag);
            deleted.push(ImageId { image_digest: Some(digest.clone()), image_tag: Some(tag.clone()) });
        }
        if tags.is_empty() {
            deleted.push(ImageId { image_digest: Some(digest.clone()), image_tag: None });
        }
        if repository.tags_of(&digest).is_empty() {
            repository.images.remove(&digest);
        }
    }
    Ok(json!({ "imageIds": deleted, "failures": failures }))
}
