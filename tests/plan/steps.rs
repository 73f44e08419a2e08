//! What a plan does, step by step.

use ropewalk::ledger::{Entry, Outcome};
use ropewalk::names::RevisionNumber;
use ropewalk::observed::{DeploymentStatus::Successful, Seen};
use ropewalk::plan::{Action, Wait};
use ropewalk::spec::model::{Capacity, Mode};
use ropewalk::spec::units::Span;

use super::model::Model;
use crate::sample;

fn serving() -> Model {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    model.push("v1", '1');
    model.push("v2", '2');
    model.settle(Successful);
    model
}

fn operations(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().map(Action::operation).collect()
}

#[test]
fn a_new_agent_gets_its_repository_before_there_is_an_image() {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    let plan = model.plan();
    assert_eq!(plan.actions[0].action.operation(), "ecr:CreateRepository");
    model.pass();
    let plan = model.plan();
    assert!(plan.actions.is_empty());
    assert!(matches!(&plan.waits[..], [Wait::Image { reference, .. }] if reference == "v1"));
}

#[test]
fn the_first_deployment_makes_each_thing_once_and_the_service_last() {
    let model = serving();
    assert_eq!(
        operations(&model.writes),
        [
            "ecr:CreateRepository",
            "ecr:PutLifecyclePolicy",
            "iam:CreateRole",
            "iam:PutRolePolicy",
            "iam:CreateRole",
            "iam:PutRolePolicy",
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "ecs:RegisterTaskDefinition",
            "ecs:CreateService",
        ]
    );
    assert_eq!(model.head.generation, 1);
    assert_eq!(model.head.converged, Some(1));
}

#[test]
fn a_watched_revision_succeeds_when_its_time_is_over() {
    let mut model = serving();
    assert!(model.head.succeeded.is_none());
    model.now += jiff::SignedDuration::from_mins(31);
    assert!(model.settle(Successful).is_empty());
    assert_eq!(model.head.succeeded.as_ref().map(|revision| revision.number), Some(RevisionNumber(1)));
    assert!(model.head.rollout.is_none());
}

#[test]
fn replicas_cost_one_update_service() {
    let mut model = serving();
    model.agent.capacity = Capacity::Replicas(5);
    assert_eq!(operations(&model.settle(Successful)), ["ecs:UpdateService"]);
    assert_eq!(model.head.rollouts, 1);
    assert_eq!(model.service().desired_count, 5);
}

#[test]
fn a_new_tag_is_a_new_revision_and_the_old_tag_again_registers_nothing() {
    let mut model = serving();
    model.agent.image = sample::agent("v2").image;
    assert_eq!(operations(&model.settle(Successful)), ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]);
    assert_eq!(model.head.revisions, 2);
    model.agent.image = sample::agent("v1").image;
    assert_eq!(operations(&model.settle(Successful)), ["ecs:UpdateService"]);
    assert_eq!((model.head.revisions, model.head.generation), (2, 3));
    assert_eq!(model.head.desired.as_ref().map(|desired| desired.number), Some(RevisionNumber(1)));
}

#[test]
fn drift_is_recorded_and_put_back_by_one_call() {
    let mut model = serving();
    model.service().desired_count = 9;
    assert_eq!(operations(&model.settle(Successful)), ["ecs:UpdateService"]);
    let drifts: Vec<_> = entries(&model).filter(|entry| matches!(entry, Entry::Drift { .. })).collect();
    assert!(matches!(drifts[..], [Entry::Drift { fields }] if fields[..] == ["service: desired count 9 → 2"]));
}

#[test]
fn a_task_definition_deployed_by_hand_is_put_back() {
    let mut model = serving();
    model.deploy_by_hand("somebody-else:3");
    assert_eq!(operations(&model.settle(Successful)), ["ecs:UpdateService"]);
    assert_eq!(model.service().task_definition, "dev-agent:1");
}

#[test]
fn new_content_in_the_middle_supersedes_the_rollout() {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    model.push("v1", '1');
    model.push("v2", '2');
    while !model.writes.iter().any(|action| matches!(action, Action::CreateService { .. })) {
        model.pass();
    }
    model.agent.image = sample::agent("v2").image;
    model.settle(Successful);
    let outcomes = entries(&model).filter_map(|entry| match entry {
        Entry::RolloutEnded { outcome, .. } => Some(outcome.clone()),
        _ => None,
    });
    assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::Superseded]);
    assert!(model.head.quarantine.is_empty());
}

#[test]
fn replicas_wait_while_ecs_deploys() {
    let mut model = serving();
    model.agent.image = sample::agent("v2").image;
    while !matches!(model.writes.last(), Some(Action::UpdateService { .. })) {
        model.pass();
    }
    model.agent.capacity = Capacity::Replicas(7);
    assert!(model.pass().is_empty());
    assert_eq!(operations(&model.settle(Successful)), ["ecs:UpdateService"]);
}

#[test]
fn what_cannot_be_read_is_not_made_again() {
    let mut model = serving();
    let service = model.snapshot.service.clone();
    for unreadable in ["service", "role", "log group", "repository"] {
        let mut model = serving();
        let why = || "throttled".to_owned();
        match unreadable {
            "service" => model.snapshot.service = Seen::Unknown(why()),
            "role" => model.snapshot.execution_role = Seen::Unknown(why()),
            "log group" => model.snapshot.log_group = Seen::Unknown(why()),
            _ => model.snapshot.repository = Seen::Unknown(why()),
        }
        let plan = model.plan();
        assert!(plan.actions.is_empty(), "{unreadable}: {:?}", plan.actions);
        assert!(plan.waits.iter().any(|wait| matches!(wait, Wait::Unreadable { .. })), "{unreadable}");
    }
    model.snapshot.service = service;
    assert!(model.plan().actions.is_empty());
}

#[test]
fn what_another_ledger_owns_is_not_touched() {
    let mut model = serving();
    model.service().tags.insert("ropewalk:ledger".to_owned(), "another".to_owned());
    model.agent.capacity = Capacity::Replicas(5);
    let plan = model.plan();
    assert!(plan.actions.is_empty());
    assert!(plan.waits.iter().any(|wait| matches!(wait, Wait::NotOurs { .. })));
}

#[test]
fn tags_of_ours_beside_an_empty_ledger_stop_everything() {
    let mut model = serving();
    model.head = Default::default();
    model.records.clear();
    let plan = model.plan();
    assert!(plan.actions.is_empty() && plan.entries.is_empty());
    assert!(matches!(&plan.waits[..], [Wait::Stalled { reason }] if reason.contains("wrong table?")));
}

#[test]
fn a_tag_that_moved_is_refused() {
    let mut model = serving();
    model.agent.image = sample::agent("v2").image;
    model.settle(Successful);
    model.push("v1", '9');
    model.agent.image = sample::agent("v1").image;
    assert!(model.settle(Successful).is_empty());
    assert!(model.plan().waits.iter().any(|wait| matches!(wait, Wait::TagMoved { .. })));
}

#[test]
fn while_a_new_image_is_not_pushed_what_runs_is_still_looked_after() {
    let mut model = serving();
    model.agent.image = sample::agent("v3").image;
    model.service().desired_count = 9;
    assert_eq!(operations(&model.settle(Successful)), ["ecs:UpdateService"]);
    assert_eq!(model.service().desired_count, 2);
    assert!(model.plan().waits.iter().any(|wait| matches!(wait, Wait::Image { .. })));
}

#[test]
fn an_agent_that_is_only_observed_is_never_written_to() {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    model.agent.mode = Mode::Observe;
    assert!(model.settle(Successful).is_empty());
    assert!(model.records.is_empty());
    assert!(matches!(model.plan().waits.last(), Some(Wait::Observing { changes }) if *changes > 0));
}

#[test]
fn a_deployment_past_its_deadline_is_stopped_where_there_is_something_to_return_to() {
    let mut model = serving();
    model.now += jiff::SignedDuration::from_mins(31);
    model.settle(Successful);
    model.agent.image = sample::agent("v2").image;
    model.agent.rollout.deadline = Span::minutes(20);
    while !matches!(model.writes.last(), Some(Action::UpdateService { .. })) {
        model.pass();
    }
    model.now += jiff::SignedDuration::from_mins(21);
    assert_eq!(operations(&model.pass()), ["ecs:StopServiceDeployment"]);
}

fn entries(model: &Model) -> impl Iterator<Item = &Entry> {
    model.records.iter().flat_map(|record| &record.entries)
}
