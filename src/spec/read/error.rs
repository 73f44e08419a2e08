//! What can go wrong in reading a tree, without a word about the value.

use std::fmt;

use serde::de;

use crate::spec::problem::ProblemKind;
use crate::spec::scalar;
use crate::spec::tree::{Content, Node};

/// Something could not be read; `kind` is absent where it was said already.
#[derive(Debug)]
pub(super) struct ReadError {
    pub node: Option<usize>,
    pub at_key: bool,
    pub kind: Option<What>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Type(String),
    Value(String),
    Missing(&'static str),
    Variant { variants: &'static [&'static str], one_of_several: bool },
    Ambiguous(&'static str),
}

impl What {
    pub fn into_problem(self, root: &Node, error: &ReadError) -> Option<ProblemKind> {
        let node = error.node.and_then(|id| find(root, id)).unwrap_or(root);
        let field = node.path.clone();
        Some(match self {
            Self::Type(expected) => ProblemKind::WrongType { field, expected, found: node.describe() },
            Self::Value(expected) => {
                let hint = scalar::hint(&expected, node.text().unwrap_or_default());
                ProblemKind::InvalidValue { field, expected, hint }
            }
            Self::Missing(name) => ProblemKind::MissingField { field: join(&field, name) },
            Self::Variant { one_of_several: true, variants } => {
                ProblemKind::NotOneVariant { field, variants: variants.to_vec() }
            }
            Self::Variant { variants, .. } => {
                let written = match &node.content {
                    Content::Map(entries) => entries.first().map(|entry| entry.key.as_str()),
                    _ => node.text(),
                };
                ProblemKind::UnknownVariant {
                    field,
                    suggestion: written.and_then(|written| scalar::closest(written, variants)),
                    variants: variants.to_vec(),
                }
            }
            Self::Ambiguous(expected) => ProblemKind::Ambiguous { field, expected },
        })
    }
}

pub(in crate::spec) fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

pub(super) fn find(root: &Node, id: usize) -> Option<&Node> {
    let mut found = None;
    root.walk(&mut |node| {
        if node.id == id {
            found = Some(node);
        }
    });
    found
}

impl ReadError {
    pub fn new(node: &Node, kind: What) -> Self {
        Self { node: Some(node.id), at_key: false, kind: Some(kind) }
    }

    pub fn wrong_type(node: &Node, expected: &dyn de::Expected) -> Self {
        Self::new(node, What::Type(expected.to_string()))
    }

    pub fn at(mut self, node: &Node) -> Self {
        self.node.get_or_insert(node.id);
        self
    }

    pub fn range(&self, root: &Node) -> std::ops::Range<usize> {
        let node = self.node.and_then(|id| find(root, id)).unwrap_or(root);
        match (&self.at_key, &node.content) {
            (true, Content::Map(entries)) if !entries.is_empty() => {
                entries[0].value.key.clone().unwrap_or_else(|| node.place())
            }
            _ => node.place(),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.kind)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    /// `TryFrom` of our own types: “expected …”, and never the value.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let expected = message.strip_prefix("expected ").unwrap_or(&message).to_owned();
        Self { node: None, at_key: false, kind: Some(What::Value(expected)) }
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self { node: None, at_key: false, kind: Some(What::Type(expected.to_string())) }
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self { node: None, at_key: false, kind: Some(What::Value(expected.to_string())) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { node: None, at_key: false, kind: Some(What::Missing(field)) }
    }
}
