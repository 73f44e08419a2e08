//! Failed releases: held, never selected again, and no loop.

use ropewalk::ledger::{Entry, Outcome};
use ropewalk::observed::DeploymentStatus::{RollbackSuccessful, Stopped, Successful};
use ropewalk::observed::StoppedTask;
use ropewalk::plan::{Action, Wait};
use ropewalk::spec::model::Capacity;

use super::model::Model;
use crate::sample;

/// v1 succeeded; v2 fails and ECS rolls it back.
fn held() -> Model {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    for (tag, digit) in [("v1", '1'), ("v2", '2'), ("v3", '3')] {
        model.push(tag, digit);
    }
    model.settle(Successful);
    model.now += jiff::SignedDuration::from_mins(31);
    model.settle(Successful);
    model.agent.image = sample::agent("v2").image;
    model.settle(RollbackSuccessful);
    model
}

#[test]
fn a_release_that_ecs_rolled_back_is_held_with_its_reason_and_not_deployed_again() {
    let mut model = held();
    let writes = model.writes.len();
    for _ in 0..100 {
        model.now += jiff::SignedDuration::from_secs(36);
        assert!(model.pass().is_empty());
    }
    assert_eq!(model.writes.len(), writes);
    let plan = model.plan();
    let [Wait::Held { version, reason }] = &plan.waits[..] else { panic!("{:?}", plan.waits) };
    assert_eq!(version, "v2");
    assert!(reason.contains("tasks failed to start"), "{reason}");
}

#[test]
fn the_reason_carries_the_last_words_of_a_task() {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    model.push("v1", '1');
    model.snapshot.stopped_tasks = vec![StoppedTask {
        arn: "task".to_owned(),
        task_definition: "dev-agent:1".to_owned(),
        reason: "Essential container in task exited".to_owned(),
        exit_code: Some(1),
    }];
    model.settle(Stopped);
    let plan = model.plan();
    let [Wait::Stalled { reason }] = &plan.waits[..] else { panic!("{:?}", plan.waits) };
    assert!(reason.contains("Essential container in task exited (exit code 1)"), "{reason}");
}

#[test]
fn a_first_release_that_fails_stalls_until_new_content_comes() {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    model.push("v1", '1');
    model.push("v2", '2');
    model.settle(Stopped);
    assert!(matches!(&model.plan().waits[..], [Wait::Stalled { .. }]));
    model.agent.image = sample::agent("v2").image;
    model.settle(Successful);
    assert!(model.plan().waits.iter().all(|wait| matches!(wait, Wait::Monitoring { .. })));
}

#[test]
fn a_release_that_fails_before_another_has_succeeded_goes_back_to_what_served() {
    let mut model = Model::new(sample::fleet(), sample::agent("v1"));
    model.push("v1", '1');
    model.push("v2", '2');
    model.settle(Successful);
    assert!(model.head.succeeded.is_none(), "v1 is still being watched");
    model.agent.image = sample::agent("v2").image;
    model.settle(RollbackSuccessful);
    assert!(matches!(&model.plan().waits[..], [Wait::Held { version, .. }] if version == "v2"));
    assert_eq!(model.service().task_definition, "dev-agent:1");
}

#[test]
fn new_content_ends_a_hold() {
    let mut model = held();
    model.agent.image = sample::agent("v3").image;
    model.settle(Successful);
    assert!(model.plan().waits.iter().all(|wait| matches!(wait, Wait::Monitoring { .. })));
    assert_eq!(model.service().task_definition, "dev-agent:3");
}

#[test]
fn the_failed_content_stays_held_when_it_is_committed_again() {
    let mut model = held();
    model.agent.image = sample::agent("v1").image;
    model.settle(Successful);
    model.agent.image = sample::agent("v2").image;
    let writes = model.settle(Successful);
    assert!(writes.is_empty(), "{writes:?}");
    assert!(matches!(&model.plan().waits[..], [Wait::Held { .. }]));
}

#[test]
fn replicas_apply_to_what_is_held() {
    let mut model = held();
    model.agent.capacity = Capacity::Replicas(4);
    let writes = model.settle(Successful);
    assert!(matches!(&writes[..], [Action::UpdateService { update }] if update.task_definition_arn.is_none()));
    assert_eq!(model.service().desired_count, 4);
}

#[test]
fn what_is_held_is_put_back_when_somebody_deploys_the_bad_one_by_hand() {
    let mut model = held();
    model.deploy_by_hand("dev-agent:2");
    model.settle(Successful);
    assert_eq!(model.service().task_definition, "dev-agent:1");
}

#[test]
fn a_rollback_is_a_failed_rollout_in_the_ledger() {
    let model = held();
    let mut outcomes = model.records.iter().flat_map(|record| &record.entries).filter_map(|entry| match entry {
        Entry::RolloutEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    assert!(matches!(outcomes.next_back(), Some(Outcome::RolledBack { .. })));
}
