//! The command line: one file a verb; `render` does all text.

pub mod args;

mod agents;
mod choice;
mod completions;
mod console;
mod exit;
mod render;
mod report;
mod running;
mod schema;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Verb};
use console::Console;
use exit::{Exit, Usage};
use render::{RED, styled};

/// Reads the command line, does what it asks, and tells how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::of_environment();
    let outcome = run(cli.verb, &console);
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => failed(&error, &console).into(),
    }
}

fn run(verb: Verb, console: &Console) -> anyhow::Result<Exit> {
    match verb {
        Verb::Schema(options) => schema::run(&options, console),
        Verb::Completions(options) => completions::completions(&options, console),
        Verb::Man(options) => completions::man(&options, console),
        _ => Ok(Exit::WrongUsage),
    }
}

/// One message: what happened, to what, and what to do; then what caused it.
fn failed(error: &anyhow::Error, console: &Console) -> Exit {
    let closed = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    if closed.into_iter().any(|error| error.kind() == io::ErrorKind::BrokenPipe) {
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
