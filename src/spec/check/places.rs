//! Where files belong, and what objects are to each other.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::names::AgentId;
use crate::spec::model::{Agent, Fleet};

/// What a file's path says that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FilePlace {
    /// `<fleet>/fleet.yaml`
    Fleet { folder: String },
    /// `<fleet>/<agent>.yaml`
    Agent { folder: String, stem: String },
    /// Neither.
    Elsewhere,
}

impl FilePlace {
    pub fn of(path: &Path) -> Self {
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        match parts[..] {
            [folder, "fleet.yaml"] => Self::Fleet { folder: folder.to_owned() },
            [folder, file] => match file.strip_suffix(".yaml") {
                Some(stem) => Self::Agent { folder: folder.to_owned(), stem: stem.to_owned() },
                None => Self::Elsewhere,
            },
            _ => Self::Elsewhere,
        }
    }
}

/// Whether a file is meant at all: YAML, and not hidden.
pub(crate) fn is_meant(path: &Path) -> bool {
    let hidden = path
        .components()
        .any(|part| matches!(part, Component::Normal(name) if name.to_str().is_none_or(|name| name.starts_with('.'))));
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    !hidden && ["yaml", "yml"].contains(&extension.to_ascii_lowercase().as_str())
}

/// Two agents that would share something in AWS, and what.
pub(crate) struct Clash {
    pub one: AgentId,
    pub other: AgentId,
    pub what: &'static str,
}

/// Derived names are free of collisions by construction, but for what people choose themselves: log groups, and names
/// made to look like those with a hash.
pub(crate) fn clashes<'a>(agents: impl Iterator<Item = (&'a Fleet, &'a Agent)>) -> Vec<Clash> {
    let mut owners: BTreeMap<(&'static str, String), &AgentId> = BTreeMap::new();
    let mut clashes = Vec::new();
    for (fleet, agent) in agents {
        let (account, region) = (&fleet.account, &fleet.region);
        let names = [
            ("service", format!("{account} {region} {} {}", fleet.cluster, agent.id.service_name())),
            ("task definition family", format!("{account} {region} {}", agent.id.service_name())),
            ("task role", format!("{account} {}", agent.id.task_role_name(&fleet.project))),
            ("execution role", format!("{account} {}", agent.id.execution_role_name(&fleet.project))),
            ("log group", format!("{account} {region} {}", agent.logs.group)),
        ];
        let mut shared = names.into_iter().filter_map(|(what, name)| match owners.get(&(what, name.clone())) {
            Some(owner) => Some((what, (*owner).clone())),
            None => {
                owners.insert((what, name), &agent.id);
                None
            }
        });
        // One is enough to be told of: they come together.
        if let Some((what, other)) = shared.next() {
            clashes.push(Clash { one: agent.id.clone(), other, what });
        }
        shared.for_each(drop);
    }
    clashes
}
