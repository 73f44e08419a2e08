//! Clusters.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Ecs;
use super::paging::page;
use super::service::ServiceStatus;
use super::service_view::counts;
use super::shapes::{Tag, invalid, missing};
use super::tags;
use crate::service::{Outcome, ServiceError, input};
use crate::world::World;

/// A cluster. Its counts are those of its services' tasks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) tags: Vec<Tag>,
    /// What is stored and echoed only: settings, configuration, capacity providers.
    settings: Value,
    configuration: Value,
    capacity_providers: Value,
    default_capacity_provider_strategy: Value,
    service_connect_defaults: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateInput {
    #[serde(default)]
    cluster_name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    settings: Option<Value>,
    #[serde(default)]
    configuration: Option<Value>,
    #[serde(default)]
    capacity_providers: Option<Value>,
    #[serde(default)]
    default_capacity_provider_strategy: Option<Value>,
    #[serde(default)]
    service_connect_defaults: Option<Value>,
}

/// CreateCluster: a cluster that is there already is answered as it is.
pub(crate) fn create(ecs: &mut Ecs, world: &World, value: Value) -> Outcome {
    let input: CreateInput = input(value)?;
    let name = input.cluster_name.unwrap_or_else(|| String::from("default"));
    if !is_name(&name) {
        return Err(invalid("Cluster name must match ^[A-Za-z0-9_-]+$ and be at most 255 characters long."));
    }
    tags::check(&input.tags)?;
    if !ecs.clusters.get(&name).is_some_and(|cluster| cluster.active) {
        let cluster = Cluster {
            name: name.clone(),
            active: true,
            tags: input.tags,
            settings: input.settings.unwrap_or_else(|| json!([{"name": "containerInsights", "value": "disabled"}])),
            configuration: input.configuration.unwrap_or(Value::Null),
            capacity_providers: input.capacity_providers.unwrap_or_else(|| json!([])),
            default_capacity_provider_strategy: input.default_capacity_provider_strategy.unwrap_or_else(|| json!([])),
            service_connect_defaults: input.service_connect_defaults.unwrap_or(Value::Null),
        };
        ecs.clusters.insert(name.clone(), cluster);
    }
    let cluster = find(ecs, Some(&name))?;
    Ok(json!({ "cluster": view(ecs, cluster, world, true) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeInput {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

/// DescribeClusters: what is missing is a failure, not an error.
pub(crate) fn describe(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let mut input: DescribeInput = input(value)?;
    if input.clusters.is_empty() {
        input.clusters.push(String::from("default"));
    }
    if input.clusters.len() > 100 {
        return Err(invalid("Clusters cannot have more than 100 elements."));
    }
    let tags = input.include.iter().any(|field| field == "TAGS");
    let mut found = Vec::new();
    let mut failures = Vec::new();
    for reference in &input.clusters {
        match ecs.clusters.get(name_of(reference)) {
            Some(cluster) => found.push(view(ecs, cluster, world, tags)),
            None => failures.push(missing(arn(world, name_of(reference)))),
        }
    }
    Ok(json!({ "clusters": found, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListInput {
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

/// ListClusters.
pub(super) fn list(ecs: &Ecs, world: &World, value: Value) -> Outcome {
    let input: ListInput = input(value)?;
    let active = ecs.clusters.values().filter(|cluster| cluster.active);
    let arns = active.map(|cluster| Value::from(arn(world, &cluster.name))).collect();
    page("clusterArns", arns, input.next_token.as_deref(), input.max_results, 100)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteInput {
    cluster: String,
}

/// DeleteCluster: an empty one becomes INACTIVE.
pub(crate) fn delete(ecs: &mut Ecs, world: &World, value: Value) -> Outcome {
    let input: DeleteInput = input(value)?;
    let name = find(ecs, Some(&input.cluster))?.name.clone();
    let mut services = ecs.services.values().filter(|service| service.cluster == name);
    if services.any(|service| service.status != ServiceStatus::Inactive) {
        return Err(ServiceError::new(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        ));
    }
    if let Some(cluster) = ecs.clusters.get_mut(&name) {
        cluster.active = false;
    }
    Ok(json!({ "cluster": view(ecs, &ecs.clusters[&name], world, false) }))
}

/// The active cluster that a call names, by name or ARN; `default` if it names none.
pub(crate) fn find<'a>(ecs: &'a Ecs, reference: Option<&str>) -> Result<&'a Cluster, ServiceError> {
    let name = name_of(reference.unwrap_or("default"));
    ecs.clusters.get(name).filter(|cluster| cluster.active).ok_or_else(not_found)
}

fn not_found() -> ServiceError {
    ServiceError::new("ClusterNotFoundException", "Cluster not found.")
}

/// The name in a name or ARN.
pub(crate) fn name_of(reference: &str) -> &str {
    if reference.starts_with("arn:") { reference.rsplit('/').next().unwrap_or(reference) } else { reference }
}

/// A cluster's ARN.
pub(crate) fn arn(world: &World, name: &str) -> String {
    format!("arn:aws:ecs:{}:{}:cluster/{name}", world.region, world.account)
}

/// ECS's rule for the names of clusters and services.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.len() <= 255 && name.bytes().all(fits)
}

fn view(ecs: &Ecs, cluster: &Cluster, world: &World, tags: bool) -> Value {
    let services = || ecs.services.values().filter(|service| service.cluster == cluster.name);
    let (running, pending) = counts(services().flat_map(|service| service.tasks.values()));
    let active = services().filter(|service| service.is_active()).count();
    let mut view = json!({
        "clusterArn": arn(world, &cluster.name),
        "clusterName": cluster.name,
        "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": active,
        "statistics": [],
        "tags": if tags { json!(cluster.tags) } else { json!([]) },
        "settings": cluster.settings,
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_capacity_provider_strategy,
    });
    for (name, value) in
        [("configuration", &cluster.configuration), ("serviceConnectDefaults", &cluster.service_connect_defaults)]
    {
        if !value.is_null() {
            view[name] = value.clone();
        }
    }
    view
}
