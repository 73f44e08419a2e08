//! Repositories, with their lifecycle policies and tags.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecr::types;
use serde_json::Value;

use super::{Observer, each, failed};
use crate::aws::errors::{AwsError, Remedy};
use crate::aws::limits::Family;
use crate::observed::{LiveRepository, Seen, Tags};

/// DescribeRepositories' most.
const REPOSITORIES_A_CALL: usize = 100;

impl Observer {
    pub(super) async fn repositories(&self, names: &BTreeSet<String>) -> BTreeMap<String, Seen<LiveRepository>> {
        let names: Vec<String> = names.iter().cloned().collect();
        let mut described = BTreeMap::new();
        for batch in names.chunks(REPOSITORIES_A_CALL) {
            described.extend(self.repository_batch(batch).await);
        }
        let details = each(described.into_iter().map(|(name, repository)| async move {
            let seen = match repository {
                Ok(repository) => {
                    self.repository(&name, &repository).await.map_or_else(|error| failed(&error), Seen::Present)
                }
                Err(error) => failed(&error),
            };
            (name, seen)
        }));
        details.await.into_iter().collect()
    }

    /// ECR refuses the whole batch if one name is not there; then each is asked for alone.
    async fn repository_batch(&self, names: &[String]) -> BTreeMap<String, Result<types::Repository, AwsError>> {
        let batch = self.describe_repositories(names).await;
        let missing = matches!(&batch, Err(error) if error.remedy == Remedy::NotFound);
        if missing && names.len() > 1 {
            let singles = each(names.iter().map(|name| self.describe_repositories(std::slice::from_ref(name)))).await;
            let answers = names.iter().zip(singles);
            return answers.map(|(name, answer)| (name.clone(), pick(name, &answer))).collect();
        }
        names.iter().map(|name| (name.clone(), pick(name, &batch))).collect()
    }

    async fn describe_repositories(&self, names: &[String]) -> Result<Vec<types::Repository>, AwsError> {
        let request = self.aws.inner.ecr.describe_repositories().set_repository_names(Some(names.to_vec())).send();
        let answer = self.aws.call(Family::EcrReads, "ecr:DescribeRepositories", &names.join(", "), request).await?;
        Ok(answer.repositories.unwrap_or_default())
    }

    async fn repository(&self, name: &str, repository: &types::Repository) -> Result<LiveRepository, AwsError> {
        const OPERATION: &str = "ecr:DescribeRepositories";
        let lacks = |what: &str| AwsError::unexpected(OPERATION, name, what);
        let arn = repository.repository_arn().ok_or_else(|| lacks("the answer has no ARN"))?;
        let mutability = repository.image_tag_mutability().ok_or_else(|| lacks("the answer has no tag mutability"))?;
        let (lifecycle_policy, tags) = futures::join!(self.lifecycle_policy(name), self.repository_tags(name, arn));
        let filters = repository.image_tag_mutability_exclusion_filters().iter();
        Ok(LiveRepository {
            arn: arn.to_owned(),
            tag_mutability: mutability.as_str().to_owned(),
            mutable_tags: filters.map(|filter| filter.filter().to_owned()).collect(),
            scan_on_push: repository.image_scanning_configuration().is_some_and(|scanning| scanning.scan_on_push()),
            lifecycle_policy: lifecycle_policy?,
            tags: tags?,
        })
    }

    async fn lifecycle_policy(&self, name: &str) -> Result<Option<Value>, AwsError> {
        const OPERATION: &str = "ecr:GetLifecyclePolicy";
        let request = self.aws.inner.ecr.get_lifecycle_policy().repository_name(name).send();
        match self.aws.call(Family::EcrReads, OPERATION, name, request).await {
            Ok(answer) => {
                let text = answer.lifecycle_policy_text().unwrap_or_default();
                let policy = serde_json::from_str(text);
                policy.map(Some).map_err(|_| AwsError::unexpected(OPERATION, name, "the policy is no JSON"))
            }
            Err(error) if error.code == "LifecyclePolicyNotFoundException" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn repository_tags(&self, name: &str, arn: &str) -> Result<Tags, AwsError> {
        let request = self.aws.inner.ecr.list_tags_for_resource().resource_arn(arn).send();
        let answer = self.aws.call(Family::EcrReads, "ecr:ListTagsForResource", name, request).await?;
        Ok(answer.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
    }
}

fn pick(name: &str, answer: &Result<Vec<types::Repository>, AwsError>) -> Result<types::Repository, AwsError> {
    let repositories = answer.as_ref().map_err(AwsError::clone)?;
    let found = repositories.iter().find(|repository| repository.repository_name() == Some(name));
    // ECR refuses the call for a name that is not there, so that an answer without it says nothing.
    found.cloned().ok_or_else(|| AwsError::unexpected("ecr:DescribeRepositories", name, "ECR did not answer for it"))
}
