//! Seeing: batched over the agents of a fleet, tiered by how often things change. What cannot be read is `Unknown`, and so
//! is only what was in the failed batch.
//!
//! At rest one pass costs one DescribeServices for ten agents and one DescribeAlarms for the whole fleet.

mod access;
mod alarms;
mod cache;
mod deployments;
mod images;
mod logs;
mod repositories;
mod services;
mod task_definitions;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_types::DateTime;
use futures::StreamExt;
use jiff::Timestamp;
use serde::Serialize;

use super::Aws;
use super::errors::{AwsError, Remedy};
use crate::names::{AgentId, ContentHash, ImageDigest};
use crate::observed::{
    LiveDeployment, LiveLogGroup, LiveRepository, LiveRole, LiveService, LiveTaskDefinition, RolloutStateSeen, Seen,
    ServiceStatus, Snapshot, StoppedTask,
};
use crate::spec::model::{Agent, Fleet};
use cache::Cache;

/// How many calls of one kind run at once. The buckets bound the rate; this bounds what is open.
const CONCURRENT_CALLS: usize = 8;

/// What to look at.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub agent: &'a Agent,
    /// A rollout is under way: its deployments are read too. (A service that shows one is read so anyway.)
    pub in_motion: bool,
    /// Read the slow things again too: cluster, repository, roles, log group, image.
    pub thorough: bool,
}

/// Sees one account and region. Clones share what is remembered.
#[derive(Clone, Debug)]
pub struct Observer {
    aws: Aws,
}

/// What is remembered between passes, by name or ARN.
#[derive(Debug, Default)]
pub(super) struct Memory {
    clusters: Cache<()>,
    repositories: Cache<LiveRepository>,
    images: Cache<ImageDigest>,
    roles: Cache<LiveRole>,
    log_groups: Cache<LiveLogGroup>,
    /// Deployments that have ended: nothing in them changes any more.
    ended_deployments: Cache<LiveDeployment>,
    /// Service revisions are immutable.
    revisions: Cache<deployments::Revision>,
    /// The hash tag of a task definition, by ARN; empty where it has none.
    task_definition_hashes: Cache<String>,
}

/// What was read in one pass, by name.
#[derive(Default)]
struct Slow {
    cluster: Option<Seen<()>>,
    repositories: BTreeMap<String, Seen<LiveRepository>>,
    images: BTreeMap<String, Seen<ImageDigest>>,
    roles: BTreeMap<String, Seen<LiveRole>>,
    log_groups: BTreeMap<String, Seen<LiveLogGroup>>,
}

struct Motion {
    deployments: BTreeMap<String, Seen<Vec<LiveDeployment>>>,
    stopped_tasks: BTreeMap<String, Vec<StoppedTask>>,
}

impl Memory {
    /// Forgets what a write of ours changes, so that the next pass reads it again.
    pub(super) fn forget(&self, key: &str) {
        let Some((kind, name)) = key.split_once('/') else { return };
        match kind {
            "repository" => self.repositories.forget(name),
            "role" => self.roles.forget(name),
            "log-group" => self.log_groups.forget(name),
            _ => {}
        }
    }
}

impl Observer {
    pub(super) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// Looks at these agents of one fleet. It cannot fail: what could not be read is `Unknown`.
    ///
    /// `deployments` is `Unknown` for a service at rest: it was not read, and nothing may be decided on it.
    pub async fn observe(&self, fleet: &Fleet, wanted: &[Wanted<'_>]) -> BTreeMap<AgentId, Snapshot> {
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        // Alarms first: when calls are throttled, this is the one that must get through.
        let alarms = self.alarms_firing(&fleet.name).await;
        let names: Vec<String> = wanted.iter().map(|wanted| wanted.agent.id.service_name()).collect();
        let (services, slow) = futures::join!(self.services(fleet.cluster.as_str(), &names), self.slow(fleet, wanted));
        let cluster = match services.cluster_missing {
            true => {
                self.aws.inner.memory.clusters.forget(fleet.cluster.as_str());
                Seen::Absent
            }
            false => slow.cluster.clone().unwrap_or(Seen::Present(())),
        };
        let motion = self.motion(fleet.cluster.as_str(), wanted, &services.by_name).await;
        let snapshots = wanted.iter().map(|wanted| {
            let (agent, service) = (wanted.agent, wanted.agent.id.service_name());
            let snapshot = Snapshot {
                cluster: cluster.clone(),
                repository: found(&slow.repositories, agent.image.repository.as_str()),
                image: found(&slow.images, &images::key(agent)),
                execution_role: found(&slow.roles, &agent.id.execution_role_name(&fleet.project)),
                task_role: found(&slow.roles, &agent.id.task_role_name(&fleet.project)),
                log_group: found(&slow.log_groups, &agent.logs.group),
                service: found(&services.by_name, &service),
                deployments: found(&motion.deployments, &service),
                stopped_tasks: motion.stopped_tasks.get(&service).cloned().unwrap_or_default(),
                alarms_firing: match &alarms {
                    Ok(names) => Seen::Present(alarms::of_agent(names, &agent.id)),
                    Err(error) => Seen::Unknown(error.to_string()),
                },
            };
            (agent.id.clone(), snapshot)
        });
        snapshots.collect()
    }

    /// The task definition of this family and hash: by the ARN that is known, else by its tag among the family's newest.
    pub async fn task_definition(
        &self,
        family: &str,
        hash: &ContentHash,
        known_arn: Option<&str>,
    ) -> Seen<LiveTaskDefinition> {
        let read = self.read_task_definition(family, hash, known_arn).await;
        self.settle(&format!("task-definition/{hash}"), read)
    }

    /// What changes rarely: from memory where it is there, else read.
    async fn slow(&self, fleet: &Fleet, wanted: &[Wanted<'_>]) -> Slow {
        let thorough = wanted.iter().any(|wanted| wanted.thorough);
        let memory = &self.aws.inner.memory;
        let cluster = self.cluster(fleet.cluster.as_str(), thorough);
        let repositories = split(wanted, &memory.repositories, |agent| vec![agent.image.repository.to_string()]);
        let roles = split(wanted, &memory.roles, |agent| {
            vec![agent.id.execution_role_name(&fleet.project), agent.id.task_role_name(&fleet.project)]
        });
        let log_groups = split(wanted, &memory.log_groups, |agent| vec![agent.logs.group.clone()]);
        let (cluster, read_repositories, read_roles, read_groups) = futures::join!(
            cluster,
            self.repositories(&repositories.due),
            self.roles(&roles.due),
            self.log_groups(&fleet.name, &log_groups.due),
        );
        let mut slow = Slow {
            cluster: Some(cluster),
            repositories: self.merge("repository", &memory.repositories, repositories, read_repositories),
            roles: self.merge("role", &memory.roles, roles, read_roles),
            log_groups: self.merge("log-group", &memory.log_groups, log_groups, read_groups),
            images: BTreeMap::new(),
        };
        slow.images = self.images(wanted, &slow.repositories).await;
        slow
    }

    /// Remembers what was read, and adds what was remembered.
    fn merge<T: Clone + Serialize>(
        &self,
        kind: &str,
        cache: &Cache<T>,
        split: Split<T>,
        read: BTreeMap<String, Seen<T>>,
    ) -> BTreeMap<String, Seen<T>> {
        let mut all = split.known;
        for (name, seen) in read {
            let seen = self.settle(&format!("{kind}/{name}"), seen);
            cache.keep(&name, &seen);
            all.insert(name, seen);
        }
        all
    }

    /// The deployments of what moves, and the last words of what fails.
    async fn motion(
        &self,
        cluster: &str,
        wanted: &[Wanted<'_>],
        services: &BTreeMap<String, Seen<LiveService>>,
    ) -> Motion {
        let live = |wanted: &Wanted<'_>| services.get(&wanted.agent.id.service_name());
        let moving: Vec<String> = wanted
            .iter()
            .filter(|wanted| match live(wanted) {
                Some(Seen::Present(service)) => wanted.in_motion || moves(service),
                _ => false,
            })
            .map(|wanted| wanted.agent.id.service_name())
            .collect();
        let mut deployments = self.deployments(cluster, &moving).await;
        for wanted in wanted {
            let name = wanted.agent.id.service_name();
            let unread = match live(wanted) {
                Some(Seen::Absent) => Seen::Absent,
                Some(Seen::Unknown(why)) => Seen::Unknown(why.clone()),
                Some(Seen::Present(_)) | None => Seen::Unknown("not read: nothing moves".to_owned()),
            };
            deployments.entry(name).or_insert(unread);
        }
        let failing: Vec<String> = wanted
            .iter()
            .filter(|wanted| {
                let failed = deployments.get(&wanted.agent.id.service_name()).and_then(Seen::present);
                let failed =
                    failed.and_then(|deployments| deployments.first()).is_some_and(|newest| newest.failed_tasks > 0);
                failed || live(wanted).and_then(Seen::present).is_some_and(fails)
            })
            .map(|wanted| wanted.agent.id.service_name())
            .collect();
        let stopped_tasks = self.stopped_tasks(cluster, &failing).await;
        Motion { deployments, stopped_tasks }
    }

    fn settle<T: Serialize>(&self, key: &str, read: Seen<T>) -> Seen<T> {
        self.aws.inner.recent.settle(key, read, self.aws.inner.clock.elapsed())
    }
}

/// Whether ECS replaces tasks, or has just failed to.
fn moves(service: &LiveService) -> bool {
    service.status == ServiceStatus::Active
        && (service.rollouts.len() != 1
            || service.rollouts.iter().any(|rollout| rollout.state != RolloutStateSeen::Completed))
}

/// Whether tasks fail: at their start, as ECS counts them, or after it, when fewer run than should and none is on its way.
fn fails(service: &LiveService) -> bool {
    let counted = |rollout: &crate::observed::LiveServiceRollout| {
        rollout.failed_tasks > 0 || rollout.state == RolloutStateSeen::Failed
    };
    let short = !moves(service) && service.running_count < service.desired_count;
    service.status == ServiceStatus::Active && (short || service.rollouts.iter().any(counted))
}

/// Names that are remembered, and names that must be read.
struct Split<T> {
    known: BTreeMap<String, Seen<T>>,
    due: BTreeSet<String>,
}

fn split<T: Clone>(wanted: &[Wanted<'_>], cache: &Cache<T>, names: impl Fn(&Agent) -> Vec<String>) -> Split<T> {
    let mut split = Split { known: BTreeMap::new(), due: BTreeSet::new() };
    for wanted in wanted {
        for name in names(wanted.agent) {
            match cache.recall(&name).filter(|_| !wanted.thorough) {
                Some(value) => drop(split.known.insert(name, Seen::Present(value))),
                None => drop(split.due.insert(name)),
            }
        }
    }
    split
}

/// What a pass read of one name. A name that no answer mentions is unknown, not absent.
fn found<T: Clone>(read: &BTreeMap<String, Seen<T>>, name: &str) -> Seen<T> {
    read.get(name).cloned().unwrap_or_else(|| Seen::Unknown("AWS did not answer for it".to_owned()))
}

/// What a failed read means: absent only if AWS says so.
fn failed<T>(error: &AwsError) -> Seen<T> {
    match error.remedy {
        Remedy::NotFound => Seen::Absent,
        _ => Seen::Unknown(error.to_string()),
    }
}

/// Runs calls a few at a time, results in order. They are all made before the first runs: an iterator that borrows, kept
/// across an await, would make a future that cannot be spawned.
fn each<T, F, C>(calls: C) -> impl Future<Output = Vec<T>> + use<T, F, C>
where
    F: Future<Output = T>,
    C: IntoIterator<Item = F>,
{
    let calls: Vec<F> = calls.into_iter().collect();
    futures::stream::iter(calls).buffered(CONCURRENT_CALLS).collect()
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// AWS's counts are signed, and never negative.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
