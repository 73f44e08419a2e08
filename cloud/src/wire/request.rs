//! What a request asks for, and for whom.

use std::io::Read;

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde_json::Value;

use super::{Protocol, Service, cbor, json, query};
use crate::service::ServiceError;

/// The account of callers whose access key is not itself an account number.
const DEFAULT_ACCOUNT: &str = "211125768252";
const DEFAULT_REGION: &str = "us-east-1";
/// A body larger than this after decompression is refused; AWS's own limits are far lower.
const BODY_LIMIT_BYTES: u64 = 32 * 1024 * 1024;

/// One call of an AWS API.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) protocol: Protocol,
    pub(crate) caller: Caller,
    /// The input, or why it cannot be read (answered in the call's protocol).
    pub(crate) input: Result<Value, ServiceError>,
}

/// Whose call it is, from the SigV4 credential scope. Signatures are not checked: the cloud listens on loopback only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Default for Caller {
    fn default() -> Self {
        Self { account: DEFAULT_ACCOUNT.to_owned(), region: DEFAULT_REGION.to_owned() }
    }
}

/// Reads a request. `None`: it is no call of a service that the embedded cloud knows.
pub(crate) fn parse(request: &Request<Bytes>) -> Option<Call> {
    let headers = request.headers();
    let caller = caller(headers);
    let body = decoded(headers, request.body());

    if text(headers, "smithy-protocol") == Some("rpc-v2-cbor") {
        let mut segments = request.uri().path().trim_start_matches('/').split('/');
        let (Some("service"), Some(name), Some("operation"), Some(operation)) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return None;
        };
        let service = Service::of_target(name)?;
        let input = body.and_then(|body| cbor::parse(&body));
        return Some(Call { service, operation: operation.to_owned(), protocol: Protocol::Cbor, caller, input });
    }
    if let Some(target) = text(headers, "x-amz-target") {
        let (prefix, operation) = target.rsplit_once('.')?;
        let protocol = match text(headers, "content-type") {
            Some(kind) if kind.starts_with("application/x-amz-json-1.0") => Protocol::Json10,
            _ => Protocol::Json11,
        };
        let service = Service::of_target(prefix)?;
        let input = body.and_then(|body| json::parse(&body));
        return Some(Call { service, operation: operation.to_owned(), protocol, caller, input });
    }
    parse_query(request, caller, body.ok()?)
}

fn parse_query(request: &Request<Bytes>, caller: Caller, body: Bytes) -> Option<Call> {
    let form = if body.is_empty() { request.uri().query().unwrap_or_default().as_bytes() } else { &body[..] };
    let mut operation = None;
    let mut version = None;
    let mut pairs = Vec::new();
    for (key, value) in form_urlencoded::parse(form) {
        match &*key {
            "Action" => operation = Some(value.into_owned()),
            "Version" => version = Some(value.into_owned()),
            _ => pairs.push((key.into_owned(), value.into_owned())),
        }
    }
    let service = Service::of_version(&version?)?;
    let input = Ok(query::parse(pairs.into_iter()));
    Some(Call { service, operation: operation?, protocol: Protocol::Query, caller, input })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`
fn caller(headers: &HeaderMap) -> Caller {
    let scope = text(headers, "authorization")
        .and_then(|header| header.split("Credential=").nth(1))
        .and_then(|rest| rest.split(',').next())
        .unwrap_or_default();
    let mut parts = scope.split('/');
    let key = parts.next().unwrap_or_default();
    let region = parts.nth(1).filter(|region| is_region(region)).unwrap_or(DEFAULT_REGION);
    let is_account = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
    Caller { account: if is_account { key } else { DEFAULT_ACCOUNT }.to_owned(), region: region.to_owned() }
}

/// Regions name files of the saved state, so nothing else may pass.
fn is_region(text: &str) -> bool {
    !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn decoded(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, ServiceError> {
    if text(headers, "content-encoding") != Some("gzip") {
        return Ok(body.clone());
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&body[..])
        .take(BODY_LIMIT_BYTES)
        .read_to_end(&mut plain)
        .map_err(|error| ServiceError::new("SerializationException", format!("The body is not gzip: {error}.")))?;
    Ok(Bytes::from(plain))
}
