//! Writes to repositories.

use std::collections::BTreeSet;

use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Tag,
};

use super::{Executor, incomplete};
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::observed::Tags;
use crate::plan::Action;
use crate::resources::Repository;

impl Executor {
    pub(super) async fn repository(&self, action: &Action) -> Result<(), AwsError> {
        let (operation, ecr) = (action.operation(), &self.aws.inner.ecr);
        match action {
            Action::CreateRepository { repository, tags } => self.create_repository(operation, repository, tags).await,
            Action::PutImageTagMutability { repository, mutable_tags } => {
                let request = ecr.put_image_tag_mutability().repository_name(repository);
                let filters = filters(operation, repository, mutable_tags)?;
                let request = request
                    .image_tag_mutability(mutability(mutable_tags))
                    .set_image_tag_mutability_exclusion_filters(filters)
                    .send();
                self.aws.call(Family::EcrWrites, operation, repository, request).await.map(drop)
            }
            Action::PutImageScanningConfiguration { repository, scan_on_push } => {
                let request = ecr.put_image_scanning_configuration().repository_name(repository);
                let request = request.image_scanning_configuration(scanning(*scan_on_push)).send();
                self.aws.call(Family::EcrWrites, operation, repository, request).await.map(drop)
            }
            Action::PutLifecyclePolicy { repository, policy } => {
                let request = ecr.put_lifecycle_policy().repository_name(repository);
                let request = request.lifecycle_policy_text(policy.to_string()).send();
                self.aws.call(Family::EcrWrites, operation, repository, request).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn create_repository(
        &self,
        operation: &'static str,
        repository: &Repository,
        tags: &Tags,
    ) -> Result<(), AwsError> {
        let name = repository.name.as_str();
        let request = self.aws.inner.ecr.create_repository().repository_name(name);
        let request = request
            .image_tag_mutability(mutability(&repository.mutable_tags))
            .set_image_tag_mutability_exclusion_filters(filters(operation, name, &repository.mutable_tags)?)
            .image_scanning_configuration(scanning(repository.scan_on_push))
            .set_tags(Some(ecr_tags(operation, name, tags)?));
        let request = match &repository.encryption_key {
            None => request,
            Some(key) => {
                let encryption = EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms).kms_key(key);
                let encryption = encryption.build().map_err(|error| incomplete(operation, name, &error))?;
                request.encryption_configuration(encryption)
            }
        };
        self.aws.call(Family::EcrWrites, operation, name, request.send()).await.map(drop)
    }
}

/// No exception: plainly immutable, because ECR refuses exclusions without a filter.
fn mutability(mutable_tags: &BTreeSet<String>) -> ImageTagMutability {
    match mutable_tags.is_empty() {
        true => ImageTagMutability::Immutable,
        false => ImageTagMutability::ImmutableWithExclusion,
    }
}

fn filters(
    operation: &'static str,
    repository: &str,
    mutable_tags: &BTreeSet<String>,
) -> Result<Option<Vec<ImageTagMutabilityExclusionFilter>>, AwsError> {
    let filters = mutable_tags.iter().map(|tag| {
        let filter = ImageTagMutabilityExclusionFilter::builder()
            .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
            .filter(tag);
        filter.build().map_err(|error| incomplete(operation, repository, &error))
    });
    let filters = filters.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(filters).filter(|filters| !filters.is_empty()))
}

fn scanning(scan_on_push: bool) -> ImageScanningConfiguration {
    ImageScanningConfiguration::builder().scan_on_push(scan_on_push).build()
}

fn ecr_tags(operation: &'static str, repository: &str, tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tags = super::each_tag(tags, |key, value| Tag::builder().key(key).value(value).build());
    tags.into_iter().collect::<Result<_, _>>().map_err(|error| incomplete(operation, repository, &error))
}
