//! One pass, asked for by a person or a pipeline: the same pass as the loop's, or only its decision.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::fleet::{SETTLING, observe, remembered};
use super::leader::{Held, Leadership};
use super::reconcile::{Bench, Decided, Memory, Subject};
use super::source::Reading;
use super::{FleetError, Operator};
use crate::aws::ledger::Takeover;
use crate::ledger::Head;
use crate::names::{AgentId, AgentName, FleetName};
use crate::observed::Snapshot;
use crate::plan::Plan;
use crate::spec::model::{Agent, FleetState};
use crate::status::Status;

/// What one pass over the agents did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// By id.
    pub agents: Vec<AgentReport>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AgentReport {
    pub id: AgentId,
    pub status: Option<Status>,
    /// Writes to AWS.
    pub writes: u64,
    /// Why the pass could not be finished, or what AWS refused.
    pub problem: Option<String>,
}

/// What a pass would do now.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentPlan {
    pub id: AgentId,
    /// What the ledger holds before the pass.
    pub head: Head,
    pub plan: Plan,
    /// What is wrong with the agent's file; the last good version of it was planned.
    pub problem: Option<String>,
    /// The writes to AWS that this pass would make. What these bring forth may let the next pass do more.
    pub calls: usize,
}

impl Operator {
    /// One pass over all agents, or over one. It takes the lease: with `wait` it waits for whoever leads.
    ///
    /// # Errors
    /// If a fleet is led by somebody else (and `wait` is not given), nothing can be done for it, or there is no such agent.
    /// What goes wrong with single agents is in the report.
    pub async fn run_once(&self, agent: Option<&AgentId>, wait: bool) -> Result<Report, FleetError> {
        let reading = self.settings.source.current();
        let mut report = Report::default();
        for (fleet, chosen) in chosen(&reading, agent).map_err(|agent| FleetError::NoSuchAgent { agent })? {
            let bench = self.bench(&fleet.fleet).await?;
            let held = self.take_lease_once(&bench, &fleet.fleet.name, wait).await?;
            let agents = pass(&bench, held.leadership(), &reading, fleet, &chosen).await;
            held.release().await;
            report.agents.extend(agents?);
        }
        Ok(report)
    }

    /// Observes, reads the ledger and decides, for all agents or for one. Nothing is written, and no lease is needed.
    ///
    /// # Errors
    /// If nothing can be done for a fleet, its ledger cannot be read, or there is no such agent.
    pub async fn plan_once(&self, agent: Option<&AgentId>) -> Result<Vec<AgentPlan>, FleetError> {
        let reading = self.settings.source.current();
        let mut plans = Vec::new();
        for (fleet, chosen) in chosen(&reading, agent).map_err(|agent| FleetError::NoSuchAgent { agent })? {
            let bench = self.bench(&fleet.fleet).await?;
            let mut memories = remembered(&bench, &fleet.fleet.name).await?;
            let mut snapshots = look(&bench, fleet, &chosen, &memories).await;
            for agent in &chosen {
                let Some(snapshot) = snapshots.remove(&agent.id) else { continue };
                let Some(subject) = Subject::of(&reading, &agent.id) else { continue };
                let mut memory = memories.remove(&agent.id.agent).unwrap_or_else(|| Memory::new(None));
                let Decided { head, plan, .. } = bench.decide(&subject, snapshot, &mut memory).await?;
                let problem = subject.problem.map(str::to_owned);
                plans.push(AgentPlan { id: agent.id.clone(), head, calls: plan.actions.len(), plan, problem });
            }
        }
        Ok(plans)
    }

    async fn take_lease_once(&self, bench: &Bench, fleet: &FleetName, wait: bool) -> Result<Held, FleetError> {
        let lease = bench.ledger.lease(fleet, &self.settings.owner);
        let holder = lease.holder().await?;
        if let (Some(holder), false, Takeover::WhenExpired) = (holder, wait, self.settings.takeover) {
            return Err(FleetError::Led { fleet: fleet.clone(), owner: holder.owner });
        }
        let token = lease.acquire(self.settings.takeover).await?;
        Ok(Held::new(lease, token, bench.aws.clock().clone()))
    }
}

/// The agents that are meant, by fleet; or the one that is not there.
fn chosen<'r>(reading: &'r Reading, agent: Option<&AgentId>) -> Result<Vec<(&'r FleetState, Vec<&'r Agent>)>, AgentId> {
    let meant = |candidate: &&Agent| agent.is_none_or(|agent| candidate.id == *agent);
    let fleets = reading.state.fleets.values().map(|fleet| (fleet, fleet.agents.values().filter(meant).collect()));
    let chosen: Vec<(_, Vec<&Agent>)> = fleets.filter(|(_, agents): &(_, Vec<_>)| !agents.is_empty()).collect();
    match agent {
        Some(agent) if chosen.is_empty() => Err(agent.clone()),
        _ => Ok(chosen),
    }
}

/// Sees everything of these agents.
async fn look(
    bench: &Bench,
    fleet: &FleetState,
    chosen: &[&Agent],
    memories: &BTreeMap<AgentName, Memory>,
) -> BTreeMap<AgentId, Snapshot> {
    let in_motion = |agent: &Agent| memories.get(&agent.id.agent).is_some_and(Memory::in_motion);
    let wanted = chosen.iter().map(|agent| (agent.id.agent.clone(), (in_motion(agent), true))).collect();
    observe(bench, fleet, &wanted).await
}

async fn pass(
    bench: &Bench,
    leadership: &Leadership,
    reading: &Reading,
    fleet: &FleetState,
    chosen: &[&Agent],
) -> Result<Vec<AgentReport>, FleetError> {
    let mut memories = remembered(bench, &fleet.fleet.name).await?;
    // What the process before this one wrote last may not be visible yet.
    if chosen.iter().any(|agent| memories.get(&agent.id.agent).is_some_and(Memory::is_unsettled)) {
        bench.aws.clock().sleep(SETTLING).await;
    }
    let mut snapshots = look(bench, fleet, chosen, &memories).await;
    let passes = chosen.iter().filter_map(|agent| {
        let snapshot = snapshots.remove(&agent.id)?;
        let subject = Subject::of(reading, &agent.id)?;
        let mut memory = memories.remove(&agent.id.agent).unwrap_or_else(|| Memory::new(None));
        Some(async move {
            let result = bench.reconcile(leadership, subject, snapshot, &mut memory).await;
            let problem = match result {
                Ok(outcome) => outcome.failure.map(|failure| failure.to_string()),
                Err(interrupted) => Some(interrupted.to_string()),
            };
            let writes = bench.board.writes(&subject.agent.id);
            AgentReport { id: subject.agent.id.clone(), status: memory.status, writes, problem }
        })
    });
    let passes: Vec<_> = passes.collect();
    Ok(futures::stream::iter(passes).buffered(super::CONCURRENT_PASSES).collect().await)
}
