//! Making the table. Only `ropewalk init` (and `up`) does; `serve` never.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification, ScalarAttributeType,
    TableStatus,
};

use super::items::{BODY, Key, PARTITION_KEY, SORT_KEY, body};
use super::{LedgerError, LedgerStore};
use crate::aws::errors::AwsError;
use crate::ledger::{Meta, SCHEMA_VERSION};
use crate::names::ContentHash;

/// DynamoDB makes a table within seconds; after this it is better to say so than to wait.
const READY_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What `init` found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialised {
    pub meta: Meta,
    /// Whether the ledger is new.
    pub made: bool,
    /// What should protect the table and does not, for people.
    pub warnings: Vec<String>,
}

impl LedgerStore {
    /// Makes the table and the ledger's identity where they are missing. Idempotent: a second run changes nothing.
    ///
    /// # Errors
    /// If DynamoDB refuses, the table is not ready within two minutes, or it holds a ledger of another schema.
    pub async fn init(&self) -> Result<Initialised, LedgerError> {
        let mut warnings = Vec::new();
        if self.table_seed().await?.is_none() {
            self.create_table(&mut warnings).await?;
        }
        let seed = self.await_active().await?;
        match self.meta().await {
            Ok(meta) => return Ok(Initialised { meta, made: false, warnings }),
            Err(LedgerError::NotInitialised { .. }) => {}
            Err(error) => return Err(error),
        }
        self.protect(&mut warnings).await;
        let made = self.put_meta(&seed).await?;
        Ok(Initialised { meta: self.meta().await?, made, warnings })
    }

    /// The ledger's identity.
    ///
    /// # Errors
    /// [`LedgerError::NotInitialised`] without a table or an identity; [`LedgerError::OtherSchema`] for another build's.
    pub async fn meta(&self) -> Result<Meta, LedgerError> {
        let key = Key::meta();
        let item = self.get(&key).await?;
        let item = item.ok_or_else(|| LedgerError::NotInitialised { table: self.table.clone() })?;
        let meta: Meta = key.read(&item)?;
        match meta.schema_version {
            SCHEMA_VERSION => Ok(meta),
            found => Err(LedgerError::OtherSchema { table: self.table.clone(), found, known: SCHEMA_VERSION }),
        }
    }

    /// What tells this table from any other that ever had its name; `None` if there is none or it is not ready.
    async fn table_seed(&self) -> Result<Option<(TableStatus, String)>, LedgerError> {
        let answer = match self.client.describe_table().table_name(&self.table).send().await {
            Ok(answer) => answer,
            Err(error) => match self.error("dynamodb:DescribeTable", &error) {
                LedgerError::NotInitialised { .. } => return Ok(None),
                error => return Err(error),
            },
        };
        let lacks = || AwsError::unexpected("dynamodb:DescribeTable", &self.table, "the answer has no table");
        let table = answer.table().ok_or_else(lacks)?;
        let made_at = table.creation_date_time().map(|time| time.as_nanos());
        let seed = format!("{:?} {:?} {made_at:?}", table.table_arn(), table.table_id());
        Ok(Some((table.table_status().cloned().unwrap_or(TableStatus::Active), seed)))
    }

    async fn create_table(&self, warnings: &mut Vec<String>) -> Result<(), LedgerError> {
        const OPERATION: &str = "dynamodb:CreateTable";
        for protected in [true, false] {
            let request = self.client.create_table().table_name(&self.table).billing_mode(BillingMode::PayPerRequest);
            let request = request
                .set_attribute_definitions(Some(vec![attribute(PARTITION_KEY)?, attribute(SORT_KEY)?]))
                .set_key_schema(Some(vec![key(PARTITION_KEY, KeyType::Hash)?, key(SORT_KEY, KeyType::Range)?]))
                .set_deletion_protection_enabled(protected.then_some(true));
            let Err(error) = request.send().await else { return Ok(()) };
            let error = AwsError::of(OPERATION, &self.table, &error);
            match error.code.as_str() {
                // Somebody else makes it at this moment, or our own call's answer was lost.
                "ResourceInUseException" => return Ok(()),
                // Some that speak DynamoDB know no deletion protection.
                "ValidationException" | "SerializationException" if protected => {
                    warnings.push(format!("table {} has no deletion protection: {}", self.table, error.message));
                }
                _ => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn await_active(&self) -> Result<String, LedgerError> {
        let until = self.clock.elapsed() + READY_WITHIN;
        loop {
            let seen = self.table_seed().await?;
            match seen {
                Some((TableStatus::Active | TableStatus::Updating, seed)) => return Ok(seed),
                _ if self.clock.elapsed() >= until => {
                    let why = "the table is not ready after two minutes; try again";
                    return Err(AwsError::unexpected("dynamodb:DescribeTable", &self.table, why).into());
                }
                _ => self.clock.sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Point-in-time recovery, where it is known. A ledger without it still works: that is a warning, not an error.
    async fn protect(&self, warnings: &mut Vec<String>) {
        let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let Ok(recovery) = recovery else { return };
        let request = self.client.update_continuous_backups().table_name(&self.table);
        if let Err(error) = request.point_in_time_recovery_specification(recovery).send().await {
            let error = AwsError::of("dynamodb:UpdateContinuousBackups", &self.table, &error);
            warnings.push(format!("table {} has no point-in-time recovery: {}", self.table, error.message));
        }
    }

    /// Whether the identity is ours: of two that initialise at once, one wins and both read the same.
    async fn put_meta(&self, seed: &str) -> Result<bool, LedgerError> {
        let meta_key = Key::meta();
        let hash = ContentHash::of(&(seed, self.clock.now().to_string()));
        let hash = hash.map_err(|error| meta_key.corrupt(&error.to_string()))?;
        let meta = Meta { ledger_id: hash.label().to_owned(), schema_version: SCHEMA_VERSION };
        let meta = body(&meta).map_err(|error| meta_key.corrupt(&error.to_string()))?;
        let request = self.client.put_item().table_name(&self.table).set_item(Some(meta_key.item())).item(BODY, meta);
        let request =
            request.condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", PARTITION_KEY);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if conditional_check_failed(&error) => Ok(false),
            Err(error) => Err(self.error("dynamodb:PutItem", &error)),
        }
    }
}

type PutItemFailure = aws_smithy_runtime_api::client::result::SdkError<
    aws_sdk_dynamodb::operation::put_item::PutItemError,
    aws_smithy_runtime_api::client::orchestrator::HttpResponse,
>;

pub(super) fn conditional_check_failed(error: &PutItemFailure) -> bool {
    error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception())
}

fn attribute(name: &str) -> Result<AttributeDefinition, LedgerError> {
    let built = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
    built.map_err(|error| AwsError::unexpected("dynamodb:CreateTable", name, &error.to_string()).into())
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, LedgerError> {
    let built = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    built.map_err(|error| AwsError::unexpected("dynamodb:CreateTable", name, &error.to_string()).into())
}
