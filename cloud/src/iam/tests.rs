use proptest::prelude::*;
use serde_json::{Value, json};

use super::{allows, call, role_for_tasks};
use crate::world::World;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ecs-tasks.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;
const ARN: &str = "arn:aws:iam::211125768252:role/agent";

fn world() -> World {
    World::new("211125768252", "us-east-1", "2026-11-02T12:00:00Z".parse().unwrap(), 7)
}

fn with_role(trust: &str) -> World {
    let mut world = world();
    call(&mut world, "CreateRole", json!({ "RoleName": "agent", "AssumeRolePolicyDocument": trust })).unwrap();
    world
}

fn put(world: &mut World, name: &str, statements: Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let input = json!({ "RoleName": "agent", "PolicyName": name, "PolicyDocument": document });
    call(world, "PutRolePolicy", input).unwrap();
}

#[test]
fn tasks_take_on_a_role_only_if_it_is_there_and_trusts_them() {
    let world = with_role(TRUST);
    assert_eq!(role_for_tasks(&world, ARN), Ok(()));
    let missing = role_for_tasks(&world, "arn:aws:iam::211125768252:role/other").unwrap_err();
    assert!(missing.starts_with("ECS was unable to assume the role 'arn:aws:iam::211125768252:role/other' that was"));
    let lambda = with_role(&TRUST.replace("ecs-tasks", "lambda"));
    assert!(role_for_tasks(&lambda, ARN).is_err());
}

#[test]
fn a_trust_policy_may_bind_tasks_to_this_account_and_region() {
    let bound = |account: &str| {
        let condition = json!({
            "ArnLike": { "aws:SourceArn": format!("arn:aws:ecs:us-east-1:{account}:*") },
            "StringEquals": { "aws:SourceAccount": account },
        });
        let mut trust: Value = serde_json::from_str(TRUST).unwrap();
        trust["Statement"][0]["Condition"] = condition;
        role_for_tasks(&with_role(&trust.to_string()), ARN)
    };
    assert_eq!(bound("211125768252"), Ok(()));
    assert!(bound("999999999999").is_err());
}

#[test]
fn what_nothing_allows_is_denied_and_an_explicit_deny_wins_whichever_policy_it_is_in() {
    let mut world = with_role(TRUST);
    let secret = "arn:aws:secretsmanager:us-east-1:211125768252:secret:key-a1B2c3";
    assert!(!allows(&world, ARN, "secretsmanager:GetSecretValue", secret));
    put(
        &mut world,
        "read",
        json!({ "Effect": "Allow", "Action": "SecretsManager:Get*",
                "Resource": "arn:aws:secretsmanager:us-east-1:211125768252:secret:key-??????" }),
    );
    assert!(allows(&world, ARN, "secretsmanager:GetSecretValue", secret));
    assert!(!allows(&world, ARN, "secretsmanager:GetSecretValue", &secret.replace("key", "another")));
    put(&mut world, "no", json!([{ "Effect": "Deny", "NotAction": "logs:*", "Resource": "*" }]));
    assert!(!allows(&world, ARN, "secretsmanager:GetSecretValue", secret));
}

#[test]
fn a_permissions_boundary_takes_away_what_it_does_not_allow() {
    let mut world = with_role(TRUST);
    put(&mut world, "all", json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    let boundary = "arn:aws:iam::211125768252:policy/agents";
    let input = json!({ "RoleName": "agent", "PermissionsBoundary": boundary });
    let missing = call(&mut world, "PutRolePermissionsBoundary", input.clone()).unwrap_err();
    assert_eq!((missing.status, missing.code.as_str()), (404, "NoSuchEntity"));
    let document = json!({ "Statement": { "Effect": "Allow", "Action": "logs:*", "Resource": "*" } }).to_string();
    super::preload_policy(&mut world, boundary, &document).unwrap();
    call(&mut world, "PutRolePermissionsBoundary", input).unwrap();
    assert!(allows(&world, ARN, "logs:PutLogEvents", "arn:aws:logs:us-east-1:211125768252:log-group:x"));
    assert!(!allows(&world, ARN, "ecr:BatchGetImage", "*"));
    let role = call(&mut world, "GetRole", json!({ "RoleName": "agent" })).unwrap();
    assert_eq!(role["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], boundary);
    call(&mut world, "DeleteRolePermissionsBoundary", json!({ "RoleName": "agent" })).unwrap();
    assert!(allows(&world, ARN, "ecr:BatchGetImage", "*"));
}

#[test]
fn the_managed_policy_for_task_execution_pulls_images_and_writes_logs() {
    let mut world = with_role(TRUST);
    let policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    call(&mut world, "AttachRolePolicy", json!({ "RoleName": "agent", "PolicyArn": policy })).unwrap();
    assert!(allows(&world, ARN, "ecr:BatchGetImage", "arn:aws:ecr:us-east-1:211125768252:repository/a"));
    assert!(!allows(&world, ARN, "secretsmanager:GetSecretValue", "*"));
}

#[test]
fn an_operator_that_is_not_known_is_read_on_the_cautious_side() {
    let condition = json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "3600" } });
    let mut world = with_role(TRUST);
    put(&mut world, "p", json!({ "Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": condition }));
    assert!(!allows(&world, ARN, "a:b", "x"));
    put(&mut world, "q", json!({ "Effect": "Allow", "Action": "a:b", "Resource": "*" }));
    assert!(allows(&world, ARN, "a:b", "x"));
    put(&mut world, "p", json!({ "Effect": "Deny", "Action": "a:b", "Resource": "*", "Condition": condition }));
    assert!(!allows(&world, ARN, "a:b", "x"));
}

#[test]
fn policies_that_iam_refuses_are_refused_with_its_texts() {
    let cases = [
        ("not json", "Syntax errors in policy."),
        (r#"{"Version":"2020-01-01","Statement":[]}"#, "Policy document must be version 2012-10-17 or greater."),
        (r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#, "Policy statement must contain actions."),
        (r#"{"Statement":[{"Effect":"Allow","Action":"a:b"}]}"#, "Policy statement must contain resources."),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"GetItem","Resource":"*"}]}"#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"bucket"}]}"#,
            "Resource bucket must be in ARN format or \"*\".",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*","Principal":"*"}]}"#,
            "Policy document should not specify a principal.",
        ),
    ];
    let mut world = with_role(TRUST);
    for (document, text) in cases {
        let input = json!({ "RoleName": "agent", "PolicyName": "p", "PolicyDocument": document });
        let refused = call(&mut world, "PutRolePolicy", input).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.message.as_str()), ("MalformedPolicyDocument", text), "{document}");
    }
    let trust = r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    let refused =
        call(&mut world, "CreateRole", json!({ "RoleName": "b", "AssumeRolePolicyDocument": trust })).unwrap_err();
    assert_eq!(refused.message, "Has prohibited field Resource");
}

#[test]
fn quotas_are_refused_with_their_names() {
    let mut world = with_role(TRUST);
    let long =
        json!({ "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": vec!["arn:aws:s3:::x/*"; 600] } });
    let input = json!({ "RoleName": "agent", "PolicyName": "p", "PolicyDocument": long.to_string() });
    let refused = call(&mut world, "PutRolePolicy", input).unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_str(), refused.message.as_str()),
        (409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role agent")
    );
    let mut trust: Value = serde_json::from_str(TRUST).unwrap();
    trust["Statement"][0]["Sid"] = json!("x".repeat(2000));
    let input = json!({ "RoleName": "agent", "PolicyDocument": trust.to_string() });
    let refused = call(&mut world, "UpdateAssumeRolePolicy", input).unwrap_err();
    assert_eq!(refused.message, "Cannot exceed quota for ACLSizePerRole: 2048");
}

/// Statements over a tiny alphabet, so that patterns and questions often meet.
fn statements() -> impl Strategy<Value = Vec<(bool, bool, String, String)>> {
    proptest::collection::vec((any::<bool>(), any::<bool>(), "a:[xy*?]{1,3}", "arn:aws:s3:::[xy*?]{1,3}"), 1..6)
}

/// Wildcards by their definition.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => is_like(&pattern[1..], text) || (!text.is_empty() && is_like(pattern, &text[1..])),
        (Some(b'?'), Some(_)) => is_like(&pattern[1..], &text[1..]),
        (Some(one), Some(other)) => one == other && is_like(&pattern[1..], &text[1..]),
        _ => false,
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_definition(
        statements in statements(),
        action in "a:[xy]{1,3}",
        resource in "arn:aws:s3:::[xy]{1,3}",
    ) {
        let mut world = with_role(TRUST);
        for (index, (allow, negated, actions, resources)) in statements.iter().enumerate() {
            let member = if *negated { "NotAction" } else { "Action" };
            let effect = if *allow { "Allow" } else { "Deny" };
            let mut statement = json!({ "Effect": effect, "Resource": resources });
            statement[member] = json!([actions]);
            put(&mut world, &format!("p{index}"), statement);
        }
        let applies = |(_, negated, actions, resources): &&(bool, bool, String, String)| {
            is_like(actions.as_bytes(), action.as_bytes()) != *negated
                && is_like(resources.as_bytes(), resource.as_bytes())
        };
        let applying: Vec<_> = statements.iter().filter(applies).collect();
        let expected = !applying.is_empty() && applying.iter().all(|(allow, ..)| *allow);
        prop_assert_eq!(allows(&world, ARN, &action, &resource), expected);
    }
}
