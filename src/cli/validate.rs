//! `ropewalk validate`.

use crate::cli::args::{Format, Validate};
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::render::problems;
use crate::cli::report::ValidateReport;
use crate::spec::Severity;

/// Prints all problems of all files.
///
/// # Errors
/// If the directory cannot be read.
pub fn run(options: &Validate, console: &Console) -> anyhow::Result<Exit> {
    let read = files::read(&options.directory)?;
    let problems = &read.parsed.problems;
    match options.format.output {
        Format::Json => console.print_json(&ValidateReport { files: read.files, problems: problems.clone() })?,
        Format::Text => {
            if !problems.is_empty() {
                console.print(&problems::all(problems, &console.look))?;
            }
            console.say(&problems::summary(problems, read.files));
        }
    }
    let failed = problems.iter().any(|problem| problem.severity() == Severity::Error);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
