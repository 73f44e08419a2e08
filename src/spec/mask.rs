//! One line of a file, fit to be shown: only what is known to be harmless stays, all else becomes bullets of one fixed
//! length. Comments are cut off.

use std::ops::Range;

use super::plain_secret;
use super::problem::{Line, Place};
use super::read::Reading;
use super::schema::field_names;
use super::tree::{Content, Node, Style};

/// What stands for a value, however long it is.
pub(super) const BULLETS: &str = "••••••••";

/// Values of these are never shown, nor is anything below them.
const SENSITIVE: &[&str] = &["environment", "secrets", "body"];

/// A name that may be shown: of a field or a variable.
pub(super) fn is_plain_name(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 48
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte))
        && plain_secret::by_pattern(key).is_none()
}

/// A key as it may be shown. Where values are sensitive, it has to look like a variable's name, and to be followed by a
/// colon: `{ A, hunter2 }` is a mapping with two keys.
pub(super) fn shown_key<'k>(key: &'k str, within: &str, after: &str) -> &'k str {
    let sensitive = within.split('.').any(|part| SENSITIVE.contains(&part.split('[').next().unwrap_or_default()));
    let has_value = after.trim_start_matches(['"', '\'', ' ']).starts_with(':');
    if is_plain_name(key) && (!sensitive || (is_variable_name(key) && has_value)) { key } else { BULLETS }
}

/// What of a file may be shown.
pub(super) struct Shown<'t> {
    text: &'t str,
    is_fleet: bool,
    /// Ranges that stay.
    harmless: Vec<Range<usize>>,
    /// Ranges that never do, whatever lies in them.
    hidden: Vec<Range<usize>>,
}

impl<'t> Shown<'t> {
    /// Of a file whose structure is known: names, and values of fields that hold no secrets.
    pub fn of_tree(text: &'t str, root: &Node, reading: &Reading) -> Self {
        let is_fleet = root.get("kind").and_then(Node::text) == Some("Fleet");
        let mut shown = Self { text, is_fleet, harmless: Vec::new(), hidden: Vec::new() };
        shown.add(root, reading, false);
        shown
    }

    /// Of a file whose structure is not known: nothing but names of fields.
    pub fn of_text(text: &'t str) -> Self {
        let known = field_names();
        let mut harmless = Vec::new();
        let mut offset = 0;
        for word in text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
            let end = offset + word.len();
            let is_key = text[end..].starts_with(':');
            let is_variable = is_key
                && word.len() <= 40
                && word.starts_with(|first: char| first.is_ascii_uppercase())
                && starts_line(&text[..offset]);
            if (known.contains(word) && (is_key || starts_line(&text[..offset])))
                || (is_variable && is_plain_name(word))
            {
                harmless.push(offset..end);
            }
            // The separator after the word is one character of any length.
            offset = end + text[end..].chars().next().map_or(0, char::len_utf8);
        }
        Self { text, is_fleet: false, harmless, hidden: Vec::new() }
    }

    fn is_sensitive(&self, node: &Node) -> bool {
        let last = node.path.rsplit('.').next().unwrap_or_default();
        match (&node.content, node.path.as_str()) {
            // A fleet's environment is one of three words; an agent's is a mapping.
            (Content::Scalar { style: Style::Plain, text }, "spec.environment") if self.is_fleet => text.len() > 12,
            (Content::Scalar { .. }, _) if last == "auth" => true,
            _ => SENSITIVE.contains(&last),
        }
    }

    fn add(&mut self, node: &Node, reading: &Reading, sensitive: bool) {
        let is_container = !matches!(node.content, Content::Scalar { .. } | Content::Nothing);
        let here = sensitive
            || self.is_sensitive(node)
            || reading.is_unknown(node)
            || (is_container && reading.is_left_out(node));
        if let Some(key) = &node.key {
            if node.path.ends_with(BULLETS) { &mut self.hidden } else { &mut self.harmless }.push(key.clone());
        }
        match &node.content {
            Content::Nothing => {}
            // A number in a field with a typing error says what was meant, and is too short for a secret.
            Content::Scalar { text, style: Style::Typed }
                if !sensitive && reading.is_unknown(node) && text.len() <= 6 =>
            {
                self.harmless.push(node.span.clone());
            }
            Content::Scalar { text, .. } if here || plain_secret::by_pattern(text).is_some() => {
                // A block's span reaches to the next token: into the next line's indentation.
                let written = self.text[node.span.clone()].trim_end();
                self.hidden.push(node.span.start..node.span.start + written.len());
            }
            Content::Scalar { .. } => self.harmless.push(node.span.clone()),
            Content::List(items) => items.iter().for_each(|item| self.add(item, reading, here)),
            Content::Map(entries) => entries.iter().for_each(|entry| self.add(&entry.value, reading, here)),
        }
    }

    /// Where a range begins, with its line.
    pub fn place(&self, range: &Range<usize>) -> Place {
        let start = range.start.min(self.text.len());
        // A place at the very end of the file is shown at the end of the last line that says something.
        let start = if self.text[start..].trim().is_empty() { self.text[..start].trim_end().len() } else { start };
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let number = 1 + self.text[..line_start].matches('\n').count();
        let column = 1 + self.text[line_start..start].chars().count();
        let part = start - line_start..range.end.clamp(start, line_start + line.len()) - line_start;
        let snippet = if line.trim().is_empty() { None } else { Some(self.line(line_start, line, part)) };
        let snippet = snippet.filter(|line: &Line| !line.text.trim().is_empty());
        Place { line: number, column, snippet }
    }

    fn line(&self, line_start: usize, line: &str, part: Range<usize>) -> Line {
        let within = |ranges: &[Range<usize>], offset: usize| ranges.iter().any(|range| range.contains(&offset));
        let mut text = String::new();
        let mut masking = false;
        let mut previous = ' ';
        // The part's new bounds, as masking moves them.
        let (mut start, mut end) = (None, None);
        let mut letters = line.char_indices().peekable();
        while let Some((offset, letter)) = letters.next() {
            let position = line_start + offset;
            let hidden = within(&self.hidden, position);
            let harmless = !hidden && within(&self.harmless, position);
            let is_comment = letter == '#' && previous.is_whitespace() && !hidden && !harmless;
            if offset >= part.start && start.is_none() {
                start = Some(text.len());
            }
            if offset >= part.end && end.is_none() {
                end = Some(text.len());
            }
            if is_comment {
                break;
            }
            // Punctuation within a masked word is part of it: it would tell something of its shape.
            let glued = masking
                && "-:?\"'|>".contains(letter)
                && letters.peek().is_some_and(|(_, next)| !next.is_whitespace() && !"{}[],".contains(*next));
            let punctuation = !hidden && !glued && (letter.is_whitespace() || "{}[],:-?\"'|>".contains(letter));
            if harmless || punctuation {
                masking = false;
                text.push(if letter.is_control() { ' ' } else { letter });
            } else if !masking {
                masking = true;
                text.push_str(BULLETS);
            }
            previous = letter;
        }
        let text = text.trim_end().to_owned();
        let start = floor(&text, start.unwrap_or(text.len()));
        let end = floor(&text, end.unwrap_or(text.len())).max(start);
        Line { part: start..end, text }
    }
}

fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn starts_line(before: &str) -> bool {
    let indentation = before.rsplit('\n').next().unwrap_or_default();
    indentation.bytes().all(|byte| b" -\t{,".contains(&byte))
}

pub(super) fn is_variable_name(key: &str) -> bool {
    is_plain_name(key) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
