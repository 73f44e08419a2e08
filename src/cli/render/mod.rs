//! All text that people read. Pure: the same data and the same look give the same text; colours are in it as ANSI, and
//! the stream drops them where there is no terminal.

pub mod history;
pub mod plan;
pub mod problems;
pub mod progress;
pub mod status;
#[cfg(feature = "embedded")]
pub mod up;

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::Provenance;
use crate::status::State;

/// What a terminal can show.
#[derive(Clone, Debug)]
pub struct Look {
    /// Whether more than ASCII can be shown.
    pub unicode: bool,
    /// Columns; `None` where nothing needs to fit.
    pub width: Option<usize>,
    /// In which times of day are shown.
    pub zone: TimeZone,
}

/// A glyph and what stands for it in ASCII, one column each. No glyph says what no word says.
struct Glyph(&'static str, &'static str);

const READY: Glyph = Glyph("✔", "+");
const ROLLING: Glyph = Glyph("◔", "~");
const WAITING: Glyph = Glyph("○", ".");
const HELD: Glyph = Glyph("‖", "=");
const STALLED: Glyph = Glyph("✖", "!");
const OBSERVING: Glyph = Glyph("◇", "o");
const RETAINED: Glyph = Glyph("–", "-");

/// Characters of our own texts that ASCII has other words for.
const FALLBACKS: [(char, &str); 16] = [
    ('→', "->"),
    ('…', "..."),
    ('–', "-"),
    ('—', "-"),
    ('“', "\""),
    ('”', "\""),
    ('‘', "'"),
    ('’', "'"),
    ('·', "-"),
    ('✔', "+"),
    ('◔', "~"),
    ('○', "."),
    ('‖', "="),
    ('✖', "!"),
    ('◇', "o"),
    ('×', "x"),
];

pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const GREEN: Style = AnsiColor::Green.on_default();
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
pub const RED: Style = AnsiColor::Red.on_default();
pub const CYAN: Style = AnsiColor::Cyan.on_default();

/// A text in a style.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

impl Look {
    /// The text as this terminal can show it.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut shown = String::with_capacity(text.len());
        for character in text.chars() {
            match FALLBACKS.iter().find(|(glyph, _)| *glyph == character) {
                Some((_, fallback)) => shown.push_str(fallback),
                None => shown.push(character),
            }
        }
        Cow::Owned(shown)
    }

    fn glyph(&self, glyph: &Glyph) -> &'static str {
        if self.unicode { glyph.0 } else { glyph.1 }
    }

    /// A state as `✔ ready`, without colour.
    pub fn state(&self, state: State) -> String {
        format!("{} {state}", self.glyph(state_glyph(state).0))
    }

    /// A state as `✔ ready`, padded to the longest, in its colour.
    pub fn colored_state(&self, state: State) -> String {
        styled(state_glyph(state).1, format_args!("{:<11}", self.state(state)))
    }

    /// The time of day; with the date where it is another one than that of `now`.
    pub fn time(&self, at: Timestamp, now: Timestamp) -> String {
        let (at, now) = (at.to_zoned(self.zone.clone()), now.to_zoned(self.zone.clone()));
        let format = if at.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        at.strftime(format).to_string()
    }

    /// Cuts a line that would wrap after this many columns. Only for lines without colour.
    pub fn fitted(&self, line: &str, used: usize) -> String {
        let room = self.width.map(|width| width.saturating_sub(used).max(8));
        let Some(width) = room.filter(|room| line.chars().count() > *room) else {
            return line.to_owned();
        };
        let ellipsis = self.text("…");
        let kept: String = line.chars().take(width - ellipsis.chars().count()).collect();
        format!("{}{ellipsis}", kept.trim_end())
    }
}

fn state_glyph(state: State) -> (&'static Glyph, Style) {
    match state {
        State::Ready => (&READY, GREEN),
        State::Rolling => (&ROLLING, CYAN),
        State::Waiting => (&WAITING, YELLOW),
        State::Held => (&HELD, YELLOW),
        State::Stalled => (&STALLED, RED),
        State::Observing => (&OBSERVING, CYAN),
        State::Retained => (&RETAINED, DIM),
    }
}

/// How long ago, in the largest unit that says enough: `12s`, `6m`, `3h`, `2d`.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(at).max(SignedDuration::ZERO))
}

/// A length of time in one or two units: `45s`, `3m12s`, `2h`, `5d`.
pub fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 86_400, seconds % 86_400 / 3_600, seconds % 3_600 / 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, 0) => format!("{minutes}m"),
        (0, 0, minutes @ 0..=9, seconds) => format!("{minutes}m{seconds:02}s"),
        (0, 0, minutes, _) => format!("{minutes}m"),
        (0, hours, _, _) => format!("{hours}h"),
        (days, _, _, _) => format!("{days}d"),
    }
}

/// `one thing`, `2 things`.
pub fn counted(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ if one.ends_with('y') => format!("{count} {}ies", &one[..one.len() - 1]),
        _ => format!("{count} {one}s"),
    }
}

/// Cuts each image digest in a text down to its first 12 digits: enough to tell two apart.
pub fn short_digests(text: &str) -> String {
    const PREFIX: &str = "sha256:";
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(PREFIX) {
        let (before, digest) = rest.split_at(start + PREFIX.len());
        let digits = digest.bytes().take_while(u8::is_ascii_hexdigit).count();
        shown.push_str(before);
        if digits == 64 {
            shown.push_str(&digest[..12]);
            shown.push('…');
        } else {
            shown.push_str(&digest[..digits]);
        }
        rest = &digest[digits..];
    }
    shown + rest
}

/// `commit 41fe2aa "Shorter answers" by Ann, with uncommitted changes`; empty where there is no git.
pub fn provenance(provenance: &Provenance) -> String {
    let mut text = String::new();
    if let Some(commit) = &provenance.commit {
        let _ = write!(text, "commit {}", commit.get(..7).unwrap_or(commit));
    }
    if let Some(subject) = &provenance.subject {
        let _ = write!(text, " “{subject}”");
    }
    if let Some(author) = &provenance.author {
        let name = author.split(" <").next().unwrap_or(author);
        let _ = write!(text, " by {name}");
    }
    match (text.is_empty(), provenance.uncommitted) {
        (false, true) => text.push_str(", with uncommitted changes"),
        (true, true) => text.push_str("uncommitted changes"),
        (_, false) => {}
    }
    text
}

#[cfg(test)]
mod tests;
