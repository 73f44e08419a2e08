//! Pushes from outside: what `docker push` does, with the behaviour of the image's tasks in its manifest.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::images::{NewImage, insert};
use crate::admin::{Push, Pushed};
use crate::behaviour::Behaviour;
use crate::service::ServiceError;
use crate::world::World;

pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BEHAVIOUR: &str = "dev.ropewalk.behaviour";
const READY_AFTER: &str = "dev.ropewalk.ready-after-seconds";

/// Puts an image under a tag; pushing what is there already changes nothing.
///
/// # Errors
/// `RepositoryNotFoundException`, and `ImageTagAlreadyExistsException` where the tag may not move.
pub(crate) fn push(world: &mut World, push: Push) -> Result<Pushed, ServiceError> {
    super::images::check_tag(&push.tag)?;
    let manifest = manifest(&push);
    let digest = digest_of(manifest.as_bytes());
    let repository = super::repository(world, None, &push.repository)?;
    if repository.image_tags.get(&push.tag) == Some(&digest) {
        return Ok(Pushed { digest });
    }
    let image = NewImage { manifest, media_type: OCI_MANIFEST.to_owned(), tag: Some(push.tag) };
    insert(world, &push.repository, image)?;
    Ok(Pushed { digest })
}

/// As [`push`], for what a cloud starts with: an image whose repository does not exist yet waits for it, and a tag that
/// is there stays as it is.
pub(crate) fn push_or_wait(world: &mut World, image: Push) -> Result<(), ServiceError> {
    super::images::check_tag(&image.tag)?;
    super::check_repository_name(&image.repository)?;
    match world.ecr.repositories.get(&image.repository) {
        Some(repository) if repository.image_tags.contains_key(&image.tag) => Ok(()),
        Some(_) => push(world, image).map(drop),
        None => {
            let waiting = world.ecr.waiting.entry(image.repository.clone()).or_default();
            if !waiting.iter().any(|other| other.tag == image.tag) {
                waiting.push(image);
            }
            Ok(())
        }
    }
}

/// Pushes what waited for this repository.
pub(super) fn push_waiting(world: &mut World, repository: &str) -> Result<(), ServiceError> {
    for image in world.ecr.waiting.remove(repository).unwrap_or_default() {
        push(world, image)?;
    }
    Ok(())
}

/// `sha256:` and the hexadecimal digest, as registries name content.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// How the tasks of an image behave, from its manifest; what says nothing is healthy.
pub(super) fn annotated_behaviour(manifest: &str) -> (Behaviour, Option<Duration>) {
    let manifest: Value = serde_json::from_str(manifest).unwrap_or_default();
    let annotation = |name: &str| manifest["annotations"][name].as_str();
    let behaviour = annotation(BEHAVIOUR).and_then(|text| text.parse().ok()).unwrap_or_default();
    let ready_after = annotation(READY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    (behaviour, ready_after)
}

/// The OCI manifest of a push. Its one layer stands for the image's content.
fn manifest(push: &Push) -> String {
    let payload = push.payload.as_deref().unwrap_or_default();
    let layer = format!("{}:{}\n{}\n{payload}", push.repository, push.tag, push.behaviour);
    let layer_digest = digest_of(layer.as_bytes());
    let config = json!({
        "architecture": "arm64",
        "os": "linux",
        "config": { "ExposedPorts": { "8001/tcp": {} } },
        "rootfs": { "type": "layers", "diff_ids": [layer_digest] },
    })
    .to_string();
    let mut annotations = json!({ BEHAVIOUR: push.behaviour.to_string() });
    if let Some(seconds) = push.ready_after_seconds {
        annotations[READY_AFTER] = json!(seconds.to_string());
    }
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(config.as_bytes()),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": layer_digest,
            "size": 52_428_800,
        }],
        "annotations": annotations,
    })
    .to_string()
}
