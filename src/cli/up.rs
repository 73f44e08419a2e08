//! `ropewalk up`: the main job on one machine. The embedded cloud, its loopback server and the operator in one process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::aws::Clock;
use crate::aws::ledger::Takeover;
use crate::cli::announce::Announcement;
use crate::cli::args::{Until, Up};
use crate::cli::connect::{Link, owner};
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::files::{self, Read};
use crate::cli::render::up::{self as render, Opening};
use crate::cli::running::Running;
use crate::cli::sandbox::{Sandbox, places};
use crate::cli::serve::log;
use crate::cli::shutdown;
use crate::cli::view::{Verdict, View};
use crate::operator::{CONCURRENT_PASSES, Operator, Settings, Source};

/// The ledger's table in the embedded cloud.
const TABLE: &str = "ropewalk";
/// How often the view is redrawn though nothing happened: times in it run on.
const REDRAW: Duration = Duration::from_millis(500);

/// Brings everything up, and keeps it so until it is asked to end.
///
/// # Errors
/// If the desired state is not valid at all, or something that it needs is taken by another process.
pub async fn run(options: &Up, console: &Console) -> anyhow::Result<Exit> {
    log("off");
    let stop = shutdown::on_signal();
    let here = std::env::current_dir()?;
    let announcement = Announcement::reserve(&here)?;
    let read = files::read_valid(&options.directory, console)?;
    let mut sandbox = Sandbox::open(options.listen, options.data.as_deref(), options.speed).await?;
    sandbox.preload(&read.parsed.state).await?;
    let link = Link {
        endpoint_url: None,
        http_client: Some(sandbox.cloud.http_client()),
        clock: Clock::new(sandbox.cloud.clock().now(), options.speed),
        embedded: true,
    };
    init(&link, &read).await?;
    announcement.announce(&Running {
        pid: std::process::id(),
        endpoint: sandbox.url(),
        directory: std::path::absolute(&options.directory)?,
        table: TABLE.to_owned(),
        places: places(&read.parsed.state).into_iter().collect(),
    })?;
    console.print(&opening(options, &read, &sandbox, console))?;

    let operator = Arc::new(Operator::new(Settings {
        source: Source::watch(&options.directory).await,
        connect: link.connector(),
        table: TABLE.to_owned(),
        owner: owner("up"),
        // Whoever held the lease in this cloud is dead: its data directory is locked by us, or it was in memory.
        takeover: Takeover::Immediately,
        concurrent_passes: CONCURRENT_PASSES,
    }));
    let cancel = CancellationToken::new();
    let loops = tokio::spawn(Arc::clone(&operator).run(cancel.clone()));
    let outcome = watch(options, &read, &operator, &link.clock, &mut sandbox, &stop, console).await;
    cancel.cancel();
    let ended = loops.await;
    sandbox.close().await;
    drop(announcement);
    ended.context("the operator ended in a defect")?;
    let exit = outcome?;
    if stop.is_cancelled() {
        console.say(&render::stopped(options.data.as_deref()));
    }
    Ok(exit)
}

/// Makes the ledgers where they are missing.
async fn init(link: &Link, read: &Read) -> anyhow::Result<()> {
    for place in places(&read.parsed.state) {
        let region = place.region.parse().context("the fleet's region is none")?;
        link.connect(Some(&place.account), region).await.ledger(TABLE).init().await?;
    }
    Ok(())
}

fn opening(options: &Up, read: &Read, sandbox: &Sandbox, console: &Console) -> String {
    let fleets = &read.parsed.state.fleets;
    let data = options.data.as_deref().map(Path::to_string_lossy);
    let opening = Opening {
        address: &sandbox.address.to_string(),
        cluster: fleets.values().next().map(|fleet| fleet.fleet.cluster.as_str()),
        directory: &options.directory.to_string_lossy(),
        fleets: fleets.len(),
        agents: fleets.values().map(|fleet| fleet.agents.len()).sum(),
        speed: options.speed,
        data: data.as_deref().map(|data| (data, sandbox.existed)),
    };
    render::opening(&opening, &console.look)
}

/// Shows what happens until something ends it.
async fn watch(
    options: &Up,
    read: &Read,
    operator: &Operator,
    clock: &Clock,
    sandbox: &mut Sandbox,
    stop: &CancellationToken,
    console: &Console,
) -> anyhow::Result<Exit> {
    let mut progress = operator.progress();
    let hints = hints(options, read);
    let mut view = View::new(console.clone(), hints, Instant::now(), options.speed);
    let mut redraw = tokio::time::interval(REDRAW);
    let outcome = loop {
        let now: Timestamp = clock.now();
        let current = progress.borrow_and_update().clone();
        let verdict = view.show(&current, now)?;
        match (options.until, verdict) {
            (Some(Until::Ready), Verdict::Ready) if read.parsed.broken.is_empty() => break Ok(Exit::Done),
            (Some(Until::Ready), Verdict::Ready) => break Err(left_out(read)),
            (Some(Until::Ready), Verdict::Stuck(why)) => {
                break Err(anyhow::anyhow!("not all agents can be ready\n{why}"));
            }
            _ => {}
        }
        tokio::select! {
            () = stop.cancelled() => break Ok(if options.until.is_some() { Exit::Failed } else { Exit::Done }),
            error = sandbox.failed() => break Err(error),
            _ = redraw.tick() => {}
            Ok(()) = progress.changed() => {}
        }
    };
    view.finish();
    outcome
}

fn left_out(read: &Read) -> anyhow::Error {
    let files: Vec<String> = read.parsed.broken.iter().map(|file| file.display().to_string()).collect();
    anyhow::anyhow!("all other agents are ready, but there are errors in {}", files.join(", "))
}

/// What can be tried next, on the agents that are there.
fn hints(options: &Up, read: &Read) -> Vec<String> {
    if options.until.is_some() {
        return Vec::new();
    }
    let agents = read.parsed.state.fleets.values().flat_map(|fleet| fleet.agents.values());
    match agents.into_iter().next() {
        Some(agent) => vec![
            format!(
                "edit {}        ropewalk status {} --watch",
                options.directory.join(&agent.file).display(),
                agent.id.agent
            ),
            format!("ropewalk cloud push {} v9.9.9, then ask for that image.tag in the file", agent.id.agent),
        ],
        None => Vec::new(),
    }
}
