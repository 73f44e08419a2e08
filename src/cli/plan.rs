//! `ropewalk plan`.

use crate::cli::agents;
use crate::cli::args::{Format, Plan};
use crate::cli::connect::Connected;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::render::plan;
use crate::cli::report::{AgentPlan, PlanReport};
use crate::names::AgentId;
use crate::operator::{Reader, Source};
use crate::spec::model::DesiredState;

/// Prints what a pass would do now. Nothing is written, and no lease is needed.
///
/// # Errors
/// If there is no target, no such agent, or something cannot be read.
pub async fn run(options: &Plan, console: &Console) -> anyhow::Result<Exit> {
    let connected = Connected::to(&options.target, console).await?;
    let directory = connected.directory(options.directory.as_deref());
    let state = files::read_valid(&directory, console)?.parsed.state;
    let agent = chosen(options.agent.as_deref(), &state)?;
    let source = Source::still(Reader::new(&directory).read_with_provenance().await);
    let planned = connected.operator("plan", source).plan_once(agent.as_ref()).await?;
    let agents: Vec<AgentPlan> = planned
        .iter()
        .map(|planned| AgentPlan::new(&planned.id, planned.head.desired.as_ref(), &planned.plan))
        .collect();
    let pending = agents.iter().any(AgentPlan::pending);
    let report = PlanReport { agents };
    match options.format.output {
        Format::Json => console.print_json(&report)?,
        Format::Text => {
            let now = connected.now();
            let text: String = report.agents.iter().map(|agent| plan::agent(agent, now, &console.look)).collect();
            console.print(&text)?;
            if report.agents.len() > 1 {
                console.say(&plan::total(&report.agents));
            }
        }
    }
    Ok(if pending { Exit::Pending } else { Exit::Done })
}

/// The agent that a person named, in the desired state.
///
/// # Errors
/// If none or several are meant.
pub fn chosen(wanted: Option<&str>, state: &DesiredState) -> anyhow::Result<Option<AgentId>> {
    let known: Vec<AgentId> =
        state.fleets.values().flat_map(|fleet| fleet.agents.values().map(|agent| agent.id.clone())).collect();
    Ok(wanted.map(|wanted| agents::find(wanted, &known)).transpose()?)
}
