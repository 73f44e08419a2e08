//! One pass over one agent. What is done is decided in `plan`; here is the order in which it happens.

use std::time::Duration;

use super::leader::{Leadership, NotLeading};
use super::pacing::{Pace, Retry, Trouble};
use super::progress::Board;
use super::recall::Known;
use super::source::Reading;
use crate::aws::ledger::{Commit, CommitError, LedgerError};
use crate::aws::{Aws, AwsError, Clock, LedgerStore, Remedy};
use crate::ledger::{Head, Provenance, RolloutState};
use crate::names::AgentId;
use crate::observed::Snapshot;
use crate::plan::{self, Input, Plan, PlannedAction, Wait};
use crate::spec::model::{Agent, Fleet};
use crate::status::{self, Failure, Report, Status};

/// The soonest that an agent is looked at again, whatever a plan asks for: it bounds what a mistake can cost.
const SHORTEST_WAKE: Duration = Duration::from_millis(500);
/// The longest that an agent without trouble is left alone: drift is put back within this. One resync costs one
/// DescribeServices for ten agents.
const RESYNC: Duration = Duration::from_secs(30);

/// What a pass works with: the same for all agents of a fleet.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    pub aws: Aws,
    pub ledger: LedgerStore,
    /// The ledger's own id, as owner tags carry it.
    pub ledger_id: String,
    pub board: Board,
}

/// What a pass is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub fleet: &'a Fleet,
    pub agent: &'a Agent,
    pub provenance: &'a Provenance,
    /// What is wrong with the agent's file.
    pub problem: Option<&'a str>,
}

/// What is remembered of an agent between passes. Without it the next pass reads more, and decides the same.
#[derive(Debug)]
pub(super) struct Memory {
    /// The leader is the ledger's only writer: what it read once it knows.
    pub head: Option<Head>,
    pub status: Option<Status>,
    pub pace: Pace,
    /// From when on the slow things are to be read again, on the clock's elapsed time.
    pub thorough_at: Duration,
}

/// How a pass ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// When to look again, unless something wakes the loop before.
    pub next_wake: Duration,
    pub failure: Option<AwsError>,
}

/// What was decided, and on what grounds.
pub(super) struct Decided {
    pub head: Head,
    pub known: Known,
    pub plan: Plan,
}

/// Why a pass could not be finished; the agent itself has nothing to do with it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    NotLeading(#[from] NotLeading),
}

impl<'a> Subject<'a> {
    /// The agent as a reading has it; `None` if it is not in it.
    pub(super) fn of(reading: &'a Reading, id: &AgentId) -> Option<Self> {
        const UNKNOWN: &Provenance = &Provenance { commit: None, author: None, subject: None, uncommitted: false };
        let fleet = reading.state.fleets.get(&id.fleet)?;
        let agent = fleet.agents.get(&id.agent)?;
        let provenance = reading.provenance.get(id).unwrap_or(UNKNOWN);
        Some(Self { fleet: &fleet.fleet, agent, provenance, problem: reading.invalid.get(id).map(String::as_str) })
    }
}

impl Bench {
    /// The whole pass: nothing is decided before all is known, and nothing is done before it is recorded.
    pub(super) async fn reconcile(
        &self,
        leadership: &Leadership,
        subject: Subject<'_>,
        seen: Snapshot,
        memory: &mut Memory,
    ) -> Result<Outcome, Interrupted> {
        // Remembered, asked, decided.
        let Decided { head, known, plan } = self.decide(&subject, seen, memory).await?;
        let input = known.input(self, &subject, &head);

        // Recorded: intent before effect.
        let head_after = self.record(leadership, &input, &plan, memory).await?;

        // Done, in order, up to the first failure.
        let failure = self.execute(leadership, &subject.agent.id, &plan.actions).await?;

        // Paced: when to look again.
        let retry = memory.pace(self.aws.clock(), &subject.agent.id, &plan, failure.as_ref());

        // Told.
        let stalled = retry.is_some_and(|retry| retry.stalled);
        let failed = failure.as_ref().map(|error| Failure { message: error.to_string(), stalled });
        let problem = subject.problem;
        let report = Report { input: &input, plan: &plan, head: &head_after, failure: failed.as_ref(), problem };
        self.tell(leadership, &report, memory).await?;

        let planned = plan.next_wake.unwrap_or(RESYNC).clamp(SHORTEST_WAKE, RESYNC);
        let next_wake = retry.map_or(planned, |retry| retry.after);
        Ok(Outcome { next_wake, failure })
    }

    /// Works out what to do, and writes nothing.
    pub(super) async fn decide(
        &self,
        subject: &Subject<'_>,
        seen: Snapshot,
        memory: &mut Memory,
    ) -> Result<Decided, LedgerError> {
        let head = match &memory.head {
            Some(head) => head.clone(),
            None => memory.head.insert(self.ledger.head(&subject.agent.id).await?).clone(),
        };
        let known = self.known(subject, &head, seen).await?;
        let plan = plan::plan(&known.input(self, subject, &head));
        Ok(Decided { head, known, plan })
    }

    async fn record(
        &self,
        leadership: &Leadership,
        input: &Input<'_>,
        plan: &Plan,
        memory: &mut Memory,
    ) -> Result<Head, Interrupted> {
        if plan.entries.is_empty() {
            return Ok(input.head.clone());
        }
        let token = leadership.token().await?;
        let commit = Commit {
            project: &input.fleet.project,
            repository: &input.agent.image.repository,
            provenance: input.provenance,
            entries: &plan.entries,
            now: input.now,
        };
        // If this write fails, what is remembered of the head is no longer sure.
        memory.head = None;
        let committed = self.ledger.commit(&token, &input.agent.id, input.head, commit).await;
        let head = committed.inspect_err(|error| leadership.heed(error))?;
        memory.head = Some(head.clone());
        Ok(head)
    }

    /// The lease is looked at right before each write, after any wait for the API's turn: a call takes less time than a
    /// lease has left after that look.
    async fn execute(
        &self,
        leadership: &Leadership,
        id: &AgentId,
        actions: &[PlannedAction],
    ) -> Result<Option<AwsError>, NotLeading> {
        let executor = self.aws.executor();
        for planned in actions {
            let prepared = executor.prepare(&planned.action).await;
            leadership.token().await?;
            let result = executor.perform(prepared, &planned.action).await;
            self.board.agent(id, |agent| {
                agent.totals.writes += 1;
                agent.totals.made += u64::from(result.is_ok() && planned.action.makes());
            });
            if let Err(error) = result {
                tracing::warn!(agent = %id, %error, "an action failed");
                return Ok(Some(error));
            }
        }
        Ok(None)
    }

    /// The status is written only when something in it changed.
    async fn tell(&self, leadership: &Leadership, report: &Report<'_>, memory: &mut Memory) -> Result<(), Interrupted> {
        let id = &report.input.agent.id;
        let status = status::derive(memory.status.as_ref(), report);
        if memory.status.as_ref() != Some(&status) {
            self.put_status(leadership, id, &status, memory).await?;
        }
        self.board.agent(id, |agent| {
            agent.totals.passes += 1;
            agent.status = Some(status);
            agent.problem = None;
        });
        Ok(())
    }
}

impl Bench {
    /// An agent whose file is gone: nothing is deleted, and its status says so.
    pub(super) async fn retire(
        &self,
        leadership: &Leadership,
        id: &AgentId,
        memory: &mut Memory,
    ) -> Result<(), Interrupted> {
        let Some(before) = &memory.status else { return Ok(()) };
        let status = status::retained(before, self.aws.clock().now());
        if *before != status {
            self.put_status(leadership, id, &status, memory).await?;
        }
        self.board.agent(id, |agent| agent.status = Some(status));
        Ok(())
    }

    async fn put_status(
        &self,
        leadership: &Leadership,
        id: &AgentId,
        status: &Status,
        memory: &mut Memory,
    ) -> Result<(), Interrupted> {
        let token = leadership.token().await?;
        let put = self.ledger.put_status(&token, id, status).await;
        put.inspect_err(|error| leadership.heed(error))?;
        memory.status = Some(status.clone());
        Ok(())
    }
}

impl Memory {
    /// Before the first pass: everything is read.
    pub(super) fn new(status: Option<Status>) -> Self {
        Self { head: None, status, pace: Pace::new(), thorough_at: Duration::ZERO }
    }

    /// Whether ECS moves tasks for it.
    pub(super) fn in_motion(&self) -> bool {
        let rollout = self.head.as_ref().and_then(|head| head.rollout.as_ref());
        rollout.is_some_and(|rollout| matches!(rollout.state, RolloutState::Deploying))
    }

    /// Whether something was intended and not yet seen to be done: it may have been written a moment ago.
    pub(super) fn is_unsettled(&self) -> bool {
        self.head.as_ref().is_some_and(|head| !head.intended.is_empty())
    }

    /// When to try again, if something went wrong; how much longer each time is up to what it was.
    fn pace(&mut self, clock: &Clock, id: &AgentId, plan: &Plan, failure: Option<&AwsError>) -> Option<Retry> {
        let unreadable = plan.waits.iter().any(|wait| matches!(wait, Wait::Unreadable { .. }));
        let trouble = match failure {
            Some(error) => trouble(error),
            None if unreadable => Trouble::Passing,
            None => {
                self.pace.recovered();
                return None;
            }
        };
        if failure.is_some() {
            // What was believed may be wrong: somebody else may have changed it.
            self.thorough_at = Duration::ZERO;
        }
        Some(self.pace.retry(trouble, id, clock.elapsed()))
    }
}

impl Interrupted {
    /// What it means for when to try again.
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            Self::Ledger(error) | Self::Commit(CommitError::Ledger(error)) => ledger_trouble(error),
            Self::Commit(CommitError::TooLarge { .. } | CommitError::Unwritable { .. }) => Trouble::Lasting,
            Self::Commit(_) | Self::NotLeading(_) => Trouble::Passing,
        }
    }
}

fn ledger_trouble(error: &LedgerError) -> Trouble {
    error.aws().map_or(Trouble::Lasting, trouble)
}

/// What a failed call means for when to try again.
fn trouble(error: &AwsError) -> Trouble {
    match error.remedy {
        Remedy::Propagating => Trouble::Propagating,
        _ if error.needs_a_person() => Trouble::Lasting,
        _ => Trouble::Passing,
    }
}
