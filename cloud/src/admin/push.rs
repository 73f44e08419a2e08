//! A push: a new image under a tag, and how its tasks behave.

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;

/// A new image under a tag. The same repository, tag, behaviour and payload give the same digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The repository's name, e.g. `vitracka/test-agent`.
    pub repository: String,
    pub tag: String,
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Seconds from a task's start until it passes its health checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_after_seconds: Option<u64>,
    /// Stands for the image's content: another payload is another image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// What a push made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pushed {
    /// `sha256:` and 64 hexadecimal digits: the SHA-256 of the manifest.
    pub digest: String,
}
