//! Writes to roles.

use aws_sdk_iam::types::Tag;

use super::{Executor, each_tag, incomplete};
use crate::aws::errors::{AwsError, Remedy};
use crate::aws::limits::Family;
use crate::observed::Tags;
use crate::plan::Action;

impl Executor {
    /// IAM shows a new role with some delay, also to its own writes: a role that is not found is not known everywhere yet.
    pub(super) async fn role(&self, action: &Action) -> Result<(), AwsError> {
        let deletes = matches!(action, Action::DeleteRolePolicy { .. } | Action::DeleteRolePermissionsBoundary { .. });
        self.write_role(action).await.map_err(|error| match error.remedy {
            Remedy::NotFound if !deletes => AwsError { remedy: Remedy::Propagating, ..error },
            _ => error,
        })
    }

    async fn write_role(&self, action: &Action) -> Result<(), AwsError> {
        let (operation, iam, family) = (action.operation(), &self.aws.inner.iam, Family::IamWrites);
        match action {
            Action::CreateRole { role, tags } => {
                let request = iam.create_role().role_name(&role.name).description(&role.description);
                let request = request
                    .assume_role_policy_document(role.trust_policy.to_string())
                    .set_permissions_boundary(role.permissions_boundary.clone())
                    .set_tags(Some(iam_tags(operation, &role.name, tags)?))
                    .send();
                self.aws.call(family, operation, &role.name, request).await.map(drop)
            }
            Action::UpdateAssumeRolePolicy { role, policy } => {
                let request =
                    iam.update_assume_role_policy().role_name(role).policy_document(policy.to_string()).send();
                self.aws.call(family, operation, role, request).await.map(drop)
            }
            Action::PutRolePolicy { role, policy_name, policy } => {
                let request = iam.put_role_policy().role_name(role).policy_name(policy_name);
                let request = request.policy_document(policy.to_string()).send();
                self.aws.call(family, operation, role, request).await.map(drop)
            }
            Action::DeleteRolePolicy { role, policy_name } => {
                let request = iam.delete_role_policy().role_name(role).policy_name(policy_name).send();
                self.aws.call(family, operation, role, request).await.map(drop)
            }
            Action::PutRolePermissionsBoundary { role, boundary } => {
                let request = iam.put_role_permissions_boundary().role_name(role).permissions_boundary(boundary).send();
                self.aws.call(family, operation, role, request).await.map(drop)
            }
            Action::DeleteRolePermissionsBoundary { role } => {
                let request = iam.delete_role_permissions_boundary().role_name(role).send();
                self.aws.call(family, operation, role, request).await.map(drop)
            }
            Action::TagRole { role, tags } => {
                let request = iam.tag_role().role_name(role).set_tags(Some(iam_tags(operation, role, tags)?)).send();
                self.aws.call(family, operation, role, request).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

fn iam_tags(operation: &'static str, role: &str, tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tags = each_tag(tags, |key, value| Tag::builder().key(key).value(value).build());
    tags.into_iter().collect::<Result<_, _>>().map_err(|error| incomplete(operation, role, &error))
}
