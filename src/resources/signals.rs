//! What the agent says of itself: the log group.

use serde::{Deserialize, Serialize};

use crate::spec::model::{Agent, Fleet};

/// A CloudWatch log group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogGroup {
    pub name: String,
    pub retention_days: u32,
    /// KMS key ARN.
    pub encryption_key: Option<String>,
}

pub(super) fn log_group(fleet: &Fleet, agent: &Agent) -> LogGroup {
    LogGroup {
        name: agent.logs.group.clone(),
        retention_days: agent.logs.retention_days,
        encryption_key: fleet.encryption_key.clone(),
    }
}
