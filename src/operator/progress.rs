//! What the operator tells while it runs: statuses, counts and problems, for the live view, for metrics and for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::aws::Aws;
use crate::names::{AgentId, FleetName};
use crate::spec::Problem;
use crate::status::{State, Status};

/// Everything as it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub fleets: BTreeMap<FleetName, FleetProgress>,
    pub agents: BTreeMap<AgentId, AgentProgress>,
    pub totals: Totals,
    /// Reads of AWS since the operator started; the ledger's are not among them.
    pub reads: u64,
    /// All problems of all files.
    pub problems: Vec<Problem>,
    /// Why the directory as a whole could not be used.
    pub directory_problem: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetProgress {
    /// This operator leads the fleet.
    pub leading: bool,
    /// Why nothing is done for the fleet, or who leads it.
    pub problem: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentProgress {
    /// `None` before the first pass.
    pub status: Option<Status>,
    /// Its own share of the totals.
    pub totals: Totals,
    /// Why the last pass could not be finished, where the status cannot tell.
    pub problem: Option<String>,
}

/// What was done since the operator started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub passes: u64,
    /// Writes to AWS, failed ones too; the ledger is not among them.
    pub writes: u64,
    /// Resources that were made.
    pub made: u64,
}

impl Progress {
    /// Whether every agent that has a file has a status for which `holds` is true. False while there is no agent.
    pub fn every_agent(&self, holds: impl Fn(&Status) -> bool) -> bool {
        let statuses = self.agents.values().map(|agent| agent.status.as_ref());
        let mut written =
            statuses.filter(|status| status.is_none_or(|status| status.state != State::Retained)).peekable();
        written.peek().is_some() && written.all(|status| status.is_some_and(&holds))
    }
}

/// Where progress is written down; clones write to the same place.
#[derive(Clone, Debug)]
pub(super) struct Board {
    progress: Arc<watch::Sender<Progress>>,
    /// Whose reads are counted.
    connections: Arc<Mutex<Vec<Aws>>>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { progress: Arc::new(watch::Sender::new(Progress::default())), connections: Arc::default() }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Counts the reads of this connection too.
    pub(super) fn count(&self, connection: Aws) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    fn reads(&self) -> u64 {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.iter().map(|connection| connection.totals().reads).sum()
    }

    /// Changes one fleet's line.
    pub(super) fn fleet(&self, name: &FleetName, change: impl FnOnce(&mut FleetProgress)) {
        self.progress.send_modify(|progress| change(progress.fleets.entry(name.clone()).or_default()));
    }

    /// Changes one agent's line; what it adds to its totals is added to those of all.
    pub(super) fn agent(&self, id: &AgentId, change: impl FnOnce(&mut AgentProgress)) {
        let reads = self.reads();
        self.progress.send_modify(|progress| {
            progress.reads = reads;
            let agent = progress.agents.entry(id.clone()).or_default();
            let before = agent.totals;
            change(agent);
            let after = agent.totals;
            progress.totals.passes += after.passes - before.passes;
            progress.totals.writes += after.writes - before.writes;
            progress.totals.made += after.made - before.made;
        });
    }

    /// The writes to AWS for one agent so far.
    pub(super) fn writes(&self, id: &AgentId) -> u64 {
        self.progress.borrow().agents.get(id).map_or(0, |agent| agent.totals.writes)
    }

    /// Changes anything.
    pub(super) fn all(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }
}
