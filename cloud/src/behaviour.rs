//! How the tasks of an image behave, as people write it: `healthy`, `crash-after=30s`, `errors=20%`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the tasks of an image behave. It belongs to the image, so that what happens follows from what is deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Behaviour {
    /// Starts, passes its health checks, answers.
    #[default]
    Healthy,
    /// The essential container exits with code 1 before it is running for long.
    Crash,
    /// Runs and passes its health checks, then exits with code 1 after this time.
    CrashAfter(Duration),
    /// Runs and never passes a health check.
    Unhealthy,
    /// Healthy; this percentage of its answers are errors.
    Errors(u8),
    /// Healthy; each answer takes this long.
    Slow(Duration),
    /// Healthy; answers with status 200 and nonsense.
    BadAnswers,
}

impl fmt::Display for Behaviour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy => out.write_str("healthy"),
            Self::Crash => out.write_str("crash"),
            Self::CrashAfter(after) => write!(out, "crash-after={}s", after.as_secs()),
            Self::Unhealthy => out.write_str("unhealthy"),
            Self::Errors(percent) => write!(out, "errors={percent}%"),
            Self::Slow(time) => write!(out, "slow={}s", time.as_secs()),
            Self::BadAnswers => out.write_str("bad-answers"),
        }
    }
}

/// What was written is no behaviour; the text says what is.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no behaviour; expected healthy, crash, crash-after=30s, unhealthy, errors=20%, slow=40s or bad-answers"
)]
pub struct UnknownBehaviour(String);

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownBehaviour(text.to_owned());
        let seconds = |text: &str| {
            text.strip_suffix('s').and_then(|digits| digits.parse().ok()).map(Duration::from_secs).ok_or_else(unknown)
        };
        match text.split_once('=') {
            None => match text {
                "healthy" => Ok(Self::Healthy),
                "crash" => Ok(Self::Crash),
                "unhealthy" => Ok(Self::Unhealthy),
                "bad-answers" => Ok(Self::BadAnswers),
                _ => Err(unknown()),
            },
            Some(("crash-after", time)) => Ok(Self::CrashAfter(seconds(time)?)),
            Some(("slow", time)) => Ok(Self::Slow(seconds(time)?)),
            Some(("errors", percent)) => percent
                .strip_suffix('%')
                .and_then(|digits| digits.parse().ok())
                .filter(|percent| *percent <= 100)
                .map(Self::Errors)
                .ok_or_else(unknown),
            Some(_) => Err(unknown()),
        }
    }
}

impl From<Behaviour> for String {
    fn from(behaviour: Behaviour) -> Self {
        behaviour.to_string()
    }
}

impl TryFrom<String> for Behaviour {
    type Error = UnknownBehaviour;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
