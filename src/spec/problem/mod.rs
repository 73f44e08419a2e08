//! What is wrong with what was written: a closed list of kinds, each with a stable code; and one found instance, whose
//! values are masked before it is made, so that whoever prints it cannot print a secret.

use std::ops::Range;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

mod kind;
mod render;
mod text;

pub use kind::ProblemKind;
pub use render::RenderStyle;

/// Whether the file can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The file is not used; the last good version of it stays.
    Error,
    /// The file is used.
    Notice,
}

/// A problem, and where it is. Its JSON form is stable: `file`, `line`, `column`, `severity`, `code`, `message`,
/// `expected`, `hint`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The file, relative to the directory.
    #[serde(serialize_with = "with_slashes")]
    #[schemars(with = "String")]
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub(super) severity: Severity,
    /// Stable, for machines.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The kind, with its particulars.
    #[serde(skip)]
    pub kind: ProblemKind,
    #[serde(skip)]
    pub(super) snippet: Option<Line>,
}

/// One line of a file with every value masked that may not be shown, and the part of it that is meant, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub text: String,
    pub part: Range<usize>,
}

/// Where something stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub line: usize,
    pub column: usize,
    pub snippet: Option<Line>,
}

impl Problem {
    pub(super) fn new(file: PathBuf, place: Place, kind: ProblemKind) -> Self {
        let text::Text { message, expected, hint } = text::text(&kind);
        Self {
            file,
            line: place.line,
            column: place.column,
            severity: kind.severity(),
            code: kind.code(),
            message,
            expected,
            hint,
            kind,
            snippet: place.snippet,
        }
    }

    /// Whether the file can be used in spite of it.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// For people, with the offending line, without a newline at the end.
    pub fn render(&self, style: RenderStyle) -> String {
        render::render(self, style)
    }
}

fn with_slashes<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy().replace('\\', "/"))
}

/// Problems of one file as they are found, with their places in bytes.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<(Range<usize>, ProblemKind)>);

impl Findings {
    /// The same thing is said of the same place once: an alias brings one node in several times.
    pub fn push(&mut self, at: Range<usize>, kind: ProblemKind) {
        if !self.0.iter().any(|(place, other)| *place == at && *other == kind) {
            self.0.push((at, kind));
        }
    }

    pub fn append(&mut self, other: &mut Self) {
        for (at, kind) in other.0.drain(..) {
            self.push(at, kind);
        }
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|(_, kind)| kind.severity() == Severity::Error)
    }

    pub fn into_sorted(mut self) -> Vec<(Range<usize>, ProblemKind)> {
        self.0.sort_by_key(|(at, kind)| (at.start, at.end, kind.code()));
        self.0
    }
}
