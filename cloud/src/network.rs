//! The foundation that ECS checks against: subnets and security groups.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The foundation that ECS checks against; `preload` fills it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) subnets: BTreeSet<String>,
    pub(crate) security_groups: BTreeSet<String>,
}
