//! What ECS refuses, in its own words.

use serde_json::{Value, json};

use crate::stage::{self, Stage, list};

/// `value` with the member at `path` (JSON pointer) replaced, or removed where `with` is null.
fn changed(mut value: Value, path: &str, with: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if with.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), with);
    }
    value
}

#[tokio::test(start_paused = true)]
async fn task_definitions_that_fargate_cannot_run_are_refused() {
    let stage = Stage::new().await;
    let container = "/containerDefinitions/0";
    let cases = [
        ("/memory", json!("300"), "No Fargate configuration exists for given values: 256 CPU, 300 memory."),
        ("/memory", Value::Null, "Fargate requires that 'memory' be defined at the task level."),
        ("/cpu", Value::Null, "Fargate requires that 'cpu' be defined at the task level."),
        ("/networkMode", json!("bridge"), "Fargate only supports network mode ‘awsvpc’."),
        (
            "/executionRoleArn",
            Value::Null,
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        ("/taskRoleArn", json!("agent-task"), "Role is not valid"),
        ("/containerDefinitions", json!([]), "Container definitions cannot be empty."),
        (&format!("{container}/name"), json!(""), "Container.name should not be null or empty."),
        (&format!("{container}/image"), json!(""), "Container.image should not be null or empty."),
        (
            &format!("{container}/secrets"),
            json!([{"name": "STAGE", "valueFrom": stage::SECRET}]),
            "The secret name must be unique and not shared with any new or existing environment variables set on the \
             container, such as 'STAGE'.",
        ),
        (
            &format!("{container}/healthCheck/interval"),
            json!(2),
            "The health check interval must be between 5 and 300.",
        ),
    ];
    for (path, with, text) in cases {
        let refused = stage.refused("RegisterTaskDefinition", changed(stage::task_definition("v1"), path, with)).await;
        assert_eq!(refused, (String::from("ClientException"), text.to_owned()), "{path}");
    }
    let unknown = changed(stage::task_definition("v1"), "/containerDefinitions/0/helthCheck", json!({}));
    let (_, text) = stage.refused("RegisterTaskDefinition", unknown).await;
    assert!(text.contains("unknown field `helthCheck`"), "{text}");
    let listed = stage.ecs("ListTaskDefinitions", json!({})).await;
    assert_eq!(listed["taskDefinitionArns"], json!([]), "nothing of what was refused is there");
}

#[tokio::test(start_paused = true)]
async fn services_that_ecs_cannot_run_are_refused() {
    let stage = Stage::new().await;
    let definition = stage.register("v1").await;
    let input = || stage::service(&definition);
    let vpc = "/networkConfiguration/awsvpcConfiguration";
    let cases = [
        ("/cluster", json!("none"), "ClusterNotFoundException", "Cluster not found."),
        ("/taskDefinition", json!("agent:9"), "ClientException", "TaskDefinition not found."),
        (
            &format!("{vpc}/subnets"),
            json!(["subnet-9"]),
            "InvalidParameterException",
            "The subnet ID 'subnet-9' does not exist",
        ),
        (
            &format!("{vpc}/securityGroups"),
            json!(["sg-9"]),
            "InvalidParameterException",
            "The security group 'sg-9' does not exist",
        ),
        (
            "/networkConfiguration",
            Value::Null,
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            "/deploymentConfiguration",
            json!({"maximumPercent": 100, "minimumHealthyPercent": 100}),
            "InvalidParameterException",
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ),
        (
            "/deploymentConfiguration",
            json!({"strategy": "CANARY"}),
            "UnsupportedFeatureException",
            "The embedded cloud does not run CANARY deployments yet.",
        ),
        (
            "/healthCheckGracePeriodSeconds",
            json!(60),
            "InvalidParameterException",
            "Health check grace period is only valid for services configured to use load balancers",
        ),
        (
            "/capacityProviderStrategy",
            json!([{"capacityProvider": "FARGATE"}]),
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ),
        (
            "/loadBalancers",
            json!([{"targetGroupArn": "arn", "containerName": "web", "containerPort": 80}]),
            "InvalidParameterException",
            "The container web does not exist in the task definition.",
        ),
        (
            "/tags",
            json!([{"key": "aws:owner", "value": "x"}]),
            "InvalidParameterException",
            "Tag keys cannot start with the reserved prefix aws:.",
        ),
    ];
    for (path, with, code, text) in cases {
        let refused = stage.refused("CreateService", changed(input(), path, with)).await;
        assert_eq!(refused, (code.to_owned(), text.to_owned()), "{path}");
    }
    stage.ecs("DeregisterTaskDefinition", json!({"taskDefinition": definition})).await;
    let inactive = stage.refused("CreateService", input()).await;
    assert_eq!(inactive, (String::from("ClientException"), String::from("TaskDefinition is inactive")));
    let listed = stage.ecs("ListServices", json!({"cluster": "agents"})).await;
    assert_eq!(listed["serviceArns"], json!([]), "nothing of what was refused is there");
}

#[tokio::test(start_paused = true)]
async fn creating_again_is_idempotent_with_the_same_token_and_input_only() {
    let stage = Stage::new().await;
    let mut input = stage::service(&stage.register("v1").await);
    input["clientToken"] = json!("token-1");
    let first = stage.ecs("CreateService", input.clone()).await;
    stage::wait(60).await;
    let again = stage.ecs("CreateService", input.clone()).await;
    assert_eq!(again["service"]["createdAt"], first["service"]["createdAt"]);
    assert_eq!(stage.service_deployments().await.len(), 1);
    let text = "Creation of service was not idempotent.";
    for (path, with) in [("/desiredCount", json!(3)), ("/clientToken", json!("token-2")), ("/clientToken", Value::Null)]
    {
        let refused = stage.refused("CreateService", changed(input.clone(), path, with)).await;
        assert_eq!(refused, (String::from("InvalidParameterException"), text.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn batched_reads_have_limits_and_tell_what_is_missing() {
    let stage = Stage::new().await;
    let eleven: Vec<String> = (0..11).map(|index| format!("agent-{index}")).collect();
    let refused = stage.refused("DescribeServices", json!({"cluster": "agents", "services": eleven})).await;
    assert_eq!(refused, ("InvalidParameterException".into(), "Services cannot have more than 10 elements.".into()));
    let answer = stage.ecs("DescribeServices", json!({"cluster": "agents", "services": ["none"]})).await;
    let arn = format!("arn:aws:ecs:us-east-1:{}:service/agents/none", stage::ACCOUNT);
    assert_eq!(answer, json!({"services": [], "failures": [{"arn": arn, "reason": "MISSING"}]}));
    let tasks = stage.refused("ListTasks", json!({"cluster": "agents", "serviceName": "none"})).await;
    assert_eq!(tasks.0, "ServiceNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let stage = Stage::new().await;
    let definition = stage.register("v1").await;
    for index in 0..13 {
        let input = changed(stage::service(&definition), "/serviceName", json!(format!("agent-{index:02}")));
        stage.ecs("CreateService", changed(input, "/desiredCount", json!(0))).await;
    }
    let first = stage.ecs("ListServices", json!({"cluster": "agents"})).await;
    assert_eq!(list(&first["serviceArns"]).len(), 10);
    let rest = json!({"cluster": "agents", "nextToken": first["nextToken"]});
    let second = stage.ecs("ListServices", rest).await;
    assert_eq!((list(&second["serviceArns"]).len(), second.get("nextToken")), (3, None));
    let bad = stage.refused("ListServices", json!({"cluster": "agents", "nextToken": "?"})).await;
    assert_eq!(bad.0, "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn task_definitions_are_registered_read_tagged_and_retired() {
    let stage = Stage::new().await;
    let mut input = stage::task_definition("v1");
    input["cpu"] = json!("0.25 vCPU");
    input["tags"] = json!([{"key": "ropewalk:agent", "value": "agent"}]);
    let first = stage.ecs("RegisterTaskDefinition", input.clone()).await;
    let second = stage.ecs("RegisterTaskDefinition", input).await;
    assert_eq!((&first["taskDefinition"]["revision"], &second["taskDefinition"]["revision"]), (&json!(1), &json!(2)));
    let read = stage.ecs("DescribeTaskDefinition", json!({"taskDefinition": "agent", "include": ["TAGS"]})).await;
    assert_eq!(read["taskDefinition"], second["taskDefinition"]);
    assert_eq!(read["tags"], json!([{"key": "ropewalk:agent", "value": "agent"}]));
    assert_eq!(read["taskDefinition"]["cpu"], "256");
    assert_eq!(read["taskDefinition"]["containerDefinitions"][0]["portMappings"][0]["hostPort"], 8001);

    let arn = second["taskDefinition"]["taskDefinitionArn"].clone();
    let active = stage.ecs("DeleteTaskDefinitions", json!({"taskDefinitions": [arn]})).await;
    assert!(active["failures"][0]["reason"].as_str().unwrap().contains("still in ACTIVE status"));
    stage.ecs("DeregisterTaskDefinition", json!({"taskDefinition": arn})).await;
    let list_of = |status: &str| json!({"familyPrefix": "agent", "status": status, "sort": "DESC"});
    let inactive = stage.ecs("ListTaskDefinitions", list_of("INACTIVE")).await;
    assert_eq!(inactive["taskDefinitionArns"], json!([arn]));
    let newest = stage.ecs("DescribeTaskDefinition", json!({"taskDefinition": "agent"})).await;
    assert_eq!(newest["taskDefinition"]["revision"], 1);
    stage.ecs("DeleteTaskDefinitions", json!({"taskDefinitions": [arn]})).await;
    let none = stage.refused("DescribeTaskDefinition", json!({"taskDefinition": "none"})).await;
    assert_eq!(none, ("ClientException".into(), "Unable to describe task definition.".into()));
    let third = stage.register("v1").await;
    assert!(third.ends_with(":3"), "revision numbers are never used twice");
}

#[tokio::test(start_paused = true)]
async fn tags_are_set_read_and_removed() {
    let stage = Stage::new().await;
    let service = stage.create("v1", 1).await["serviceArn"].clone();
    let tag = |key: &str, value: &str| json!({"key": key, "value": value});
    stage.ecs("TagResource", json!({"resourceArn": service, "tags": [tag("a", "1"), tag("b", "2")]})).await;
    stage.ecs("TagResource", json!({"resourceArn": service, "tags": [tag("a", "3")]})).await;
    stage.ecs("UntagResource", json!({"resourceArn": service, "tagKeys": ["b"]})).await;
    let read = stage.ecs("ListTagsForResource", json!({"resourceArn": service})).await;
    assert_eq!(read["tags"], json!([tag("a", "3")]));
    assert_eq!(stage.service().await["tags"], json!([tag("a", "3")]));
    let many: Vec<Value> = (0..51).map(|index| tag(&format!("k{index}"), "v")).collect();
    let refused = stage.refused("TagResource", json!({"resourceArn": service, "tags": many})).await;
    assert_eq!(refused.0, "InvalidParameterException");
}
