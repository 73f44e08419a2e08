//! What holds of every desired state, and of names and units.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use ropewalk::names::{AgentId, ProjectName};
use ropewalk::spec::units::{Percent, Span, Usd};
use ropewalk::spec::{Parsed, RenderStyle, SourceFile, explain, explain_fleet, json_schema, parse};
use serde_json::Value;

use crate::spec_generators::{agent, fleet};
use crate::support_schema::violations;

/// A word that stands for a secret: were any of it printed, this would be.
const PLANTED: &str = "pLanTed";

/// Made once, as it is asked for in each case.
static SCHEMA: LazyLock<Value> = LazyLock::new(json_schema);

fn source(path: &str, content: impl Into<Vec<u8>>) -> SourceFile {
    SourceFile { path: path.into(), content: content.into() }
}

fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap()
}

fn read(fleet: &str, agent: &str) -> Parsed {
    parse(&[source("prod/fleet.yaml", fleet), source("prod/coach.yaml", agent)])
}

fn rendered(parsed: &Parsed) -> String {
    parsed.problems.iter().map(|problem| problem.render(RenderStyle::PLAIN) + "\n").collect()
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

proptest! {
    #[test]
    fn reading_is_total_and_deterministic_whatever_the_order_of_files(fleet in fleet("prod"), agent in agent("coach")) {
        let (fleet, agent) = (yaml(&fleet), yaml(&agent));
        let parsed = read(&fleet, &agent);
        prop_assert!(parsed.broken.is_empty(), "{}\n{fleet}{agent}", rendered(&parsed));
        let again = parse(&[source("prod/coach.yaml", agent), source("prod/fleet.yaml", fleet)]);
        prop_assert_eq!(parsed, again);
    }

    #[test]
    fn an_explained_spec_is_read_back_as_the_same(fleet in fleet("prod"), agent in agent("coach")) {
        let parsed = read(&yaml(&fleet), &yaml(&agent));
        let state = parsed.state.fleets.values().next().unwrap();
        let explained = (explain_fleet(&state.fleet), explain(&state.fleet, state.agents.values().next().unwrap()));
        let again = read(&explained.0, &explained.1);
        prop_assert!(again.broken.is_empty(), "{}\n{}{}", rendered(&again), explained.0, explained.1);
        prop_assert_eq!(&parsed.state, &again.state);
        // And what is explained already is explained in the same words.
        let state = again.state.fleets.values().next().unwrap();
        prop_assert_eq!(explained.1, explain(&state.fleet, state.agents.values().next().unwrap()));
    }

    #[test]
    fn the_schema_accepts_what_is_read(fleet in fleet("prod"), agent in agent("coach")) {
        let schema = &*SCHEMA;
        for file in [&fleet, &agent] {
            prop_assert_eq!(violations(schema, file), Vec::<String>::new());
        }
        let parsed = read(&yaml(&fleet), &yaml(&agent));
        let state = parsed.state.fleets.values().next().unwrap();
        let explained = [explain_fleet(&state.fleet), explain(&state.fleet, state.agents.values().next().unwrap())];
        for file in explained {
            let value: Value = serde_saphyr::from_str(&file).unwrap();
            prop_assert_eq!(violations(schema, &value), Vec::<String>::new(), "{}", file);
        }
    }

    #[test]
    fn spans_percentages_and_dollars_are_written_as_they_are_read(seconds in 0..400_000_000_u64, hundredths in 0..=10_000_u32, cents in 0..1_000_000_000_u64) {
        let span = Span::seconds(seconds);
        prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        let percent: Percent = format!("{}.{:02}%", hundredths / 100, hundredths % 100).parse().unwrap();
        prop_assert_eq!(percent.to_string().parse::<Percent>(), Ok(percent));
        let usd = Usd::try_from(cents as f64 / 100.0).unwrap();
        prop_assert_eq!(Usd::try_from(f64::from(usd)), Ok(usd));
        prop_assert_eq!(usd.to_string().replace('$', "").parse::<f64>().unwrap(), f64::from(usd));
    }

    #[test]
    fn derived_names_are_valid_and_agents_do_not_share_them(
        project in "[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
        ids in prop::collection::btree_set(("[a-z]([a-c0-9-]{0,10}[a-c0-9])?", "[a-z]([a-c0-9-]{0,22}[a-c0-9])?"), 2..20),
    ) {
        let project: ProjectName = project.parse().unwrap();
        let ids: Vec<AgentId> = ids.iter().map(|(fleet, agent)| format!("{fleet}/{agent}").parse().unwrap()).collect();
        let allowed = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let mut roles = BTreeSet::new();
        let mut services = BTreeSet::new();
        let mut groups = BTreeSet::new();
        for id in &ids {
            for role in [id.task_role_name(&project), id.execution_role_name(&project)] {
                prop_assert!(role.len() <= 64 && allowed(&role), "{role}");
                prop_assert!(roles.insert(role.clone()), "two agents share {role}");
            }
            let service = id.service_name();
            prop_assert!(service.len() <= 255 && allowed(&service) && service.starts_with(|first: char| first.is_ascii_lowercase()));
            prop_assert!(services.insert(service.clone()), "two agents share {service}");
            prop_assert!(groups.insert(id.log_group_name()));
            prop_assert_eq!(id.to_string().parse::<AgentId>().unwrap(), id.clone());
        }
    }
}

/// One change that a slip of the hand, a bad merge or a bad disk makes.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(usize, u8),
    Truncate(usize),
    SwapLines(usize, usize),
    RemoveLine(usize),
    Insert(usize, char),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let letters = prop::sample::select("\t\n :{}[]\"'#&*!|>-,\u{0}ü%@?<.".chars().collect::<Vec<_>>());
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Flip(at, byte)),
        any::<usize>().prop_map(Mutation::Truncate),
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Mutation::SwapLines(one, other)),
        any::<usize>().prop_map(Mutation::RemoveLine),
        (any::<usize>(), letters).prop_map(|(at, letter)| Mutation::Insert(at, letter)),
    ]
}

fn mutate(content: &mut Vec<u8>, mutation: &Mutation) {
    if content.is_empty() {
        return;
    }
    let mut lines: Vec<Vec<u8>> = content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    match *mutation {
        Mutation::Flip(at, byte) => {
            let at = at % content.len();
            content[at] = byte;
        }
        Mutation::Truncate(at) => content.truncate(at % content.len()),
        Mutation::SwapLines(one, other) => {
            let count = lines.len();
            lines.swap(one % count, other % count);
            *content = lines.join(&b'\n');
        }
        Mutation::RemoveLine(at) => {
            lines.remove(at % lines.len());
            *content = lines.join(&b'\n');
        }
        Mutation::Insert(at, letter) => {
            let at = at % content.len();
            let mut bytes = [0; 4];
            content.splice(at..at, letter.encode_utf8(&mut bytes).bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn no_mangled_file_panics_or_prints_a_planted_secret(
        which in 0..3_usize,
        mutations in prop::collection::vec(mutation(), 1..5),
    ) {
        let planted = repository("tests/corpus/planted.yaml");
        let samples = [planted, repository("desired-state/prod/coach-companion.yaml"), repository("desired-state/prod/fleet.yaml")];
        let mut content = fs::read(&samples[which]).unwrap();
        mutations.iter().for_each(|mutation| mutate(&mut content, mutation));
        let fleet = fs::read(repository("tests/corpus/good-fleet.yaml")).unwrap();
        let files = if which == 2 {
            vec![source("prod/fleet.yaml", content.clone())]
        } else {
            vec![source("prod/fleet.yaml", fleet), source("prod/coach-companion.yaml", content.clone())]
        };
        let parsed = parse(&files);
        let mut output = rendered(&parsed) + &serde_json::to_string(&parsed.problems).unwrap();
        for problem in &parsed.problems {
            output += &problem.render(RenderStyle { colour: true, unicode: true, width: 80 });
            output += &format!("{problem:?}");
        }
        prop_assert!(!output.to_lowercase().contains(&PLANTED.to_lowercase()), "{}\n{output}", String::from_utf8_lossy(&content));
    }
}

#[test]
fn the_committed_schema_is_fresh() {
    let path = repository("schema/ropewalk.schema.json");
    let fresh = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    if std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite") {
        fs::write(&path, &fresh).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == fresh,
        "run with SNAPSHOTS=overwrite to write {path:?} anew"
    );
}

#[test]
fn every_field_of_the_schema_has_a_description() {
    fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
        // A variant is described as a whole, beside its one property.
        let described = schema.get("description").is_some() && path.contains("oneOf");
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                // A reference, or one of several, is described where it leads.
                let leads = ["$ref", "anyOf", "oneOf"].iter().any(|keyword| property.get(keyword).is_some());
                if property.get("description").is_none() && !leads && !described {
                    found.push(format!("{path}/{name}"));
                }
            }
        }
        match schema {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| undescribed(value, &format!("{path}/{name}"), found))
            }
            Value::Array(items) => items.iter().for_each(|value| undescribed(value, path, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    undescribed(&json_schema(), "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_sample_files_fit_the_schema_and_name_it() {
    let schema = json_schema();
    for file in ["dev/fleet", "dev/test-agent", "prod/fleet", "prod/coach-companion"] {
        let text = fs::read_to_string(repository(&format!("desired-state/{file}.yaml"))).unwrap();
        assert!(text.starts_with("# yaml-language-server: $schema=../../schema/ropewalk.schema.json\n"), "{file}");
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(violations(&schema, &value), Vec::<String>::new(), "{file}");
    }
}
