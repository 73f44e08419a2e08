//! Doing: one action, one write. "It is there already" is no failure: the next pass observes whose it is.

mod access;
mod compute;
mod effect;
mod logs;
mod repositories;

use std::collections::BTreeMap;

use super::errors::{AwsError, Remedy};
use super::{Aws, CALL_DEADLINE};
use crate::plan::Action;
use effect::effect;

/// Writes to one account and region. Clones share what is noted.
#[derive(Clone, Debug)]
pub struct Executor {
    aws: Aws,
}

impl Executor {
    pub(super) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// Performs one action, and notes it, so that the observer does not take an old read for drift.
    ///
    /// The caller sees to it that one agent has one write in flight, and that the lease is held for longer than
    /// [`CALL_DEADLINE`].
    ///
    /// # Errors
    /// With the remedy. A call without an answer is noted too: until it has settled, its resource is `Unknown`.
    pub async fn execute(&self, action: &Action) -> Result<(), AwsError> {
        let result = self.perform(action).await;
        let effect = effect(action);
        let clock = &self.aws.inner.clock;
        self.aws.inner.memory.forget(&effect.key);
        match &result {
            Ok(Done::Written) => self.aws.inner.recent.note(&effect.key, effect.written, clock.elapsed(), None),
            Ok(Done::Already) => {}
            Err(error) if error.in_doubt => {
                let doubt = clock.outside(CALL_DEADLINE);
                self.aws.inner.recent.note(&effect.key, effect.written, clock.elapsed(), Some(doubt));
            }
            Err(_) => {}
        }
        result.map(drop)
    }

    async fn perform(&self, action: &Action) -> Result<Done, AwsError> {
        let result = match action {
            Action::CreateRepository { .. }
            | Action::PutImageTagMutability { .. }
            | Action::PutImageScanningConfiguration { .. }
            | Action::PutLifecyclePolicy { .. } => self.repository(action).await,
            Action::CreateRole { .. }
            | Action::UpdateAssumeRolePolicy { .. }
            | Action::PutRolePolicy { .. }
            | Action::DeleteRolePolicy { .. }
            | Action::PutRolePermissionsBoundary { .. }
            | Action::DeleteRolePermissionsBoundary { .. }
            | Action::TagRole { .. } => self.role(action).await,
            Action::CreateLogGroup { .. }
            | Action::PutRetentionPolicy { .. }
            | Action::AssociateKmsKey { .. }
            | Action::DisassociateKmsKey { .. }
            | Action::TagLogGroup { .. } => self.log_group(action).await,
            Action::RegisterTaskDefinition { .. }
            | Action::CreateService { .. }
            | Action::UpdateService { .. }
            | Action::StopServiceDeployment { .. }
            | Action::TagEcsResource { .. } => self.compute(action).await,
        };
        match result {
            Ok(()) => Ok(Done::Written),
            Err(error) if already(action, &error) => Ok(Done::Already),
            Err(error) => Err(error),
        }
    }
}

enum Done {
    Written,
    /// AWS has it already; nothing was written.
    Already,
}

/// Answers that mean that nothing is left to do.
fn already(action: &Action, error: &AwsError) -> bool {
    match error.remedy {
        Remedy::Exists => action.makes(),
        Remedy::NotFound => {
            matches!(action, Action::DeleteRolePolicy { .. } | Action::DeleteRolePermissionsBoundary { .. })
        }
        // The deployment has ended by itself, in whichever way.
        Remedy::Conflict => matches!(action, Action::StopServiceDeployment { .. }),
        _ => false,
    }
}

/// Tags in the shape that one service wants them in.
fn each_tag<T>(tags: &BTreeMap<String, String>, tag: impl Fn(&str, &str) -> T) -> Vec<T> {
    tags.iter().map(|(key, value)| tag(key, value)).collect()
}

/// The SDK could not build a request from what we gave it: a required member is missing.
fn incomplete(operation: &'static str, resource: &str, error: &aws_sdk_ecs::error::BuildError) -> AwsError {
    AwsError {
        remedy: Remedy::Refused,
        in_doubt: false,
        ..AwsError::unexpected(operation, resource, &error.to_string())
    }
}

/// AWS's counts are signed; ours are bounded far below by validation.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
