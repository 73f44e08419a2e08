//! ARNs: of what, and where.

use super::At;
use crate::spec::model::Fleet;
use crate::spec::problem::{Findings, ProblemKind};

/// What an ARN has to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArnOf {
    Topic,
    Policy,
    Role,
    Listener,
    Key,
    Secret,
}

impl ArnOf {
    fn service(self) -> &'static str {
        match self {
            Self::Topic => "sns",
            Self::Policy | Self::Role => "iam",
            Self::Listener => "elasticloadbalancing",
            Self::Key => "kms",
            Self::Secret => "secretsmanager",
        }
    }

    /// What the part after the account starts with.
    fn resource(self) -> &'static str {
        match self {
            Self::Topic => "",
            Self::Policy => "policy/",
            Self::Role => "role/",
            Self::Listener => "listener/app/",
            Self::Key => "key/",
            Self::Secret => "secret:",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Topic => "an SNS topic",
            Self::Policy => "an IAM policy",
            Self::Role => "an IAM role",
            Self::Listener => "an application load balancer's listener",
            Self::Key => "a KMS key",
            Self::Secret => "a secret in Secrets Manager",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Topic => "arn:aws:sns:us-east-1:111122223333:name",
            Self::Policy => "arn:aws:iam::111122223333:policy/name",
            Self::Role => "arn:aws:iam::111122223333:role/name",
            Self::Listener => {
                "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/name/0123456789abcdef/0123456789abcdef"
            }
            Self::Key => "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-…",
            Self::Secret => "arn:aws:secretsmanager:us-east-1:111122223333:secret:name",
        }
    }

    /// IAM is global: its ARNs have no region.
    fn is_global(self) -> bool {
        self.service() == "iam"
    }
}

/// Where the fleet is: the account and region that ARNs are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Home<'f> {
    pub account: Option<&'f str>,
    pub region: Option<&'f str>,
}

impl<'f> From<&'f Fleet> for Home<'f> {
    fn from(fleet: &'f Fleet) -> Self {
        Self { account: Some(fleet.account.as_str()), region: Some(fleet.region.as_str()) }
    }
}

/// Says what is wrong with an ARN. What is no ARN at all is the caller's to name; then this gives back false.
pub(crate) fn check(text: &str, of: ArnOf, home: Home<'_>, at: &At<'_>, findings: &mut Findings) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else { return false };
    if arn != "arn" || !partition.starts_with("aws") || text.contains(char::is_whitespace) {
        return false;
    }
    let name = resource.strip_prefix(of.resource()).unwrap_or_default();
    if service != of.service() || name.is_empty() || name.contains('*') {
        let kind = ProblemKind::ArnOfOther { field: at.field(), expected: of.in_words(), example: of.example() };
        findings.push(at.range(), kind);
        return true;
    }
    let elsewhere =
        |what, expected: &str| ProblemKind::ArnElsewhere { field: at.field(), what, expected: expected.to_owned() };
    let expected_region = if of.is_global() { Some("") } else { home.region };
    if let Some(expected) = expected_region.filter(|expected| *expected != region) {
        let expected = if expected.is_empty() { "none: IAM is global" } else { expected };
        findings.push(at.range(), elsewhere("region", expected));
    } else if let Some(expected) = home.region.map(partition_of).filter(|expected| *expected != partition) {
        findings.push(at.range(), elsewhere("partition", expected));
    } else if let Some(expected) = home.account.filter(|expected| *expected != account) {
        // Policies of AWS's own have the account `aws`.
        if !(of == ArnOf::Policy && account == "aws") {
            findings.push(at.range(), elsewhere("account", expected));
        }
    }
    true
}

/// As `check`, for fields that hold nothing secret.
pub(crate) fn check_plain(text: Option<&String>, of: ArnOf, home: Home<'_>, at: &At<'_>, findings: &mut Findings) {
    if let Some(text) = text
        && !check(text, of, home, at, findings)
    {
        findings.push(at.range(), ProblemKind::NotAnArn { field: at.field(), example: of.example() });
    }
}

fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
