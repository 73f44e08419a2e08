//! Injected faults: what a network and AWS do to a caller, in order and by seed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// `ThrottlingException`; nothing happens.
    Throttle,
    /// 503; nothing happens.
    ServerError,
    /// The request never arrives, and the caller waits for its own timeout.
    Timeout,
    /// The request never arrives, and the connection is closed.
    ConnectionReset,
    /// The request takes effect, and its answer is lost.
    LostResponse,
    /// `AccessDeniedException`; nothing happens.
    AccessDenied,
    /// An ECS read answers with what was before the last write.
    StaleRead,
}

/// A fault that waits for its calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `ecs`, `ecr`, …; `*` is any.
    pub service: String,
    /// `UpdateService`, …; `*` is any.
    pub operation: String,
    /// How many calls it hits.
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching calls pass first.
    #[serde(default)]
    pub after: u32,
    /// How many of a hundred matching calls it hits, chosen by the cloud's seed.
    #[serde(default = "always")]
    pub percent: u8,
    /// What goes wrong.
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

fn always() -> u8 {
    100
}

/// The input of `faults`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultsInput {
    /// Forgets all faults first.
    #[serde(default)]
    pub clear: bool,
    /// Adds these, behind those that wait already.
    #[serde(default)]
    pub add: Vec<Fault>,
}

/// The answer of `faults`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Those that still wait.
    pub waiting: Vec<Fault>,
    /// How many calls were hit since the start.
    pub injected: u64,
}

/// The cloud's queue of faults.
#[derive(Debug)]
pub(crate) struct FaultQueue {
    seed: u64,
    drawn: u64,
    injected: u64,
    waiting: Vec<Fault>,
}

impl FaultQueue {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0, injected: 0, waiting: Vec::new() }
    }

    pub(crate) fn answer(&mut self, input: FaultsInput) -> Faults {
        if input.clear {
            self.waiting.clear();
        }
        self.waiting.extend(input.add);
        Faults { waiting: self.waiting.clone(), injected: self.injected }
    }

    /// Whether a stale read waits, so that what was before a write has to be remembered.
    pub(crate) fn expects_stale_reads(&self) -> bool {
        self.waiting.iter().any(|fault| fault.kind == FaultKind::StaleRead)
    }

    /// The fault that hits this call: the first that matches, counted down.
    pub(crate) fn take(&mut self, service: &str, operation: &str) -> Option<FaultKind> {
        let matches = |pattern: &str, name: &str| pattern == "*" || pattern == name;
        let mut hit = None;
        for fault in &mut self.waiting {
            if !matches(&fault.service, service) || !matches(&fault.operation, operation) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            self.drawn += 1;
            if draw(self.seed, self.drawn) < fault.percent {
                fault.times = fault.times.saturating_sub(1);
                hit = Some(fault.kind);
                break;
            }
        }
        self.waiting.retain(|fault| fault.times > 0);
        self.injected += u64::from(hit.is_some());
        hit
    }
}

/// A number below 100 that depends on nothing but the seed and how often was drawn.
fn draw(seed: u64, drawn: u64) -> u8 {
    let digest = Sha256::digest(format!("fault/{seed}/{drawn}"));
    let number = digest.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    (number % 100) as u8
}
