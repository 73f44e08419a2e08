//! Files that are wrong, and what people are told of each: `tests/corpus/agent` and `fleet` hold one file a case, put
//! beside a good fleet; `scenario` holds whole directories. The golden output stands beside each; `SNAPSHOTS=overwrite`
//! writes it anew, and the diff is to be read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ropewalk::spec::{Parsed, ProblemKind, RenderStyle, SourceFile, parse};

/// What every secret planted in the corpus contains.
const PLANTED: &str = "pLanTed";

const STYLE: RenderStyle = RenderStyle { colour: false, unicode: true, width: 140 };

struct Case {
    golden: PathBuf,
    files: Vec<SourceFile>,
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn source(path: &str, content: Vec<u8>) -> SourceFile {
    SourceFile { path: path.into(), content }
}

/// All files below a directory, relative to it.
pub fn tree(directory: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(next) = directories.pop() {
        for path in entries(&next) {
            if path.is_dir() {
                directories.push(path);
            } else {
                let relative = path.strip_prefix(directory).unwrap().to_path_buf();
                files.push(SourceFile { path: relative, content: fs::read(&path).unwrap() });
            }
        }
    }
    files
}

fn good_fleet() -> Vec<u8> {
    fs::read(corpus().join("good-fleet.yaml")).unwrap()
}

fn cases() -> Vec<Case> {
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
    let mut cases = Vec::new();
    for file in entries(&corpus().join("agent")).into_iter().filter(is_yaml) {
        let agent = source("prod/coach-companion.yaml", fs::read(&file).unwrap());
        let files = vec![source("prod/fleet.yaml", good_fleet()), agent];
        cases.push(Case { golden: file.with_extension("txt"), files });
    }
    for file in entries(&corpus().join("fleet")).into_iter().filter(is_yaml) {
        let files = vec![source("prod/fleet.yaml", fs::read(&file).unwrap())];
        cases.push(Case { golden: file.with_extension("txt"), files });
    }
    for directory in entries(&corpus().join("scenario")).into_iter().filter(|path| path.is_dir()) {
        cases.push(Case { golden: directory.with_extension("txt"), files: tree(&directory) });
    }
    cases
}

fn rendered(parsed: &Parsed, style: RenderStyle) -> String {
    let problems: Vec<String> = parsed.problems.iter().map(|problem| problem.render(style) + "\n").collect();
    problems.join("\n")
}

#[test]
fn every_bad_file_is_explained_as_its_golden_output_says() {
    let mut wrong = Vec::new();
    let overwrite = std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite");
    for case in cases() {
        let parsed = parse(&case.files);
        assert!(!parsed.problems.is_empty(), "nothing is wrong with {}", case.golden.display());
        let actual = rendered(&parsed, STYLE);
        if overwrite {
            fs::write(&case.golden, &actual).unwrap();
        }
        let golden = fs::read_to_string(&case.golden).unwrap_or_default();
        if golden != actual {
            wrong.push(format!("{}\n--- golden\n{golden}\n--- actual\n{actual}", case.golden.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\n(SNAPSHOTS=overwrite writes the golden outputs anew)", wrong.join("\n"));
}

#[test]
fn the_corpus_is_large_and_hits_every_kind_of_problem() {
    let cases = cases();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let hit: BTreeSet<&str> =
        cases.iter().flat_map(|case| parse(&case.files).problems).map(|problem| problem.code).collect();
    let all: BTreeSet<&str> = ProblemKind::CODES.iter().copied().collect();
    assert_eq!(all.len(), ProblemKind::CODES.len(), "a code is used twice");
    let missed: Vec<_> = all.difference(&hit).collect();
    assert!(missed.is_empty(), "no file of the corpus shows {missed:?}");
}

#[test]
fn every_problem_says_what_is_wrong_and_what_to_do() {
    for case in cases() {
        for problem in parse(&case.files).problems {
            assert_ne!(problem.message, problem.code, "{}: no prose", problem.code);
            let told = problem.expected.is_some() || problem.hint.is_some();
            assert!(told || problem.code == "not-yet-acted-on", "{}: nothing to do", problem.code);
            assert!(problem.line >= 1 && problem.column >= 1);
        }
    }
}

#[test]
fn no_planted_secret_is_printed() {
    let mut planted = 0;
    for case in cases() {
        let occurs = |text: &[u8]| text.windows(PLANTED.len()).any(|window| window == PLANTED.as_bytes());
        planted += case.files.iter().filter(|file| occurs(&file.content)).count();
        let parsed = parse(&case.files);
        let mut outputs = vec![serde_json::to_string(&parsed.problems).unwrap(), format!("{:?}", parsed.problems)];
        for colour in [false, true] {
            for unicode in [false, true] {
                outputs.push(rendered(&parsed, RenderStyle { colour, unicode, width: 100 }));
            }
        }
        for output in outputs {
            assert!(
                !output.to_lowercase().contains(&PLANTED.to_lowercase()),
                "{} prints a secret:\n{output}",
                case.golden.display()
            );
        }
    }
    assert!(planted >= 10, "secrets are planted in {planted} files only");
}

#[test]
fn plain_output_is_ascii_where_the_prose_is() {
    let files = vec![source("prod/fleet.yaml", b"kind: Fleet\n".to_vec())];
    let text = rendered(&parse(&files), RenderStyle::PLAIN);
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn a_file_with_an_error_is_broken_and_takes_nothing_else_with_it() {
    let good =
        b"apiVersion: ropewalk/v1\nkind: AgentDeployment\nmetadata: { name: one }\nspec: { image: { tag: v1 } }\n";
    let files = vec![
        source("prod/fleet.yaml", good_fleet()),
        source("prod/one.yaml", good.to_vec()),
        source("prod/two.yaml", good.to_vec()),
        source("prod/.two.yaml.swp", b"\0".to_vec()),
        source("README.md", b"# Notes".to_vec()),
    ];
    let parsed = parse(&files);
    assert_eq!(parsed.broken, BTreeSet::from([PathBuf::from("prod/two.yaml")]));
    let fleet = parsed.state.fleets.values().next().unwrap();
    assert_eq!(fleet.agents.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["one"]);
}

#[test]
fn the_sample_files_are_valid() {
    let parsed = parse(&tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("desired-state")));
    assert!(parsed.broken.is_empty(), "{}", rendered(&parsed, STYLE));
    let agents: Vec<String> = parsed
        .state
        .fleets
        .values()
        .flat_map(|fleet| fleet.agents.values())
        .map(|agent| format!("{} {:?} {:?}", agent.id, agent.image.reference, agent.capacity))
        .collect();
    assert_eq!(
        agents,
        [
            r#"dev/test-agent Tag(ImageTag("v0.1.0")) Replicas(1)"#,
            r#"prod/coach-companion Tag(ImageTag("v1.2.0")) Replicas(2)"#,
        ]
    );
}
