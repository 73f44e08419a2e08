//! Reasons for not acting, as types. Each is shown to people and names the way out.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something is not done now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Wait {
    /// The tag (or digest) is not in the repository.
    Image { repository: String, reference: String },
    /// Something could not be read; nothing is decided on it.
    Unreadable { what: String, why: String },
    /// What was just written is not visible yet.
    NotYetVisible { what: String },
    /// ECS replaces tasks.
    Deploying { running: u32, wanted: u32 },
    /// The revision serves and is watched.
    Monitoring { until: Timestamp },
    /// The service is being deleted.
    Draining { service: String },
    /// A release failed; what ran before serves.
    Held { version: String, reason: String },
    /// A release failed and there is nothing to go back to; or something must be mended by hand.
    Stalled { reason: String },
    /// It carries another owner's tags, or none; it is not touched.
    NotOurs { what: String, owner: String },
    /// The tag means another digest than when it was first seen.
    TagMoved { tag: String, first: String, now: String },
    /// The cluster is not there.
    ClusterMissing { cluster: String },
    /// `mode: observe`: nothing is written.
    Observing { changes: usize },
}

impl fmt::Display for Wait {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { repository, reference } => {
                write!(out, "image {reference} is not in repository {repository}: push it")
            }
            Self::Unreadable { what, why } => write!(out, "cannot read {what}: {why}"),
            Self::NotYetVisible { what } => write!(out, "{what} was made and is not visible yet"),
            Self::Deploying { running, wanted } if running < wanted => {
                write!(out, "{running} of {wanted} new tasks running")
            }
            Self::Deploying { running, .. } => write!(out, "{running} new tasks running, health checks under way"),
            Self::Monitoring { until } => write!(out, "watched until {until}"),
            Self::Draining { service } => write!(out, "service {service} is still draining"),
            Self::Held { version, reason } => write!(out, "{version} failed: {reason}; commit new content"),
            Self::Stalled { reason } => out.write_str(reason),
            Self::NotOurs { what, owner } => write!(out, "{what} belongs to {owner} and is not touched"),
            Self::TagMoved { tag, first, now } => write!(
                out,
                "tag {tag} was {first} and is now {now}: a tag means one digest for ever; push a new tag, or name the digest"
            ),
            Self::ClusterMissing { cluster } => write!(out, "cluster {cluster} does not exist: create it"),
            Self::Observing { changes } => write!(out, "mode: observe, {changes} changes not made"),
        }
    }
}
