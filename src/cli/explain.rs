//! `ropewalk explain`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::args::Explain;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::render::problems;
use crate::spec::{self, Problem, Severity};

/// Prints the defaulted spec.
///
/// # Errors
/// If the file cannot be read, or is none of a desired state.
pub fn run(options: &Explain, console: &Console) -> anyhow::Result<Exit> {
    let (directory, file) = place(&options.file)?;
    let read = files::read(&directory)?;
    let fleet_file = file.with_file_name("fleet.yaml");
    let concerned: Vec<Problem> = read
        .parsed
        .problems
        .iter()
        .filter(|problem| [&file, &fleet_file].iter().any(|file| problem.file == directory.join(file)))
        .cloned()
        .collect();
    for fleet in read.parsed.state.fleets.values() {
        if fleet.file == file {
            console.print(&spec::explain_fleet(&fleet.fleet))?;
            return Ok(Exit::Done);
        }
        if let Some(agent) = fleet.agents.values().find(|agent| agent.file == file) {
            console.print(&spec::explain(&fleet.fleet, agent))?;
            return Ok(Exit::Done);
        }
    }
    if concerned.iter().any(|problem| problem.severity() == Severity::Error) {
        console.say(&problems::all(&concerned, &console.look));
        bail!("{} cannot be explained before it is mended", options.file.display());
    }
    bail!(
        "{} is no file of a desired state; expected <fleet>/fleet.yaml or <fleet>/<agent>.yaml",
        options.file.display()
    );
}

/// The desired state's directory, as a person would name it, and the file in it.
fn place(file: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let absolute = std::path::absolute(file)?;
    if !absolute.is_file() {
        bail!("there is no file {}", file.display());
    }
    let folder = absolute.parent().context("the file is in no directory")?;
    let directory = folder.parent().context("the file is in no fleet's directory")?;
    let relative = absolute.strip_prefix(directory)?.to_owned();
    let here = std::env::current_dir()?;
    let shown = directory.strip_prefix(&here).map(Path::to_owned).unwrap_or_else(|_| directory.to_owned());
    Ok((if shown.as_os_str().is_empty() { PathBuf::from(".") } else { shown }, relative))
}
