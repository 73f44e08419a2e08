//! From the written form to the model: defaults filled in, ranges and relations checked. Each section's function says
//! all that is wrong with it and gives back the section, or nothing where a value is missing.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use super::problem::{Findings, ProblemKind};
use super::read::{Reading, join};
use super::tree::{Content, Node};

pub(super) mod agent;
pub(super) mod arn;
pub(super) mod container;
pub(super) mod fleet;
pub(super) mod places;
pub(super) mod rollout;
pub(super) mod signals;
pub(super) mod traffic;

/// A place in a file: a value, or where it would stand.
#[derive(Clone)]
pub(super) struct At<'t> {
    node: &'t Node,
    /// The rest of the path, where nothing is written.
    missing: Option<String>,
    reading: &'t Reading,
}

impl<'t> At<'t> {
    pub fn root(node: &'t Node, reading: &'t Reading) -> Self {
        Self { node, missing: None, reading }
    }

    pub fn key(&self, key: &str) -> Self {
        let found = if self.missing.is_none() { self.node.get(key) } else { None };
        match found {
            Some(node) => Self { node, missing: None, reading: self.reading },
            None => {
                let missing = join(self.missing.as_deref().unwrap_or_default(), key);
                Self { node: self.node, missing: Some(missing), reading: self.reading }
            }
        }
    }

    /// The items of a list, as they were read: without those that were wrong by themselves.
    pub fn items(&self) -> Vec<Self> {
        let items = if self.missing.is_none() { self.node.items() } else { &[] };
        let read = items.iter().filter(|item| !self.reading.is_left_out(item));
        read.map(|node| Self { node, missing: None, reading: self.reading }).collect()
    }

    pub fn field(&self) -> String {
        match &self.missing {
            Some(missing) => join(&self.node.path, missing),
            None => self.node.path.clone(),
        }
    }

    pub fn range(&self) -> Range<usize> {
        self.node.place()
    }

    /// The key's place, or the value's where there is no key.
    pub fn key_range(&self) -> Range<usize> {
        self.node.key.clone().unwrap_or_else(|| self.node.place())
    }

    pub fn is_written(&self) -> bool {
        self.missing.is_none() && !matches!(self.node.content, Content::Nothing)
    }

    /// Whether something in it was wrong: then nothing is concluded from it.
    pub fn is_broken(&self) -> bool {
        self.reading.is_broken(self.node)
    }

    pub fn node(&self) -> Option<&'t Node> {
        if self.missing.is_none() { Some(self.node) } else { None }
    }
}

/// Says that a value is out of range, if it is.
pub(super) fn in_range<T: Display + PartialOrd>(
    value: T,
    range: RangeInclusive<T>,
    hint: Option<&'static str>,
    at: &At<'_>,
    findings: &mut Findings,
) {
    if !range.contains(&value) {
        let expected = format!("{} to {}", range.start(), range.end());
        findings.push(at.range(), ProblemKind::OutOfRange { field: at.field(), expected, hint });
    }
}

/// Says which items of a list are in it twice, and whether it is empty.
pub(super) fn distinct(items: &[String], may_be_empty: bool, at: &At<'_>, findings: &mut Findings) {
    if items.is_empty() && !may_be_empty && !at.is_broken() {
        findings.push(at.range(), ProblemKind::EmptyList { field: at.field() });
    }
    for (index, (item, place)) in items.iter().zip(at.items()).enumerate() {
        if items[..index].contains(item) {
            findings.push(place.range(), ProblemKind::DuplicateItem { field: place.field() });
        }
    }
}

/// Whether a text matches a pattern in which `*` stands for anything.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(found) => rest = &rest[found + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Says what a fleet's bounds do not let in.
pub(super) fn allowed(text: &str, bound: &'static str, patterns: &[String], at: &At<'_>, findings: &mut Findings) {
    if !patterns.is_empty() && !patterns.iter().any(|pattern| matches(pattern, text)) {
        let kind = ProblemKind::NotAllowed { field: at.field(), bound, patterns: patterns.to_vec() };
        findings.push(at.range(), kind);
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_people_expect() {
        assert!(matches("vitracka/*", "vitracka/coach"));
        assert!(matches("*.example.com", "coach.example.com"));
        assert!(matches("a*b*c", "a-b-c"));
        assert!(matches("exact", "exact"));
        assert!(!matches("exact", "exactly"));
        assert!(!matches("*.example.com", "example.org"));
        assert!(!matches("a*a", "a"));
    }
}
