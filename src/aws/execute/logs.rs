//! Writes to log groups.

use super::{Executor, signed};
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::plan::Action;

impl Executor {
    pub(super) async fn log_group(&self, action: &Action) -> Result<(), AwsError> {
        let (operation, logs, family) = (action.operation(), &self.aws.inner.logs, Family::LogsWrites);
        match action {
            Action::CreateLogGroup { log_group, tags } => {
                let request = logs.create_log_group().log_group_name(&log_group.name);
                let request = request
                    .set_kms_key_id(log_group.encryption_key.clone())
                    .set_tags(Some(tags.clone().into_iter().collect()))
                    .send();
                self.aws.call(family, operation, &log_group.name, request).await.map(drop)
            }
            Action::PutRetentionPolicy { log_group, days } => {
                let request =
                    logs.put_retention_policy().log_group_name(log_group).retention_in_days(signed(*days)).send();
                self.aws.call(family, operation, log_group, request).await.map(drop)
            }
            Action::AssociateKmsKey { log_group, key } => {
                let request = logs.associate_kms_key().log_group_name(log_group).kms_key_id(key).send();
                self.aws.call(family, operation, log_group, request).await.map(drop)
            }
            Action::DisassociateKmsKey { log_group } => {
                let request = logs.disassociate_kms_key().log_group_name(log_group).send();
                self.aws.call(family, operation, log_group, request).await.map(drop)
            }
            Action::TagLogGroup { arn, tags } => {
                let request =
                    logs.tag_resource().resource_arn(arn).set_tags(Some(tags.clone().into_iter().collect())).send();
                self.aws.call(family, operation, arn, request).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}
