//! A proxy before the coordinator that keeps every request and answer, for checking them afterwards.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use tokio::runtime::Runtime;

/// Longest time that one request may take.
const LONGEST: Duration = Duration::from_secs(300);

/// A request with its answer; of bodies that are not JSON only the length is kept.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query, or nothing.
    pub query: String,
    /// The request's body.
    pub sent: Content,
    /// The status of the answer.
    pub status: u16,
    /// The answer's body.
    pub answered: Content,
}

/// A body as it was seen.
#[derive(Debug, Clone)]
pub struct Content {
    /// Media type without parameters, or nothing.
    pub media_type: String,
    /// Number of bytes.
    pub length: usize,
    /// What it says, if it is JSON.
    pub json: Option<serde_json::Value>,
}

/// A recorder in front of one coordinator: it passes everything on and keeps it, and ends when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    kept: Arc<Mutex<Vec<Exchange>>>,
    // Dropping the runtime ends the proxy and what it has open.
    _runtime: Runtime,
}

#[derive(Clone)]
struct Front {
    upstream: SocketAddr,
    client: reqwest::Client,
    kept: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    /// Listens on a free loopback port and passes everything on to `upstream`.
    pub fn before(upstream: SocketAddr) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let client = reqwest::Client::builder().no_proxy().timeout(LONGEST).build()?;
        let kept = Arc::new(Mutex::new(Vec::new()));
        let front = Front { upstream, client, kept: Arc::clone(&kept) };
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(pass).with_state(front);
        runtime.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, kept, _runtime: runtime })
    }

    /// Returns the address that everybody dials.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns everything that was seen so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn pass(State(front): State<Front>, request: Request) -> Response {
    // A request that the coordinator got is kept, also if whoever sent it is gone before the answer.
    let forwarded = tokio::spawn(async move { forward(&front, request).await }).await;
    forwarded.map_err(anyhow::Error::from).flatten().unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(format!("the coordinator is away: {error:#}")));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

async fn forward(front: &Front, request: Request) -> anyhow::Result<Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    let target = parts.uri.path_and_query().context("no path")?;
    let url = format!("http://{}{target}", front.upstream);
    let mut head = parts.headers.clone();
    head.remove(header::HOST);
    let sent = content(&head, &body);
    let answer = front.client.request(parts.method.clone(), url).headers(head).body(body).send().await?;
    let status = answer.status();
    let mut head = answer.headers().clone();
    let body = answer.bytes().await?;
    front.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        sent,
        status: status.as_u16(),
        answered: content(&head, &body),
    });
    // The body is whole here; hyper says anew how it is sent.
    head.remove(header::TRANSFER_ENCODING);
    head.remove(header::CONNECTION);
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, head);
    Ok(response)
}

fn content(head: &HeaderMap, body: &[u8]) -> Content {
    let media_type = head.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
    let json = if media_type.is_empty() || media_type.ends_with("json") {
        serde_json::from_slice(body).ok()
    } else {
        None
    };
    Content { media_type, length: body.len(), json }
}
