//! How a verb ends.

use std::process::ExitCode;

/// The exit codes of SPEC: scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    WrongUsage,
    /// Changes pending (`plan`), not ready (`wait`, `status --check`).
    Pending,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::WrongUsage => 2,
            Exit::Pending => 3,
        })
    }
}

/// An error that the person who typed the command can mend by typing another one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);
