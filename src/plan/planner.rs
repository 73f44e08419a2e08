//! The decision, step by step. Each step may record entries, add actions, or name what it waits for.

use std::time::Duration;

use jiff::SignedDuration;

use super::target::{self, Effective, Target, Wanted};
use super::{Action, Change, Input, Plan, PlannedAction, Wait, diff, guard, rollout};
use crate::ledger::{Cause, Entry, Head, Outcome, RevisionRef, RolloutState};
use crate::names::{ContentHash, RolloutNumber};
use crate::observed::{LiveService, LiveTaskDefinition, Seen, ServiceStatus, Tags};
use crate::resources::{self, HASH_TAG, Resources};
use crate::spec::model::Mode;

/// How soon to look again after a write: its effect is to be seen, and often the next step waits for it.
const AFTER_A_WRITE: Duration = Duration::from_secs(1);
/// How often to look while ECS moves tasks: a task takes tens of seconds to become healthy.
const WHILE_DEPLOYING: Duration = Duration::from_secs(5);
/// How often to look for an image that is not there: somebody may be pushing it now.
const WHILE_WAITING: Duration = Duration::from_secs(10);

/// Works a plan out.
pub struct Planner<'a> {
    input: &'a Input<'a>,
    /// The head as it will be after the entries so far.
    head: Head,
    entries: Vec<Entry>,
    actions: Vec<PlannedAction>,
    waits: Vec<Wait>,
    wakes: Vec<Duration>,
}

impl<'a> Planner<'a> {
    pub fn new(input: &'a Input<'a>) -> Self {
        Self { input, head: input.head.clone(), entries: vec![], actions: vec![], waits: vec![], wakes: vec![] }
    }

    /// The whole decision.
    pub fn plan(mut self) -> Plan {
        if let Some(veto) = guard::wrong_table(self.input) {
            self.waits.push(veto);
            return self.finish();
        }
        let wanted = target::wanted(self.input, &mut self.waits);
        if let Wanted::Written { target, digest } = &wanted {
            self.desired(target, digest);
        }
        self.remember_task_definitions();
        self.advance_rollout();
        match wanted {
            Wanted::Written { target, .. } | Wanted::Recorded(target) => self.converge(target),
            // The repository is made before there is an image, so that one can be pushed.
            Wanted::Nothing => {
                self.repository(&resources::repository(self.input.fleet, self.input.agent));
            }
        }
        self.finish()
    }

    fn record(&mut self, entry: Entry) {
        self.head.apply(&entry, self.input.now);
        self.entries.push(entry);
    }

    /// Git asks for something new: the next generation; a new revision, or one that there was before.
    fn desired(&mut self, target: &Target, digest: &crate::names::ImageDigest) {
        let version = target::version(&self.input.agent.image);
        let current = self.head.desired.as_ref();
        let same_content = current.is_some_and(|current| current.hashes.revision == target.hashes.revision);
        if same_content && current.is_some_and(|current| current.version == version) {
            return;
        }
        let (revision, is_new) = target::revision(self.input, &self.head, target, version, digest.clone());
        let generation = if same_content { self.head.generation } else { self.head.generation + 1 };
        let content = is_new.then(|| Box::new(target.content.clone()));
        self.record(Entry::Desired { generation, revision, content });
    }

    fn remember_task_definitions(&mut self) {
        for (hash, seen) in &self.input.recall.task_definitions {
            if let Seen::Present(LiveTaskDefinition { arn, active: true, .. }) = seen
                && self.head.task_definitions.get(hash) != Some(arn)
            {
                self.record(Entry::TaskDefinitionSeen { hash: hash.clone(), arn: arn.clone() });
            }
        }
    }

    /// Reads ECS's verdict on the rollout under way, as an event.
    fn advance_rollout(&mut self) {
        let Some(current) = self.head.rollout.clone() else { return };
        match current.state {
            RolloutState::Deploying => {
                let arn = self.task_definition_arn(&current.revision.hashes.task_definition);
                match rollout::judge(&current, arn.as_deref(), self.input.snapshot) {
                    rollout::Verdict::Completed => self.all_traffic_moved(current.number),
                    rollout::Verdict::Failed { reason } => self.failed(current.number, &current.revision, reason),
                    rollout::Verdict::NotBegun | rollout::Verdict::UnderWay(_) => {}
                }
            }
            RolloutState::Monitoring { until } if until <= self.input.now => {
                self.record(Entry::RolloutEnded { rollout: current.number, outcome: Outcome::Succeeded });
            }
            RolloutState::Monitoring { .. } => {}
        }
    }

    fn all_traffic_moved(&mut self, rollout: RolloutNumber) {
        let monitor = self.input.agent.rollout.monitor.as_duration();
        if monitor.is_zero() {
            self.record(Entry::RolloutEnded { rollout, outcome: Outcome::Succeeded });
            return;
        }
        let until = self.input.now + SignedDuration::try_from(monitor).unwrap_or(SignedDuration::MAX);
        self.record(Entry::Monitoring { rollout, until });
    }

    fn failed(&mut self, rollout: RolloutNumber, revision: &RevisionRef, reason: String) {
        let returns = self.head.good().is_some_and(|good| good.hashes.workload != revision.hashes.workload);
        let outcome = if returns { Outcome::RolledBack { reason } } else { Outcome::Stalled { reason } };
        self.record(Entry::RolloutEnded { rollout, outcome });
    }

    /// The ARN to deploy: an inactive task definition runs on, but cannot be deployed again.
    fn task_definition_arn(&self, hash: &ContentHash) -> Option<String> {
        self.head.task_definitions.get(hash).cloned()
    }

    fn converge(&mut self, wanted: Target) {
        let (target, revision, cause) = match target::effective(self.input, &self.head, wanted) {
            Effective::Wanted(target) => {
                let Some(revision) = self.head.desired.clone() else { return };
                (target, revision, Cause::NewContent)
            }
            Effective::Held { target, revision, wait } => {
                self.waits.push(wait);
                (target, revision, Cause::Hold)
            }
            Effective::Nothing { wait } => {
                self.waits.push(wait);
                return;
            }
            Effective::Recall => {
                self.wakes.push(Duration::ZERO);
                return;
            }
        };
        let resources = &target.content.resources;
        if !self.prerequisites(resources) {
            return;
        }
        let hash = &target.hashes.task_definition;
        let Some(arn) = self.task_definition(resources, hash) else { return };
        self.service(&target, &revision, &arn, cause);
    }

    /// Whether a service may be made or changed: what it stands on is there.
    fn prerequisites(&mut self, resources: &Resources) -> bool {
        let repository = self.repository(&resources.repository);
        let execution_role = self.role(&resources.execution_role, &self.input.snapshot.execution_role);
        let task_role = self.role(&resources.task_role, &self.input.snapshot.task_role);
        let log_group = self.log_group(&resources.log_group);
        if let Some(veto) = guard::cluster(self.input) {
            self.waits.push(veto);
            return false;
        }
        repository && execution_role && task_role && log_group
    }

    fn owner_tags(&self) -> Tags {
        resources::owner_tags(self.input.ledger_id, &self.input.agent.id)
    }

    /// A repository is shared by the fleets of its project; one that somebody else made is used as it is.
    fn repository(&mut self, wanted: &resources::Repository) -> bool {
        let live = &self.input.snapshot.repository;
        if let Seen::Present(repository) = live
            && repository.tags.get(resources::LEDGER_TAG).map(String::as_str) != Some(self.input.ledger_id)
        {
            return true;
        }
        let tags = resources::repository_tags(self.input.ledger_id, &self.input.fleet.project);
        self.actions.extend(diff::repository(wanted, live, &tags));
        self.there(live, || format!("repository {}", wanted.name))
    }

    fn role(&mut self, wanted: &resources::Role, live: &Seen<crate::observed::LiveRole>) -> bool {
        if let Seen::Present(role) = live
            && let Some(veto) = guard::not_ours(self.input, format!("role {}", wanted.name), &role.tags)
        {
            self.waits.push(veto);
            return false;
        }
        self.actions.extend(diff::role(wanted, live, &self.owner_tags()));
        self.there(live, || format!("role {}", wanted.name))
    }

    /// A log group that somebody else made is used as it is.
    fn log_group(&mut self, wanted: &resources::LogGroup) -> bool {
        let live = &self.input.snapshot.log_group;
        if let Seen::Present(group) = live
            && guard::not_ours(self.input, wanted.name.clone(), &group.tags).is_some()
        {
            return true;
        }
        self.actions.extend(diff::log_group(wanted, live, &self.owner_tags()));
        self.there(live, || format!("log group {}", wanted.name))
    }

    /// Unknown is never absent: nothing is built on what could not be read. What is absent is made in this pass, and seen
    /// in the next.
    fn there<T>(&mut self, live: &Seen<T>, what: impl Fn() -> String) -> bool {
        if let Some(why) = live.unknown() {
            self.waits.push(Wait::Unreadable { what: what(), why: why.to_owned() });
        }
        live.present().is_some()
    }

    fn task_definition(&mut self, resources: &Resources, hash: &ContentHash) -> Option<String> {
        let seen = self.input.recall.task_definitions.get(hash);
        match seen {
            // Nothing was asked because it serves.
            None => self.task_definition_arn(hash).or_else(|| {
                self.wakes.push(Duration::ZERO);
                None
            }),
            Some(Seen::Present(live)) if live.active => Some(live.arn.clone()),
            Some(Seen::Present(_) | Seen::Absent) => {
                self.register(resources, hash);
                None
            }
            Some(Seen::Unknown(why)) => {
                let what = format!("task definition {}", resources.task_definition.family);
                self.waits.push(Wait::Unreadable { what, why: why.clone() });
                None
            }
        }
    }

    fn register(&mut self, resources: &Resources, hash: &ContentHash) {
        let mut tags = self.owner_tags();
        tags.insert(HASH_TAG.to_owned(), hash.as_str().to_owned());
        let before = self.input.head.desired.as_ref();
        let before = before.and_then(|before| self.input.recall.contents.get(&before.hashes.revision));
        let before = before.map(|content| &content.resources.task_definition);
        let changes = diff::task_definition_changes(before, &resources.task_definition);
        let task_definition = resources.task_definition.clone();
        let action = Action::RegisterTaskDefinition { task_definition, hash: hash.clone(), tags };
        self.actions.push(PlannedAction { action, changes });
    }

    fn service(&mut self, target: &Target, revision: &RevisionRef, arn: &str, cause: Cause) {
        let live = match &self.input.snapshot.service {
            Seen::Unknown(why) => {
                self.waits.push(Wait::Unreadable { what: "the service".to_owned(), why: why.clone() });
                return;
            }
            Seen::Present(live) if live.status == ServiceStatus::Draining => {
                self.waits.push(Wait::Draining { service: target.content.resources.service.name.clone() });
                return;
            }
            Seen::Present(live) if live.status == ServiceStatus::Active => live,
            Seen::Present(_) | Seen::Absent => return self.create_service(target, revision, arn),
        };
        let name = &target.content.resources.service.name;
        if let Some(veto) = guard::not_ours(self.input, format!("service {name}"), &live.tags) {
            self.waits.push(veto);
            return;
        }
        if self.hands_off(target, revision) {
            return;
        }
        self.update_service(target, revision, arn, live, cause);
    }

    /// While ECS deploys what we asked for, nothing else is written to the service. New content takes the rollout's place:
    /// for a rolling deployment ECS defines what a second UpdateService does, it replaces the first.
    fn hands_off(&mut self, target: &Target, revision: &RevisionRef) -> bool {
        let Some(current) = self.head.rollout.clone() else { return false };
        if !matches!(current.state, RolloutState::Deploying)
            || current.revision.hashes.workload != revision.hashes.workload
        {
            return false;
        }
        let arn = self.task_definition_arn(&target.hashes.task_definition);
        match rollout::judge(&current, arn.as_deref(), self.input.snapshot) {
            rollout::Verdict::UnderWay(wait) => {
                self.waits.push(wait);
                self.end_if_overdue(&current, arn.as_deref());
                true
            }
            rollout::Verdict::NotBegun | rollout::Verdict::Completed | rollout::Verdict::Failed { .. } => false,
        }
    }

    fn end_if_overdue(&mut self, current: &crate::ledger::Rollout, arn: Option<&str>) {
        let deadline = self.input.agent.rollout.deadline;
        if !rollout::overdue(current, deadline.as_duration(), self.input.now) {
            return;
        }
        let stoppable = arn.and_then(|arn| rollout::stoppable(&self.head, arn, self.input.snapshot));
        if let Some(deployment) = stoppable {
            let service = self.input.agent.id.service_name();
            let action = Action::StopServiceDeployment { service, deployment_arn: deployment.to_owned() };
            let changes = vec![Change {
                field: "deployment".to_owned(),
                from: None,
                to: Some(format!("stopped: not complete within {deadline}")),
            }];
            self.actions.push(PlannedAction { action, changes });
        } else if self.head.good().is_none() {
            let outcome = Outcome::Stalled { reason: format!("not complete within {deadline}") };
            self.record(Entry::RolloutEnded { rollout: current.number, outcome });
        }
    }

    fn start_rollout(&mut self, revision: &RevisionRef, cause: Cause) -> RolloutNumber {
        if let Some(current) = &self.head.rollout {
            let same = current.revision.hashes.workload == revision.hashes.workload;
            if same
                && matches!(current.state, RolloutState::Deploying)
                && self.head.sequence > 0
                && cause != Cause::Drift
            {
                return current.number;
            }
            self.record(Entry::RolloutEnded { rollout: current.number, outcome: Outcome::Superseded });
        }
        let rollout = RolloutNumber(self.head.rollouts + 1);
        let newest = self.input.snapshot.deployments.present().and_then(|deployments| deployments.first());
        let after_deployment = newest.map(|deployment| deployment.arn.clone());
        self.record(Entry::RolloutStarted { rollout, revision: revision.clone(), cause, after_deployment });
        rollout
    }

    fn create_service(&mut self, target: &Target, revision: &RevisionRef, arn: &str) {
        let rollout = self.start_rollout(revision, Cause::Created);
        let token = ContentHash::of(&(self.input.ledger_id, &self.input.agent.id, rollout));
        let Ok(token) = token else { return };
        let action = Action::CreateService {
            service: target.content.resources.service.clone(),
            task_definition_arn: arn.to_owned(),
            client_token: token.as_str()[..32].to_owned(),
            tags: self.owner_tags(),
        };
        self.actions.push(PlannedAction { action, changes: Vec::new() });
    }

    fn update_service(&mut self, target: &Target, revision: &RevisionRef, arn: &str, live: &LiveService, cause: Cause) {
        let difference = diff::service(&target.content.resources.service, arn, live, &self.owner_tags());
        if !difference.missing_tags.is_empty() {
            let action = Action::TagEcsResource { arn: live.arn.clone(), tags: difference.missing_tags };
            self.actions.push(PlannedAction { action, changes: Vec::new() });
        }
        if difference.changes.is_empty() {
            return;
        }
        if difference.deploys {
            if let Some(wait) = self.deployments_unreadable() {
                self.waits.push(wait);
                return;
            }
            let drifted = self.was_converged() && cause == Cause::NewContent;
            self.start_rollout(revision, if drifted { Cause::Drift } else { cause });
        }
        let action = Action::UpdateService { update: difference.update };
        self.actions.push(PlannedAction { action, changes: difference.changes });
    }

    /// A rollout is told from those before it by the newest deployment at its start, so that has to be known.
    fn deployments_unreadable(&self) -> Option<Wait> {
        let why = self.input.snapshot.deployments.unknown()?;
        Some(Wait::Unreadable { what: "the service's deployments".to_owned(), why: why.to_owned() })
    }

    /// All was as intended when it was last looked at, and git asks nothing else since: what differs now, somebody else did.
    fn was_converged(&self) -> bool {
        self.input.head.converged == Some(self.input.head.generation)
            && self.head.generation == self.input.head.generation
    }

    fn finish(mut self) -> Plan {
        if self.input.agent.mode == Mode::Observe {
            let changes = self.actions.len();
            self.waits.push(Wait::Observing { changes });
            return Plan { entries: vec![], actions: vec![], waits: self.waits, next_wake: None };
        }
        self.record_intent();
        if !self.actions.is_empty() {
            self.wakes.push(AFTER_A_WRITE);
        }
        for wait in &self.waits {
            match wait {
                Wait::Image { .. } | Wait::Unreadable { .. } | Wait::NotYetVisible { .. } | Wait::Draining { .. } => {
                    self.wakes.push(WHILE_WAITING);
                }
                Wait::Deploying { .. }
                | Wait::Monitoring { .. }
                | Wait::Held { .. }
                | Wait::Stalled { .. }
                | Wait::NotOurs { .. }
                | Wait::TagMoved { .. }
                | Wait::ClusterMissing { .. }
                | Wait::Observing { .. } => {}
            }
        }
        match self.head.rollout.as_ref().map(|rollout| &rollout.state) {
            Some(RolloutState::Deploying) => self.wakes.push(WHILE_DEPLOYING),
            Some(RolloutState::Monitoring { until }) => {
                self.waits.push(Wait::Monitoring { until: *until });
                self.wakes.push(until.duration_since(self.input.now).unsigned_abs());
            }
            None => {}
        }
        Plan {
            entries: self.entries,
            actions: self.actions,
            waits: self.waits,
            next_wake: self.wakes.into_iter().min(),
        }
    }

    fn record_intent(&mut self) {
        if self.actions.is_empty() {
            return self.record_convergence();
        }
        if self.was_converged() {
            let fields = self.actions.iter().flat_map(|planned| {
                let kind = planned.action.resource_kind();
                let named = planned.changes.iter().map(move |change| format!("{kind}: {change}"));
                let made = planned.changes.is_empty().then(|| format!("{kind}: missing"));
                named.chain(made).collect::<Vec<_>>()
            });
            let entry = Entry::Drift { fields: fields.collect() };
            self.record(entry);
        }
        let intended: Result<Vec<_>, _> = self.actions.iter().map(PlannedAction::intended).collect();
        let Ok(intended) = intended else {
            self.actions.clear();
            self.waits.push(Wait::Stalled { reason: "an action cannot be recorded, so it is not done".to_owned() });
            return;
        };
        if intended.iter().any(|action| !self.head.intended.contains(&action.hash)) {
            self.record(Entry::Intent { actions: intended });
        }
    }

    /// Nothing is left to do: what was intended is done, and is seen to be so.
    fn record_convergence(&mut self) {
        let deploying =
            matches!(self.head.rollout.as_ref().map(|rollout| &rollout.state), Some(RolloutState::Deploying));
        let blocked = self.waits.iter().any(|wait| !matches!(wait, Wait::Held { .. } | Wait::Monitoring { .. }));
        let pending_recall = self.wakes.contains(&Duration::ZERO);
        let settled = !deploying && !blocked && !pending_recall && self.head.generation > 0;
        if settled && (self.head.converged != Some(self.head.generation) || !self.head.intended.is_empty()) {
            let generation = self.head.generation;
            self.record(Entry::Converged { generation });
        }
    }
}
