//! A client for the admin calls, over loopback or in process.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::calls::{Calls, CallsInput};
use super::faults::{Fault, Faults, FaultsInput};
use super::{ClockReading, PREFIX, Preload, Push, Pushed, ReadLag, Refusal};
use crate::cloud::Cloud;

/// An admin call that failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not `http://host:port`.
    #[error("`{0}` is no address of an embedded cloud; expected http://127.0.0.1:<port>")]
    Address(String),
    /// Nothing answers there, or not as an embedded cloud does.
    #[error("no embedded cloud answers at {address}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// The cloud refused.
    #[error("{}: {}", .0.code, .0.message)]
    Refused(Refusal),
}

/// Reaches one cloud's admin calls.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    world: String,
}

#[derive(Clone, Debug)]
enum Transport {
    Loopback(Arc<str>),
    InProcess(Cloud),
}

impl Client {
    /// For the cloud that listens at `url`, e.g. `http://127.0.0.1:4599`.
    ///
    /// # Errors
    /// When `url` is not of that form.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        match authority {
            Some(authority) if authority.contains(':') && !authority.contains('/') => {
                Ok(Self { transport: Transport::Loopback(authority.into()), world: String::new() })
            }
            _ => Err(ClientError::Address(url.to_owned())),
        }
    }

    /// For a cloud in this process.
    pub fn in_process(cloud: &Cloud) -> Self {
        Self { transport: Transport::InProcess(cloud.clone()), world: String::new() }
    }

    /// The same client for another account and region than the cloud's default ones.
    #[must_use]
    pub fn for_world(mut self, account: &str, region: &str) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::from("?"));
        self.world = query.append_pair("account", account).append_pair("region", region).finish();
        self
    }

    /// Which calls were answered.
    ///
    /// # Errors
    /// When the cloud cannot be reached.
    pub async fn calls(&self, input: &CallsInput) -> Result<Calls, ClientError> {
        self.post("calls", input).await
    }

    /// Adds faults behind those that wait.
    ///
    /// # Errors
    /// When the cloud cannot be reached.
    pub async fn add_faults(&self, faults: Vec<Fault>) -> Result<Faults, ClientError> {
        self.post("faults", &FaultsInput { clear: false, add: faults }).await
    }

    /// Forgets all faults that wait.
    ///
    /// # Errors
    /// When the cloud cannot be reached.
    pub async fn clear_faults(&self) -> Result<Faults, ClientError> {
        self.post("faults", &FaultsInput { clear: true, add: Vec::new() }).await
    }

    /// The cloud's time.
    ///
    /// # Errors
    /// When the cloud cannot be reached.
    pub async fn clock(&self) -> Result<ClockReading, ClientError> {
        self.post("clock", &serde_json::json!({})).await
    }

    /// Sets how long reads may lag behind writes.
    ///
    /// # Errors
    /// When the cloud cannot be reached, or the number is negative.
    pub async fn set_read_lag(&self, lag: ReadLag) -> Result<ReadLag, ClientError> {
        self.post("read-lag", &lag).await
    }

    /// Pushes an image, as `docker push` does.
    ///
    /// # Errors
    /// `RepositoryNotFoundException`, `ImageTagAlreadyExistsException`, or when the cloud cannot be reached.
    pub async fn push(&self, push: &Push) -> Result<Pushed, ClientError> {
        self.post("push", push).await
    }

    /// Puts there what a desired state takes for granted. Applying it again changes nothing.
    ///
    /// # Errors
    /// What AWS says against a name in it, or when the cloud cannot be reached.
    pub async fn preload(&self, preload: &Preload) -> Result<(), ClientError> {
        self.post::<serde_json::Value>("preload", preload).await.map(drop)
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        name: &str,
        input: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(input).map_err(|error| self.unreachable(&error))?;
        let host = match &self.transport {
            Transport::Loopback(authority) => authority,
            Transport::InProcess(_) => "embedded",
        };
        let request = Request::post(format!("{PREFIX}{name}{}", self.world))
            .header("host", host)
            .header("content-type", "application/json")
            .body(Bytes::from(body))
            .map_err(|error| self.unreachable(&error))?;
        let response = match &self.transport {
            Transport::Loopback(authority) => self.send(authority, request).await?,
            Transport::InProcess(cloud) => cloud.handle(request).await.map_err(|error| self.unreachable(&error))?,
        };
        if response.status() == StatusCode::OK {
            return serde_json::from_slice(response.body()).map_err(|error| self.unreachable(&error));
        }
        match serde_json::from_slice(response.body()) {
            Ok(refusal) => Err(ClientError::Refused(refusal)),
            Err(_) => Err(self.unreachable(&format!("status {}", response.status()))),
        }
    }

    async fn send(&self, authority: &str, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        let stream = TcpStream::connect(authority).await.map_err(|error| self.unreachable(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(&error))?;
        let driver = tokio::spawn(connection);
        let answer = async {
            let (parts, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
            Ok::<_, hyper::Error>(Response::from_parts(parts, body.collect().await?.to_bytes()))
        };
        let answer = answer.await.map_err(|error| self.unreachable(&error));
        driver.abort();
        answer
    }

    fn unreachable(&self, reason: &impl std::fmt::Display) -> ClientError {
        let address = match &self.transport {
            Transport::Loopback(authority) => format!("http://{authority}"),
            Transport::InProcess(_) => String::from("this process"),
        };
        ClientError::Unreachable { address, reason: reason.to_string() }
    }
}
