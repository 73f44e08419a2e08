//! Reasons not to act: each veto in a function of its own that returns the reason, or nothing.

use super::{Input, Wait};
use crate::names::ImageDigest;
use crate::observed::{Seen, Tags};
use crate::resources::{AGENT_TAG, FLEET_TAG, LEDGER_TAG};
use crate::spec::model::ImageReference;

/// What must hold before anything is decided about the agent.
pub fn cluster(input: &Input<'_>) -> Option<Wait> {
    match &input.snapshot.cluster {
        Seen::Present(()) => None,
        Seen::Absent => Some(Wait::ClusterMissing { cluster: input.fleet.cluster.to_string() }),
        Seen::Unknown(why) => Some(Wait::Unreadable { what: "the cluster".to_owned(), why: why.clone() }),
    }
}

/// An empty ledger beside a service that carries this ledger's tags: its table was lost, or it is the wrong one.
pub fn wrong_table(input: &Input<'_>) -> Option<Wait> {
    let service = input.snapshot.service.present()?;
    let tagged = service.tags.contains_key(LEDGER_TAG);
    (input.head.sequence == 0 && tagged).then(|| Wait::Stalled {
        reason: format!(
            "service {} is managed by a ledger, and this one is empty: wrong table? Nothing is written",
            input.agent.id.service_name()
        ),
    })
}

/// What carries other owner tags than ours, or none, is not ours to write.
pub fn not_ours(input: &Input<'_>, what: String, tags: &Tags) -> Option<Wait> {
    let id = &input.agent.id;
    let owner = match tags.get(LEDGER_TAG) {
        None => "nobody that Ropewalk knows (it has no owner tag)".to_owned(),
        Some(ledger) if ledger != input.ledger_id => format!("another ledger ({ledger})"),
        Some(_) => {
            let (fleet, agent) = (tags.get(FLEET_TAG), tags.get(AGENT_TAG));
            let same = |tag: Option<&String>, name: &str| tag.is_some_and(|tag| tag == name);
            if same(fleet, id.fleet.as_str()) && same(agent, id.agent.as_str()) {
                return None;
            }
            format!("another agent ({}/{})", fleet.map_or("?", String::as_str), agent.map_or("?", String::as_str))
        }
    };
    Some(Wait::NotOurs { what, owner })
}

/// An immutable tag means one digest for ever; a second one under it is refused.
pub fn tag_moved(input: &Input<'_>, now: &ImageDigest) -> Option<Wait> {
    let ImageReference::Tag(tag) = &input.agent.image.reference else { return None };
    let first = input.recall.tag_digest.as_ref()?;
    (first != now).then(|| Wait::TagMoved {
        tag: tag.to_string(),
        first: first.short().to_owned(),
        now: now.short().to_owned(),
    })
}
