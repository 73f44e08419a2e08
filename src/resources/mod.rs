//! What should exist: from the validated spec and the resolved digest, infallible.
//!
//! ARNs that AWS invents (a task definition's revision) are not in here: `plan` resolves them, or waits.

pub mod access;
pub mod compute;
pub mod content;
pub mod signals;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{AgentId, ImageDigest, ProjectName};
use crate::spec::model::{Agent, Fleet};
pub use access::{Repository, Role};
pub use compute::{Service, TaskDefinition};
pub use content::{Content, Hashes};
pub use signals::LogGroup;

/// Names the ledger that owns a resource.
pub const LEDGER_TAG: &str = "ropewalk:ledger";
/// Names the fleet that owns a resource.
pub const FLEET_TAG: &str = "ropewalk:fleet";
/// Names the agent that owns a resource.
pub const AGENT_TAG: &str = "ropewalk:agent";
/// Names the project whose fleets share a repository.
pub const PROJECT_TAG: &str = "ropewalk:project";
/// Carries a task definition's hash: after a lost response it is how our own registration is found again.
pub const HASH_TAG: &str = "ropewalk:task-definition-hash";

/// All that should exist for one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    pub repository: Repository,
    pub execution_role: Role,
    pub task_role: Role,
    pub log_group: LogGroup,
    pub task_definition: TaskDefinition,
    pub service: Service,
}

/// Renders what should exist before the image is known: it can be made while the image is still being pushed.
pub fn repository(fleet: &Fleet, agent: &Agent) -> Repository {
    access::repository(fleet, agent)
}

/// Renders all that should exist for an agent.
pub fn render(fleet: &Fleet, agent: &Agent, digest: &ImageDigest) -> Resources {
    Resources {
        repository: access::repository(fleet, agent),
        execution_role: access::execution_role(fleet, agent),
        task_role: access::task_role(fleet, agent),
        log_group: signals::log_group(fleet, agent),
        task_definition: compute::task_definition(fleet, agent, digest),
        service: compute::service(fleet, agent),
    }
}

/// The tags that say whose a resource is.
pub fn owner_tags(ledger: &str, id: &AgentId) -> BTreeMap<String, String> {
    BTreeMap::from([
        (LEDGER_TAG.to_owned(), ledger.to_owned()),
        (FLEET_TAG.to_owned(), id.fleet.to_string()),
        (AGENT_TAG.to_owned(), id.agent.to_string()),
    ])
}

/// The tags of a repository: it belongs to the project, so no fleet or agent is named.
pub fn repository_tags(ledger: &str, project: &ProjectName) -> BTreeMap<String, String> {
    BTreeMap::from([(LEDGER_TAG.to_owned(), ledger.to_owned()), (PROJECT_TAG.to_owned(), project.to_string())])
}
