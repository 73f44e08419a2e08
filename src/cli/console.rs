//! Where text goes: data to stdout, talk to stderr; colours and width as the terminal has them.

use std::io::{self, IsTerminal, Write};

use crate::cli::render::Look;

/// The two streams, and how text should look on the first.
#[derive(Clone, Debug)]
pub struct Console {
    pub look: Look,
    /// Whether stdout is a terminal that can be redrawn.
    pub live: bool,
}

impl Console {
    /// As the environment says.
    pub fn of_environment() -> Self {
        let terminal = io::stdout().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = if terminal { terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)) } else { None };
        Self {
            look: Look { unicode: !dumb && locale_is_utf8(), width, zone: jiff::tz::TimeZone::system() },
            live: terminal && !dumb,
        }
    }

    /// Data.
    ///
    /// # Errors
    /// If stdout takes no more: a closed pipe ends the command quietly.
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// Talk. If stderr takes no more there is nobody to tell.
    pub fn say(&self, text: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// Data for programs.
    ///
    /// # Errors
    /// If stdout takes no more.
    pub fn print_json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        Ok(self.print(&serde_json::to_string_pretty(value)?)?)
    }
}

/// As POSIX orders them: the first that is set decides.
fn locale_is_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
