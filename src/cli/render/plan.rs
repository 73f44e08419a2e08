//! What a pass would do, as a diff.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::status::wait;
use super::{BOLD, DIM, GREEN, Look, YELLOW, counted, short_digests, styled};
use crate::cli::report::{AgentPlan, PlannedRevision, PlannedWrite};
use crate::plan::{Change, ResourceKind, Wait};

/// One agent's plan.
pub fn agent(plan: &AgentPlan, now: Timestamp, look: &Look) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}   {}", styled(BOLD, &plan.agent), look.text(&headline(plan)));
    for field in &plan.drift {
        let _ = writeln!(text, "  {} drift: {}", styled(YELLOW, "!"), look.text(&short_digests(field)));
    }
    for (kind, name) in resources(&plan.actions) {
        text.push_str(&resource(&plan.actions, kind, name, look));
    }
    for reason in plan.waits.iter().filter(|wait| !matches!(wait, Wait::Monitoring { .. })) {
        let _ = writeln!(text, "  {} {}", styled(DIM, "waits:"), look.text(&wait(reason, now)));
    }
    if !plan.actions.is_empty() {
        let _ = writeln!(text, "  {}", styled(DIM, summary(&plan.actions)));
    }
    text
}

fn headline(plan: &AgentPlan) -> String {
    let named = |revision: &PlannedRevision| format!("{} ({}…)", revision.version, revision.digest.short());
    match (&plan.from, &plan.to) {
        (Some(from), Some(to)) if from.digest == to.digest => format!("{}   → revision {}", named(to), to.revision),
        (Some(from), Some(to)) => format!("{} → {}   revision {}", named(from), named(to), to.revision),
        (None, Some(to)) => format!("{}   revision {}", named(to), to.revision),
        (Some(from), None) if plan.actions.is_empty() => format!("{}   nothing to do", named(from)),
        (Some(from), None) => named(from),
        (None, None) if plan.actions.is_empty() => "nothing to do yet".to_owned(),
        (None, None) => "new".to_owned(),
    }
}

/// The resources that are written to, each once, in the order of the first write.
fn resources(actions: &[PlannedWrite]) -> Vec<(ResourceKind, &str)> {
    let mut seen = BTreeSet::new();
    actions
        .iter()
        .map(|action| (action.kind, action.resource.as_str()))
        .filter(|resource| seen.insert(*resource))
        .collect()
}

fn resource(actions: &[PlannedWrite], kind: ResourceKind, name: &str, look: &Look) -> String {
    let mut text = String::new();
    let mine = || actions.iter().filter(|action| action.kind == kind && action.resource == name);
    let sign = if mine().any(|action| action.makes) { styled(GREEN, "+") } else { styled(YELLOW, "~") };
    // A resource named by its ARN is known to people by what follows the last slash.
    let shown = if name.starts_with("arn:") { name.rsplit('/').next().unwrap_or(name) } else { name };
    let _ = writeln!(text, "  {sign} {kind} {shown}");
    let changes: Vec<&Change> = mine().flat_map(|action| &action.changes).collect();
    let width = changes.iter().map(|change| change.field.chars().count()).max().unwrap_or(0);
    for change in changes {
        let line = format!("      {:<width$}  {}", change.field, values(change));
        let _ = writeln!(text, "{}", look.text(&short_digests(line.trim_end())));
    }
    text
}

fn values(change: &Change) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (None, Some(to)) => format!("→ {to}"),
        (Some(from), None) => format!("{from} removed"),
        (None, None) => String::new(),
    }
}

fn summary(actions: &[PlannedWrite]) -> String {
    let resources = resources(actions);
    let made = resources
        .iter()
        .filter(|(kind, name)| actions.iter().any(|a| a.makes && a.kind == *kind && a.resource == *name))
        .count();
    let changed = resources.len() - made;
    format!("{made} to make, {changed} to change; {} in this pass", counted(actions.len(), "AWS call"))
}

/// The last line of a plan of several agents.
pub fn total(plans: &[AgentPlan]) -> String {
    let pending = plans.iter().filter(|plan| plan.pending()).count();
    match pending {
        0 => format!("nothing to do for {}", counted(plans.len(), "agent")),
        _ => format!(
            "{pending} of {} with changes pending; ropewalk reconcile --once makes them",
            counted(plans.len(), "agent")
        ),
    }
}
