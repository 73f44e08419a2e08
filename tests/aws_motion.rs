//! What is seen of a rollout: its deployments, what they aim at, and why tasks fail.

use std::time::Duration;

use ropewalk::observed::{DeploymentStatus, RolloutStateSeen, Seen};
use ropewalk::plan::Action;
use ropewalk::plan::action::ServiceUpdate;
use ropewalk::spec::model::{Agent, ImageReference};
use ropewalk_cloud::admin::Push;

use crate::aws_support::{Sandbox, agent, foundation, look, make, register, watch};
use crate::sample;

async fn serving() -> (Sandbox, Agent, String) {
    let sandbox = Sandbox::new().await;
    let agent = agent("agent");
    sandbox.preload(foundation(&sample::fleet(), std::slice::from_ref(&agent))).await;
    let (arn, _) = make(&sandbox, &agent).await;
    sandbox.clock.sleep(Duration::from_secs(600)).await;
    (sandbox, agent, arn)
}

/// Deploys a new image of this behaviour under `tag`.
async fn deploy(sandbox: &Sandbox, agent: &Agent, tag: &str, behaviour: &str) -> (Agent, String) {
    let push = Push {
        repository: "vitracka/agent".to_owned(),
        tag: tag.to_owned(),
        behaviour: behaviour.parse().unwrap(),
        ready_after_seconds: None,
        payload: Some(tag.to_owned()),
    };
    sandbox.push(push).await;
    let mut next = agent.clone();
    next.image.reference = ImageReference::Tag(tag.parse().unwrap());
    let snapshot = look(&sandbox.aws, &next).await;
    let (arn, _) = register(&sandbox.aws, &sample::fleet(), &next, &snapshot).await;
    let update = ServiceUpdate {
        cluster: "vitracka-agents".to_owned(),
        service: "dev-agent".to_owned(),
        task_definition_arn: Some(arn.clone()),
        ..ServiceUpdate::default()
    };
    sandbox.aws.executor().execute(&Action::UpdateService { update }).await.unwrap();
    (next, arn)
}

#[tokio::test(start_paused = true)]
async fn at_rest_deployments_are_not_read_and_are_not_taken_for_none() {
    let (sandbox, agent, _) = serving().await;
    look(&sandbox.aws, &agent).await;
    sandbox.mark().await;
    let seen = look(&sandbox.aws, &agent).await;
    assert!(seen.deployments.unknown().is_some_and(|why| why.starts_with("not read")));
    assert_eq!(sandbox.called("ecs:ListServiceDeployments").await, 0);
    let absent = crate::aws_support::agent("absent");
    assert_eq!(watch(&sandbox.aws, &absent).await.deployments, Seen::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_seen_from_its_start_to_its_end() {
    let (sandbox, agent, first_arn) = serving().await;
    let (agent, arn) = deploy(&sandbox, &agent, "v2.0.0", "healthy").await;
    let seen = look(&sandbox.aws, &agent).await;
    let deployments = seen.deployments.present().expect("a service that moves is read without being asked for");
    assert_eq!(deployments.len(), 2);
    assert!(matches!(deployments[0].status, DeploymentStatus::Pending | DeploymentStatus::InProgress));
    assert_eq!(deployments[0].target_task_definition.as_deref(), Some(arn.as_str()));
    assert_eq!(deployments[1].target_task_definition.as_deref(), Some(first_arn.as_str()));
    assert_eq!(deployments[1].status, DeploymentStatus::Successful);
    let service = seen.service.present().unwrap();
    assert!(service.rollouts[0].primary && service.rollouts[0].task_definition == arn);
    assert_eq!(service.rollouts[0].state, RolloutStateSeen::InProgress);

    sandbox.clock.sleep(Duration::from_secs(600)).await;
    let seen = watch(&sandbox.aws, &agent).await;
    let newest = &seen.deployments.present().unwrap()[0];
    assert_eq!(newest.status, DeploymentStatus::Successful);
    let digest = seen.image.present().unwrap().to_string();
    assert_eq!(newest.target_image_digests.values().collect::<Vec<_>>(), vec![&digest]);
    assert!(!seen.service.present().unwrap().events.is_empty());
    assert_eq!(seen.stopped_tasks, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn ended_deployments_and_their_revisions_are_read_once() {
    let (sandbox, agent, _) = serving().await;
    deploy(&sandbox, &agent, "v2.0.0", "healthy").await;
    sandbox.clock.sleep(Duration::from_secs(600)).await;
    watch(&sandbox.aws, &agent).await;
    sandbox.mark().await;
    watch(&sandbox.aws, &agent).await;
    assert_eq!(sandbox.called("ecs:ListServiceDeployments").await, 1);
    assert_eq!(sandbox.called("ecs:DescribeServiceDeployments").await, 0);
    assert_eq!(sandbox.called("ecs:DescribeServiceRevisions").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_crashing_release_is_seen_to_fail_with_its_tasks_last_words() {
    let (sandbox, agent, first_arn) = serving().await;
    let (agent, arn) = deploy(&sandbox, &agent, "v2.0.0", "crash").await;
    let mut said = Vec::new();
    let mut statuses = Vec::new();
    for _ in 0..240 {
        sandbox.clock.sleep(Duration::from_secs(15)).await;
        let seen = watch(&sandbox.aws, &agent).await;
        said.extend(seen.stopped_tasks.iter().find(|task| task.task_definition == arn).cloned());
        let deployments = seen.deployments.present().unwrap_or_else(|| panic!("{:?}", seen.deployments)).clone();
        let own = deployments.iter().find(|deployment| deployment.target_task_definition.as_deref() == Some(&arn));
        let own = own.expect("our own deployment is among them").clone();
        statuses.push(own.status);
        if own.status.is_terminal() {
            assert_eq!(own.status, DeploymentStatus::RollbackSuccessful);
            assert!(own.rollback_reason.is_some(), "{own:?}");
            assert_eq!(seen.service.present().unwrap().task_definition, first_arn);
            break;
        }
    }
    assert!(statuses.last().is_some_and(|status| status.is_terminal()), "{statuses:?}");
    let task = said.first().expect("stopped tasks are told while they fail");
    assert_eq!(task.exit_code, Some(1));
    assert!(task.reason.contains("Essential container"), "{}", task.reason);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_under_way_is_stopped_and_rolled_back() {
    let (sandbox, agent, first_arn) = serving().await;
    let (agent, _) = deploy(&sandbox, &agent, "v2.0.0", "unhealthy").await;
    sandbox.clock.sleep(Duration::from_secs(20)).await;
    let seen = watch(&sandbox.aws, &agent).await;
    let deployment = seen.deployments.present().unwrap()[0].clone();
    assert_eq!(deployment.status, DeploymentStatus::InProgress);
    let stop =
        Action::StopServiceDeployment { service: "dev-agent".to_owned(), deployment_arn: deployment.arn.clone() };
    sandbox.read_lag(3.0).await;
    sandbox.aws.executor().execute(&stop).await.unwrap();
    let seen = watch(&sandbox.aws, &agent).await;
    assert!(seen.deployments.unknown().is_some(), "an old view would be stopped again: {:?}", seen.deployments);
    sandbox.clock.sleep(Duration::from_secs(600)).await;
    let seen = watch(&sandbox.aws, &agent).await;
    let deployments = seen.deployments.present().unwrap();
    let stopped = deployments.iter().find(|found| found.arn == deployment.arn).unwrap();
    assert_eq!(stopped.status, DeploymentStatus::RollbackSuccessful);
    assert_eq!(seen.service.present().unwrap().task_definition, first_arn);
    // It has ended: that is no failure.
    sandbox.aws.executor().execute(&stop).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_inactive_task_definition_is_registered_anew() {
    let (sandbox, agent, arn) = serving().await;
    let ecs = crate::aws_round_trip::sdk(&sandbox);
    ecs.deregister_task_definition().task_definition(&arn).send().await.unwrap();
    let snapshot = look(&sandbox.aws, &agent).await;
    let (again, content) = register(&sandbox.aws, &sample::fleet(), &agent, &snapshot).await;
    assert_ne!(again, arn);
    let hash = content.hashes().unwrap().task_definition;
    let seen = sandbox.aws.observer().task_definition(&agent.id.service_name(), &hash, Some(&arn)).await;
    assert_eq!(seen.present().map(|live| live.arn.clone()), Some(again));
}

#[tokio::test(start_paused = true)]
async fn a_firing_alarm_is_its_own_agents_and_nobody_elses() {
    let (sandbox, agent, _) = serving().await;
    let cloudwatch = cloudwatch(&sandbox);
    use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};
    for name in ["ropewalk/dev/agent/errors", "ropewalk/dev/agent-two/errors", "ropewalk/prod/agent/errors"] {
        let alarm = cloudwatch.put_metric_alarm().alarm_name(name).namespace("Ropewalk").metric_name("Errors");
        let alarm = alarm.statistic(Statistic::Sum).period(60).evaluation_periods(1).threshold(1.0);
        alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.unwrap();
        let state = cloudwatch.set_alarm_state().alarm_name(name).state_value(StateValue::Alarm).state_reason("test");
        state.send().await.unwrap();
    }
    let seen = look(&sandbox.aws, &agent).await;
    let firing: Vec<_> = seen.alarms_firing.present().unwrap().iter().cloned().collect();
    assert_eq!(firing, ["ropewalk/dev/agent/errors"]);
}

fn cloudwatch(sandbox: &Sandbox) -> aws_sdk_cloudwatch::Client {
    use aws_sdk_cloudwatch::config::{BehaviorVersion, Config, Credentials, Region};
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(sandbox.cloud.http_client())
        .build();
    aws_sdk_cloudwatch::Client::from_conf(config)
}
