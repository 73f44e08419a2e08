//! What a running `up` leaves in the working directory, so that the other verbs find it.
//!
//! Whether it still runs is told by a lock, not by its process id: the system gives the lock back at any death, and a
//! process id can be another process's by then.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Where it lies, in the working directory.
pub const DIRECTORY: &str = ".ropewalk";
pub(super) const FILE: &str = "up.json";
pub(super) const LOCK: &str = "up.lock";

/// The addresses of a running `up`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    pub pid: u32,
    /// The embedded AWS: `http://127.0.0.1:4599`.
    pub endpoint: String,
    /// The desired state, absolute.
    pub directory: PathBuf,
    pub table: String,
    /// Where the fleets are, and so the ledgers.
    pub places: Vec<Place>,
}

/// An account and a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub account: String,
    pub region: String,
}

/// What was found in the working directory.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Nothing,
    Living(Running),
    /// It is written there, but its process is dead.
    Dead(Running),
}

/// Looks for a running `up`.
///
/// # Errors
/// If what is there cannot be read.
pub fn find(working_directory: &Path) -> anyhow::Result<Found> {
    let directory = working_directory.join(DIRECTORY);
    let path = directory.join(FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let running: Running = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what `ropewalk up` writes; remove it", path.display()))?;
    let living = match File::open(directory.join(LOCK)).map(|lock| lock.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => true,
        Ok(Ok(()) | Err(TryLockError::Error(_))) | Err(_) => false,
    };
    Ok(if living { Found::Living(running) } else { Found::Dead(running) })
}
