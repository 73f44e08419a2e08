//! What a pass must ask before it can decide, and who answers: the ledger, or ECS. At rest there are no questions.

use super::reconcile::{Bench, Subject};
use crate::aws::Wanted;
use crate::aws::ledger::LedgerError;
use crate::ledger::Head;
use crate::names::AgentId;
use crate::observed::{LiveTaskDefinition, Seen, Snapshot};
use crate::plan::{self, Input, Questions, Recall, TaskDefinitionQuestion};
use crate::spec::model::ImageReference;

/// All that is known before the decision.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub snapshot: Snapshot,
    pub recall: Recall,
}

impl Known {
    /// What the decision depends on, and nothing else.
    pub(super) fn input<'a>(&'a self, bench: &'a Bench, subject: &Subject<'a>, head: &'a Head) -> Input<'a> {
        Input {
            now: bench.aws.clock().now(),
            ledger_id: &bench.ledger_id,
            fleet: subject.fleet,
            agent: subject.agent,
            provenance: subject.provenance,
            head,
            recall: &self.recall,
            snapshot: &self.snapshot,
        }
    }
}

impl Bench {
    /// Asks what is open.
    pub(super) async fn known(
        &self,
        subject: &Subject<'_>,
        head: &Head,
        snapshot: Snapshot,
    ) -> Result<Known, LedgerError> {
        let mut known = Known { snapshot, recall: Recall::default() };
        let questions = plan::questions(&known.input(self, subject, head));
        if questions.deployments {
            known.snapshot = self.look_again(subject, known.snapshot).await;
        }
        known.recall = self.answer(subject, &questions).await?;
        Ok(known)
    }

    /// A rollout may begin: it is told from those before it by what ECS deployed last.
    async fn look_again(&self, subject: &Subject<'_>, seen: Snapshot) -> Snapshot {
        let wanted = Wanted { agent: subject.agent, in_motion: true, thorough: false };
        let mut snapshots = self.aws.observer().observe(subject.fleet, &[wanted]).await;
        snapshots.remove(&subject.agent.id).unwrap_or(seen)
    }

    async fn answer(&self, subject: &Subject<'_>, questions: &Questions) -> Result<Recall, LedgerError> {
        let (id, mut recall) = (&subject.agent.id, Recall::default());
        if let (true, ImageReference::Tag(tag)) = (questions.tag, &subject.agent.image.reference) {
            let repository = &subject.agent.image.repository;
            recall.tag_digest = self.ledger.tag_digest(&subject.fleet.project, repository, tag).await?;
        }
        if let Some(hash) = &questions.revision {
            let revision = self.ledger.revision(id, hash).await?;
            recall.revisions.extend(revision.map(|revision| (hash.clone(), revision)));
        }
        for revision in &questions.contents {
            let content = self.ledger.content(id, revision).await?;
            recall.contents.insert(revision.hashes.revision.clone(), content);
        }
        for question in &questions.task_definitions {
            let found = self.task_definition(id, question).await?;
            recall.task_definitions.insert(question.hash.clone(), found);
        }
        Ok(recall)
    }

    /// By the ARN that the ledger knows, else by the tag that carries its hash.
    async fn task_definition(
        &self,
        id: &AgentId,
        question: &TaskDefinitionQuestion,
    ) -> Result<Seen<LiveTaskDefinition>, LedgerError> {
        let known_arn = match &question.known_arn {
            Some(arn) => Some(arn.clone()),
            None => self.ledger.task_definition_arn(id, &question.hash).await?,
        };
        let observer = self.aws.observer();
        Ok(observer.task_definition(&question.family, &question.hash, known_arn.as_deref()).await)
    }
}
