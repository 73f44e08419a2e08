//! Status documents, and which agents a fleet has.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::commit::{CommitError, lease_check};
use super::items::{BODY, Item, Key, MEMBER_PREFIX, PARTITION_KEY, SORT_KEY, body, fleet_partition, text};
use super::lease::LeaseToken;
use super::{LedgerError, LedgerStore};
use crate::aws::errors::AwsError;
use crate::names::{AgentId, FleetName};
use crate::status::Status;

impl LedgerStore {
    /// The agent's status, as it was last written.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn status(&self, id: &AgentId) -> Result<Option<Status>, LedgerError> {
        let key = Key::status(id);
        self.get(&key).await?.map(|item| key.read(&item)).transpose()
    }

    /// The statuses of a fleet's agents, by name.
    ///
    /// # Errors
    /// If one cannot be read.
    pub async fn statuses(&self, fleet: &FleetName) -> Result<Vec<Status>, LedgerError> {
        let keys: Vec<Key> = self.agents(fleet).await?.iter().map(Key::status).collect();
        let mut items = self.get_all(&keys).await?;
        keys.iter().filter_map(|key| items.remove(&key.shown()).map(|item| key.read(&item))).collect()
    }

    /// The agents of a fleet that the ledger knows, by name.
    ///
    /// # Errors
    /// If a page cannot be read.
    pub async fn agents(&self, fleet: &FleetName) -> Result<Vec<AgentId>, LedgerError> {
        let (mut agents, mut start) = (Vec::new(), None::<Item>);
        loop {
            let request = self.client.query().table_name(&self.table).consistent_read(true);
            let request = request
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .expression_attribute_names("#pk", PARTITION_KEY)
                .expression_attribute_names("#sk", SORT_KEY)
                .expression_attribute_values(":pk", text(&fleet_partition(fleet)))
                .expression_attribute_values(":prefix", text(MEMBER_PREFIX))
                .set_exclusive_start_key(start.take());
            let answer = request.send().await.map_err(|error| self.error("dynamodb:Query", &error))?;
            for item in answer.items() {
                let sort = item.get(SORT_KEY).and_then(|sort| sort.as_s().ok()).cloned().unwrap_or_default();
                let name = sort.strip_prefix(MEMBER_PREFIX).unwrap_or_default().parse();
                let key = Key { partition: fleet_partition(fleet), sort: sort.clone() };
                let name = name.map_err(|_| key.corrupt("it names no agent"))?;
                agents.push(AgentId::new(fleet.clone(), name));
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(agents);
            }
        }
    }

    /// Writes the agent's status, if the lease is still ours: a leader that was replaced must not overwrite what is newer.
    ///
    /// # Errors
    /// [`CommitError::LostLease`], or what DynamoDB says.
    pub async fn put_status(&self, lease: &LeaseToken, id: &AgentId, status: &Status) -> Result<(), CommitError> {
        let document = body(status).map_err(|error| CommitError::Unwritable { why: error.to_string() })?;
        let put = Put::builder().table_name(&self.table).set_item(Some(Key::status(id).item())).item(BODY, document);
        let items = vec![lease_check(&self.table, lease)?, put_item(put)?, self.member(id)?];
        self.transact(items, None).await.map_err(|error| error.of_lease(lease))
    }

    /// Says that the ledger knows the agent.
    pub(super) fn member(&self, id: &AgentId) -> Result<TransactWriteItem, CommitError> {
        put_item(Put::builder().table_name(&self.table).set_item(Some(Key::member(id).item())))
    }
}

pub(super) fn put_item(put: aws_sdk_dynamodb::types::builders::PutBuilder) -> Result<TransactWriteItem, CommitError> {
    let put = put.build().map_err(|error| LedgerError::from(built(&error)))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

pub(super) fn built(error: &aws_sdk_dynamodb::error::BuildError) -> AwsError {
    AwsError::unexpected("dynamodb:TransactWriteItems", "a request", &error.to_string())
}
