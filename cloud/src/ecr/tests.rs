use proptest::prelude::*;
use serde_json::json;

use super::{call, resolve};
use crate::admin::Push;
use crate::behaviour::Behaviour;
use crate::world::World;

fn world() -> World {
    let mut world = World::new("211125768252", "us-east-1", "2026-11-02T12:00:00Z".parse().unwrap(), 7);
    call(&mut world, "CreateRepository", json!({ "repositoryName": "vitracka/agent" })).unwrap();
    world
}

fn push(tag: &str, behaviour: Behaviour) -> Push {
    let repository = "vitracka/agent".to_owned();
    Push { repository, tag: tag.to_owned(), behaviour, ready_after_seconds: None, payload: None }
}

const REGISTRY: &str = "211125768252.dkr.ecr.us-east-1.amazonaws.com";

#[test]
fn a_task_gets_the_image_of_its_tag_or_digest_and_how_it_behaves() {
    let mut world = world();
    let mut crash = push("v1", Behaviour::Crash);
    crash.ready_after_seconds = Some(90);
    let digest = super::push(&mut world, crash).unwrap().digest;
    for reference in
        ["vitracka/agent:v1".to_owned(), format!("vitracka/agent@{digest}"), format!("vitracka/agent:x@{digest}")]
    {
        let found = resolve(&world, &format!("{REGISTRY}/{reference}")).unwrap();
        assert_eq!((&found.digest, found.behaviour), (&digest, Behaviour::Crash));
        assert_eq!(found.ready_after.map(|time| time.as_secs()), Some(90));
    }
    let missing = resolve(&world, &format!("{REGISTRY}/vitracka/agent:v2")).unwrap_err();
    assert_eq!(
        missing,
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
             {REGISTRY}/vitracka/agent:v2: {REGISTRY}/vitracka/agent:v2: not found"
        )
    );
    assert!(resolve(&world, "docker.io/library/python:3.11").is_err());
}

#[test]
fn a_tag_moved_by_hand_takes_the_behaviour_of_its_digest_along() {
    let mut world = world();
    super::push(&mut world, push("v1", Behaviour::Errors(20))).unwrap();
    let image = call(
        &mut world,
        "BatchGetImage",
        json!({ "repositoryName": "vitracka/agent", "imageIds": [{ "imageTag": "v1" }] }),
    )
    .unwrap();
    let manifest = image["images"][0]["imageManifest"].clone();
    let input = json!({ "repositoryName": "vitracka/agent", "imageManifest": manifest, "imageTag": "latest" });
    call(&mut world, "PutImage", input.clone()).unwrap();
    let found = resolve(&world, &format!("{REGISTRY}/vitracka/agent")).unwrap();
    assert_eq!(found.behaviour, Behaviour::Errors(20));
    let again = call(&mut world, "PutImage", input).unwrap_err();
    assert_eq!(again.code, "ImageAlreadyExistsException");
}

#[test]
fn the_same_push_is_the_same_image_and_another_behaviour_another_one() {
    let (mut one, mut other) = (world(), world());
    let first = super::push(&mut one, push("v1", Behaviour::Healthy)).unwrap();
    assert_eq!(super::push(&mut other, push("v1", Behaviour::Healthy)).unwrap(), first);
    assert_eq!(super::push(&mut one, push("v1", Behaviour::Healthy)).unwrap(), first);
    let mut digests = vec![first.digest];
    digests.push(super::push(&mut one, push("v1", Behaviour::Crash)).unwrap().digest);
    digests.push(super::push(&mut one, push("v2", Behaviour::Healthy)).unwrap().digest);
    let mut payload = push("v2", Behaviour::Healthy);
    payload.payload = Some("other code".to_owned());
    digests.push(super::push(&mut one, payload).unwrap().digest);
    let distinct: std::collections::BTreeSet<&String> = digests.iter().collect();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn lifecycle_policies_that_ecr_refuses_are_refused() {
    let rule = |priority: u32, selection: serde_json::Value| {
        json!({ "rulePriority": priority, "description": "as long as a sentence, so that the text is long enough",
                "selection": selection, "action": { "type": "expire" } })
    };
    let any = json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10 });
    let untagged =
        json!({ "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7 });
    let tagged = json!({ "tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 10 });
    let mut world = world();
    let mut put = |rules: serde_json::Value| {
        let text = json!({ "rules": rules }).to_string();
        let input = json!({ "repositoryName": "vitracka/agent", "lifecyclePolicyText": text });
        call(&mut world, "PutLifecyclePolicy", input).map_err(|error| error.message)
    };
    assert!(put(json!([rule(1, untagged.clone()), rule(2, any.clone())])).is_ok());
    for (rules, reason) in [
        (
            json!([rule(1, any.clone()), rule(2, untagged.clone())]),
            "Rule for tagStatus=ANY must have the lowest priority",
        ),
        (json!([rule(1, tagged)]), "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."),
        (json!([rule(1, untagged.clone()), rule(1, any)]), "rulePriority 1 is used by more than one rule."),
        (json!([rule(1, untagged.clone()), rule(2, untagged)]), "Only one rule can select Untagged images"),
        (json!([rule(1, json!({ "tagStatus": "sometimes" }))]), "Could not map policyString into LifecyclePolicy."),
    ] {
        let text = put(rules).unwrap_err();
        let start = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation \
                     failure: ";
        assert!(text.starts_with(&format!("{start}{reason}")), "{text}");
    }
}

proptest! {
    #[test]
    fn a_digest_is_the_hash_of_the_manifest_that_is_given_back(
        tag in "[a-z][a-z0-9.]{0,8}",
        percent in 0u8..=100,
        payload in "[ -~]{0,20}",
    ) {
        use sha2::{Digest, Sha256};
        let mut world = world();
        let mut image = push(&tag, Behaviour::Errors(percent));
        image.payload = Some(payload);
        let digest = super::push(&mut world, image).unwrap().digest;
        let input = json!({ "repositoryName": "vitracka/agent", "imageIds": [{ "imageDigest": digest }] });
        let answer = call(&mut world, "BatchGetImage", input).unwrap();
        let manifest = answer["images"][0]["imageManifest"].as_str().unwrap();
        let hash: String = Sha256::digest(manifest).iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(digest, format!("sha256:{hash}"));
    }

    #[test]
    fn repository_names_are_those_of_ecr(name in "[a-c1._/-]{0,8}") {
        // The documented pattern, by hand: parts between slashes, single separators between letters and digits.
        let part = |part: &str| part.split(['.', '_', '-']).all(|word| !word.is_empty());
        let expected = name.len() >= 2 && name.split('/').all(part);
        prop_assert_eq!(super::check_repository_name(&name).is_ok(), expected, "{}", name);
    }
}
