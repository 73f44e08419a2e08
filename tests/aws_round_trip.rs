//! What is executed is observed as it was rendered: at the wire, through the real SDK.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ropewalk::observed::{Seen, ServiceStatus};
use ropewalk::plan::Action;
use ropewalk::plan::action::{DeploymentUpdate, ServiceUpdate};
use ropewalk::plan::diff;
use ropewalk::resources::compute::REVISION_VARIABLE;
use ropewalk::spec::model::{Agent, Architecture, Capacity, Fleet, Size};
use ropewalk::spec::units::Span;
use ropewalk_cloud::admin::Preload;

use crate::aws_support::{
    LEDGER, Sandbox, agent, difference, execute, foundation, look, make, prerequisites, register, watch,
};
use crate::sample;

const BOUNDARY: &str = "arn:aws:iam::211125768252:policy/boundary";
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const KEY: &str = "arn:aws:kms:us-east-1:211125768252:key/0b1c2d3e-0000-4000-8000-000000000000";

#[derive(Clone, Debug)]
struct Spec {
    fleet: Fleet,
    agent: Agent,
}

fn spec() -> impl Strategy<Value = Spec> {
    let size = prop_oneof![Just((256, 512)), Just((512, 1024)), Just((1024, 2048)), Just((4096, 8192))];
    let names = prop::collection::btree_map("[A-Z][A-Z0-9_]{1,8}", "[ -~]{0,20}|[äöü€]{1,3}", 0..4);
    let secrets = prop::collection::btree_map("S_[A-Z]{1,6}", "[a-z]{3,9}", 0..3);
    let models = prop::collection::btree_set("(us\\.)?[a-z]{3,8}\\.[a-z0-9-]{3,9}", 0..3);
    let people =
        (1..5u32, prop_oneof![Just(1), Just(7), Just(30), Just(365)], any::<bool>(), any::<bool>(), any::<bool>());
    let network = prop::collection::btree_set("subnet-[0-9a-f]{8}", 1..4);
    let health = (5..60u64, 2..5u64, 1..10u32, 0..300u64, 1..60_000u16);
    (size, names, secrets, models, people, network, health).prop_map(
        |(size, names, secrets, models, (replicas, days, arm, boundary, key), subnets, health)| {
            let (mut fleet, mut agent) = (sample::fleet(), agent("agent"));
            fleet.network.subnets = subnets;
            fleet.permissions_boundary = boundary.then(|| BOUNDARY.to_owned());
            fleet.encryption_key = key.then(|| KEY.to_owned());
            let architecture = if arm { Architecture::Arm64 } else { Architecture::X86_64 };
            agent.size = Size { cpu: size.0, memory_mib: size.1, architecture };
            agent.capacity = Capacity::Replicas(replicas);
            agent.environment = names;
            agent.secrets = secrets.into_iter().map(|(name, secret)| (name, secret_arn(&secret))).collect();
            agent.models = models;
            agent.logs.retention_days = days;
            (agent.health.interval, agent.health.timeout) = (Span::seconds(health.0), Span::seconds(health.1));
            (agent.health.retries, agent.health.start_period) = (health.2, Span::seconds(health.3));
            agent.port = health.4;
            Spec { fleet, agent }
        },
    )
}

fn secret_arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:211125768252:secret:{name}")
}

async fn observe(sandbox: &Sandbox, spec: &Spec) -> ropewalk::observed::Snapshot {
    // A new process each time: nothing is remembered, all is read.
    let aws = sandbox.another().await;
    let wanted = ropewalk::aws::Wanted { agent: &spec.agent, in_motion: false, thorough: true };
    aws.observer().observe(&spec.fleet, &[wanted]).await.remove(&spec.agent.id).unwrap()
}

/// Brings AWS to the spec, whatever is there; then nothing is left to do.
async fn converge(sandbox: &Sandbox, spec: &Spec) {
    let preload = Preload {
        policies: BTreeMap::from([(BOUNDARY.to_owned(), EVERYTHING.to_owned())]),
        ..foundation(&spec.fleet, std::slice::from_ref(&spec.agent))
    };
    sandbox.preload(preload).await;
    let snapshot = observe(sandbox, spec).await;
    execute(&sandbox.aws, &prerequisites(&spec.fleet, &spec.agent, &snapshot)).await;
    let snapshot = observe(sandbox, spec).await;
    let left: Vec<_> = prerequisites(&spec.fleet, &spec.agent, &snapshot);
    assert_eq!(left, Vec::new(), "what was made is not what was rendered");

    let (arn, content) = register(&sandbox.aws, &spec.fleet, &spec.agent, &snapshot).await;
    match &snapshot.service {
        Seen::Present(_) => {
            let difference = difference(&spec.agent, &content, &arn, &snapshot);
            sandbox.aws.executor().execute(&Action::UpdateService { update: difference.update }).await.unwrap();
        }
        Seen::Absent => {
            let action = crate::aws_support::creation(&spec.agent, &content, &arn);
            sandbox.aws.executor().execute(&action).await.unwrap();
        }
        Seen::Unknown(why) => panic!("{why}"),
    }
    let snapshot = observe(sandbox, spec).await;
    let difference = difference(&spec.agent, &content, &arn, &snapshot);
    assert!(difference.is_empty(), "{difference:?}");
    assert_eq!(prerequisites(&spec.fleet, &spec.agent, &snapshot), Vec::new());
}

#[test]
fn what_is_executed_is_observed_as_it_was_rendered() {
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(spec(), spec()), |(first, second)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let sandbox = Sandbox::new().await;
            converge(&sandbox, &first).await;
            converge(&sandbox, &second).await;
        });
        Ok(())
    });
    result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_is_registered_as_it_was_rendered() {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    sandbox.preload(foundation(&sample::fleet(), std::slice::from_ref(&agent))).await;
    let (arn, content) = make(&sandbox, &agent).await;
    let ecs = sdk(&sandbox);
    let answer = ecs.describe_task_definition().task_definition(&arn).send().await.unwrap();
    let live = answer.task_definition().unwrap();
    let wanted = &content.resources.task_definition;
    assert_eq!((live.family(), live.cpu(), live.memory()), (Some("dev-agent"), Some("256"), Some("512")));
    assert_eq!(live.network_mode().unwrap().as_str(), "awsvpc");
    assert_eq!(live.requires_compatibilities()[0].as_str(), "FARGATE");
    assert_eq!(live.runtime_platform().unwrap().cpu_architecture().unwrap().as_str(), "ARM64");
    assert_eq!(live.execution_role_arn(), Some(wanted.execution_role_arn.as_str()));
    assert_eq!(live.task_role_arn(), Some(wanted.task_role_arn.as_str()));
    let container = &live.container_definitions()[0];
    assert_eq!(container.image(), Some(wanted.container.image.uri().as_str()));
    assert!(container.image().unwrap().contains("@sha256:"), "a tag never reaches ECS");
    let environment: BTreeMap<_, _> =
        container.environment().iter().map(|pair| (pair.name().unwrap(), pair.value().unwrap())).collect();
    let hash = content.hashes().unwrap().task_definition;
    assert_eq!(environment.get(REVISION_VARIABLE), Some(&hash.label()));
    assert_eq!(environment.get("AWS_REGION"), Some(&"us-east-1"));
    let secrets: BTreeSet<_> = container.secrets().iter().map(|secret| (secret.name(), secret.value_from())).collect();
    let expected = wanted.container.secrets.iter().map(|(name, arn)| (name.as_str(), arn.as_str())).collect();
    assert_eq!(secrets, expected);
    assert_eq!(container.health_check().unwrap().command(), wanted.container.health_check.command);
    assert_eq!(container.stop_timeout(), Some(60));
    let options = container.log_configuration().unwrap().options().unwrap();
    assert_eq!(options.get("awslogs-group").map(String::as_str), Some("/ecs/dev/agent"));
}

#[tokio::test(start_paused = true)]
async fn every_damage_to_a_service_is_seen_and_undone_by_one_update() {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    sandbox.preload(foundation(&sample::fleet(), std::slice::from_ref(&agent))).await;
    let (arn, content) = make(&sandbox, &agent).await;
    let ecs = sdk(&sandbox);
    let update = || ecs.update_service().cluster("vitracka-agents").service("dev-agent");
    use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration, PropagateTags};
    let breaker = DeploymentCircuitBreaker::builder().enable(false).rollback(false).build();
    let configuration = DeploymentConfiguration::builder().deployment_circuit_breaker(breaker);
    let configuration = configuration.minimum_healthy_percent(50).maximum_percent(150).build();
    let damages = [
        update().desired_count(5),
        update().deployment_configuration(configuration),
        update().enable_execute_command(true),
        update().propagate_tags(PropagateTags::None),
        update().enable_ecs_managed_tags(false),
    ];
    for damage in damages {
        sandbox.clock.sleep(std::time::Duration::from_secs(120)).await;
        damage.send().await.unwrap();
        let seen = look(&sandbox.aws, &agent).await;
        let difference = difference(&agent, &content, &arn, &seen);
        assert!(!difference.changes.is_empty(), "a damage was not seen");
        sandbox.mark().await;
        sandbox.aws.executor().execute(&Action::UpdateService { update: difference.update }).await.unwrap();
        assert_eq!(sandbox.calls().await.writes(), 1);
        let seen = look(&sandbox.aws, &agent).await;
        assert!(self::difference(&agent, &content, &arn, &seen).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_scaled_service_is_made_and_its_count_left_alone() {
    let sandbox = Sandbox::new().await;
    let mut agent = agent("agent");
    agent.capacity = Capacity::Scaling { min: 2, max: 6, cpu: "70%".parse().unwrap() };
    sandbox.preload(foundation(&sample::fleet(), std::slice::from_ref(&agent))).await;
    let (arn, content) = make(&sandbox, &agent).await;
    let update = ServiceUpdate {
        cluster: "vitracka-agents".to_owned(),
        service: "dev-agent".to_owned(),
        desired_count: Some(4),
        ..ServiceUpdate::default()
    };
    sandbox.aws.executor().execute(&Action::UpdateService { update }).await.unwrap();
    let seen = look(&sandbox.aws, &agent).await;
    assert_eq!(seen.service.present().unwrap().desired_count, 4);
    assert!(difference(&agent, &content, &arn, &seen).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_no_failure_and_changes_nothing() {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    let fleet = sample::fleet();
    sandbox.preload(foundation(&fleet, std::slice::from_ref(&agent))).await;
    let absent = look(&sandbox.aws, &agent).await;
    let actions = prerequisites(&fleet, &agent, &absent);
    execute(&sandbox.aws, &actions).await;
    let before = observe(&sandbox, &Spec { fleet: fleet.clone(), agent: agent.clone() }).await;
    execute(&sandbox.aws, &actions).await;
    let after = observe(&sandbox, &Spec { fleet, agent: agent.clone() }).await;
    assert_eq!(before, after);

    let (arn, content) = make(&sandbox, &agent).await;
    let (again, _) = make(&sandbox, &agent).await;
    assert_eq!(arn, again, "the same content was registered twice");
    let difference = difference(&agent, &content, &arn, &look(&sandbox.aws, &agent).await);
    assert!(difference.is_empty());
}

#[tokio::test(start_paused = true)]
async fn policies_boundaries_keys_and_tags_are_taken_away_again() {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    let mut fleet = sample::fleet();
    fleet.permissions_boundary = Some(BOUNDARY.to_owned());
    fleet.encryption_key = Some(KEY.to_owned());
    let spec = Spec { fleet, agent: agent.clone() };
    converge(&sandbox, &spec).await;
    let mut bare = Spec { fleet: sample::fleet(), agent };
    bare.agent.models = BTreeSet::new();
    converge(&sandbox, &bare).await;
    let seen = observe(&sandbox, &bare).await;
    let role = seen.task_role.present().unwrap();
    assert_eq!((role.policies.len(), role.permissions_boundary.as_deref()), (0, None));
    assert_eq!(seen.log_group.present().unwrap().kms_key, None);
    let tags = &seen.log_group.present().unwrap().tags;
    assert_eq!(tags.get("ropewalk:ledger").map(String::as_str), Some(LEDGER));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_tagged_and_its_network_and_deployment_put_right() {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    sandbox.preload(foundation(&sample::fleet(), std::slice::from_ref(&agent))).await;
    let (arn, content) = make(&sandbox, &agent).await;
    let live = look(&sandbox.aws, &agent).await.service.present().unwrap().clone();
    assert_eq!(live.status, ServiceStatus::Active);
    let tags = BTreeMap::from([("team".to_owned(), "health".to_owned())]);
    sandbox.aws.executor().execute(&Action::TagEcsResource { arn: live.arn.clone(), tags }).await.unwrap();
    let seen = look(&sandbox.aws, &agent).await;
    assert_eq!(seen.service.present().unwrap().tags.get("team").map(String::as_str), Some("health"));
    let deployment =
        DeploymentUpdate { minimum_healthy_percent: 50, maximum_percent: 150, circuit_breaker: diff::CIRCUIT_BREAKER };
    let update = ServiceUpdate {
        cluster: "vitracka-agents".to_owned(),
        service: "dev-agent".to_owned(),
        deployment: Some(deployment),
        ..ServiceUpdate::default()
    };
    sandbox.aws.executor().execute(&Action::UpdateService { update }).await.unwrap();
    let seen = watch(&sandbox.aws, &agent).await;
    let difference = difference(&agent, &content, &arn, &seen);
    assert_eq!(difference.changes.len(), 2);
    assert!(!difference.deploys);
}

pub fn sdk(sandbox: &Sandbox) -> aws_sdk_ecs::Client {
    use aws_sdk_ecs::config::{BehaviorVersion, Config, Credentials, Region};
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(sandbox.cloud.http_client())
        .build();
    aws_sdk_ecs::Client::from_conf(config)
}
