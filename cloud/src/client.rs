//! The in-process HTTP client: the real AWS SDK against the embedded cloud, without sockets.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::cloud::{Broken, Cloud};

/// How long a lost connection hangs when the caller has set no timeout: the SDK's own default to connect.
const TIMEOUT: Duration = Duration::from_millis(3_100);

/// An SDK client's way into `cloud`.
pub(crate) fn http_client(cloud: Cloud) -> SharedHttpClient {
    SharedHttpClient::new(InProcess { cloud })
}

#[derive(Debug)]
struct InProcess {
    cloud: Cloud,
}

impl HttpClient for InProcess {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let timeout = settings.read_timeout().or(settings.connect_timeout()).unwrap_or(TIMEOUT);
        SharedHttpConnector::new(Connector { cloud: self.cloud.clone(), timeout })
    }
}

#[derive(Debug)]
struct Connector {
    cloud: Cloud,
    timeout: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (cloud, timeout) = (self.cloud.clone(), self.timeout);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = body
                .bytes()
                .map(Bytes::copy_from_slice)
                .ok_or_else(|| ConnectorError::user("a streamed body cannot go in process".into()))?;
            match cloud.handle(http::Request::from_parts(parts, body)).await {
                Ok(response) => {
                    response.map(SdkBody::from).try_into().map_err(|error| ConnectorError::other(Box::new(error), None))
                }
                Err(Broken::Timeout) => {
                    tokio::time::sleep(timeout).await;
                    Err(ConnectorError::timeout(Broken::Timeout.into()))
                }
                Err(Broken::Reset) => Err(ConnectorError::io(Broken::Reset.into())),
            }
        })
    }
}
