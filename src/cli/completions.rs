//! Completion scripts and man pages, from the same definitions as the help.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::args::{Cli, Completions, Man};
use crate::cli::console::Console;
use crate::cli::exit::Exit;

/// `ropewalk completions SHELL`.
///
/// # Errors
/// If stdout takes no more.
pub fn completions(options: &Completions, console: &Console) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "ropewalk", &mut script);
    console.print(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}

/// `ropewalk man`.
///
/// # Errors
/// If a page cannot be written.
pub fn man(options: &Man, console: &Console) -> anyhow::Result<Exit> {
    match &options.to {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            console.print(&String::from_utf8(page)?)?;
        }
        Some(directory) => write_pages(directory)?,
    }
    Ok(Exit::Done)
}

fn write_pages(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .with_context(|| format!("cannot write the man pages to {}", directory.display()))
}
