//! What a cloud keeps: its state on disk, and for a while what was before a write.

use std::time::Duration;

use ropewalk_cloud::admin::ReadLag;
use ropewalk_cloud::admin::faults::{Fault, FaultKind};
use ropewalk_cloud::{Cloud, Settings};
use serde_json::json;

use crate::stage::{Stage, wait};
use crate::support;

#[tokio::test(start_paused = true)]
async fn a_cloud_that_is_opened_again_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let settings = || Settings { data: Some(directory.path().to_owned()), ..support::settings() };
    let stage = Stage { cloud: Cloud::open(settings()).unwrap() };
    stage.set().await;
    stage.create("v1", 2).await;
    wait(30).await;
    stage.deploy("v2").await;
    let before = stage.service().await;
    let left_at = stage.cloud.clock().now();
    drop(stage);

    // The settings' clock starts at noon again: the cloud's own goes on from what was saved.
    let stage = Stage { cloud: Cloud::open(settings()).unwrap() };
    assert_eq!(stage.cloud.clock().now(), left_at);
    assert_eq!(stage.service().await, before);
    wait(120).await;
    assert_eq!(stage.service_deployments().await[0]["status"], "SUCCESSFUL");
    let roles = support::iam(&stage.cloud).list_roles().send().await.unwrap();
    assert_eq!(roles.roles().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_answered_write_is_on_disk_before_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let settings = || Settings { data: Some(directory.path().to_owned()), ..support::settings() };
    let stage = Stage { cloud: Cloud::open(settings()).unwrap() };
    stage.set().await;
    for revision in 1..=5 {
        let arn = stage.register("v1").await;
        // Nothing is closed or flushed: another process reads what a killed one has left.
        let copy = Stage { cloud: Cloud::open(settings()).unwrap() };
        let read = copy.ecs("DescribeTaskDefinition", json!({"taskDefinition": "agent"})).await;
        assert_eq!(read["taskDefinition"]["taskDefinitionArn"], json!(arn));
        assert_eq!(read["taskDefinition"]["revision"], json!(revision));
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_file_that_is_none_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("accounts/211125768252");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("us-east-1.json"), "{").unwrap();
    let settings = Settings { data: Some(directory.path().to_owned()), ..support::settings() };
    let error = Cloud::open(settings).unwrap_err().to_string();
    assert!(error.contains("us-east-1.json is not a state file"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn reads_lag_behind_writes_for_as_long_as_they_are_told_to() {
    let stage = Stage::new().await;
    stage.admin().set_read_lag(ReadLag { seconds: 3.0 }).await.unwrap();
    let input = crate::stage::service(&stage.register("v1").await);
    stage.ecs("CreateService", input).await;
    let which = json!({"cluster": "agents", "services": ["agent"]});
    let early = stage.ecs("DescribeServices", which.clone()).await;
    assert_eq!(early["failures"][0]["reason"], "MISSING");
    tokio::time::advance(Duration::from_secs(3)).await;
    let late = stage.ecs("DescribeServices", which).await;
    assert_eq!(late["services"][0]["status"], "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_shows_what_was_before_the_last_write() {
    let stage = Stage::new().await;
    stage.create("v1", 1).await;
    let fault = Fault {
        service: "ecs".into(),
        operation: "DescribeServices".into(),
        times: 1,
        after: 0,
        percent: 100,
        kind: FaultKind::StaleRead,
    };
    stage.admin().add_faults(vec![fault]).await.unwrap();
    stage.update(json!({"desiredCount": 5})).await;
    assert_eq!(stage.service().await["desiredCount"], 1);
    assert_eq!(stage.service().await["desiredCount"], 5);
}
