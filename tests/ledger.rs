//! The ledger's store against any DynamoDB: each check is a function over `Aws`, so that a peer can be put to the same test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use ropewalk::aws::ledger::{Commit, CommitError, LeaseError, LedgerError, LedgerStore, Takeover};
use ropewalk::aws::{Aws, LeaseToken};
use ropewalk::ledger::{Cause, Entry, Head, Outcome, Provenance, RevisionRef};
use ropewalk::names::{AgentId, ContentHash, ImageDigest, ProjectName, RepositoryName, RevisionNumber, RolloutNumber};
use ropewalk::resources::{self, Content};
use ropewalk::status::{State, Status, TaskCounts};

use crate::aws_support::{Sandbox, noon, peer};
use crate::sample;

/// Set to the address of another DynamoDB, e.g. `http://127.0.0.1:8000`, the same checks run against it.
pub const PEER_VARIABLE: &str = "ROPEWALK_TEST_DYNAMODB";
/// How many comparisons all checks make together: fewer means that something was not checked.
pub const COMPARISONS: u64 = 69;

/// Counts what is compared.
#[derive(Default)]
pub struct Checks(AtomicU64);

impl Checks {
    #[track_caller]
    fn same<T: PartialEq + std::fmt::Debug>(&self, found: T, expected: T) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn holds(&self, holds: bool, what: &str) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(holds, "{what}");
    }

    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All checks, each in a table of its own.
pub async fn all_checks(aws: &Aws, prefix: &str) -> u64 {
    let checks = Checks::default();
    let table = |name: &str| aws.ledger(&format!("{prefix}-{name}"));
    a_table_is_made_once(&table("init"), &checks).await;
    records_are_numbered_and_chained(&table("records"), &checks).await;
    what_was_committed_is_recalled(&table("recall"), &checks).await;
    a_stale_head_is_refused(&table("stale"), &checks).await;
    of_two_commits_at_once_one_wins(&table("race"), &checks).await;
    a_tag_means_one_digest(&table("tags"), &checks).await;
    a_lease_has_one_holder(&table("lease"), &checks).await;
    statuses_are_listed_by_fleet(&table("status"), &checks).await;
    long_histories_are_read_to_the_end(&table("pages"), &checks).await;
    checks.count()
}

#[tokio::test(start_paused = true)]
async fn the_embedded_dynamodb_keeps_the_ledger() {
    let sandbox = Sandbox::new().await;
    let count = all_checks(&sandbox.aws, "ledger").await;
    println!("ledger: {count} comparisons against the embedded cloud");
    assert!(count >= COMPARISONS, "only {count} of {COMPARISONS} comparisons were made");
}

/// With [`PEER_VARIABLE`] set, a peer takes the embedded cloud's place; without it, the checks run on another seed's tables.
#[tokio::test]
async fn a_peer_keeps_the_ledger_as_the_embedded_dynamodb_does() {
    let (aws, name) = match std::env::var(PEER_VARIABLE) {
        Ok(endpoint) => (peer(&endpoint).await, endpoint),
        Err(_) => (Sandbox::new().await.aws, "the embedded cloud in real time".to_owned()),
    };
    // A peer keeps its tables: each run has its own.
    let run = format!("ropewalk-{}-{}", std::process::id(), jiff::Timestamp::now().as_millisecond());
    let count = all_checks(&aws, &run).await;
    println!("ledger: {count} comparisons against {name}");
    assert!(count >= COMPARISONS, "only {count} of {COMPARISONS} comparisons were made");
}

pub async fn leader(store: &LedgerStore, owner: &str) -> LeaseToken {
    let lease = store.lease(&sample::fleet().name, owner);
    lease.acquire(Takeover::Immediately).await.unwrap()
}

pub fn digest(letter: char) -> ImageDigest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

/// What git asks for first: version `tag` with the digest of `letter`.
pub fn desired(head: &Head, tag: &str, letter: char) -> (Entry, RevisionRef, Content) {
    let (fleet, agent) = (sample::fleet(), sample::agent(tag));
    let content = Content::new(resources::render(&fleet, &agent, &digest(letter)), &agent);
    let revision = RevisionRef {
        number: RevisionNumber(head.revisions + 1),
        hashes: content.hashes().unwrap(),
        version: tag.to_owned(),
        digest: digest(letter),
        recorded_in: head.sequence + 1,
    };
    let entry = Entry::Desired {
        generation: head.generation + 1,
        revision: revision.clone(),
        content: Some(Box::new(content.clone())),
    };
    (entry, revision, content)
}

fn project() -> ProjectName {
    sample::fleet().project
}

fn repository() -> RepositoryName {
    "vitracka/agent".parse().unwrap()
}

pub async fn commit(
    store: &LedgerStore,
    lease: &LeaseToken,
    id: &AgentId,
    head: &Head,
    entries: &[Entry],
) -> Result<Head, CommitError> {
    let (project, repository) = (project(), repository());
    let provenance = Provenance { commit: Some("4fd2c1a".to_owned()), ..Provenance::default() };
    let now = noon();
    let commit = Commit { project: &project, repository: &repository, provenance: &provenance, entries, now };
    store.commit(lease, id, head, commit).await
}

pub fn agent_id(name: &str) -> AgentId {
    format!("dev/{name}").parse().unwrap()
}

pub async fn a_table_is_made_once(store: &LedgerStore, checks: &Checks) {
    let before = store.meta().await;
    checks.holds(matches!(before, Err(LedgerError::NotInitialised { .. })), "no table is no ledger");
    let said = before.unwrap_err().to_string();
    checks.holds(said.ends_with("is not a ledger yet; run `ropewalk init`"), &said);
    let first = store.init().await.unwrap();
    checks.same(first.made, true);
    checks.same(first.meta.ledger_id.len(), 12);
    let second = store.init().await.unwrap();
    checks.same(second.made, false);
    checks.same(&second.meta, &first.meta);
    checks.same(store.meta().await.unwrap(), first.meta);
    checks.same(store.head(&agent_id("nobody")).await.unwrap(), Head::default());
    checks.same(store.agents(&sample::fleet().name).await.unwrap(), Vec::new());
}

pub async fn records_are_numbered_and_chained(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let lease = leader(store, "one").await;
    let id = agent_id("agent");
    let mut head = Head::default();
    let (entry, revision, _) = desired(&head, "v1.0.0", 'a');
    let rollout = RolloutNumber(1);
    let steps = [
        vec![entry],
        vec![Entry::RolloutStarted {
            rollout,
            revision: revision.clone(),
            cause: Cause::Created,
            after_deployment: None,
        }],
        vec![Entry::RolloutEnded { rollout, outcome: Outcome::Succeeded }, Entry::Converged { generation: 1 }],
    ];
    for entries in &steps {
        head = commit(store, &lease, &id, &head, entries).await.unwrap();
        checks.same(&store.head(&id).await.unwrap(), &head);
    }
    checks.same((head.sequence, head.generation, head.converged), (3, 1, Some(1)));
    checks.same(head.succeeded.as_ref(), Some(&revision));

    let records = store.records(&id, 0).await.unwrap();
    checks.same(records.iter().map(|record| record.sequence).collect::<Vec<_>>(), vec![1, 2, 3]);
    checks.same(records.iter().map(|record| record.entries.clone()).collect::<Vec<_>>(), steps.to_vec());
    checks.holds(records.iter().all(|record| record.epoch == lease.epoch()), "each record has the lease's epoch");
    let (mut folded, mut previous) = (Head::default(), None);
    for record in &records {
        checks.same(&record.previous, &previous);
        let hash = record.hash().unwrap();
        folded = folded.after(record, hash.clone());
        previous = Some(hash);
    }
    checks.same(folded, head.clone());
    checks.same(store.records(&id, 2).await.unwrap().len(), 1);
    let latest: Vec<u64> = store.latest_records(&id, 2).await.unwrap().iter().map(|record| record.sequence).collect();
    checks.same(latest, vec![3, 2]);
    checks.same(store.heads(&[id.clone(), agent_id("nobody")]).await.unwrap(), BTreeMap::from([(id, head)]));
}

pub async fn what_was_committed_is_recalled(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let lease = leader(store, "one").await;
    let id = agent_id("agent");
    let (entry, revision, content) = desired(&Head::default(), "v1.0.0", 'a');
    let arn = "arn:aws:ecs:us-east-1:211125768252:task-definition/dev-agent:1".to_owned();
    let hash = revision.hashes.task_definition.clone();
    let seen = Entry::TaskDefinitionSeen { hash: hash.clone(), arn: arn.clone() };
    commit(store, &lease, &id, &Head::default(), &[entry, seen]).await.unwrap();

    let unknown = ContentHash::of(&"nothing").unwrap();
    checks.same(store.revision(&id, &revision.hashes.revision).await.unwrap(), Some(revision.clone()));
    checks.same(store.revision(&id, &unknown).await.unwrap(), None);
    checks.same(store.content(&id, &revision).await.unwrap(), content);
    checks.same(store.task_definition_arn(&id, &hash).await.unwrap(), Some(arn));
    checks.same(store.task_definition_arn(&id, &unknown).await.unwrap(), None);
    let first_seen = store.tag_digest(&project(), &repository(), &"v1.0.0".parse().unwrap()).await.unwrap();
    checks.same(first_seen, Some(digest('a')));
    checks.same(store.tag_digest(&project(), &repository(), &"v9".parse().unwrap()).await.unwrap(), None);
    let elsewhere = RevisionRef { recorded_in: 7, ..revision };
    checks.holds(store.content(&id, &elsewhere).await.is_err(), "content that is not there is not made up");
}

pub async fn a_stale_head_is_refused(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let lease = leader(store, "one").await;
    let id = agent_id("agent");
    let start = Head::default();
    let first = commit(store, &lease, &id, &start, &[Entry::Converged { generation: 1 }]).await.unwrap();
    let again = commit(store, &lease, &id, &start, &[Entry::Converged { generation: 2 }]).await;
    checks.holds(matches!(again, Err(CommitError::Behind { sequence: 0, .. })), "record 1 is there already");
    let second = commit(store, &lease, &id, &first, &[Entry::Converged { generation: 2 }]).await.unwrap();
    let behind = commit(store, &lease, &id, &first, &[Entry::Converged { generation: 3 }]).await;
    checks.holds(matches!(behind, Err(CommitError::Behind { sequence: 1, .. })), "record 2 is there already");
    let gap = Head { sequence: 7, ..second.clone() };
    let beyond = commit(store, &lease, &id, &gap, &[Entry::Converged { generation: 3 }]).await;
    checks.holds(matches!(beyond, Err(CommitError::Behind { sequence: 7, .. })), "no number is left out");
    checks.same(store.head(&id).await.unwrap(), second);
    checks.same(store.records(&id, 0).await.unwrap().len(), 2);
}

pub async fn of_two_commits_at_once_one_wins(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let lease = leader(store, "one").await;
    let id = agent_id("agent");
    let start = Head::default();
    let entries: Vec<[Entry; 1]> = (1..=4).map(|generation| [Entry::Converged { generation }]).collect();
    // As many stores as writers: within one, transactions take turns.
    let others: Vec<LedgerStore> = entries.iter().map(|_| store.clone()).collect();
    let commits = others.iter().zip(&entries).map(|(store, entry)| commit(store, &lease, &id, &start, entry));
    let results = futures::future::join_all(commits).await;
    let mut said: Vec<String> = results
        .into_iter()
        .map(|result| result.map_or_else(|error| error.to_string(), |_| "committed".into()))
        .collect();
    said.sort();
    checks.same(said.remove(0), "committed".to_owned());
    let refused = "the ledger of dev/agent has moved on from record 0; nothing was written".to_owned();
    checks.same(said, vec![refused.clone(), refused.clone(), refused]);
    checks.same(store.records(&id, 0).await.unwrap().len(), 1);
}

pub async fn a_tag_means_one_digest(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let lease = leader(store, "one").await;
    let start = Head::default();
    let (one, two) = (agent_id("agent"), agent_id("other"));
    let (entry, _, _) = desired(&start, "v1.0.0", 'a');
    commit(store, &lease, &one, &start, std::slice::from_ref(&entry)).await.unwrap();
    let (moved, _, _) = desired(&start, "v1.0.0", 'b');
    let refused = commit(store, &lease, &two, &start, &[moved]).await;
    checks
        .holds(matches!(&refused, Err(CommitError::TagMoved { tag }) if tag == "v1.0.0"), "another digest is refused");
    checks.same(store.head(&two).await.unwrap(), start.clone());
    checks.same(store.records(&two, 0).await.unwrap().len(), 0);
    let same = commit(store, &lease, &two, &start, &[entry]).await;
    checks.holds(same.is_ok(), "the same digest is welcome");
    let (latest, _, _) = desired(&start, "latest", 'c');
    commit(store, &lease, &agent_id("third"), &start, &[latest]).await.unwrap();
    let movable = store.tag_digest(&project(), &repository(), &"latest".parse().unwrap()).await.unwrap();
    checks.same(movable, None);
}

pub async fn a_lease_has_one_holder(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let fleet = sample::fleet().name;
    let (first, second) = (store.lease(&fleet, "first"), store.lease(&fleet, "second"));
    checks.same(first.holder().await.unwrap(), None);
    let mine = first.acquire(Takeover::WhenExpired).await.unwrap();
    checks.same((mine.epoch(), mine.owner()), (1, "first"));
    checks.same(second.holder().await.unwrap().map(|holder| holder.owner), Some("first".to_owned()));
    let mine = first.renew(&mine).await.unwrap();
    checks.same(mine.epoch(), 1);

    let theirs = second.acquire(Takeover::Immediately).await.unwrap();
    checks.same(theirs.epoch(), 2);
    let lost = first.renew(&mine).await;
    checks.holds(matches!(&lost, Err(LeaseError::Lost { owner, .. }) if owner == "second"), "only one holder renews");
    let id = agent_id("agent");
    let stale = commit(store, &mine, &id, &Head::default(), &[Entry::Converged { generation: 1 }]).await;
    checks.holds(matches!(stale, Err(CommitError::LostLease { .. })), "a stale epoch commits nothing");
    let stale = store.put_status(&mine, &id, &status("agent")).await;
    checks.holds(matches!(stale, Err(CommitError::LostLease { .. })), "a stale epoch writes no status");
    checks.same(store.head(&id).await.unwrap(), Head::default());
    let head = commit(store, &theirs, &id, &Head::default(), &[Entry::Converged { generation: 1 }]).await.unwrap();
    checks.same(store.records(&id, 0).await.unwrap()[0].epoch, 2);

    second.release(theirs).await.unwrap();
    checks.same(first.holder().await.unwrap(), None);
    let mine = first.acquire(Takeover::WhenExpired).await.unwrap();
    checks.same(mine.epoch(), 3);
    checks.holds(
        commit(store, &mine, &id, &head, &[Entry::Converged { generation: 1 }]).await.is_ok(),
        "a new epoch goes on",
    );
    checks.holds(first.release(mine.clone()).await.is_ok(), "a lease is given back");
    checks.holds(first.renew(&mine).await.is_err(), "what was given back is not renewed");
}

pub async fn statuses_are_listed_by_fleet(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let fleet = sample::fleet().name;
    let lease = leader(store, "one").await;
    checks.same(store.status(&agent_id("agent-000")).await.unwrap(), None);
    // More than one BatchGetItem takes.
    let names: Vec<String> = (0..105).map(|number| format!("agent-{number:03}")).collect();
    for name in &names {
        store.put_status(&lease, &agent_id(name), &status(name)).await.unwrap();
    }
    let listed: Vec<String> = store.statuses(&fleet).await.unwrap().into_iter().map(|status| status.agent).collect();
    checks.same(listed, names.iter().map(|name| format!("dev/{name}")).collect());
    let changed = Status { state: State::Ready, ..status("agent-000") };
    store.put_status(&lease, &agent_id("agent-000"), &changed).await.unwrap();
    checks.same(store.status(&agent_id("agent-000")).await.unwrap(), Some(changed));
    checks.same(store.agents(&"prod".parse().unwrap()).await.unwrap(), Vec::new());
    commit(store, &lease, &agent_id("new"), &Head::default(), &[Entry::Converged { generation: 1 }]).await.unwrap();
    checks.holds(store.agents(&fleet).await.unwrap().contains(&agent_id("new")), "a first record makes an agent known");
}

pub async fn long_histories_are_read_to_the_end(store: &LedgerStore, checks: &Checks) {
    store.init().await.unwrap();
    let lease = leader(store, "one").await;
    let id = agent_id("agent");
    let mut head = Head::default();
    // Twelve records of 120 KB are more than the megabyte that one page holds.
    for number in 1..=12 {
        let fields = (0..1_200).map(|field| format!("{number} {field} {}", "x".repeat(90))).collect();
        head = commit(store, &lease, &id, &head, &[Entry::Drift { fields }]).await.unwrap();
    }
    let records = store.records(&id, 0).await.unwrap();
    checks.same(records.iter().map(|record| record.sequence).collect::<Vec<_>>(), (1..=12).collect());
    checks.same(store.latest_records(&id, 11).await.unwrap().len(), 11);
    let fields = (0..4_000).map(|field| format!("{field} {}", "x".repeat(100))).collect();
    let large = commit(store, &lease, &id, &head, &[Entry::Drift { fields }]).await;
    checks.holds(matches!(large, Err(CommitError::TooLarge { .. })), "what DynamoDB would refuse is said before");
    checks.same(store.head(&id).await.unwrap(), head);
}

pub fn status(name: &str) -> Status {
    Status {
        agent: format!("dev/{name}"),
        state: State::Waiting,
        since: noon(),
        wanted: None,
        serving: None,
        tasks: TaskCounts::default(),
        generation: 1,
        converged_generation: None,
        rollout: None,
        conditions: Vec::new(),
        waits: Vec::new(),
        note: None,
        alarms_firing: BTreeSet::new(),
        provenance: Provenance::default(),
        events: Vec::new(),
    }
}
