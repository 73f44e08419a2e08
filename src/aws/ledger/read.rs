//! Reading the ledger. All reads are consistent: what was committed is seen.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::items::{ARN, DIGEST, Item, Key, PARTITION_KEY, RECORD_PREFIX, SEQUENCE, SORT_KEY, agent_partition, text};
use super::{LedgerError, LedgerStore};
use crate::aws::errors::AwsError;
use crate::ledger::{Entry, Head, Record, RevisionRef};
use crate::names::{AgentId, ContentHash, ImageDigest, ImageTag, ProjectName, RepositoryName};
use crate::resources::Content;

/// BatchGetItem's most.
const ITEMS_A_CALL: usize = 100;

impl LedgerStore {
    /// What the agent's records add up to; an empty head before the first.
    ///
    /// # Errors
    /// If the item cannot be read, or says another sequence than its body.
    pub async fn head(&self, id: &AgentId) -> Result<Head, LedgerError> {
        let key = Key::head(id);
        self.get(&key).await?.map_or_else(|| Ok(Head::default()), |item| read_head(&key, &item))
    }

    /// The heads of these agents; only of those that have one.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub async fn heads(&self, ids: &[AgentId]) -> Result<BTreeMap<AgentId, Head>, LedgerError> {
        let keys: Vec<Key> = ids.iter().map(Key::head).collect();
        let mut items = self.get_all(&keys).await?;
        let mut heads = BTreeMap::new();
        for (id, key) in ids.iter().zip(&keys) {
            if let Some(item) = items.remove(&key.shown()) {
                heads.insert(id.clone(), read_head(key, &item)?);
            }
        }
        Ok(heads)
    }

    /// The revision of this content, if it was ever recorded.
    ///
    /// # Errors
    /// If the item cannot be read.
    pub async fn revision(&self, id: &AgentId, hash: &ContentHash) -> Result<Option<RevisionRef>, LedgerError> {
        let key = Key::revision(id, hash);
        self.get(&key).await?.map(|item| key.read(&item)).transpose()
    }

    /// The content of a recorded revision.
    ///
    /// # Errors
    /// If the record cannot be read, or does not hold what it should: a rollback must not restore something else.
    pub async fn content(&self, id: &AgentId, revision: &RevisionRef) -> Result<Content, LedgerError> {
        let key = Key::record(id, revision.recorded_in);
        let item = self.get(&key).await?.ok_or_else(|| key.corrupt("it is not there"))?;
        let record: Record = key.read(&item)?;
        let wanted = &revision.hashes.revision;
        let content = record.entries.into_iter().find_map(|entry| match entry {
            Entry::Desired { revision, content: Some(content), .. } if revision.hashes.revision == *wanted => {
                Some(*content)
            }
            _ => None,
        });
        let content = content.ok_or_else(|| key.corrupt("it does not hold the revision's content"))?;
        let hashes = content.hashes().map_err(|error| key.corrupt(&error.to_string()))?;
        match hashes.revision == *wanted {
            true => Ok(content),
            false => Err(key.corrupt("its content has another hash than the revision")),
        }
    }

    /// The digest that this tag meant when it was first seen.
    ///
    /// # Errors
    /// If the item cannot be read.
    pub async fn tag_digest(
        &self,
        project: &ProjectName,
        repository: &RepositoryName,
        tag: &ImageTag,
    ) -> Result<Option<ImageDigest>, LedgerError> {
        let key = Key::tag(project, repository, tag.as_str());
        let Some(item) = self.get(&key).await? else { return Ok(None) };
        let digest = key.text(&item, DIGEST)?.parse().map_err(|_| key.corrupt("its digest is none"))?;
        Ok(Some(digest))
    }

    /// The ARN of the task definition with this hash, if it was ever seen.
    ///
    /// # Errors
    /// If the item cannot be read.
    pub async fn task_definition_arn(&self, id: &AgentId, hash: &ContentHash) -> Result<Option<String>, LedgerError> {
        let key = Key::task_definition(id, hash);
        self.get(&key).await?.map(|item| key.text(&item, ARN).map(str::to_owned)).transpose()
    }

    /// All records after this sequence number, oldest first.
    ///
    /// # Errors
    /// If a page or a record cannot be read: part of a history is none.
    pub async fn records(&self, id: &AgentId, after: u64) -> Result<Vec<Record>, LedgerError> {
        self.query_records(id, after, true, None).await
    }

    /// The last records, newest first.
    ///
    /// # Errors
    /// As [`Self::records`].
    pub async fn latest_records(&self, id: &AgentId, count: usize) -> Result<Vec<Record>, LedgerError> {
        self.query_records(id, 0, false, Some(count)).await
    }

    async fn query_records(
        &self,
        id: &AgentId,
        after: u64,
        forward: bool,
        most: Option<usize>,
    ) -> Result<Vec<Record>, LedgerError> {
        let most = most.unwrap_or(usize::MAX);
        let (mut records, mut start) = (Vec::new(), None::<Item>);
        loop {
            let missing = most.saturating_sub(records.len());
            if missing == 0 {
                return Ok(records);
            }
            let request = self.client.query().table_name(&self.table).consistent_read(true).scan_index_forward(forward);
            let request = request
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
                .expression_attribute_names("#pk", PARTITION_KEY)
                .expression_attribute_names("#sk", SORT_KEY)
                .expression_attribute_values(":pk", text(&agent_partition(id)))
                .expression_attribute_values(":from", text(&format!("{RECORD_PREFIX}{:020}", after.saturating_add(1))))
                .expression_attribute_values(":to", text(&format!("{RECORD_PREFIX}{:020}", u64::MAX)))
                .set_limit(i32::try_from(missing).ok())
                .set_exclusive_start_key(start.take());
            let answer = request.send().await.map_err(|error| self.error("dynamodb:Query", &error))?;
            for item in answer.items() {
                let found = item.get(SORT_KEY).and_then(|sort| sort.as_s().ok()).cloned().unwrap_or_default();
                records.push(Key { partition: agent_partition(id), sort: found }.read(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(records);
            }
        }
    }

    /// One item, consistently.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, LedgerError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key.item())).consistent_read(true);
        let answer = request.send().await.map_err(|error| self.error("dynamodb:GetItem", &error))?;
        Ok(answer.item)
    }

    /// Many items, by how their keys are shown; what is not there is left out.
    pub(super) async fn get_all(&self, keys: &[Key]) -> Result<BTreeMap<String, Item>, LedgerError> {
        const OPERATION: &str = "dynamodb:BatchGetItem";
        let mut found = BTreeMap::new();
        for batch in keys.chunks(ITEMS_A_CALL) {
            let mut due: Vec<Item> = batch.iter().map(Key::item).collect();
            let mut pause = std::time::Duration::from_millis(50);
            while !due.is_empty() {
                let request = KeysAndAttributes::builder().set_keys(Some(due)).consistent_read(true).build();
                let request =
                    request.map_err(|error| AwsError::unexpected(OPERATION, &self.table, &error.to_string()))?;
                let answer = self.client.batch_get_item().request_items(&self.table, request).send().await;
                let mut answer = answer.map_err(|error| self.error(OPERATION, &error))?;
                for item in
                    answer.responses.take().and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default()
                {
                    found.insert(shown_key(&item), item);
                }
                let unread = answer.unprocessed_keys.take().and_then(|mut tables| tables.remove(&self.table));
                due = unread.map(|unread| unread.keys).unwrap_or_default();
                if !due.is_empty() {
                    self.clock.sleep(pause).await;
                    pause = (pause * 2).min(std::time::Duration::from_secs(5));
                }
            }
        }
        Ok(found)
    }
}

fn shown_key(item: &Item) -> String {
    let part =
        |name: &str| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).cloned().unwrap_or_default();
    Key { partition: part(PARTITION_KEY), sort: part(SORT_KEY) }.shown()
}

pub(super) fn read_head(key: &Key, item: &Item) -> Result<Head, LedgerError> {
    let head: Head = key.read(item)?;
    match key.number(item, SEQUENCE)? == head.sequence {
        true => Ok(head),
        false => Err(key.corrupt("its sequence is not its body's")),
    }
}
