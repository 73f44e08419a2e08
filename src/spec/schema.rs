//! The JSON Schema of what people write, for editors: draft 2020-12, made from the written form's types.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::written::agent::AgentFile;
use super::written::fleet::FleetFile;

/// The JSON Schema of a desired-state file: a Fleet or an AgentDeployment.
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let fleet = generator.subschema_for::<FleetFile>();
    let agent = generator.subschema_for::<AgentFile>();
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ropewalk desired state",
        "description": "A Fleet in <fleet>/fleet.yaml, or an AgentDeployment in <fleet>/<agent>.yaml.",
        "oneOf": [fleet, agent],
        "$defs": definitions,
    })
}

/// Every name that a field or a variant of an enum can have.
pub(super) fn field_names() -> &'static BTreeSet<String> {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let mut names = BTreeSet::new();
        collect(&json_schema(), &mut names);
        names
    });
    &NAMES
}

fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                names.extend(properties.keys().cloned());
            }
            fields.values().for_each(|value| collect(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}
