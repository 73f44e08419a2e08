//! What may go wrong, goes wrong, at every call of a clean run: each time the same state comes out, and nothing is made twice.

use std::collections::BTreeMap;
use std::time::Duration;

use ropewalk::ledger::{Head, Record};
use ropewalk::status::State;
use ropewalk_cloud::admin::calls::CallsInput;
use ropewalk_cloud::admin::faults::FaultKind;

use crate::harness::{TEST_AGENT, World};

const MINUTE: Duration = Duration::from_secs(60);

/// What must come out, however it came about.
#[derive(Debug, PartialEq)]
struct Settled {
    state: State,
    serving: Option<(u32, String)>,
    running: u32,
    task_definitions: usize,
    services: usize,
    revisions: u32,
}

async fn settled(world: &World) -> Settled {
    let status = world.status(TEST_AGENT).await;
    let listed = world.ecs().list_services().cluster("vitracka-agents").send().await.unwrap();
    Settled {
        state: status.state,
        serving: status.serving.map(|serving| (serving.revision.0, serving.version)),
        running: status.tasks.running,
        task_definitions: world.task_definitions(TEST_AGENT).await,
        services: listed.service_arns().len(),
        revisions: world.ledger().await.head(&TEST_AGENT.parse().unwrap()).await.unwrap().revisions,
    }
}

/// S1, S2: numbers without gap, each record carries the hash of the one before, epochs never go back, and the head is what
/// the records add up to.
async fn check_ledger(world: &World) {
    let records: Vec<Record> = world.records(TEST_AGENT).await;
    let mut folded = Head::default();
    let mut epoch = 0;
    for (record, number) in records.iter().zip(1..) {
        assert_eq!(record.sequence, number, "no gap");
        assert_eq!(record.previous, folded.last_hash, "record {number} follows the one before");
        assert!(record.epoch >= epoch, "epochs never go back");
        epoch = record.epoch;
        folded = folded.after(record, record.hash().unwrap());
    }
    assert_eq!(world.ledger().await.head(&TEST_AGENT.parse().unwrap()).await.unwrap(), folded);
}

/// Runs until all is at rest, and then sees that it stays so.
async fn rests(world: &mut World) -> Settled {
    world.until_ready().await;
    world.run_for(3 * MINUTE).await;
    world.mark().await;
    world.run_for(MINUTE).await;
    assert_eq!(world.writes().await, [""; 0], "at rest nothing is written");
    check_ledger(world).await;
    settled(world).await
}

/// A run in which nothing goes wrong.
struct Clean {
    settled: Settled,
    /// Which of its calls write, counted from 1. Between two writes nothing changes but what a process remembers, so dying
    /// after each of them is dying anywhere.
    writes: Vec<u64>,
    /// Whether each operation writes.
    operations: BTreeMap<String, bool>,
}

async fn clean_first_deployment() -> Clean {
    let mut world = World::hasty().await;
    world.mark().await;
    world.start();
    world.until_ready().await;
    let calls = world.calls().await;
    let first = calls.recent[0].sequence;
    Clean {
        writes: calls.recent.iter().filter(|call| call.write).map(|call| call.sequence - first + 1).collect(),
        operations: calls.counts.into_iter().map(|(operation, count)| (operation, count.write)).collect(),
        settled: rests(&mut world).await,
    }
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_write_of_a_first_deployment_it_resumes_and_makes_nothing_twice() {
    let clean = clean_first_deployment().await;
    let mut deaths = 0;
    for call in clean.writes {
        let mut world = World::hasty().await;
        deaths += u32::from(world.start_and_die_after(call, 10 * MINUTE).await);
        world.start();
        assert_eq!(rests(&mut world).await, clean.settled, "dead after call {call}");
        assert_created_once(&world, &format!("dead after call {call}")).await;
    }
    assert!(deaths >= 25, "only {deaths} deaths happened");
}

/// CreateService is sent again with the same token at most; everything else is made by one successful call.
async fn assert_created_once(world: &World, when: &str) {
    let counts = world.admin.calls(&CallsInput::default()).await.unwrap().counts;
    for (operation, expected) in [
        ("ecs:RegisterTaskDefinition", 1),
        ("ecr:CreateRepository", 1),
        ("iam:CreateRole", 2),
        ("logs:CreateLogGroup", 1),
    ] {
        let count = &counts[operation];
        assert_eq!(count.calls - count.errors, expected, "{operation} succeeded more than once, {when}");
    }
}

#[tokio::test(start_paused = true)]
async fn whichever_write_gets_no_answer_in_a_first_deployment_the_same_state_comes_out() {
    let clean = clean_first_deployment().await;
    for (operation, _) in clean.operations.iter().filter(|(_, writes)| **writes) {
        for kind in [FaultKind::Timeout, FaultKind::LostResponse] {
            let mut world = World::hasty().await;
            world.fault(operation, kind, 1).await;
            world.start();
            assert_eq!(rests(&mut world).await, clean.settled, "after {kind:?} of {operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_for_longer_than_the_sdk_tries_the_same_state_comes_out() {
    let clean = clean_first_deployment().await;
    for (operation, writes) in clean.operations {
        let kind = if writes { FaultKind::LostResponse } else { FaultKind::ServerError };
        let mut world = World::hasty().await;
        world.fault(&operation, kind, 4).await;
        world.start();
        assert_eq!(rests(&mut world).await, clean.settled, "after four {kind:?} of {operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn whichever_write_gets_no_answer_in_a_new_release_the_same_state_comes_out() {
    let mut clean = World::hasty().await;
    clean.start();
    clean.until_ready().await;
    clean.mark().await;
    release(&mut clean, None).await;
    let writes: Vec<String> = clean
        .calls()
        .await
        .counts
        .into_iter()
        .filter(|(_, count)| count.write)
        .map(|(operation, _)| operation)
        .collect();
    let expected = rests(&mut clean).await;
    for operation in writes {
        let mut world = World::hasty().await;
        world.start();
        release(&mut world, Some((&operation, FaultKind::LostResponse))).await;
        assert_eq!(rests(&mut world).await, expected, "after a lost answer of {operation}");
    }
}

async fn release(world: &mut World, fault: Option<(&str, FaultKind)>) {
    world.until_ready().await;
    world.push("test-agent", "v0.2.0", "healthy").await;
    if let Some((operation, kind)) = fault {
        world.fault(operation, kind, 1).await;
    }
    world.edit("dev/test-agent.yaml", "v0.1.0", "v0.2.0");
    world.until_serving(TEST_AGENT, "v0.2.0").await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_permission_is_named_and_tried_slowly_until_it_is_given() {
    let mut world = World::dev().await;
    world.fault("iam:CreateRole", FaultKind::AccessDenied, 1_000).await;
    world.start();
    world.until_state(TEST_AGENT, State::Stalled).await;
    let status = world.status(TEST_AGENT).await;
    let shown = format!("{status:?}");
    assert!(shown.contains("iam:CreateRole"), "the missing action is named: {shown}");
    world.mark().await;
    world.run_for(60 * MINUTE).await;
    let tries = &world.calls().await.counts["iam:CreateRole"];
    assert!((5..=30).contains(&tries.calls), "{} calls in an hour", tries.calls);
    world.admin.clear_faults().await.unwrap();
    world.until_ready().await;
}

#[tokio::test(start_paused = true)]
async fn calls_under_a_permanent_outage_are_bounded() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    world.fault("ecs:*", FaultKind::ServerError, 1_000_000).await;
    world.run_for(30 * MINUTE).await;
    world.mark().await;
    world.run_for(60 * MINUTE).await;
    let calls: u64 = world
        .calls()
        .await
        .counts
        .iter()
        .filter(|(name, _)| name.starts_with("ecs:"))
        .map(|(_, count)| count.calls)
        .sum();
    assert!(calls <= 10 * 60, "{calls} calls in an hour");
    assert_eq!(world.writes().await, [""; 0], "nothing is written on what could not be read");
    world.admin.clear_faults().await.unwrap();
    world.until_ready().await;
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_agent_delays_nobody() {
    let mut world = World::dev().await;
    let text = std::fs::read_to_string(world.path("dev/test-agent.yaml")).unwrap();
    for name in ["one", "two", "three"] {
        let text = text.replace("name: test-agent", &format!("name: {name}")).replace("v0.1.0", "v1.0.0");
        world.write(&format!("dev/{name}.yaml"), &text);
    }
    world.start();
    // Only test-agent's image is there; the others wait for theirs, for ever.
    world.until_state(TEST_AGENT, State::Ready).await;
    world.push("test-agent", "v0.2.0", "healthy").await;
    world.edit("dev/test-agent.yaml", "v0.1.0", "v0.2.0");
    world.until_serving(TEST_AGENT, "v0.2.0").await;
    assert_eq!(world.status("dev/one").await.state, State::Waiting);
}

#[tokio::test(start_paused = true)]
async fn two_operators_of_one_fleet_never_both_write() {
    let mut world = World::dev().await;
    world.start();
    world.until_ready().await;
    // The second one waits, and takes over when the first is dead: after its lease and its longest call.
    let second = std::sync::Arc::new(world.patient_operator());
    let cancel = tokio_util::sync::CancellationToken::new();
    let progress = second.progress();
    let task = tokio::spawn(second.run(cancel.clone()));
    world.run_for(5 * MINUTE).await;
    assert!(progress.borrow().fleets.values().all(|fleet| !fleet.leading));
    world.kill().await;
    world.run_for(2 * MINUTE).await;
    assert!(progress.borrow().fleets.values().all(|fleet| fleet.leading), "{:#?}", progress.borrow());
    check_ledger(&world).await;
    cancel.cancel();
    task.await.unwrap();
}
