//! What a person sees of the operator: it converges, rests, follows git, puts drift back, and holds a bad release.

use std::time::Duration;

use ropewalk::ledger::{Cause, Entry, Outcome};
use ropewalk::names::RevisionNumber;
use ropewalk::operator::FleetError;
use ropewalk::status::{ConditionKind, ConditionStatus, State};

use crate::harness::{COACH, TEST_AGENT, World};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn the_sample_converges_and_each_thing_is_made_once() {
    let mut world = World::sample().await;
    world.start();
    world.until_ready().await;
    let made = world.made().await;
    assert_eq!(
        made,
        [
            "2 ecr:CreateRepository",
            "2 ecr:PutLifecyclePolicy",
            "2 ecs:CreateService",
            "2 ecs:RegisterTaskDefinition",
            "4 iam:CreateRole",
            // An agent without models needs no permission of its own.
            "3 iam:PutRolePolicy",
            "2 logs:CreateLogGroup",
            "2 logs:PutRetentionPolicy",
        ]
    );
    let coach = world.status(COACH).await;
    assert_eq!((coach.tasks.running, coach.tasks.desired), (2, 2));
    assert_eq!(coach.serving.unwrap().version, "v1.2.0");
}

#[tokio::test(start_paused = true)]
async fn at_rest_twenty_resyncs_write_nothing() {
    let mut world = World::sample().await;
    world.start();
    world.until_ready().await;
    // Both rollouts are watched for half an hour at most; then they have succeeded, and nothing is left to do.
    world.run_for(35 * MINUTE).await;
    for agent in [TEST_AGENT, COACH] {
        let status = world.status(agent).await;
        let converged = status.condition(ConditionKind::Converged).unwrap();
        assert_eq!(converged.status, ConditionStatus::True, "{agent}: {status:#?}");
    }
    let before = world.records(COACH).await.len();
    world.mark().await;
    world.run_for(10 * MINUTE).await;
    assert_eq!(world.writes().await, [""; 0]);
    assert_eq!(world.records(COACH).await.len(), before, "nothing happened, so nothing is recorded");
    let calls = world.calls().await.counts;
    assert!(calls["dynamodb:UpdateItem"].calls >= 100, "the leases are renewed");
    assert!(!calls.contains_key("dynamodb:TransactWriteItems"), "no status is written that says nothing new");
    assert_eq!(calls["ecs:DescribeServices"].calls, 40, "one call a resync and fleet, 20 resyncs");
}

#[tokio::test(start_paused = true)]
async fn a_second_operator_finds_nothing_to_do() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.run_for(12 * MINUTE).await;
    world.stop().await;
    world.mark().await;
    world.start();
    world.run_for(5 * MINUTE).await;
    assert_eq!(world.writes().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn touching_a_file_writes_nothing() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.run_for(12 * MINUTE).await;
    world.mark().await;
    world.edit("dev/test-agent.yaml", "port: 8001", "port:   8001  # as ever");
    world.run_for(2 * MINUTE).await;
    assert_eq!(world.writes().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn more_replicas_cost_one_update_and_no_other_write() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.run_for(12 * MINUTE).await;
    world.mark().await;
    world.edit("dev/test-agent.yaml", "replicas: 1", "replicas: 3");
    world.run_for(5 * MINUTE).await;
    assert_eq!(world.writes().await, ["1 ecs:UpdateService"]);
    let status = world.status(TEST_AGENT).await;
    assert_eq!((status.state, status.tasks.running, status.tasks.desired), (State::Ready, 3, 3));
    assert_eq!(status.rollout, None, "a number of tasks needs no rollout");
}

#[tokio::test(start_paused = true)]
async fn a_new_tag_is_revision_two_and_the_old_tag_again_registers_nothing() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.push("test-agent", "v0.2.0", "healthy").await;
    world.edit("dev/test-agent.yaml", "v0.1.0", "v0.2.0");
    world.until_serving(TEST_AGENT, "v0.2.0").await;
    assert_eq!(world.status(TEST_AGENT).await.serving.unwrap().revision, RevisionNumber(2));
    world.run_for(12 * MINUTE).await;
    world.mark().await;
    world.edit("dev/test-agent.yaml", "v0.2.0", "v0.1.0");
    world.until_serving(TEST_AGENT, "v0.1.0").await;
    assert_eq!(world.writes().await, ["1 ecs:UpdateService"]);
    assert_eq!(world.status(TEST_AGENT).await.serving.unwrap().revision, RevisionNumber(1));
    assert_eq!(world.task_definitions(TEST_AGENT).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_by_hand_is_put_back_once_and_the_history_says_drift() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.run_for(12 * MINUTE).await;
    let update = world.ecs().update_service().cluster("vitracka-agents").service("dev-test-agent").desired_count(4);
    update.send().await.unwrap();
    world.mark().await;
    world.run_for(5 * MINUTE).await;
    assert_eq!(world.writes().await, ["1 ecs:UpdateService"]);
    assert_eq!(world.status(TEST_AGENT).await.tasks.desired, 1);
    let records = world.records(TEST_AGENT).await;
    let drifts: Vec<_> = records
        .iter()
        .flat_map(|record| &record.entries)
        .filter_map(|entry| match entry {
            Entry::Drift { fields } => Some(fields.join(", ")),
            _ => None,
        })
        .collect();
    assert_eq!(drifts, ["service: desired count 4 → 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_by_hand_is_drift_that_is_rolled_back_once() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.push("test-agent", "v0.2.0", "healthy").await;
    world.edit("dev/test-agent.yaml", "v0.1.0", "v0.2.0");
    world.until_serving(TEST_AGENT, "v0.2.0").await;
    world.run_for(12 * MINUTE).await;
    let update = world.ecs().update_service().cluster("vitracka-agents").service("dev-test-agent");
    update.task_definition("dev-test-agent:1").send().await.unwrap();
    world.mark().await;
    world.run_for(20 * MINUTE).await;
    assert_eq!(world.writes().await, ["1 ecs:UpdateService"]);
    let causes: Vec<Cause> = started(&world, TEST_AGENT).await;
    assert_eq!(causes, [Cause::Created, Cause::NewContent, Cause::Drift]);
    assert_eq!(world.status(TEST_AGENT).await.state, State::Ready);
}

async fn started(world: &World, agent: &str) -> Vec<Cause> {
    let records = world.records(agent).await;
    let entries = records.into_iter().flat_map(|record| record.entries);
    let causes = entries.filter_map(|entry| match entry {
        Entry::RolloutStarted { cause, .. } => Some(cause),
        _ => None,
    });
    causes.collect()
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_held_and_for_an_hour_nothing_more_is_written() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.run_for(12 * MINUTE).await;
    world.push("test-agent", "v0.2.0", "crash").await;
    world.edit("dev/test-agent.yaml", "v0.1.0", "v0.2.0");
    world.until_state(TEST_AGENT, State::Held).await;
    world.run_for(5 * MINUTE).await;
    world.mark().await;
    world.run_for(60 * MINUTE).await;
    assert_eq!(world.writes().await, [""; 0]);
    let status = world.status(TEST_AGENT).await;
    assert_eq!((status.state, status.tasks.running), (State::Held, 1));
    assert_eq!(status.serving.as_ref().unwrap().version, "v0.1.0");
    let note = status.note.unwrap_or_default();
    assert!(note.contains("v0.2.0") && note.contains("exit code 1"), "the reason is told: {note}");
    // Replicas still follow git: what is held is looked after.
    world.edit("dev/test-agent.yaml", "replicas: 1", "replicas: 2");
    world.run_for(5 * MINUTE).await;
    assert_eq!(world.writes().await, ["1 ecs:UpdateService"]);
    assert_eq!(world.status(TEST_AGENT).await.tasks.running, 2);
}

#[tokio::test(start_paused = true)]
async fn new_content_after_a_bad_image_is_deployed() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.push("test-agent", "v0.2.0", "crash").await;
    world.edit("dev/test-agent.yaml", "v0.1.0", "v0.2.0");
    world.until_state(TEST_AGENT, State::Held).await;
    world.push("test-agent", "v0.3.0", "healthy").await;
    world.edit("dev/test-agent.yaml", "v0.2.0", "v0.3.0");
    world.until_serving(TEST_AGENT, "v0.3.0").await;
    let records = world.records(TEST_AGENT).await;
    let ended = records.iter().flat_map(|record| &record.entries).filter_map(|entry| match entry {
        Entry::RolloutEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    assert!(ended.into_iter().any(|outcome| matches!(outcome, Outcome::RolledBack { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_comes_later_is_waited_for() {
    let mut world = World::dev().await;
    world.edit("dev/test-agent.yaml", "v0.1.0", "v9.0.0");
    world.start();
    world.until_state(TEST_AGENT, State::Waiting).await;
    world.run_for(10 * MINUTE).await;
    world.push("test-agent", "v9.0.0", "healthy").await;
    world.until_ready().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_keeps_what_runs_and_is_a_condition() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.run_for(12 * MINUTE).await;
    world.mark().await;
    world.edit("dev/test-agent.yaml", "replicas:", "replcas:");
    world.run_for(MINUTE).await;
    let valid = world.status(TEST_AGENT).await;
    let valid = valid.condition(ConditionKind::Valid).unwrap();
    assert_eq!(valid.status, ConditionStatus::False);
    assert!(valid.message.as_ref().unwrap().contains("replcas"), "{valid:?}");
    world.edit("dev/test-agent.yaml", "replcas:", "replicas:");
    world.run_for(MINUTE).await;
    let valid = world.status(TEST_AGENT).await;
    assert_eq!(valid.condition(ConditionKind::Valid).unwrap().status, ConditionStatus::True);
    assert_eq!(world.writes().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_gone_retains_what_runs_and_one_that_comes_back_is_taken_up() {
    let mut world = World::sample().await;
    world.start();
    world.until_ready().await;
    world.run_for(35 * MINUTE).await;
    world.mark().await;
    let text = std::fs::read_to_string(world.path("dev/test-agent.yaml")).unwrap();
    world.remove("dev/test-agent.yaml");
    world.run_for(2 * MINUTE).await;
    assert_eq!(world.status(TEST_AGENT).await.state, State::Ready, "missing once is not gone");
    world.reread();
    world.run_for(2 * MINUTE).await;
    assert_eq!(world.status(TEST_AGENT).await.state, State::Retained);
    world.write("dev/test-agent.yaml", &text);
    world.run_for(2 * MINUTE).await;
    assert_eq!(world.status(TEST_AGENT).await.state, State::Ready);
    assert_eq!(world.writes().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_emptied_directory_deletes_nothing() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.run_for(12 * MINUTE).await;
    world.mark().await;
    world.remove("dev/test-agent.yaml");
    world.remove("dev/fleet.yaml");
    world.reread();
    world.run_for(5 * MINUTE).await;
    let status = world.status(TEST_AGENT).await;
    assert_eq!(status.state, State::Ready);
    assert_eq!(status.condition(ConditionKind::Valid).unwrap().status, ConditionStatus::False);
    assert_eq!(world.writes().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn stopping_gives_the_lease_back_and_the_next_operator_leads_at_once() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.stop().await;
    let lease = world.ledger().await.lease(&"dev".parse().unwrap(), "somebody");
    assert_eq!(lease.holder().await.unwrap(), None);
    world.start();
    world.run_for(Duration::from_secs(1)).await;
    assert!(world.progress().fleets.values().all(|fleet| fleet.leading));
}

#[tokio::test(start_paused = true)]
async fn one_pass_is_refused_while_a_leader_lives_and_names_it() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    let refused = world.patient_operator();
    let error = refused.run_once(None, false).await.unwrap_err();
    assert!(matches!(&error, FleetError::Led { owner, .. } if owner == "operator-1"), "{error}");
    world.stop().await;
    let report = refused.run_once(None, false).await.unwrap();
    assert_eq!((report.agents.len(), report.agents[0].writes), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_a_pass_would_do_and_writes_nothing() {
    let mut world = World::dev().await;
    world.mark().await;
    let plans = world.operator().plan_once(None).await.unwrap();
    let operations: Vec<_> = plans[0].plan.actions.iter().map(|planned| planned.action.operation()).collect();
    assert_eq!(operations, ["ecr:CreateRepository", "ecr:PutLifecyclePolicy"], "the image comes after its repository");
    assert_eq!(plans[0].calls, 2);
    let calls = world.calls().await;
    assert_eq!(calls.writes(), 0, "not even to the ledger: {:#?}", calls.counts);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_of_another_account_is_a_problem_that_names_both() {
    let mut world = World::dev().await;
    world.edit("dev/fleet.yaml", "211125768252", "111122223333");
    let operator = world.operator_with_credentials("211125768252");
    let error = operator.plan_once(None).await.unwrap_err().to_string();
    assert!(error.contains("111122223333") && error.contains("211125768252"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_a_table_the_operator_says_what_to_do_and_makes_none() {
    let mut world = World::dev().await;
    let operator = world.operator_with_table("nowhere");
    let error = operator.check().await.unwrap_err().to_string();
    assert!(error.contains("nowhere") && error.contains("ropewalk init"), "{error}");
}
