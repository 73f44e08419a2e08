//! The command line: one file a verb; `render` does all text.

pub mod args;

mod agents;
mod choice;
mod completions;
mod connect;
mod console;
mod exit;
mod explain;
mod files;
mod history;
mod init;
mod live;
mod plan;
mod reconcile;
mod render;
mod report;
mod running;
mod schema;
mod serve;
mod shutdown;
mod status;
mod validate;
mod wait;

#[cfg(feature = "embedded")]
mod announce;
#[cfg(feature = "embedded")]
mod cloud;
#[cfg(feature = "embedded")]
mod sandbox;
#[cfg(feature = "embedded")]
mod up;
#[cfg(feature = "embedded")]
mod view;

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use args::{Cli, Verb};
use console::Console;
use exit::{Exit, Usage};
use render::{RED, styled};

/// Reads the command line, does what it asks, and tells how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::of_environment();
    match run(&cli.verb, &console) {
        Ok(exit) => exit.into(),
        Err(error) => failed(&error, &console).into(),
    }
}

fn run(verb: &Verb, console: &Console) -> anyhow::Result<Exit> {
    match verb {
        Verb::Validate(options) => validate::run(options, console),
        Verb::Explain(options) => explain::run(options, console),
        Verb::Schema(options) => schema::run(options, console),
        Verb::Completions(options) => completions::completions(options, console),
        Verb::Man(options) => completions::man(options, console),
        _ => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.context("cannot start the runtime")?.block_on(run_async(verb, console))
        }
    }
}

async fn run_async(verb: &Verb, console: &Console) -> anyhow::Result<Exit> {
    match verb {
        #[cfg(feature = "embedded")]
        Verb::Up(options) => up::run(options, console).await,
        #[cfg(feature = "embedded")]
        Verb::Cloud(options) => cloud::run(options, console).await,
        #[cfg(not(feature = "embedded"))]
        Verb::Up(_) => unavailable("up"),
        #[cfg(not(feature = "embedded"))]
        Verb::Cloud(_) => unavailable("cloud"),
        Verb::Serve(options) => serve::run(options, console).await,
        Verb::Reconcile(options) => reconcile::run(options, console).await,
        Verb::Plan(options) => plan::run(options, console).await,
        Verb::Status(options) => status::run(options, console).await,
        Verb::History(options) => history::run(options, console).await,
        Verb::Wait(options) => wait::run(options, console).await,
        Verb::Init(options) => init::run(options, console).await,
        Verb::Validate(_) | Verb::Explain(_) | Verb::Schema(_) | Verb::Completions(_) | Verb::Man(_) => {
            run(verb, console)
        }
    }
}

#[cfg(not(feature = "embedded"))]
fn unavailable(verb: &str) -> anyhow::Result<Exit> {
    anyhow::bail!(
        "this build has no embedded AWS, so it has no `ropewalk {verb}`; build it with the feature `embedded`, which is on by default"
    )
}

/// One message: what happened, to what, and what to do; then what caused it.
fn failed(error: &anyhow::Error, console: &Console) -> Exit {
    let mut closed = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    if closed.any(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // The reader has seen enough (`ropewalk status | head -1`).
        return Exit::Done;
    }
    let mut message = error.to_string();
    let mut text = format!("{} {message}", styled(RED, "error:"));
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some errors print their cause themselves.
        if !message.contains(&cause) {
            text.push_str(&format!("\n  because: {cause}"));
        }
        message = cause;
    }
    console.say(&console.look.text(&text));
    if error.is::<Usage>() { Exit::WrongUsage } else { Exit::Failed }
}
