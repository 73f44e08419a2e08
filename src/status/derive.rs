//! The status of an agent after a pass.

use jiff::Timestamp;

use super::events::events;
use super::{
    Condition, ConditionKind, ConditionStatus, RevisionSummary, RolloutPhase, RolloutSummary, State, Status, TaskCounts,
};
use crate::ledger::{Head, RevisionRef, RolloutState};
use crate::observed::{LiveService, ServiceStatus};
use crate::plan::{Input, Plan, Wait};
use crate::spec::model::Mode;

/// A call to AWS that failed in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What failed, to what, and what to do.
    pub message: String,
    /// Only a person can mend it.
    pub stalled: bool,
}

/// What a pass knew and did.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    pub input: &'a Input<'a>,
    pub plan: &'a Plan,
    /// The head after the plan's entries.
    pub head: &'a Head,
    pub failure: Option<&'a Failure>,
    /// What is wrong with the agent's file; the last good version of it was used.
    pub problem: Option<&'a str>,
}

/// The status after a pass. It changes only when something that people see has changed.
pub fn derive(previous: Option<&Status>, report: &Report<'_>) -> Status {
    let (input, head, now) = (report.input, report.head, report.input.now);
    let live = input.snapshot.service.present().filter(|service| service.status == ServiceStatus::Active);
    let state = state(report, live);
    let since = previous.filter(|previous| previous.state == state).map_or(now, |previous| previous.since);
    Status {
        agent: input.agent.id.to_string(),
        state,
        since,
        wanted: head.desired.as_ref().map(|revision| summary(revision, head)),
        serving: serving(head).map(|revision| summary(revision, head)),
        tasks: tasks(head, live),
        generation: head.generation,
        converged_generation: head.converged,
        rollout: head.rollout.as_ref().map(rollout),
        conditions: conditions(previous, report, live),
        waits: report.plan.waits.clone(),
        note: note(report, live, state),
        alarms_firing: input.snapshot.alarms_firing.present().cloned().unwrap_or_default(),
        provenance: input.provenance.clone(),
        events: events(previous.map_or(&[], |previous| &previous.events), report),
    }
}

/// The status of an agent whose file is gone, and whose deployment is retained.
pub fn retained(previous: &Status, now: Timestamp) -> Status {
    if previous.state == State::Retained {
        return previous.clone();
    }
    let note = "its file is gone; with `deletion: retain` all of it stays".to_owned();
    Status { state: State::Retained, since: now, note: Some(note), waits: Vec::new(), ..previous.clone() }
}

fn state(report: &Report<'_>, live: Option<&LiveService>) -> State {
    let waits = &report.plan.waits;
    if report.input.agent.mode == Mode::Observe {
        return State::Observing;
    }
    if report.failure.is_some_and(|failure| failure.stalled) || waits.iter().any(needs_a_person) {
        return State::Stalled;
    }
    if waits.iter().any(|wait| matches!(wait, Wait::Held { .. })) {
        return State::Held;
    }
    if matches!(report.head.rollout.as_ref().map(|rollout| &rollout.state), Some(RolloutState::Deploying)) {
        return State::Rolling;
    }
    let blocked = waits.iter().any(|wait| !matches!(wait, Wait::Monitoring { .. }));
    if blocked {
        return State::Waiting;
    }
    match (serves_wanted(report.head), live) {
        (true, Some(live)) if live.running_count >= live.desired_count => State::Ready,
        (true, _) => State::Waiting,
        (false, _) => State::Rolling,
    }
}

fn needs_a_person(wait: &Wait) -> bool {
    match wait {
        Wait::Stalled { .. } | Wait::NotOurs { .. } | Wait::TagMoved { .. } | Wait::ClusterMissing { .. } => true,
        Wait::Image { .. }
        | Wait::Unreadable { .. }
        | Wait::NotYetVisible { .. }
        | Wait::Deploying { .. }
        | Wait::Monitoring { .. }
        | Wait::Draining { .. }
        | Wait::Held { .. }
        | Wait::Observing { .. } => false,
    }
}

/// Whether the workload that git asks for has taken over.
fn serves_wanted(head: &Head) -> bool {
    let (Some(desired), Some(serving)) = (&head.desired, serving(head)) else { return false };
    desired.hashes.workload == serving.hashes.workload
}

/// What serves: the revision being watched, or the last that succeeded. A change that needed no rollout counts.
fn serving(head: &Head) -> Option<&RevisionRef> {
    let taken_over = head.rollout.as_ref().filter(|rollout| matches!(rollout.state, RolloutState::Monitoring { .. }));
    let serving = taken_over.map(|rollout| &rollout.revision).or(head.good())?;
    match &head.desired {
        Some(desired) if desired.hashes.workload == serving.hashes.workload => Some(desired),
        _ => Some(serving),
    }
}

fn summary(revision: &RevisionRef, head: &Head) -> RevisionSummary {
    RevisionSummary {
        revision: revision.number,
        version: revision.version.clone(),
        digest: revision.digest.clone(),
        task_definition: head.task_definitions.get(&revision.hashes.task_definition).cloned(),
    }
}

fn tasks(head: &Head, live: Option<&LiveService>) -> TaskCounts {
    let Some(live) = live else { return TaskCounts::default() };
    let new = head.rollout.as_ref().filter(|rollout| matches!(rollout.state, RolloutState::Deploying));
    let arn = new.and_then(|rollout| head.task_definitions.get(&rollout.revision.hashes.task_definition));
    let new_running = live.rollouts.iter().filter(|rollout| Some(&rollout.task_definition) == arn && rollout.primary);
    TaskCounts {
        running: live.running_count,
        pending: live.pending_count,
        desired: live.desired_count,
        new_running: new_running.map(|rollout| rollout.running_count).sum(),
    }
}

fn rollout(rollout: &crate::ledger::Rollout) -> RolloutSummary {
    RolloutSummary {
        number: rollout.number,
        revision: rollout.revision.number,
        version: rollout.revision.version.clone(),
        cause: rollout.cause.clone(),
        phase: match rollout.state {
            RolloutState::Deploying => RolloutPhase::Deploying,
            RolloutState::Monitoring { .. } => RolloutPhase::Monitoring,
        },
        started_at: rollout.started_at,
    }
}

fn conditions(previous: Option<&Status>, report: &Report<'_>, live: Option<&LiveService>) -> Vec<Condition> {
    let head = report.head;
    let held = report.plan.waits.iter().find(|wait| matches!(wait, Wait::Held { .. }));
    let progressing = !report.plan.actions.is_empty()
        || matches!(head.rollout.as_ref().map(|rollout| &rollout.state), Some(RolloutState::Deploying));
    let converged = head.converged == Some(head.generation) && head.generation > 0 && held.is_none() && !progressing;
    let drift = report.plan.entries.iter().find_map(|entry| match entry {
        crate::ledger::Entry::Drift { fields } => Some(fields.join("; ")),
        _ => None,
    });
    let list = [
        ready(report.input, head, live),
        (ConditionKind::Converged, truth(converged), held.map(ToString::to_string)),
        (ConditionKind::Progressing, truth(progressing), None),
        (ConditionKind::Drifted, truth(drift.is_some()), drift),
        (ConditionKind::Valid, truth(report.problem.is_none()), report.problem.map(str::to_owned)),
        (
            ConditionKind::Reachable,
            truth(report.failure.is_none()),
            report.failure.map(|failure| failure.message.clone()),
        ),
    ];
    list.into_iter()
        .map(|(kind, status, message)| {
            let before = previous.and_then(|previous| previous.condition(kind));
            let since = before.filter(|before| before.status == status).map_or(report.input.now, |before| before.since);
            Condition { kind, status, message, since }
        })
        .collect()
}

fn ready(
    input: &Input<'_>,
    head: &Head,
    live: Option<&LiveService>,
) -> (ConditionKind, ConditionStatus, Option<String>) {
    if let Some(why) = input.snapshot.service.unknown() {
        return (ConditionKind::Ready, ConditionStatus::Unknown, Some(why.to_owned()));
    }
    let full = live.is_some_and(|live| live.desired_count > 0 && live.running_count >= live.desired_count);
    let serving = serving(head);
    let message = serving.map(|revision| format!("rev {} serves", revision.number));
    (ConditionKind::Ready, truth(full && serving.is_some()), message)
}

fn truth(value: bool) -> ConditionStatus {
    if value { ConditionStatus::True } else { ConditionStatus::False }
}

/// What a person should know first.
fn note(report: &Report<'_>, live: Option<&LiveService>, state: State) -> Option<String> {
    if let Some(failure) = report.failure {
        return Some(failure.message.clone());
    }
    if let Some(problem) = report.problem {
        return Some(problem.to_owned());
    }
    let rolling = report.head.rollout.as_ref().map(|rollout| rollout.revision.version.as_str());
    let first = report.plan.waits.iter().find(|wait| !matches!(wait, Wait::Monitoring { .. }));
    match (first, state, live) {
        (Some(wait @ Wait::Deploying { .. }), ..) => Some(format!("{}: {wait}", rolling.unwrap_or("rollout"))),
        (Some(wait), ..) => Some(wait.to_string()),
        (None, State::Waiting, Some(live)) => {
            Some(format!("{} of {} tasks running", live.running_count, live.desired_count))
        }
        _ => None,
    }
}
