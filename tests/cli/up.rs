//! The acceptance list's first lines, by the real binary over loopback.

use std::collections::BTreeMap;
use std::time::Duration;

use ropewalk_cloud::admin::Client;
use ropewalk_cloud::admin::calls::{Calls, CallsInput};
use serde_json::Value;

use super::support::{Running, Workplace};

/// An hour in a minute, as in the acceptance list.
const FAST: [&str; 2] = ["--speed", "60"];

#[test]
fn up_until_ready_ends_with_all_agents_ready() {
    let place = Workplace::new();
    let ran = place.run(&["up", "--until", "ready", "--listen", "127.0.0.1:0", "--speed", "60"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("2 agents ready: 12 resources made in"), "{}", ran.stdout);
    assert!(!place.path().join(".ropewalk/up.json").exists());
}

#[test]
fn up_until_ready_fails_with_the_reason_when_an_agent_cannot_be() {
    let place = Workplace::new();
    place.edit("dev/test-agent.yaml", "replicas: 1", "replcas: 1");
    let ran = place.run(&["up", "--until", "ready", "--listen", "127.0.0.1:0", "--speed", "60"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stderr.contains("unknown field `replcas`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("there are errors in dev/test-agent.yaml"), "{}", ran.stderr);
}

#[test]
fn what_is_taken_is_named() {
    let place = Workplace::new();
    let up = place.up(&FAST);
    let address = up.endpoint.strip_prefix("http://").unwrap();
    let here = place.run(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(here.code, 1);
    assert!(here.stderr.contains("runs in this directory already: process"), "{}", here.stderr);
    let elsewhere = Workplace::new();
    let ran = elsewhere.run(&["up", "--listen", address]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains(&format!("{address} is taken")) && ran.stderr.contains("--listen"), "{}", ran.stderr);
}

#[test]
fn a_data_directory_is_used_by_one_process() {
    let place = Workplace::new();
    let data = place.path().join("data");
    let data = data.to_str().unwrap();
    let _up = place.up(&["--data", data]);
    let ran = Workplace::new().run(&["up", "--listen", "127.0.0.1:0", "--data", data]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("is in use by another `ropewalk up`"), "{}", ran.stderr);
}

#[test]
fn a_dead_up_is_said_to_be_dead() {
    let place = Workplace::new();
    place.up(&FAST).kill();
    let ran = place.run(&["status"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("the `ropewalk up` of this directory is dead"), "{}", ran.stderr);
    let ran = place.run(&["status", "--local"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn after_kill_9_the_same_command_goes_on_and_makes_nothing_twice() {
    let place = Workplace::new();
    let arguments = ["--data", "data", "--speed", "60"];
    // Killed when it has just begun, when the services are there, and when tasks run.
    for moment in ["waiting", "rolling", "0 of"] {
        let up = place.up(&arguments);
        up.says(moment);
        up.kill();
    }
    let up = place.up(&arguments);
    up.says("2 agents ready");
    for agent in ["test-agent", "coach-companion"] {
        place.until(agent, "converged", |status| status["convergedGeneration"] == 1);
        let history = place.history(agent);
        assert_eq!(count(&history, "rolloutStarted"), 1, "{history:#?}");
        assert_eq!(count(&history, "drift"), 0, "{history:#?}");
        let made = intents(&history, "Create") + intents(&history, "Register");
        assert_eq!(made, 6, "{history:#?}");
    }
    assert_eq!(task_definitions(&up), ["coach-companion:1", "test-agent:1"]);
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_day_with_a_running_up() {
    let place = Workplace::new();
    let up = place.up(&FAST);
    up.says("2 agents ready");
    at_rest(&place);
    touching_a_file_writes_nothing(&place, &up);
    replicas_cost_one_update_service(&place, &up);
    a_change_by_hand_is_put_back_once(&place, &up);
    a_new_tag_is_a_new_revision(&place, &up);
    the_old_tag_again_makes_no_task_definition(&place, &up);
    a_bad_image_is_held_and_not_tried_again(&place, &up);
    verbs_speak_to_the_ledger(&place);
    assert_eq!(up.stop(), 0);
    assert!(!place.path().join(".ropewalk/up.json").exists());
}

/// Nothing is left to do: everything that was asked for is seen to be live.
fn at_rest(place: &Workplace) {
    for agent in ["test-agent", "coach-companion"] {
        place.until(agent, "at rest", |status| {
            status["state"] == "ready"
                && status["convergedGeneration"] == status["generation"]
                && status["rollout"].is_null()
        });
    }
}

fn touching_a_file_writes_nothing(place: &Workplace, up: &Running) {
    mark(up);
    let file = place.file("dev/test-agent.yaml");
    std::fs::write(&file, std::fs::read(&file).unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(writes(up), BTreeMap::new());
}

fn replicas_cost_one_update_service(place: &Workplace, up: &Running) {
    mark(up);
    place.edit("dev/test-agent.yaml", "replicas: 1", "replicas: 2");
    place.until("test-agent", "at two tasks", |status| status["tasks"]["running"] == 2 && status["state"] == "ready");
    at_rest(place);
    assert_eq!(writes(up), BTreeMap::from([("ecs:UpdateService".to_owned(), 1)]));
}

fn a_change_by_hand_is_put_back_once(place: &Workplace, up: &Running) {
    mark(up);
    ecs(up, |ecs| async move {
        let change = ecs.update_service().cluster("vitracka-agents").service("dev-test-agent").desired_count(5);
        change.send().await.unwrap();
    });
    place.until("test-agent", "put back", |_| place.history("test-agent").iter().any(|entry| entry["kind"] == "drift"));
    at_rest(place);
    assert_eq!(writes(up), BTreeMap::from([("ecs:UpdateService".to_owned(), 2)]), "one by hand, one to put it back");
    let drift = place.history("test-agent").into_iter().filter(|entry| entry["kind"] == "drift").collect::<Vec<_>>();
    assert_eq!(drift.len(), 1);
    assert!(drift[0]["fields"][0].as_str().unwrap().contains('5'), "{drift:?}");
    assert!(place.done(&["history", "test-agent"]).contains("drift"));
}

fn a_new_tag_is_a_new_revision(place: &Workplace, up: &Running) {
    place.done(&["cloud", "push", "test-agent", "v0.2.0"]);
    mark(up);
    place.edit("dev/test-agent.yaml", "tag: v0.1.0", "tag: v0.2.0");
    let status = place.until("test-agent", "on v0.2.0", |status| {
        status["state"] == "ready" && status["serving"]["version"] == "v0.2.0"
    });
    assert_eq!(status["serving"]["revision"], 3, "replicas made 2");
    at_rest(place);
    let done = writes(up);
    assert_eq!(
        (done.get("ecs:RegisterTaskDefinition"), done.get("ecs:UpdateService")),
        (Some(&1), Some(&1)),
        "{done:?}"
    );
}

fn the_old_tag_again_makes_no_task_definition(place: &Workplace, up: &Running) {
    mark(up);
    place.edit("dev/test-agent.yaml", "tag: v0.2.0", "tag: v0.1.0");
    let status = place.until("test-agent", "on v0.1.0", |status| {
        status["state"] == "ready" && status["serving"]["version"] == "v0.1.0"
    });
    assert_eq!(status["serving"]["revision"], 2, "the same content is the same revision");
    at_rest(place);
    assert_eq!(writes(up), BTreeMap::from([("ecs:UpdateService".to_owned(), 1)]));
    assert_eq!(task_definitions(up), ["coach-companion:1", "test-agent:1", "test-agent:2"]);
}

fn a_bad_image_is_held_and_not_tried_again(place: &Workplace, up: &Running) {
    place.done(&["cloud", "push", "test-agent", "v0.3.0", "--behaviour", "crash"]);
    place.edit("dev/test-agent.yaml", "tag: v0.1.0", "tag: v0.3.0");
    let status = place.until("test-agent", "held", |status| status["state"] == "held");
    assert_eq!(status["serving"]["version"], "v0.1.0");
    let note = status["note"].as_str().unwrap();
    assert!(note.starts_with("v0.3.0 failed: "), "{note}");
    place.until("test-agent", "back at full count", |status| status["tasks"]["running"] == 2);
    mark(up);
    // A quarter of an hour there.
    std::thread::sleep(Duration::from_secs(15));
    assert_eq!(writes(up), BTreeMap::new());
    let ran = place.run(&["wait", "test-agent", "--for", "ready", "--timeout", "5s"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("dev/test-agent is held: v0.3.0 failed"), "{}", ran.stderr);
    place.edit("dev/test-agent.yaml", "tag: v0.3.0", "tag: v0.1.0");
    at_rest(place);
}

fn verbs_speak_to_the_ledger(place: &Workplace) {
    let ran = place.run(&["status"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("speaking to the embedded AWS of `ropewalk up`"), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    assert_eq!(place.run(&["status", "--check"]).code, 0);
    assert_eq!(place.run(&["wait", "--all", "--for", "ready"]).code, 0);
    let plan = place.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}{}", plan.stdout, plan.stderr);
    let unknown = place.run(&["status", "coach-companoin"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `prod/coach-companion`?"), "{}", unknown.stderr);
    let led = place.run(&["reconcile", "--once"]);
    assert_eq!(led.code, 1);
    assert!(led.stderr.contains("is led by ropewalk up") && led.stderr.contains("--wait"), "{}", led.stderr);
    // Against production, the sandbox is never used.
    let aws = place
        .command(&["status"])
        .env("AWS_PROFILE", "none")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    assert_eq!(aws.status.code(), Some(1));
    assert!(String::from_utf8(aws.stderr).unwrap().starts_with("speaking to AWS, because AWS_"));
}

fn count(history: &[Value], kind: &str) -> usize {
    history.iter().filter(|entry| entry["kind"] == kind).count()
}

/// How many different actions of this kind were intended.
fn intents(history: &[Value], prefix: &str) -> usize {
    let intents = history.iter().filter(|entry| entry["kind"] == "intent");
    let actions = intents.flat_map(|entry| entry["actions"].as_array().unwrap());
    let operations = actions.map(|action| action["operation"].as_str().unwrap());
    operations.filter(|operation| operation.split(':').nth(1).unwrap().starts_with(prefix)).count()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn calls(up: &Running, input: CallsInput) -> Calls {
    let client = Client::new(&up.endpoint).unwrap();
    runtime().block_on(client.calls(&input)).unwrap()
}

const MARK: &str = "here";

fn mark(up: &Running) {
    calls(up, CallsInput { since: None, mark: Some(MARK.to_owned()) });
}

/// The writes to AWS since the mark; the ledger's are not among them.
fn writes(up: &Running) -> BTreeMap<String, u64> {
    let calls = calls(up, CallsInput { since: Some(MARK.to_owned()), mark: None });
    let writes = calls.counts.into_iter().filter(|(name, count)| count.write && !name.starts_with("dynamodb:"));
    writes.map(|(name, count)| (name, count.calls)).collect()
}

fn ecs<F: Future<Output = T>, T>(up: &Running, ask: impl FnOnce(aws_sdk_ecs::Client) -> F) -> T {
    runtime().block_on(async {
        let credentials = aws_sdk_ecs::config::Credentials::new("211125768252", "any", None, None, "test");
        let config = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
            .endpoint_url(&up.endpoint)
            .region(aws_config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .load();
        ask(aws_sdk_ecs::Client::new(&config.await)).await
    })
}

/// All that were ever registered, as `agent:number`.
fn task_definitions(up: &Running) -> Vec<String> {
    let mut names: Vec<String> = ecs(up, |ecs| async move {
        let answer = ecs.list_task_definitions().send().await.unwrap();
        let names = answer.task_definition_arns().iter().map(|arn| arn.rsplit('/').next().unwrap());
        names.map(|name| name.trim_start_matches("dev-").trim_start_matches("prod-").to_owned()).collect()
    });
    names.sort();
    names
}
