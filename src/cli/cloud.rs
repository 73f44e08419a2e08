//! `ropewalk cloud` and `ropewalk cloud push`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ropewalk_cloud::admin::{Client, ClientError, Push as PushInput};
use ropewalk_cloud::behaviour::Behaviour;

use crate::cli::agents;
use crate::cli::args::{Cloud, CloudVerb, DESIRED_STATE, Push};
use crate::cli::console::Console;
use crate::cli::exit::{Exit, Usage};
use crate::cli::render::up as render;
use crate::cli::running::{self, Found, Place, Running};
use crate::cli::sandbox::Sandbox;
use crate::cli::{files, shutdown};
use crate::names::{AgentId, RepositoryName};

/// Runs the embedded cloud alone, or speaks to one.
///
/// # Errors
/// If it cannot be opened or reached.
pub async fn run(options: &Cloud, console: &Console) -> anyhow::Result<Exit> {
    match &options.verb {
        Some(CloudVerb::Push(options)) => push(options, console).await,
        None => alone(options, console).await,
    }
}

async fn alone(options: &Cloud, console: &Console) -> anyhow::Result<Exit> {
    let state = options.preload.as_deref().map(|directory| files::read_valid(directory, console)).transpose()?;
    let mut sandbox = Sandbox::open(options.listen, options.data.as_deref(), options.speed).await?;
    if let Some(read) = &state {
        sandbox.preload(&read.parsed.state).await?;
    }
    let stop = shutdown::on_signal();
    console.print(&render::cloud(
        &sandbox.address.to_string(),
        options.data.as_deref(),
        sandbox.existed,
        options.speed,
    ))?;
    tokio::select! {
        () = stop.cancelled() => {}
        error = sandbox.failed() => return Err(error),
    }
    sandbox.close().await;
    Ok(Exit::Done)
}

async fn push(options: &Push, console: &Console) -> anyhow::Result<Exit> {
    let behaviour: Behaviour = options.behaviour.parse().map_err(|error| Usage(format!("{error}")))?;
    let running = match running::find(&std::env::current_dir()?)? {
        Found::Living(running) => Some(running),
        Found::Dead(_) | Found::Nothing => None,
    };
    let url = match (&options.endpoint_url, &running) {
        (Some(url), _) => url.clone(),
        (None, Some(running)) => running.endpoint.clone(),
        (None, None) => bail!(Usage(
            "no `ropewalk up` runs in this directory; start one, or name an embedded AWS: --endpoint-url http://127.0.0.1:4599"
                .to_owned()
        )),
    };
    let Image { repository, place } = image(&options.agent, running.as_ref())?;
    let client = Client::new(&url)?;
    let client = match &place {
        Some(place) => client.for_world(&place.account, &place.region),
        None => client,
    };
    let input = PushInput {
        repository: repository.clone(),
        tag: options.tag.clone(),
        behaviour,
        ready_after_seconds: None,
        payload: None,
    };
    let pushed = match client.push(&input).await {
        Ok(pushed) => pushed,
        Err(ClientError::Refused(refusal)) if refusal.code == "RepositoryNotFoundException" => bail!(
            "there is no repository {repository} in the embedded AWS at {url} yet: the operator makes it when it first looks at the agent"
        ),
        Err(ClientError::Refused(refusal)) if refusal.code == "ImageTagAlreadyExistsException" => {
            bail!("{repository}:{} is another image already, and its tag is immutable; push another tag", options.tag)
        }
        Err(error) => return Err(error.into()),
    };
    console.print(&render::pushed(&repository, &options.tag, &pushed.digest, &behaviour.to_string()))?;
    Ok(Exit::Done)
}

struct Image {
    repository: String,
    /// Where the agent is; the embedded cloud's own default without one.
    place: Option<Place>,
}

/// An agent of the desired state, or a repository's own name.
fn image(named: &str, running: Option<&Running>) -> anyhow::Result<Image> {
    let directory = running.map_or_else(|| PathBuf::from(DESIRED_STATE), |running| running.directory.clone());
    let found =
        if directory.exists() { agent(named, &directory)? } else { Err(Usage(nothing_known(named, &directory))) };
    match found {
        Ok(image) => Ok(image),
        Err(_) if named.contains('/') && named.parse::<RepositoryName>().is_ok() => {
            let place = running.and_then(|running| running.places.first().cloned());
            Ok(Image { repository: named.to_owned(), place })
        }
        Err(error) => Err(error.into()),
    }
}

fn nothing_known(named: &str, directory: &Path) -> String {
    format!(
        "which repository is `{named}`? There is no {} that says it; name the repository, such as project/{named}",
        directory.display()
    )
}

fn agent(named: &str, directory: &Path) -> anyhow::Result<Result<Image, Usage>> {
    let state = files::read(directory)?.parsed.state;
    let agents: Vec<_> =
        state.fleets.values().flat_map(|fleet| fleet.agents.values().map(move |agent| (fleet, agent))).collect();
    let known: Vec<AgentId> = agents.iter().map(|(_, agent)| agent.id.clone()).collect();
    let id = match agents::find(named, &known) {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    let (fleet, agent) = agents.into_iter().find(|(_, agent)| agent.id == id).context("the agent is gone")?;
    let place = Place { account: fleet.fleet.account.to_string(), region: fleet.fleet.region.to_string() };
    Ok(Ok(Image { repository: agent.image.repository.to_string(), place: Some(place) }))
}
