//! The client of the coordinator's REST API: time limits, retries, size limits, problem documents.

mod blobs;
mod calls;
mod endpoint;
mod error;
mod operator;
mod pin;
mod retry;
mod token;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header, redirect};
use serde::de::DeserializeOwned;

pub use blobs::TransferError;
pub use calls::Question;
pub use endpoint::{Endpoint, Trust};
pub use error::ClientError;
pub use retry::Patience;
pub use token::Token;

/// Time to establish a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for a request with a small body.
const SHORT: Duration = Duration::from_secs(20);
/// Time for a request that carries keys or a round's instances.
const LONG: Duration = Duration::from_secs(300);
/// Time without a single byte after which a download counts as broken.
const STALL: Duration = Duration::from_secs(60);
/// Most bytes of an answer in JSON.
const JSON_LIMIT: usize = 16 << 20;
/// Most bytes of a refusal.
const PROBLEM_LIMIT: usize = 64 << 10;

/// Client of one coordinator; cheap to clone.
///
/// ```no_run
/// use client::{Client, Endpoint, Patience, Token, Trust};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let pin = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".parse()?;
/// let endpoint = Endpoint { url: "https://labels.example.org:7400".parse()?, trust: Trust::Pinned(pin) };
/// let token = Token::new(std::fs::read_to_string("secret/token")?.trim().to_owned());
/// let client = Client::new(endpoint, Some(token), Patience::PERSON)?;
/// println!("{:?}", client.roster().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<Token>,
    patience: Patience,
    /// Time in which a download must bring the next bytes.
    stall: Duration,
}

/// A request before it is sent; it can be sent again.
#[derive(Debug, Clone)]
struct Call {
    action: &'static str,
    method: Method,
    path: String,
    body: Option<Body>,
    timeout: Duration,
    limit: usize,
    needs_token: bool,
}

#[derive(Debug, Clone)]
struct Body {
    media_type: &'static str,
    /// Shared, so that a retry does not copy the instances of a large round.
    bytes: Bytes,
}

impl Call {
    fn new(action: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self {
            action,
            method,
            path: path.into(),
            body: None,
            timeout: SHORT,
            limit: JSON_LIMIT,
            needs_token: true,
        }
    }

    fn json<T: serde::Serialize>(mut self, value: &T) -> Result<Self, ClientError> {
        let text = serde_json::to_vec(value).map_err(|e| ClientError::SetUp(e.to_string()))?;
        self.body = Some(Body { media_type: "application/json", bytes: text.into() });
        Ok(self)
    }

    fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.body = Some(Body { media_type: "application/octet-stream", bytes: bytes.into() });
        self.timeout = LONG;
        self
    }

    /// Expects an answer of at most `limit` raw bytes.
    fn download(mut self, limit: usize) -> Self {
        self.limit = limit;
        self.timeout = LONG;
        self
    }

    fn open(mut self) -> Self {
        self.needs_token = false;
        self
    }
}

impl Client {
    /// Sets up a client for a coordinator; nothing is sent yet.
    pub fn new(
        endpoint: impl Into<Endpoint>,
        token: Option<Token>,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let Endpoint { url: base, trust } = endpoint.into();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // A redirect would carry the token to another address.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("psephos/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let set_up = |e: &dyn std::fmt::Display| ClientError::SetUp(e.to_string());
        builder = match trust {
            Trust::System => builder,
            Trust::Pinned(pin) => {
                builder.tls_backend_preconfigured(pin::pinned(pin).map_err(|e| set_up(&e))?)
            }
            Trust::Authority(pem) => {
                let authority = reqwest::Certificate::from_pem(&pem).map_err(|e| set_up(&reason(&e)))?;
                builder.tls_certs_only([authority])
            }
        };
        let http = builder.build().map_err(|e| ClientError::SetUp(reason(&e)))?;
        Ok(Self { http, base, token, patience, stall: STALL })
    }

    /// Uses another token from now on.
    #[must_use]
    pub fn with_token(&self, token: Option<Token>) -> Self {
        Self { token, ..self.clone() }
    }

    /// Returns whether a token differs from the one in use.
    pub fn token_differs(&self, other: Option<&Token>) -> bool {
        self.token.as_ref().map(Token::expose) != other.map(Token::expose)
    }

    async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let action = call.action;
        let bytes = self.send(call).await?;
        serde_json::from_slice(&bytes).map_err(|e| {
            let reason = format!("it is not the expected JSON: {e}");
            ClientError::Malformed { action, status: 200, reason }
        })
    }

    /// Sends a request, again while failures are transient and the patience lasts.
    async fn send(&self, call: Call) -> Result<Vec<u8>, ClientError> {
        let mut attempt = 0;
        loop {
            let error = match self.send_once(&call).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            attempt += 1;
            if !error.is_transient() || attempt >= self.patience.attempts {
                return Err(error);
            }
            let pause = self.patience.pause(attempt);
            tracing::debug!(%error, attempt, pause_ms = pause.as_millis() as u64, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn send_once(&self, call: &Call) -> Result<Vec<u8>, ClientError> {
        let mut request = self.request(call)?.timeout(call.timeout);
        if let Some(Body { media_type, bytes }) = &call.body {
            request = request.header(header::CONTENT_TYPE, *media_type).body(bytes.clone());
        }
        let response = self.answer(call.action, request).await?;
        self.read(call.action, response, call.limit).await
    }

    /// Begins a request with its address and the token.
    fn request(&self, call: &Call) -> Result<RequestBuilder, ClientError> {
        let url = self.base.join(&call.path).map_err(|e| ClientError::SetUp(e.to_string()))?;
        let request = self.http.request(call.method.clone(), url);
        if !call.needs_token {
            return Ok(request);
        }
        let token = self.token.as_ref().ok_or(ClientError::NoToken(call.action))?;
        Ok(request.bearer_auth(token.expose()))
    }

    /// Sends a request once; an answer that is no success becomes an error.
    async fn answer(&self, action: &'static str, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|e| self.failed(action, &e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::REQUEST_TIMEOUT {
            return Err(ClientError::TimedOut { action, url: self.base.to_string() });
        }
        let body = self.read(action, response, PROBLEM_LIMIT).await?;
        Err(error::refusal(action, status.as_u16(), &body))
    }

    /// Reads a body of at most `limit` bytes, whatever length it claims.
    async fn read(
        &self,
        action: &'static str,
        mut response: Response,
        limit: usize,
    ) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(action, &e))? {
            if bytes.len() + chunk.len() > limit {
                return Err(ClientError::TooLarge { action, limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn failed(&self, action: &'static str, error: &reqwest::Error) -> ClientError {
        let url = self.base.to_string();
        if error.is_timeout() {
            return ClientError::TimedOut { action, url };
        }
        if let Some(reason) = pin::certificate_fault(error) {
            return ClientError::Certificate { action, url, reason };
        }
        ClientError::Unreachable { action, url, reason: reason(error) }
    }
}

/// Returns whether an address names this machine.
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns the innermost cause: the outer ones only repeat that a request failed, with its address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
