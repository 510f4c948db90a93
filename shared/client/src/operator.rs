//! The operator's verbs: any path of the API, in JSON or in raw bytes.

use std::time::Duration;

use protocol::wire::{RoundSummary, RoundsPage};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use super::{Call, Client, ClientError};

const ACTION: &str = "carry out the command";
/// Time for a request without a large body: some wait for a judgement.
const PATIENT: Duration = Duration::from_secs(60);
/// Time for an upload or a download.
const TRANSFER: Duration = Duration::from_secs(600);
/// Most bytes of an answer in JSON: the labels of a large round.
const JSON_LIMIT: usize = 256 << 20;
/// Most bytes of a download: the instances of a large round.
const DOWNLOAD_LIMIT: usize = 4 << 30;

fn call(method: Method, path: &str) -> Call {
    let mut call = Call::new(ACTION, method, format!("api/v1{path}"));
    (call.timeout, call.limit) = (PATIENT, JSON_LIMIT);
    call
}

fn transfer(method: Method, path: &str, body: Vec<u8>) -> Call {
    let mut call = call(method, path).bytes(body);
    call.timeout = TRANSFER;
    call
}

impl Client {
    /// Fetches a JSON document; `path` begins behind `/api/v1`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.json(call(Method::GET, path)).await
    }

    /// Posts a JSON document.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.json(call(Method::POST, path).json(body)?).await
    }

    /// Puts a JSON document.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.json(call(Method::PUT, path).json(body)?).await
    }

    /// Puts raw bytes.
    pub async fn put_bytes<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, ClientError> {
        self.json(transfer(Method::PUT, path, body)).await
    }

    /// Posts raw bytes.
    pub async fn post_bytes<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, ClientError> {
        self.json(transfer(Method::POST, path, body)).await
    }

    /// Fetches raw bytes.
    pub async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let mut call = call(Method::GET, path);
        (call.timeout, call.limit) = (TRANSFER, DOWNLOAD_LIMIT);
        self.send(call).await
    }

    /// Fetches one line about every round, oldest first, put together from its pages.
    pub async fn rounds(&self) -> Result<Vec<RoundSummary>, ClientError> {
        let mut page: RoundsPage = self.get("/rounds").await?;
        let mut rounds = page.rounds;
        while let Some(after) = page.next {
            page = self.get(&format!("/rounds?after={after}")).await?;
            rounds.append(&mut page.rounds);
        }
        Ok(rounds)
    }
}
