//! Log groups: by the fleet's common prefix where several are asked for, else one by one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatchlogs::types;

use super::{Observer, each, failed};
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::names::FleetName;
use crate::observed::{LiveLogGroup, Seen};

/// DescribeLogGroups' most.
const GROUPS_A_CALL: i32 = 50;
/// From so many names on, one listing of the whole prefix costs less than a call for each.
const WORTH_LISTING: usize = 3;

impl Observer {
    pub(super) async fn log_groups(
        &self,
        fleet: &FleetName,
        names: &BTreeSet<String>,
    ) -> BTreeMap<String, Seen<LiveLogGroup>> {
        let prefix = format!("/ecs/{fleet}/");
        let (common, others): (Vec<String>, Vec<String>) =
            names.iter().cloned().partition(|name| name.starts_with(&prefix));
        let mut listings: Vec<(String, Vec<String>)> =
            others.into_iter().map(|name| (name.clone(), vec![name])).collect();
        match common.len() {
            count if count >= WORTH_LISTING => listings.push((prefix, common)),
            _ => listings.extend(common.into_iter().map(|name| (name.clone(), vec![name]))),
        }
        let reads = each(listings.iter().map(|(prefix, _)| self.list_log_groups(prefix))).await;
        let mut described = BTreeMap::new();
        for ((_, names), read) in listings.iter().zip(&reads) {
            for name in names {
                let group =
                    read.as_ref().map(|groups| groups.iter().find(|group| group.log_group_name() == Some(name)));
                described.insert(name.clone(), group);
            }
        }
        let tagged = each(described.into_iter().map(|(name, group)| async move {
            let seen = match group {
                Err(error) => failed(error),
                // The listing was read to its end, so the name is really not there.
                Ok(None) => Seen::Absent,
                Ok(Some(group)) => {
                    self.log_group(&name, group).await.map_or_else(|error| failed(&error), Seen::Present)
                }
            };
            (name, seen)
        }));
        tagged.await.into_iter().collect()
    }

    async fn list_log_groups(&self, prefix: &str) -> Result<Vec<types::LogGroup>, AwsError> {
        let mut groups = Vec::new();
        let mut token = None;
        loop {
            let request = self.aws.inner.logs.describe_log_groups().log_group_name_prefix(prefix);
            let request = request.limit(GROUPS_A_CALL).set_next_token(token).send();
            let answer = self.aws.call(Family::LogsReads, "logs:DescribeLogGroups", prefix, request).await?;
            groups.extend(answer.log_groups.unwrap_or_default());
            token = answer.next_token;
            if token.is_none() {
                return Ok(groups);
            }
        }
    }

    async fn log_group(&self, name: &str, group: &types::LogGroup) -> Result<LiveLogGroup, AwsError> {
        // Tags want the ARN without the `:*` that `arn` ends with.
        let arn = group.log_group_arn().or(group.arn()).map(|arn| arn.trim_end_matches(":*").to_owned());
        let arn = arn.ok_or_else(|| AwsError::unexpected("logs:DescribeLogGroups", name, "the answer has no ARN"))?;
        let request = self.aws.inner.logs.list_tags_for_resource().resource_arn(&arn).send();
        let answer = self.aws.call(Family::LogsReads, "logs:ListTagsForResource", name, request).await?;
        Ok(LiveLogGroup {
            arn,
            retention_days: group.retention_in_days().map(super::count),
            kms_key: group.kms_key_id().map(str::to_owned),
            tags: answer.tags.unwrap_or_default().into_iter().collect(),
        })
    }
}
