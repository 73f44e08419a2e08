//! What a cloud starts with: what a desired state takes for granted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Push;
use crate::behaviour::Behaviour;
use crate::service::ServiceError;
use crate::world::World;
use crate::{ecr, ecs, iam, secretsmanager};

/// What a cloud starts with. Applying it again changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preload {
    /// Names of ECS clusters.
    pub clusters: Vec<String>,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    /// ARNs of secrets; each gets a value that is not a secret.
    pub secrets: Vec<String>,
    /// Images; one whose repository does not exist yet waits for it, as a CI job that retries its push.
    pub images: Vec<PreloadImage>,
    /// Customer-managed policies by ARN, e.g. a permissions boundary: the policy document.
    pub policies: BTreeMap<String, String>,
    /// ARNs of load balancer listeners.
    pub listeners: Vec<String>,
    /// ARNs of SNS topics.
    pub topics: Vec<String>,
}

/// An image that is there, or will be as soon as its repository is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreloadImage {
    pub repository: String,
    pub tag: String,
    #[serde(default)]
    pub behaviour: Behaviour,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_after_seconds: Option<u64>,
}

/// Applies a preload.
///
/// # Errors
/// What AWS would say against a name in it. What came before the error is applied.
pub(crate) fn apply(world: &mut World, preload: Preload) -> Result<(), ServiceError> {
    for cluster in preload.clusters {
        ecs::call(world, "CreateCluster", json!({ "clusterName": cluster }))?;
    }
    world.network.subnets.extend(preload.subnets);
    world.network.security_groups.extend(preload.security_groups);
    world.network.listeners.extend(preload.listeners);
    world.network.topics.extend(preload.topics);
    for arn in preload.secrets {
        secretsmanager::preload(world, &arn)?;
    }
    for (arn, document) in preload.policies {
        iam::preload_policy(world, &arn, &document)?;
    }
    for image in preload.images {
        let PreloadImage { repository, tag, behaviour, ready_after_seconds } = image;
        ecr::push_or_wait(world, Push { repository, tag, behaviour, ready_after_seconds, payload: None })?;
    }
    Ok(())
}
