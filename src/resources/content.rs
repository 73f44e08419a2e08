//! What a revision is: content, hashed three ways. SEMANTICS says which hash keys what.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Resources, Service, TaskDefinition};
use crate::names::ContentHash;
use crate::spec::model::{Agent, Alarms, Capacity, RollbackPolicy, Rollout};

/// The whole resolved content of a revision. The ledger keeps it, so that a rollback restores it without rendering anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    pub resources: Resources,
    pub capacity: Capacity,
    pub rollout: Rollout,
    pub rollback: RollbackPolicy,
    pub alarms: Alarms,
}

/// The three hashes of a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hashes {
    /// Of the task definition before the revision label is injected: tags the task definition.
    pub task_definition: ContentHash,
    /// Of whatever makes ECS deploy: keys quarantine and pins.
    pub workload: ContentHash,
    /// Of the whole content: what a revision number names.
    pub revision: ContentHash,
}

/// What makes ECS deploy.
#[derive(Serialize)]
struct Workload<'a> {
    task_definition: &'a ContentHash,
    subnets: &'a BTreeSet<String>,
    security_groups: &'a BTreeSet<String>,
}

impl Content {
    pub fn new(resources: Resources, agent: &Agent) -> Self {
        Self {
            resources,
            capacity: agent.capacity,
            rollout: agent.rollout.clone(),
            rollback: agent.rollback.clone(),
            alarms: agent.alarms.clone(),
        }
    }

    /// # Errors
    /// Only if the content cannot be written as JSON, which a smoke test's body with a number out of range could cause.
    pub fn hashes(&self) -> Result<Hashes, serde_json::Error> {
        let task_definition = ContentHash::of(&self.resources.task_definition)?;
        let service = &self.resources.service;
        let workload = ContentHash::of(&Workload {
            task_definition: &task_definition,
            subnets: &service.subnets,
            security_groups: &service.security_groups,
        })?;
        Ok(Hashes { task_definition, workload, revision: ContentHash::of(self)? })
    }

    /// This content with the workload of `held`: what a fleet runs while a release is held, with every change that needs
    /// no rollout applied all the same.
    pub fn with_workload_of(&self, held: &Content) -> Self {
        let mut content = self.clone();
        let (wanted, kept) = (&mut content.resources, &held.resources);
        wanted.task_definition = TaskDefinition::clone(&kept.task_definition);
        wanted.service = Service {
            subnets: kept.service.subnets.clone(),
            security_groups: kept.service.security_groups.clone(),
            ..wanted.service.clone()
        };
        // The held tasks start with the roles and the log group that they were recorded with.
        wanted.execution_role = kept.execution_role.clone();
        wanted.task_role = kept.task_role.clone();
        if wanted.log_group.name != kept.log_group.name {
            wanted.log_group = kept.log_group.clone();
        }
        content
    }
}
