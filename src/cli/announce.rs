//! The other side of `running`: what `up` writes, and the locks that tell that it lives.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::cli::running::{DIRECTORY, FILE, Found, LOCK, Running, find};

/// Held while an `up` runs; the file goes away with it.
#[derive(Debug)]
pub struct Announcement {
    path: PathBuf,
    _lock: File,
}

impl Announcement {
    /// Takes this directory's lock, before anything is started.
    ///
    /// # Errors
    /// If another `up` runs here.
    pub fn reserve(working_directory: &Path) -> anyhow::Result<Self> {
        let directory = working_directory.join(DIRECTORY);
        std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let lock = lock(&directory.join(LOCK))?;
        match lock {
            Some(lock) => Ok(Self { path: directory.join(FILE), _lock: lock }),
            None => match find(working_directory)? {
                Found::Living(other) => bail!(
                    "`ropewalk up` runs in this directory already: process {}, {}; stop it first, or start this one elsewhere",
                    other.pid,
                    other.endpoint
                ),
                Found::Nothing | Found::Dead(_) => {
                    bail!("another `ropewalk up` is just starting or ending in this directory; try again")
                }
            },
        }
    }

    /// Writes the addresses, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn announce(&self, running: &Running) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(running)?;
        let new = self.path.with_extension("new");
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Takes an exclusive lock; `None` if another process holds it. A reader that looks whether we live holds it for an
/// instant, so that it is tried more than once.
///
/// # Errors
/// If the file cannot be made or locked.
pub fn lock(path: &Path) -> anyhow::Result<Option<File>> {
    const TRIES: u32 = 5;
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::running::Place;

    fn running() -> Running {
        Running {
            pid: 7,
            endpoint: "http://127.0.0.1:4599".to_owned(),
            directory: "/x/desired-state".into(),
            table: "ropewalk".to_owned(),
            places: vec![Place { account: "211125768252".to_owned(), region: "us-east-1".to_owned() }],
        }
    }

    #[test]
    fn an_up_is_found_while_it_lives_and_gone_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(find(directory.path()).unwrap(), Found::Nothing);
        let announcement = Announcement::reserve(directory.path()).unwrap();
        announcement.announce(&running()).unwrap();
        assert_eq!(find(directory.path()).unwrap(), Found::Living(running()));
        let second = Announcement::reserve(directory.path()).unwrap_err().to_string();
        assert!(second.contains("process 7, http://127.0.0.1:4599"), "{second}");
        drop(announcement);
        assert_eq!(find(directory.path()).unwrap(), Found::Nothing);
    }

    #[test]
    fn an_up_that_was_killed_is_known_to_be_dead() {
        let directory = tempfile::tempdir().unwrap();
        let announcement = Announcement::reserve(directory.path()).unwrap();
        announcement.announce(&running()).unwrap();
        let file = directory.path().join(DIRECTORY).join(FILE);
        let text = std::fs::read(&file).unwrap();
        drop(announcement);
        std::fs::write(file, text).unwrap();
        assert_eq!(find(directory.path()).unwrap(), Found::Dead(running()));
    }
}
