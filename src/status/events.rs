//! Events: the ledger's entries and ECS's own words, as people read them.

use jiff::Timestamp;

use super::{Event, EventSource, Report};
use crate::ledger::record::IntendedAction;
use crate::ledger::{Cause, Entry, Outcome, Provenance};
use crate::observed::{LiveEvent, RolloutStateSeen};

/// How many events a status keeps: a screen full. The ledger keeps all.
const KEPT_EVENTS: usize = 20;

/// The events so far, and those of this pass; newest first.
pub fn events(before: &[Event], report: &Report<'_>) -> Vec<Event> {
    let now = report.input.now;
    let mut news: Vec<Event> = ecs_events(before, report);
    let entries = report.plan.entries.iter().filter_map(|entry| entry_event(entry, report.input.provenance));
    news.extend(entries.map(|(source, message)| Event { at: now, source, message }));
    news.reverse();
    news.extend(before.iter().cloned());
    news.truncate(KEPT_EVENTS);
    news
}

/// ECS's words while it replaces tasks, oldest first; at rest it says nothing that people wait for.
fn ecs_events(before: &[Event], report: &Report<'_>) -> Vec<Event> {
    let Some(service) = report.input.snapshot.service.present() else { return Vec::new() };
    let Some(rollout) = report.head.rollout.as_ref().or(report.input.head.rollout.as_ref()) else { return Vec::new() };
    let in_motion = service.rollouts.iter().any(|rollout| rollout.state == RolloutStateSeen::InProgress)
        || report.input.head.rollout != report.head.rollout;
    if !in_motion {
        return Vec::new();
    }
    let from_ecs = |event: &&Event| event.source == EventSource::Ecs;
    let last: Option<Timestamp> = before.iter().filter(from_ecs).map(|event| event.at).max();
    let is_new = |event: &&LiveEvent| match last {
        Some(last) => event.at > last,
        None => event.at >= rollout.started_at,
    };
    let mut news: Vec<&LiveEvent> = service.events.iter().filter(is_new).collect();
    news.sort_by_key(|event| event.at);
    news.into_iter()
        .map(|event| Event { at: event.at, source: EventSource::Ecs, message: event.message.clone() })
        .collect()
}

/// An entry as one line; `None` for what people need not see.
pub fn entry_event(entry: &Entry, provenance: &Provenance) -> Option<(EventSource, String)> {
    let ropewalk = |message: String| Some((EventSource::Ropewalk, message));
    match entry {
        Entry::Desired { revision, .. } => {
            let from = from_git(provenance);
            Some((EventSource::Git, format!("{}asks for {} (rev {})", from, revision.version, revision.number)))
        }
        Entry::TaskDefinitionSeen { .. } => None,
        Entry::Intent { actions } => ropewalk(intent(actions)),
        Entry::Drift { fields } => ropewalk(format!("drift, put back: {}", fields.join("; "))),
        Entry::RolloutStarted { rollout, revision, cause, .. } => {
            let why = match cause {
                Cause::Created => "first deployment",
                Cause::NewContent => "new content",
                Cause::Drift => "puts back what somebody changed",
                Cause::Hold => "puts back what is held",
            };
            ropewalk(format!("rollout {rollout} of {} (rev {}): {why}", revision.version, revision.number))
        }
        Entry::Monitoring { rollout, until } => {
            ropewalk(format!("rollout {rollout}: all tasks are new; watched until {}", until.strftime("%H:%M:%S")))
        }
        Entry::RolloutEnded { rollout, outcome } => ropewalk(match outcome {
            Outcome::Succeeded => format!("rollout {rollout} succeeded"),
            Outcome::RolledBack { reason } => format!("rollout {rollout} failed and was rolled back: {reason}"),
            Outcome::Stalled { reason } => format!("rollout {rollout} failed with nothing to go back to: {reason}"),
            Outcome::Superseded => format!("rollout {rollout} was superseded"),
        }),
        Entry::Converged { generation } => ropewalk(format!("converged at generation {generation}")),
    }
}

/// `9d02c17 "Shorter answers" `, as far as it is known.
fn from_git(provenance: &Provenance) -> String {
    let Some(commit) = &provenance.commit else { return String::new() };
    let short: String = commit.chars().take(7).collect();
    match (&provenance.subject, provenance.uncommitted) {
        (_, true) => format!("{short} with uncommitted changes "),
        (Some(subject), false) => format!("{short} \"{subject}\" "),
        (None, false) => format!("{short} "),
    }
}

fn intent(actions: &[IntendedAction]) -> String {
    let steps = actions.iter().map(|action| {
        let operation = action.operation.split_once(':').map_or(action.operation.as_str(), |(_, name)| name);
        if action.changes.is_empty() {
            format!("{operation} {}", action.resource)
        } else {
            let changes: Vec<&str> = action.changes.iter().map(String::as_str).collect();
            format!("{operation} {} ({})", action.resource, changes.join(", "))
        }
    });
    steps.collect::<Vec<_>>().join("; ")
}
