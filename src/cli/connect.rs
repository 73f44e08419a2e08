//! From a target to its ledgers, and to AWS.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures::FutureExt;
use jiff::Timestamp;

use crate::aws::ledger::Takeover;
use crate::aws::{Aws, Clock, Connection, LedgerStore, default_region};
use crate::cli::agents;
use crate::cli::args::{DESIRED_STATE, Target};
use crate::cli::choice::{self, Choice, Environment};
use crate::cli::console::Console;
use crate::cli::running::{self, Running};
use crate::ledger::Record;
use crate::names::{AgentId, Region};
use crate::operator::{CONCURRENT_PASSES, Connect, Operator, Settings, Source};
use crate::status::Status;

/// How AWS, or what answers in its place, is reached.
#[derive(Clone, Debug)]
pub struct Link {
    pub endpoint_url: Option<String>,
    pub http_client: Option<SharedHttpClient>,
    pub clock: Clock,
    /// The embedded cloud takes any secret, and tells accounts apart by the key's id.
    pub embedded: bool,
}

impl Link {
    /// One account and region. Nothing is sent yet.
    pub async fn connect(&self, account: Option<&str>, region: Region) -> Aws {
        let account = account.filter(|_| self.embedded);
        Aws::connect(Connection {
            region,
            endpoint: self.endpoint_url.clone(),
            http_client: self.http_client.clone(),
            credentials: account.map(|account| (account.to_owned(), "embedded".to_owned())),
            clock: self.clock.clone(),
        })
        .await
    }

    /// The same for an operator.
    pub fn connector(&self) -> Connect {
        let link = self.clone();
        Arc::new(move |account, region| {
            let link = link.clone();
            async move { link.connect(Some(account.as_str()), region).await }.boxed()
        })
    }
}

/// What a verb speaks to.
pub struct Connected {
    pub link: Link,
    /// One an account and region.
    pub places: Vec<Aws>,
    pub table: String,
    /// Set where it is the embedded cloud.
    pub running: Option<Running>,
}

impl Connected {
    /// Finds the target, and tells which it is where that is not said.
    ///
    /// # Errors
    /// If there is none, or it does not answer.
    pub async fn to(target: &Target, console: &Console) -> anyhow::Result<Self> {
        let found = running::find(&std::env::current_dir()?)?;
        let chosen = choice::choose(target, &Environment::read(), found)?;
        if let Some(remark) = &chosen.remark {
            console.say(&console.look.text(remark));
        }
        match chosen.choice {
            Choice::Aws { endpoint_url } => Self::aws(target, endpoint_url).await,
            Choice::Embedded(running) => Self::embedded(running).await,
        }
    }

    async fn aws(target: &Target, endpoint_url: Option<String>) -> anyhow::Result<Self> {
        let region = match &target.region {
            Some(region) => region.clone(),
            None => default_region()
                .await
                .context("no AWS region is configured; say --region, or set AWS_REGION or the profile's region")?,
        };
        let region = Region::from_str(&region).with_context(|| format!("`{region}` is no AWS region"))?;
        let link = Link { endpoint_url, http_client: None, clock: Clock::system(), embedded: false };
        let places = vec![link.connect(None, region).await];
        Ok(Self { link, places, table: target.table.clone(), running: None })
    }

    async fn embedded(running: Running) -> anyhow::Result<Self> {
        let clock = embedded_clock(&running).await?;
        let endpoint_url = Some(running.endpoint.clone());
        let link = Link { endpoint_url, http_client: None, clock, embedded: true };
        let mut places = Vec::new();
        for place in &running.places {
            let region = place.region.parse().context("up.json names no region; start `ropewalk up` anew")?;
            places.push(link.connect(Some(&place.account), region).await);
        }
        Ok(Self { link, places, table: running.table.clone(), running: Some(running) })
    }

    /// The desired state: the directory that was named, or that of the running `up`, or the usual one.
    pub fn directory(&self, named: Option<&Path>) -> PathBuf {
        let running = self.running.as_ref().map(|running| running.directory.clone());
        named.map(Path::to_owned).or(running).unwrap_or_else(|| PathBuf::from(DESIRED_STATE))
    }

    /// An operator over this source.
    pub fn operator(&self, verb: &str, source: Source) -> Operator {
        Operator::new(Settings {
            source,
            connect: self.link.connector(),
            table: self.table.clone(),
            owner: owner(verb),
            takeover: Takeover::WhenExpired,
            concurrent_passes: CONCURRENT_PASSES,
        })
    }

    /// The time where the agents run.
    pub fn now(&self) -> Timestamp {
        self.link.clock.now()
    }

    /// All agents' statuses, ordered by fleet and name.
    ///
    /// # Errors
    /// If a ledger cannot be read.
    pub async fn statuses(&self) -> anyhow::Result<Vec<Status>> {
        let mut statuses = Vec::new();
        for ledger in self.ledgers() {
            ledger.meta().await?;
            for fleet in ledger.fleets().await? {
                statuses.extend(ledger.statuses(&fleet).await?);
            }
        }
        statuses.sort_by(|one, other| one.agent.cmp(&other.agent));
        Ok(statuses)
    }

    /// The one agent that a person means.
    ///
    /// # Errors
    /// If none or several are meant, or the ledger cannot be read.
    pub async fn status(&self, wanted: &str) -> anyhow::Result<Status> {
        let statuses = self.statuses().await?;
        let ids = statuses.iter().map(|status| status.agent.parse()).collect::<Result<Vec<AgentId>, _>>()?;
        let id = agents::find(wanted, &ids)?.to_string();
        match statuses.into_iter().find(|status| status.agent == id) {
            Some(status) => Ok(status),
            None => bail!("the ledger has no status of {id}"),
        }
    }

    /// An agent's whole history.
    ///
    /// # Errors
    /// If it is not known, or the ledger cannot be read.
    pub async fn records(&self, wanted: &str) -> anyhow::Result<(AgentId, Vec<Record>)> {
        let mut known = Vec::new();
        for ledger in self.ledgers() {
            ledger.meta().await?;
            for fleet in ledger.fleets().await? {
                known.extend(ledger.agents(&fleet).await?.into_iter().map(|id| (id, ledger.clone())));
            }
        }
        let ids: Vec<AgentId> = known.iter().map(|(id, _)| id.clone()).collect();
        let id = agents::find(wanted, &ids)?;
        match known.iter().find(|(known, _)| *known == id) {
            Some((_, ledger)) => Ok((id.clone(), ledger.records(&id, 0).await?)),
            None => bail!("the ledger has no history of {id}"),
        }
    }

    fn ledgers(&self) -> impl Iterator<Item = LedgerStore> {
        self.places.iter().map(|aws| aws.ledger(&self.table))
    }
}

/// Names this process and no other: who waits for the lease reads it.
pub fn owner(verb: &str) -> String {
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    let host = host.map(|host| format!(" on {host}")).unwrap_or_default();
    format!("ropewalk {verb}{host}, process {}, since {:.3}", std::process::id(), Timestamp::now())
}

/// The embedded cloud has a time of its own, and ages are told in it.
#[cfg(feature = "embedded")]
async fn embedded_clock(running: &Running) -> anyhow::Result<Clock> {
    let client = ropewalk_cloud::admin::Client::new(&running.endpoint)?;
    let reading = client
        .clock()
        .await
        .with_context(|| format!("`ropewalk up` (process {}) does not answer at {}", running.pid, running.endpoint))?;
    Ok(Clock::new(reading.now, reading.speed))
}

#[cfg(not(feature = "embedded"))]
async fn embedded_clock(_: &Running) -> anyhow::Result<Clock> {
    Ok(Clock::system())
}
