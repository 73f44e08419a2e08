//! What is wrong with what was written.

use super::{Look, counted};
use crate::spec::{Problem, RenderStyle, Severity};

/// The width for those who have no terminal.
const WIDTH: usize = 140;

/// All problems, each with its line.
pub fn all(problems: &[Problem], look: &Look) -> String {
    let style = RenderStyle { colour: look.unicode, unicode: look.unicode, width: look.width.unwrap_or(WIDTH) };
    problems.iter().map(|problem| problem.render(style) + "\n\n").collect()
}

/// That there is something to read, which hinders nothing.
pub fn notices(count: usize) -> String {
    format!("{}: ropewalk validate shows {}", counted(count, "notice"), if count == 1 { "it" } else { "them" })
}

/// `2 problems in 1 of 4 files`.
pub fn summary(problems: &[Problem], files: usize) -> String {
    let mut broken: Vec<_> = problems.iter().map(|problem| &problem.file).collect();
    broken.dedup();
    let errors = problems.iter().filter(|problem| problem.severity() == Severity::Error).count();
    let notices = problems.len() - errors;
    match (errors, notices) {
        (0, 0) => format!("{}, no problem", counted(files, "file")),
        (0, _) => format!("{}, no error, {}", counted(files, "file"), counted(notices, "notice")),
        (_, 0) => format!("{} in {} of {}", counted(errors, "error"), broken.len(), counted(files, "file")),
        (_, _) => format!(
            "{} and {} in {} of {}",
            counted(errors, "error"),
            counted(notices, "notice"),
            broken.len(),
            counted(files, "file")
        ),
    }
}
