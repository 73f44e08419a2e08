//! Tags as most services write them: a list of `Key` and `Value`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One tag on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// Tags as they are kept.
pub(crate) type Tags = BTreeMap<String, String>;

/// The tags as a list, by key.
pub(crate) fn to_list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// A list as a map; of two equal keys the later one wins.
pub(crate) fn from_list(tags: Vec<Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// What AWS says against these tags, if anything: 50 at most, keys of 1 to 128 characters that do not begin with
/// `aws:`, values of at most 256, no key twice.
pub(crate) fn problem(tags: &[Tag], existing: &Tags) -> Option<Problem> {
    let mut keys: Vec<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(Problem::Twice(twice[0].to_owned()));
    }
    for tag in tags {
        let length = tag.key.chars().count();
        if length == 0 || length > 128 {
            return Some(Problem::Invalid(format!(
                "The tag key '{}' is not between 1 and 128 characters long.",
                tag.key
            )));
        }
        if tag.key.starts_with("aws:") {
            return Some(Problem::Invalid("Tag keys beginning with 'aws:' are reserved for AWS use.".to_owned()));
        }
        if tag.value.chars().count() > 256 {
            return Some(Problem::Invalid(format!(
                "The value of the tag '{}' is longer than 256 characters.",
                tag.key
            )));
        }
    }
    let new = keys.iter().filter(|key| !existing.contains_key(**key)).count();
    (existing.len() + new > 50).then_some(Problem::TooMany)
}

/// Why tags are refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Problem {
    Twice(String),
    Invalid(String),
    TooMany,
}

impl Problem {
    /// A text for services whose own text is not known.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Twice(key) => {
                format!("Duplicate tag keys found. Please note that tag keys are case insensitive: {key}")
            }
            Self::Invalid(text) => text.clone(),
            Self::TooMany => "The number of tags has exceeded the maximum limit of 50.".to_owned(),
        }
    }
}
