//! The query protocol: form in, XML out (IAM, STS; CloudWatch for old clients).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::service::ServiceError;

/// Reads a form into nested JSON (`A.member.1.B=x` is `{"A":[{"B":"x"}]}`); every leaf is a string.
pub(super) fn parse(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut root = Node::default();
    for (key, value) in pairs {
        let mut node = &mut root;
        for segment in key.split('.') {
            node = node.children.entry(segment.to_owned()).or_default();
        }
        node.text = Some(value);
    }
    root.into_json()
}

#[derive(Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn into_json(mut self) -> Value {
        if self.children.is_empty() {
            return self.text.map_or_else(|| Value::Object(Map::new()), Value::String);
        }
        if self.children.len() == 1 {
            if let Some(list) = self.children.remove("member") {
                return Value::Array(list.into_items().map(Node::into_json).collect());
            }
            if let Some(map) = self.children.remove("entry") {
                return Value::Object(map.into_items().filter_map(Node::into_entry).collect());
            }
        }
        Value::Object(self.children.into_iter().map(|(key, node)| (key, node.into_json())).collect())
    }

    /// The numbered children in the order of their numbers.
    fn into_items(self) -> impl Iterator<Item = Node> {
        let mut items: Vec<(u64, Node)> =
            self.children.into_iter().map(|(index, node)| (index.parse().unwrap_or(u64::MAX), node)).collect();
        items.sort_by_key(|(index, _)| *index);
        items.into_iter().map(|(_, node)| node)
    }

    fn into_entry(mut self) -> Option<(String, Value)> {
        let key = self.children.remove("key")?.text?;
        Some((key, self.children.remove("value").unwrap_or_default().into_json()))
    }
}

/// Writes an answer: objects are elements, arrays are `<member>` items.
pub(super) fn body(namespace: &str, operation: &str, output: &Value, request_id: &str) -> Vec<u8> {
    let mut xml = format!("<{operation}Response xmlns=\"{namespace}\">");
    let has_result = output.as_object().is_some_and(|members| !members.is_empty());
    if has_result {
        element(&mut xml, &format!("{operation}Result"), output);
    }
    xml.push_str(&format!("<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"));
    xml.push_str(&format!("</{operation}Response>"));
    xml.into_bytes()
}

/// Writes an error.
pub(super) fn error(namespace: &str, error: &ServiceError, request_id: &str) -> Vec<u8> {
    let blame = if error.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{blame}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(&error.code),
        escape(&error.message)
    )
    .into_bytes()
}

fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    xml.push_str(&format!("<{name}>"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| element(xml, name, value)),
        Value::Array(items) => items.iter().for_each(|item| element(xml, "member", item)),
        Value::String(text) => xml.push_str(&escape(text)),
        scalar => xml.push_str(&scalar.to_string()),
    }
    xml.push_str(&format!("</{name}>"));
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_keep_the_order_of_their_numbers_beyond_nine() {
        let pairs = (1..=11).map(|index| (format!("Tags.member.{index}.Key"), format!("k{index}")));
        let parsed = parse(pairs);
        assert_eq!(parsed["Tags"][1], json!({"Key": "k2"}));
        assert_eq!(parsed["Tags"][10], json!({"Key": "k11"}));
    }

    #[test]
    fn text_that_looks_like_markup_is_escaped() {
        let xml = body("ns", "GetRole", &json!({"Role": {"Description": "a<b & \"c\""}}), "id");
        assert!(String::from_utf8(xml).unwrap().contains("<Description>a&lt;b &amp; &quot;c&quot;</Description>"));
    }
}
