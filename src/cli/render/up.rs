//! What `up` and `cloud` say around the agents' lines.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;

use super::{BOLD, DIM, Look, counted, span, styled};

/// What was found and where it can be reached, before anything happens.
pub struct Opening<'a> {
    /// `127.0.0.1:4599`.
    pub address: &'a str,
    pub cluster: Option<&'a str>,
    pub directory: &'a str,
    pub fleets: usize,
    pub agents: usize,
    pub speed: f64,
    /// Where the state is kept, and whether there was one.
    pub data: Option<(&'a str, bool)>,
}

/// The column of the labels in the first lines.
const LABEL_WIDTH: usize = 15;

/// The first lines of `up`.
pub fn opening(opening: &Opening<'_>, look: &Look) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String, more: String| {
        let length = LABEL_WIDTH + value.chars().count() + 3 + more.chars().count();
        let gap = if look.width.is_some_and(|width| length > width) {
            // A command that is cut or wrapped cannot be copied.
            "\n  ".to_owned()
        } else {
            "   ".to_owned()
        };
        let more = if more.is_empty() { more } else { format!("{gap}{}", styled(DIM, more)) };
        let _ = writeln!(text, "{}{}{more}", styled(BOLD, format_args!("{label:<LABEL_WIDTH$}")), value);
    };
    let example = match opening.cluster {
        Some(cluster) => {
            format!("(aws --endpoint-url http://{} ecs list-services --cluster {cluster})", opening.address)
        }
        None => String::new(),
    };
    line("embedded AWS", opening.address.to_owned(), example);
    let found =
        format!("{}  {}, {}", opening.directory, counted(opening.fleets, "fleet"), counted(opening.agents, "agent"));
    line("desired state", found, "watching".to_owned());
    match opening.data {
        Some((directory, true)) => line("data", directory.to_owned(), "goes on where it stopped".to_owned()),
        Some((directory, false)) => line("data", directory.to_owned(), "new".to_owned()),
        None => line("data", "in memory".to_owned(), "gone when this ends; --data DIR keeps it".to_owned()),
    }
    if (opening.speed - 1.0).abs() > f64::EPSILON {
        line("speed", format!("{} times real time", opening.speed), String::new());
    }
    text
}

/// What ends a successful start.
pub fn ready(agents: usize, made: u64, elapsed: &str) -> String {
    format!(
        "{} ready: {} made in {elapsed}",
        counted(agents, "agent"),
        counted(usize::try_from(made).unwrap_or(usize::MAX), "resource")
    )
}

/// What can be tried next.
pub fn hints(hints: &[String]) -> String {
    let mut text = String::new();
    let mut label = "try:";
    for hint in hints {
        let _ = writeln!(text, "{}  {hint}", styled(BOLD, format_args!("{label:<4}")));
        label = "";
    }
    text
}

/// How far it is.
pub fn working(ready: usize, agents: usize, made: u64, elapsed: &str) -> String {
    let made = counted(usize::try_from(made).unwrap_or(usize::MAX), "resource");
    format!("{ready} of {} ready, {made} made, {elapsed}", counted(agents, "agent"))
}

/// The last words of an `up` that was stopped.
pub fn stopped(data: Option<&Path>) -> String {
    match data {
        Some(data) => format!("stopped; its state is kept in {}: the same command goes on there", data.display()),
        None => "stopped".to_owned(),
    }
}

/// The first lines of `cloud`.
pub fn cloud(address: &str, data: Option<&Path>, existed: bool, speed: f64) -> String {
    let data = match data {
        Some(data) if existed => format!("{}, as it was left", data.display()),
        Some(data) => format!("{}, new", data.display()),
        None => "in memory".to_owned(),
    };
    let speed = if (speed - 1.0).abs() > f64::EPSILON { format!(", {speed} times real time") } else { String::new() };
    format!(
        "{}   {address}   state {data}{speed}\n{}  export AWS_ENDPOINT_URL=http://{address} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=211125768252 AWS_SECRET_ACCESS_KEY=any\n      aws ecs list-clusters\n",
        styled(BOLD, "embedded AWS"),
        styled(BOLD, "try:")
    )
}

/// An image that was pushed.
pub fn pushed(repository: &str, tag: &str, digest: &str, behaviour: &str) -> String {
    format!("{repository}:{tag}  {digest}  ({behaviour})\n")
}

/// A time as it passes here.
pub fn elapsed(elapsed: Duration) -> String {
    if elapsed.as_secs() < 60 {
        return format!("{:.1} s", elapsed.as_secs_f64());
    }
    span(SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX))
}

/// The same, with the cloud's time where that is another.
pub fn took(here: Duration, speed: f64) -> String {
    if (speed - 1.0).abs() <= f64::EPSILON {
        return elapsed(here);
    }
    let there = Duration::try_from_secs_f64(here.as_secs_f64() * speed).unwrap_or(Duration::MAX);
    format!("{} ({} of the cloud's time)", elapsed(here), elapsed(there))
}
