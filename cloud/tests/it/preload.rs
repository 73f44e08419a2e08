//! What a cloud starts with.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::ImageIdentifier;
use ropewalk_cloud::admin::{self, Preload, PreloadImage, Push};
use ropewalk_cloud::behaviour::Behaviour;
use serde_json::json;

use crate::support;

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:211125768252:secret:bedrock-api-key";

fn preload() -> Preload {
    let image = |tag: &str| PreloadImage {
        repository: "vitracka/test-agent".into(),
        tag: tag.into(),
        behaviour: Behaviour::Healthy,
        ready_after_seconds: None,
    };
    Preload {
        clusters: vec!["agents".into()],
        subnets: vec!["subnet-0a1b2c3d".into()],
        security_groups: vec!["sg-0a1b2c3d".into()],
        secrets: vec![SECRET.into()],
        images: vec![image("v0.1.0"), image("latest")],
        policies: BTreeMap::from([(
            "arn:aws:iam::211125768252:policy/boundary".into(),
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#.into(),
        )]),
        ..Preload::default()
    }
}

#[tokio::test(start_paused = true)]
async fn images_wait_for_their_repository_and_appear_with_it() {
    let cloud = support::cloud();
    let (ecr, admin) = (support::ecr(&cloud), admin::Client::in_process(&cloud));
    for _ in 0..2 {
        admin.preload(&preload()).await.unwrap();
    }
    let clusters = support::ecs(&cloud).list_clusters().send().await.unwrap();
    assert_eq!(clusters.cluster_arns(), ["arn:aws:ecs:us-east-1:211125768252:cluster/agents"]);
    assert_eq!(ecr.describe_repositories().send().await.unwrap().repositories().len(), 0);
    ecr.create_repository().repository_name("vitracka/test-agent").send().await.unwrap();
    let images = ecr.list_images().repository_name("vitracka/test-agent").send().await.unwrap();
    let tags: Vec<_> = images.image_ids().iter().map(|id| id.image_tag().unwrap()).collect();
    assert_eq!((tags.len(), tags.contains(&"latest"), tags.contains(&"v0.1.0")), (2, true, true));

    // A preload does not take back what was pushed meanwhile.
    let repository = "vitracka/test-agent".to_owned();
    let crash = Push {
        repository,
        tag: "latest".into(),
        behaviour: Behaviour::Crash,
        ready_after_seconds: None,
        payload: None,
    };
    let pushed = admin.push(&crash).await.unwrap();
    admin.preload(&preload()).await.unwrap();
    let latest = ImageIdentifier::builder().image_tag("latest").build();
    let now = ecr.describe_images().repository_name("vitracka/test-agent").image_ids(latest).send().await.unwrap();
    assert_eq!(now.image_details()[0].image_digest(), Some(pushed.digest.as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_preloaded_secret_has_a_value_and_keeps_the_one_that_people_put() {
    let cloud = support::cloud();
    let admin = admin::Client::in_process(&cloud);
    admin.preload(&preload()).await.unwrap();
    let put = json!({ "SecretId": SECRET, "SecretString": "mine" });
    support::raw(&cloud, "secretsmanager.PutSecretValue", put).await;
    admin.preload(&preload()).await.unwrap();
    let read = support::raw(&cloud, "secretsmanager.GetSecretValue", json!({ "SecretId": "bedrock-api-key" })).await;
    assert_eq!(read.1["SecretString"], "mine");
    let list = support::raw(&cloud, "secretsmanager.ListSecrets", json!({})).await.1;
    assert_eq!(list["SecretList"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_preload_cannot_put_there_is_refused_by_name() {
    let cloud = support::cloud();
    let admin = admin::Client::in_process(&cloud);
    let wrong = Preload { secrets: vec!["arn:aws:s3:::bucket".into()], ..Preload::default() };
    let refused = admin.preload(&wrong).await.unwrap_err().to_string();
    assert!(refused.contains("arn:aws:s3:::bucket is no ARN of a secret"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let settings = || ropewalk_cloud::Settings { data: Some(directory.path().to_owned()), ..support::settings() };
    let digest = {
        let cloud = ropewalk_cloud::Cloud::open(settings()).unwrap();
        let admin = admin::Client::in_process(&cloud);
        admin.preload(&preload()).await.unwrap();
        let ecr = support::ecr(&cloud);
        ecr.create_repository().repository_name("vitracka/test-agent").send().await.unwrap();
        let logs = support::logs(&cloud);
        logs.create_log_group().log_group_name("/ecs/dev/a").send().await.unwrap();
        let images = ecr.describe_images().repository_name("vitracka/test-agent").send().await.unwrap();
        images.image_details()[0].image_digest().unwrap().to_owned()
    };
    let cloud = ropewalk_cloud::Cloud::open(settings()).unwrap();
    let images = support::ecr(&cloud).describe_images().repository_name("vitracka/test-agent").send().await.unwrap();
    assert_eq!(images.image_details()[0].image_digest(), Some(digest.as_str()));
    assert_eq!(support::logs(&cloud).describe_log_groups().send().await.unwrap().log_groups().len(), 1);
    let iam = support::iam(&cloud);
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    let role = iam.create_role().role_name("agent").assume_role_policy_document(trust);
    role.permissions_boundary("arn:aws:iam::211125768252:policy/boundary").send().await.unwrap();
}
