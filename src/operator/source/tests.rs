use std::fs;

use super::*;
use crate::spec::model::Capacity;

const FLEET: &str = r#"
apiVersion: ropewalk/v1
kind: Fleet
metadata:
  name: dev
spec:
  project: vitracka
  environment: dev
  account: "211125768252"
  region: us-east-1
  cluster: vitracka-agents
  network:
    vpc: vpc-0f1e2d3c
    subnets: [subnet-0a1b2c3d]
    securityGroups: [sg-0a1b2c3d]
"#;

/// A directory with one fleet and two agents.
struct Desired {
    directory: tempfile::TempDir,
}

impl Desired {
    fn new() -> Self {
        let desired = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(desired.path().join("dev")).unwrap();
        desired.write("dev/fleet.yaml", FLEET);
        desired.write("dev/one.yaml", &agent("one", 1));
        desired.write("dev/two.yaml", &agent("two", 1));
        desired
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).unwrap();
    }

    fn remove(&self, file: &str) {
        fs::remove_file(self.path().join(file)).unwrap();
    }
}

fn agent(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: ropewalk/v1\nkind: AgentDeployment\nmetadata:\n  name: {name}\nspec:\n  image:\n    tag: v0.1.0\n  \
         port: 8001\n  size: {{ cpu: 256, memoryMiB: 512, architecture: arm64 }}\n  replicas: {replicas}\n"
    )
}

/// `one=1 two=1`: the agents with their replicas.
fn agents(reading: &Reading) -> String {
    let agents = reading.state.fleets.values().flat_map(|fleet| fleet.agents.values());
    let shown = agents.map(|agent| match agent.capacity {
        Capacity::Replicas(count) => format!("{}={count}", agent.id.agent),
        Capacity::Scaling { .. } => format!("{}=scaled", agent.id.agent),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn invalid(reading: &Reading) -> Vec<&str> {
    reading.invalid.keys().map(|id| id.agent.as_str()).collect()
}

#[test]
fn good_files_are_the_desired_state() {
    let desired = Desired::new();
    let reading = Reader::new(desired.path()).read();
    assert_eq!(agents(&reading), "one=1 two=1");
    assert!(reading.complete && reading.invalid.is_empty() && reading.problems.is_empty());
}

#[test]
fn a_half_written_file_keeps_its_last_good_version_and_says_so() {
    let desired = Desired::new();
    let mut reader = Reader::new(desired.path());
    reader.read();
    let whole = agent("one", 5);
    for length in [0, 10, 40, whole.len() - 8] {
        desired.write("dev/one.yaml", &whole[..length]);
        let reading = reader.read();
        assert_eq!(agents(&reading), "one=1 two=1", "with {length} bytes written");
        assert_eq!(invalid(&reading), ["one"], "with {length} bytes written");
        assert!(!reading.complete);
    }
    desired.write("dev/one.yaml", &whole);
    let reading = reader.read();
    assert_eq!(agents(&reading), "one=5 two=1");
    assert!(reading.complete && reading.invalid.is_empty());
}

#[test]
fn a_broken_file_is_named_with_its_line_and_does_not_hold_up_the_others() {
    let desired = Desired::new();
    let mut reader = Reader::new(desired.path());
    reader.read();
    desired.write("dev/one.yaml", &agent("one", 2).replace("replicas", "replcas"));
    desired.write("dev/two.yaml", &agent("two", 3));
    let reading = reader.read();
    assert_eq!(agents(&reading), "one=1 two=3");
    let reason = &reading.invalid[&"dev/one".parse().unwrap()];
    assert!(reason.starts_with("dev/one.yaml:10: ") && reason.contains("replcas"), "{reason}");
}

#[test]
fn a_broken_fleet_file_keeps_the_fleet_and_all_its_agents() {
    let desired = Desired::new();
    let mut reader = Reader::new(desired.path());
    reader.read();
    desired.write("dev/fleet.yaml", &FLEET.replace("us-east-1", "the moon"));
    let reading = reader.read();
    assert_eq!(agents(&reading), "one=1 two=1");
    assert_eq!(invalid(&reading), ["one", "two"]);
    assert!(!reading.complete);
}

#[test]
fn bytes_that_are_no_text_are_a_problem_of_their_file_alone() {
    let desired = Desired::new();
    let mut reader = Reader::new(desired.path());
    reader.read();
    fs::write(desired.path().join("dev/one.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let reading = reader.read();
    assert_eq!(agents(&reading), "one=1 two=1");
    assert_eq!(invalid(&reading), ["one"]);
}

#[test]
fn an_emptied_or_vanished_directory_changes_nothing_but_the_condition() {
    let desired = Desired::new();
    let mut reader = Reader::new(desired.path());
    reader.read();
    for file in ["dev/fleet.yaml", "dev/one.yaml", "dev/two.yaml"] {
        desired.remove(file);
    }
    for _ in 0..3 {
        let reading = reader.read();
        assert_eq!(agents(&reading), "one=1 two=1");
        assert_eq!(invalid(&reading), ["one", "two"]);
        assert!(reading.directory_problem.unwrap().contains("holds no YAML file"));
        assert!(!reading.complete);
    }
    fs::remove_dir_all(desired.path()).unwrap();
    let reading = reader.read();
    assert_eq!(agents(&reading), "one=1 two=1");
    assert!(reading.directory_problem.unwrap().starts_with("cannot read "));
}

#[test]
fn a_file_is_believed_to_be_gone_when_it_is_missing_twice() {
    let desired = Desired::new();
    let mut reader = Reader::new(desired.path());
    reader.read();
    desired.remove("dev/one.yaml");
    let first = reader.read();
    assert_eq!(agents(&first), "one=1 two=1");
    assert!(first.is_provisional() && !first.complete);
    let second = reader.read();
    assert_eq!(agents(&second), "two=1");
    assert!(!second.is_provisional() && second.complete);
}

#[test]
fn a_file_that_comes_back_at_once_was_never_gone() {
    let desired = Desired::new();
    let mut reader = Reader::new(desired.path());
    reader.read();
    for _ in 0..3 {
        desired.remove("dev/one.yaml");
        assert_eq!(agents(&reader.read()), "one=1 two=1");
        desired.write("dev/one.yaml", &agent("one", 1));
        assert_eq!(agents(&reader.read()), "one=1 two=1");
    }
}

#[tokio::test]
async fn the_last_good_version_keeps_the_commit_that_it_came_with() {
    let desired = Desired::new();
    let git = async |arguments: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
        let arguments = [&identity, arguments].concat();
        let status = tokio::process::Command::new("git").arg("-C").arg(desired.path()).args(arguments).status().await;
        assert!(status.unwrap().success());
    };
    git(&["init", "--quiet"]).await;
    git(&["add", "--all"]).await;
    git(&["commit", "--quiet", "--message", "Add two agents"]).await;
    let mut reader = Reader::new(desired.path());
    reader.read_with_provenance().await;
    desired.write("dev/one.yaml", "broken");
    desired.write("dev/two.yaml", &agent("two", 2));
    git(&["commit", "--quiet", "--all", "--message", "Break one, change two"]).await;
    let reading = reader.read_with_provenance().await;
    let subject = |name: &str| reading.provenance[&name.parse().unwrap()].subject.clone().unwrap();
    assert_eq!(subject("dev/one"), "Add two agents");
    assert_eq!(subject("dev/two"), "Break one, change two");
}

/// Waits until the agents are as expected, and fails if an agent is ever missing meanwhile.
async fn until(readings: &mut watch::Receiver<Arc<Reading>>, expected: &str) {
    let reached = readings.wait_for(|reading| {
        assert_eq!(reading.agents().count(), 2, "nobody deleted an agent");
        agents(reading) == expected
    });
    tokio::time::timeout(Duration::from_secs(60), reached).await.expect("the change is seen").unwrap();
}

#[tokio::test]
async fn changes_are_seen_however_an_editor_writes_them() {
    let desired = Desired::new();
    let source = Source::watch(desired.path()).await;
    let mut readings = source.readings();
    // In place.
    desired.write("dev/one.yaml", &agent("one", 2));
    until(&mut readings, "one=2 two=1").await;
    // Beside it, then renamed over it.
    desired.write("dev/.one.yaml.new", &agent("one", 3));
    fs::rename(desired.path().join("dev/.one.yaml.new"), desired.path().join("dev/one.yaml")).unwrap();
    until(&mut readings, "one=3 two=1").await;
    // Moved away as a backup, then written anew.
    fs::rename(desired.path().join("dev/one.yaml"), desired.path().join("dev/one.yaml~")).unwrap();
    tokio::time::sleep(DEBOUNCE * 2).await;
    desired.write("dev/one.yaml", &agent("one", 4));
    until(&mut readings, "one=4 two=1").await;
}

#[tokio::test]
async fn a_new_folder_is_watched_as_well() {
    let desired = Desired::new();
    let source = Source::watch(desired.path()).await;
    let mut readings = source.readings();
    fs::create_dir(desired.path().join("prod")).unwrap();
    desired.write("prod/fleet.yaml", &FLEET.replace("dev", "prod"));
    let seen = readings.wait_for(|reading| reading.state.fleets.len() == 2);
    tokio::time::timeout(Duration::from_secs(60), seen).await.expect("the fleet is seen").unwrap();
}
