//! Task definitions of ours, found again by the hash that they are tagged with.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionField, TaskDefinitionStatus};

use super::services::tags;
use super::{Observer, failed};
use crate::aws::errors::{AwsError, Remedy};
use crate::aws::limits::Family;
use crate::names::ContentHash;
use crate::observed::{LiveTaskDefinition, Seen};
use crate::resources::HASH_TAG;

/// How far back a family is searched. What is older is known to the ledger; what the ledger does not know is our own
/// registration whose answer was lost, which is among the newest.
const SEARCHED: i32 = 20;

impl Observer {
    pub(in crate::aws) async fn read_task_definition(
        &self,
        family: &str,
        hash: &ContentHash,
        known_arn: Option<&str>,
    ) -> Seen<LiveTaskDefinition> {
        let known = match known_arn {
            None => Seen::Absent,
            Some(arn) => self.describe_task_definition(arn).await,
        };
        match known {
            // The ledger saw its tag when it recorded the ARN, and its content cannot change since.
            Seen::Present(known) if known.active => Seen::Present(known),
            Seen::Unknown(why) => Seen::Unknown(why),
            // An inactive one cannot be deployed any more; another registration of the same content may.
            Seen::Present(_) | Seen::Absent => self.search(family, hash).await,
        }
    }

    async fn search(&self, family: &str, hash: &ContentHash) -> Seen<LiveTaskDefinition> {
        let arns = match self.newest_task_definitions(family).await {
            Ok(arns) => arns,
            Err(error) => return failed(&error),
        };
        let memory = &self.aws.inner.memory.task_definition_hashes;
        for arn in arns {
            if memory.recall(&arn).is_some_and(|known| known != hash.as_str()) {
                continue;
            }
            match self.describe_task_definition(&arn).await {
                Seen::Present(found) if found.active && carries(&found, hash) => return Seen::Present(found),
                Seen::Present(_) | Seen::Absent => {}
                Seen::Unknown(why) => return Seen::Unknown(why),
            }
        }
        Seen::Absent
    }

    /// Active ones, newest first.
    async fn newest_task_definitions(&self, family: &str) -> Result<Vec<String>, AwsError> {
        let request = self.aws.inner.ecs.list_task_definitions().family_prefix(family);
        let request = request.status(TaskDefinitionStatus::Active).sort(SortOrder::Desc).max_results(SEARCHED).send();
        let call = self.aws.call(Family::EcsTaskDefinitionReads, "ecs:ListTaskDefinitions", family, request);
        Ok(call.await?.task_definition_arns.unwrap_or_default())
    }

    async fn describe_task_definition(&self, arn: &str) -> Seen<LiveTaskDefinition> {
        const OPERATION: &str = "ecs:DescribeTaskDefinition";
        let request = self.aws.inner.ecs.describe_task_definition().task_definition(arn);
        let request = request.include(TaskDefinitionField::Tags).send();
        let answer = match self.aws.call(Family::EcsTaskDefinitionReads, OPERATION, arn, request).await {
            Err(error) if error.remedy == Remedy::NotFound => return Seen::Absent,
            Err(error) => return Seen::Unknown(error.to_string()),
            Ok(answer) => answer,
        };
        let Some(found) = answer.task_definition() else {
            return Seen::Unknown("ECS's answer has no task definition".to_owned());
        };
        let live = LiveTaskDefinition {
            arn: found.task_definition_arn().unwrap_or(arn).to_owned(),
            active: found.status() == Some(&TaskDefinitionStatus::Active),
            tags: tags(answer.tags()),
        };
        let hash = live.tags.get(HASH_TAG).cloned().unwrap_or_default();
        self.aws.inner.memory.task_definition_hashes.keep(&live.arn, &Seen::Present(hash));
        Seen::Present(live)
    }
}

fn carries(task_definition: &LiveTaskDefinition, hash: &ContentHash) -> bool {
    task_definition.tags.get(HASH_TAG).is_some_and(|tag| tag == hash.as_str())
}
