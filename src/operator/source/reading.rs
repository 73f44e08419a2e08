//! What a reading of the directory means, beside the one before: what is broken or unreadable keeps its last good
//! version, and what is missing is believed to be gone only when it is missing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::ledger::Provenance;
use crate::names::{AgentId, FleetName};
use crate::spec::Problem;
use crate::spec::model::{DesiredState, FleetState};

/// The desired state as it stands: all agents, each in its last good version.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub state: DesiredState,
    /// Agents whose last good version is not what the directory holds now, with the reason.
    pub invalid: BTreeMap<AgentId, String>,
    pub provenance: BTreeMap<AgentId, Provenance>,
    /// All problems of all files, for people.
    pub problems: Vec<Problem>,
    /// Why the directory as a whole could not be used.
    pub directory_problem: Option<String>,
    /// Everything was read, twice where something is missing: an agent that is not here has no file any more.
    pub complete: bool,
    /// Fleets and agents that were missing for the first time.
    missing_once: BTreeSet<Missing>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Missing {
    Fleet(FleetName),
    Agent(AgentId),
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            state: DesiredState { fleets: BTreeMap::new() },
            invalid: BTreeMap::new(),
            provenance: BTreeMap::new(),
            problems: Vec::new(),
            directory_problem: None,
            complete: false,
            missing_once: BTreeSet::new(),
        }
    }
}

/// What parsing made of the files.
pub(super) struct Parsed {
    pub state: DesiredState,
    pub problems: Vec<Problem>,
    /// Files (and folders) that could not be used, with the reason in one line.
    pub broken: BTreeMap<PathBuf, String>,
}

impl Reading {
    /// Whether something has to be looked at again soon, because it was missing for the first time.
    pub fn is_provisional(&self) -> bool {
        !self.missing_once.is_empty()
    }

    /// The next reading, when the directory as a whole could not be used: everything stays.
    pub(super) fn after_failure(&self, why: String) -> Self {
        let invalid = self.agents().map(|id| (id, why.clone())).collect();
        Self { invalid, directory_problem: Some(why), complete: false, ..self.clone() }
    }

    /// The next reading. Provenance is kept for what stayed as it was, and is not yet known of the rest.
    pub(super) fn after(&self, parsed: Parsed) -> Self {
        let Parsed { state, problems, broken } = parsed;
        let mut next = Self { state, problems, ..Self::default() };
        for (name, fleet) in &self.state.fleets {
            next.keep_fleet(name, fleet, &broken, &self.missing_once);
        }
        next.explain(&broken);
        next.complete = broken.is_empty() && next.missing_once.is_empty();
        next
    }

    /// Keeps of a fleet as it was what is broken now, or missing for the first time.
    fn keep_fleet(
        &mut self,
        name: &FleetName,
        before: &FleetState,
        broken: &BTreeMap<PathBuf, String>,
        missing_before: &BTreeSet<Missing>,
    ) {
        let fleet_broken = why(broken, &before.file).is_some();
        if !self.state.fleets.contains_key(name) {
            let missing = Missing::Fleet(name.clone());
            if !fleet_broken {
                if missing_before.contains(&missing) {
                    return;
                }
                self.missing_once.insert(missing);
            }
            let kept = FleetState { agents: BTreeMap::new(), ..before.clone() };
            self.state.fleets.insert(name.clone(), kept);
        }
        let Some(fleet) = self.state.fleets.get_mut(name) else { return };
        for (agent_name, agent) in &before.agents {
            if fleet.agents.contains_key(agent_name) {
                continue;
            }
            let missing = Missing::Agent(agent.id.clone());
            if !fleet_broken && why(broken, &agent.file).is_none() {
                if missing_before.contains(&missing) {
                    continue;
                }
                self.missing_once.insert(missing);
            }
            fleet.agents.insert(agent_name.clone(), agent.clone());
        }
    }

    /// Says of each agent whose own or whose fleet's file is broken that it holds its last good version.
    fn explain(&mut self, broken: &BTreeMap<PathBuf, String>) {
        for fleet in self.state.fleets.values() {
            for agent in fleet.agents.values() {
                if let Some(reason) = why(broken, &agent.file).or_else(|| why(broken, &fleet.file)) {
                    self.invalid.insert(agent.id.clone(), reason.to_owned());
                }
            }
        }
    }

    /// All agents.
    pub fn agents(&self) -> impl Iterator<Item = AgentId> {
        self.state.fleets.values().flat_map(|fleet| fleet.agents.values()).map(|agent| agent.id.clone())
    }
}

/// Why a file could not be used: it is broken itself, or its folder could not be read.
fn why<'b>(broken: &'b BTreeMap<PathBuf, String>, file: &Path) -> Option<&'b str> {
    file.ancestors().find_map(|path| broken.get(path)).map(String::as_str)
}
