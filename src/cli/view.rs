//! What `up` shows while it runs: redrawn in place on a terminal, else a line whenever something changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;

use crate::cli::console::Console;
use crate::cli::live::Live;
use crate::cli::render::status::note;
use crate::cli::render::{progress, up as render};
use crate::names::AgentId;
use crate::operator::Progress;
use crate::spec::Severity;
use crate::status::{State, Status};

/// How far all agents are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something goes on, or is waited for.
    Working,
    Ready,
    /// It ends without a person; the text says why, agent by agent.
    Stuck(String),
}

pub struct View {
    console: Console,
    hints: Vec<String>,
    started: Instant,
    speed: f64,
    live: Option<Live>,
    /// What was printed last of each agent.
    shown: BTreeMap<AgentId, (State, String)>,
    /// Problems that were told.
    told: BTreeSet<String>,
    /// The last line, once all agents were ready.
    ready: Option<String>,
}

impl View {
    /// `started` and `speed` are those of the cloud.
    pub fn new(console: Console, hints: Vec<String>, started: Instant, speed: f64) -> Self {
        let live = console.live.then(Live::new);
        let (shown, told) = Default::default();
        Self { console, hints, started, speed, live, shown, told, ready: None }
    }

    /// Shows how things stand.
    ///
    /// # Errors
    /// If stdout takes no more.
    pub fn show(&mut self, progress: &Progress, now: Timestamp) -> std::io::Result<Verdict> {
        let verdict = verdict(progress, now);
        let newly_ready = verdict == Verdict::Ready && self.ready.is_none();
        if newly_ready {
            let took = render::took(self.started.elapsed(), self.speed);
            self.ready = Some(render::ready(progress.agents.len(), progress.totals.made, &took));
        }
        if self.live.is_some() {
            let text = self.block(progress, now);
            if let Some(live) = &mut self.live {
                live.show(&text);
            }
        } else {
            self.print_changes(progress, now)?;
            if let (true, Some(ready)) = (newly_ready, &self.ready) {
                self.console.print(&format!("{ready}\n{}", render::hints(&self.hints)))?;
            }
        }
        Ok(verdict)
    }

    /// Leaves the last picture.
    pub fn finish(self) {
        if let Some(live) = self.live {
            live.finish();
        }
    }

    fn elapsed(&self) -> String {
        render::elapsed(self.started.elapsed())
    }

    fn block(&self, progress: &Progress, now: Timestamp) -> String {
        let look = &self.console.look;
        let width = width(progress);
        let mut text = String::new();
        for (id, agent) in &progress.agents {
            text.push_str(&match &agent.status {
                Some(status) => progress::line(status, width, now, look),
                None => progress::unknown(&id.to_string(), width),
            });
            text.push('\n');
        }
        for problem in problems(progress) {
            text.push_str(&look.fitted(&look.text(&format!("  ! {problem}")), 0));
            text.push('\n');
        }
        let ready = progress.agents.values().filter_map(|agent| agent.status.as_ref()).filter(|s| is_ready(s)).count();
        let footer = match &self.ready {
            Some(line) if ready == progress.agents.len() => line.clone(),
            _ => render::working(ready, progress.agents.len(), progress.totals.made, &self.elapsed()),
        };
        text.push_str(&format!("\n{}\n", look.fitted(&footer, 0)));
        text.push_str(&render::hints(&self.hints));
        text
    }

    fn print_changes(&mut self, progress: &Progress, now: Timestamp) -> std::io::Result<()> {
        for problem in problems(progress) {
            if self.told.insert(problem.clone()) {
                self.console.say(&self.console.look.text(&problem));
            }
        }
        let width = width(progress);
        for (id, agent) in &progress.agents {
            let Some(status) = &agent.status else { continue };
            let key = (status.state, status.note.clone().unwrap_or_default());
            if self.shown.get(id) != Some(&key) {
                self.shown.insert(id.clone(), key);
                let line = progress::line(status, width, now, &self.console.look);
                self.console.print(&format!("{:>8}{line}", self.elapsed()))?;
            }
        }
        Ok(())
    }
}

fn width(progress: &Progress) -> usize {
    progress.agents.keys().map(|id| id.to_string().len()).max().unwrap_or(0)
}

/// What a person must know that is in no agent's status.
fn problems(progress: &Progress) -> Vec<String> {
    let fleets =
        progress.fleets.iter().filter_map(|(name, fleet)| Some(format!("fleet {name}: {}", fleet.problem.as_ref()?)));
    let agents = progress.agents.iter().filter_map(|(id, agent)| Some(format!("{id}: {}", agent.problem.as_ref()?)));
    let errors = progress.problems.iter().filter(|problem| problem.severity() == Severity::Error);
    let files = errors
        .map(|problem| format!("{}:{}:{}: {}", problem.file.display(), problem.line, problem.column, problem.message));
    progress.directory_problem.clone().into_iter().chain(fleets).chain(agents).chain(files).collect()
}

fn is_ready(status: &Status) -> bool {
    matches!(status.state, State::Ready | State::Retained)
}

/// Whether all are ready; or that the rest cannot be, once nothing moves any more.
fn verdict(progress: &Progress, now: Timestamp) -> Verdict {
    if progress.every_agent(is_ready) {
        return Verdict::Ready;
    }
    let statuses: Vec<&Status> = progress.agents.values().filter_map(|agent| agent.status.as_ref()).collect();
    let unknown = statuses.len() < progress.agents.len();
    let moving = statuses.iter().any(|status| matches!(status.state, State::Rolling | State::Waiting));
    let stuck: Vec<String> = statuses
        .iter()
        .filter(|status| matches!(status.state, State::Held | State::Stalled | State::Observing))
        .map(|status| format!("  {} is {}: {}", status.agent, status.state, note(status, now)))
        .collect();
    if stuck.is_empty() || unknown || moving { Verdict::Working } else { Verdict::Stuck(stuck.join("\n")) }
}
