//! What went wrong with a call, and what helps. AWS's codes alone do not tell: some remedies are known by text only.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The code of a call that got no readable answer: whether it took effect is not known.
pub const NO_ANSWER: &str = "NoAnswer";
/// The longest message that is kept; AWS repeats whole documents in some.
const MESSAGE_LENGTH: usize = 400;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} of {resource} failed: {message}{}", Hint(remedy))]
pub struct AwsError {
    /// Service and operation, as IAM writes the permission: `ecs:UpdateService`.
    pub operation: &'static str,
    /// The resource's name, as it was asked for.
    pub resource: Box<str>,
    /// AWS's code, or [`NO_ANSWER`].
    pub code: String,
    /// AWS's message. It never holds a secret's value: none is ever sent.
    pub message: Box<str>,
    pub remedy: Remedy,
    /// Whether the call may have taken effect all the same.
    pub in_doubt: bool,
}

/// What helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Wait for the API's bucket; other agents go on.
    Throttled,
    /// Try again.
    Transient,
    /// A role or service-linked role is not known everywhere yet: try again for up to four minutes, then a person must look.
    Propagating,
    /// Something that it needs is not there yet: try again.
    NotYet,
    /// The old service of this name still stops its tasks: wait.
    Draining,
    /// A quota is used up: a person must have it raised. The text is AWS's.
    Quota { quota: String },
    /// Permissions: a person must allow this action.
    Denied { action: String },
    /// The credentials are missing, expired or wrong.
    Credentials,
    /// It is not there.
    NotFound,
    /// It is there already; whose it is, the next observation tells.
    Exists,
    /// Its state does not allow it now; the next observation tells.
    Conflict,
    /// AWS will refuse it again.
    Refused,
}

impl AwsError {
    /// What the SDK reports of a failed call.
    pub fn of<E>(operation: &'static str, resource: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        match error.as_service_error() {
            Some(service_error) => {
                let status = error.raw_response().map_or(400, |response| response.status().as_u16());
                let code = service_error.code().unwrap_or("Unknown");
                let message = service_error.message().unwrap_or("AWS gave no message");
                Self::answered(operation, resource, code, message, status)
            }
            None => Self::unanswered(operation, resource, error),
        }
    }

    /// AWS refused the call.
    pub fn answered(operation: &'static str, resource: &str, code: &str, message: &str, status: u16) -> Self {
        // Query services send some codes with, some without the word.
        let remedy = remedy(operation, code, message, status);
        Self {
            operation,
            resource: resource.into(),
            code: code.to_owned(),
            message: shortened(message).into(),
            in_doubt: matches!(status, 500 | 502 | 504),
            remedy,
        }
    }

    /// AWS answered with something that cannot be used.
    pub fn unexpected(operation: &'static str, resource: &str, why: &str) -> Self {
        Self {
            operation,
            resource: resource.into(),
            code: "UnexpectedAnswer".to_owned(),
            message: shortened(why).into(),
            remedy: Remedy::Transient,
            in_doubt: true,
        }
    }

    fn unanswered<E>(operation: &'static str, resource: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + Send + Sync + 'static,
    {
        let causes = causes(error);
        let text = causes.to_lowercase();
        // The SDK reports credentials that cannot be loaded like a connection that cannot be made.
        let credentials =
            ["credential", "no providers in chain", "identity resol"].iter().any(|word| text.contains(word));
        let sent = match error {
            SdkError::ConstructionFailure(_) => false,
            SdkError::DispatchFailure(failure) => !failure.is_user() && !credentials,
            _ => true,
        };
        let remedy = match error {
            _ if credentials => Remedy::Credentials,
            SdkError::ConstructionFailure(_) => Remedy::Refused,
            _ => Remedy::Transient,
        };
        Self {
            operation,
            resource: resource.into(),
            code: NO_ANSWER.to_owned(),
            message: shortened(&causes).into(),
            in_doubt: sent,
            remedy,
        }
    }

    /// What people do about it, if it is theirs to do.
    pub fn needs_a_person(&self) -> bool {
        match self.remedy {
            Remedy::Quota { .. } | Remedy::Denied { .. } | Remedy::Credentials | Remedy::Refused => true,
            Remedy::Throttled
            | Remedy::Transient
            | Remedy::Propagating
            | Remedy::NotYet
            | Remedy::Draining
            | Remedy::NotFound
            | Remedy::Exists
            | Remedy::Conflict => false,
        }
    }
}

struct Hint<'a>(&'a Remedy);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Remedy::Denied { action } => write!(out, "; allow {action}"),
            Remedy::Quota { .. } => out.write_str("; ask AWS to raise this quota, or remove what is not needed"),
            Remedy::Credentials => out.write_str("; renew the AWS credentials"),
            _ => Ok(()),
        }
    }
}

/// Texts that mean a role, or the service-linked role, is not known everywhere yet.
const PROPAGATING: [&str; 6] = [
    "unable to assume",
    "verify that the ecs service role",
    "configured ecs infrastructure role",
    "role is not valid",
    "service linked role exists",
    "service-linked role exists",
];

const THROTTLED: [&str; 12] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
    "PriorRequestNotComplete",
    "SlowDown",
    "EC2ThrottledException",
];

const CREDENTIALS: [&str; 10] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];

/// The closed table of remedies: by text first, because text is the more specific.
fn remedy(operation: &'static str, code: &str, message: &str, status: u16) -> Remedy {
    let text = message.to_lowercase();
    let says = |phrase: &str| text.contains(phrase);
    if THROTTLED.contains(&code)
        || says("too many concurrent attempts to create a new revision")
        || says("rate exceeded")
    {
        return Remedy::Throttled;
    }
    if CREDENTIALS.contains(&code) {
        return Remedy::Credentials;
    }
    if let Some(action) = denied(operation, code, message) {
        return Remedy::Denied { action };
    }
    if PROPAGATING.iter().any(|phrase| says(phrase)) {
        return Remedy::Propagating;
    }
    if says("does not have an associated load balancer") {
        return Remedy::NotYet;
    }
    if says("still draining") {
        return Remedy::Draining;
    }
    if says("creation of service was not idempotent") {
        return Remedy::Exists;
    }
    if says("unable to describe task definition") {
        return Remedy::NotFound;
    }
    by_code(code, message, status)
}

fn by_code(code: &str, message: &str, status: u16) -> Remedy {
    match code {
        "LimitExceededException" | "LimitExceeded" | "ServiceQuotaExceededException" | "ResourceLimitExceeded" => {
            Remedy::Quota { quota: shortened(message) }
        }
        "TransactionConflictException"
        | "TransactionInProgressException"
        | "OperationAbortedException"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "ServerException"
        | "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "ServiceFailure"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "KmsException" => Remedy::Transient,
        "NoSuchEntity" | "NoSuchEntityException" | "TableNotFoundException" => Remedy::NotFound,
        "EntityAlreadyExists" | "EntityAlreadyExistsException" => Remedy::Exists,
        "ConflictException"
        | "ResourceInUseException"
        | "DeleteConflict"
        | "DeleteConflictException"
        | "ServiceNotActiveException" => Remedy::Conflict,
        _ if code.ends_with("AlreadyExistsException") => Remedy::Exists,
        _ if code.ends_with("NotFoundException") => Remedy::NotFound,
        _ if status >= 500 => Remedy::Transient,
        _ => Remedy::Refused,
    }
}

/// The action that is not allowed: AWS names it in the text, and it is not always the call's own (`iam:PassRole`).
fn denied(operation: &'static str, code: &str, message: &str) -> Option<String> {
    let named = message.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    let codes = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "BlockedException"];
    if named.is_none() && !codes.contains(&code) {
        return None;
    }
    let action = named.and_then(|rest| rest.split_whitespace().next()).map(|word| word.trim_end_matches(['.', ',']));
    Some(action.filter(|action| action.contains(':')).unwrap_or(operation).to_owned())
}

/// An error with its causes, each said once.
fn causes(error: &dyn Error) -> String {
    let mut texts: Vec<String> = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        source = cause.source();
    }
    texts.join(": ")
}

fn shortened(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_LENGTH) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy_of(operation: &'static str, code: &str, message: &str) -> Remedy {
        AwsError::answered(operation, "dev-test-agent", code, message, 400).remedy
    }

    #[test]
    fn each_error_has_the_remedy_that_helps() {
        let create = "ecs:CreateService";
        let table = [
            ("ThrottlingException", "Rate exceeded", Remedy::Throttled),
            ("RequestLimitExceeded", "Request limit exceeded.", Remedy::Throttled),
            (
                "ClientException",
                "Too many concurrent attempts to create a new revision of the specified family.",
                Remedy::Throttled,
            ),
            ("LimitExceededException", "Rate exceeded", Remedy::Throttled),
            (
                "InvalidParameterException",
                "Unable to assume role and validate the listeners configured on your load balancer.",
                Remedy::Propagating,
            ),
            (
                "InvalidParameterException",
                "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
                Remedy::Propagating,
            ),
            (
                "InvalidParameterException",
                "Please verify that the ECS service role being passed has the proper permissions.",
                Remedy::Propagating,
            ),
            (
                "InvalidParameterException",
                "ECS was unable to assume the configured ECS Infrastructure Role.",
                Remedy::Propagating,
            ),
            ("ClientException", "Role is not valid", Remedy::Propagating),
            (
                "InvalidParameterException",
                "The target group does not have an associated load balancer.",
                Remedy::NotYet,
            ),
            ("InvalidParameterException", "Unable to Start a service that is still Draining.", Remedy::Draining),
            ("InvalidParameterException", "Creation of service was not idempotent.", Remedy::Exists),
            ("RepositoryAlreadyExistsException", "The repository already exists", Remedy::Exists),
            ("EntityAlreadyExists", "Role with name x already exists.", Remedy::Exists),
            ("NoSuchEntity", "The role cannot be found.", Remedy::NotFound),
            ("ClusterNotFoundException", "Cluster not found.", Remedy::NotFound),
            ("ClientException", "Unable to describe task definition.", Remedy::NotFound),
            ("ConflictException", "The deployment is already in a terminal state.", Remedy::Conflict),
            ("ServerException", "Service Unavailable", Remedy::Transient),
            ("ConcurrentModification", "Another request is under way.", Remedy::Transient),
            ("ExpiredTokenException", "The security token included in the request is expired", Remedy::Credentials),
            ("InvalidParameterException", "TaskDefinition is inactive", Remedy::Refused),
            ("UpdateInProgressException", "An update is in progress.", Remedy::Refused),
        ];
        for (code, message, expected) in table {
            assert_eq!(remedy_of(create, code, message), expected, "{code}: {message}");
        }
    }

    #[test]
    fn a_quota_is_named_and_is_no_throttle() {
        let message = "The maximum number of services per cluster has been reached.";
        let quota = remedy_of("ecs:CreateService", "LimitExceededException", message);
        assert_eq!(
            quota,
            Remedy::Quota { quota: "The maximum number of services per cluster has been reached".to_owned() }
        );
    }

    #[test]
    fn denied_calls_name_the_action_that_is_missing() {
        let message = "User: arn:aws:iam::211125768252:user/x is not authorized to perform: iam:PassRole on resource: arn:y because no identity-based policy allows it";
        assert_eq!(
            remedy_of("ecs:RegisterTaskDefinition", "ClientException", message),
            Remedy::Denied { action: "iam:PassRole".to_owned() }
        );
        assert_eq!(
            remedy_of("ecs:CreateService", "AccessDeniedException", "Access denied"),
            Remedy::Denied { action: "ecs:CreateService".to_owned() }
        );
        let shown =
            AwsError::answered("ecs:CreateService", "dev-test-agent", "AccessDeniedException", "Access denied.", 400)
                .to_string();
        assert_eq!(shown, "ecs:CreateService of dev-test-agent failed: Access denied; allow ecs:CreateService");
    }

    #[test]
    fn server_errors_are_transient_and_only_some_leave_doubt() {
        let busy = AwsError::answered("ecs:CreateService", "x", "Whatever", "busy", 503);
        assert_eq!((busy.remedy, busy.in_doubt), (Remedy::Transient, false));
        let broken = AwsError::answered("ecs:CreateService", "x", "ServerException", "broken", 500);
        assert_eq!((broken.remedy, broken.in_doubt), (Remedy::Transient, true));
    }

    #[test]
    fn long_messages_are_cut() {
        let shown = AwsError::answered("iam:PutRolePolicy", "x", "MalformedPolicyDocument", &"é".repeat(5_000), 400);
        assert!(shown.message.chars().count() <= MESSAGE_LENGTH + 1);
    }
}
