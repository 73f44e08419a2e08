//! Doing: one action, one write. "It is there already" is no failure: the next pass observes whose it is.

mod access;
mod compute;
mod effect;
mod logs;
mod repositories;

use std::collections::BTreeMap;

use super::errors::{AwsError, Remedy};
use super::limits::Family;
use super::{Aws, CALL_DEADLINE};
use crate::plan::{Action, ResourceKind};
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

    /// Prepares and performs one action.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub async fn execute(&self, action: &Action) -> Result<(), AwsError> {
        let prepared = self.prepare(action).await;
        self.perform(prepared, action).await
    }

    /// All that may take long before a write: its turn in the API's bucket, and the search for what is registered already.
    /// Nothing is written. Whoever leads looks at the lease after this, not before.
    pub async fn prepare(&self, action: &Action) -> Prepared {
        if self.is_registered(action).await {
            return Prepared { already: true };
        }
        self.aws.inner.limits.take(family(action)).await;
        Prepared { already: false }
    }

    /// Performs one prepared action, within [`CALL_DEADLINE`], and notes it, so that the observer does not take an old read
    /// for drift.
    ///
    /// The caller sees to it that one agent has one write in flight, and that the lease is held for longer than
    /// [`CALL_DEADLINE`] when this is called.
    ///
    /// # Errors
    /// With the remedy. A call without an answer is noted too: until it has settled, its resource is `Unknown`.
    pub async fn perform(&self, prepared: Prepared, action: &Action) -> Result<(), AwsError> {
        let result = if prepared.already { Ok(Done::Already) } else { self.write(action).await };
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

    /// ECS has no token for registrations: after a lost answer, ours is found among the family's newest by its hash.
    async fn is_registered(&self, action: &Action) -> bool {
        let Action::RegisterTaskDefinition { task_definition, hash, .. } = action else { return false };
        let seen = self.aws.observer().read_task_definition(&task_definition.family, hash, None).await;
        seen.present().is_some()
    }

    async fn write(&self, action: &Action) -> Result<Done, AwsError> {
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

/// An action's turn has come.
#[derive(Debug)]
pub struct Prepared {
    already: bool,
}

/// The bucket that an action's call comes out of.
fn family(action: &Action) -> Family {
    match (action, action.resource_kind()) {
        (Action::TagEcsResource { .. }, _) => Family::EcsTagWrites,
        (_, ResourceKind::Repository) => Family::EcrWrites,
        (_, ResourceKind::Role) => Family::IamWrites,
        (_, ResourceKind::LogGroup) => Family::LogsWrites,
        (_, ResourceKind::TaskDefinition) => Family::EcsTaskDefinitionWrites,
        (_, ResourceKind::Service) => Family::EcsServiceWrites,
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
