//! Keys and attributes, as SEMANTICS lays the table out.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LedgerError;
use crate::names::{AgentId, ContentHash, FleetName, ProjectName, RepositoryName};

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PARTITION_KEY: &str = "pk";
pub(super) const SORT_KEY: &str = "sk";
/// The body, as JSON text.
pub(super) const BODY: &str = "body";
pub(super) const SEQUENCE: &str = "sequence";
pub(super) const EPOCH: &str = "epoch";
pub(super) const OWNER: &str = "owner";
pub(super) const COUNTER: &str = "counter";
pub(super) const DIGEST: &str = "digest";
pub(super) const FIRST_SEEN: &str = "firstSeen";
pub(super) const ARN: &str = "arn";
pub(super) const RECORD_PREFIX: &str = "REC#";
pub(super) const MEMBER_PREFIX: &str = "AGENT#";

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) partition: String,
    pub(super) sort: String,
}

impl Key {
    fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    pub(super) fn meta() -> Self {
        Self::new("LEDGER", "META")
    }

    pub(super) fn lease(fleet: &FleetName) -> Self {
        Self::new(fleet_partition(fleet), "LEASE")
    }

    /// Says that the ledger knows the agent, so that a fleet's agents can be listed.
    pub(super) fn member(id: &AgentId) -> Self {
        Self::new(fleet_partition(&id.fleet), format!("{MEMBER_PREFIX}{}", id.agent))
    }

    pub(super) fn tag(project: &ProjectName, repository: &RepositoryName, tag: &str) -> Self {
        Self::new(format!("PROJECT#{project}"), format!("TAG#{repository}#{tag}"))
    }

    pub(super) fn head(id: &AgentId) -> Self {
        Self::new(agent_partition(id), "HEAD")
    }

    /// Twenty digits hold every `u64`, so that DynamoDB's order of texts is the order of numbers.
    pub(super) fn record(id: &AgentId, sequence: u64) -> Self {
        Self::new(agent_partition(id), format!("{RECORD_PREFIX}{sequence:020}"))
    }

    pub(super) fn revision(id: &AgentId, hash: &ContentHash) -> Self {
        Self::new(agent_partition(id), format!("REV#{hash}"))
    }

    pub(super) fn task_definition(id: &AgentId, hash: &ContentHash) -> Self {
        Self::new(agent_partition(id), format!("TASKDEF#{hash}"))
    }

    pub(super) fn status(id: &AgentId) -> Self {
        Self::new(agent_partition(id), "STATUS")
    }

    pub(super) fn item(&self) -> Item {
        Item::from([(PARTITION_KEY.to_owned(), text(&self.partition)), (SORT_KEY.to_owned(), text(&self.sort))])
    }

    /// For people: `AGENT#dev/test-agent HEAD`.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.partition, self.sort)
    }

    /// The body of an item found here.
    pub(super) fn read<T: DeserializeOwned>(&self, item: &Item) -> Result<T, LedgerError> {
        let body = self.text(item, BODY)?;
        serde_json::from_str(body).map_err(|error| self.corrupt(&error.to_string()))
    }

    pub(super) fn text<'a>(&self, item: &'a Item, name: &str) -> Result<&'a str, LedgerError> {
        let value = item.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.corrupt(&format!("it has no text `{name}`")))
    }

    pub(super) fn number(&self, item: &Item, name: &str) -> Result<u64, LedgerError> {
        let value = item.get(name).and_then(|value| value.as_n().ok()).and_then(|value| value.parse().ok());
        value.ok_or_else(|| self.corrupt(&format!("it has no number `{name}`")))
    }

    pub(super) fn corrupt(&self, why: &str) -> LedgerError {
        LedgerError::Corrupt { item: self.shown(), why: why.to_owned() }
    }
}

pub(super) fn agent_partition(id: &AgentId) -> String {
    format!("AGENT#{id}")
}

pub(super) fn fleet_partition(fleet: &FleetName) -> String {
    format!("FLEET#{fleet}")
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A body as JSON text.
pub(super) fn body<T: Serialize>(value: &T) -> Result<AttributeValue, serde_json::Error> {
    serde_json::to_string(value).map(AttributeValue::S)
}
