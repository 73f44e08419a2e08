//! The log group.

use super::{change, planned};
use crate::observed::{LiveLogGroup, Seen, Tags};
use crate::plan::action::{Action, PlannedAction};
use crate::resources::LogGroup;

/// What it takes to make the log group as it should be.
pub fn log_group(wanted: &LogGroup, live: &Seen<LiveLogGroup>, tags: &Tags) -> Vec<PlannedAction> {
    let days = |days: u32| Some(format!("{days} days"));
    let retention = Action::PutRetentionPolicy { log_group: wanted.name.clone(), days: wanted.retention_days };
    let live = match live {
        Seen::Unknown(_) => return Vec::new(),
        Seen::Absent => {
            let create = Action::CreateLogGroup { log_group: wanted.clone(), tags: tags.clone() };
            return vec![
                planned(create, Vec::new()),
                planned(retention, change("retention", None, days(wanted.retention_days))),
            ];
        }
        Seen::Present(live) => live,
    };
    let mut actions = Vec::new();
    if live.retention_days != Some(wanted.retention_days) {
        let from = live.retention_days.and_then(days).or(Some("for ever".to_owned()));
        actions.push(planned(retention, change("retention", from, days(wanted.retention_days))));
    }
    match (&live.kms_key, &wanted.encryption_key) {
        (live, Some(key)) if live.as_ref() != Some(key) => actions.push(planned(
            Action::AssociateKmsKey { log_group: wanted.name.clone(), key: key.clone() },
            change("encryption key", live.clone(), Some(key.clone())),
        )),
        (Some(key), None) => actions.push(planned(
            Action::DisassociateKmsKey { log_group: wanted.name.clone() },
            change("encryption key", Some(key.clone()), None),
        )),
        _ => {}
    }
    actions
}
