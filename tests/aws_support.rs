//! The embedded cloud with the real SDK in front of it, in process and on virtual time.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use ropewalk::aws::{Aws, Clock, Connection, Wanted};
use ropewalk::observed::Snapshot;
use ropewalk::plan::{Action, PlannedAction, diff};
use ropewalk::resources::{self, Content};
use ropewalk::spec::model::{Agent, Fleet};
use ropewalk_cloud::admin::calls::{Calls, CallsInput};
use ropewalk_cloud::admin::faults::{Fault, FaultKind, Faults, FaultsInput};
use ropewalk_cloud::admin::{Preload, PreloadImage, Push, Pushed, ReadLag};
use ropewalk_cloud::behaviour::Behaviour;
use ropewalk_cloud::{Cloud, Settings};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sample;

pub struct Sandbox {
    pub cloud: Cloud,
    pub aws: Aws,
    pub clock: Clock,
}

pub fn noon() -> Timestamp {
    "2026-11-02T12:00:00Z".parse().unwrap()
}

impl Sandbox {
    /// An empty cloud, and one way into it.
    pub async fn new() -> Self {
        let clock = ropewalk_cloud::clock::Clock::new(noon(), 1.0);
        let cloud = Cloud::open(Settings { clock, data: None, seed: 7, read_lag: Duration::ZERO }).unwrap();
        let clock = Clock::new(noon(), 1.0);
        let aws = connect(&cloud, clock.clone()).await;
        Self { cloud, aws, clock }
    }

    /// Another process: its own clients, memory and buckets.
    pub async fn another(&self) -> Aws {
        connect(&self.cloud, self.clock.clone()).await
    }

    pub async fn preload(&self, preload: Preload) {
        let _: serde_json::Value = self.admin("preload", &preload).await;
    }

    pub async fn push(&self, push: Push) -> String {
        self.admin::<_, Pushed>("push", &push).await.digest
    }

    /// The next `times` calls of this operation go wrong.
    pub async fn fault(&self, operation: &str, kind: FaultKind, times: u32) {
        let (service, operation) = operation.split_once(':').unwrap();
        let fault = Fault { service: service.into(), operation: operation.into(), times, after: 0, percent: 100, kind };
        let _: Faults = self.admin("faults", &FaultsInput { clear: false, add: vec![fault] }).await;
    }

    pub async fn clear_faults(&self) {
        let _: Faults = self.admin("faults", &FaultsInput { clear: true, add: Vec::new() }).await;
    }

    pub async fn read_lag(&self, seconds: f64) {
        let _: ReadLag = self.admin("read-lag", &ReadLag { seconds }).await;
    }

    /// Counts calls from here on.
    pub async fn mark(&self) {
        let _: Calls = self.admin("calls", &CallsInput { since: None, mark: Some("here".into()) }).await;
    }

    pub async fn calls(&self) -> Calls {
        self.admin("calls", &CallsInput { since: Some("here".into()), mark: None }).await
    }

    /// How often an operation was called since the mark.
    pub async fn called(&self, operation: &str) -> u64 {
        self.calls().await.counts.get(operation).map_or(0, |count| count.calls)
    }

    async fn admin<I: Serialize, O: DeserializeOwned>(&self, name: &str, input: &I) -> O {
        let body = Bytes::from(serde_json::to_vec(input).unwrap());
        let request = http::Request::post(format!("/_cloud/{name}")).body(body).unwrap();
        let answer = self.cloud.handle(request).await.unwrap();
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(answer.status().is_success(), "{name}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
    }
}

async fn connect(cloud: &Cloud, clock: Clock) -> Aws {
    Aws::connect(Connection {
        region: "us-east-1".parse().unwrap(),
        endpoint: None,
        http_client: Some(cloud.http_client()),
        credentials: Some(("test".to_owned(), "test".to_owned())),
        clock,
    })
    .await
}

/// The address of a DynamoDB that is not ours, such as DynamoDB Local on loopback.
pub async fn peer(endpoint: &str) -> Aws {
    Aws::connect(Connection {
        region: "us-east-1".parse().unwrap(),
        endpoint: Some(endpoint.to_owned()),
        http_client: None,
        credentials: Some(("test".to_owned(), "test".to_owned())),
        clock: Clock::system(),
    })
    .await
}

/// The ledger that the tests' owner tags name.
pub const LEDGER: &str = "3f2a91c0b7de";

/// What a fleet takes for granted: its cluster, network, secrets, and the agents' images under tag `v1.0.0`.
pub fn foundation(fleet: &Fleet, agents: &[Agent]) -> Preload {
    let image = |agent: &Agent| PreloadImage {
        repository: agent.image.repository.to_string(),
        tag: "v1.0.0".to_owned(),
        behaviour: Behaviour::Healthy,
        ready_after_seconds: Some(1),
    };
    Preload {
        clusters: vec![fleet.cluster.to_string()],
        subnets: fleet.network.subnets.iter().cloned().collect(),
        security_groups: fleet.network.security_groups.iter().cloned().collect(),
        secrets: agents.iter().flat_map(|agent| agent.secrets.values().cloned()).collect(),
        images: agents.iter().map(image).collect(),
        ..Preload::default()
    }
}

/// The agent `dev/<name>`, with a repository and log group of its own.
pub fn agent(name: &str) -> Agent {
    let mut agent = sample::agent("v1.0.0");
    agent.id = format!("dev/{name}").parse().unwrap();
    agent.image.repository = format!("vitracka/{name}").parse().unwrap();
    agent.logs.group = agent.id.log_group_name();
    agent
}

/// Looks at one agent.
pub async fn look(aws: &Aws, agent: &Agent) -> Snapshot {
    let wanted = Wanted { agent, in_motion: false, thorough: false };
    aws.observer().observe(&sample::fleet(), &[wanted]).await.remove(&agent.id).unwrap()
}

/// Looks at one agent's rollout.
pub async fn watch(aws: &Aws, agent: &Agent) -> Snapshot {
    let wanted = Wanted { agent, in_motion: true, thorough: false };
    aws.observer().observe(&sample::fleet(), &[wanted]).await.remove(&agent.id).unwrap()
}

pub async fn execute(aws: &Aws, actions: &[PlannedAction]) {
    for planned in actions {
        let result = aws.executor().execute(&planned.action).await;
        result.unwrap_or_else(|error| panic!("{error}: {:?}", planned.action));
    }
}

/// What the planner would do about all but the service.
pub fn prerequisites(fleet: &Fleet, agent: &Agent, snapshot: &Snapshot) -> Vec<PlannedAction> {
    let digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let wanted = resources::render(fleet, agent, &digest);
    let tags = resources::owner_tags(LEDGER, &agent.id);
    let repository_tags = resources::repository_tags(LEDGER, &fleet.project);
    let mut actions = diff::repository(&wanted.repository, &snapshot.repository, &repository_tags);
    actions.extend(diff::role(&wanted.execution_role, &snapshot.execution_role, &tags));
    actions.extend(diff::role(&wanted.task_role, &snapshot.task_role, &tags));
    actions.extend(diff::log_group(&wanted.log_group, &snapshot.log_group, &tags));
    actions
}

/// Registers the agent's task definition, and returns its ARN and content.
pub async fn register(aws: &Aws, fleet: &Fleet, agent: &Agent, snapshot: &Snapshot) -> (String, Content) {
    let digest = snapshot.image.present().unwrap_or_else(|| panic!("no image: {:?}", snapshot.image));
    let content = Content::new(resources::render(fleet, agent, digest), agent);
    let action = registration(agent, &content);
    aws.executor().execute(&action).await.unwrap();
    let hash = content.hashes().unwrap().task_definition;
    let seen = aws.observer().task_definition(&agent.id.service_name(), &hash, None).await;
    let live = seen.present().unwrap_or_else(|| panic!("not registered: {seen:?}"));
    assert!(live.active);
    (live.arn.clone(), content)
}

pub fn registration(agent: &Agent, content: &Content) -> Action {
    Action::RegisterTaskDefinition {
        task_definition: content.resources.task_definition.clone(),
        hash: content.hashes().unwrap().task_definition,
        tags: resources::owner_tags(LEDGER, &agent.id),
    }
}

pub fn creation(agent: &Agent, content: &Content, arn: &str) -> Action {
    Action::CreateService {
        service: content.resources.service.clone(),
        task_definition_arn: arn.to_owned(),
        client_token: content.hashes().unwrap().revision.as_str()[..32].to_owned(),
        tags: resources::owner_tags(LEDGER, &agent.id),
    }
}

/// Makes all that the agent needs, and waits until it serves.
pub async fn make(sandbox: &Sandbox, agent: &Agent) -> (String, Content) {
    let (fleet, aws) = (sample::fleet(), &sandbox.aws);
    execute(aws, &prerequisites(&fleet, agent, &look(aws, agent).await)).await;
    let snapshot = look(aws, agent).await;
    let (arn, content) = register(aws, &fleet, agent, &snapshot).await;
    aws.executor().execute(&creation(agent, &content, &arn)).await.unwrap();
    (arn, content)
}

/// How the service differs from its content.
pub fn difference(agent: &Agent, content: &Content, arn: &str, snapshot: &Snapshot) -> diff::ServiceDifference {
    let live = snapshot.service.present().unwrap_or_else(|| panic!("no service: {:?}", snapshot.service));
    diff::service(&content.resources.service, arn, live, &resources::owner_tags(LEDGER, &agent.id))
}
