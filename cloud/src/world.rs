//! All that exists in one account and region.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{cloudwatch, ecr, ecs, iam, logs, network, secretsmanager};

/// All that exists in one account and region. Time enters as `now`, set before each call; nothing reads a clock.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) now: Timestamp,
    pub(crate) ids: Ids,
    #[serde(default)]
    pub(crate) ecs: ecs::Ecs,
    #[serde(default)]
    pub(crate) ecr: ecr::Ecr,
    #[serde(default)]
    pub(crate) iam: iam::Iam,
    #[serde(default)]
    pub(crate) logs: logs::Logs,
    #[serde(default)]
    pub(crate) secrets: secretsmanager::Secrets,
    #[serde(default)]
    pub(crate) cloudwatch: cloudwatch::CloudWatch,
    #[serde(default)]
    pub(crate) network: network::Network,
}

impl World {
    pub(crate) fn new(account: &str, region: &str, now: Timestamp, seed: u64) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            now,
            ids: Ids { seed, next: 0 },
            ecs: Default::default(),
            ecr: Default::default(),
            iam: Default::default(),
            logs: Default::default(),
            secrets: Default::default(),
            cloudwatch: Default::default(),
            network: Default::default(),
        }
    }
}

/// Identifiers that look random and are not: the same seed and the same calls give the same ones.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ids {
    seed: u64,
    next: u64,
}

impl Ids {
    /// 32 hexadecimal digits, as ECS names tasks.
    pub(crate) fn hex32(&mut self) -> String {
        self.next += 1;
        let digest = Sha256::digest(format!("{}/{}", self.seed, self.next));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
