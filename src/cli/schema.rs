//! `ropewalk schema`.

use schemars::schema_for;

use crate::cli::args::{Schema, SchemaOf};
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::report::{HistoryReport, PlanReport, StatusReport, ValidateReport};
use crate::spec;

/// Prints a JSON Schema.
///
/// # Errors
/// If stdout takes no more.
pub fn run(options: &Schema, console: &Console) -> anyhow::Result<Exit> {
    match options.of {
        SchemaOf::DesiredState => console.print_json(&spec::json_schema())?,
        SchemaOf::Validate => console.print_json(&schema_for!(ValidateReport))?,
        SchemaOf::Status => console.print_json(&schema_for!(StatusReport))?,
        SchemaOf::History => console.print_json(&schema_for!(HistoryReport))?,
        SchemaOf::Plan => console.print_json(&schema_for!(PlanReport))?,
    }
    Ok(Exit::Done)
}
