//! A whole world in one process, on paused time: the embedded cloud, a directory of files, and an operator that can be
//! started, stopped and killed. Everything goes through the wire; nothing is poked into the cloud's state.

use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use ropewalk::aws::ledger::Takeover;
use ropewalk::aws::{Aws, Clock, Connection, LedgerStore};
use ropewalk::ledger::Record;
use ropewalk::names::AgentId;
use ropewalk::operator::{CONCURRENT_PASSES, Operator, Progress, Reader, Reading, Settings, Source};
use ropewalk::status::{State, Status};
use ropewalk_cloud::Cloud;
use ropewalk_cloud::admin::calls::{Calls, CallsInput};
use ropewalk_cloud::admin::faults::{Fault, FaultKind};
use ropewalk_cloud::admin::{Client, Preload, PreloadImage, Push};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The sample's one account and region.
const ACCOUNT: &str = "211125768252";
const REGION: &str = "us-east-1";
const TABLE: &str = "ropewalk";
const MARK: &str = "test";

/// The dev fleet's agent of the sample.
pub const TEST_AGENT: &str = "dev/test-agent";
/// The prod fleet's agent of the sample.
pub const COACH: &str = "prod/coach-companion";

/// The world.
pub struct World {
    cloud: Cloud,
    pub admin: Client,
    pub clock: Clock,
    tap: Arc<Tap>,
    directory: tempfile::TempDir,
    reader: Reader,
    readings: watch::Sender<Arc<Reading>>,
    operators: u32,
    running: Option<Running>,
}

struct Running {
    cancel: CancellationToken,
    task: JoinHandle<()>,
    progress: watch::Receiver<Progress>,
}

impl World {
    /// The sample desired state, and all that it takes for granted: cluster, network, secret, healthy images; a ledger.
    pub async fn sample() -> Self {
        Self::of(&["dev", "prod"]).await
    }

    /// The sample's dev fleet alone: one agent.
    pub async fn dev() -> Self {
        Self::of(&["dev"]).await
    }

    /// The same, with a release watched for a minute only: where many worlds are tried, none need be watched for long.
    pub async fn hasty() -> Self {
        let mut world = Self::dev().await;
        world.edit("dev/test-agent.yaml", "monitor: 10m", "monitor: 1m");
        world
    }

    async fn of(fleets: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for fleet in fleets {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("desired-state").join(fleet);
            fs::create_dir(directory.path().join(fleet)).unwrap();
            for file in fs::read_dir(from).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), directory.path().join(fleet).join(file.file_name())).unwrap();
            }
        }
        let base = "2026-11-01T09:00:00Z".parse().unwrap();
        let clock = Clock::new(base, 1.0);
        let settings = ropewalk_cloud::Settings {
            clock: ropewalk_cloud::clock::Clock::new(base, 1.0),
            data: None,
            seed: 7,
            read_lag: Duration::from_secs(1),
        };
        let cloud = Cloud::open(settings).unwrap();
        let admin = Client::in_process(&cloud).for_world(ACCOUNT, REGION);
        admin.preload(&preload()).await.unwrap();
        let tap = Arc::new(Tap { calls: Mutex::new((0, None)), died: Notify::new() });
        let mut reader = Reader::new(directory.path());
        let readings = watch::Sender::new(Arc::new(reader.read()));
        let world = Self { cloud, admin, clock, tap, directory, reader, readings, operators: 0, running: None };
        world.ledger().await.init().await.unwrap();
        world
    }

    /// A new image in the registry, and how its tasks behave.
    pub async fn push(&self, agent: &str, tag: &str, behaviour: &str) {
        let push = Push {
            repository: format!("vitracka/{agent}"),
            tag: tag.to_owned(),
            behaviour: behaviour.parse().unwrap(),
            ready_after_seconds: None,
            payload: Some(tag.to_owned()),
        };
        self.admin.push(&push).await.unwrap();
    }

    /// Replaces a part of a file, as a person would; the operator sees it at once.
    pub fn edit(&mut self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} does not hold {from:?}");
        self.write(file, &text.replace(from, to));
    }

    pub fn write(&mut self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
        self.reread();
    }

    pub fn remove(&mut self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
        self.reread();
    }

    /// What the source does when a file changes, without its watch on the real file system.
    pub fn reread(&mut self) {
        self.readings.send_replace(Arc::new(self.reader.read()));
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// An operator of a new process.
    pub fn operator(&mut self) -> Operator {
        Operator::new(self.settings(None))
    }

    /// One that leaves a living leader alone.
    pub fn patient_operator(&mut self) -> Operator {
        Operator::new(Settings { takeover: Takeover::WhenExpired, ..self.settings(None) })
    }

    /// One with somebody else's credentials.
    pub fn operator_with_credentials(&mut self, account: &'static str) -> Operator {
        Operator::new(self.settings(Some(account)))
    }

    pub fn operator_with_table(&mut self, table: &str) -> Operator {
        Operator::new(Settings { table: table.to_owned(), ..self.settings(None) })
    }

    fn settings(&mut self, credentials: Option<&'static str>) -> Settings {
        self.operators += 1;
        let clock = self.clock.clone();
        let http_client = SharedHttpClient::new(Tapped { inner: self.cloud.http_client(), tap: Arc::clone(&self.tap) });
        let connect: ropewalk::operator::Connect = Arc::new(move |account, region| {
            let connection = Connection {
                region,
                endpoint: None,
                http_client: Some(http_client.clone()),
                credentials: Some((credentials.unwrap_or(account.as_str()).to_owned(), "secret".to_owned())),
                clock: clock.clone(),
            };
            Box::pin(Aws::connect(connection))
        });
        Settings {
            source: Source::from_readings(self.readings.subscribe()),
            connect,
            table: TABLE.to_owned(),
            owner: format!("operator-{}", self.operators),
            takeover: Takeover::Immediately,
            concurrent_passes: CONCURRENT_PASSES,
        }
    }

    /// Starts an operator.
    pub fn start(&mut self) {
        assert!(self.running.is_none(), "an operator runs already");
        let operator = Arc::new(self.operator());
        let (cancel, progress) = (CancellationToken::new(), operator.progress());
        let task = tokio::spawn(operator.run(cancel.clone()));
        self.running = Some(Running { cancel, task, progress });
    }

    /// Stops it, as on SIGTERM.
    pub async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.cancel.cancel();
        running.task.await.unwrap();
    }

    /// Kills it, as by SIGKILL: nothing of it runs any further.
    pub async fn kill(&mut self) {
        let running = self.running.take().unwrap();
        running.task.abort();
        // What it spawned is dropped with it, in the next turn of the runtime.
        let _ = running.task.await;
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    }

    /// Starts an operator that dies right after its n-th call took effect, before it sees the answer; with 0 before it
    /// makes any. Returns once it is dead; false if it did not make that many calls within `time`.
    pub async fn start_and_die_after(&mut self, calls: u64, time: Duration) -> bool {
        *self.tap.calls.lock().unwrap() = (0, Some(calls));
        self.start();
        let tap = Arc::clone(&self.tap);
        let died = tokio::time::timeout(time, tap.died.notified()).await.is_ok();
        *self.tap.calls.lock().unwrap() = (0, None);
        self.kill().await;
        died
    }

    /// Lets virtual time pass.
    pub async fn run_for(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Waits until something holds, for at most an hour of virtual time.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Progress) -> bool) {
        let progress = &mut self.running.as_mut().unwrap().progress;
        let waited = tokio::time::timeout(Duration::from_secs(3600), progress.wait_for(|progress| holds(progress)));
        if waited.await.is_err() {
            panic!("after an hour it does not hold: {what}\n{:#?}", self.progress());
        }
    }

    pub async fn until_ready(&mut self) {
        self.until("every agent is ready", |progress| progress.every_agent(|status| status.state == State::Ready))
            .await;
    }

    /// Waits until a rollout of this version is over, and what it left behind is at rest.
    pub async fn until_serving(&mut self, agent: &str, version: &str) {
        let id: AgentId = agent.parse().unwrap();
        self.until(&format!("{version} serves"), |progress| {
            progress.agents.get(&id).and_then(|agent| agent.status.as_ref()).is_some_and(|status| {
                status.state == State::Ready
                    && status.serving.as_ref().is_some_and(|serving| serving.version == version)
            })
        })
        .await;
    }

    pub async fn until_state(&mut self, agent: &str, state: State) {
        let id: AgentId = agent.parse().unwrap();
        self.until(&format!("{agent} is {state}"), |progress| {
            let status = progress.agents.get(&id).and_then(|agent| agent.status.as_ref());
            status.is_some_and(|status| status.state == state)
        })
        .await;
    }

    pub fn progress(&self) -> Progress {
        self.running.as_ref().unwrap().progress.borrow().clone()
    }

    /// What the ledger says of an agent.
    pub async fn status(&self, agent: &str) -> Status {
        self.ledger().await.status(&agent.parse().unwrap()).await.unwrap().expect("the agent has a status")
    }

    pub async fn records(&self, agent: &str) -> Vec<Record> {
        self.ledger().await.records(&agent.parse().unwrap(), 0).await.unwrap()
    }

    pub async fn ledger(&self) -> LedgerStore {
        self.aws().await.ledger(TABLE)
    }

    /// A person's own way to AWS, beside the operator's.
    pub async fn aws(&self) -> Aws {
        Aws::connect(Connection {
            region: REGION.parse().unwrap(),
            endpoint: None,
            http_client: Some(self.cloud.http_client()),
            credentials: Some((ACCOUNT.to_owned(), "secret".to_owned())),
            clock: self.clock.clone(),
        })
        .await
    }

    /// A person's ECS client.
    pub fn ecs(&self) -> aws_sdk_ecs::Client {
        let config = aws_sdk_ecs::Config::builder()
            .behavior_version(aws_sdk_ecs::config::BehaviorVersion::v2026_01_12())
            .region(aws_sdk_ecs::config::Region::new(REGION))
            .credentials_provider(aws_sdk_ecs::config::Credentials::new(ACCOUNT, "secret", None, None, "test"))
            .http_client(self.cloud.http_client())
            .time_source(self.clock.clone())
            .sleep_impl(self.clock.clone())
            .build();
        aws_sdk_ecs::Client::from_conf(config)
    }

    /// Counts calls from now on.
    pub async fn mark(&self) {
        self.admin.calls(&CallsInput { since: None, mark: Some(MARK.to_owned()) }).await.unwrap();
    }

    /// The calls since [`Self::mark`].
    pub async fn calls(&self) -> Calls {
        self.admin.calls(&CallsInput { since: Some(MARK.to_owned()), mark: None }).await.unwrap()
    }

    /// The writes to AWS since [`Self::mark`], refused ones too, as `2 ecs:UpdateService`. The ledger is not among them.
    pub async fn writes(&self) -> Vec<String> {
        let counts = self.calls().await.counts.into_iter();
        let writes = counts.filter(|(operation, count)| count.write && !operation.starts_with("dynamodb:"));
        writes.map(|(operation, count)| format!("{} {operation}", count.calls)).collect()
    }

    /// What was successfully written to AWS since the beginning.
    pub async fn made(&self) -> Vec<String> {
        let counts = self.admin.calls(&CallsInput::default()).await.unwrap().counts.into_iter();
        let made = counts.filter(|(operation, count)| {
            count.write && !operation.starts_with("dynamodb:") && count.calls > count.errors
        });
        made.map(|(operation, count)| format!("{} {operation}", count.calls - count.errors)).collect()
    }

    /// One call of this operation goes wrong.
    pub async fn fault(&self, operation: &str, kind: FaultKind, times: u32) {
        let (service, operation) = operation.split_once(':').unwrap();
        let (service, operation) = (service.to_owned(), operation.to_owned());
        self.admin.add_faults(vec![Fault { service, operation, times, after: 0, percent: 100, kind }]).await.unwrap();
    }

    /// Active task definitions of an agent, as anyone sees them.
    pub async fn task_definitions(&self, agent: &str) -> usize {
        let family = agent.parse::<AgentId>().unwrap().service_name();
        let listed = self.ecs().list_task_definitions().family_prefix(family).send().await.unwrap();
        listed.task_definition_arns().len()
    }
}

fn preload() -> Preload {
    let image = |repository: &str, tag: &str| PreloadImage {
        repository: format!("vitracka/{repository}"),
        tag: tag.to_owned(),
        behaviour: Default::default(),
        ready_after_seconds: None,
    };
    Preload {
        clusters: vec!["vitracka-agents".to_owned()],
        subnets: vec!["subnet-0a1b2c3d".to_owned(), "subnet-0d3c2b1a".to_owned()],
        security_groups: vec!["sg-0a1b2c3d".to_owned()],
        secrets: vec![format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:bedrock-api-key")],
        images: vec![image("test-agent", "v0.1.0"), image("coach-companion", "v1.2.0")],
        ..Preload::default()
    }
}

/// Counts an operator's calls, and lets it die at one of them.
#[derive(Debug)]
struct Tap {
    /// How many were made, and after which of them it dies.
    calls: Mutex<(u64, Option<u64>)>,
    died: Notify,
}

#[derive(Debug)]
struct Tapped {
    inner: SharedHttpClient,
    tap: Arc<Tap>,
}

#[derive(Debug)]
struct TappedConnector {
    inner: SharedHttpConnector,
    tap: Arc<Tap>,
}

impl HttpClient for Tapped {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(TappedConnector { inner, tap: Arc::clone(&self.tap) })
    }
}

impl HttpConnector for TappedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (number, dies_after) = {
            let mut calls = self.tap.calls.lock().unwrap();
            calls.0 += 1;
            *calls
        };
        let tap = Arc::clone(&self.tap);
        // Once it is dead it sends nothing more.
        let answer = dies_after.is_none_or(|last| number <= last).then(|| self.inner.call(request));
        HttpConnectorFuture::new(async move {
            if let Some(answer) = answer {
                let answer = answer.await;
                if dies_after != Some(number) {
                    return answer;
                }
            }
            tap.died.notify_one();
            pending().await
        })
    }
}
