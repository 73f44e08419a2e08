//! All that exists in one account and region.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{cloudwatch, ecr, ecs, iam, logs, network, secretsmanager};

/// All accounts, by number.
pub(crate) type Accounts = BTreeMap<String, Account>;

/// An account: its regions, and IAM, which is one for all of them.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) iam: iam::Iam,
    pub(crate) regions: BTreeMap<String, World>,
}

impl Account {
    /// Runs `act` on the world of `region` with the account's IAM in it. The world is made if there is none yet.
    pub(crate) fn in_region<T>(
        &mut self,
        region: &str,
        make: impl FnOnce() -> World,
        act: impl FnOnce(&mut World) -> T,
    ) -> T {
        let world = self.regions.entry(region.to_owned()).or_insert_with(make);
        std::mem::swap(&mut self.iam, &mut world.iam);
        let result = act(world);
        std::mem::swap(&mut self.iam, &mut world.iam);
        result
    }
}

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
    /// The account's, here for the duration of a call (see [`Account::in_region`]).
    #[serde(skip)]
    pub(crate) iam: iam::Iam,
    #[serde(default)]
    pub(crate) logs: logs::Logs,
    #[serde(default)]
    pub(crate) secrets: secretsmanager::Secrets,
    #[serde(default)]
    pub(crate) cloudwatch: cloudwatch::CloudWatch,
    #[serde(default)]
    pub(crate) network: network::Network,
    /// ECS as it was before recent writes, for reads that lag behind.
    #[serde(skip)]
    pub(crate) ecs_before: Vec<(Timestamp, ecs::Ecs)>,
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
            ecs_before: Vec::new(),
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

    /// 19 decimal digits, as ECS names deployments and service revisions.
    pub(crate) fn digits19(&mut self) -> String {
        let hex = self.hex32();
        // 15 hexadecimal digits are below 2^60, so the number has at most 19 digits; the sum gives it exactly 19.
        let number = u64::from_str_radix(&hex[..15], 16).unwrap_or_default();
        (1_000_000_000_000_000_000 + number).to_string()
    }

    /// A version 4 UUID in form.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex32();
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}
