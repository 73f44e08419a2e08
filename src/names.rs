//! Names: of what people write, and of what is derived from it in AWS. Lengths are checked here, once, so that every
//! derived name fits. The rules are those of SEMANTICS: an agent is `FLEET/AGENT`, all else follows from it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A text is not a name of its kind; the message says what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct NameError {
    /// What would have been right, to follow “expected”.
    pub expected: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $check:expr, $pattern:literal, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(NameError { expected: $expected }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": concat!("Expected: ", $expected, ".") })
            }
        }
    )*};
}

names! {
    /// An agent's name: a DNS label, at most 24 characters.
    AgentName: |text| is_label(text, 24), "^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$",
        "lower-case letters, digits and hyphens, starting with a letter, at most 24 characters";
    /// A fleet's name: a DNS label, at most 12 characters.
    FleetName: |text| is_label(text, 12), "^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$",
        "lower-case letters, digits and hyphens, starting with a letter, at most 12 characters";
    /// A project's name, the first part of its repositories' names: a DNS label, at most 32 characters.
    ProjectName: |text| is_label(text, 32), "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$",
        "lower-case letters, digits and hyphens, starting with a letter, at most 32 characters";
    /// An AWS account id.
    AccountId: |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()), "^[0-9]{12}$",
        "12 digits, in quotes";
    /// An AWS region's name, such as `us-east-1`.
    Region: is_region, "^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$", "an AWS region such as us-east-1";
    /// An ECS cluster's name.
    ClusterName: |text| !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        "^[a-zA-Z0-9_-]{1,255}$", "letters, digits, hyphens and underscores, at most 255 characters";
    /// An ECR repository's name.
    RepositoryName: is_repository, "^[a-z0-9]+([._/-][a-z0-9]+)*$",
        "lower-case words joined by one of . _ - /, 2 to 256 characters";
    /// An image's tag.
    ImageTag: is_tag, "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$",
        "letters, digits, dots, hyphens and underscores, at most 128 characters, not starting with a dot or hyphen";
    /// An image's digest: the SHA-256 of its manifest.
    ImageDigest: |text| text.strip_prefix("sha256:").is_some_and(|hex| is_hex(hex, 64)), "^sha256:[0-9a-f]{64}$",
        "sha256: and 64 lower-case hexadecimal digits";
    /// The SHA-256 of some content in canonical JSON (RFC 8785), 64 hexadecimal digits.
    ContentHash: |text| is_hex(text, 64), "^[0-9a-f]{64}$", "64 lower-case hexadecimal digits";
}

impl ContentHash {
    /// Hashes content in canonical JSON (RFC 8785), so that neither key order nor formatting matters.
    pub fn of<T: Serialize>(content: &T) -> Result<Self, serde_json::Error> {
        let canonical = serde_json_canonicalizer::to_vec(content)?;
        Ok(Self(hex(&Sha256::digest(canonical))))
    }

    /// The first 12 digits: the revision label of SEMANTICS, long enough to be told apart by people and metrics.
    pub fn label(&self) -> &str {
        &self.0[..12]
    }
}

impl ImageDigest {
    /// `sha256:` and the first 12 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[.."sha256:".len() + 12]
    }
}

/// A revision's number: it names a revision hash, in order of first appearance, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RevisionNumber(pub u32);

/// A rollout's number, per agent, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RolloutNumber(pub u32);

impl fmt::Display for RevisionNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for RolloutNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// An agent in its fleet: what every record, tag and status is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentId {
    pub fleet: FleetName,
    pub agent: AgentName,
}

impl AgentId {
    pub fn new(fleet: FleetName, agent: AgentName) -> Self {
        Self { fleet, agent }
    }

    /// The ECS service and the task definition family.
    pub fn service_name(&self) -> String {
        joined(&[self.fleet.as_str(), self.agent.as_str()], "", 255)
    }

    /// The role that the agent's code runs with.
    pub fn task_role_name(&self, project: &ProjectName) -> String {
        joined(&[project.as_str(), self.fleet.as_str(), self.agent.as_str()], "-task", 64)
    }

    /// The role with which ECS starts the task: image, secrets, logs.
    pub fn execution_role_name(&self, project: &ProjectName) -> String {
        joined(&[project.as_str(), self.fleet.as_str(), self.agent.as_str()], "-exec", 64)
    }

    /// The log group, unless the spec names another.
    pub fn log_group_name(&self) -> String {
        format!("/ecs/{}/{}", self.fleet, self.agent)
    }

    /// What all alarms of the agent start with.
    pub fn alarm_prefix(&self) -> String {
        format!("{}{}/", alarm_prefix(&self.fleet), self.agent)
    }
}

/// What all alarms of a fleet start with: one call watches them all.
pub fn alarm_prefix(fleet: &FleetName) -> String {
    format!("ropewalk/{fleet}/")
}

impl fmt::Display for AgentId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("{}/{}", self.fleet, self.agent))
    }
}

impl FromStr for AgentId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (fleet, agent) = text.split_once('/').ok_or(NameError { expected: "FLEET/AGENT" })?;
        Ok(Self { fleet: fleet.parse()?, agent: agent.parse()? })
    }
}

impl TryFrom<String> for AgentId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<AgentId> for String {
    fn from(id: AgentId) -> Self {
        id.to_string()
    }
}

/// The repository of an agent that names no other.
pub fn default_repository(project: &ProjectName, agent: &AgentName) -> RepositoryName {
    RepositoryName(format!("{project}/{agent}"))
}

/// Joins parts by hyphens. Where the parts could not be told apart again (a hyphen in any but the last), or the name
/// would be longer than `max_length`, a hash of the parts keeps it from colliding with another.
fn joined(parts: &[&str], suffix: &str, max_length: usize) -> String {
    let plain = parts.join("-");
    let ambiguous = parts.split_last().is_some_and(|(_, front)| front.iter().any(|part| part.contains('-')));
    if !ambiguous && plain.len() + suffix.len() <= max_length {
        return plain + suffix;
    }
    let hash = hex(&Sha256::digest(parts.join("/")));
    let kept = plain.len().min(max_length - suffix.len() - 7);
    format!("{}-{}{suffix}", plain[..kept].trim_end_matches('-'), &hash[..6])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_label(text: &str, max_length: usize) -> bool {
    text.len() <= max_length
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = words.split_last() else { return false };
    words.len() >= 2
        && words[0].len() == 2
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_repository(text: &str) -> bool {
    (2..=256).contains(&text.len())
        && text
            .split(['.', '_', '-', '/'])
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
