//! The foundation that a desired state takes for granted: subnets, security groups, listeners, topics.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The foundation that ECS checks against; `preload` fills it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Network {
    pub(crate) subnets: BTreeSet<String>,
    pub(crate) security_groups: BTreeSet<String>,
    /// ARNs of load balancer listeners.
    pub(crate) listeners: BTreeSet<String>,
    /// ARNs of SNS topics.
    pub(crate) topics: BTreeSet<String>,
}
