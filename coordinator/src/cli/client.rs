//! The operator's HTTP client; every request has a timer.

use std::{path::Path, time::Duration};

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use shared::problem::{Code, Problem};

use super::Failure;
use crate::home::operator_token_path;

/// Longest time for a request without a large body.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for an upload or download.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);

/// Talks to a running coordinator as its operator.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// Says why a request had no useful answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The coordinator said no.
    #[error("{0}")]
    Problem(Problem),
    /// The coordinator cannot be reached.
    #[error("no coordinator answers at {base}: {detail} (is `coordinator serve` running? is --url right?)")]
    Unreachable {
        /// Address tried.
        base: String,
        /// What went wrong.
        detail: String,
    },
    /// The answer took too long.
    #[error("the coordinator at {0} did not answer in time")]
    TimedOut(String),
    /// The answer is not of the expected form.
    #[error("the coordinator's answer cannot be read: {0} (are both of the same version?)")]
    Unreadable(String),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Problem(problem) => match problem.code {
                Code::Unauthorized | Code::Forbidden => Self::Connection(error.to_string()),
                Code::InvalidConfig | Code::InvalidInstances | Code::InvalidRequest => {
                    Self::Usage(error.to_string())
                }
                _ => Self::Job(error.to_string()),
            },
            ClientError::Unreachable { .. } => Self::Connection(error.to_string()),
            ClientError::TimedOut(_) => Self::TimedOut(error.to_string()),
            ClientError::Unreadable(_) => Self::Job(error.to_string()),
        }
    }
}

impl Client {
    /// Makes a client; the token comes from the flag or from the data folder.
    pub fn new(base: &str, token: Option<String>, home: &Path) -> Result<Self, Failure> {
        let path = operator_token_path(home);
        let token = match token {
            Some(token) => token,
            None => std::fs::read_to_string(&path).map_err(|e| {
                let path = path.display();
                Failure::Usage(format!(
                    "no operator's token: {path}: {e} (give --home of the coordinator, or PSEPHOS_TOKEN)"
                ))
            })?,
        };
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).no_proxy().build();
        let http = http.map_err(|e| Failure::Job(format!("no HTTP client: {e}")))?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { http, base, token: token.trim().to_owned() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1{path}", self.base);
        self.http.request(method, url).bearer_auth(&self.token).timeout(TIMEOUT)
    }

    fn failed(&self, error: &reqwest::Error) -> ClientError {
        if error.is_timeout() {
            return ClientError::TimedOut(self.base.clone());
        }
        if error.is_decode() || error.is_body() {
            return ClientError::Unreadable(error.to_string());
        }
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        ClientError::Unreachable { base: self.base.clone(), detail: cause }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|e| self.failed(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.map_err(|e| self.failed(&e))?;
        match serde_json::from_str(&text) {
            Ok(problem) => Err(ClientError::Problem(problem)),
            Err(_) if status == StatusCode::REQUEST_TIMEOUT => Err(ClientError::TimedOut(self.base.clone())),
            Err(_) => Err(ClientError::Unreadable(format!("status {status} without a problem document"))),
        }
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let bytes = response.bytes().await.map_err(|e| self.failed(&e))?;
        serde_json::from_slice(&bytes).map_err(|e| ClientError::Unreadable(e.to_string()))
    }

    /// Fetches a JSON document.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.send(self.request(Method::GET, path)).await?;
        self.json(response).await
    }

    /// Posts a JSON document.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let response = self.send(self.request(Method::POST, path).json(body)).await?;
        self.json(response).await
    }

    /// Puts a JSON document.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let response = self.send(self.request(Method::PUT, path).json(body)).await?;
        self.json(response).await
    }

    /// Puts raw bytes.
    pub async fn put_bytes<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, ClientError> {
        let request = self.request(Method::PUT, path).timeout(TRANSFER_TIMEOUT).body(body);
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// Posts raw bytes.
    pub async fn post_bytes<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, ClientError> {
        let request = self.request(Method::POST, path).timeout(TRANSFER_TIMEOUT).body(body);
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// Fetches raw bytes.
    pub async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let response = self.send(self.request(Method::GET, path).timeout(TRANSFER_TIMEOUT)).await?;
        Ok(response.bytes().await.map_err(|e| self.failed(&e))?.into())
    }
}
