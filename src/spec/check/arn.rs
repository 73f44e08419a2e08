//! ARNs: of what, and where.

use super::{At, allowed};
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

/// What a text is, as an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not an ARN at all: that is the caller's to say, as it may be a secret.
    NotAnArn,
    /// An ARN of something else, or from elsewhere; it has been said.
    Wrong,
    Fine,
}

/// Says what is wrong with an ARN.
pub(crate) fn check(text: &str, of: ArnOf, home: Home<'_>, at: &At<'_>, findings: &mut Findings) -> Verdict {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else { return Verdict::NotAnArn };
    if arn != "arn" || !partition.starts_with("aws") || text.contains(char::is_whitespace) {
        return Verdict::NotAnArn;
    }
    let name = resource.strip_prefix(of.resource()).unwrap_or_default();
    if service != of.service() || name.is_empty() || name.contains('*') {
        let kind = ProblemKind::ArnOfOther { field: at.field(), expected: of.in_words(), example: of.example() };
        findings.push(at.range(), kind);
        return Verdict::Wrong;
    }
    let elsewhere = match home {
        _ if of.is_global() && !region.is_empty() => Some(("region", "no region: IAM is global".to_owned())),
        Home { region: Some(home), .. } if !of.is_global() && home != region => {
            Some(("region", format!("region {home}")))
        }
        Home { region: Some(home), .. } if partition_of(home) != partition => {
            Some(("partition", format!("partition {}", partition_of(home))))
        }
        // Policies of AWS's own have the account `aws`.
        Home { account: Some(home), .. } if home != account && !(of == ArnOf::Policy && account == "aws") => {
            Some(("account", format!("account {home}")))
        }
        _ => None,
    };
    let Some((what, expected)) = elsewhere else { return Verdict::Fine };
    findings.push(at.range(), ProblemKind::ArnElsewhere { field: at.field(), what, expected });
    Verdict::Wrong
}

/// As `check`, for fields that hold nothing secret.
pub(crate) fn check_plain(text: Option<&String>, of: ArnOf, home: Home<'_>, at: &At<'_>, findings: &mut Findings) {
    if let Some(text) = text
        && check(text, of, home, at, findings) == Verdict::NotAnArn
    {
        findings.push(at.range(), ProblemKind::NotAnArn { field: at.field(), example: of.example() });
    }
}

/// Checks a secret's ARN against what it has to be and what the fleet allows. What is no ARN is never shown.
pub(crate) fn check_secret(
    text: &str,
    home: Home<'_>,
    fleet: Option<&Fleet>,
    at: &At<'_>,
    field: String,
    findings: &mut Findings,
) {
    match (check(text, ArnOf::Secret, home, at, findings), fleet) {
        (Verdict::NotAnArn, _) => findings.push(at.range(), ProblemKind::SecretNotArn { field }),
        (Verdict::Fine, Some(fleet)) => allowed(text, "secrets", &fleet.allow.secrets, at, findings),
        _ => {}
    }
}

fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
