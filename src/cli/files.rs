//! The desired state's files, read once and offline.

use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::console::Console;
use crate::cli::render::problems;
use crate::operator::source::Files;
use crate::spec::{self, Parsed, Severity, SourceFile};

/// All files of a directory, parsed.
pub struct Read {
    pub parsed: Parsed,
    pub files: usize,
}

/// Reads a directory.
///
/// # Errors
/// If it, or a file in it, cannot be read, or it holds none.
pub fn read(directory: &Path) -> anyhow::Result<Read> {
    if !directory.exists() {
        bail!(
            "there is no {}; name the directory that holds the desired state (<fleet>/fleet.yaml, <fleet>/<agent>.yaml)",
            directory.display()
        );
    }
    let files = Files::read(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    if let Some((path, why)) = files.unreadable.first_key_value() {
        bail!("cannot read {}: {why}", directory.join(path).display());
    }
    if files.contents.is_empty() {
        bail!("{} holds no YAML file; expected <fleet>/fleet.yaml and <fleet>/<agent>.yaml in it", directory.display());
    }
    let sources: Vec<SourceFile> =
        files.contents.into_iter().map(|(path, content)| SourceFile { path, content }).collect();
    let mut parsed = spec::parse(&sources);
    for problem in &mut parsed.problems {
        // As a person would name it from where they stand.
        problem.file = directory.join(&problem.file);
    }
    Ok(Read { parsed, files: sources.len() })
}

/// Reads a directory for a verb that goes on with what is valid; what is not is told first.
///
/// # Errors
/// As [`read`]; or if nothing in it is valid.
pub fn read_valid(directory: &Path, console: &Console) -> anyhow::Result<Read> {
    let read = read(directory)?;
    let (errors, notices): (Vec<_>, Vec<_>) =
        read.parsed.problems.iter().cloned().partition(|problem| problem.severity() == Severity::Error);
    if !errors.is_empty() {
        console.say(&problems::all(&errors, &console.look));
    }
    if !notices.is_empty() {
        console.say(&problems::notices(notices.len()));
    }
    if read.parsed.state.fleets.values().all(|fleet| fleet.agents.is_empty()) {
        bail!("{}: no agent in it is valid", directory.display());
    }
    Ok(read)
}
