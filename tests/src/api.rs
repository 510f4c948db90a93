//! A plain HTTP client, for stories that send what no program of ours would send.

use std::time::Duration;

use anyhow::Context as _;
use base::problem::{Code, MEDIA_TYPE, Problem};
use reqwest::{
    Method, RequestBuilder,
    header::{CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH},
};
use serde::{Serialize, de::DeserializeOwned};

/// Client of one coordinator; every request has a timer.
#[derive(Debug)]
pub struct Api {
    base: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type, or nothing.
    pub media_type: String,
    /// Entity tag, or nothing.
    pub tag: String,
    /// Body.
    pub body: Vec<u8>,
}

impl Api {
    /// Makes a client for the coordinator at `base`, such as `http://127.0.0.1:7400`.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        Self::with(base, reqwest::Client::builder())
    }

    /// Makes a client that trusts this authority (PEM) alone.
    pub fn trusting(base: &str, authority: &[u8]) -> anyhow::Result<Self> {
        let authority = reqwest::Certificate::from_pem(authority)?;
        Self::with(base, reqwest::Client::builder().tls_certs_only([authority]))
    }

    fn with(base: &str, builder: reqwest::ClientBuilder) -> anyhow::Result<Self> {
        let client = builder.timeout(Duration::from_secs(60)).no_proxy().build()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { base: base.to_owned(), client, runtime })
    }

    /// Sends one request and returns whatever comes back; `path` begins behind `/api/v1`.
    pub fn send(
        &self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let mut request =
            self.client.request(method.clone(), format!("{}/api/v1{path}", self.base)).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.answer(request, &format!("{method} {path}"))
    }

    fn answer(&self, request: RequestBuilder, what: &str) -> anyhow::Result<Answer> {
        self.runtime.block_on(async {
            let response = request.send().await.with_context(|| what.to_owned())?;
            let word = |name: HeaderName| {
                let value = response.headers().get(name).and_then(|value| value.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            let (status, media_type, tag) = (response.status().as_u16(), word(CONTENT_TYPE), word(ETAG));
            Ok(Answer { status, media_type, tag, body: response.bytes().await?.to_vec() })
        })
    }

    /// Fetches a path that lies beside `/api/v1`.
    pub fn beside(&self, path: &str, token: Option<&str>) -> anyhow::Result<Answer> {
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.answer(request, path)
    }

    /// Fetches a path unless it still has the entity tag that came with it before.
    pub fn get_unless(&self, path: &str, token: &str, tag: &str) -> anyhow::Result<Answer> {
        let request = self.client.get(format!("{}/api/v1{path}", self.base)).bearer_auth(token);
        self.answer(request.header(IF_NONE_MATCH, tag), path)
    }

    /// Fetches a path.
    pub fn get(&self, path: &str, token: &str) -> anyhow::Result<Answer> {
        self.send(&Method::GET, path, Some(token), Vec::new())
    }

    /// Puts raw bytes.
    pub fn put(&self, path: &str, token: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
        self.send(&Method::PUT, path, Some(token), body)
    }

    /// Posts a JSON document.
    pub fn post(&self, path: &str, token: &str, body: &impl Serialize) -> anyhow::Result<Answer> {
        self.send(&Method::POST, path, Some(token), serde_json::to_vec(body)?)
    }

    /// Returns whether the coordinator answers.
    pub fn is_healthy(&self) -> bool {
        let request = self.client.get(format!("{}/healthz", self.base)).timeout(Duration::from_secs(2));
        self.runtime
            .block_on(async { request.send().await.is_ok_and(|response| response.status().is_success()) })
    }
}

impl Answer {
    /// Reads a successful answer as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let text = String::from_utf8_lossy(&self.body);
        anyhow::ensure!((200..300).contains(&self.status), "status {}: {text}", self.status);
        serde_json::from_slice(&self.body).with_context(|| format!("not the expected JSON: {text}"))
    }

    /// Reads a refusal: a problem document whose status is that of the answer.
    pub fn problem(&self) -> anyhow::Result<Problem> {
        let text = String::from_utf8_lossy(&self.body);
        anyhow::ensure!(self.media_type == MEDIA_TYPE, "status {}, {}: {text}", self.status, self.media_type);
        let problem: Problem = serde_json::from_slice(&self.body).with_context(|| text.into_owned())?;
        anyhow::ensure!(problem.status == self.status, "{problem} with status {}", self.status);
        Ok(problem)
    }

    /// Returns the code of a refusal.
    pub fn code(&self) -> anyhow::Result<Code> {
        Ok(self.problem()?.code)
    }
}
