//! One file on its way from bytes to the written form, with all that is found wrong on the way.

use std::path::PathBuf;

use super::available;
use super::check::At;
use super::check::places::FilePlace;
use super::mask::Shown;
use super::problem::{Findings, Place, Problem, ProblemKind};
use super::read::{self, Reading};
use super::scalar;
use super::tree::{self, Content, Node};
use super::written::agent::AgentFile;
use super::written::fleet::FleetFile;

/// More problems of one file than this are not shown: they are one mistake, or none that a person made.
const MAX_PROBLEMS: usize = 30;

pub(super) struct Document {
    pub path: PathBuf,
    pub place: FilePlace,
    pub findings: Findings,
    pub written: Option<Written>,
    text: Option<String>,
    root: Option<Node>,
    reading: Reading,
}

/// What was written in it.
pub(super) enum Written {
    Fleet(Box<FleetFile>),
    Agent(Box<AgentFile>),
}

impl Document {
    pub fn read(path: PathBuf, content: &[u8]) -> Self {
        let place = FilePlace::of(&path);
        let mut document = Self {
            path,
            place,
            findings: Findings::default(),
            written: None,
            text: None,
            root: None,
            reading: Reading::default(),
        };
        match text(content) {
            Ok(text) => document.read_text(text),
            Err((kind, text)) => {
                let end = text.as_ref().map_or(0, String::len);
                document.text = text;
                document.findings.push(end..end, kind);
            }
        }
        document
    }

    fn read_text(&mut self, text: String) {
        let tree = tree::read(&text);
        self.text = Some(text);
        match tree {
            Err(malformed) => self.findings.push(malformed.at, malformed.kind),
            Ok((root, duplicates)) => {
                for malformed in duplicates {
                    self.findings.push(malformed.at, malformed.kind);
                }
                match root.content {
                    Content::Nothing => self.findings.push(0..0, ProblemKind::EmptyFile {}),
                    _ => self.read_tree(&root),
                }
                self.root = Some(root);
            }
        }
    }

    fn read_tree(&mut self, root: &Node) {
        let (reading, findings) = (&self.reading, &mut self.findings);
        if let Some(version) = root.get("apiVersion")
            && version.text().is_some_and(|text| text != "ropewalk/v1")
        {
            findings.push(version.place(), ProblemKind::ApiVersion {});
            reading.break_node(version);
        }
        let by_place = !matches!(self.place, FilePlace::Fleet { .. });
        let is_agent = match root.get("kind").map(|kind| (kind, kind.text())) {
            Some((_, Some("Fleet"))) => false,
            Some((_, Some("AgentDeployment"))) => true,
            Some((kind, Some(other))) => {
                let suggestion = scalar::closest(other, &["Fleet", "AgentDeployment"]);
                findings.push(kind.place(), ProblemKind::Kind { suggestion });
                reading.break_node(kind);
                suggestion.map_or(by_place, |suggestion| suggestion == "AgentDeployment")
            }
            _ => by_place,
        };
        let names = |is_agent| if is_agent { ("an AgentDeployment", "AgentDeployment") } else { ("a Fleet", "Fleet") };
        if is_agent != by_place && self.place != FilePlace::Elsewhere {
            let at = root.get("kind").map_or(0..0, Node::place);
            findings.push(at, ProblemKind::KindForPlace { found: names(is_agent).0, expected: names(by_place).1 });
        }
        if self.place == FilePlace::Elsewhere {
            findings.push(0..0, ProblemKind::Misplaced {});
        }
        self.written = if is_agent {
            read::read(root, reading, findings).map(Box::new).map(Written::Agent)
        } else {
            read::read(root, reading, findings).map(Box::new).map(Written::Fleet)
        };
        available::check(root, findings);
    }

    /// The root, to look places up; nothing where the file could not be read.
    pub fn at(&self) -> Option<At<'_>> {
        self.root.as_ref().map(|root| At::root(root, &self.reading))
    }

    /// All that is wrong, sorted, with each value masked that may not be shown.
    pub fn into_problems(self) -> Vec<Problem> {
        let text = self.text.unwrap_or_default();
        let shown = match &self.root {
            Some(root) => Shown::of_tree(&text, root, &self.reading),
            None => Shown::of_text(&text),
        };
        let mut found = self.findings.into_sorted();
        let rest = found.split_off(found.len().min(MAX_PROBLEMS));
        let problem = |(at, kind)| Problem::new(self.path.clone(), place(&shown, &text, &at), kind);
        let last = rest.into_iter().next().map(|(at, _)| (at, ProblemKind::TooManyProblems { shown: MAX_PROBLEMS }));
        found.into_iter().chain(last).map(problem).collect()
    }
}

fn place(shown: &Shown<'_>, text: &str, at: &std::ops::Range<usize>) -> Place {
    if text.trim().is_empty() { Place { line: 1, column: 1, snippet: None } } else { shown.place(at) }
}

/// The bytes as text. What came before the first byte that is none is given back, to tell where that is.
fn text(content: &[u8]) -> Result<String, (ProblemKind, Option<String>)> {
    if content.len() > tree::MAX_BYTES {
        return Err((ProblemKind::FileTooLarge { max_bytes: tree::MAX_BYTES }, None));
    }
    if content.starts_with(&[0xFF, 0xFE]) || content.starts_with(&[0xFE, 0xFF]) {
        return Err((ProblemKind::NotUtf8 { utf16: true }, None));
    }
    if content.contains(&0) {
        return Err((ProblemKind::BinaryFile {}, None));
    }
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    match std::str::from_utf8(content) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let before = String::from_utf8_lossy(&content[..error.valid_up_to()]).into_owned();
            Err((ProblemKind::NotUtf8 { utf16: false }, Some(before)))
        }
    }
}
