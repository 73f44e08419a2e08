//! The command line as clap knows it: every verb that works, each with an example.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::spec::units::Span;

/// The desired state's usual directory.
pub const DESIRED_STATE: &str = "desired-state";

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 changes pending (plan) or not ready (wait, status --check)

Start here:
  ropewalk up                          the main job on this machine, no AWS account needed
  ropewalk validate                    is what was written right?
  ropewalk status --local              what runs";

/// Keeps AI agents on Amazon ECS as git says.
#[derive(Debug, Parser)]
#[command(name = "ropewalk", version, propagate_version = true, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The main job on this machine: an embedded AWS and the operator, in one process
    #[cfg_attr(not(feature = "embedded"), command(hide = true))]
    #[command(after_help = UP_HELP)]
    Up(Up),
    /// Run the operator against AWS, until it is stopped
    #[command(after_help = SERVE_HELP)]
    Serve(Serve),
    /// Make one pass now, for CI and emergencies
    #[command(after_help = RECONCILE_HELP)]
    Reconcile(Reconcile),
    /// Show what a pass would change now, without changing it
    #[command(after_help = PLAN_HELP)]
    Plan(Plan),
    /// Check the desired state, offline: all problems of all files
    #[command(after_help = VALIDATE_HELP)]
    Validate(Validate),
    /// Show an AgentDeployment with every default filled in, offline
    #[command(after_help = EXPLAIN_HELP)]
    Explain(Explain),
    /// Print the JSON Schema of what is written, or of what `-o json` prints
    #[command(after_help = SCHEMA_HELP)]
    Schema(Schema),
    /// Show all agents, or one in full
    #[command(after_help = STATUS_HELP)]
    Status(Status),
    /// Show what happened to an agent, from the ledger
    #[command(after_help = HISTORY_HELP)]
    History(History),
    /// Wait until agents are ready, for scripts
    #[command(after_help = WAIT_HELP)]
    Wait(Wait),
    /// Make the ledger: one DynamoDB table
    #[command(after_help = INIT_HELP)]
    Init(Init),
    /// The embedded AWS alone, for any AWS client
    #[cfg_attr(not(feature = "embedded"), command(hide = true))]
    #[command(after_help = CLOUD_HELP, args_conflicts_with_subcommands = true)]
    Cloud(Cloud),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(Completions),
    /// Write the man pages
    #[command(hide = true)]
    Man(Man),
}

const UP_HELP: &str = "\
Examples:
  ropewalk up                          until Ctrl-C; what it made is then gone
  ropewalk up --data .ropewalk/data    keeps its state; the same command goes on where it stopped
  ropewalk up --until ready            for CI: ends as soon as all agents are ready
  ropewalk up --speed 60               an hour in a minute, for AWS and operator alike";

#[derive(Debug, Args)]
pub struct Up {
    /// Directory of the desired state
    #[arg(default_value = DESIRED_STATE)]
    pub directory: PathBuf,
    /// Keep the state of the embedded AWS and the ledger here; without it they live in memory
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// How many times faster than real time
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_speed)]
    pub speed: f64,
    /// End as soon as all agents are in this state; exit 1 if one cannot be
    #[arg(long, value_name = "STATE")]
    pub until: Option<Until>,
    /// Where AWS clients reach the embedded AWS (loopback only; port 0 picks a free one)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4599", value_parser = parse_listen)]
    pub listen: std::net::SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// The wanted workload serves at full count
    Ready,
}

const SERVE_HELP: &str = "\
The ledger must be there (ropewalk init). Logs go to stderr as JSON, or as text on a terminal;
ROPEWALK_LOG sets the filter, e.g. ROPEWALK_LOG=ropewalk=debug.

Example:
  AWS_PROFILE=prod ropewalk serve desired-state";

#[derive(Debug, Args)]
pub struct Serve {
    /// Directory of the desired state
    #[arg(default_value = DESIRED_STATE)]
    pub source: String,
    #[command(flatten)]
    pub target: Target,
}

const RECONCILE_HELP: &str = "\
It takes the lease, and refuses while an operator holds it; --wait waits until it is free.

Examples:
  ropewalk reconcile --once
  ropewalk reconcile coach-companion --once --wait";

#[derive(Debug, Args)]
pub struct Reconcile {
    /// AGENT or FLEET/AGENT; all agents without it
    pub agent: Option<String>,
    /// Make one pass and end (the always-on operator is `ropewalk serve`)
    #[arg(long, required = true)]
    pub once: bool,
    /// Wait for the lease if an operator holds it
    #[arg(long)]
    pub wait: bool,
    /// Directory of the desired state; without it that of the running `up`, else desired-state
    #[arg(long = "dir", value_name = "DIR")]
    pub directory: Option<PathBuf>,
    #[command(flatten)]
    pub target: Target,
}

const PLAN_HELP: &str = "\
Exit code 0: nothing to do; 3: changes pending.

Examples:
  ropewalk plan
  ropewalk plan coach-companion -o json";

#[derive(Debug, Args)]
pub struct Plan {
    /// AGENT or FLEET/AGENT; all agents without it
    pub agent: Option<String>,
    /// Directory of the desired state; without it that of the running `up`, else desired-state
    #[arg(long = "dir", value_name = "DIR")]
    pub directory: Option<PathBuf>,
    #[command(flatten)]
    pub format: Output,
    #[command(flatten)]
    pub target: Target,
}

const VALIDATE_HELP: &str = "\
Examples:
  ropewalk validate
  ropewalk validate desired-state -o json";

#[derive(Debug, Args)]
pub struct Validate {
    /// Directory of the desired state
    #[arg(default_value = DESIRED_STATE)]
    pub directory: PathBuf,
    #[command(flatten)]
    pub format: Output,
}

const EXPLAIN_HELP: &str = "\
Example:
  ropewalk explain desired-state/prod/coach-companion.yaml";

#[derive(Debug, Args)]
pub struct Explain {
    /// An AgentDeployment's file, in its fleet's directory
    pub file: PathBuf,
}

const SCHEMA_HELP: &str = "\
Examples:
  ropewalk schema > ropewalk.schema.json
  ropewalk schema --of status";

#[derive(Debug, Args)]
pub struct Schema {
    /// What the schema is of
    #[arg(long, value_name = "WHAT", default_value = "desired-state")]
    pub of: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The files that people write
    DesiredState,
    /// What `status -o json` prints
    Status,
    /// What `history -o json` prints
    History,
    /// What `plan -o json` prints
    Plan,
    /// What `validate -o json` prints
    Validate,
}

const STATUS_HELP: &str = "\
Examples:
  ropewalk status
  ropewalk status coach-companion --watch
  ropewalk status --check -o json        exit 3 unless all agents are ready";

#[derive(Debug, Args)]
pub struct Status {
    /// AGENT or FLEET/AGENT; all agents without it
    pub agent: Option<String>,
    /// Follow it until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Exit 3 unless all agents shown are ready
    #[arg(long, conflicts_with = "watch")]
    pub check: bool,
    #[command(flatten)]
    pub format: Output,
    #[command(flatten)]
    pub target: Target,
}

const HISTORY_HELP: &str = "\
Examples:
  ropewalk history coach-companion
  ropewalk history prod/coach-companion -o json";

#[derive(Debug, Args)]
pub struct History {
    /// AGENT or FLEET/AGENT
    pub agent: String,
    #[command(flatten)]
    pub format: Output,
    #[command(flatten)]
    pub target: Target,
}

const WAIT_HELP: &str = "\
Exit code 0: ready; 1: it cannot be without a person (held, stalled); 3: not in time.

Examples:
  ropewalk wait coach-companion --for ready --timeout 10m
  ropewalk wait --all --for ready";

#[derive(Debug, Args)]
pub struct Wait {
    /// AGENT or FLEET/AGENT
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub agent: Option<String>,
    /// All agents
    #[arg(long)]
    pub all: bool,
    /// What is waited for
    #[arg(long = "for", value_name = "STATE")]
    pub until: Until,
    /// How long at most, such as 30s, 10m or 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_time)]
    pub timeout: Duration,
    #[command(flatten)]
    pub target: Target,
}

const INIT_HELP: &str = "\
It is safe to say it twice: a ledger that is there is left as it is.

Example:
  AWS_PROFILE=prod ropewalk init --table ropewalk";

#[derive(Debug, Args)]
pub struct Init {
    #[command(flatten)]
    pub target: Target,
}

const CLOUD_HELP: &str = "\
Examples:
  ropewalk cloud
  aws --endpoint-url http://127.0.0.1:4599 ecs list-clusters
  ropewalk cloud push test-agent v0.2.0 --behaviour crash";

#[derive(Debug, Args)]
pub struct Cloud {
    #[command(subcommand)]
    pub verb: Option<CloudVerb>,
    /// Where AWS clients reach it (loopback only; port 0 picks a free one)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4599", value_parser = parse_listen)]
    pub listen: std::net::SocketAddr,
    /// Keep its state here; without it it lives in memory
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Put there what this desired state takes for granted: cluster, subnets, security groups, secrets, images
    #[arg(long, value_name = "DIR")]
    pub preload: Option<PathBuf>,
    /// How many times faster than real time
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_speed)]
    pub speed: f64,
}

#[derive(Debug, Subcommand)]
pub enum CloudVerb {
    /// Push an image into the embedded registry, and say how its tasks behave
    #[command(after_help = PUSH_HELP)]
    Push(Push),
}

const PUSH_HELP: &str = "\
Behaviours: healthy, crash, crash-after=30s, unhealthy, errors=20%, slow=40s, bad-answers

Examples:
  ropewalk cloud push test-agent v0.2.0
  ropewalk cloud push test-agent v0.3.0 --behaviour crash";

#[derive(Debug, Args)]
pub struct Push {
    /// AGENT or FLEET/AGENT of the desired state that `up` runs, or a repository such as project/name
    pub agent: String,
    /// The image's tag
    pub tag: String,
    /// How the image's tasks behave
    #[arg(long, visible_alias = "behavior", value_name = "BEHAVIOUR", default_value = "healthy")]
    pub behaviour: String,
    /// The embedded AWS to push to; without it, that of the `up` in this directory
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  ropewalk completions bash > /etc/bash_completion.d/ropewalk
  ropewalk completions zsh > \"${fpath[1]}/_ropewalk\"";

#[derive(Debug, Args)]
pub struct Completions {
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// Directory to write the pages into, one a verb; without it the first page goes to stdout
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs; the types are stable (`ropewalk schema --of …`)
    Json,
}

#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// How to print it
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub output: Format,
}

/// Where the ledger and the agents are.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct Target {
    /// The embedded AWS of the `ropewalk up` that runs in this directory
    #[arg(long, conflicts_with = "endpoint_url")]
    pub local: bool,
    /// AWS at this address; AWS_ENDPOINT_URL says the same
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// The AWS region of the ledger; without it the one that AWS_REGION or the profile names
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The ledger's table in DynamoDB
    #[arg(long, value_name = "NAME", env = "ROPEWALK_TABLE", default_value = "ropewalk")]
    pub table: String,
}

/// The fastest that is useful: beyond it a pass takes longer than the time between two.
const FASTEST: f64 = 1000.0;

fn parse_speed(text: &str) -> Result<f64, String> {
    let expected = || format!("expected a number from 0.1 to {FASTEST}");
    let speed: f64 = text.trim_end_matches('x').parse().map_err(|_| expected())?;
    if (0.1..=FASTEST).contains(&speed) { Ok(speed) } else { Err(expected()) }
}

/// The embedded AWS takes any signature, so it never listens where others could reach it.
fn parse_listen(text: &str) -> Result<std::net::SocketAddr, String> {
    let text = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    let address: std::net::SocketAddr =
        text.parse().map_err(|_| "expected an address and port such as 127.0.0.1:4599".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the embedded AWS checks no signature, so it listens on loopback only, e.g. 127.0.0.1:4599".to_owned())
    }
}

fn parse_time(text: &str) -> Result<Duration, String> {
    text.parse::<Span>().map(Span::as_duration).map_err(|error| error.to_string())
}
