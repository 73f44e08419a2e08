//! `ropewalk reconcile`.

use crate::cli::args::Reconcile;
use crate::cli::connect::Connected;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::plan::chosen;
use crate::cli::render::progress;
use crate::cli::{files, shutdown};
use crate::operator::{Reader, Source};

/// Makes one pass, and tells what it did.
///
/// # Errors
/// If there is no target, no such agent, or somebody else leads.
pub async fn run(options: &Reconcile, console: &Console) -> anyhow::Result<Exit> {
    let connected = Connected::to(&options.target, console).await?;
    let directory = connected.directory(options.directory.as_deref());
    let state = files::read_valid(&directory, console)?.parsed.state;
    let agent = chosen(options.agent.as_deref(), &state)?;
    let source = Source::still(Reader::new(&directory).read_with_provenance().await);
    let operator = connected.operator("reconcile", source);
    let stop = shutdown::on_signal();
    let report = tokio::select! {
        report = operator.run_once(agent.as_ref(), options.wait) => report?,
        () = stop.cancelled() => {
            console.say("stopped; a lease that was taken runs out by itself");
            return Ok(Exit::Failed);
        }
    };
    let now = connected.now();
    let width = report.agents.iter().map(|agent| agent.id.to_string().len()).max().unwrap_or(0);
    let mut failed = false;
    for agent in &report.agents {
        let line = match &agent.status {
            Some(status) => progress::line(status, width, now, &console.look),
            None => progress::unknown(&agent.id.to_string(), width),
        };
        console.print(&line)?;
        if let Some(problem) = &agent.problem {
            failed = true;
            console.say(&console.look.text(&format!("error: {}: {problem}", agent.id)));
        }
    }
    let writes: u64 = report.agents.iter().map(|agent| agent.writes).sum();
    console.say(&progress::passed(report.agents.len(), writes));
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
