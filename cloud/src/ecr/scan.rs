//! Image scans. What a scan finds follows from the digest alone, and nothing that it finds is HIGH or CRITICAL: an
//! image without a behaviour is a good one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::images::ImageId;
use super::{Image, listing, repository, repository_mut};
use crate::paging::page;
use crate::service::{Outcome, ServiceError, epoch_seconds};
use crate::world::World;

/// How long a scan takes.
const DURATION: SignedDuration = SignedDuration::from_secs(10);
/// An image may be scanned by hand once in this time (Amazon ECR user guide, basic scanning).
const PAUSE: SignedDuration = SignedDuration::from_hours(24);

fn completed_at(image: &Image, now: Timestamp) -> Option<Timestamp> {
    image.scan_started_at.map(|started| started + DURATION).filter(|done| *done <= now)
}

fn status(image: &Image, now: Timestamp) -> Option<Value> {
    image.scan_started_at?;
    Some(match completed_at(image, now) {
        Some(_) => json!({ "status": "COMPLETE", "description": "The scan was completed successfully." }),
        None => json!({ "status": "IN_PROGRESS", "description": "The scan is in progress." }),
    })
}

/// The vulnerabilities of a digest: none, one or two of little weight.
fn vulnerabilities(digest: &str) -> Vec<(String, &'static str)> {
    let hash = Sha256::digest(digest);
    let severities = ["INFORMATIONAL", "LOW", "MEDIUM"];
    (0..usize::from(hash[0] % 3))
        .map(|index| {
            let number = 1000 + u32::from(hash[index + 1]) * 4;
            (format!("CVE-2025-{number}"), severities[usize::from(hash[index + 8]) % severities.len()])
        })
        .collect()
}

fn counts(digest: &str) -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    for (_, severity) in vulnerabilities(digest) {
        *counts.entry(severity).or_default() += 1;
    }
    counts
}

/// Adds what DescribeImages says of an image's scan.
pub(super) fn add_summary(now: Timestamp, digest: &str, image: &Image, detail: &mut Value) {
    let Some(status) = status(image, now) else { return };
    detail["imageScanStatus"] = status;
    if let Some(done) = completed_at(image, now) {
        detail["imageScanFindingsSummary"] = json!({
            "imageScanCompletedAt": epoch_seconds(done),
            "vulnerabilitySourceUpdatedAt": epoch_seconds(done),
            "findingSeverityCounts": counts(digest),
        });
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StartInput {
    registry_id: Option<String>,
    repository_name: String,
    image_id: ImageId,
}

pub(super) fn start(world: &mut World, input: StartInput) -> Outcome {
    let now = world.now;
    let name = &input.repository_name;
    let missing = listing::not_found(world, name, &input.image_id);
    let repository = repository_mut(world, input.registry_id.as_deref(), name)?;
    let digest = repository.find(&input.image_id).map_err(|_| missing.clone())?;
    let image = repository.images.get_mut(&digest).ok_or(missing)?;
    if image.scan_started_at.is_some_and(|started| now < started + PAUSE) {
        return Err(ServiceError::new(
            "LimitExceededException",
            "The scan quota per image has been exceeded. Wait and try again.",
        ));
    }
    image.scan_started_at = Some(now);
    Ok(json!({
        "registryId": world.account,
        "repositoryName": name,
        "imageId": ImageId { image_digest: Some(digest), image_tag: input.image_id.image_tag },
        "imageScanStatus": { "status": "IN_PROGRESS" },
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FindingsInput {
    registry_id: Option<String>,
    repository_name: String,
    image_id: ImageId,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn findings(world: &mut World, input: FindingsInput) -> Outcome {
    let name = &input.repository_name;
    let repository = repository(world, input.registry_id.as_deref(), name)?;
    let missing = || listing::not_found(world, name, &input.image_id);
    let digest = repository.find(&input.image_id).map_err(|_| missing())?;
    let image = repository.images.get(&digest).ok_or_else(missing)?;
    let status = status(image, world.now).ok_or_else(|| {
        ServiceError::new(
            "ScanNotFoundException",
            format!(
                "Image scan does not exist for the image with '{}' in the repository with name '{name}' in the \
                 registry with id '{}'",
                input.image_id.text(),
                world.account
            ),
        )
    })?;
    let mut answer = json!({
        "registryId": world.account,
        "repositoryName": name,
        "imageId": ImageId { image_digest: Some(digest.clone()), image_tag: input.image_id.image_tag.clone() },
        "imageScanStatus": status,
    });
    if let Some(done) = completed_at(image, world.now) {
        let all = vulnerabilities(&digest).into_iter().enumerate().map(|(index, (cve, severity))| {
            let finding = json!({
                "name": cve,
                "uri": format!("https://security-tracker.debian.org/tracker/{cve}"),
                "severity": severity,
                "attributes": [{ "key": "package_name", "value": "libexample" }],
            });
            (format!("{index:04}"), finding)
        });
        let limit = listing::page_size(input.max_results)?;
        let page = page(all, limit, input.next_token.as_deref())
            .map_err(|_| super::invalid_parameter("nextToken", "Invalid token"))?;
        answer["imageScanFindings"] = json!({
            "imageScanCompletedAt": epoch_seconds(done),
            "vulnerabilitySourceUpdatedAt": epoch_seconds(done),
            "findings": page.items,
            "findingSeverityCounts": counts(&digest),
        });
        if let Some(next) = page.next {
            answer["nextToken"] = json!(next);
        }
    }
    Ok(answer)
}
