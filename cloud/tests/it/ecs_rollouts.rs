//! What a service's deployments do over time.

use serde_json::{Value, json};

use crate::stage::{Stage, list, wait};

/// Long enough for any deployment of these tests to end.
const LONG: u64 = 1_800;

fn deployment<'a>(service: &'a Value, status: &str) -> &'a Value {
    service["deployments"].as_array().unwrap().iter().find(|it| it["status"] == status).unwrap_or(&Value::Null)
}

#[tokio::test(start_paused = true)]
async fn the_first_deployment_goes_from_pending_to_steady_within_a_minute() {
    let stage = Stage::new().await;
    let made = stage.create("v1", 2).await;
    assert_eq!(
        (&made["status"], &made["runningCount"], &made["desiredCount"]),
        (&json!("ACTIVE"), &json!(0), &json!(2))
    );
    assert_eq!(deployment(&made, "PRIMARY")["rolloutState"], "IN_PROGRESS");
    assert_eq!(stage.service_deployments().await[0]["status"], "PENDING");

    let mut seen: Vec<String> = Vec::new();
    for _ in 0..50 {
        wait(1).await;
        if let Some(task) = stage.tasks("RUNNING").await.first() {
            let state = format!("{} {}", task["lastStatus"].as_str().unwrap(), task["healthStatus"].as_str().unwrap());
            if seen.last() != Some(&state) {
                seen.push(state);
            }
        }
    }
    assert_eq!(
        seen,
        ["PROVISIONING UNKNOWN", "PENDING UNKNOWN", "ACTIVATING UNKNOWN", "RUNNING UNKNOWN", "RUNNING HEALTHY"]
    );
    let service = stage.service().await;
    assert_eq!((&service["runningCount"], &service["pendingCount"]), (&json!(2), &json!(0)));
    assert_eq!(deployment(&service, "PRIMARY")["rolloutState"], "COMPLETED");
    let texts: Vec<String> = stage.events().await;
    assert!(texts[0].starts_with("(service agent) has started 2 tasks: (task "), "{texts:?}");
    assert!(texts[1].contains("(service agent) (deployment ecs-svc/") && texts[1].ends_with(") deployment completed."));
    assert_eq!(texts[2], "(service agent) has reached a steady state.");
    assert_eq!(texts.len(), 3);
    let ended = &stage.service_deployments().await[0];
    assert_eq!(ended["status"], "SUCCESSFUL");
    assert_eq!(
        ended["deploymentCircuitBreaker"],
        json!({"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 3})
    );
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_keeps_the_healthy_minimum_and_the_maximum_at_every_second() {
    let stage = Stage::new().await;
    stage.create("v1", 3).await;
    wait(120).await;
    let digest = stage.push("v3", "healthy").await;
    let updated = stage.deploy("v3").await;
    assert_eq!(deployment(&updated, "ACTIVE")["runningCount"], 3);
    for _ in 0..90 {
        wait(1).await;
        let tasks = stage.tasks("RUNNING").await;
        let healthy = tasks.iter().filter(|task| task["healthStatus"] == "HEALTHY").count();
        assert!(healthy >= 3, "only {healthy} healthy tasks");
        assert!(tasks.len() <= 6, "{} tasks", tasks.len());
        let service = stage.service().await;
        let sum = |name: &str| -> i64 {
            list(&service["deployments"]).iter().map(|deployment| deployment[name].as_i64().unwrap()).sum()
        };
        assert_eq!(service["runningCount"], sum("runningCount"));
        assert_eq!(service["pendingCount"], sum("pendingCount"));
    }
    let service = stage.service().await;
    assert_eq!(list(&service["deployments"]).len(), 1);
    assert_eq!(service["taskDefinition"], updated["taskDefinition"]);
    let target = stage.service_deployments().await[0]["targetServiceRevision"]["arn"].clone();
    assert_eq!(service["currentServiceRevisions"][0]["arn"], target);
    let revisions = stage.ecs("DescribeServiceRevisions", json!({"serviceRevisionArns": [target]})).await;
    assert_eq!(revisions["serviceRevisions"][0]["containerImages"][0]["imageDigest"], json!(digest));
    assert_eq!(stage.tasks("RUNNING").await[0]["containers"][0]["imageDigest"], json!(digest));
}

#[tokio::test(start_paused = true)]
async fn the_circuit_breaker_returns_to_the_last_completed_deployment() {
    let stage = Stage::new().await;
    let good = stage.create("v1", 2).await["taskDefinition"].clone();
    wait(120).await;
    let before: Vec<Value> = stage.tasks("RUNNING").await.iter().map(|task| task["taskArn"].clone()).collect();
    stage.deploy("crash").await;
    wait(LONG).await;
    let service = stage.service().await;
    assert_eq!(service["taskDefinition"], good);
    let primary = deployment(&service, "PRIMARY");
    assert_eq!((&primary["rolloutState"], &primary["runningCount"]), (&json!("COMPLETED"), &json!(2)));
    let ended = &stage.service_deployments().await[0];
    assert_eq!(ended["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(ended["deploymentCircuitBreaker"], json!({"status": "TRIGGERED", "failureCount": 4, "threshold": 3}));
    assert_eq!(ended["rollback"]["serviceRevisionArn"], ended["sourceServiceRevisions"][0]["arn"]);
    let after: Vec<Value> = stage.tasks("RUNNING").await.iter().map(|task| task["taskArn"].clone()).collect();
    assert_eq!(before, after, "the healthy tasks were never replaced");
    let texts = stage.events().await;
    assert!(texts.iter().any(|text| text.ends_with("deployment failed: tasks failed to start.")), "{texts:#?}");
    assert!(texts.iter().any(|text| text.contains("rolling back to deployment ecs-svc/")), "{texts:#?}");
    let stopped = &stage.tasks("STOPPED").await[0];
    assert_eq!(stopped["stoppedReason"], "Essential container in task exited");
    assert_eq!(stopped["stopCode"], "EssentialContainerExited");
    assert_eq!(stopped["containers"][0]["exitCode"], 1);
}

#[tokio::test(start_paused = true)]
async fn while_it_fails_the_deployment_tells_of_failed_tasks_and_of_the_way_back() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(120).await;
    stage.deploy("sick").await;
    let (mut failed, mut back) = (0, false);
    for _ in 0..LONG / 5 {
        wait(5).await;
        let service = stage.service().await;
        for deployment in list(&service["deployments"]) {
            failed = failed.max(deployment["failedTasks"].as_i64().unwrap());
        }
        let primary = deployment(&service, "PRIMARY");
        if primary["rolloutState"] == "IN_PROGRESS"
            && primary["rolloutStateReason"].as_str().unwrap().contains("circuit breaker: rolling back to deploymentId")
        {
            back = true;
            let failed = deployment(&service, "ACTIVE");
            assert_eq!(failed["rolloutState"], "FAILED");
            assert_eq!(failed["rolloutStateReason"], "ECS deployment circuit breaker: tasks failed to start.");
            assert_eq!(stage.service_deployments().await[0]["status"], "ROLLBACK_IN_PROGRESS");
        }
    }
    assert!(failed >= 3 && back);
    assert_eq!(stage.service_deployments().await[0]["status"], "ROLLBACK_SUCCESSFUL");
    let texts = stage.events().await;
    assert!(texts.iter().any(|text| text.ends_with(") failed container health checks.")), "{texts:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_first_deployment_that_fails_stands_still() {
    let stage = Stage::new().await;
    stage.create("crash", 1).await;
    wait(600).await;
    let service = stage.service().await;
    assert_eq!(deployment(&service, "PRIMARY")["rolloutState"], "FAILED");
    let ended = &stage.service_deployments().await[0];
    assert_eq!((&ended["status"], &ended["deploymentCircuitBreaker"]["failureCount"]), (&json!("STOPPED"), &json!(3)));
    let events = stage.events().await.len();
    wait(7_200).await;
    assert_eq!(stage.events().await.len(), events, "no task is started any more");
    // New content starts it again.
    stage.deploy("v1").await;
    wait(120).await;
    assert_eq!(stage.service_deployments().await[0]["status"], "SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn without_a_circuit_breaker_failing_starts_slow_down_and_never_end() {
    let stage = Stage::new().await;
    let mut input = crate::stage::service(&stage.register("crash").await);
    input["deploymentConfiguration"] = json!({});
    stage.ecs("CreateService", input).await;
    wait(3_600).await;
    let service = stage.service().await;
    assert_eq!(deployment(&service, "PRIMARY")["rolloutState"], "IN_PROGRESS");
    let texts = stage.events().await;
    let starts = texts.iter().filter(|text| text.contains("has started")).count();
    assert!((10..20).contains(&starts), "{starts} starts within an hour");
    assert_eq!(
        texts.iter().filter(|text| text.ends_with("is unable to consistently start tasks successfully.")).count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn the_circuit_breaker_misses_an_agent_that_crashes_while_it_runs() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(120).await;
    stage.deploy("brittle").await;
    wait(100).await;
    assert_eq!(stage.service_deployments().await[0]["status"], "SUCCESSFUL");
    wait(600).await;
    assert_eq!(stage.service_deployments().await[0]["status"], "SUCCESSFUL");
    let crashed = stage.tasks("STOPPED").await;
    let exited = crashed.iter().filter(|task| task["containers"][0]["exitCode"] == 1).count();
    assert!(exited >= 4, "{exited} tasks crashed and were replaced");
}

#[tokio::test(start_paused = true)]
async fn a_newer_deployment_supersedes_the_one_under_way() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(120).await;
    stage.deploy("sick").await;
    wait(20).await;
    let service = stage.deploy("v2").await;
    assert_eq!(list(&service["deployments"]).len(), 3);
    let states: Vec<Value> = stage.service_deployments().await.iter().map(|it| it["status"].clone()).collect();
    assert_eq!(states, ["PENDING", "STOPPED", "SUCCESSFUL"]);
    wait(120).await;
    let states: Vec<Value> = stage.service_deployments().await.iter().map(|it| it["status"].clone()).collect();
    assert_eq!(states, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
    let service = stage.service().await;
    assert_eq!((list(&service["deployments"]).len(), &service["taskDefinition"]), (1, &json!(stage_definition(3))));
}

fn stage_definition(revision: u32) -> String {
    format!("arn:aws:ecs:us-east-1:{}:task-definition/agent:{revision}", crate::stage::ACCOUNT)
}

#[tokio::test(start_paused = true)]
async fn a_deployment_can_be_rolled_back_by_hand() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(120).await;
    stage.deploy("v2").await;
    wait(15).await;
    let arn = stage.service_deployments().await[0]["serviceDeploymentArn"].clone();
    stage.ecs("StopServiceDeployment", json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"})).await;
    assert_eq!(stage.service_deployments().await[0]["status"], "ROLLBACK_REQUESTED");
    let again = stage.refused("StopServiceDeployment", json!({"serviceDeploymentArn": arn})).await;
    assert_eq!(again.0, "ConflictException");
    wait(120).await;
    assert_eq!(stage.service_deployments().await[0]["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(stage.service().await["taskDefinition"], stage_definition(1));
    let done = stage.refused("StopServiceDeployment", json!({"serviceDeploymentArn": arn})).await;
    assert_eq!(done.0, "ConflictException");
}

#[tokio::test(start_paused = true)]
async fn only_what_aws_names_starts_a_deployment() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(120).await;
    stage.update(json!({"desiredCount": 3})).await;
    stage.update(json!({"deploymentConfiguration": {"minimumHealthyPercent": 50}})).await;
    stage.update(json!({"enableExecuteCommand": true, "propagateTags": "SERVICE", "taskDefinition": "agent:1"})).await;
    wait(60).await;
    assert_eq!(stage.service_deployments().await.len(), 1);
    let service = stage.service().await;
    assert_eq!((&service["runningCount"], &service["desiredCount"]), (&json!(3), &json!(3)));
    let configuration = &service["deploymentConfiguration"];
    assert_eq!((&configuration["minimumHealthyPercent"], &configuration["maximumPercent"]), (&json!(50), &json!(200)));
    assert_eq!(configuration["deploymentCircuitBreaker"]["rollback"], true, "what is omitted stays");

    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    stage.update(json!({"networkConfiguration": network})).await;
    wait(120).await;
    stage.update(json!({"forceNewDeployment": true})).await;
    wait(120).await;
    let states: Vec<Value> = stage.service_deployments().await.iter().map(|it| it["status"].clone()).collect();
    assert_eq!(states, ["SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"]);
    let group = &stage.service().await["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(*group, json!({"subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED"}));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_stopped_by_hand_is_replaced_and_stays_readable_for_an_hour() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(120).await;
    let task = stage.tasks("RUNNING").await[0]["taskArn"].clone();
    stage.ecs("StopTask", json!({"cluster": "agents", "task": task, "reason": "test"})).await;
    wait(60).await;
    let stopped = stage.tasks("STOPPED").await;
    assert_eq!((&stopped[0]["stopCode"], &stopped[0]["stoppedReason"]), (&json!("UserInitiated"), &json!("test")));
    assert_eq!((&stopped[0]["lastStatus"], &stopped[0]["containers"][0]["exitCode"]), (&json!("STOPPED"), &json!(0)));
    assert_eq!(stage.service().await["runningCount"], 2);
    wait(3_600).await;
    assert_eq!(stage.tasks("STOPPED").await.len(), 0);
    let gone = stage.ecs("DescribeTasks", json!({"cluster": "agents", "tasks": [task]})).await;
    assert_eq!(gone["failures"][0]["reason"], "MISSING");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_drains_and_its_name_can_be_used_again() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(120).await;
    let which = json!({"cluster": "agents", "service": "agent"});
    let refused = stage.refused("DeleteService", which.clone()).await;
    assert_eq!(refused.1, "The service cannot be stopped while it is scaled above 0.");
    let mut forced = which.clone();
    forced["force"] = json!(true);
    assert_eq!(stage.ecs("DeleteService", forced).await["service"]["status"], "DRAINING");
    let draining = stage.refused("CreateService", crate::stage::service("agent:1")).await;
    assert_eq!(draining.1, "Unable to Start a service that is still Draining.");
    let still = stage.refused("DeleteCluster", json!({"cluster": "agents"})).await;
    assert_eq!(still.0, "ClusterContainsServicesException");
    wait(60).await;
    assert_eq!(stage.service().await["status"], "INACTIVE");
    let listed = stage.ecs("ListServices", json!({"cluster": "agents"})).await;
    assert_eq!(listed["serviceArns"], json!([]));
    let update = stage.refused("UpdateService", json!({"cluster": "agents", "service": "agent"})).await;
    assert_eq!(update.0, "ServiceNotActiveException");
    stage.create("v1", 1).await;
    wait(60).await;
    assert_eq!(stage.service().await["runningCount"], 1);
}
