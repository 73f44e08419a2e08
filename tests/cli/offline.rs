//! What needs neither AWS nor a running `up`.

use std::io::Read;
use std::process::Stdio;

use snapbox::str;

use super::support::Workplace;

#[test]
fn the_sample_is_valid() {
    let ran = Workplace::new().run(&["validate"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr, "4 files, no error, 1 notice\n");
}

#[test]
fn validate_shows_all_problems_with_their_places_and_what_would_be_right() {
    let place = Workplace::new();
    place.edit("prod/coach-companion.yaml", "replicas: 2", "replcas: 3");
    place.edit("prod/coach-companion.yaml", "memoryMiB: 512", "memoryMiB: 30720");
    let ran = place.run(&["validate"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stdout);
    assert_eq!(ran.stderr, "2 errors and 1 notice in 1 of 4 files\n");
}

#[test]
fn validate_speaks_json() {
    let place = Workplace::new();
    place.edit("prod/coach-companion.yaml", "replicas: 2", "replcas: 3");
    let ran = place.run(&["validate", "-o", "json"]);
    assert_eq!(ran.code, 1);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["files"], 4);
    let problems = report["problems"].as_array().unwrap();
    let error = problems.iter().find(|problem| problem["severity"] == "error").unwrap();
    assert_eq!(error["file"], "desired-state/prod/coach-companion.yaml");
    assert_eq!((&error["line"], &error["column"]), (&11.into(), &3.into()));
}

#[test]
fn explain_prints_every_default_and_what_it_prints_is_valid() {
    let place = Workplace::new();
    let explained = place.done(&["explain", "desired-state/dev/test-agent.yaml"]);
    assert!(explained.contains("deletion: retain") && explained.contains("retention: 7"), "{explained}");
    std::fs::write(place.file("dev/test-agent.yaml"), &explained).unwrap();
    assert_eq!(place.done(&["explain", "desired-state/dev/test-agent.yaml"]), explained);
}

#[test]
fn explain_of_a_broken_file_says_what_is_wrong_with_it() {
    let place = Workplace::new();
    place.edit("dev/test-agent.yaml", "port: 8001", "port: 99999");
    let ran = place.run(&["explain", "desired-state/dev/test-agent.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("dev/test-agent.yaml:9:9"), "{}", ran.stderr);
}

#[test]
fn a_missing_directory_says_what_belongs_there() {
    let ran = Workplace::new().run(&["validate", "nowhere"]);
    assert_eq!(ran.code, 1);
    snapbox::assert_data_eq!(
        ran.stderr,
        str![[r#"
error: there is no nowhere; name the directory that holds the desired state (<fleet>/fleet.yaml, <fleet>/<agent>.yaml)

"#]]
    );
}

#[test]
fn without_a_target_both_ways_out_are_named() {
    let ran = Workplace::new().run(&["status"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    snapbox::assert_data_eq!(
        ran.stderr,
        str![[r#"
error: nothing to speak to: no AWS is configured (no AWS_* variable, no default profile, no --endpoint-url), and no `ropewalk up` runs in this directory
  for AWS:           export AWS_PROFILE=…
  on this machine:   ropewalk up

"#]]
    );
}

#[test]
fn every_schema_is_one_and_describes_its_fields() {
    let place = Workplace::new();
    for of in ["desired-state", "status", "history", "plan", "validate"] {
        let schema = place.json(&["schema", "--of", of]);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{of}");
        assert!(schema.to_string().contains("description"), "{of}");
    }
}

#[test]
fn completions_and_man_pages_know_the_verbs() {
    let place = Workplace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.done(&["completions", shell]).contains("reconcile"), "{shell}");
    }
    place.done(&["man", "--to", "man"]);
    let page = std::fs::read_to_string(place.path().join("man/ropewalk-status.1")).unwrap();
    assert!(page.contains("Exit 3 unless all agents shown are ready"), "{page}");
}

#[test]
fn every_verb_helps_with_an_example() {
    let place = Workplace::new();
    let verbs = [
        "up",
        "serve",
        "reconcile",
        "plan",
        "validate",
        "explain",
        "schema",
        "status",
        "history",
        "wait",
        "init",
        "cloud",
        "completions",
    ];
    for verb in verbs {
        let help = place.done(&[verb, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("ropewalk {verb}")), "{help}");
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let place = Workplace::new();
    for arguments in [
        &["nonsense"][..],
        &["up", "--speed", "fast"],
        &["up", "--listen", "0.0.0.0:4599"],
        &["reconcile"],
        &["wait", "--for", "ready"],
        &["serve", "https://example.com/fleet.git"],
        &["cloud", "push", "test-agent", "v1", "--behaviour", "sulky"],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Workplace::new();
    let mut child = place.command(&["schema"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}
