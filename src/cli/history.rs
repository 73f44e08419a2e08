//! `ropewalk history`.

use crate::cli::args::{Format, History};
use crate::cli::connect::Connected;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::render::history;
use crate::cli::report::{HistoryRecord, HistoryReport};

/// Prints what happened to an agent.
///
/// # Errors
/// If there is no target, no such agent, or the ledger cannot be read.
pub async fn run(options: &History, console: &Console) -> anyhow::Result<Exit> {
    let connected = Connected::to(&options.target, console).await?;
    let (id, records) = connected.records(&options.agent).await?;
    let records = records.iter().map(HistoryRecord::from).collect();
    let report = HistoryReport { agent: id.to_string(), records };
    match options.format.output {
        Format::Json => console.print_json(&report)?,
        Format::Text => console.print(&history::history(&report, connected.now(), &console.look))?,
    }
    Ok(Exit::Done)
}
