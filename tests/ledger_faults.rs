//! The ledger when answers are lost, DynamoDB is away, and two want to lead: on virtual time.

use std::time::Duration;

use ropewalk::aws::ledger::{
    CommitError, LEASE_DURATION, LeaseError, LedgerStore, RENEWAL_INTERVAL, STANDSTILL, Takeover,
};
use ropewalk::aws::{CALL_DEADLINE, LeaseToken, Remedy};
use ropewalk::ledger::{Entry, Head};
use ropewalk_cloud::admin::faults::FaultKind;

use crate::aws_support::Sandbox;
use crate::ledger::{agent_id, commit, leader, status};
use crate::sample;

const CONVERGED: Entry = Entry::Converged { generation: 1 };

async fn store(sandbox: &Sandbox) -> (LedgerStore, LeaseToken) {
    let store = sandbox.aws.ledger("ledger");
    store.init().await.unwrap();
    let lease = leader(&store, "one").await;
    (store, lease)
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_commit_is_resolved_to_our_own_write() {
    for times in 1..=12 {
        let sandbox = Sandbox::new().await;
        let (store, lease) = store(&sandbox).await;
        sandbox.fault("dynamodb:TransactWriteItems", FaultKind::LostResponse, times).await;
        let head = commit(&store, &lease, &agent_id("agent"), &Head::default(), &[CONVERGED]).await.unwrap();
        assert_eq!(store.head(&agent_id("agent")).await.unwrap(), head, "{times} lost answers");
        assert_eq!(store.records(&agent_id("agent"), 0).await.unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_never_arrived_is_refused_or_sent_again() {
    for kind in [FaultKind::ConnectionReset, FaultKind::Timeout, FaultKind::ServerError, FaultKind::Throttle] {
        let sandbox = Sandbox::new().await;
        let (store, lease) = store(&sandbox).await;
        sandbox.fault("dynamodb:TransactWriteItems", kind, 4).await;
        let result = commit(&store, &lease, &agent_id("agent"), &Head::default(), &[CONVERGED]).await;
        let records = store.records(&agent_id("agent"), 0).await.unwrap();
        assert_eq!(records.len(), usize::from(result.is_ok()), "{kind:?}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_fate_cannot_be_read_is_undecided() {
    let sandbox = Sandbox::new().await;
    let (store, lease) = store(&sandbox).await;
    sandbox.fault("dynamodb:TransactWriteItems", FaultKind::LostResponse, 100).await;
    sandbox.fault("dynamodb:GetItem", FaultKind::ConnectionReset, 100).await;
    let result = commit(&store, &lease, &agent_id("agent"), &Head::default(), &[CONVERGED]).await;
    assert!(matches!(result, Err(CommitError::Undecided { sequence: 1, .. })), "{result:?}");
    sandbox.clear_faults().await;
    assert_eq!(store.head(&agent_id("agent")).await.unwrap().sequence, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_says_what_a_person_must_allow() {
    let sandbox = Sandbox::new().await;
    let (store, lease) = store(&sandbox).await;
    sandbox.fault("dynamodb:TransactWriteItems", FaultKind::AccessDenied, 1).await;
    let result = commit(&store, &lease, &agent_id("agent"), &Head::default(), &[CONVERGED]).await;
    let Err(CommitError::Ledger(error)) = result else { panic!("{result:?}") };
    assert!(matches!(&error.aws().unwrap().remedy, Remedy::Denied { .. }), "{error}");
    sandbox.fault("dynamodb:TransactWriteItems", FaultKind::LostResponse, 1).await;
    store.put_status(&lease, &agent_id("agent"), &status("agent")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_renewal_is_our_own_write() {
    for times in 1..=4 {
        let sandbox = Sandbox::new().await;
        let (store, lease) = store(&sandbox).await;
        let mine = store.lease(&sample::fleet().name, "one");
        sandbox.fault("dynamodb:UpdateItem", FaultKind::LostResponse, times).await;
        let renewed = mine.renew(&lease).await.unwrap();
        sandbox.clear_faults().await;
        assert_eq!(renewed.epoch(), lease.epoch());
        mine.renew(&renewed).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_token_to_try_again_with() {
    let sandbox = Sandbox::new().await;
    let (store, lease) = store(&sandbox).await;
    let mine = store.lease(&sample::fleet().name, "one");
    sandbox.fault("dynamodb:UpdateItem", FaultKind::ConnectionReset, 3).await;
    let failed = mine.renew(&lease).await;
    assert!(matches!(failed, Err(LeaseError::Ledger(_))), "{failed:?}");
    mine.renew(&lease).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_living_leader_is_never_replaced_and_a_dead_one_after_lease_and_drain() {
    let sandbox = Sandbox::new().await;
    let (store, mut lease) = store(&sandbox).await;
    let other = sandbox.another().await.ledger("ledger");
    let fleet = sample::fleet().name;
    let candidate =
        tokio::spawn(async move { other.lease(&fleet, "two").acquire(Takeover::WhenExpired).await.unwrap() });
    let mine = store.lease(&sample::fleet().name, "one");
    for _ in 0..30 {
        sandbox.clock.sleep(RENEWAL_INTERVAL).await;
        lease = mine.renew(&lease).await.unwrap();
    }
    assert!(!candidate.is_finished(), "a living leader was replaced");
    let died_at = sandbox.clock.elapsed();
    let theirs = candidate.await.unwrap();
    let waited = sandbox.clock.elapsed() - died_at;
    assert_eq!(theirs.epoch(), lease.epoch() + 1);
    assert!(waited >= LEASE_DURATION + CALL_DEADLINE, "took over after {waited:?}");
    assert!(waited <= STANDSTILL + Duration::from_secs(15), "took over only after {waited:?}");
    assert!(lease.remaining(&sandbox.clock).is_zero(), "the dead leader would still believe that it leads");
    assert!(matches!(mine.renew(&lease).await, Err(LeaseError::Lost { .. })));
}

#[tokio::test(start_paused = true)]
async fn of_many_candidates_one_leads() {
    let sandbox = Sandbox::new().await;
    let (store, lease) = store(&sandbox).await;
    let fleet = sample::fleet().name;
    let leases: Vec<_> = (0..5).map(|number| store.lease(&fleet, &format!("candidate-{number}"))).collect();
    let candidates = leases.iter().map(|lease| Box::pin(lease.acquire(Takeover::WhenExpired)));
    let (winner, position, others) = futures::future::select_all(candidates).await;
    let winner = winner.unwrap();
    assert_eq!(winner.epoch(), lease.epoch() + 1);
    assert_eq!(others.len(), 4);
    drop(others);
    let holder = leases[position].holder().await.unwrap().unwrap();
    assert_eq!((holder.owner.as_str(), holder.epoch), (winner.owner(), winner.epoch()));
}

#[tokio::test(start_paused = true)]
async fn a_call_may_begin_only_while_it_would_end_within_the_lease() {
    let sandbox = Sandbox::new().await;
    let (store, lease) = store(&sandbox).await;
    assert!(lease.permits_a_call(&sandbox.clock));
    // One renewal was missed, and writes go on.
    sandbox.clock.sleep(RENEWAL_INTERVAL + Duration::from_secs(4)).await;
    assert!(lease.permits_a_call(&sandbox.clock));
    sandbox.clock.sleep(Duration::from_secs(1)).await;
    assert!(!lease.permits_a_call(&sandbox.clock));
    assert!(!lease.remaining(&sandbox.clock).is_zero());
    let renewed = store.lease(&sample::fleet().name, "one").renew(&lease).await.unwrap();
    assert!(renewed.permits_a_call(&sandbox.clock));
}

#[tokio::test(start_paused = true)]
async fn a_call_never_takes_longer_than_its_deadline() {
    let sandbox = Sandbox::new().await;
    let (store, _) = store(&sandbox).await;
    sandbox.fault("dynamodb:GetItem", FaultKind::Timeout, 100).await;
    let start = sandbox.clock.elapsed();
    let error = store.head(&agent_id("agent")).await.unwrap_err();
    assert!(sandbox.clock.elapsed() - start <= CALL_DEADLINE);
    let error = error.aws().unwrap();
    assert_eq!((error.remedy.clone(), error.in_doubt), (Remedy::Transient, true));
}
