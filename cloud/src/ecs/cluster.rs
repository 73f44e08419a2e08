//! Clusters.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Ecs;
use super::shapes::{Tag, client, invalid};
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
    Ok(json!({ "cluster": view(cluster, world, true) }))
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
            Some(cluster) => found.push(view(cluster, world, tags)),
            None => failures.push(json!({ "arn": arn(world, name_of(reference)), "reason": "MISSING" })),
        }
    }
    Ok(json!({ "clusters": found, "failures": failures }))
}

/// ListClusters.
pub(crate) fn list(ecs: &Ecs, world: &World, _: Value) -> Outcome {
    let arns: Vec<String> =
        ecs.clusters.values().filter(|cluster| cluster.active).map(|cluster| arn(world, &cluster.name)).collect();
    Ok(json!({ "clusterArns": arns }))
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
    let cluster = ecs.clusters.get_mut(&name).ok_or_else(not_found)?;
    cluster.active = false;
    Ok(json!({ "cluster": view(cluster, world, false) }))
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

fn view(cluster: &Cluster, world: &World, tags: bool) -> Value {
    let mut view = json!({
        "clusterArn": arn(world, &cluster.name),
        "clusterName": cluster.name,
        "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": 0,
        "pendingTasksCount": 0,
        "activeServicesCount": 0,
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
#[allow(unused_imports)]
use client as _;
