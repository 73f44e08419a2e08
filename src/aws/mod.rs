//! The only place that names the AWS SDK: what is seen, what is done, the ledger's store, limits, errors by remedy.
//!
//! ```text
//!            ┌─ observe ─▶ Snapshot          (batched; what failed is Unknown)
//!   limits ──┼─ execute ◀─ Action            (one variant, one write; noted in `recent`)
//!            └─ ledger  ◀▶ records, lease    (DynamoDB; conditional on epoch and sequence)
//! ```
//!
//! Retries of single calls belong to the SDK, configured here; pacing of passes belongs to the operator.

pub mod clock;
pub mod errors;
mod limits;
mod recent;
pub mod observe;
pub mod execute;
pub mod ledger;
mod region;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::names::{AccountId, Region};
pub use clock::Clock;
pub use errors::{AwsError, Remedy};
pub use execute::Executor;
pub use ledger::{Lease, LeaseToken, LedgerStore};
use limits::{Family, Limits};
pub use observe::{Observer, Wanted};
pub use region::default_region;

/// The longest that a call may take, retries included. A call may begin only while the lease is held for longer than this, so
/// it is half the lease (30 s): a leader that misses one renewal (every 10 s) goes on writing. Whoever takes over waits as long
/// again before its first write.
pub const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// One attempt of it. AWS answers within two seconds almost always; a lost answer leaves time for a second and third attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 3;

/// How to reach AWS, or what answers in its place.
#[derive(Clone, Debug)]
pub struct Connection {
    pub region: Region,
    /// Another address than AWS's own, for all services.
    pub endpoint: Option<String>,
    /// Another way out than HTTPS: the embedded cloud, in process.
    pub http_client: Option<SharedHttpClient>,
    /// Access key id and secret; without them the SDK's usual sources are asked.
    pub credentials: Option<(String, String)>,
    pub clock: Clock,
}

/// One account and region: clients, limits, and what was last seen and written. Clones share all of it.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    limits: Limits,
    recent: recent::Recent,
    memory: observe::Memory,
    totals: [AtomicU64; 2],
    ecs: aws_sdk_ecs::Client,
    ecr: aws_sdk_ecr::Client,
    iam: aws_sdk_iam::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    sts: aws_sdk_sts::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

/// How many calls were made; the ledger's are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub reads: u64,
    pub writes: u64,
}

impl fmt::Debug for Aws {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Aws")
            .field("clock", &self.inner.clock)
            .field("totals", &self.totals())
            .finish_non_exhaustive()
    }
}

impl Aws {
    /// Makes the clients. Nothing is sent yet.
    pub async fn connect(connection: Connection) -> Self {
        let clock = connection.clock.clone();
        let config = sdk_config(connection).await;
        let inner = Inner {
            limits: Limits::new(clock.clone()),
            recent: recent::Recent::default(),
            memory: observe::Memory::default(),
            totals: Default::default(),
            ecs: aws_sdk_ecs::Client::new(&config),
            ecr: aws_sdk_ecr::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            clock,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The clock that everything here runs on.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Sees.
    pub fn observer(&self) -> Observer {
        Observer::new(self.clone())
    }

    /// Does.
    pub fn executor(&self) -> Executor {
        Executor::new(self.clone())
    }

    /// The ledger in this table.
    pub fn ledger(&self, table: &str) -> LedgerStore {
        LedgerStore::new(self.inner.dynamodb.clone(), table, self.inner.clock.clone())
    }

    /// How many calls were made so far.
    pub fn totals(&self) -> Totals {
        let [reads, writes] = &self.inner.totals;
        Totals { reads: reads.load(Ordering::Relaxed), writes: writes.load(Ordering::Relaxed) }
    }

    /// The account that the credentials belong to.
    ///
    /// # Errors
    /// If STS cannot be asked, or answers with something that is no account.
    pub async fn caller_account(&self) -> Result<AccountId, AwsError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let request = self.inner.sts.get_caller_identity().send();
        let identity = self.call(Family::StsReads, OPERATION, "the caller", request).await?;
        let account = identity.account().unwrap_or_default();
        account.parse().map_err(|_| AwsError::unexpected(OPERATION, "the caller", "the answer names no account"))
    }

    /// One call: waits for its bucket, sends, and says what helps if it fails. A write has waited for its turn before, so
    /// that nothing stands between the look at the lease and the call.
    async fn call<O, E>(
        &self,
        family: Family,
        operation: &'static str,
        resource: &str,
        request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    ) -> Result<O, AwsError>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if !family.writes() {
            self.inner.limits.take(family).await;
        }
        self.inner.totals[usize::from(family.writes())].fetch_add(1, Ordering::Relaxed);
        request.await.map_err(|error| {
            let error = AwsError::of(operation, resource, &error);
            if error.remedy == Remedy::Throttled {
                self.inner.limits.throttled(family);
            }
            tracing::debug!(%operation, %resource, code = %error.code, "call failed");
            error
        })
    }
}

async fn sdk_config(connection: Connection) -> SdkConfig {
    let clock = connection.clock;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(clock.outside(CONNECT_TIMEOUT))
        .operation_attempt_timeout(clock.outside(ATTEMPT_TIMEOUT))
        .operation_timeout(clock.outside(CALL_DEADLINE))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(aws_config::Region::new(connection.region.to_string()))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        // The attempt's timeout covers a stream that stalls; its own clock would run out too early under `--speed`.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .time_source(clock.clone())
        .sleep_impl(clock);
    if let Ok(name) = AppName::new("ropewalk") {
        loader = loader.app_name(name);
    }
    if let Some(endpoint) = connection.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(http_client) = connection.http_client {
        loader = loader.http_client(http_client);
    }
    if let Some((id, secret)) = connection.credentials {
        loader = loader.credentials_provider(aws_sdk_sts::config::Credentials::new(id, secret, None, None, "ropewalk"));
    }
    loader.load().await
}
