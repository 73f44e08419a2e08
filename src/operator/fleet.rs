//! The loop of one fleet, while this operator leads it: what is due is observed together, then each agent has its own pass.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::leader::Leadership;
use super::pacing::{Trouble, jitter};
use super::queue::Queue;
use super::reconcile::{Bench, Interrupted, Memory, Outcome, Subject};
use super::source::Reading;
use crate::aws::ledger::LedgerError;
use crate::aws::{CALL_DEADLINE, Clock, Wanted};
use crate::names::{AgentId, AgentName, FleetName};
use crate::observed::Snapshot;
use crate::spec::model::{Fleet, FleetState};
use crate::status::State;

/// How many agents are observed together: ten DescribeServices calls, one page of most lists.
const BATCH: usize = 100;
/// Waits of this length and more end on the multiples of it, so that agents become due together and are observed in one
/// batch. It is how often a service in motion is looked at.
const TICK: Duration = Duration::from_secs(5);
/// How often the slow things (roles, lifecycle policies, retention) are read again though nothing of ours changed them.
const THOROUGH: Duration = Duration::from_secs(600);
/// By how much that is spread over the agents, so that they do not all ask in one moment.
const THOROUGH_SPREAD: Duration = Duration::from_secs(120);

/// How long an agent is left alone that a process before this one was working on: what that wrote last may not be visible
/// yet, and would be made a second time. AWS promises no figure; it is seconds.
pub(super) const SETTLING: Duration = Duration::from_secs(10);

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Cancelled,
    /// Another operator leads, or this one could not renew its lease in time.
    LeaseLost,
    /// The fleet is in another account or region now, or its file is gone.
    Elsewhere,
}

/// One fleet's loop.
pub(super) struct FleetLoop {
    name: FleetName,
    bench: Bench,
    leadership: Leadership,
    readings: watch::Receiver<Arc<Reading>>,
    reading: Arc<Reading>,
    queue: Queue<AgentName>,
    /// Of agents that have no pass under way.
    memories: BTreeMap<AgentName, Memory>,
    running: JoinSet<Event>,
    /// Who waits for which task.
    tasks: BTreeMap<Id, Vec<AgentName>>,
    /// How many passes may run at once, over all fleets.
    permits: Arc<Semaphore>,
}

/// A task's end.
enum Event {
    Observed { reading: Arc<Reading>, snapshots: BTreeMap<AgentId, Snapshot> },
    Passed { agent: AgentName, memory: Box<Memory>, result: Result<Outcome, Interrupted> },
    Retired { agent: AgentName, memory: Box<Memory>, result: Result<(), Interrupted> },
}

impl FleetLoop {
    /// Takes a fleet up where the ledger says that it is.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub(super) async fn take_up(
        fleet: &Fleet,
        bench: Bench,
        leadership: Leadership,
        mut readings: watch::Receiver<Arc<Reading>>,
        permits: Arc<Semaphore>,
    ) -> Result<Self, LedgerError> {
        let name = fleet.name.clone();
        let memories = remembered(&bench, &name).await?;
        let reading = readings.borrow_and_update().clone();
        let (queue, running, tasks) = Default::default();
        let mut fleet = Self { name, bench, leadership, readings, reading, queue, memories, running, tasks, permits };
        let now = fleet.now();
        let written = fleet.reading.state.fleets.get(&fleet.name).into_iter().flat_map(|fleet| fleet.agents.keys());
        for agent in written.chain(fleet.memories.keys()) {
            let settling = fleet.memories.get(agent).is_some_and(Memory::is_unsettled);
            fleet.queue.wake(agent.clone(), if settling { now + SETTLING } else { now });
        }
        Ok(fleet)
    }

    /// Runs until it is cancelled, or may not go on. Passes under way are brought to their end; whether all of them were
    /// is the second answer: if not, a call of ours may still be in flight.
    pub(super) async fn run(mut self, cancel: &CancellationToken) -> (Ended, bool) {
        let ended = loop {
            self.start_due();
            if self.is_gone() {
                break Ended::Elsewhere;
            }
            let clock = self.bench.aws.clock().clone();
            let wait = self.queue.next_wake().map(|wake| wake.saturating_sub(self.now()));
            tokio::select! {
                biased;
                () = cancel.cancelled() => break Ended::Cancelled,
                () = self.leadership.lost() => break Ended::LeaseLost,
                Some(event) = self.running.join_next_with_id() => self.settle(event),
                Ok(()) = self.readings.changed() => {
                    if let Some(ended) = self.change() {
                        break ended;
                    }
                }
                () = sleep(&clock, wait) => {}
            }
        };
        // Nobody waits for a pass longer than for one call: the lease is not given back while one may be under way.
        let deadline = self.bench.aws.clock().outside(CALL_DEADLINE);
        let clock = self.bench.aws.clock().clone();
        let drained = tokio::select! {
            biased;
            () = self.drain() => true,
            () = clock.sleep(deadline) => false,
        };
        (ended, drained)
    }

    async fn drain(&mut self) {
        while let Some(event) = self.running.join_next_with_id().await {
            self.settle(event);
        }
    }

    fn now(&self) -> Duration {
        self.bench.aws.clock().elapsed()
    }

    fn id(&self, agent: &AgentName) -> AgentId {
        AgentId::new(self.name.clone(), agent.clone())
    }

    /// The files changed: who is asked something else than before is due now.
    fn change(&mut self) -> Option<Ended> {
        let before = std::mem::replace(&mut self.reading, self.readings.borrow_and_update().clone());
        let now = self.now();
        let was = before.state.fleets.get(&self.name);
        let is = self.reading.state.fleets.get(&self.name);
        let place = |state: &FleetState| (state.fleet.account.clone(), state.fleet.region.clone());
        if let (Some(was), Some(is)) = (was, is)
            && place(was) != place(is)
        {
            return Some(Ended::Elsewhere);
        }
        for (name, agent) in is.into_iter().flat_map(|is| &is.agents) {
            let same = was
                .is_some_and(|was| Some(&was.fleet) == is.map(|is| &is.fleet) && was.agents.get(name) == Some(agent))
                && before.invalid.get(&agent.id) == self.reading.invalid.get(&agent.id);
            if !same {
                self.queue.wake(name.clone(), now);
            }
        }
        for name in self.unretired() {
            self.queue.wake(name, now);
        }
        None
    }

    /// The fleet has no file any more, all its agents' statuses say so, and there is nothing left to lead.
    fn is_gone(&self) -> bool {
        let written = self.reading.state.fleets.contains_key(&self.name);
        !written && self.reading.complete && self.running.is_empty() && self.unretired().is_empty()
    }

    /// Agents that are known, have no file any more, and whose status does not say so yet.
    fn unretired(&self) -> Vec<AgentName> {
        if !self.reading.complete {
            return Vec::new();
        }
        let agents = self.reading.state.fleets.get(&self.name).map(|fleet| &fleet.agents);
        let gone = self.memories.iter().filter(|(name, _)| !agents.is_some_and(|agents| agents.contains_key(*name)));
        let told = |memory: &Memory| memory.status.as_ref().is_none_or(|status| status.state == State::Retained);
        gone.filter(|(_, memory)| !told(memory)).map(|(name, _)| name.clone()).collect()
    }

    /// Starts to observe who is due: together, but for those that had trouble, who would hold up the others.
    fn start_due(&mut self) {
        let due = self.queue.take(self.now(), BATCH);
        let (present, gone): (Vec<_>, Vec<_>) = {
            let agents = self.reading.state.fleets.get(&self.name).map(|fleet| &fleet.agents);
            due.into_iter().partition(|name| agents.is_some_and(|agents| agents.contains_key(name)))
        };
        for agent in gone {
            self.retire(agent);
        }
        let troubled = |name: &AgentName| self.memories.get(name).is_some_and(|memory| memory.pace.is_troubled());
        let (alone, together): (Vec<_>, Vec<_>) = present.into_iter().partition(troubled);
        if !together.is_empty() {
            self.observe(together);
        }
        for agent in alone {
            self.observe(vec![agent]);
        }
    }

    fn observe(&mut self, agents: Vec<AgentName>) {
        let now = self.now();
        let mut thorough = BTreeMap::new();
        for name in &agents {
            let id = self.id(name);
            let memory = self.memories.entry(name.clone()).or_insert_with(|| Memory::new(None));
            thorough.insert(name.clone(), (memory.in_motion(), now >= memory.thorough_at));
            if now >= memory.thorough_at {
                memory.thorough_at = now + THOROUGH + jitter(&id, THOROUGH_SPREAD);
            }
        }
        let (bench, reading, name) = (self.bench.clone(), self.reading.clone(), self.name.clone());
        let task = self.running.spawn(async move {
            let snapshots = match reading.state.fleets.get(&name) {
                Some(fleet) => observe(&bench, fleet, &thorough).await,
                None => BTreeMap::new(),
            };
            Event::Observed { reading, snapshots }
        });
        self.tasks.insert(task.id(), agents);
    }

    fn reconcile(&mut self, reading: Arc<Reading>, agent: AgentName, snapshot: Snapshot) {
        let id = self.id(&agent);
        let mut memory = Box::new(self.memories.remove(&agent).unwrap_or_else(|| Memory::new(None)));
        let (bench, leadership, permits) = (self.bench.clone(), self.leadership.clone(), self.permits.clone());
        let waiting = vec![agent.clone()];
        let task = self.running.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire_owned().await;
            let result = match Subject::of(&reading, &id) {
                Some(subject) => bench.reconcile(&leadership, subject, snapshot, &mut memory).await,
                None => Ok(Outcome { next_wake: Duration::ZERO, failure: None }),
            };
            Event::Passed { agent, memory, result }
        });
        self.tasks.insert(task.id(), waiting);
    }

    /// An agent without a file: its status says that it is retained. Only a complete reading proves that the file is gone.
    fn retire(&mut self, agent: AgentName) {
        let Some(memory) = self.memories.remove(&agent) else { return self.queue.done(&agent, None) };
        if !self.reading.complete {
            self.memories.insert(agent.clone(), memory);
            return self.queue.done(&agent, None);
        }
        let id = self.id(&agent);
        let (bench, leadership, mut memory) = (self.bench.clone(), self.leadership.clone(), Box::new(memory));
        let waiting = vec![agent.clone()];
        let task = self.running.spawn(async move {
            let result = bench.retire(&leadership, &id, &mut memory).await;
            Event::Retired { agent, memory, result }
        });
        self.tasks.insert(task.id(), waiting);
    }

    fn settle(&mut self, event: Result<(Id, Event), JoinError>) {
        let (task, event) = match event {
            Ok((task, event)) => (task, Some(event)),
            Err(error) => (error.id(), None),
        };
        let waiting = self.tasks.remove(&task).unwrap_or_default();
        match event {
            Some(Event::Observed { reading, mut snapshots }) => {
                for agent in waiting {
                    match snapshots.remove(&self.id(&agent)) {
                        Some(snapshot) => self.reconcile(reading.clone(), agent, snapshot),
                        None => self.queue.done(&agent, Some(self.now())),
                    }
                }
            }
            Some(Event::Passed { agent, memory, result }) => self.passed(agent, memory, result),
            Some(Event::Retired { agent, memory, result }) => self.retired(agent, memory, result),
            None => self.panicked(waiting),
        }
    }

    fn passed(&mut self, agent: AgentName, mut memory: Box<Memory>, result: Result<Outcome, Interrupted>) {
        let wait = match result {
            Ok(outcome) => outcome.next_wake,
            Err(interrupted) => self.interrupted(&agent, &mut memory, &interrupted),
        };
        self.memories.insert(agent.clone(), *memory);
        self.queue.done(&agent, Some(self.aligned(wait)));
    }

    fn retired(&mut self, agent: AgentName, mut memory: Box<Memory>, result: Result<(), Interrupted>) {
        let again = result.err().map(|interrupted| self.interrupted(&agent, &mut memory, &interrupted));
        self.memories.insert(agent.clone(), *memory);
        self.queue.done(&agent, again.map(|wait| self.aligned(wait)));
    }

    /// The pass could not be finished, and could not write so into the status.
    fn interrupted(&self, agent: &AgentName, memory: &mut Memory, interrupted: &Interrupted) -> Duration {
        let id = self.id(agent);
        tracing::warn!(agent = %id, error = %interrupted, "a pass was interrupted");
        self.bench.board.agent(&id, |agent| agent.problem = Some(interrupted.to_string()));
        memory.head = None;
        memory.pace.retry(interrupted.trouble(), &id, self.now()).after
    }

    /// A defect of ours: the others go on, and it is tried again, slowly, from what the ledger says.
    fn panicked(&mut self, agents: Vec<AgentName>) {
        for agent in agents {
            let id = self.id(&agent);
            tracing::error!(agent = %id, "a pass ended by a defect of Ropewalk");
            let problem = "a defect of Ropewalk ended the pass; please report it".to_owned();
            self.bench.board.agent(&id, |agent| agent.problem = Some(problem));
            let mut memory = Memory::new(self.memories.remove(&agent).and_then(|memory| memory.status));
            let retry = memory.pace.retry(Trouble::Lasting, &id, self.now());
            self.memories.insert(agent.clone(), memory);
            self.queue.done(&agent, Some(self.aligned(retry.after)));
        }
    }

    /// When a wait ends: longer ones on a tick, so that agents become due together.
    fn aligned(&self, wait: Duration) -> Duration {
        let at = self.now() + wait;
        if wait < TICK {
            return at;
        }
        let beyond = u64::try_from(at.as_millis() % TICK.as_millis()).unwrap_or(0);
        if beyond == 0 { at } else { at + TICK - Duration::from_millis(beyond) }
    }
}

async fn sleep(clock: &Clock, wait: Option<Duration>) {
    match wait {
        Some(wait) => clock.sleep(wait).await,
        None => pending().await,
    }
}

/// What the ledger knows of a fleet's agents: statuses and heads, each in few calls for all of them.
pub(super) async fn remembered(bench: &Bench, fleet: &FleetName) -> Result<BTreeMap<AgentName, Memory>, LedgerError> {
    let ids = bench.ledger.agents(fleet).await?;
    let mut heads = bench.ledger.heads(&ids).await?;
    let statuses = bench.ledger.statuses(fleet).await?;
    let mut statuses: BTreeMap<String, _> = statuses.into_iter().map(|status| (status.agent.clone(), status)).collect();
    let mut memories = BTreeMap::new();
    for id in ids {
        let status = statuses.remove(&id.to_string());
        bench.board.agent(&id, |agent| agent.status.clone_from(&status));
        let memory = Memory { head: heads.remove(&id), ..Memory::new(status) };
        memories.insert(id.agent, memory);
    }
    Ok(memories)
}

pub(super) async fn observe(
    bench: &Bench,
    fleet: &FleetState,
    agents: &BTreeMap<AgentName, (bool, bool)>,
) -> BTreeMap<AgentId, Snapshot> {
    let wanted: Vec<Wanted<'_>> = agents
        .iter()
        .filter_map(|(name, &(in_motion, thorough))| {
            Some(Wanted { agent: fleet.agents.get(name)?, in_motion, thorough })
        })
        .collect();
    bench.aws.observer().observe(&fleet.fleet, &wanted).await
}
