//! Units as people write them: `30s`, `5m`, `24h`; `10%`; dollars.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::names::NameError;

/// A length of time in whole seconds, written `30s`, `5m`, `24h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    pub fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    pub fn as_duration(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_secs();
        match seconds {
            0 => out.write_str("0s"),
            _ if seconds.is_multiple_of(86_400) && seconds > 86_400 => write!(out, "{}d", seconds / 86_400),
            _ if seconds.is_multiple_of(3_600) => write!(out, "{}h", seconds / 3_600),
            _ if seconds.is_multiple_of(60) => write!(out, "{}m", seconds / 60),
            _ => write!(out, "{seconds}s"),
        }
    }
}

impl FromStr for Span {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = NameError { expected: "a duration such as 30s, 5m, 24h or 7d" };
        let split = text.len().saturating_sub(1);
        let (digits, unit) = text.split_at_checked(split).ok_or(error.clone())?;
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(error),
        };
        if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error);
        }
        digits.parse::<u64>().map(|number| Self::seconds(number * factor)).map_err(|_| error)
    }
}

/// A percentage from 0% to 100%, with at most two decimals, kept in hundredths so that it compares and hashes exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u32);

impl Percent {
    pub const fn whole(percent: u32) -> Self {
        Self(percent * 100)
    }

    /// As a number out of 100.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        hundredths(self.0.into(), out)?;
        out.write_str("%")
    }
}

impl FromStr for Percent {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = NameError { expected: "a percentage from 0% to 100%, such as 10% or 2.5%" };
        let hundredths = text.strip_suffix('%').and_then(parse_hundredths).ok_or(error.clone())?;
        u32::try_from(hundredths).ok().filter(|value| *value <= 10_000).map(Self).ok_or(error)
    }
}

/// An amount of US dollars, with at most two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Usd(u64);

impl Usd {
    pub const fn dollars(dollars: u64) -> Self {
        Self(dollars * 100)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("$")?;
        hundredths(self.0, out)
    }
}

impl TryFrom<f64> for Usd {
    type Error = NameError;

    fn try_from(amount: f64) -> Result<Self, NameError> {
        let cents = (amount * 100.0).round();
        if (0.0..=1e12).contains(&cents) && (cents / 100.0 - amount).abs() < 1e-9 {
            Ok(Self(cents as u64))
        } else {
            Err(NameError { expected: "an amount in US dollars with at most two decimals, such as 100 or 12.50" })
        }
    }
}

impl From<Usd> for f64 {
    fn from(amount: Usd) -> Self {
        amount.0 as f64 / 100.0
    }
}

fn hundredths(value: u64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (value / 100, value % 100) {
        (whole, 0) => write!(out, "{whole}"),
        (whole, part) if part % 10 == 0 => write!(out, "{whole}.{}", part / 10),
        (whole, part) => write!(out, "{whole}.{part:02}"),
    }
}

fn parse_hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > 9 || part.len() > 2 {
        return None;
    }
    let part_value = part.parse::<u64>().ok()? * if part.len() == 1 { 10 } else { 1 };
    Some(whole.parse::<u64>().ok()? * 100 + part_value)
}

macro_rules! as_text {
    ($($name:ident $pattern:literal $description:literal;)*) => {$(
        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $description })
            }
        }
    )*};
}

as_text! {
    Span "^[0-9]{1,9}[smhd]$" "A duration such as 30s, 5m, 24h or 7d.";
    Percent "^[0-9]{1,3}(\\.[0-9]{1,2})?%$" "A percentage from 0% to 100%, such as 10% or 2.5%.";
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "description": "An amount in US dollars, such as 100 or 12.50." })
    }
}
