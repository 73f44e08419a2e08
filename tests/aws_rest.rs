//! What a look costs: at rest, almost nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use ropewalk::aws::Wanted;
use ropewalk::observed::Snapshot;
use ropewalk::spec::model::Agent;
use ropewalk_cloud::admin::Push;

use crate::aws_support::{Sandbox, agent, foundation, look, make};
use crate::sample;

async fn fleet_of(count: usize) -> (Sandbox, Vec<Agent>) {
    let sandbox = Sandbox::new().await;
    let agents: Vec<Agent> = (0..count).map(|number| agent(&format!("agent-{number:03}"))).collect();
    sandbox.preload(foundation(&sample::fleet(), &agents)).await;
    for agent in &agents {
        make(&sandbox, agent).await;
    }
    // Long enough for every task to be healthy, and every deployment to be complete.
    sandbox.clock.sleep(Duration::from_secs(600)).await;
    (sandbox, agents)
}

async fn observe(sandbox: &Sandbox, agents: &[Agent], thorough: bool) -> BTreeMap<String, Snapshot> {
    let wanted: Vec<Wanted<'_>> = agents.iter().map(|agent| Wanted { agent, in_motion: false, thorough }).collect();
    let seen = sandbox.aws.observer().observe(&sample::fleet(), &wanted).await;
    seen.into_iter().map(|(id, snapshot)| (id.to_string(), snapshot)).collect()
}

async fn counts(sandbox: &Sandbox) -> BTreeMap<String, u64> {
    sandbox.calls().await.counts.into_iter().map(|(operation, count)| (operation, count.calls)).collect()
}

#[tokio::test(start_paused = true)]
async fn at_rest_a_look_costs_one_call_for_ten_services_and_one_for_all_alarms() {
    for (agents, services) in [(1, 1), (10, 1), (100, 10)] {
        let (sandbox, fleet) = fleet_of(agents).await;
        observe(&sandbox, &fleet, false).await;
        sandbox.mark().await;
        let first = observe(&sandbox, &fleet, false).await;
        let expected = BTreeMap::from([
            ("cloudwatch:DescribeAlarms".to_owned(), 1),
            ("ecs:DescribeServices".to_owned(), services),
        ]);
        assert_eq!(counts(&sandbox).await, expected);
        println!("{agents} agents at rest: {} reads a resync, {expected:?}", services + 1);
        for _ in 0..19 {
            sandbox.clock.sleep(Duration::from_secs(30)).await;
            assert_eq!(observe(&sandbox, &fleet, false).await, first);
        }
        let calls = sandbox.calls().await;
        assert_eq!(calls.writes(), 0);
        assert_eq!(calls.counts.values().map(|count| count.calls).sum::<u64>(), 20 * (services + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_thorough_look_reads_the_slow_things_once_each() {
    let (sandbox, fleet) = fleet_of(10).await;
    let quick = observe(&sandbox, &fleet, false).await;
    sandbox.mark().await;
    let thorough = observe(&sandbox, &fleet, true).await;
    let expected = [
        ("cloudwatch:DescribeAlarms", 1),
        ("ecr:DescribeImages", 10),
        ("ecr:DescribeRepositories", 1),
        ("ecr:GetLifecyclePolicy", 10),
        ("ecr:ListTagsForResource", 10),
        ("ecs:DescribeClusters", 1),
        ("ecs:DescribeServices", 1),
        ("iam:GetRole", 20),
        ("iam:GetRolePolicy", 20),
        ("logs:DescribeLogGroups", 1),
        ("logs:ListTagsForResource", 10),
    ];
    assert_eq!(counts(&sandbox).await, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!(quick, thorough);
    println!("10 agents, a thorough look: {} reads", expected.iter().map(|(_, count)| count).sum::<u64>());
}

#[tokio::test(start_paused = true)]
async fn a_write_of_ours_is_read_again_and_nothing_else_is() {
    let (sandbox, fleet) = fleet_of(2).await;
    observe(&sandbox, &fleet, false).await;
    let log_group = fleet[0].logs.group.clone();
    let action = ropewalk::plan::Action::PutRetentionPolicy { log_group, days: 30 };
    sandbox.aws.executor().execute(&action).await.unwrap();
    sandbox.mark().await;
    let seen = observe(&sandbox, &fleet, false).await;
    assert_eq!(seen["dev/agent-000"].log_group.present().unwrap().retention_days, Some(30));
    let counts = counts(&sandbox).await;
    assert_eq!(counts.get("logs:DescribeLogGroups"), Some(&1));
    assert_eq!(counts.keys().filter(|name| name.starts_with("iam:") || name.starts_with("ecr:")).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_immutable_tag_is_read_once_and_one_that_may_move_each_time() {
    let sandbox = Sandbox::new().await;
    let fixed = agent("agent");
    let mut moving = agent("moving");
    moving.image.reference = ropewalk::spec::model::ImageReference::Tag("latest".parse().unwrap());
    let agents = [fixed.clone(), moving.clone()];
    sandbox.preload(foundation(&sample::fleet(), &agents)).await;
    let push = |behaviour: &str| Push {
        repository: "vitracka/moving".to_owned(),
        tag: "latest".to_owned(),
        behaviour: behaviour.parse().unwrap(),
        ready_after_seconds: None,
        payload: None,
    };
    for agent in &agents {
        let actions = crate::aws_support::prerequisites(&sample::fleet(), agent, &look(&sandbox.aws, agent).await);
        crate::aws_support::execute(&sandbox.aws, &actions).await;
    }
    let first = sandbox.push(push("healthy")).await;
    let seen = observe(&sandbox, &agents, false).await;
    assert_eq!(seen["dev/moving"].image.present().unwrap().as_str(), first);
    let second = sandbox.push(push("crash")).await;
    sandbox.mark().await;
    let seen = observe(&sandbox, &agents, false).await;
    assert_eq!(seen["dev/moving"].image.present().unwrap().as_str(), second);
    assert_eq!(counts(&sandbox).await.get("ecr:DescribeImages"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn the_account_is_the_credentials_own() {
    let sandbox = Sandbox::new().await;
    assert_eq!(sandbox.aws.caller_account().await.unwrap().as_str(), "211125768252");
}
