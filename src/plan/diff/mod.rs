//! What differs between what should exist and what was seen, as actions. Only what we declare is compared; a key that we
//! do not know is never drift.

mod access;
mod compute;
mod signals;

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::Value;

use super::action::{Change, PlannedAction};

pub use access::{repository, role};
pub use compute::{
    CIRCUIT_BREAKER, PLATFORM_VERSION, PROPAGATE_TAGS, ServiceDifference, service, task_definition_changes,
};
pub use signals::log_group;

/// Collects what differs.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    /// Notes a field that differs; whether it did.
    fn differs<T: PartialEq>(&mut self, field: &str, live: &T, wanted: &T, show: impl Fn(&T) -> String) -> bool {
        let differs = live != wanted;
        if differs {
            self.0.push(Change { field: field.to_owned(), from: Some(show(live)), to: Some(show(wanted)) });
        }
        differs
    }
}

fn planned(action: super::Action, changes: Vec<Change>) -> PlannedAction {
    PlannedAction { action, changes }
}

fn change(field: &str, from: Option<String>, to: Option<String>) -> Vec<Change> {
    vec![Change { field: field.to_owned(), from, to }]
}

fn listed<T: Display>(items: &BTreeSet<T>) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether two policy documents say the same: the order of lists means nothing in them, and one item may stand without a
/// list around it.
fn same_policy(left: &Value, right: &Value) -> bool {
    normalized(left) == normalized(right)
}

fn normalized(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.iter().map(|(key, value)| (key.clone(), normalized(&listed_value(key, value)))).collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(normalized).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        other => other.clone(),
    }
}

/// A single string or statement where a list may stand, as a list.
fn listed_value(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("Action" | "NotAction" | "Resource" | "NotResource" | "Statement" | "Service", Value::Array(_)) => {
            value.clone()
        }
        ("Action" | "NotAction" | "Resource" | "NotResource" | "Statement" | "Service", single) => {
            Value::Array(vec![single.clone()])
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::same_policy;

    #[test]
    fn order_and_single_items_do_not_make_policies_differ() {
        let left = json!({ "Statement": { "Effect": "Allow", "Action": ["b", "a"], "Resource": "*" } });
        let right = json!({ "Statement": [{ "Effect": "Allow", "Action": ["a", "b"], "Resource": ["*"] }] });
        assert!(same_policy(&left, &right));
    }

    #[test]
    fn another_action_makes_policies_differ() {
        let left = json!({ "Statement": [{ "Effect": "Allow", "Action": "a", "Resource": "*" }] });
        let right = json!({ "Statement": [{ "Effect": "Allow", "Action": "b", "Resource": "*" }] });
        assert!(!same_policy(&left, &right));
    }
}
