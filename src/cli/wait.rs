//! `ropewalk wait`.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::cli::args::{Until, Wait};
use crate::cli::connect::Connected;
use crate::cli::console::Console;
use crate::cli::exit::{Exit, Usage};
use crate::cli::render::status::note;
use crate::cli::status::is_ready;
use crate::status::{State, Status};

/// How often the ledger is read.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long an agent may be unknown: its file may have been written a moment ago.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// Waits until agents are ready.
///
/// # Errors
/// If there is no target, no such agent, or the ledger cannot be read; or if a person has to mend something first.
pub async fn run(options: &Wait, console: &Console) -> anyhow::Result<Exit> {
    let Until::Ready = options.until;
    let connected = Connected::to(&options.target, console).await?;
    let began = Instant::now();
    let deadline = began + options.timeout;
    loop {
        let statuses = match &options.agent {
            Some(agent) => match connected.status(agent).await {
                Ok(status) => vec![status],
                Err(error) if error.is::<Usage>() && began.elapsed() < UNKNOWN_FOR.min(options.timeout) => Vec::new(),
                Err(error) => return Err(error),
            },
            None => connected.statuses().await?,
        };
        if !statuses.is_empty() && statuses.iter().all(is_ready) {
            return Ok(Exit::Done);
        }
        if let Some(stuck) = statuses.iter().find(|status| matches!(status.state, State::Held | State::Stalled)) {
            bail!("{} is {}: {}", stuck.agent, stuck.state, note(stuck, connected.now()));
        }
        if Instant::now() >= deadline {
            console.say(&console.look.text(&too_late(&statuses, &connected)));
            return Ok(Exit::Pending);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn too_late(statuses: &[Status], connected: &Connected) -> String {
    let mut text = String::from("not ready in time:");
    for status in statuses.iter().filter(|status| !is_ready(status)) {
        text.push_str(&format!("\n  {} is {}: {}", status.agent, status.state, note(status, connected.now())));
    }
    if statuses.is_empty() {
        text.push_str(" no agent has a status yet; does an operator run?");
    }
    text
}
