//! A task starts only if its roles allow its image, its secrets and its log group.

use serde_json::{Value, json};

use crate::stage::{self, LOG_GROUP, Stage, execution_policy, wait};
use crate::support;

/// The reason for which the first task of a new service stopped.
async fn reason(stage: &Stage, tag: &str) -> String {
    stage.create(tag, 1).await;
    wait(20).await;
    assert_eq!(stage.tasks("RUNNING").await.iter().filter(|task| task["lastStatus"] == "RUNNING").count(), 0);
    let task = &stage.tasks("STOPPED").await[0];
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    task["stoppedReason"].as_str().unwrap().to_owned()
}

/// The execution policy without its statement number `index`.
fn without(index: usize) -> Value {
    let mut policy = execution_policy();
    policy["Statement"].as_array_mut().unwrap().remove(index);
    policy
}

#[tokio::test(start_paused = true)]
async fn each_missing_permission_stops_the_task_with_its_own_reason() {
    const NO_AUTH: &str =
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed";
    let cases = [
        (0, NO_AUTH, "ecr:GetAuthorizationToken on resource: *"),
        (1, "CannotPullContainerError: ", "ecr:BatchCheckLayerAvailability on resource: arn:aws:ecr:"),
        (2, "ResourceInitializationError: failed to validate logger args: ", "logs:CreateLogStream on resource: "),
        (3, NO_AUTH, "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:"),
    ];
    for (index, start, middle) in cases {
        let stage = Stage::new().await;
        stage.put_execution_policy(&without(index)).await;
        let reason = reason(&stage, "v1").await;
        assert!(reason.starts_with(start) && reason.contains(middle), "{reason}");
        // The permission that was missing is granted, and the next task starts.
        stage.put_execution_policy(&execution_policy()).await;
        wait(120).await;
        assert_eq!(stage.service().await["runningCount"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_there_cannot_be_pulled() {
    let stage = Stage::new().await;
    let reason = reason(&stage, "v99").await;
    assert!(reason.starts_with("CannotPullContainerError: ") && reason.ends_with("not found"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_log_group_that_is_not_there_stops_the_task() {
    let stage = Stage::new().await;
    stage.json("Logs_20140328.DeleteLogGroup", json!({"logGroupName": LOG_GROUP})).await;
    let reason = reason(&stage, "v1").await;
    assert!(reason.contains("ResourceNotFoundException: The specified log group does not exist."), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_ecs_cannot_take_on_is_told_in_an_event_and_counts_for_the_breaker() {
    let stage = Stage::new().await;
    stage.make_role("strange", "lambda.amazonaws.com").await;
    let mut definition = stage::task_definition("v1");
    definition["taskRoleArn"] = json!(format!("arn:aws:iam::{}:role/strange", stage::ACCOUNT));
    let made = stage.ecs("RegisterTaskDefinition", definition).await;
    let arn = made["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned();
    stage.ecs("CreateService", stage::service(&arn)).await;
    wait(300).await;
    let texts = stage.events().await;
    let start = "(service agent) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::";
    assert!(texts[0].starts_with(start), "{texts:#?}");
    assert_eq!(stage.service_deployments().await[0]["status"], "STOPPED");
    assert_eq!(stage.tasks("STOPPED").await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn later_tasks_of_a_revision_run_the_digest_of_the_first_whatever_the_tag_says() {
    let stage = Stage::new().await;
    stage.create("v1", 1).await;
    wait(120).await;
    let digest = stage.tasks("RUNNING").await[0]["containers"][0]["imageDigest"].clone();
    let moved = stage.push("v1", "crash").await;
    assert_ne!(json!(moved), digest);
    stage.update(json!({"desiredCount": 3})).await;
    wait(120).await;
    for task in stage.tasks("RUNNING").await {
        assert_eq!((&task["containers"][0]["imageDigest"], &task["healthStatus"]), (&digest, &json!("HEALTHY")));
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_write_to_their_log_streams() {
    let stage = Stage::new().await;
    stage.create("v1", 1).await;
    wait(60).await;
    let task = stage.tasks("RUNNING").await[0]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let logs = support::logs(&stage.cloud);
    let stream = format!("ecs/agent/{task}");
    let events = logs.get_log_events().log_group_name(LOG_GROUP).log_stream_name(stream).send().await.unwrap();
    let line: Value = serde_json::from_str(events.events()[0].message().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO");
}
