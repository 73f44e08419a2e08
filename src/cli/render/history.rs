//! What happened to an agent, one paragraph a record.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::status::cause;
use super::{BOLD, DIM, GREEN, Look, RED, YELLOW, counted, provenance, short_digests, styled};
use crate::cli::report::{HistoryAction, HistoryEntry, HistoryRecord, HistoryReport, PlannedRevision};
use crate::ledger::Outcome;

/// All records, oldest first.
pub fn history(report: &HistoryReport, now: Timestamp, look: &Look) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}   {}", styled(BOLD, &report.agent), counted(report.records.len(), "record"));
    let mut source = String::new();
    for record in &report.records {
        let from = provenance(&record.provenance);
        text.push_str(&self::record(record, from != source, now, look));
        source = from;
    }
    text
}

fn record(record: &HistoryRecord, tell_source: bool, now: Timestamp, look: &Look) -> String {
    let mut text = String::new();
    let mut lead = format!("{:>5}  {}  ", record.sequence, look.time(record.at, now));
    let indent = " ".repeat(lead.chars().count());
    for entry in &record.entries {
        for line in self::entry(entry, now, look) {
            let _ = writeln!(text, "{lead}{line}");
            lead.clone_from(&indent);
        }
    }
    let source = provenance(&record.provenance);
    if tell_source && !source.is_empty() {
        let _ = writeln!(text, "{lead}{}", styled(DIM, look.text(&source)));
    }
    text
}

fn entry(entry: &HistoryEntry, now: Timestamp, look: &Look) -> Vec<String> {
    let shown = |line: String| look.text(&short_digests(&line)).into_owned();
    match entry {
        HistoryEntry::Desired { revision, new_revision, .. } => {
            let again = if *new_revision { "" } else { " again" };
            vec![shown(format!("asked for{again}: {}", named(revision)))]
        }
        HistoryEntry::TaskDefinitionSeen { arn } => {
            vec![shown(format!("registered: {}", arn.rsplit('/').next().unwrap_or(arn)))]
        }
        HistoryEntry::Intent { actions } => actions.iter().map(|action| shown(intent(action))).collect(),
        HistoryEntry::Drift { fields } => {
            fields.iter().map(|field| format!("{}: {}", styled(YELLOW, "drift"), shown(field.clone()))).collect()
        }
        HistoryEntry::RolloutStarted { rollout, revision, cause: why } => {
            vec![shown(format!("rollout {rollout} begins ({}): {}", cause(why), named(revision)))]
        }
        HistoryEntry::Monitoring { rollout, until } => {
            vec![shown(format!("rollout {rollout}: all traffic moved; watched until {}", look.time(*until, now)))]
        }
        HistoryEntry::RolloutEnded { rollout, outcome } => {
            let (style, words) = ended(outcome);
            vec![format!("rollout {rollout} {}", styled(style, shown(words)))]
        }
        HistoryEntry::Converged { .. } => vec!["live is what git asks".to_owned()],
    }
}

fn named(revision: &PlannedRevision) -> String {
    format!("rev {}  {}  {}", revision.revision, revision.version, revision.digest)
}

fn intent(action: &HistoryAction) -> String {
    let head = format!("{} {}", action.operation, action.resource);
    if action.changes.is_empty() { head } else { format!("{head}: {}", action.changes.join(", ")) }
}

fn ended(outcome: &Outcome) -> (anstyle::Style, String) {
    match outcome {
        Outcome::Succeeded => (GREEN, "succeeded".to_owned()),
        Outcome::RolledBack { reason } => (RED, format!("rolled back: {reason}")),
        Outcome::Stalled { reason } => (RED, format!("stalled: {reason}")),
        Outcome::Superseded => (DIM, "superseded by newer content".to_owned()),
    }
}
