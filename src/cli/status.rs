//! `ropewalk status`.

use std::time::Duration;

use crate::cli::args::{Format, Status as Options};
use crate::cli::connect::Connected;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::live::Live;
use crate::cli::render::status;
use crate::cli::report::StatusReport;
use crate::cli::shutdown;
use crate::status::{State, Status};

/// How often `--watch` reads the ledger.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Prints the status of one agent or of all.
///
/// # Errors
/// If there is no target, no such agent, or the ledger cannot be read.
pub async fn run(options: &Options, console: &Console) -> anyhow::Result<Exit> {
    let connected = Connected::to(&options.target, console).await?;
    if options.watch {
        return watch(options, &connected, console).await;
    }
    let statuses = read(options, &connected).await?;
    show(options, &connected, &statuses, console)?;
    let ready = !statuses.is_empty() && statuses.iter().all(is_ready);
    Ok(if options.check && !ready { Exit::Pending } else { Exit::Done })
}

/// Whether nothing more is to be waited for: what git asks for serves, or nothing is asked for any more.
pub fn is_ready(status: &Status) -> bool {
    matches!(status.state, State::Ready | State::Retained)
}

async fn read(options: &Options, connected: &Connected) -> anyhow::Result<Vec<Status>> {
    match &options.agent {
        Some(agent) => Ok(vec![connected.status(agent).await?]),
        None => connected.statuses().await,
    }
}

fn show(options: &Options, connected: &Connected, statuses: &[Status], console: &Console) -> anyhow::Result<()> {
    let now = connected.now();
    match options.format.output {
        Format::Json => console.print_json(&StatusReport { now, agents: statuses.to_vec() }),
        Format::Text if statuses.is_empty() => {
            console.say("no agent has a status yet: no operator has looked at one");
            Ok(())
        }
        Format::Text => Ok(console.print(&text(options, statuses, connected, console))?),
    }
}

fn text(options: &Options, statuses: &[Status], connected: &Connected, console: &Console) -> String {
    let now = connected.now();
    match (&options.agent, statuses) {
        (Some(_), [one]) => status::full(one, now, &console.look),
        _ => status::table(statuses, now, &console.look),
    }
}

/// On a terminal it is redrawn; elsewhere it is printed anew when it changes.
async fn watch(options: &Options, connected: &Connected, console: &Console) -> anyhow::Result<Exit> {
    let stop = shutdown::on_signal();
    let mut live = console.live.then(Live::new);
    let mut before = None;
    loop {
        let statuses = read(options, connected).await?;
        match &mut live {
            Some(live) if options.format.output == Format::Text => {
                live.show(&text(options, &statuses, connected, console));
            }
            _ if before.as_ref() != Some(&statuses) => show(options, connected, &statuses, console)?,
            _ => {}
        }
        before = Some(statuses);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
    if let Some(live) = live {
        live.finish();
    }
    Ok(Exit::Done)
}
