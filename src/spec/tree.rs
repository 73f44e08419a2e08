//! A file's text as a tree that knows where everything stands. It is built by serde-saphyr; all that is said about
//! a file later points into it.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, Location, Spanned};

use super::mask;
use super::problem::ProblemKind;

/// A desired-state file has tens of nodes; whatever has this many is a mistake or an attack.
const MAX_NODES: usize = 20_000;
/// Files are written by hand: 1 MiB is far more than any of them needs.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// A value in a file.
#[derive(Debug)]
pub(super) struct Node {
    /// Its number in the file, in reading order: its identity.
    pub id: usize,
    /// Where the value stands, in bytes.
    pub span: Range<usize>,
    /// Where its key stands, for a value of a mapping.
    pub key: Option<Range<usize>>,
    /// Its path, such as `spec.health.interval`.
    pub path: String,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// Nothing was written, or `~` or `null`.
    Nothing,
    Scalar {
        text: String,
        style: Style,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes, and a number or a truth value to YAML.
    Typed,
    /// Without quotes, and a text.
    Plain,
    /// In quotes, as a block, or with a tag: a text and nothing else.
    Quoted,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    /// The key as it may be shown.
    pub shown: String,
    /// Whether the key was there before: then it is only looked at, and never read.
    pub repeated: bool,
    pub value: Node,
}

impl Node {
    /// The value of a mapping's key; the first, should there be several.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Where to point when this value is meant: at a scalar itself, else at the key that it belongs to.
    pub fn place(&self) -> Range<usize> {
        match (&self.content, &self.key) {
            (Content::Scalar { .. }, _) | (_, None) => self.span.clone(),
            (_, Some(key)) => key.clone(),
        }
    }

    /// The node and all below it.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        visit(self);
        self.entries().iter().map(|entry| &entry.value).chain(self.items()).for_each(|child| child.walk(visit));
    }

    /// What it is, in people's words.
    pub fn describe(&self) -> &'static str {
        match &self.content {
            Content::Nothing => "nothing",
            Content::Scalar { style: Style::Typed, text } if text.starts_with(|first: char| first.is_alphabetic()) => {
                "a truth value"
            }
            Content::Scalar { style: Style::Typed, .. } => "a number",
            Content::Scalar { .. } => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }
}

/// What is wrong with a file as YAML, and where.
pub(super) struct Malformed {
    pub kind: ProblemKind,
    pub at: Range<usize>,
}

/// Reads a text into a tree. Duplicate keys do not end the reading: they come back beside the tree.
pub(super) fn read(text: &str) -> Result<(Node, Vec<Malformed>), Malformed> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_depth: 32,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        no_schema: false,
        reject_unsupported_tags: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
        emit_comments: false,
    };
    let spanned: Spanned<Raw> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| malformed(&error, text))?;
    let mut reading = Reading { text, next_id: 0, duplicates: Vec::new() };
    let root = reading.node(spanned, None, String::new())?;
    Ok((root, reading.duplicates))
}

struct Reading<'t> {
    text: &'t str,
    next_id: usize,
    duplicates: Vec<Malformed>,
}

impl Reading<'_> {
    fn node(&mut self, raw: Spanned<Raw>, key: Option<Range<usize>>, path: String) -> Result<Node, Malformed> {
        let span = range(&raw.referenced, self.text);
        let id = self.next_id;
        self.next_id += 1;
        let content = match raw.value {
            Raw::Nothing => Content::Nothing,
            // What was written, not what YAML makes of it: `1.10` is a tag, and not 1.1.
            Raw::Typed => {
                let written = self.text[range(&raw.defined, self.text)].trim();
                Content::Scalar { text: written.to_owned(), style: Style::Typed }
            }
            Raw::Text(text) => {
                let style = if self.text[range(&raw.defined, self.text)].trim_end() == text {
                    Style::Plain
                } else {
                    Style::Quoted
                };
                Content::Scalar { text, style }
            }
            Raw::List(items) => {
                let items = items.into_iter().enumerate();
                Content::List(
                    items
                        .map(|(index, item)| self.node(item, None, format!("{path}[{index}]")))
                        .collect::<Result<_, _>>()?,
                )
            }
            Raw::Map(entries) => Content::Map(self.entries(entries, &path)?),
        };
        Ok(Node { id, span, key, path, content })
    }

    fn entries(&mut self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>, path: &str) -> Result<Vec<Entry>, Malformed> {
        let mut entries: Vec<Entry> = Vec::new();
        for (raw_key, raw_value) in raw {
            let at = range(&raw_key.referenced, self.text);
            let key = match raw_key.value {
                Raw::Text(key) => key,
                Raw::Typed => self.text[range(&raw_key.defined, self.text)].trim().to_owned(),
                _ => return Err(Malformed { kind: ProblemKind::KeyNotText {}, at }),
            };
            if key == "<<" {
                return Err(Malformed { kind: ProblemKind::MergeKey {}, at });
            }
            let shown = mask::shown_key(&key, path, &self.text[at.end..]).to_owned();
            let value_path = if path.is_empty() { shown.clone() } else { format!("{path}.{shown}") };
            let value = self.node(raw_value, Some(at.clone()), value_path)?;
            let first = entries.iter().find(|entry| entry.key == key);
            if let Some(first) = first {
                let line = line_of(self.text, first.value.key.clone().unwrap_or_default().start);
                self.duplicates.push(Malformed { kind: ProblemKind::DuplicateKey { key: shown.clone(), line }, at });
            }
            entries.push(Entry { repeated: first.is_some(), key, shown, value });
        }
        Ok(entries)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset.min(text.len())].matches('\n').count()
}

/// A location in bytes, always within the text and at characters' boundaries.
fn range(location: &Location, text: &str) -> Range<usize> {
    let span = location.span();
    let start = match span.byte_offset() {
        Some(offset) => floor(text, offset as usize),
        None => offset_of(text, location.line() as usize, location.column() as usize),
    };
    let end = floor(text, start + span.byte_len().unwrap_or(0) as usize);
    start..end
}

/// Errors of the scanner know line and column only, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        start = text[start..].find('\n').map_or(text.len(), |newline| start + newline + 1);
    }
    let within = text[start..].lines().next().unwrap_or_default();
    start + within.char_indices().nth(column.saturating_sub(1)).map_or(within.len(), |(offset, _)| offset)
}

fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// serde-saphyr's errors in our words: theirs may quote the text, and the text may hold secrets.
fn malformed(error: &Error, text: &str) -> Malformed {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let at = range(&location, text);
    let kind = match error.without_snippet() {
        Error::AliasError { error, .. } => return Malformed { at, ..malformed(error, text) },
        Error::MultipleDocuments { .. } => ProblemKind::SeveralDocuments {},
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => ProblemKind::TooComplex {},
        Error::RecursiveReferencesRequireWeakTypes { .. } | Error::UnknownAnchor { .. } => ProblemKind::Alias {},
        Error::TaggedScalarCannotDeserializeIntoString { .. }
        | Error::TaggedEnumMismatch { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::InvalidScalar { .. }
        | Error::InvalidBooleanStrict { .. } => ProblemKind::Tag {},
        _ => syntax(text, &at, &error.without_snippet().to_string()),
    };
    Malformed { kind, at }
}

/// Tabs are told apart, as they cannot be seen.
fn syntax(text: &str, at: &Range<usize>, message: &str) -> ProblemKind {
    let start = text[..at.start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let previous = text[..start].lines().next_back().unwrap_or_default();
    let indented_by_tab = |line: &str| line[..line.len() - line.trim_start().len()].contains('\t');
    if indented_by_tab(line) || (line.trim().is_empty() && indented_by_tab(previous)) {
        return ProblemKind::Tab {};
    }
    let message = message.to_lowercase();
    let what = if message.contains("quote") || message.contains("unexpected end of stream") {
        "a quote is not closed, or a bracket is missing"
    } else if message.contains("flow") || message.contains(']') || message.contains('}') || message.contains("bracket")
    {
        "a bracket, a brace or a comma is missing or too many"
    } else if message.contains("simple key") || message.contains("':'") || message.contains("mapping values") {
        "a `key: value` pair is not well-formed, or is indented wrongly"
    } else if message.contains("unknown tag") || message.contains("unsupported tag") {
        return ProblemKind::Tag {};
    } else if message.contains("unknown anchor") || message.contains("alias") {
        return ProblemKind::Alias {};
    } else {
        "the indentation or the structure breaks here"
    };
    ProblemKind::Syntax { what }
}

enum Raw {
    Nothing,
    Typed,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any YAML")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
