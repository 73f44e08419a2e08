//! The embedded cloud as its users hold it: one handle, one function that answers, three ways to reach it.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::admin::calls::{self, CallLog};
use crate::admin::faults::{FaultKind, FaultQueue};
use crate::clock::Clock;
use crate::persistence;
use crate::service::{Outcome, ServiceError};
use crate::wire::{self, Call, Caller, Service};
use crate::world::{Accounts, World};
use crate::{client, cloudwatch, dynamodb, ecr, ecs, iam, logs, secretsmanager, server, sts};

/// How to open a cloud.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its time.
    pub clock: Clock,
    /// Where its state is kept; without it the cloud lives in memory.
    pub data: Option<PathBuf>,
    /// What its identifiers are made from: the same seed and the same calls give the same ones.
    pub seed: u64,
    /// How long ECS's Describe and List may show what was before a write.
    pub read_lag: Duration,
}

/// The cloud cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the embedded cloud cannot be opened: {0}")]
pub struct OpenError(String);

/// The connection broke before an answer came: an injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Nothing comes back.
    #[error("the connection timed out")]
    Timeout,
    /// The connection is closed without an answer.
    #[error("the connection was reset")]
    Reset,
}

/// The embedded cloud. Clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    data: Option<PathBuf>,
    seed: u64,
    tables: dynamodb::Tables,
    state: Mutex<State>,
}

/// What changes; one lock, held for the length of one call.
pub(crate) struct State {
    pub(crate) accounts: Accounts,
    pub(crate) calls: CallLog,
    pub(crate) faults: FaultQueue,
    pub(crate) read_lag: Duration,
    requests: u64,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cloud").field("data", &self.inner.data).finish_non_exhaustive()
    }
}

impl Cloud {
    /// Opens a cloud: empty, or as it was left in `settings.data`. Its time never goes back behind what was saved.
    ///
    /// # Errors
    /// When the saved state cannot be read.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        let accounts = match &settings.data {
            None => Accounts::new(),
            Some(directory) => persistence::load(directory).map_err(|error| OpenError(describe(&error)))?,
        };
        let tables = dynamodb::Tables::open(settings.data.as_deref()).map_err(|error| OpenError(error.to_string()))?;
        let saved = accounts.values().flat_map(|account| account.regions.values()).map(|world| world.now).max();
        let clock = match saved {
            Some(saved) => settings.clock.not_before(saved),
            None => settings.clock,
        };
        let state = State {
            accounts,
            calls: CallLog::default(),
            faults: FaultQueue::new(settings.seed),
            read_lag: settings.read_lag,
            requests: 0,
        };
        let inner = Inner { clock, data: settings.data, seed: settings.seed, tables, state: Mutex::new(state) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The cloud's clock, which a cloud that was opened again has set forward if need be.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Answers one HTTP request: an AWS call in its own protocol, or an admin call below `/_cloud/`.
    ///
    /// # Errors
    /// [`Broken`] where an injected fault says that no answer arrives.
    pub async fn handle(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        if request.uri().path().starts_with(crate::admin::PREFIX) {
            return Ok(crate::admin::answer(self, &request));
        }
        match wire::parse(&request) {
            Some(call) => self.call(call),
            None => Ok(wire::plain(StatusCode::NOT_FOUND, "The embedded cloud does not know this service.\n")),
        }
    }

    /// A way for the AWS SDK to reach this cloud in process.
    pub fn http_client(&self) -> SharedHttpClient {
        client::http_client(self.clone())
    }

    /// Serves on `listener` (loopback) until `shutdown` ends.
    ///
    /// # Errors
    /// None at present; kept for a listener that fails for good.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future) -> io::Result<()> {
        server::serve(self.clone(), listener, shutdown).await
    }

    fn call(&self, mut call: Call) -> Result<Response<Bytes>, Broken> {
        let now = self.inner.clock.now();
        let (fault, stale_reads, request_id) = self.with_state(|state| {
            state.requests += 1;
            let stale_reads = state.faults.expects_stale_reads();
            let fault = state.faults.take(call.service.name(), &call.operation);
            (fault, stale_reads, format!("00000000-0000-4000-a000-{:012x}", state.requests))
        });
        // Whether this read is stale; or none is expected, and nothing has to be remembered for one.
        let stale = stale_reads.then_some(fault == Some(FaultKind::StaleRead));
        let input = std::mem::replace(&mut call.input, Ok(Value::Null));
        let resource = input.as_ref().ok().and_then(calls::resource);
        let (outcome, broken) = match fault {
            Some(FaultKind::Timeout) => (Err(lost()), Some(Broken::Timeout)),
            Some(FaultKind::ConnectionReset) => (Err(lost()), Some(Broken::Reset)),
            Some(FaultKind::LostResponse) => (self.outcome(&call, input, now, stale), Some(Broken::Reset)),
            Some(FaultKind::Throttle) => (Err(ServiceError::new("ThrottlingException", "Rate exceeded")), None),
            Some(FaultKind::ServerError) => (Err(unavailable()), None),
            Some(FaultKind::AccessDenied) => (Err(denied(&call)), None),
            Some(FaultKind::StaleRead) | None => (self.outcome(&call, input, now, stale), None),
        };
        let error = outcome.as_ref().err().map(|error| error.code.clone());
        self.with_state(|state| state.calls.record(now, call.service.name(), &call.operation, resource, error));
        match broken {
            Some(broken) => Err(broken),
            None => Ok(wire::answer(&call, outcome, &request_id)),
        }
    }

    fn outcome(&self, call: &Call, input: Result<Value, ServiceError>, now: Timestamp, stale: Option<bool>) -> Outcome {
        let input = input?;
        let Caller { account, region } = &call.caller;
        if call.service == Service::DynamoDb {
            return self.inner.tables.call(&call.operation, input, account, region, now);
        }
        let write = calls::writes(&call.operation);
        self.in_world(&call.caller, write, |world, read_lag| match call.service {
            Service::CloudWatch => cloudwatch::call(world, &call.operation, input),
            Service::Ecr => ecr::call(world, &call.operation, input),
            Service::Ecs => ecs::call_with_lag(world, &call.operation, input, write, read_lag, stale),
            Service::Iam => iam::call(world, &call.operation, input),
            Service::Logs => logs::call(world, &call.operation, input),
            Service::SecretsManager => secretsmanager::call(world, &call.operation, input),
            Service::Sts => sts::call(world, &call.operation, input),
            Service::DynamoDb => Err(ServiceError::unknown_operation("dynamodb", &call.operation)),
        })
    }

    /// Runs `act` on a world brought to the present, and saves what changed before anything is answered.
    pub(crate) fn in_world<T>(
        &self,
        caller: &Caller,
        write: bool,
        act: impl FnOnce(&mut World, Duration) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.with_state(|state| {
            let now = self.inner.clock.now();
            let read_lag = state.read_lag;
            let account = state.accounts.entry(caller.account.clone()).or_default();
            // All regions, because they share the account's IAM: each has to live through what comes before this call.
            let mut moved = Vec::new();
            for region in account.regions.keys().cloned().collect::<Vec<_>>() {
                let advanced = account.in_region(
                    &region,
                    || World::new(&caller.account, &region, now, self.inner.seed),
                    |world| ecs::advance(world, now),
                );
                if advanced {
                    moved.push(region);
                }
            }
            let make = || World::new(&caller.account, &caller.region, now, self.inner.seed);
            let result = account.in_region(&caller.region, make, |world| {
                world.now = now.max(world.now);
                act(world, read_lag)
            });
            if let Some(directory) = &self.inner.data {
                if write && !moved.contains(&caller.region) {
                    moved.push(caller.region.clone());
                }
                for region in &moved {
                    persistence::save(directory, &caller.account, region, account)
                        .map_err(|error| not_saved(&error))?;
                }
            }
            result
        })
    }

    /// The state, for the length of `act`.
    pub(crate) fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // The lock is poisoned only if a call panicked half way through a change: answering from what it left, or saving
        // that, would be worse than to panic again.
        act(&mut self.inner.state.lock().expect("no call has panicked"))
    }
}

/// An error with its causes on one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

fn not_saved(error: &io::Error) -> ServiceError {
    ServiceError::new("InternalFailure", format!("The embedded cloud cannot save its state: {error}.")).with_status(500)
}

fn lost() -> ServiceError {
    ServiceError::new("ConnectionLost", "The request did not arrive.").with_status(500)
}

fn unavailable() -> ServiceError {
    ServiceError::new("ServiceUnavailable", "Service Unavailable. Please try again later.").with_status(503)
}

fn denied(call: &Call) -> ServiceError {
    let Call { service, operation, caller, .. } = call;
    let (account, service) = (&caller.account, service.name());
    let text = format!(
        "User: arn:aws:iam::{account}:user/caller is not authorized to perform: {service}:{operation} because no \
         identity-based policy allows the {service}:{operation} action"
    );
    let code = if call.protocol == wire::Protocol::Query { "AccessDenied" } else { "AccessDeniedException" };
    ServiceError::new(code, text).with_status(if call.protocol == wire::Protocol::Query { 403 } else { 400 })
}
