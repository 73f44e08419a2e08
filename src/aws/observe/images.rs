//! The digest behind the wanted tag.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::ImageIdentifier;

use super::{Observer, Wanted, each, failed};
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::names::ImageDigest;
use crate::observed::{LiveRepository, Seen};
use crate::spec::model::{Agent, ImageReference};

/// An image, as it is remembered.
pub(super) fn key(agent: &Agent) -> String {
    match &agent.image.reference {
        ImageReference::Tag(tag) => format!("{}:{tag}", agent.image.repository),
        ImageReference::Digest(digest) => format!("{}@{digest}", agent.image.repository),
    }
}

impl Observer {
    pub(super) async fn images(
        &self,
        wanted: &[Wanted<'_>],
        repositories: &BTreeMap<String, Seen<LiveRepository>>,
    ) -> BTreeMap<String, Seen<ImageDigest>> {
        let memory = &self.aws.inner.memory.images;
        let mut images = BTreeMap::new();
        let mut due = BTreeMap::new();
        for wanted in wanted {
            let repository = repositories.get(wanted.agent.image.repository.as_str());
            let known = memory.recall(&key(wanted.agent));
            match known.filter(|_| !wanted.thorough && fixed(wanted.agent, repository)) {
                Some(digest) => drop(images.insert(key(wanted.agent), Seen::Present(digest))),
                // Without its repository there is no image; asking would only be refused.
                None if repository.is_some_and(Seen::is_absent) => drop(images.insert(key(wanted.agent), Seen::Absent)),
                None => drop(due.insert(key(wanted.agent), wanted.agent)),
            }
        }
        let reads = each(due.values().map(|agent| self.image(agent))).await;
        for (key, read) in due.into_keys().zip(reads) {
            let seen = read.unwrap_or_else(|error| failed(&error));
            memory.keep(&key, &seen);
            images.insert(key, seen);
        }
        images
    }

    async fn image(&self, agent: &Agent) -> Result<Seen<ImageDigest>, AwsError> {
        const OPERATION: &str = "ecr:DescribeImages";
        let id = match &agent.image.reference {
            ImageReference::Tag(tag) => ImageIdentifier::builder().image_tag(tag.as_str()),
            ImageReference::Digest(digest) => ImageIdentifier::builder().image_digest(digest.as_str()),
        };
        let request = self.aws.inner.ecr.describe_images().repository_name(agent.image.repository.as_str());
        let request = request.image_ids(id.build()).send();
        let answer = self.aws.call(Family::EcrReads, OPERATION, &key(agent), request).await?;
        let digest = answer.image_details().first().and_then(|image| image.image_digest());
        let digest = digest.and_then(|digest| digest.parse().ok());
        digest
            .map(Seen::Present)
            .ok_or_else(|| AwsError::unexpected(OPERATION, &key(agent), "the answer has no digest"))
    }
}

/// Whether the reference means the same image for ever, so that it need not be read again while nothing else changes.
fn fixed(agent: &Agent, repository: Option<&Seen<LiveRepository>>) -> bool {
    let ImageReference::Tag(tag) = &agent.image.reference else { return true };
    let Some(repository) = repository.and_then(Seen::present) else { return false };
    let excepted = repository.mutable_tags.iter().any(|pattern| matches(pattern, tag.as_str()));
    match repository.tag_mutability.as_str() {
        "IMMUTABLE" => true,
        "IMMUTABLE_WITH_EXCLUSION" => !excepted,
        _ => false,
    }
}

/// ECR's tag filters know one wildcard: `*`, any characters or none.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => {
            let Some(text) = text.strip_prefix(start) else { return false };
            (0..=text.len()).any(|skipped| text.get(skipped..).is_some_and(|text| matches(rest, text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn tag_filters_match_as_ecr_does() {
        for (pattern, tag, expected) in [
            ("latest", "latest", true),
            ("latest", "latest-2", false),
            ("dev-*", "dev-", true),
            ("*-rc", "v1-rc", true),
            ("*-rc", "v1-rc2", false),
            ("v*-*c", "v1-rc", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, tag), expected, "{pattern} {tag}");
        }
    }
}
