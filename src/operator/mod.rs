//! The always-on loop: files and timers wake it, one pass after the other brings AWS to what git says.
//!
//! ```text
//! source ─▶ what git says ─┐                     ┌─▶ record intent ─▶ execute ─▶ status
//! queue ──▶ who is due ────┼─▶ observe ─▶ plan ──┤
//! lease ──▶ may it write? ─┘                     └─▶ next wake ─▶ queue
//! ```
//!
//! Architecture invariants: what is done is decided in `plan`, not here. A wake carries no data. Everything runs on one
//! clock, so that a simulation, `--speed` and production are the same code. What is remembered between passes is a cache of
//! the ledger: the process may be killed at any time.

mod fleet;
mod leader;
mod once;
mod pacing;
mod progress;
mod queue;
mod recall;
mod reconcile;
mod run;
pub mod source;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, Semaphore, watch};

use crate::aws::ledger::{LedgerError, Takeover};
use crate::aws::{Aws, AwsError};
use crate::names::{AccountId, AgentId, FleetName, Region};
use crate::spec::model::Fleet;
pub use once::{AgentPlan, AgentReport, Report};
use progress::Board;
pub use progress::{AgentProgress, FleetProgress, Progress, Totals};
use reconcile::Bench;
pub use source::{Reader, Reading, Source};

/// Connects to one account and region. It is asked once for each, when the first fleet of it is led.
pub type Connect = Arc<dyn Fn(AccountId, Region) -> BoxFuture<'static, Aws> + Send + Sync>;

/// How many passes run at once: enough to hide AWS's answer times, few enough that one fleet-wide change does not fill
/// every bucket.
pub const CONCURRENT_PASSES: usize = 8;

/// What an operator needs.
pub struct Settings {
    pub source: Source,
    pub connect: Connect,
    /// The ledger's table, in each fleet's account and region.
    pub table: String,
    /// Names this process, and no other: a restarted one has another name.
    pub owner: String,
    pub takeover: Takeover,
    /// See [`CONCURRENT_PASSES`].
    pub concurrent_passes: usize,
}

/// The operator.
#[derive(Debug)]
pub struct Operator {
    settings: Settings,
    board: Board,
    permits: Arc<Semaphore>,
    connections: Mutex<BTreeMap<(AccountId, Region), Aws>>,
}

/// Why nothing can be done for a fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error(
        "fleet {fleet} belongs to account {wanted}, and the credentials to account {found}; nothing is done for it"
    )]
    WrongAccount { fleet: FleetName, wanted: AccountId, found: AccountId },
    #[error("the account of fleet {fleet} cannot be asked: {error}")]
    Account { fleet: FleetName, error: AwsError },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("fleet {fleet} is led by {owner}; stop it, or wait for it with --wait")]
    Led { fleet: FleetName, owner: String },
    #[error("the lease of fleet {fleet} was lost; run it again")]
    LeaseLost { fleet: FleetName },
    #[error("there is no agent {agent} in the desired state")]
    NoSuchAgent { agent: AgentId },
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings").field("table", &self.table).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Operator {
    pub fn new(settings: Settings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.concurrent_passes.max(1)));
        Self { settings, board: Board::new(), permits, connections: Mutex::default() }
    }

    /// What is told while it runs.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.board.subscribe()
    }

    /// Whether something can be done for every fleet: right account, a ledger. `serve` asks this first, so that what a person
    /// must mend is said at once.
    ///
    /// # Errors
    /// The first fleet's that has a problem.
    pub async fn check(&self) -> Result<(), FleetError> {
        for fleet in self.settings.source.current().state.fleets.values() {
            self.bench(&fleet.fleet).await?;
        }
        Ok(())
    }

    /// Connects for a fleet, and makes sure that it is the right account, and that there is a ledger.
    async fn bench(&self, fleet: &Fleet) -> Result<Bench, FleetError> {
        let aws = self.connection(fleet).await;
        let found = aws.caller_account().await;
        let found = found.map_err(|error| FleetError::Account { fleet: fleet.name.clone(), error })?;
        if found != fleet.account {
            let (fleet, wanted) = (fleet.name.clone(), fleet.account.clone());
            return Err(FleetError::WrongAccount { fleet, wanted, found });
        }
        let ledger = aws.ledger(&self.settings.table);
        let meta = ledger.meta().await?;
        Ok(Bench { aws, ledger, ledger_id: meta.ledger_id, board: self.board.clone() })
    }

    async fn connection(&self, fleet: &Fleet) -> Aws {
        let place = (fleet.account.clone(), fleet.region.clone());
        let mut connections = self.connections.lock().await;
        if let Some(aws) = connections.get(&place) {
            return aws.clone();
        }
        let aws = (self.settings.connect)(place.0.clone(), place.1.clone()).await;
        self.board.count(aws.clone());
        connections.insert(place, aws.clone());
        aws
    }
}
