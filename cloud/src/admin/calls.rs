//! Which calls the cloud has answered: for "zero writes at rest" and for tests that count.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many of the last calls are kept one by one.
const RECENT_CALLS: usize = 500;

/// The input of `calls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallsInput {
    /// Counts from this mark on instead of from the start.
    #[serde(default)]
    pub since: Option<String>,
    /// Sets this mark after answering.
    #[serde(default)]
    pub mark: Option<String>,
}

/// The answer of `calls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// By `service:operation`, e.g. `ecs:UpdateService`; only what was called.
    pub counts: BTreeMap<String, CallCount>,
    /// The last calls, oldest first.
    pub recent: Vec<CallRecord>,
}

impl Calls {
    /// How many of the calls were writes.
    pub fn writes(&self) -> u64 {
        self.counts.values().filter(|count| count.write).map(|count| count.calls).sum()
    }
}

/// How often one operation was called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCount {
    /// All calls, refused ones too.
    pub calls: u64,
    /// Those that were answered with an error.
    pub errors: u64,
    /// Whether the operation can change something.
    pub write: bool,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Counts the calls from 1.
    pub sequence: u64,
    /// When, in the cloud's time.
    pub at: Timestamp,
    /// `service:operation`.
    pub operation: String,
    /// Whether the operation can change something.
    pub write: bool,
    /// What it was about, as the caller named it.
    pub resource: Option<String>,
    /// The error's code, if it was refused.
    pub error: Option<String>,
}

/// The cloud's memory of calls.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    sequence: u64,
    counts: BTreeMap<String, CallCount>,
    recent: VecDeque<CallRecord>,
    marks: BTreeMap<String, (u64, BTreeMap<String, CallCount>)>,
}

impl CallLog {
    pub(crate) fn record(
        &mut self,
        at: Timestamp,
        service: &str,
        operation: &str,
        resource: Option<String>,
        error: Option<String>,
    ) {
        self.sequence += 1;
        let write = writes(operation);
        let operation = format!("{service}:{operation}");
        let count = self.counts.entry(operation.clone()).or_default();
        count.calls += 1;
        count.errors += u64::from(error.is_some());
        count.write = write;
        if self.recent.len() == RECENT_CALLS {
            self.recent.pop_front();
        }
        self.recent.push_back(CallRecord { sequence: self.sequence, at, operation, write, resource, error });
    }

    pub(crate) fn answer(&mut self, input: CallsInput) -> Calls {
        let mark = input.since.and_then(|name| self.marks.get(&name));
        let (from, before) = mark.map_or((0, None), |(sequence, counts)| (*sequence, Some(counts)));
        let mut counts = self.counts.clone();
        if let Some(before) = before {
            for (operation, count) in &mut counts {
                if let Some(earlier) = before.get(operation) {
                    count.calls -= earlier.calls;
                    count.errors -= earlier.errors;
                }
            }
            counts.retain(|_, count| count.calls > 0);
        }
        let recent = self.recent.iter().filter(|call| call.sequence > from).cloned().collect();
        if let Some(name) = input.mark {
            self.marks.insert(name, (self.sequence, self.counts.clone()));
        }
        Calls { counts, recent }
    }
}

/// Whether an operation can change something. AWS names what only reads with one of these words; a name that is none
/// of them counts as a write, so that a new operation cannot hide.
pub(crate) fn writes(operation: &str) -> bool {
    const READS: [&str; 12] = [
        "Describe",
        "List",
        "Get",
        "BatchGet",
        "BatchCheck",
        "Query",
        "Scan",
        "TransactGet",
        "Filter",
        "Simulate",
        "Lookup",
        "Search",
    ];
    !READS.iter().any(|word| operation.starts_with(word))
}

/// What a call is about, as its caller named it. Names only: an input's values can be secret.
pub(crate) fn resource(input: &Value) -> Option<String> {
    const NAMES: [&str; 18] = [
        "serviceName",
        "service",
        "serviceDeploymentArn",
        "family",
        "familyPrefix",
        "taskDefinition",
        "task",
        "resourceArn",
        "repositoryName",
        "logGroupName",
        "RoleName",
        "PolicyArn",
        "AlarmName",
        "SecretId",
        "Name",
        "TableName",
        "clusterName",
        "cluster",
    ];
    if let Some(services) = input.get("services").and_then(Value::as_array) {
        return Some(services.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","));
    }
    NAMES.iter().find_map(|name| input.get(name)?.as_str().map(str::to_owned))
}
