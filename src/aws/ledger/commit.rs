//! Committing: one transaction, on condition that the lease and the head are what we believe. It comes before the first effect.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::items::{ARN, BODY, DIGEST, EPOCH, FIRST_SEEN, Key, OWNER, PARTITION_KEY, SEQUENCE, body, number, text};
use super::lease::LeaseToken;
use super::status::{built, put_item};
use super::{LedgerError, LedgerStore};
use crate::aws::errors::AwsError;
use crate::ledger::{Entry, Head, Provenance, Record};
use crate::names::{AgentId, ContentHash, ImageTag, ProjectName, RepositoryName};
use crate::resources::access::MUTABLE_TAG;

/// How often a transaction is tried. Conflicts with a lease renewal last milliseconds; lost answers are rare.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// DynamoDB's 400 KB an item, less what the keys take.
const LARGEST_BODY: usize = 390_000;
/// Where the lease's check stands in every transaction.
const LEASE_POSITION: usize = 0;

/// What is committed, beyond the entries themselves.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// Whose repository, and which: where a tag's digest is first seen.
    pub project: &'a ProjectName,
    pub repository: &'a RepositoryName,
    pub provenance: &'a Provenance,
    pub entries: &'a [Entry],
    pub now: Timestamp,
}

/// Nothing was committed, unless it is said.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error("the lease of fleet {fleet} belongs to somebody else now; nothing was written")]
    LostLease { fleet: String },
    /// Somebody else's record has this number: the head has to be read again.
    #[error("the ledger of {agent} has moved on from record {sequence}; nothing was written")]
    Behind { agent: AgentId, sequence: u64 },
    /// Another fleet has seen the tag with another digest meanwhile.
    #[error("tag {tag} means another digest in the ledger; nothing was written")]
    TagMoved { tag: String },
    #[error(
        "a record of {agent} would be {bytes} bytes long, and DynamoDB takes 400 KB; make the agent's file smaller"
    )]
    TooLarge { agent: AgentId, bytes: usize },
    #[error("it cannot be written as JSON: {why}")]
    Unwritable { why: String },
    /// No answer, and the head cannot be read either: it may have been committed. The head has to be read again.
    #[error("it is not known whether record {sequence} was committed: {error}")]
    Undecided { sequence: u64, error: Box<AwsError> },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A tag that a transaction gives its digest, and where it stands in it.
struct Claim {
    position: usize,
    tag: String,
}

/// Why a transaction failed.
pub(super) enum TransactError {
    /// These conditions did not hold, by position.
    Conditions(Vec<usize>),
    Aws(AwsError),
}

impl TransactError {
    pub(super) fn of_lease(self, lease: &LeaseToken) -> CommitError {
        match self {
            Self::Conditions(_) => CommitError::LostLease { fleet: lease.fleet().to_string() },
            Self::Aws(error) => CommitError::Ledger(error.into()),
        }
    }
}

impl LedgerStore {
    /// Commits one record, on condition that the lease's epoch is ours and that `head` is the last; returns the head after it.
    /// A lost answer is resolved: by the same request again, under the same token, or by reading what was written.
    ///
    /// # Errors
    /// See [`CommitError`]. After [`CommitError::Behind`] and [`CommitError::Undecided`] the head has to be read again.
    pub async fn commit(
        &self,
        lease: &LeaseToken,
        id: &AgentId,
        head: &Head,
        commit: Commit<'_>,
    ) -> Result<Head, CommitError> {
        let unwritable = |error: serde_json::Error| CommitError::Unwritable { why: error.to_string() };
        let record = Record {
            sequence: head.sequence + 1,
            epoch: lease.epoch(),
            at: commit.now,
            previous: head.last_hash.clone(),
            provenance: commit.provenance.clone(),
            entries: commit.entries.to_vec(),
        };
        let hash = record.hash().map_err(unwritable)?;
        let next = head.after(&record, hash.clone());
        let (items, tag) = self.transaction(lease, id, &record, &next, &commit)?;
        // The record's hash stands for agent, number and epoch. The table belongs to it: DynamoDB knows tokens by account.
        let token = ContentHash::of(&(&self.table, id, &hash)).map_err(unwritable)?;
        let result = self.transact(items, Some(&token.as_str()[..36])).await;
        let failed = match result {
            Ok(()) => return Ok(next),
            Err(failed) => failed,
        };
        match self.committed(id, record.sequence, &hash).await {
            Ok(true) => Ok(next),
            Ok(false) => Err(refused(failed, lease, id, head.sequence, tag)),
            Err(error) => match (failed, error) {
                (TransactError::Aws(error), LedgerError::Aws(_)) if error.in_doubt => {
                    Err(CommitError::Undecided { sequence: record.sequence, error: Box::new(error) })
                }
                (failed, _) => Err(refused(failed, lease, id, head.sequence, tag)),
            },
        }
    }

    /// Whether the record with this number is ours: a failed condition can be our own earlier write.
    async fn committed(&self, id: &AgentId, sequence: u64, hash: &ContentHash) -> Result<bool, LedgerError> {
        let key = Key::record(id, sequence);
        let Some(item) = self.get(&key).await? else { return Ok(false) };
        let found: Record = key.read(&item)?;
        let found = found.hash().map_err(|error| key.corrupt(&error.to_string()))?;
        Ok(found == *hash)
    }

    /// All that a record writes, and the tag that it claims.
    fn transaction(
        &self,
        lease: &LeaseToken,
        id: &AgentId,
        record: &Record,
        next: &Head,
        commit: &Commit<'_>,
    ) -> Result<(Vec<TransactWriteItem>, Option<Claim>), CommitError> {
        let mut items = vec![lease_check(&self.table, lease)?, self.put_record(id, record)?, self.put_head(id, next)?];
        if record.sequence == 1 {
            items.push(self.member(id)?);
        }
        let mut tag = None;
        for entry in &record.entries {
            match entry {
                Entry::Desired { revision, content, .. } => {
                    if content.is_some() {
                        let put = self.put(&Key::revision(id, &revision.hashes.revision));
                        items.push(put_item(put.item(BODY, written(id, revision)?))?);
                    }
                    if let Some(first_seen) = self.first_seen(commit, revision)? {
                        tag = Some(Claim { position: items.len(), tag: revision.version.clone() });
                        items.push(first_seen);
                    }
                }
                Entry::TaskDefinitionSeen { hash, arn } => {
                    let put = self.put(&Key::task_definition(id, hash));
                    items.push(put_item(put.item(ARN, text(arn)))?);
                }
                Entry::Intent { .. }
                | Entry::Drift { .. }
                | Entry::RolloutStarted { .. }
                | Entry::Monitoring { .. }
                | Entry::RolloutEnded { .. }
                | Entry::Converged { .. } => {}
            }
        }
        Ok((items, tag))
    }

    fn put(&self, key: &Key) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(key.item()))
    }

    fn put_record(&self, id: &AgentId, record: &Record) -> Result<TransactWriteItem, CommitError> {
        let put = self.put(&Key::record(id, record.sequence));
        let put = put
            .item(BODY, written(id, record)?)
            .item(SEQUENCE, number(record.sequence))
            .item(EPOCH, number(record.epoch))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PARTITION_KEY);
        put_item(put)
    }

    fn put_head(&self, id: &AgentId, next: &Head) -> Result<TransactWriteItem, CommitError> {
        let put = self.put(&Key::head(id)).item(BODY, written(id, next)?).item(SEQUENCE, number(next.sequence));
        let put = match next.sequence {
            1 => put.condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", PARTITION_KEY),
            sequence => put
                .condition_expression("#sequence = :before")
                .expression_attribute_names("#sequence", SEQUENCE)
                .expression_attribute_values(":before", number(sequence - 1)),
        };
        put_item(put)
    }

    /// A tag that may move is not recorded: it promises nothing.
    fn first_seen(
        &self,
        commit: &Commit<'_>,
        revision: &crate::ledger::RevisionRef,
    ) -> Result<Option<TransactWriteItem>, CommitError> {
        let is_tag = revision.version.parse::<ImageTag>().is_ok() && revision.version != MUTABLE_TAG;
        if !is_tag {
            return Ok(None);
        }
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::tag(commit.project, commit.repository, &revision.version).item()))
            .update_expression("SET #digest = :digest, #seen = if_not_exists(#seen, :now)")
            .condition_expression("attribute_not_exists(#pk) OR #digest = :digest")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#digest", DIGEST)
            .expression_attribute_names("#seen", FIRST_SEEN)
            .expression_attribute_values(":digest", text(revision.digest.as_str()))
            .expression_attribute_values(":now", text(&commit.now.to_string()))
            .build()
            .map_err(|error| LedgerError::from(built(&error)))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    /// Sends a transaction until it is decided, or the attempts are used up. Under one token DynamoDB applies it once.
    pub(super) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
        token: Option<&str>,
    ) -> Result<(), TransactError> {
        let _turn = self.turn.lock().await;
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let request = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let request = request.set_client_request_token(token.map(str::to_owned));
            let Err(error) = request.send().await else { return Ok(()) };
            let failed = self.failed(&error);
            let again = match &failed {
                TransactError::Conditions(positions) => positions.is_empty(),
                TransactError::Aws(error) => error.in_doubt || !error.needs_a_person(),
            };
            if !again || attempt == ATTEMPTS {
                return Err(failed);
            }
            self.clock.sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    /// Cancelled without a failed condition, it met another transaction, or throttling: it may be sent again.
    fn failed(&self, error: &SdkError<TransactWriteItemsError>) -> TransactError {
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
            let reasons = cancelled.cancellation_reasons().iter().enumerate();
            let failed = reasons.filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
            return TransactError::Conditions(failed.map(|(position, _)| position).collect());
        }
        TransactError::Aws(AwsError::of("dynamodb:TransactWriteItems", &format!("table {}", self.table), error))
    }
}

fn refused(failed: TransactError, lease: &LeaseToken, id: &AgentId, sequence: u64, tag: Option<Claim>) -> CommitError {
    match failed {
        TransactError::Aws(error) => CommitError::Ledger(error.into()),
        TransactError::Conditions(positions) if positions.contains(&LEASE_POSITION) => {
            CommitError::LostLease { fleet: lease.fleet().to_string() }
        }
        TransactError::Conditions(positions) => match tag {
            Some(Claim { position, tag }) if positions == [position] => CommitError::TagMoved { tag },
            _ => CommitError::Behind { agent: id.clone(), sequence },
        },
    }
}

/// The condition that makes a commit fail once somebody else leads.
pub(super) fn lease_check(table: &str, lease: &LeaseToken) -> Result<TransactWriteItem, CommitError> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(Key::lease(lease.fleet()).item()))
        .condition_expression("#epoch = :epoch AND #owner = :owner")
        .expression_attribute_names("#epoch", EPOCH)
        .expression_attribute_names("#owner", OWNER)
        .expression_attribute_values(":epoch", number(lease.epoch()))
        .expression_attribute_values(":owner", text(lease.owner()))
        .build()
        .map_err(|error| LedgerError::from(built(&error)))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

fn written<T: serde::Serialize>(
    id: &AgentId,
    value: &T,
) -> Result<aws_sdk_dynamodb::types::AttributeValue, CommitError> {
    let written = body(value).map_err(|error| CommitError::Unwritable { why: error.to_string() })?;
    match written.as_s().map_or(0, String::len) {
        bytes if bytes > LARGEST_BODY => Err(CommitError::TooLarge { agent: id.clone(), bytes }),
        _ => Ok(written),
    }
}
