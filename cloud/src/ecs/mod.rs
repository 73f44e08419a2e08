//! Elastic Container Service: clusters, task definitions, services, deployments, tasks.
//!
//! Nothing sets what people see. Calls change what is wanted; the scheduler and the tasks' own steps, each due at its
//! time, do the rest, and counts, rollout states and events follow from the tasks. Time is lived through when somebody
//! asks ([`advance`]), so that the history does not depend on how often that is.

mod circuit_breaker;
mod cluster;
mod container;
mod deployment;
mod deployment_view;
mod events;
mod fargate;
mod lag;
mod lifecycle;
mod paging;
mod rollout;
mod scheduler;
mod service;
mod service_create;
mod service_input;
mod service_update;
mod service_view;
mod shapes;
mod tags;
mod task;
mod task_definition;
mod task_definition_list;
mod task_start;
mod task_view;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use lag::call_with_lag;

use crate::service::{Outcome, ServiceError};
use crate::world::World;

/// Elastic Container Service: clusters, task definitions, services, deployments, tasks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ecs {
    clusters: BTreeMap<String, cluster::Cluster>,
    families: BTreeMap<String, task_definition::Family>,
    /// By `cluster/name`.
    services: BTreeMap<String, service::Service>,
}

/// Lives through everything that happens until `now`, in the order of time; says whether anything did.
pub(crate) fn advance(world: &mut World, now: Timestamp) -> bool {
    if !world.ecs.services.values().filter_map(service::Service::due).any(|at| at <= now) {
        return false;
    }
    let mut ecs = std::mem::take(&mut world.ecs);
    let mut due: BTreeMap<String, Timestamp> =
        ecs.services.iter().filter_map(|(key, service)| Some((key.clone(), service.due()?))).collect();
    let mut happened = false;
    // Ties go to the first name, so that the order never depends on who asks when.
    while let Some((key, at)) = due.iter().min_by_key(|(key, at)| (**at, *key)).map(|(key, at)| (key.clone(), *at))
        && at <= now
    {
        happened = true;
        // Time never goes back, not even for a step that was due before the last call.
        world.now = world.now.max(at);
        let Some(mut service) = ecs.services.remove(&key) else { break };
        let task = service.tasks.values().find(|task| task.due == Some(at)).map(|task| task.id.clone());
        match task {
            Some(task) => lifecycle::step(&mut service, &task, &ecs, world),
            None => scheduler::pass(&mut service, &ecs, world),
        }
        match service.due() {
            Some(next) => due.insert(key.clone(), next),
            None => due.remove(&key),
        };
        ecs.services.insert(key, service);
    }
    world.ecs = ecs;
    happened
}

/// Answers one call.
pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    let mut ecs = std::mem::take(&mut world.ecs);
    let outcome = dispatch(&mut ecs, world, operation, input);
    world.ecs = ecs;
    outcome
}

/// `world` is the rest of the world: its own `ecs` is empty meanwhile.
fn dispatch(ecs: &mut Ecs, world: &mut World, operation: &str, input: Value) -> Outcome {
    match operation {
        "CreateCluster" => cluster::create(ecs, world, input),
        "DescribeClusters" => cluster::describe(ecs, world, input),
        "ListClusters" => cluster::list(ecs, world, input),
        "DeleteCluster" => cluster::delete(ecs, world, input),
        "RegisterTaskDefinition" => task_definition::register(ecs, world, input),
        "DescribeTaskDefinition" => task_definition::describe(ecs, world, input),
        "DeregisterTaskDefinition" => task_definition::deregister(ecs, world, input),
        "DeleteTaskDefinitions" => task_definition::delete(ecs, world, input),
        "ListTaskDefinitions" => task_definition_list::definitions(ecs, input),
        "ListTaskDefinitionFamilies" => task_definition_list::families(ecs, input),
        "CreateService" => service_create::create(ecs, world, input),
        "UpdateService" => service_update::update(ecs, world, input),
        "DeleteService" => service_create::delete(ecs, world, input),
        "DescribeServices" => service_view::describe(ecs, world, input),
        "ListServices" => service_view::list(ecs, input),
        "ListServiceDeployments" => deployment_view::list(ecs, world, input),
        "DescribeServiceDeployments" => deployment_view::describe(ecs, world, input),
        "DescribeServiceRevisions" => deployment_view::describe_revisions(ecs, world, input),
        "StopServiceDeployment" => deployment_view::stop(ecs, world, input),
        "ListTasks" => task_view::list(ecs, world, input),
        "DescribeTasks" => task_view::describe(ecs, world, input),
        "StopTask" => task_view::stop(ecs, world, input),
        "TagResource" => tags::tag(ecs, input),
        "UntagResource" => tags::untag(ecs, input),
        "ListTagsForResource" => tags::list(ecs, input),
        _ => Err(ServiceError::unknown_operation("ecs", operation)),
    }
}
