//! The cloud's own calls, which AWS does not have: `GET|POST /_cloud/<name>`, JSON in and out.
//!
//! Tests and people set image behaviours and faults, and read counts, only through these.

pub mod calls;
mod client;
pub mod faults;
mod preload;
mod push;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use client::{Client, ClientError};
pub use preload::{Preload, PreloadImage};
pub use push::{Push, Pushed};

use crate::cloud::Cloud;
use crate::ecr;
use crate::service::ServiceError;
use crate::wire::{self, Caller};

/// Where the admin calls live.
pub(crate) const PREFIX: &str = "/_cloud/";

/// The answer of `clock`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The time in the cloud.
    pub now: Timestamp,
    /// How many of its seconds pass in one second outside.
    pub speed: f64,
}

/// The input of `read-lag`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadLag {
    /// How long ECS's Describe and List may show what was before a write, in seconds.
    pub seconds: f64,
}

/// An admin call's refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// AWS's error code where AWS has one.
    pub code: String,
    /// What was wrong.
    pub message: String,
}

/// Answers one admin call.
pub(crate) fn answer(cloud: &Cloud, request: &Request<Bytes>) -> Response<Bytes> {
    let name = &request.uri().path()[PREFIX.len()..];
    let body = request.body();
    let result = match name {
        "calls" => read(body).and_then(|input| cloud.with_state(|state| write(&state.calls.answer(input)))),
        "faults" => read(body).and_then(|input| cloud.with_state(|state| write(&state.faults.answer(input)))),
        "clock" => write(&ClockReading { now: cloud.clock().now(), speed: cloud.clock().speed() }),
        "push" => read::<Push>(body)
            .and_then(|push| cloud.in_world(&caller(request), true, |world, _| ecr::push(world, push)))
            .and_then(|pushed| write(&pushed)),
        "preload" => read::<Preload>(body)
            .and_then(|preload| cloud.in_world(&caller(request), true, |world, _| preload::apply(world, preload)))
            .and_then(|()| write(&serde_json::json!({}))),
        "read-lag" => read::<ReadLag>(body).and_then(|lag| {
            let duration = std::time::Duration::try_from_secs_f64(lag.seconds)
                .map_err(|error| ServiceError::new("InvalidInput", format!("seconds: {error}")))?;
            cloud.with_state(|state| state.read_lag = duration);
            write(&lag)
        }),
        _ => Err(ServiceError::new("UnknownAdminCall", format!("The embedded cloud has no admin call `{name}`."))
            .with_status(404)),
    };
    let (status, bytes) = match result {
        Ok(bytes) => (StatusCode::OK, bytes),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            let refusal = Refusal { code: error.code, message: error.message };
            (status, serde_json::to_vec(&refusal).unwrap_or_default())
        }
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Bytes::from(bytes))
        .unwrap_or_else(|_| wire::plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer's headers are not valid"))
}

/// Whose world an admin call is about: `?account=…&region=…`, else the defaults.
fn caller(request: &Request<Bytes>) -> Caller {
    let mut caller = Caller::default();
    for (key, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        match &*key {
            "account" => caller.account = value.into_owned(),
            "region" => caller.region = value.into_owned(),
            _ => {}
        }
    }
    caller
}

/// Reads an admin call's input; an empty body is an empty object.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ServiceError> {
    let body = if body.is_empty() { b"{}" } else { &body[..] };
    serde_json::from_slice(body).map_err(|error| ServiceError::new("InvalidInput", error.to_string()))
}

fn write<T: Serialize>(output: &T) -> Result<Vec<u8>, ServiceError> {
    serde_json::to_vec(output).map_err(|error| ServiceError::new("InternalFailure", error.to_string()).with_status(500))
}
