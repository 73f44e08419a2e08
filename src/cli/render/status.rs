//! The status of all agents as a table, and of one in full.

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, presets};
use jiff::Timestamp;

use super::{BOLD, DIM, Look, age, provenance, short_digests, span, state_glyph, styled};
use crate::ledger::Cause;
use crate::plan::Wait;
use crate::status::{
    Condition, ConditionStatus, Event, EventSource, RevisionSummary, RolloutPhase, State, Status, TaskCounts,
};

/// How many events the full status shows.
const EVENTS_SHOWN: usize = 8;

/// All agents, one row each.
pub fn table(statuses: &[Status], now: Timestamp, look: &Look) -> String {
    let mut table = bare_table(look);
    let header = ["FLEET", "AGENT", "VERSION", "REV", "STATE", "TASKS", "SINCE", "NOTE"];
    table.set_header(header.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    table.set_constraints([ColumnConstraint::ContentWidth; 7]);
    for status in statuses {
        let (fleet, agent) = status.agent.split_once('/').unwrap_or(("", &status.agent));
        let shown = status.serving.as_ref().or(status.wanted.as_ref());
        table.add_row([
            Cell::new(fleet),
            Cell::new(agent),
            Cell::new(shown.map_or("-", |revision| revision.version.as_str())),
            Cell::new(shown.map_or("-".to_owned(), |revision| revision.revision.to_string())),
            Cell::new(look.state(status.state)).fg(color(status.state)),
            Cell::new(tasks(&status.tasks)),
            Cell::new(age(status.since, now)),
            Cell::new(look.text(&note(status, now)).into_owned()),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    lines(&table)
}

/// A table without lines, as wide as the terminal; only its last column wraps.
fn bare_table(look: &Look) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).enforce_styling();
    table.style_text_only();
    match look.width.and_then(|width| u16::try_from(width).ok()) {
        Some(width) => table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

fn lines(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn color(state: State) -> Color {
    match state {
        State::Ready => Color::Green,
        State::Rolling | State::Observing => Color::Cyan,
        State::Waiting | State::Held => Color::Yellow,
        State::Stalled => Color::Red,
        State::Retained => Color::Grey,
    }
}

/// `2/2`; with more than asked for, because new tasks replace old ones, `2/2+1`.
pub fn tasks(tasks: &TaskCounts) -> String {
    match tasks.running.checked_sub(tasks.desired) {
        None | Some(0) => format!("{}/{}", tasks.running, tasks.desired),
        Some(more) => format!("{0}/{0}+{more}", tasks.desired),
    }
}

/// What a person should know first: the status's own note, or what is waited for.
pub fn note(status: &Status, now: Timestamp) -> String {
    let own = status.note.as_deref().map(short_digests);
    let text = own.or_else(|| status.waits.first().map(|reason| wait(reason, now))).unwrap_or_default();
    text.replace('\n', " ")
}

/// A wait's words, with times as they concern the reader.
pub fn wait(reason: &Wait, now: Timestamp) -> String {
    match reason {
        Wait::Monitoring { until } if *until > now => {
            format!("watched for {} more", span(until.duration_since(now)))
        }
        Wait::Monitoring { .. } => "watched, almost done".to_owned(),
        other => short_digests(&other.to_string()),
    }
}

/// One agent in full.
pub fn full(status: &Status, now: Timestamp, look: &Look) -> String {
    let mut text = String::new();
    let (_, style) = state_glyph(status.state);
    let headline = headline(status);
    let state = styled(style, look.text(&format!("{}{headline}", look.state(status.state))));
    let _ = writeln!(text, "{}   {state}   {}", styled(BOLD, &status.agent), styled(DIM, age(status.since, now)));
    for (label, value) in facts(status, now) {
        let _ = writeln!(text, "  {label:<11} {}", look.text(&value));
    }
    for line in conditions(&status.conditions) {
        let _ = writeln!(text, "  {}", look.text(&line));
    }
    if !status.events.is_empty() {
        text.push('\n');
        for event in status.events.iter().take(EVENTS_SHOWN) {
            let line = event_line(event, now, look);
            let _ = writeln!(text, "  {}", look.fitted(&look.text(&line), 2));
        }
    }
    text
}

fn headline(status: &Status) -> String {
    let named = |revision: &RevisionSummary| format!(" {} (rev {})", revision.version, revision.revision);
    match (status.state, &status.rollout, &status.serving) {
        (State::Rolling, Some(rollout), _) => format!(" out {} (rev {})", rollout.version, rollout.revision),
        (_, _, Some(serving)) => named(serving),
        (_, _, None) => status.wanted.as_ref().map(named).unwrap_or_default(),
    }
}

/// The labelled lines, in the order in which a person asks.
fn facts(status: &Status, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let same = status.serving.is_some() && status.serving == status.wanted;
    if let Some(serving) = &status.serving {
        facts.push(("serves", revision(serving)));
    }
    if let Some(wanted) = status.wanted.as_ref().filter(|_| !same) {
        facts.push(("wanted", revision(wanted)));
    }
    let counts = &status.tasks;
    let mut running = format!("{} of {} running", counts.running, counts.desired);
    if counts.pending > 0 {
        let _ = write!(running, ", {} starting", counts.pending);
    }
    if counts.new_running > 0 {
        let _ = write!(running, ", {} of them new", counts.new_running);
    }
    facts.push(("tasks", running));
    if let Some(rollout) = &status.rollout {
        let phase = match rollout.phase {
            RolloutPhase::Deploying => "ECS replaces tasks",
            RolloutPhase::Monitoring => "all tasks are new, and watched",
        };
        let since = age(rollout.started_at, now);
        facts.push(("rollout", format!("{} ({}), begun {since} ago: {phase}", rollout.number, cause(&rollout.cause))));
    }
    let source = provenance(&status.provenance);
    if !source.is_empty() {
        facts.push(("from", source));
    }
    if !status.alarms_firing.is_empty() {
        facts.push(("alarms", status.alarms_firing.iter().map(String::as_str).collect::<Vec<_>>().join(", ")));
    }
    let mut label = "waits";
    for reason in &status.waits {
        facts.push((label, wait(reason, now)));
        label = "";
    }
    if let Some(note) = status.note.as_deref().filter(|note| !status.waits.iter().any(|w| w.to_string() == *note)) {
        facts.push(("note", short_digests(note)));
    }
    facts
}

fn revision(revision: &RevisionSummary) -> String {
    let mut text = format!("rev {}  {}  {}…", revision.revision, revision.version, revision.digest.short());
    if let Some(arn) = &revision.task_definition {
        let _ = write!(text, "  {}", arn.rsplit('/').next().unwrap_or(arn));
    }
    text
}

/// Why a rollout began, in words.
pub fn cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::Created => "first deployment",
        Cause::NewContent => "new content",
        Cause::Drift => "drift put back",
        Cause::Hold => "what is held put back",
    }
}

/// Those that need no words on one line, and each of the others on one of its own.
fn conditions(conditions: &[Condition]) -> Vec<String> {
    let value = |status| match status {
        ConditionStatus::True => "True",
        ConditionStatus::False => "False",
        ConditionStatus::Unknown => "Unknown",
    };
    let (mut plain, mut told) = (Vec::new(), Vec::new());
    for condition in conditions {
        let head = format!("{:?}={}", condition.kind, value(condition.status));
        match &condition.message {
            Some(message) => told.push(format!("{head} ({})", short_digests(message))),
            None => plain.push(head),
        }
    }
    told.extend(Some(plain.join("   ")).filter(|line| !line.is_empty()));
    let labels = std::iter::once("conditions").chain(std::iter::repeat(""));
    labels.zip(told).map(|(label, line)| format!("{label:<11} {line}")).collect()
}

fn event_line(event: &Event, now: Timestamp, look: &Look) -> String {
    let source = match event.source {
        EventSource::Git => "git",
        EventSource::Ropewalk => "ropewalk",
        EventSource::Ecs => "ecs",
    };
    format!("{}  {source:<8}  {}", look.time(event.at, now), short_digests(&event.message))
}
