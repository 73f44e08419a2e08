//! Who may do what: the repository and the two roles. Least privilege: each statement names what it is for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::names::RepositoryName;
use crate::spec::model::{Agent, Fleet};

/// The only tag that may move; all others mean one digest for ever.
pub const MUTABLE_TAG: &str = "latest";
/// How many tagged images the lifecycle policy keeps.
const KEPT_TAGGED_IMAGES: u32 = 10;
/// After how many days the lifecycle policy removes an untagged image.
const UNTAGGED_IMAGE_DAYS: u32 = 7;

/// An ECR repository. It belongs to the project and is shared by fleets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    pub name: RepositoryName,
    /// Tags that may move; every other tag is immutable.
    pub mutable_tags: BTreeSet<String>,
    pub scan_on_push: bool,
    pub lifecycle_policy: Value,
    /// KMS key ARN; AES-256 without one. Fixed at creation.
    pub encryption_key: Option<String>,
}

/// An IAM role with one inline policy (none, if it needs no permission).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    pub name: String,
    pub arn: String,
    pub description: String,
    pub trust_policy: Value,
    pub policy: Option<Value>,
    pub permissions_boundary: Option<String>,
}

impl Role {
    /// The name of the one inline policy. Others are somebody else's, and left alone.
    pub const POLICY_NAME: &'static str = "ropewalk";
}

pub(super) fn repository(fleet: &Fleet, agent: &Agent) -> Repository {
    Repository {
        name: agent.image.repository.clone(),
        mutable_tags: BTreeSet::from([MUTABLE_TAG.to_owned()]),
        scan_on_push: true,
        lifecycle_policy: lifecycle_policy(),
        encryption_key: fleet.encryption_key.clone(),
    }
}

/// Untagged images first: ECR applies rules by priority, and a rule for any tag status must come last.
fn lifecycle_policy() -> Value {
    json!({ "rules": [
        {
            "rulePriority": 1,
            "description": format!("Remove untagged images after {UNTAGGED_IMAGE_DAYS} days"),
            "selection": {
                "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": UNTAGGED_IMAGE_DAYS,
            },
            "action": { "type": "expire" },
        },
        {
            "rulePriority": 2,
            "description": format!("Keep the last {KEPT_TAGGED_IMAGES} tagged images"),
            "selection": {
                "tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan", "countNumber": KEPT_TAGGED_IMAGES,
            },
            "action": { "type": "expire" },
        },
    ] })
}

/// The role with which ECS starts the task: it pulls the image, reads the secrets, writes the logs.
pub(super) fn execution_role(fleet: &Fleet, agent: &Agent) -> Role {
    let repository_arn =
        format!("arn:aws:ecr:{}:{}:repository/{}", fleet.region, fleet.account, agent.image.repository);
    let log_group_arn = format!("arn:aws:logs:{}:{}:log-group:{}:*", fleet.region, fleet.account, agent.logs.group);
    let mut statements = vec![
        json!({ "Sid": "Login", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }),
        json!({
            "Sid": "PullImage", "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": repository_arn,
        }),
        json!({
            "Sid": "WriteLogs", "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": log_group_arn,
        }),
    ];
    if !agent.secrets.is_empty() {
        let secrets: BTreeSet<String> = agent.secrets.values().flat_map(|arn| secret_resources(arn)).collect();
        statements.push(json!({
            "Sid": "ReadSecrets", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secrets,
        }));
        if let Some(key) = &fleet.encryption_key {
            statements
                .push(json!({ "Sid": "DecryptSecrets", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key }));
        }
    }
    role(fleet, agent.id.execution_role_name(&fleet.project), format!("Starts the tasks of {}", agent.id), statements)
}

/// The role that the agent's own code has: it may invoke the models that the spec names, and nothing else.
pub(super) fn task_role(fleet: &Fleet, agent: &Agent) -> Role {
    let models: BTreeSet<String> = agent.models.iter().flat_map(|model| model_resources(fleet, model)).collect();
    let statements = if models.is_empty() {
        Vec::new()
    } else {
        vec![json!({
            "Sid": "InvokeModels", "Effect": "Allow",
            "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            "Resource": models,
        })]
    };
    role(fleet, agent.id.task_role_name(&fleet.project), format!("What {} itself may do", agent.id), statements)
}

fn role(fleet: &Fleet, name: String, description: String, statements: Vec<Value>) -> Role {
    let arn = format!("arn:aws:iam::{}:role/{name}", fleet.account);
    let policy =
        if statements.is_empty() { None } else { Some(json!({ "Version": "2012-10-17", "Statement": statements })) };
    Role {
        arn,
        name,
        description,
        trust_policy: trust_policy(fleet),
        policy,
        permissions_boundary: fleet.permissions_boundary.clone(),
    }
}

/// Only tasks of this account and region may take the role: without the conditions, ECS could be talked into using it
/// for somebody else's (the confused deputy of the IAM guide).
fn trust_policy(fleet: &Fleet) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Service": "ecs-tasks.amazonaws.com" },
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": { "aws:SourceAccount": fleet.account },
            "ArnLike": { "aws:SourceArn": format!("arn:aws:ecs:{}:{}:*", fleet.region, fleet.account) },
        },
    }] })
}

/// Secrets Manager appends six characters to a secret's name. An ARN written without them needs a pattern; one that
/// ends in something like them (`my-secret`) may be either, so it gets both.
fn secret_resources(arn: &str) -> Vec<String> {
    let secret = arn.split(':').take(7).collect::<Vec<_>>().join(":");
    let pattern = format!("{secret}-??????");
    let may_have_suffix = secret
        .rsplit_once('-')
        .is_some_and(|(_, end)| end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if may_have_suffix { vec![secret, pattern] } else { vec![pattern] }
}

/// A model needs itself; an inference profile needs itself and the model in each region that it may route to.
fn model_resources(fleet: &Fleet, model: &str) -> Vec<String> {
    const GEOGRAPHIES: [&str; 7] = ["us.", "eu.", "apac.", "us-gov.", "jp.", "au.", "global."];
    if model.starts_with("arn:") {
        return vec![model.to_owned()];
    }
    match GEOGRAPHIES.iter().find_map(|geography| model.strip_prefix(geography)) {
        Some(base) => vec![
            format!("arn:aws:bedrock:{}:{}:inference-profile/{model}", fleet.region, fleet.account),
            format!("arn:aws:bedrock:*::foundation-model/{base}"),
        ],
        None => vec![format!("arn:aws:bedrock:{}::foundation-model/{model}", fleet.region)],
    }
}
