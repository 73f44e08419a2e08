//! Reads that fail, answers that are lost, views that are old: `Unknown`, never `Absent`, and nothing done twice.

use std::time::Duration;

use ropewalk::aws::{Remedy, Wanted};
use ropewalk::observed::{Seen, Snapshot};
use ropewalk::plan::Action;
use ropewalk::resources::Content;
use ropewalk::spec::model::Agent;
use ropewalk_cloud::admin::faults::FaultKind;

use crate::aws_support::{
    LEDGER, Sandbox, agent, creation, difference, execute, foundation, look, make, prerequisites, register,
    registration, watch,
};
use crate::sample;

async fn made() -> (Sandbox, Agent, String, Content) {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    sandbox.preload(foundation(&sample::fleet(), std::slice::from_ref(&agent))).await;
    let (arn, content) = make(&sandbox, &agent).await;
    sandbox.clock.sleep(Duration::from_secs(600)).await;
    (sandbox, agent, arn, content)
}

/// Ready to be registered and deployed.
async fn prepared() -> (Sandbox, Agent, Snapshot) {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    let fleet = sample::fleet();
    sandbox.preload(foundation(&fleet, std::slice::from_ref(&agent))).await;
    execute(&sandbox.aws, &prerequisites(&fleet, &agent, &look(&sandbox.aws, &agent).await)).await;
    let snapshot = look(&sandbox.aws, &agent).await;
    (sandbox, agent, snapshot)
}

async fn thorough(sandbox: &Sandbox, agent: &Agent) -> Snapshot {
    let wanted = Wanted { agent, in_motion: true, thorough: true };
    sandbox.aws.observer().observe(&sample::fleet(), &[wanted]).await.remove(&agent.id).unwrap()
}

/// What each part of a snapshot is: present, absent or unknown.
fn parts(snapshot: &Snapshot) -> [(&'static str, &'static str); 9] {
    fn kind<T>(seen: &Seen<T>) -> &'static str {
        match seen {
            Seen::Present(_) => "present",
            Seen::Absent => "absent",
            Seen::Unknown(_) => "unknown",
        }
    }
    [
        ("cluster", kind(&snapshot.cluster)),
        ("repository", kind(&snapshot.repository)),
        ("image", kind(&snapshot.image)),
        ("executionRole", kind(&snapshot.execution_role)),
        ("taskRole", kind(&snapshot.task_role)),
        ("logGroup", kind(&snapshot.log_group)),
        ("service", kind(&snapshot.service)),
        ("deployments", kind(&snapshot.deployments)),
        ("alarms", kind(&snapshot.alarms_firing)),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_makes_unknown_what_it_was_about_and_nothing_absent() {
    let reads: [(&str, &[&str]); 13] = [
        ("ecs:DescribeClusters", &["cluster"]),
        ("ecs:DescribeServices", &["service", "deployments"]),
        ("ecs:ListServiceDeployments", &["deployments"]),
        ("ecs:DescribeServiceDeployments", &["deployments"]),
        ("cloudwatch:DescribeAlarms", &["alarms"]),
        ("ecr:DescribeRepositories", &["repository"]),
        ("ecr:GetLifecyclePolicy", &["repository"]),
        ("ecr:ListTagsForResource", &["repository"]),
        ("ecr:DescribeImages", &["image"]),
        ("iam:GetRole", &["executionRole", "taskRole"]),
        ("iam:GetRolePolicy", &["executionRole", "taskRole"]),
        ("logs:DescribeLogGroups", &["logGroup"]),
        ("logs:ListTagsForResource", &["logGroup"]),
    ];
    let kinds = [
        FaultKind::Throttle,
        FaultKind::ServerError,
        FaultKind::Timeout,
        FaultKind::ConnectionReset,
        FaultKind::AccessDenied,
    ];
    let (sandbox, agent, _, _) = made().await;
    let mut cells = 0;
    for (operation, about) in reads {
        for kind in kinds {
            // A process that has just begun: nothing is remembered that could stand in for the read.
            let aws = sandbox.another().await;
            sandbox.fault(operation, kind, 1_000).await;
            let wanted = Wanted { agent: &agent, in_motion: true, thorough: true };
            let seen = aws.observer().observe(&sample::fleet(), &[wanted]).await.remove(&agent.id).unwrap();
            for (part, found) in parts(&seen) {
                let expected = if about.contains(&part) { "unknown" } else { "present" };
                assert_eq!(found, expected, "{part} after {kind:?} on {operation}");
            }
            sandbox.clear_faults().await;
            cells += 1;
        }
    }
    println!("{cells} combinations of read and fault");
    let seen = thorough(&sandbox, &agent).await;
    assert!(parts(&seen).iter().all(|(_, found)| *found == "present"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn one_fault_is_retried_and_not_seen() {
    for kind in [FaultKind::Throttle, FaultKind::ServerError, FaultKind::Timeout, FaultKind::ConnectionReset] {
        let (sandbox, agent, _, _) = made().await;
        sandbox.fault("ecs:DescribeServices", kind, 1).await;
        sandbox.fault("iam:GetRole", kind, 1).await;
        let seen = thorough(&sandbox, &agent).await;
        assert!(parts(&seen).iter().all(|(_, found)| *found == "present"), "{kind:?}: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_makes_unknown_only_what_was_in_it() {
    let sandbox = Sandbox::new().await;
    let agents: Vec<Agent> = (0..25).map(|number| agent(&format!("agent-{number:03}"))).collect();
    sandbox.preload(foundation(&sample::fleet(), &agents)).await;
    for agent in &agents {
        make(&sandbox, agent).await;
    }
    // A refusal is not retried, so that it hits one batch of the three.
    sandbox.fault("ecs:DescribeServices", FaultKind::AccessDenied, 1).await;
    let wanted: Vec<_> = agents.iter().map(|agent| Wanted { agent, in_motion: false, thorough: false }).collect();
    let seen = sandbox.aws.observer().observe(&sample::fleet(), &wanted).await;
    let unknown = seen.values().filter(|snapshot| snapshot.service.unknown().is_some()).count();
    assert_eq!((unknown, seen.values().filter(|snapshot| snapshot.service.present().is_some()).count()), (10, 15));
    let why = seen.values().find_map(|snapshot| snapshot.service.unknown()).unwrap();
    assert!(why.contains("allow ecs:DescribeServices"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_cluster_is_absent_and_says_nothing_of_the_services() {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    let seen = look(&sandbox.aws, &agent).await;
    assert_eq!(seen.cluster, Seen::Absent);
    assert!(seen.service.unknown().is_some());
    sandbox.preload(foundation(&sample::fleet(), std::slice::from_ref(&agent))).await;
    let seen = look(&sandbox.aws, &agent).await;
    assert_eq!((seen.cluster, seen.service), (Seen::Present(()), Seen::Absent));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_registration_registers_nothing_twice() {
    let (sandbox, agent, snapshot) = prepared().await;
    let (fleet, digest) = (sample::fleet(), snapshot.image.present().unwrap());
    let content = Content::new(ropewalk::resources::render(&fleet, &agent, digest), &agent);
    let hash = content.hashes().unwrap().task_definition;
    let family = agent.id.service_name();
    let observer = sandbox.aws.observer();
    assert_eq!(observer.task_definition(&family, &hash, None).await, Seen::Absent);
    sandbox.mark().await;
    sandbox.fault("ecs:RegisterTaskDefinition", FaultKind::LostResponse, 1).await;
    let error = sandbox.aws.executor().execute(&registration(&agent, &content)).await.unwrap_err();
    assert_eq!((error.remedy, error.in_doubt), (Remedy::Transient, true));
    assert_eq!(sandbox.called("ecs:RegisterTaskDefinition").await, 1, "the SDK must not retry it");
    assert!(observer.task_definition(&family, &hash, None).await.present().is_some());
    sandbox.aws.executor().execute(&registration(&agent, &content)).await.unwrap();
    assert_eq!(sandbox.called("ecs:RegisterTaskDefinition").await, 1, "it is found by its hash");
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_is_in_doubt_and_not_visible_is_waited_for() {
    let (sandbox, agent, snapshot) = prepared().await;
    let (fleet, digest) = (sample::fleet(), snapshot.image.present().unwrap());
    let content = Content::new(ropewalk::resources::render(&fleet, &agent, digest), &agent);
    let (hash, family) = (content.hashes().unwrap().task_definition, agent.id.service_name());
    let observer = sandbox.aws.observer();
    observer.task_definition(&family, &hash, None).await;
    sandbox.fault("ecs:RegisterTaskDefinition", FaultKind::ConnectionReset, 1).await;
    sandbox.aws.executor().execute(&registration(&agent, &content)).await.unwrap_err();
    assert!(observer.task_definition(&family, &hash, None).await.unknown().is_some());
    sandbox.clock.sleep(ropewalk::aws::CALL_DEADLINE).await;
    assert_eq!(observer.task_definition(&family, &hash, None).await, Seen::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_each_write_makes_nothing_twice() {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    let fleet = sample::fleet();
    sandbox.preload(foundation(&fleet, std::slice::from_ref(&agent))).await;
    for planned in prerequisites(&fleet, &agent, &look(&sandbox.aws, &agent).await) {
        let operation = planned.action.operation();
        sandbox.fault(operation, FaultKind::LostResponse, 1).await;
        let result = sandbox.aws.executor().execute(&planned.action).await;
        assert!(result.is_ok(), "{operation}: {result:?}");
    }
    let seen = look(&sandbox.aws, &agent).await;
    assert_eq!(prerequisites(&fleet, &agent, &seen), Vec::new());
    let (arn, content) = register(&sandbox.aws, &fleet, &agent, &seen).await;
    sandbox.fault("ecs:CreateService", FaultKind::LostResponse, 1).await;
    sandbox.aws.executor().execute(&creation(&agent, &content, &arn)).await.unwrap();
    sandbox.clock.sleep(Duration::from_secs(300)).await;
    let seen = watch(&sandbox.aws, &agent).await;
    assert!(difference(&agent, &content, &arn, &seen).is_empty());
    assert_eq!(seen.deployments.present().unwrap().len(), 1, "one deployment, not two");
    assert_eq!(seen.service.present().unwrap().running_count, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_just_made_and_is_not_visible_yet_is_unknown() {
    let (sandbox, agent, snapshot) = prepared().await;
    let (arn, content) = register(&sandbox.aws, &sample::fleet(), &agent, &snapshot).await;
    sandbox.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(look(&sandbox.aws, &agent).await.service, Seen::Absent);
    sandbox.read_lag(5.0).await;
    sandbox.aws.executor().execute(&creation(&agent, &content, &arn)).await.unwrap();
    let seen = look(&sandbox.aws, &agent).await.service;
    assert!(seen.unknown().is_some_and(|why| why.contains("not visible yet")), "{seen:?}");
    sandbox.clock.sleep(Duration::from_secs(6)).await;
    assert!(look(&sandbox.aws, &agent).await.service.present().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_old_view_after_an_update_is_unknown_and_a_hand_made_change_is_not() {
    let (sandbox, agent, arn, content) = made().await;
    look(&sandbox.aws, &agent).await;
    sandbox.read_lag(5.0).await;
    let update = ropewalk::plan::action::ServiceUpdate {
        cluster: "vitracka-agents".to_owned(),
        service: "dev-agent".to_owned(),
        desired_count: Some(4),
        ..Default::default()
    };
    sandbox.aws.executor().execute(&Action::UpdateService { update }).await.unwrap();
    assert!(look(&sandbox.aws, &agent).await.service.unknown().is_some());
    sandbox.clock.sleep(Duration::from_secs(6)).await;
    assert_eq!(look(&sandbox.aws, &agent).await.service.present().unwrap().desired_count, 4);
    let ecs = crate::aws_round_trip::sdk(&sandbox);
    ecs.update_service().cluster("vitracka-agents").service("dev-agent").desired_count(7).send().await.unwrap();
    sandbox.clock.sleep(Duration::from_secs(6)).await;
    let seen = look(&sandbox.aws, &agent).await;
    assert_eq!(seen.service.present().unwrap().desired_count, 7);
    assert!(!difference(&agent, &content, &arn, &seen).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_role_that_iam_does_not_show_yet_is_propagating() {
    let sandbox = Sandbox::new().await;
    let action = Action::PutRolePolicy {
        role: "vitracka-dev-agent-task".to_owned(),
        policy_name: "ropewalk".to_owned(),
        policy: serde_json::json!({ "Version": "2012-10-17", "Statement": [] }),
    };
    let error = sandbox.aws.executor().execute(&action).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Propagating, "{error}");
    let action = Action::DeleteRolePolicy { role: "nobody".to_owned(), policy_name: "ropewalk".to_owned() };
    sandbox.aws.executor().execute(&action).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_names_the_permission_that_is_missing() {
    let (sandbox, agent, snapshot) = prepared().await;
    let (arn, content) = register(&sandbox.aws, &sample::fleet(), &agent, &snapshot).await;
    sandbox.fault("ecs:CreateService", FaultKind::AccessDenied, 1).await;
    let error = sandbox.aws.executor().execute(&creation(&agent, &content, &arn)).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Denied { action: "ecs:CreateService".to_owned() });
    assert!(!error.in_doubt);
    // Nothing was written, so that it may be tried again at once.
    assert_eq!(look(&sandbox.aws, &agent).await.service, Seen::Absent);
}

#[tokio::test(start_paused = true)]
async fn another_ledgers_service_is_seen_with_its_tags() {
    let (sandbox, agent, snapshot) = prepared().await;
    let (arn, content) = register(&sandbox.aws, &sample::fleet(), &agent, &snapshot).await;
    let theirs = match creation(&agent, &content, &arn) {
        Action::CreateService { service, task_definition_arn, tags, .. } => {
            let mut tags = tags;
            tags.insert("ropewalk:ledger".to_owned(), "another".to_owned());
            Action::CreateService { service, task_definition_arn, client_token: "theirs".to_owned(), tags }
        }
        other => other,
    };
    sandbox.aws.executor().execute(&theirs).await.unwrap();
    // Ours is refused as not idempotent, which is no failure: the next look tells whose it is.
    sandbox.aws.executor().execute(&creation(&agent, &content, &arn)).await.unwrap();
    let seen = look(&sandbox.aws, &agent).await;
    let owner = seen.service.present().unwrap().tags.get("ropewalk:ledger").cloned();
    assert_eq!(owner.as_deref(), Some("another"));
    assert_ne!(owner.as_deref(), Some(LEDGER));
}

#[tokio::test(start_paused = true)]
async fn a_write_waits_for_its_turn_before_the_lease_is_looked_at_and_ends_within_a_deadline() {
    let (sandbox, agent, snapshot) = prepared().await;
    let (fleet, digest) = (sample::fleet(), snapshot.image.present().unwrap());
    let executor = sandbox.aws.executor();
    let (mut longest_preparation, mut longest_call) = (Duration::ZERO, Duration::ZERO);
    // More registrations than a burst allows: the last ones wait for their turn, before the lease is looked at.
    for number in 0..30 {
        let mut agent = agent.clone();
        agent.environment.insert("NUMBER".to_owned(), number.to_string());
        let content = Content::new(ropewalk::resources::render(&fleet, &agent, digest), &agent);
        let action = registration(&agent, &content);
        if number == 29 {
            sandbox.fault("ecs:RegisterTaskDefinition", FaultKind::Timeout, 1).await;
        }
        let start = sandbox.clock.elapsed();
        let turn = executor.prepare(&action).await;
        let looked_at = sandbox.clock.elapsed();
        let _ = executor.perform(turn, &action).await;
        longest_preparation = longest_preparation.max(looked_at - start);
        longest_call = longest_call.max(sandbox.clock.elapsed() - looked_at);
    }
    assert!(longest_preparation > Duration::ZERO, "nothing had to wait");
    assert!(longest_call <= ropewalk::aws::CALL_DEADLINE, "{longest_call:?}");
}
