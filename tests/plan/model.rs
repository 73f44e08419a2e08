//! A model of the part of AWS that a plan sees: actions change it, deployments end as the test says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ropewalk::ledger::{Entry, Head, Provenance, Record, RevisionRef};
use ropewalk::names::{ContentHash, ImageDigest};
use ropewalk::observed::{
    DeploymentStatus, LiveDeployment, LiveLogGroup, LiveRepository, LiveRole, LiveService, LiveServiceRollout,
    LiveTaskDefinition, RolloutStateSeen, Seen, ServiceStatus, Snapshot,
};
use ropewalk::plan::action::ServiceUpdate;
use ropewalk::plan::diff::{CIRCUIT_BREAKER, PLATFORM_VERSION, PROPAGATE_TAGS};
use ropewalk::plan::{self, Action, Input, Plan, Recall};
use ropewalk::resources::{Content, Role, Service};
use ropewalk::spec::model::{Agent, Fleet, ImageReference};

pub const LEDGER: &str = "ledger-1";

/// One agent, its ledger, and AWS.
pub struct Model {
    pub now: Timestamp,
    pub fleet: Fleet,
    pub agent: Agent,
    pub head: Head,
    pub records: Vec<Record>,
    pub snapshot: Snapshot,
    /// Tags in the registry.
    pub images: BTreeMap<String, ImageDigest>,
    pub task_definitions: BTreeMap<ContentHash, LiveTaskDefinition>,
    pub writes: Vec<Action>,
    deployments: u32,
}

impl Model {
    pub fn new(fleet: Fleet, agent: Agent) -> Self {
        let snapshot = Snapshot {
            cluster: Seen::Present(()),
            repository: Seen::Absent,
            image: Seen::Absent,
            execution_role: Seen::Absent,
            task_role: Seen::Absent,
            log_group: Seen::Absent,
            service: Seen::Absent,
            deployments: Seen::Absent,
            stopped_tasks: Vec::new(),
            alarms_firing: Seen::Present(BTreeSet::new()),
        };
        Self {
            now: "2026-11-01T12:00:00Z".parse().unwrap(),
            fleet,
            agent,
            head: Head::default(),
            records: Vec::new(),
            snapshot,
            images: BTreeMap::new(),
            task_definitions: BTreeMap::new(),
            writes: Vec::new(),
            deployments: 0,
        }
    }

    pub fn push(&mut self, tag: &str, digest_digit: char) {
        let digest = format!("sha256:{}", digest_digit.to_string().repeat(64)).parse().unwrap();
        self.images.insert(tag.to_owned(), digest);
    }

    /// Decides, without doing.
    pub fn plan(&mut self) -> Plan {
        self.snapshot.image = match (&self.snapshot.repository, &self.agent.image.reference) {
            (Seen::Present(_), ImageReference::Tag(tag)) => {
                self.images.get(tag.as_str()).cloned().map_or(Seen::Absent, Seen::Present)
            }
            _ => Seen::Absent,
        };
        let provenance = Provenance::default();
        let recall = self.recall(&provenance);
        plan::plan(&self.input(&provenance, &recall))
    }

    fn input<'a>(&'a self, provenance: &'a Provenance, recall: &'a Recall) -> Input<'a> {
        Input {
            now: self.now,
            ledger_id: LEDGER,
            fleet: &self.fleet,
            agent: &self.agent,
            provenance,
            head: &self.head,
            recall,
            snapshot: &self.snapshot,
        }
    }

    /// Answers the plan's questions, and only those.
    fn recall(&self, provenance: &Provenance) -> Recall {
        let empty = Recall::default();
        let questions = plan::questions(&self.input(provenance, &empty));
        let entries = || self.records.iter().flat_map(|record| &record.entries);
        let revision = |hash: &ContentHash| {
            entries().find_map(|entry| match entry {
                Entry::Desired { revision, .. } if &revision.hashes.revision == hash => Some(revision.clone()),
                _ => None,
            })
        };
        Recall {
            tag_digest: entries().filter(|_| questions.tag).find_map(|entry| {
                match (entry, &self.agent.image.reference) {
                    (Entry::Desired { revision, .. }, ImageReference::Tag(tag)) if revision.version == tag.as_str() => {
                        Some(revision.digest.clone())
                    }
                    _ => None,
                }
            }),
            revisions: questions.revision.iter().filter_map(|hash| Some((hash.clone(), revision(hash)?))).collect(),
            contents: questions
                .contents
                .iter()
                .map(|known| (known.hashes.revision.clone(), self.content(known)))
                .collect(),
            task_definitions: questions
                .task_definitions
                .iter()
                .map(|question| {
                    let live = self.task_definitions.get(&question.hash).cloned();
                    (question.hash.clone(), live.map_or(Seen::Absent, Seen::Present))
                })
                .collect(),
        }
    }

    fn content(&self, revision: &RevisionRef) -> Content {
        let record = &self.records[usize::try_from(revision.recorded_in).unwrap() - 1];
        let content = record.entries.iter().find_map(|entry| match entry {
            Entry::Desired { content: Some(content), .. } => Some((**content).clone()),
            _ => None,
        });
        content.expect("a revision's record holds its content")
    }

    /// One pass: decides, records, does. What was done.
    pub fn pass(&mut self) -> Vec<Action> {
        let plan = self.plan();
        self.commit(&plan.entries);
        let actions: Vec<Action> = plan.actions.into_iter().map(|planned| planned.action).collect();
        for action in &actions {
            self.apply(action);
        }
        self.now += SignedDuration::from_secs(1);
        actions
    }

    pub fn commit(&mut self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        let record = Record {
            sequence: self.head.sequence + 1,
            epoch: 1,
            at: self.now,
            previous: self.head.last_hash.clone(),
            provenance: Provenance::default(),
            entries: entries.to_vec(),
        };
        self.head = self.head.after(&record, record.hash().unwrap());
        self.records.push(record);
    }

    /// Passes until one does nothing; ECS finishes each deployment with `end` as soon as it can.
    pub fn settle(&mut self, end: DeploymentStatus) -> Vec<Action> {
        let before = self.writes.len();
        for _ in 0..30 {
            let head = self.head.clone();
            let actions = self.pass();
            if actions.is_empty() && head == self.head && !self.finish_deployment(end) {
                return self.writes[before..].to_vec();
            }
        }
        panic!("it does not settle: {:#?}", self.plan());
    }

    /// ECS ends the deployment under way; whether there was one.
    pub fn finish_deployment(&mut self, end: DeploymentStatus) -> bool {
        let (Seen::Present(service), Seen::Present(deployments)) =
            (&mut self.snapshot.service, &mut self.snapshot.deployments)
        else {
            return false;
        };
        let good = deployments.iter().skip(1).find(|deployment| deployment.status == DeploymentStatus::Successful);
        let good = good.and_then(|deployment| deployment.target_task_definition.clone());
        let newest = &mut deployments[0];
        if newest.status != DeploymentStatus::InProgress {
            return false;
        }
        newest.status = end;
        match (end, good) {
            (DeploymentStatus::Successful, _) => {
                service.rollouts[0].state = RolloutStateSeen::Completed;
                service.running_count = service.desired_count;
            }
            (_, Some(good)) => {
                newest.rollback_reason = Some("ECS deployment circuit breaker: tasks failed to start.".to_owned());
                service.task_definition.clone_from(&good);
                service.rollouts[0].task_definition = good;
                service.rollouts[0].state = RolloutStateSeen::Completed;
            }
            (_, None) => {
                newest.status_reason = Some("ECS deployment circuit breaker: tasks failed to start.".to_owned());
                service.rollouts[0].state = RolloutStateSeen::Failed;
            }
        }
        true
    }

    pub fn service(&mut self) -> &mut LiveService {
        match &mut self.snapshot.service {
            Seen::Present(service) => service,
            other => panic!("no service: {other:?}"),
        }
    }

    /// Somebody deploys another task definition by hand, and ECS completes it.
    pub fn deploy_by_hand(&mut self, task_definition: &str) {
        self.service().task_definition = task_definition.to_owned();
        self.deploy(task_definition);
        self.finish_deployment(DeploymentStatus::Successful);
    }

    fn deploy(&mut self, task_definition: &str) {
        self.deployments += 1;
        let id = self.deployments;
        let service = self.service();
        let rollout = LiveServiceRollout {
            id: format!("ecs-svc/{id}"),
            primary: true,
            task_definition: task_definition.to_owned(),
            state: RolloutStateSeen::InProgress,
            reason: None,
            desired_count: service.desired_count,
            running_count: 0,
            pending_count: 0,
            failed_tasks: 0,
        };
        service.rollouts = vec![rollout];
        let deployment = LiveDeployment {
            arn: format!("deployment-{id}"),
            status: DeploymentStatus::InProgress,
            status_reason: None,
            created_at: self.now,
            target_task_definition: Some(task_definition.to_owned()),
            target_image_digests: BTreeMap::new(),
            rollback_reason: None,
            failed_tasks: 0,
            failure_threshold: Some(3),
        };
        let mut deployments = self.snapshot.deployments.present().cloned().unwrap_or_default();
        if let Some(newest) = deployments.first_mut()
            && newest.status == DeploymentStatus::InProgress
        {
            newest.status = DeploymentStatus::Stopped;
        }
        deployments.insert(0, deployment);
        self.snapshot.deployments = Seen::Present(deployments);
    }

    fn apply(&mut self, action: &Action) {
        self.writes.push(action.clone());
        match action {
            Action::CreateRepository { repository, tags } => {
                self.snapshot.repository = Seen::Present(LiveRepository {
                    arn: repository.name.to_string(),
                    tag_mutability: "IMMUTABLE_WITH_EXCLUSION".to_owned(),
                    mutable_tags: repository.mutable_tags.clone(),
                    scan_on_push: repository.scan_on_push,
                    lifecycle_policy: None,
                    tags: tags.clone(),
                });
            }
            Action::PutImageTagMutability { mutable_tags, .. } => {
                let repository = present(&mut self.snapshot.repository);
                repository.tag_mutability = "IMMUTABLE_WITH_EXCLUSION".to_owned();
                repository.mutable_tags.clone_from(mutable_tags);
            }
            Action::PutImageScanningConfiguration { scan_on_push, .. } => {
                present(&mut self.snapshot.repository).scan_on_push = *scan_on_push;
            }
            Action::PutLifecyclePolicy { policy, .. } => {
                present(&mut self.snapshot.repository).lifecycle_policy = Some(policy.clone());
            }
            Action::CreateRole { role, tags } => *self.role(&role.name.clone()) = Seen::Present(live_role(role, tags)),
            Action::UpdateAssumeRolePolicy { role, policy } => present(self.role(role)).trust_policy = policy.clone(),
            Action::PutRolePolicy { role, policy_name, policy } => {
                present(self.role(role)).policies.insert(policy_name.clone(), policy.clone());
            }
            Action::DeleteRolePolicy { role, policy_name } => {
                present(self.role(role)).policies.remove(policy_name);
            }
            Action::PutRolePermissionsBoundary { role, boundary } => {
                present(self.role(role)).permissions_boundary = Some(boundary.clone());
            }
            Action::DeleteRolePermissionsBoundary { role } => present(self.role(role)).permissions_boundary = None,
            Action::TagRole { role, tags } => present(self.role(role)).tags.extend(tags.clone()),
            Action::CreateLogGroup { log_group, tags } => {
                self.snapshot.log_group = Seen::Present(LiveLogGroup {
                    arn: log_group.name.clone(),
                    retention_days: None,
                    kms_key: log_group.encryption_key.clone(),
                    tags: tags.clone(),
                });
            }
            Action::PutRetentionPolicy { days, .. } => {
                present(&mut self.snapshot.log_group).retention_days = Some(*days);
            }
            Action::AssociateKmsKey { key, .. } => present(&mut self.snapshot.log_group).kms_key = Some(key.clone()),
            Action::DisassociateKmsKey { .. } => present(&mut self.snapshot.log_group).kms_key = None,
            Action::TagLogGroup { tags, .. } => present(&mut self.snapshot.log_group).tags.extend(tags.clone()),
            Action::TagEcsResource { tags, .. } => self.service().tags.extend(tags.clone()),
            Action::RegisterTaskDefinition { hash, tags, task_definition } => {
                let arn = format!("{}:{}", task_definition.family, self.task_definitions.len() + 1);
                let live = LiveTaskDefinition { arn, active: true, tags: tags.clone() };
                assert!(self.task_definitions.insert(hash.clone(), live).is_none(), "registered twice");
            }
            Action::CreateService { service, task_definition_arn, tags, .. } => {
                self.snapshot.service = Seen::Present(live_service(service, task_definition_arn, tags));
                self.deploy(task_definition_arn);
            }
            Action::UpdateService { update } => self.update_service(update),
            Action::StopServiceDeployment { .. } => {
                self.finish_deployment(DeploymentStatus::RollbackSuccessful);
            }
        }
    }

    fn update_service(&mut self, update: &ServiceUpdate) {
        let service = self.service();
        if let Some(count) = update.desired_count {
            service.desired_count = count;
            service.running_count = count;
        }
        if let Some(network) = &update.network {
            service.subnets.clone_from(&network.subnets);
            service.security_groups.clone_from(&network.security_groups);
            service.assign_public_ip = false;
        }
        if let Some(deployment) = &update.deployment {
            service.minimum_healthy_percent = deployment.minimum_healthy_percent;
            service.maximum_percent = deployment.maximum_percent;
            service.circuit_breaker = deployment.circuit_breaker;
        }
        if let Some(version) = &update.platform_version {
            service.platform_version.clone_from(version);
        }
        service.execute_command = update.execute_command.unwrap_or(service.execute_command);
        service.managed_tags = update.managed_tags.unwrap_or(service.managed_tags);
        if let Some(propagate) = &update.propagate_tags {
            service.propagate_tags.clone_from(propagate);
        }
        if let Some(arn) = &update.task_definition_arn {
            service.task_definition.clone_from(arn);
        }
        if update.task_definition_arn.is_some() || update.network.is_some() || update.platform_version.is_some() {
            let arn = self.service().task_definition.clone();
            self.deploy(&arn);
        }
    }

    fn role(&mut self, name: &str) -> &mut Seen<LiveRole> {
        if name.ends_with("-exec") { &mut self.snapshot.execution_role } else { &mut self.snapshot.task_role }
    }
}

fn present<T: std::fmt::Debug>(seen: &mut Seen<T>) -> &mut T {
    match seen {
        Seen::Present(value) => value,
        other => panic!("not there: {other:?}"),
    }
}

fn live_role(role: &Role, tags: &BTreeMap<String, String>) -> LiveRole {
    LiveRole {
        arn: role.arn.clone(),
        trust_policy: role.trust_policy.clone(),
        policies: BTreeMap::new(),
        permissions_boundary: role.permissions_boundary.clone(),
        tags: tags.clone(),
    }
}

fn live_service(service: &Service, task_definition_arn: &str, tags: &BTreeMap<String, String>) -> LiveService {
    LiveService {
        arn: format!("arn:service/{}", service.name),
        status: ServiceStatus::Active,
        task_definition: task_definition_arn.to_owned(),
        desired_count: service.desired_count.unwrap_or(1),
        running_count: 0,
        pending_count: 0,
        subnets: service.subnets.clone(),
        security_groups: service.security_groups.clone(),
        assign_public_ip: false,
        platform_version: PLATFORM_VERSION.to_owned(),
        minimum_healthy_percent: service.minimum_healthy_percent,
        maximum_percent: service.maximum_percent,
        circuit_breaker: CIRCUIT_BREAKER,
        target_groups: BTreeSet::new(),
        execute_command: false,
        managed_tags: true,
        propagate_tags: PROPAGATE_TAGS.to_owned(),
        tags: tags.clone(),
        rollouts: Vec::new(),
        events: Vec::new(),
    }
}
