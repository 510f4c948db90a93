//! The operator's HTTP client; every request has a timer.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use shared::problem::{Code, Problem};

use super::Failure;
use crate::{home::operator_token_path, tls::AUTHORITY};

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

/// Is where the coordinator is, and who vouches for it.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// Its URL.
    pub url: &'a str,
    /// File of the one authority that may vouch for it; that of HOME by default, or else the system's.
    pub authority: Option<&'a Path>,
    /// Whether plain HTTP may leave this machine.
    pub insecure_http: bool,
}

impl Address<'_> {
    /// Makes an HTTP client that speaks to this address alone.
    pub(super) fn connect(&self, home: &Path) -> Result<reqwest::Client, Failure> {
        let is_https = self.url.starts_with("https://");
        if !is_https && !is_loopback(self.url) && !self.insecure_http {
            return Err(Failure::Usage(format!(
                "--url {} is plain http to another machine, where anyone on the way reads the token: use https, or name \
                 --insecure-http for a closed test network",
                self.url
            )));
        }
        let mut builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).no_proxy();
        // A redirect would carry the token to another address.
        builder = builder.redirect(reqwest::redirect::Policy::none());
        if let Some(path) = authority_file(home, self.authority).filter(|_| is_https) {
            let wrong = |e: &dyn std::fmt::Display| Failure::Usage(format!("{}: {e}", path.display()));
            let pem = std::fs::read(&path).map_err(|e| wrong(&e))?;
            let authority = reqwest::Certificate::from_pem(&pem).map_err(|e| wrong(&e))?;
            builder = builder.tls_certs_only([authority]);
        }
        builder.build().map_err(|e| Failure::Job(format!("no HTTP client: {e}")))
    }
}

/// Returns the file of the authority: the one named, or that of the data folder if it has one.
pub(super) fn authority_file(home: &Path, named: Option<&Path>) -> Option<PathBuf> {
    let own = || Some(home.join(AUTHORITY)).filter(|path| path.exists());
    named.map(Path::to_owned).or_else(own)
}

/// Tells whether an address names this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<reqwest::Url>() else { return false };
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Client {
    /// Makes a client; the token comes from the flag or from the data folder.
    pub fn new(address: &Address<'_>, token: Option<String>, home: &Path) -> Result<Self, Failure> {
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
        let base = address.url.trim_end_matches('/').to_owned();
        Ok(Self { http: address.connect(home)?, base, token: token.trim().to_owned() })
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
        // The outer causes only repeat that a request failed.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        ClientError::Unreachable { base: self.base.clone(), detail: cause.to_string() }
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
