//! What is read and validated already, and acted on by a later version. A feature that has arrived is a row less here.

use super::problem::{Findings, ProblemKind};
use super::tree::Node;

/// Without these, something else than what is written would run: an error.
const NOT_AVAILABLE: &[(&str, Option<&str>, &str, &str)] = &[
    ("spec.rollout.strategy.canary", None, "strategy `canary`", "use `rolling: {}`"),
    ("spec.rollout.strategy.linear", None, "strategy `linear`", "use `rolling: {}`"),
    ("spec.rollout.strategy.blueGreen", None, "strategy `blueGreen`", "use `rolling: {}`"),
    ("spec.rollout.promote", Some("manual"), "`promote: manual`", "use `promote: automatic`, or leave it out"),
    ("spec.traffic", None, "`traffic`", "leave it out: the agent is reachable inside the VPC"),
    ("spec.scaling", None, "`scaling`", "use `replicas`"),
    ("spec.schedule", None, "`schedule`", "leave it out: the agent runs all the time"),
    ("spec.deletion", Some("delete"), "`deletion: delete`", "use `deletion: retain`, or leave it out"),
];

/// Without these, what is written runs, and is watched less than it could be: a notice.
const NOT_YET_ACTED_ON: &[(&str, &str)] = &[
    ("spec.loadBalancer", "loadBalancer"),
    ("spec.notify", "notify"),
    ("spec.rollout.smokeTest", "smokeTest"),
    ("spec.rollout.prompts", "prompts"),
    ("spec.rollout.metrics", "metrics"),
    ("spec.rollback", "rollback"),
    ("spec.alarms", "alarms"),
];

pub(super) fn check(root: &Node, findings: &mut Findings) {
    let mut waiting = Vec::new();
    root.walk(&mut |node| {
        if matches!(node.content, super::tree::Content::Nothing) {
            return;
        }
        for (path, value, feature, instead) in NOT_AVAILABLE {
            if node.path == *path && value.is_none_or(|value| node.text() == Some(value)) {
                findings.push(
                    node.key.clone().unwrap_or_else(|| node.place()),
                    ProblemKind::NotAvailable { feature, instead },
                );
            }
        }
        for (path, feature) in NOT_YET_ACTED_ON {
            if node.path == *path {
                waiting.push((node.key.clone().unwrap_or_else(|| node.place()), *feature));
            }
        }
    });
    if let Some((first, _)) = waiting.first().cloned() {
        let features = waiting.into_iter().map(|(_, feature)| feature).collect();
        findings.push(first, ProblemKind::NotYetActedOn { features });
    }
}
