//! The embedded cloud in this process: opened, filled with what a desired state takes for granted, and served.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use ropewalk_cloud::admin::{Client, Preload, PreloadImage};
use ropewalk_cloud::behaviour::Behaviour;
use ropewalk_cloud::{Cloud, Settings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::announce;
use crate::cli::running::Place;
use crate::spec::model::{Agent, DesiredState, Fleet, ImageReference};

/// In the directory of `--data`: held by the one process that uses it.
const LOCK: &str = "lock";
/// What identifiers are made from. It need not be secret, and the same start gives the same ones.
const SEED: u64 = 1;

/// A cloud that is open and served.
pub struct Sandbox {
    pub cloud: Cloud,
    pub address: SocketAddr,
    /// Whether `--data` held a state.
    pub existed: bool,
    server: JoinHandle<io::Result<()>>,
    stop: CancellationToken,
    _lock: Option<File>,
}

impl Sandbox {
    /// Opens a cloud and serves it.
    ///
    /// # Errors
    /// If the address or the directory is taken, or the state in it cannot be read.
    pub async fn open(listen: SocketAddr, data: Option<&Path>, speed: f64) -> anyhow::Result<Self> {
        let lock = data.map(take).transpose()?;
        let existed = data.is_some_and(|data| data.join("accounts").exists());
        let listener = listen_on(listen).await?;
        let address = listener.local_addr().context("the listener has no address")?;
        let clock = ropewalk_cloud::clock::Clock::new(Timestamp::now(), speed);
        let settings = Settings { clock, data: data.map(Path::to_owned), seed: SEED, read_lag: Duration::ZERO };
        let cloud = Cloud::open(settings)?;
        let stop = CancellationToken::new();
        let (served, stopped) = (cloud.clone(), stop.clone());
        let server = tokio::spawn(async move { served.serve(listener, stopped.cancelled_owned()).await });
        Ok(Self { cloud, address, existed, server, stop, _lock: lock })
    }

    /// Puts there what a desired state takes for granted. What is there already stays as it is.
    ///
    /// # Errors
    /// If the cloud refuses something in it.
    pub async fn preload(&self, state: &DesiredState) -> anyhow::Result<()> {
        for (place, preload) in preloads(state) {
            let client = Client::in_process(&self.cloud).for_world(&place.account, &place.region);
            client.preload(&preload).await.with_context(|| {
                format!("the embedded AWS does not take what the desired state of account {} names", place.account)
            })?;
        }
        Ok(())
    }

    /// Where AWS clients reach it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends when the server does, which it does by itself only in trouble.
    pub async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.server).await {
            Ok(Ok(())) => anyhow::anyhow!("the embedded AWS stopped answering at {}", self.address),
            Ok(Err(error)) => anyhow::Error::from(error).context("the embedded AWS stopped answering"),
            Err(error) => anyhow::Error::from(error).context("the embedded AWS stopped answering"),
        }
    }

    /// Stops answering.
    pub async fn close(self) {
        self.stop.cancel();
        // Whatever it says, it has ended.
        let _ = self.server.await;
    }
}

/// Takes a data directory for this process alone.
fn take(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    match announce::lock(&data.join(LOCK))? {
        Some(lock) => Ok(lock),
        None => bail!(
            "{} is in use by another `ropewalk up` or `ropewalk cloud`; stop it, or name another --data",
            data.display()
        ),
    }
}

async fn listen_on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} is taken, perhaps by another `ropewalk up` or `ropewalk cloud`; stop that one, or choose another address: --listen 127.0.0.1:0"
        ),
        _ => anyhow::Error::from(error).context(format!("cannot listen on {address}")),
    })
}

/// The accounts and regions of a desired state.
pub fn places(state: &DesiredState) -> BTreeSet<Place> {
    state.fleets.values().map(|fleet| place(&fleet.fleet)).collect()
}

fn place(fleet: &Fleet) -> Place {
    Place { account: fleet.account.to_string(), region: fleet.region.to_string() }
}

fn preloads(state: &DesiredState) -> BTreeMap<Place, Preload> {
    let mut preloads: BTreeMap<Place, Preload> = BTreeMap::new();
    for fleet in state.fleets.values() {
        let preload = preloads.entry(place(&fleet.fleet)).or_default();
        add_fleet(preload, &fleet.fleet);
        for agent in fleet.agents.values() {
            add_agent(preload, agent);
        }
    }
    preloads
}

fn add_fleet(preload: &mut Preload, fleet: &Fleet) {
    preload.clusters.push(fleet.cluster.to_string());
    preload.subnets.extend(fleet.network.subnets.iter().cloned());
    preload.security_groups.extend(fleet.network.security_groups.iter().cloned());
    if let Some(balancer) = &fleet.load_balancer {
        preload.listeners.push(balancer.listener.clone());
        preload.listeners.extend(balancer.test_listener.clone());
    }
    preload.topics.extend(fleet.notify.clone());
    if let Some(boundary) = &fleet.permissions_boundary {
        // Its content is somebody else's, and not known here: it bounds nothing.
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        preload.policies.insert(boundary.clone(), document.to_owned());
    }
}

fn add_agent(preload: &mut Preload, agent: &Agent) {
    preload.secrets.extend(agent.secrets.values().cloned());
    preload.secrets.extend(agent.rollout.smoke_test.as_ref().and_then(|test| test.auth.clone()));
    if let ImageReference::Tag(tag) = &agent.image.reference {
        preload.images.push(PreloadImage {
            repository: agent.image.repository.to_string(),
            tag: tag.to_string(),
            behaviour: Behaviour::Healthy,
            ready_after_seconds: None,
        });
    }
}
