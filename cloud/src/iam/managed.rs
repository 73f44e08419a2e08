//! Managed policies: a few of AWS's own, and those that a preload brings.

use super::document::{Kind, parse};
use super::{Iam, no_such_entity, validation};
use crate::service::ServiceError;
use crate::world::World;

/// AWS-managed policies that tasks are commonly given. Their documents are in the AWS managed policy reference.
const AWS_MANAGED: [(&str, &str); 3] = [
    (
        "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken",
            "ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream",
            "logs:PutLogEvents"],"Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/AdministratorAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/PowerUserAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*",
            "account:*"],"Resource":"*"}]}"#,
    ),
];

/// The document of a managed policy.
pub(super) fn document<'a>(iam: &'a Iam, arn: &str) -> Option<&'a str> {
    let aws = AWS_MANAGED.iter().find(|(known, _)| *known == arn).map(|(_, document)| *document);
    aws.or_else(|| iam.policies.get(arn).map(String::as_str))
}

/// The policy is there and can be attached.
pub(super) fn check_attachable(iam: &Iam, arn: &str) -> Result<(), ServiceError> {
    if !arn.starts_with("arn:") || !arn.contains(":policy/") {
        return Err(super::ServiceError::new("InvalidInput", format!("ARN {arn} is not valid.")));
    }
    match document(iam, arn) {
        Some(_) => Ok(()),
        None => Err(no_such_entity(format!("Policy {arn} does not exist or is not attachable."))),
    }
}

/// Puts a customer-managed policy there.
///
/// # Errors
/// `MalformedPolicyDocument`; `ValidationError` for an ARN of another account.
pub(crate) fn preload_policy(world: &mut World, arn: &str, document: &str) -> Result<(), ServiceError> {
    let prefix = format!("arn:aws:iam::{}:policy/", world.account);
    if !arn.starts_with(&prefix) {
        return Err(validation(format!("{arn} is no ARN of a policy in the account {}.", world.account)));
    }
    parse(document, Kind::Identity)?;
    world.iam.policies.insert(arn.to_owned(), document.to_owned());
    Ok(())
}
