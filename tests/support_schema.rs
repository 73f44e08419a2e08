//! A small JSON Schema validator, for the keywords that the desired state's schema uses; any other is an error, so that it
//! cannot pass by not being looked at.

use regex_lite::Regex;
use serde_json::{Map, Value};

/// Why a value does not fit a schema; empty if it does.
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        if schema != &Value::Bool(true) {
            found.push(format!("{path}: nothing is allowed here"));
        }
        return;
    };
    for (keyword, rule) in keywords {
        let mut fail = |why: String| found.push(format!("{path}: {why}"));
        match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" | "default" | "format" => {}
            "$ref" => {
                let target = rule.as_str().unwrap().strip_prefix('#').unwrap();
                check(root, root.pointer(target).expect("a definition"), value, path, found);
            }
            "type" => {
                let types: Vec<&str> = match rule {
                    Value::Array(types) => types.iter().map(|name| name.as_str().unwrap()).collect(),
                    name => vec![name.as_str().unwrap()],
                };
                if !types.iter().any(|name| is_of_type(value, name)) {
                    fail(format!("not of type {types:?}"));
                }
            }
            "const" if value != rule => fail(format!("not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => fail(format!("none of {rule}")),
            "const" | "enum" => {}
            "oneOf" | "anyOf" => {
                let fitting = rule.as_array().unwrap().iter().filter(|option| fits(root, option, value)).count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    fail(format!("{fitting} of {keyword} fit"));
                }
            }
            "pattern" => {
                if value.as_str().is_some_and(|text| !Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)) {
                    fail(format!("does not match {rule}"));
                }
            }
            "minimum" if value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap()) => {
                fail("too small".into())
            }
            "maximum" if value.as_f64().is_some_and(|number| number > rule.as_f64().unwrap()) => {
                fail("too large".into())
            }
            "minItems" if value.as_array().is_some_and(|items| items.len() < rule.as_u64().unwrap() as usize) => {
                fail("too few items".into());
            }
            "maxItems" if value.as_array().is_some_and(|items| items.len() > rule.as_u64().unwrap() as usize) => {
                fail("too many items".into());
            }
            "minimum" | "maximum" | "minItems" | "maxItems" => {}
            "uniqueItems" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                if items.iter().enumerate().any(|(index, item)| items[..index].contains(item)) {
                    fail("an item twice".into());
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{path}/{index}"), found);
                }
            }
            "required" => {
                for field in rule.as_array().unwrap() {
                    if value.as_object().is_some_and(|fields| !fields.contains_key(field.as_str().unwrap())) {
                        found.push(format!("{path}: {field} is missing"));
                    }
                }
            }
            "properties" | "additionalProperties" | "propertyNames" => {
                if let Some(fields) = value.as_object() {
                    check_fields(root, keywords, keyword, fields, path, found);
                }
            }
            unknown => panic!("the keyword `{unknown}` is not known to this validator"),
        }
    }
}

fn check_fields(
    root: &Value,
    keywords: &Map<String, Value>,
    keyword: &str,
    fields: &Map<String, Value>,
    path: &str,
    found: &mut Vec<String>,
) {
    let properties = keywords.get("properties").and_then(Value::as_object);
    for (name, value) in fields {
        let path = format!("{path}/{name}");
        let known = properties.and_then(|properties| properties.get(name));
        match (keyword, known) {
            ("properties", Some(schema)) => check(root, schema, value, &path, found),
            ("additionalProperties", None) => check(root, &keywords[keyword], value, &path, found),
            ("propertyNames", _) => check(root, &keywords[keyword], &Value::String(name.clone()), &path, found),
            _ => {}
        }
    }
}

fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut found = Vec::new();
    check(root, schema, value, "", &mut found);
    found.is_empty()
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}
