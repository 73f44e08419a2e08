//! Roles with the one inline policy that is ours.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Observer, each, failed};
use crate::aws::errors::{AwsError, Remedy};
use crate::aws::limits::Family;
use crate::observed::{LiveRole, Seen};
use crate::resources::Role;

impl Observer {
    pub(super) async fn roles(&self, names: &BTreeSet<String>) -> BTreeMap<String, Seen<LiveRole>> {
        let reads = each(names.iter().map(|name| self.role(name))).await;
        let seen = reads.into_iter().map(|read| read.map_or_else(|error| failed(&error), Seen::Present));
        names.iter().cloned().zip(seen).collect()
    }

    async fn role(&self, name: &str) -> Result<LiveRole, AwsError> {
        const OPERATION: &str = "iam:GetRole";
        let request = self.aws.inner.iam.get_role().role_name(name).send();
        let answer = self.aws.call(Family::IamReads, OPERATION, name, request).await?;
        let lacks = |what: &str| AwsError::unexpected(OPERATION, name, what);
        let role = answer.role().ok_or_else(|| lacks("the answer has no role"))?;
        let trust_policy = role.assume_role_policy_document().ok_or_else(|| lacks("the answer has no trust policy"))?;
        let trust_policy = document(trust_policy).ok_or_else(|| lacks("the trust policy is no JSON"))?;
        let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
        Ok(LiveRole {
            arn: role.arn().to_owned(),
            trust_policy,
            policies: self.policies(name).await?,
            permissions_boundary: boundary.map(str::to_owned),
            tags: role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        })
    }

    /// Only the policy of our name: others are somebody else's, and left alone.
    async fn policies(&self, role: &str) -> Result<BTreeMap<String, Value>, AwsError> {
        const OPERATION: &str = "iam:GetRolePolicy";
        let request = self.aws.inner.iam.get_role_policy().role_name(role).policy_name(Role::POLICY_NAME).send();
        match self.aws.call(Family::IamReads, OPERATION, role, request).await {
            Ok(answer) => {
                let policy = document(answer.policy_document());
                let policy = policy.ok_or_else(|| AwsError::unexpected(OPERATION, role, "the policy is no JSON"))?;
                Ok(BTreeMap::from([(Role::POLICY_NAME.to_owned(), policy)]))
            }
            Err(error) if error.remedy == Remedy::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }
}

/// IAM sends policy documents percent-encoded (RFC 3986).
fn document(encoded: &str) -> Option<Value> {
    serde_json::from_slice(&percent_decoded(encoded)).ok()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let escape = text.get(position + 1..position + 3).filter(|_| byte == b'%');
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                decoded.push(escaped);
                position += 3;
            }
            None => {
                decoded.push(byte);
                position += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::document;

    #[test]
    fn policy_documents_are_read_encoded_or_not() {
        assert_eq!(document("%7B%22a%22%3A%22b%2Bc%20%C3%A9%22%7D"), Some(json!({ "a": "b+c é" })));
        assert_eq!(document(r#"{"a":"100% +"}"#), Some(json!({ "a": "100% +" })));
        assert_eq!(document("%7B%2"), None);
    }
}
