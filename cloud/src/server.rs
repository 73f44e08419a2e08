//! The loopback server: any AWS client reaches the embedded cloud over HTTP.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::cloud::{Broken, Cloud};

/// Requests larger than this are refused; AWS's own limits are far lower.
const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// After a failed accept, so that a lack of file descriptors is not met with a busy loop.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Serves until `shutdown` ends; connections that are open then are dropped.
pub(crate) async fn serve(cloud: Cloud, listener: TcpListener, shutdown: impl Future) -> io::Result<()> {
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            _ = &mut shutdown => return Ok(()),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => {
                match accepted {
                    Ok((stream, _)) => drop(connections.spawn(serve_connection(cloud.clone(), stream))),
                    // Too many open files, or a client that hung up early: neither is the end of the server.
                    Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
                }
            }
        }
    }
}

async fn serve_connection(cloud: Cloud, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(cloud.clone(), request));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(cloud: Cloud, request: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Broken> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT_BYTES).collect().await else { return Err(Broken::Reset) };
    match cloud.handle(http::Request::from_parts(parts, body.to_bytes())).await {
        Ok(response) => Ok(response.map(Full::new)),
        // Nothing is answered: the client's own timeout has to end it, or its hanging up, which drops this future.
        Err(Broken::Timeout) => std::future::pending().await,
        Err(Broken::Reset) => Err(Broken::Reset),
    }
}
