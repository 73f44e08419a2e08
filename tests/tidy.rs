//! The house rules that a test can see. Each message names what to do instead.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/` in reading order: each uses only those above it.
const LAYERS: [&str; 10] =
    ["names", "spec", "observed", "resources", "ledger", "plan", "status", "aws", "operator", "cli"];
/// The last of them that is pure.
const LAST_PURE: &str = "status";
/// A file is one thing; beyond this it is two.
const MOST_LINES: usize = 500;
/// What fits on a screen.
const MOST_FUNCTION_LINES: usize = 70;

/// A banned text, where it is banned, and what stands in its place.
struct Ban {
    text: &'static str,
    applies: fn(&Source) -> bool,
    instead: &'static str,
}

const BANS: [Ban; 24] = [
    ban("async ", is_pure, "pure modules take what they need as arguments; `operator` and `aws` wait for things"),
    ban("tokio", is_pure, "pure modules do not wait; move it to `operator` or `aws`"),
    ban("std::fs", is_pure, "`operator/source` reads files, pure modules get their content"),
    ban("std::env", is_pure, "`cli` reads the environment, pure modules get values"),
    ban("SystemTime", is_pure, "`now` is an argument"),
    ban("Instant::now", is_pure, "`now` is an argument"),
    ban("Timestamp::now", is_pure, "`now` is an argument"),
    ban("Zoned::now", is_pure, "`now` is an argument"),
    ban("rand::", is_pure, "decisions are not random; hash what should differ"),
    ban("HashMap", is_ours, "BTreeMap: the order of a hash map must not decide anything"),
    ban("HashSet", is_ours, "BTreeSet: the order of a hash set must not decide anything"),
    ban("aws_sdk_", outside_aws, "only `aws` names the SDK; give it a function that says what is wanted"),
    ban("ropewalk_cloud", outside_cli, "only `cli` knows the embedded cloud; all else reaches it through the wire"),
    ban("backoff::", outside_pacing, "`operator/pacing` is the only place that paces passes"),
    ban("anyhow", outside_cli, "libraries have thiserror enums; anyhow is for `cli`"),
    ban("println!", outside_cli, "`cli/render` formats what people read; libraries log by tracing"),
    ban("todo!(", is_any, "finish it, or leave it out"),
    ban("unimplemented!(", is_any, "finish it, or leave it out"),
    ban("dbg!(", is_any, "remove it"),
    ban("#[ignore", is_any, "a test that does not run is a defect: mend it or remove it"),
    ban("serde(flatten", is_spec, "name the members: flattened types lose the place of an error"),
    ban("serde(untagged", is_spec, "tag the variants: untagged enums say only that nothing matched"),
    ban("use ropewalk::", is_cloud, "the embedded cloud knows nothing of the operator"),
    ban(".unwrap()", is_production, "return an error, or `expect` with a comment that proves it cannot fail"),
];

const fn ban(text: &'static str, applies: fn(&Source) -> bool, instead: &'static str) -> Ban {
    Ban { text, applies, instead }
}

/// A Rust file of ours, without its inline tests.
struct Source {
    path: PathBuf,
    text: String,
    lines: usize,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
        Self { path: path.strip_prefix(root).unwrap().to_owned(), lines: code.lines().count(), text: code }
    }

    /// The module of `src/` that it belongs to.
    fn layer(&self) -> Option<usize> {
        let module = self.path.strip_prefix("src").ok()?.components().next()?;
        let module = module.as_os_str().to_str()?.trim_end_matches(".rs");
        LAYERS.iter().position(|layer| *layer == module)
    }

    fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    fn is_test(&self) -> bool {
        let is_test = |name: &str| name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs");
        self.path.components().any(|part| part.as_os_str().to_str().is_some_and(is_test))
    }

    /// Lines of code, numbered from 1; comments say things that code may not.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line)).filter(|(_, line)| {
            let line = line.trim_start();
            !line.starts_with("//")
        })
    }
}

fn is_any(source: &Source) -> bool {
    source.path != Path::new("tests/tidy.rs")
}

fn is_ours(source: &Source) -> bool {
    // The SDK's own types are hash maps; they are turned into ordered ones at once.
    is_production(source) && !source.is_under("src/aws")
}

fn is_pure(source: &Source) -> bool {
    let last = LAYERS.iter().position(|layer| *layer == LAST_PURE);
    source.layer().is_some_and(|layer| Some(layer) <= last) && !source.is_test()
}

fn is_spec(source: &Source) -> bool {
    source.is_under("src/spec")
}

fn is_cloud(source: &Source) -> bool {
    source.is_under("cloud")
}

fn is_production(source: &Source) -> bool {
    (source.is_under("src") || source.is_under("cloud/src")) && !source.is_test()
}

fn outside_aws(source: &Source) -> bool {
    source.is_under("src") && !source.is_under("src/aws")
}

fn outside_cli(source: &Source) -> bool {
    source.is_under("src") && !source.is_under("src/cli") && source.path != Path::new("src/main.rs")
}

fn outside_pacing(source: &Source) -> bool {
    source.is_under("src") && source.path != Path::new("src/operator/pacing.rs")
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["src", "cloud/src", "cloud/tests", "tests", "benches"].iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(root, &path));
            }
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn what_is_banned_is_not_there() {
    let mut problems = Vec::new();
    for source in sources() {
        for ban in BANS.iter().filter(|ban| (ban.applies)(&source)) {
            let hits = source.code().filter(|(_, line)| line.contains(ban.text));
            problems.extend(
                hits.map(|(line, _)| format!("{}:{line}: `{}`: {}", source.path.display(), ban.text, ban.instead)),
            );
        }
    }
    none(problems);
}

#[test]
fn each_module_uses_only_those_above_it() {
    let mut problems = Vec::new();
    for source in sources() {
        let Some(own) = source.layer() else { continue };
        for (line, text) in source.code() {
            for (layer, name) in LAYERS.iter().enumerate().skip(own + 1) {
                let named = text.split("crate::").skip(1).any(|rest| {
                    rest.strip_prefix(name)
                        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
                });
                if named {
                    problems.push(format!(
                        "{}:{line}: `{}` stands above `{name}` and must not use it: move what both need up",
                        source.path.display(),
                        LAYERS[own],
                    ));
                    debug_assert!(layer > own);
                }
            }
        }
    }
    none(problems);
}

#[test]
fn the_crate_lists_its_modules_in_reading_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let modules: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|line| line.trim_end_matches(';')).collect();
    let expected: Vec<&str> = LAYERS.iter().copied().filter(|layer| modules.contains(layer)).collect();
    assert_eq!(modules, expected);
}

#[test]
fn files_and_functions_are_small() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| is_production(source)) {
        if source.lines > MOST_LINES {
            problems.push(format!("{}: {} lines: is it one thing?", source.path.display(), source.lines));
        }
        problems.extend(long_functions(source));
    }
    none(problems);
}

/// Functions end, as rustfmt writes them, at a brace as deep as their first line.
fn long_functions(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (index, line) in source.text.lines().enumerate() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        let starts = [
            "fn ",
            "pub fn ",
            "async fn ",
            "pub async fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "pub(crate) async fn ",
        ];
        if let Some((start, depth, name)) = &open {
            if line.strip_prefix(depth.as_str()).is_some_and(|rest| rest.starts_with('}')) {
                let length = index - start + 1;
                if length > MOST_FUNCTION_LINES {
                    problems.push(format!(
                        "{}:{}: {length} lines in `{name}`: branching stays, leaves move out",
                        source.path.display(),
                        start + 1
                    ));
                }
                open = None;
            }
        } else if starts.iter().any(|start| trimmed.starts_with(start))
            && !trimmed.ends_with('}')
            && !trimmed.ends_with(';')
        {
            open = Some((index, indent.to_owned(), trimmed.to_owned()));
        }
    }
    problems
}

#[test]
fn an_expect_has_a_comment_that_proves_it() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| is_production(source)) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.code().filter(|(_, line)| line.contains(".expect(\"") || line.contains("panic!("))
        {
            let near = &lines[number.saturating_sub(5)..number];
            if !near.iter().any(|line| line.contains("// ")) {
                problems.push(format!(
                    "{}:{number}: say in a comment why it cannot fail: {}",
                    source.path.display(),
                    line.trim()
                ));
            }
        }
    }
    none(problems);
}

#[test]
fn the_production_build_leaves_the_embedded_cloud_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("ropewalk-cloud = { path = \"cloud\", optional = true }"));
    assert!(manifest.contains("embedded = [\"dep:ropewalk-cloud\""));
}
