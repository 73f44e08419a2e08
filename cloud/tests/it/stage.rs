//! A cloud with what an agent needs: cluster, network, repository, roles, log group, images.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use ropewalk_cloud::Cloud;
use ropewalk_cloud::admin::{self, Preload, Push};
use serde_json::{Value, json};

use crate::support;

pub const ACCOUNT: &str = "211125768252";
pub const REPOSITORY: &str = "vitracka/agent";
pub const LOG_GROUP: &str = "/ecs/dev/agent";
pub const SECRET: &str = "arn:aws:secretsmanager:us-east-1:211125768252:secret:api-key";

/// A cloud and short ways to speak to its ECS.
pub struct Stage {
    pub cloud: Cloud,
}

/// What the execution role needs to start the agent.
pub fn execution_policy() -> Value {
    let repository = format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{REPOSITORY}");
    let statement =
        |actions: &[&str], resource: &str| json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    json!({"Version": "2012-10-17", "Statement": [
        statement(&["ecr:GetAuthorizationToken"], "*"),
        statement(
            &["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            &repository,
        ),
        statement(
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            &format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{LOG_GROUP}:*"),
        ),
        statement(&["secretsmanager:GetSecretValue"], &format!("{SECRET}-??????")),
    ]})
}

impl Stage {
    /// A stage on virtual time.
    pub async fn new() -> Self {
        let stage = Self { cloud: support::cloud() };
        stage.set().await;
        stage
    }

    /// Puts everything there.
    pub async fn set(&self) {
        let preload = Preload {
            clusters: vec!["agents".into()],
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            security_groups: vec!["sg-1".into()],
            secrets: vec![SECRET.into()],
            ..Preload::default()
        };
        self.admin().preload(&preload).await.unwrap();
        self.json("AmazonEC2ContainerRegistry_V20150921.CreateRepository", json!({"repositoryName": REPOSITORY})).await;
        self.json("Logs_20140328.CreateLogGroup", json!({"logGroupName": LOG_GROUP})).await;
        for name in ["agent-exec", "agent-task"] {
            self.make_role(name, "ecs-tasks.amazonaws.com").await;
        }
        self.put_execution_policy(&execution_policy()).await;
        for (tag, behaviour) in [
            ("v1", "healthy"),
            ("v2", "healthy"),
            ("crash", "crash"),
            ("sick", "unhealthy"),
            ("brittle", "crash-after=120s"),
        ] {
            self.push(tag, behaviour).await;
        }
    }

    pub fn admin(&self) -> admin::Client {
        admin::Client::in_process(&self.cloud)
    }

    pub async fn push(&self, tag: &str, behaviour: &str) -> String {
        let push = Push {
            repository: REPOSITORY.into(),
            tag: tag.into(),
            behaviour: behaviour.parse().unwrap(),
            ready_after_seconds: None,
            payload: Some(tag.into()),
        };
        self.admin().push(&push).await.unwrap().digest
    }

    pub async fn make_role(&self, name: &str, service: &str) {
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
        ]});
        let iam = support::iam(&self.cloud);
        iam.create_role().role_name(name).assume_role_policy_document(trust.to_string()).send().await.unwrap();
    }

    pub async fn put_execution_policy(&self, policy: &Value) {
        let iam = support::iam(&self.cloud);
        let put = iam.put_role_policy().role_name("agent-exec").policy_name("start");
        put.policy_document(policy.to_string()).send().await.unwrap();
    }

    /// One awsJson call that succeeds.
    pub async fn json(&self, target: &str, input: Value) -> Value {
        let (status, answer) = self.try_json(target, input).await;
        assert_eq!(status, 200, "{target}: {answer}");
        answer
    }

    pub async fn try_json(&self, target: &str, input: Value) -> (u16, Value) {
        let request = Request::post("/")
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .body(Bytes::from(input.to_string()))
            .unwrap();
        let response = self.cloud.handle(request).await.unwrap();
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    /// One ECS call that succeeds.
    pub async fn ecs(&self, operation: &str, input: Value) -> Value {
        self.json(&format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
    }

    /// One ECS call that is refused: its code and text.
    pub async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let (status, answer) = self.try_json(&format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await;
        assert_eq!(status, 400, "{operation}: {answer}");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (text("__type"), text("message"))
    }

    /// Registers the agent with the image of `tag`; its ARN.
    pub async fn register(&self, tag: &str) -> String {
        let answer = self.ecs("RegisterTaskDefinition", task_definition(tag)).await;
        answer["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    }

    /// Makes the service `agent` of `tag` with a circuit breaker that rolls back.
    pub async fn create(&self, tag: &str, desired: u32) -> Value {
        let mut input = service(&self.register(tag).await);
        input["desiredCount"] = json!(desired);
        self.ecs("CreateService", input).await["service"].clone()
    }

    /// Moves the service `agent` to `tag`.
    pub async fn deploy(&self, tag: &str) -> Value {
        let definition = self.register(tag).await;
        self.update(json!({"taskDefinition": definition})).await
    }

    pub async fn update(&self, mut input: Value) -> Value {
        input["cluster"] = json!("agents");
        input["service"] = json!("agent");
        self.ecs("UpdateService", input).await["service"].clone()
    }

    pub async fn service(&self) -> Value {
        let input = json!({"cluster": "agents", "services": ["agent"], "include": ["TAGS"]});
        self.ecs("DescribeServices", input).await["services"][0].clone()
    }

    /// All service deployments, newest first.
    pub async fn service_deployments(&self) -> Vec<Value> {
        let listed = self.ecs("ListServiceDeployments", json!({"cluster": "agents", "service": "agent"})).await;
        let mut arns: Vec<Value> = list(&listed["serviceDeployments"]);
        arns.iter_mut().for_each(|brief| *brief = brief["serviceDeploymentArn"].take());
        let described = self.ecs("DescribeServiceDeployments", json!({"serviceDeploymentArns": arns})).await;
        list(&described["serviceDeployments"])
    }

    pub async fn tasks(&self, desired_status: &str) -> Vec<Value> {
        let input = json!({"cluster": "agents", "serviceName": "agent", "desiredStatus": desired_status});
        let arns = self.ecs("ListTasks", input).await["taskArns"].clone();
        if arns.as_array().unwrap().is_empty() {
            return Vec::new();
        }
        list(&self.ecs("DescribeTasks", json!({"cluster": "agents", "tasks": arns})).await["tasks"])
    }

    /// The texts of the service's events, oldest first.
    pub async fn events(&self) -> Vec<String> {
        let mut events = list(&self.service().await["events"]);
        events.reverse();
        events.iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }
}

pub async fn wait(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

pub fn image(tag: &str) -> String {
    format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}:{tag}")
}

pub fn task_definition(tag: &str) -> Value {
    json!({
        "family": "agent",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/agent-exec"),
        "taskRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/agent-task"),
        "containerDefinitions": [{
            "name": "agent",
            "image": image(tag),
            "portMappings": [{"containerPort": 8001}],
            "environment": [{"name": "AWS_REGION", "value": "us-east-1"}, {"name": "STAGE", "value": "dev"}],
            "secrets": [{"name": "API_KEY", "valueFrom": SECRET}],
            "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 30, "timeout": 5, "retries": 3, "startPeriod": 60},
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs",
            }},
        }],
    })
}

pub fn service(task_definition: &str) -> Value {
    json!({
        "cluster": "agents",
        "serviceName": "agent",
        "taskDefinition": task_definition,
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"],
        }},
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
    })
}
