//! ECR by the SDK: repositories, images under mutable and immutable tags, policies, scans.

use std::time::Duration;

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{
    ImageIdentifier, ImageScanningConfiguration, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    ImageTagMutabilityExclusionFilterType, ScanStatus, Tag,
};
use ropewalk_cloud::admin::{self, Push};
use ropewalk_cloud::behaviour::Behaviour;

use crate::support;

const NAME: &str = "vitracka/test-agent";

fn latest() -> ImageTagMutabilityExclusionFilter {
    ImageTagMutabilityExclusionFilter::builder()
        .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
        .filter("latest*")
        .build()
        .unwrap()
}

fn image(tag: &str, behaviour: Behaviour) -> Push {
    Push { repository: NAME.into(), tag: tag.into(), behaviour, ready_after_seconds: None, payload: None }
}

fn tagged(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

async fn create(ecr: &aws_sdk_ecr::Client) {
    ecr.create_repository()
        .repository_name(NAME)
        .image_tag_mutability(ImageTagMutability::ImmutableWithExclusion)
        .image_tag_mutability_exclusion_filters(latest())
        .image_scanning_configuration(ImageScanningConfiguration::builder().scan_on_push(true).build())
        .tags(Tag::builder().key("ropewalk:ledger").value("l1").build().unwrap())
        .send()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_repository_is_described_as_it_was_made() {
    let cloud = support::cloud();
    let ecr = support::ecr(&cloud);
    create(&ecr).await;
    let again = ecr.create_repository().repository_name(NAME).send().await.unwrap_err();
    assert_eq!(again.code(), Some("RepositoryAlreadyExistsException"));
    let found = ecr.describe_repositories().repository_names(NAME).send().await.unwrap();
    let repository = &found.repositories()[0];
    assert_eq!(repository.repository_uri(), Some("211125768252.dkr.ecr.us-east-1.amazonaws.com/vitracka/test-agent"));
    assert_eq!(repository.image_tag_mutability(), Some(&ImageTagMutability::ImmutableWithExclusion));
    assert_eq!(repository.image_tag_mutability_exclusion_filters(), [latest()]);
    assert_eq!(repository.created_at().unwrap().secs(), 1_793_620_800);
    let arn = repository.repository_arn().unwrap();
    let tags = ecr.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!((tags.tags()[0].key(), tags.tags()[0].value()), ("ropewalk:ledger", "l1"));
    let missing = ecr.describe_repositories().repository_names("none").send().await.unwrap_err();
    assert_eq!(
        missing.message(),
        Some("The repository with name 'none' does not exist in the registry with id '211125768252'")
    );
    assert!(missing.into_service_error().is_repository_not_found_exception());
    let no_filter =
        ecr.put_image_tag_mutability().repository_name(NAME).image_tag_mutability(ImageTagMutability::Mutable);
    no_filter.send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_immutable_tag_keeps_its_digest_and_an_excluded_one_moves() {
    let cloud = support::cloud();
    let (ecr, admin) = (support::ecr(&cloud), admin::Client::in_process(&cloud));
    let early = admin.push(&image("v1", Behaviour::Healthy)).await.unwrap_err();
    assert!(early.to_string().starts_with("RepositoryNotFoundException"), "{early}");
    create(&ecr).await;
    let first = admin.push(&image("v1", Behaviour::Healthy)).await.unwrap();
    assert_eq!(admin.push(&image("v1", Behaviour::Healthy)).await.unwrap(), first);
    let moved = admin.push(&image("v1", Behaviour::Crash)).await.unwrap_err();
    assert_eq!(
        moved.to_string(),
        "ImageTagAlreadyExistsException: The image tag 'v1' already exists in the 'vitracka/test-agent' repository and \
         cannot be overwritten because the tag is immutable."
    );
    let one = admin.push(&image("latest", Behaviour::Healthy)).await.unwrap();
    let other = admin.push(&image("latest", Behaviour::Crash)).await.unwrap();
    assert_ne!(one, other);
    let images = ecr.describe_images().repository_name(NAME).image_ids(tagged("latest")).send().await.unwrap();
    assert_eq!(images.image_details()[0].image_digest(), Some(other.digest.as_str()));
    let all = ecr.list_images().repository_name(NAME).send().await.unwrap();
    assert_eq!(all.image_ids().len(), 3);
    let missing = ecr.describe_images().repository_name(NAME).image_ids(tagged("v9")).send().await.unwrap_err();
    assert_eq!(
        missing.message(),
        Some(
            "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name \
             'vitracka/test-agent' in the registry with id '211125768252'"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn images_are_copied_and_deleted_by_tag_and_by_digest() {
    let cloud = support::cloud();
    let (ecr, admin) = (support::ecr(&cloud), admin::Client::in_process(&cloud));
    create(&ecr).await;
    let digest = admin.push(&image("v1", Behaviour::Healthy)).await.unwrap().digest;
    let got = ecr.batch_get_image().repository_name(NAME).image_ids(tagged("v1")).image_ids(tagged("v9"));
    let got = got.send().await.unwrap();
    assert_eq!(got.failures()[0].failure_reason(), Some("Requested image not found"));
    let manifest = got.images()[0].image_manifest().unwrap();
    let put = ecr.put_image().repository_name(NAME).image_manifest(manifest).image_tag("keep");
    let put = put.image_digest(&digest).send().await.unwrap();
    assert_eq!(put.image().unwrap().image_id().unwrap().image_digest(), Some(digest.as_str()));
    let wrong = ecr.put_image().repository_name(NAME).image_manifest(manifest).image_tag("bad");
    let wrong = wrong.image_digest(digest.replace('a', "b")).send().await.unwrap_err();
    assert!(wrong.into_service_error().is_image_digest_does_not_match_exception());
    let not_empty = ecr.delete_repository().repository_name(NAME).send().await.unwrap_err();
    assert!(not_empty.into_service_error().is_repository_not_empty_exception());
    ecr.batch_delete_image().repository_name(NAME).image_ids(tagged("v1")).send().await.unwrap();
    let left = ecr.describe_images().repository_name(NAME).send().await.unwrap();
    assert_eq!(left.image_details()[0].image_tags(), ["keep"]);
    let by_digest = ImageIdentifier::builder().image_digest(&digest).build();
    ecr.batch_delete_image().repository_name(NAME).image_ids(by_digest).send().await.unwrap();
    ecr.delete_repository().repository_name(NAME).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lifecycle_and_repository_policies_are_given_back_as_they_came() {
    let cloud = support::cloud();
    let ecr = support::ecr(&cloud);
    create(&ecr).await;
    let none = ecr.get_lifecycle_policy().repository_name(NAME).send().await.unwrap_err();
    assert!(none.into_service_error().is_lifecycle_policy_not_found_exception());
    let text = r#"{"rules": [{"rulePriority": 1, "description": "untagged images go after a week", "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}, "action": {"type": "expire"}}]}"#;
    ecr.put_lifecycle_policy().repository_name(NAME).lifecycle_policy_text(text).send().await.unwrap();
    let kept = ecr.get_lifecycle_policy().repository_name(NAME).send().await.unwrap();
    assert_eq!(kept.lifecycle_policy_text(), Some(text));
    let none = ecr.get_repository_policy().repository_name(NAME).send().await.unwrap_err();
    assert!(none.into_service_error().is_repository_policy_not_found_exception());
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}"#;
    ecr.set_repository_policy().repository_name(NAME).policy_text(policy).send().await.unwrap();
    let kept = ecr.get_repository_policy().repository_name(NAME).send().await.unwrap();
    assert_eq!(kept.policy_text(), Some(policy));
}

#[tokio::test(start_paused = true)]
async fn a_push_is_scanned_and_the_scan_takes_its_time() {
    let cloud = support::cloud();
    let (ecr, admin) = (support::ecr(&cloud), admin::Client::in_process(&cloud));
    create(&ecr).await;
    admin.push(&image("v1", Behaviour::Healthy)).await.unwrap();
    let scan = || ecr.describe_image_scan_findings().repository_name(NAME).image_id(tagged("v1")).send();
    let early = scan().await.unwrap();
    assert_eq!(early.image_scan_status().unwrap().status(), Some(&ScanStatus::InProgress));
    tokio::time::advance(Duration::from_secs(11)).await;
    let done = scan().await.unwrap();
    assert_eq!(done.image_scan_status().unwrap().status(), Some(&ScanStatus::Complete));
    let findings = done.image_scan_findings().unwrap().findings();
    assert_eq!(findings, scan().await.unwrap().image_scan_findings().unwrap().findings());
    let again = ecr.start_image_scan().repository_name(NAME).image_id(tagged("v1")).send().await.unwrap_err();
    assert_eq!(again.code(), Some("LimitExceededException"));
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let cloud = support::cloud();
    let ecr = support::ecr(&cloud);
    for number in 0..5 {
        ecr.create_repository().repository_name(format!("r{number}")).send().await.unwrap();
    }
    let pages = ecr.describe_repositories().into_paginator().page_size(2).send().collect::<Result<Vec<_>, _>>().await;
    let sizes: Vec<usize> = pages.unwrap().iter().map(|page| page.repositories().len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
}
