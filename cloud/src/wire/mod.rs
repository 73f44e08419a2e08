//! The wire: which service and operation a request asks for, in which of AWS's protocols, and the answer in the same.

mod cbor;
mod json;
mod query;
mod request;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

pub(crate) use request::{Call, Caller, parse};

use crate::service::{Outcome, ServiceError};

/// The services of the embedded cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    CloudWatch,
    DynamoDb,
    Ecr,
    Ecs,
    Iam,
    Logs,
    SecretsManager,
    Sts,
}

impl Service {
    /// The name in IAM actions, endpoints and the call counts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch",
            Self::DynamoDb => "dynamodb",
            Self::Ecr => "ecr",
            Self::Ecs => "ecs",
            Self::Iam => "iam",
            Self::Logs => "logs",
            Self::SecretsManager => "secretsmanager",
            Self::Sts => "sts",
        }
    }

    /// The service of an `X-Amz-Target` prefix (awsJson) or of a CBOR path segment.
    fn of_target(prefix: &str) -> Option<Self> {
        Some(match prefix {
            "AmazonEC2ContainerServiceV20141113" => Self::Ecs,
            "AmazonEC2ContainerRegistry_V20150921" => Self::Ecr,
            "Logs_20140328" => Self::Logs,
            "secretsmanager" => Self::SecretsManager,
            "DynamoDB_20120810" => Self::DynamoDb,
            "GraniteServiceVersion20100801" => Self::CloudWatch,
            _ => return None,
        })
    }

    /// The service of a query request's `Version`.
    fn of_version(version: &str) -> Option<Self> {
        Some(match version {
            "2010-05-08" => Self::Iam,
            "2011-06-15" => Self::Sts,
            "2010-08-01" => Self::CloudWatch,
            _ => return None,
        })
    }

    /// The XML namespace of a query service's answers.
    fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            _ => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        }
    }
}

/// How the caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json10,
    Json11,
    Cbor,
    Query,
}

/// Writes the answer to `call` in the protocol in which it was asked.
pub(crate) fn answer(call: &Call, outcome: Outcome, request_id: &str) -> Response<Bytes> {
    match outcome {
        Ok(output) => respond(call, StatusCode::OK, request_id, None, success_body(call, output, request_id)),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            respond(call, status, request_id, Some(&error), error_body(call, &error, request_id))
        }
    }
}

fn success_body(call: &Call, output: Value, request_id: &str) -> Vec<u8> {
    match call.protocol {
        Protocol::Json10 | Protocol::Json11 => json::body(&output),
        Protocol::Cbor => cbor::body(&output),
        Protocol::Query => query::body(call.service.namespace(), &call.operation, &output, request_id),
    }
}

fn error_body(call: &Call, error: &ServiceError, request_id: &str) -> Vec<u8> {
    match call.protocol {
        Protocol::Json10 | Protocol::Json11 => json::body(&json::error(error)),
        Protocol::Cbor => cbor::body(&json::error(error)),
        Protocol::Query => query::error(call.service.namespace(), error, request_id),
    }
}

fn respond(
    call: &Call,
    status: StatusCode,
    request_id: &str,
    error: Option<&ServiceError>,
    body: Vec<u8>,
) -> Response<Bytes> {
    let content_type = match call.protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::Cbor => "application/cbor",
        Protocol::Query => "text/xml",
    };
    let mut response =
        Response::builder().status(status).header("content-type", content_type).header("x-amzn-requestid", request_id);
    if call.protocol == Protocol::Cbor {
        response = response.header("smithy-protocol", "rpc-v2-cbor");
    }
    if let Some(error) = error {
        response = response.header("x-amzn-errortype", &error.code);
        // CloudWatch was a query service once: its clients read the old codes from this header.
        if call.service == Service::CloudWatch {
            response = response.header("x-amzn-query-error", format!("{};Sender", error.code));
        }
    }
    response.body(Bytes::from(body)).unwrap_or_else(|_| internal_failure())
}

/// A plain answer for what is no AWS request at all.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

fn internal_failure() -> Response<Bytes> {
    plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer's headers are not valid")
}
