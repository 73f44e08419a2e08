//! What was written: from the files of a directory to the desired state, with every problem at once.
//!
//! ```text
//! bytes ─▶ tree (where everything stands) ─▶ written (as people write it) ─▶ check ─▶ model (defaults filled in)
//! ```
//!
//! Architecture invariant: nothing here reads a file or a clock. A problem is masked before it is made, so no secret can
//! be printed by whoever prints it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

mod available;
mod check;
pub mod defaults;
mod document;
mod explain;
#[cfg(test)]
mod explain_tests;
mod fargate;
mod mask;
pub mod model;
mod plain_secret;
mod problem;
mod read;
mod scalar;
mod schema;
mod tree;
pub mod units;
mod written;

pub use explain::{explain, explain_fleet};
pub use problem::{Problem, ProblemKind, RenderStyle, Severity};
pub use schema::json_schema;

use check::places::{FilePlace, clashes, is_meant};
use document::{Document, Written};
use model::{Agent, DesiredState, Fleet, FleetState};
use problem::{Findings, ProblemKind as Kind};

/// A file of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the directory, such as `prod/fleet.yaml`.
    pub path: PathBuf,
    pub content: Vec<u8>,
}

/// What the files say.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// All that is valid. Agents whose fleet is not valid are left out.
    pub state: DesiredState,
    /// All that is wrong, sorted by place.
    pub problems: Vec<Problem>,
    /// The files with an error.
    pub broken: BTreeSet<PathBuf>,
}

/// Reads all files of a directory. Hidden files, and files that are not `.yaml` or `.yml`, are passed over. The order of
/// the files does not matter.
pub fn parse(files: &[SourceFile]) -> Parsed {
    let files: BTreeMap<_, _> =
        files.iter().filter(|file| is_meant(&file.path)).map(|file| (&file.path, file)).collect();
    let mut documents: Vec<Document> =
        files.values().map(|file| Document::read(file.path.clone(), &file.content)).collect();

    let mut fleets: BTreeMap<String, FleetState> = BTreeMap::new();
    for document in &mut documents {
        if let (Some((folder, fleet)), false) = (check_fleet(document), document.findings.has_errors()) {
            let file = document.path.clone();
            fleets.insert(folder, FleetState { fleet, file, agents: BTreeMap::new() });
        }
    }
    let folders: BTreeSet<String> = documents.iter().filter_map(fleet_folder).collect();
    let mut agents: Vec<(String, Agent)> = Vec::new();
    for document in &mut documents {
        if let (Some(found), false) = (check_agent(document, &folders, &fleets), document.findings.has_errors()) {
            agents.push(found);
        }
    }
    check_clashes(&agents, &fleets, &mut documents);

    let broken: BTreeSet<PathBuf> = documents
        .iter()
        .filter(|document| document.findings.has_errors())
        .map(|document| document.path.clone())
        .collect();
    for (folder, agent) in agents.into_iter().filter(|(_, agent)| !broken.contains(&agent.file)) {
        if let Some(fleet) = fleets.get_mut(&folder) {
            fleet.agents.insert(agent.id.agent.clone(), agent);
        }
    }
    let fleets = fleets.into_values().map(|fleet| (fleet.fleet.name.clone(), fleet)).collect();
    let mut problems: Vec<Problem> = documents.into_iter().flat_map(Document::into_problems).collect();
    problems.sort_by(|one, other| (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column)));
    Parsed { state: DesiredState { fleets }, problems, broken }
}

fn fleet_folder(document: &Document) -> Option<String> {
    match &document.place {
        FilePlace::Fleet { folder } => Some(folder.clone()),
        _ => None,
    }
}

/// Runs checks on a document whose findings they add to.
fn checked<T>(document: &mut Document, check: impl FnOnce(&Document, &mut Findings) -> Option<T>) -> Option<T> {
    let mut findings = Findings::default();
    let outcome = check(document, &mut findings);
    document.findings.append(&mut findings);
    outcome
}

fn check_fleet(document: &mut Document) -> Option<(String, Fleet)> {
    checked(document, |document, findings| {
        let (Some(Written::Fleet(file)), Some(at)) = (&document.written, document.at()) else { return None };
        let fleet = check::fleet::fleet(file, &at, findings);
        let folder = fleet_folder(document)?;
        let name = file.metadata.get().and_then(|metadata| metadata.name.get());
        if name.is_some_and(|name| name.as_str() != folder) {
            let kind = Kind::NameNotPlace { what: "folder", expected: folder.clone() };
            findings.push(at.key("metadata").key("name").range(), kind);
        }
        Some((folder, fleet?))
    })
}

fn check_agent(
    document: &mut Document,
    folders: &BTreeSet<String>,
    fleets: &BTreeMap<String, FleetState>,
) -> Option<(String, Agent)> {
    checked(document, |document, findings| {
        let (Some(Written::Agent(file)), Some(at)) = (&document.written, document.at()) else { return None };
        let FilePlace::Agent { folder, stem } = &document.place else {
            check::agent::agent(file, None, &at, findings);
            return None;
        };
        if !folders.contains(folder) {
            findings.push(0..0, Kind::FleetMissing { fleet: folder.clone() });
        }
        let name = file.metadata.get().and_then(|metadata| metadata.name.get());
        if name.is_some_and(|name| name.as_str() != stem) {
            let kind = Kind::NameNotPlace { what: "file", expected: stem.clone() };
            findings.push(at.key("metadata").key("name").range(), kind);
        }
        let fleet = fleets.get(folder).map(|state| &state.fleet);
        let mut agent = check::agent::agent(file, fleet, &at, findings)?;
        agent.file.clone_from(&document.path);
        Some((folder.clone(), agent))
    })
}

/// Both files are told: which of the two was there first is not to be seen here.
fn check_clashes(agents: &[(String, Agent)], fleets: &BTreeMap<String, FleetState>, documents: &mut [Document]) {
    let found = clashes(agents.iter().filter_map(|(folder, agent)| Some((&fleets.get(folder)?.fleet, agent))));
    for clash in found {
        for (id, other) in [(&clash.one, &clash.other), (&clash.other, &clash.one)] {
            let file = agents.iter().map(|(_, agent)| agent).find(|agent| agent.id == *id).map(|agent| &agent.file);
            let Some(document) = documents.iter_mut().find(|document| Some(&document.path) == file) else { continue };
            checked(document, |document, findings| {
                let at = document.at()?;
                let group = at.key("spec").key("logs").key("group");
                let at = if clash.what == "log group" && group.is_written() {
                    group
                } else {
                    at.key("metadata").key("name")
                };
                findings.push(at.range(), Kind::NameClash { what: clash.what, other: other.to_string() });
                Some(())
            });
        }
    }
}
