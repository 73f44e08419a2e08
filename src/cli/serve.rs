//! `ropewalk serve`.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use tracing_subscriber::EnvFilter;

use crate::cli::args::Serve;
use crate::cli::connect::Connected;
use crate::cli::console::Console;
use crate::cli::exit::{Exit, Usage};
use crate::cli::{files, shutdown};
use crate::operator::Source;

/// The variable that filters the log.
pub const LOG_VARIABLE: &str = "ROPEWALK_LOG";

/// Runs the operator until it is asked to end.
///
/// # Errors
/// If there is no target, or something that a person must mend first.
pub async fn run(options: &Serve, console: &Console) -> anyhow::Result<Exit> {
    if is_git_url(&options.source) {
        bail!(Usage(format!(
            "serving a git URL is not available yet; clone {} and serve the directory",
            options.source
        )));
    }
    log("ropewalk=info");
    let directory = Path::new(&options.source);
    let connected = Connected::to(&options.target, console).await?;
    files::read_valid(directory, console)?;
    let operator = Arc::new(connected.operator("serve", Source::watch(directory).await));
    operator.check().await?;
    tracing::info!(directory = %directory.display(), table = %connected.table, "serving");
    Arc::clone(&operator).run(shutdown::on_signal()).await;
    tracing::info!("stopped; the leases are given back");
    Ok(Exit::Done)
}

fn is_git_url(source: &str) -> bool {
    source.contains("://") || source.starts_with("git@") || source.ends_with(".git")
}

/// Logs to stderr: text on a terminal, JSON elsewhere.
pub fn log(default: &str) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // It fails only if a log was set up before: then that one stays.
    let _ = if std::io::stderr().is_terminal() { log.try_init() } else { log.json().try_init() };
}
