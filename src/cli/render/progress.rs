//! One agent in one line, for those who follow what happens.

use jiff::Timestamp;

use super::status::{note, tasks};
use super::{DIM, Look, counted, styled};
use crate::status::Status;

/// One agent in one line; `width` is that of the longest agent's name.
pub fn line(status: &Status, width: usize, now: Timestamp, look: &Look) -> String {
    let shown = status.serving.as_ref().or(status.wanted.as_ref());
    let (version, revision) = shown
        .map_or(("-".to_owned(), "-".to_owned()), |shown| (shown.version.clone(), format!("rev {}", shown.revision)));
    let counts = format!("{} tasks", tasks(&status.tasks));
    let agent = &status.agent;
    let lead = format!("  {agent:<width$}   ");
    let note = note(status, now);
    let rest = format!("   {version:<8} {revision:<6} {counts:<11}  {}", look.text(&note));
    let used = lead.chars().count() + 11;
    format!("{lead}{}{}", look.colored_state(status.state), look.fitted(rest.trim_end(), used))
}

/// An agent of which nothing is known yet.
pub fn unknown(agent: &str, width: usize) -> String {
    format!("  {agent:<width$}   {}", styled(DIM, "not looked at yet"))
}

/// What one pass did.
pub fn passed(agents: usize, writes: u64) -> String {
    let writes = usize::try_from(writes).unwrap_or(usize::MAX);
    match writes {
        0 => format!("one pass over {}: nothing written to AWS", counted(agents, "agent")),
        _ => format!(
            "one pass over {}: {} to AWS; the next pass sees what came of it",
            counted(agents, "agent"),
            counted(writes, "write")
        ),
    }
}
