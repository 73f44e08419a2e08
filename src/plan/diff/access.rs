//! The repository and the roles.

use super::{change, listed, planned, same_policy};
use crate::observed::{LiveRepository, LiveRole, Seen, Tags};
use crate::plan::action::{Action, PlannedAction, missing_tags};
use crate::resources::{Repository, Role};

/// What it takes to make the repository as it should be.
pub fn repository(wanted: &Repository, live: &Seen<LiveRepository>, tags: &Tags) -> Vec<PlannedAction> {
    let name = wanted.name.to_string();
    let lifecycle = Action::PutLifecyclePolicy { repository: name.clone(), policy: wanted.lifecycle_policy.clone() };
    let live = match live {
        Seen::Unknown(_) => return Vec::new(),
        Seen::Absent => {
            let create = Action::CreateRepository { repository: wanted.clone(), tags: tags.clone() };
            return vec![
                planned(create, Vec::new()),
                planned(lifecycle, change("lifecycle policy", None, Some("keeps the last tagged images".to_owned()))),
            ];
        }
        Seen::Present(live) => live,
    };
    let mut actions = Vec::new();
    let wanted_mutability = "IMMUTABLE_WITH_EXCLUSION";
    if live.tag_mutability != wanted_mutability || live.mutable_tags != wanted.mutable_tags {
        let from = format!("{} (may move: {})", live.tag_mutability, listed(&live.mutable_tags));
        let to = format!("{wanted_mutability} (may move: {})", listed(&wanted.mutable_tags));
        actions.push(planned(
            Action::PutImageTagMutability { repository: name.clone(), mutable_tags: wanted.mutable_tags.clone() },
            change("tag mutability", Some(from), Some(to)),
        ));
    }
    if live.scan_on_push != wanted.scan_on_push {
        actions.push(planned(
            Action::PutImageScanningConfiguration { repository: name, scan_on_push: wanted.scan_on_push },
            change("scan on push", Some(live.scan_on_push.to_string()), Some(wanted.scan_on_push.to_string())),
        ));
    }
    if live.lifecycle_policy.as_ref() != Some(&wanted.lifecycle_policy) {
        let from = live.lifecycle_policy.as_ref().map(|_| "another".to_owned());
        actions.push(planned(lifecycle, change("lifecycle policy", from, Some("as declared".to_owned()))));
    }
    actions
}

/// What it takes to make a role as it should be. Inline policies of other names, and attached ones, are left alone.
pub fn role(wanted: &Role, live: &Seen<LiveRole>, tags: &Tags) -> Vec<PlannedAction> {
    let name = || wanted.name.clone();
    let live = match live {
        Seen::Unknown(_) => return Vec::new(),
        Seen::Absent => {
            let mut actions =
                vec![planned(Action::CreateRole { role: wanted.clone(), tags: tags.clone() }, Vec::new())];
            actions.extend(policy(wanted, None));
            return actions;
        }
        Seen::Present(live) => live,
    };
    let mut actions = Vec::new();
    if !same_policy(&live.trust_policy, &wanted.trust_policy) {
        let action = Action::UpdateAssumeRolePolicy { role: name(), policy: wanted.trust_policy.clone() };
        actions
            .push(planned(action, change("trust policy", Some("another".to_owned()), Some("as declared".to_owned()))));
    }
    actions.extend(policy(wanted, Some(live)));
    match (&live.permissions_boundary, &wanted.permissions_boundary) {
        (live, Some(boundary)) if live.as_ref() != Some(boundary) => actions.push(planned(
            Action::PutRolePermissionsBoundary { role: name(), boundary: boundary.clone() },
            change("permissions boundary", live.clone(), Some(boundary.clone())),
        )),
        (Some(boundary), None) => actions.push(planned(
            Action::DeleteRolePermissionsBoundary { role: name() },
            change("permissions boundary", Some(boundary.clone()), None),
        )),
        _ => {}
    }
    let missing = missing_tags(tags, &live.tags);
    if !missing.is_empty() {
        let named = listed(&missing.keys().collect());
        actions.push(planned(Action::TagRole { role: name(), tags: missing }, change("tags", None, Some(named))));
    }
    actions
}

fn policy(wanted: &Role, live: Option<&LiveRole>) -> Option<PlannedAction> {
    let live = live.and_then(|role| role.policies.get(Role::POLICY_NAME));
    let policy_name = Role::POLICY_NAME.to_owned();
    match (&wanted.policy, live) {
        (Some(policy), None) => Some(planned(
            Action::PutRolePolicy { role: wanted.name.clone(), policy_name, policy: policy.clone() },
            change("permissions", None, Some("as declared".to_owned())),
        )),
        (Some(policy), Some(live)) if !same_policy(policy, live) => Some(planned(
            Action::PutRolePolicy { role: wanted.name.clone(), policy_name, policy: policy.clone() },
            change("permissions", Some("others".to_owned()), Some("as declared".to_owned())),
        )),
        (None, Some(_)) => Some(planned(
            Action::DeleteRolePolicy { role: wanted.name.clone(), policy_name },
            change("permissions", Some("some".to_owned()), None),
        )),
        _ => None,
    }
}
