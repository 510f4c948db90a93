//! Downloads: from the byte where the last one stopped, until everything has its digest.

use std::path::Path;

use base::ids::Digest;
use reqwest::{Method, Response, StatusCode, header};

use super::{
    TransferError, Tries,
    part::{Part, blocking},
};
use crate::{Call, Client, ClientError};
use runtime::files::digest_of;

impl Client {
    /// Downloads a blob to a file, unless the file has its digest already; a broken download goes on where it
    /// stopped, now and after a restart. Only one download to a file may run at a time.
    ///
    /// More than `limit` bytes are never taken. The time limit is for the next bytes, not for the whole.
    /// `on_progress` gets the bytes that are there and all bytes. Bytes with another digest are deleted.
    pub async fn get_blob(
        &self,
        digest: Digest,
        limit: u64,
        to: &Path,
        mut on_progress: impl FnMut(u64, u64),
    ) -> Result<(), TransferError> {
        if blocking(to, digest_of).await? == Some(digest) {
            return Ok(());
        }
        let mut part = Part::open(to).await?;
        if part.length() > limit {
            part.restart().await?;
        }
        let mut tries = Tries::from(self.patience, part.length());
        while part.digest() != digest {
            let error = match self.get_rest(digest, limit, &mut part, &mut on_progress).await {
                Ok(()) => break,
                Err(TransferError::Client(error)) => error,
                Err(error) => return Err(error),
            };
            tries.reached(part.length());
            if error.status() == Some(RANGE_NOT_SATISFIABLE) && part.length() > 0 {
                // The blob has no bytes after these, so these are not its first ones.
                part.restart().await?;
            } else if matches!(error, ClientError::TooLarge { .. }) {
                part.remove()?;
                return Err(error.into());
            } else if !error.is_transient() {
                return Err(error.into());
            }
            tries.again_after(error).await?;
        }
        let found = part.digest();
        if found != digest {
            part.remove()?;
            return Err(TransferError::Digest { expected: digest, found });
        }
        Ok(part.keep(to).await?)
    }

    /// Asks once for everything after the part, and adds to it what comes.
    async fn get_rest(
        &self,
        digest: Digest,
        limit: u64,
        part: &mut Part,
        on_progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), TransferError> {
        let action = "serve a blob";
        let mut request = self.request(&Call::new(action, Method::GET, format!("api/v1/blobs/{digest}")))?;
        if part.length() > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", part.length()));
            request = request.header(header::IF_RANGE, format!("\"{digest}\""));
        }
        let mut response = self.in_time(action, self.answer(action, request)).await?;
        let total = total_of(action, &response, part.length())?;
        if response.status() == StatusCode::OK && part.length() > 0 {
            // It sends everything, whatever it was asked for.
            part.restart().await?;
        }
        let too_large = ClientError::TooLarge { action, limit: usize::try_from(limit).unwrap_or(usize::MAX) };
        if total.is_some_and(|total| total > limit) {
            return Err(too_large.into());
        }
        loop {
            on_progress(part.length(), total.unwrap_or(part.length()));
            let next = async { response.chunk().await.map_err(|e| self.failed(action, &e)) };
            let Some(bytes) = self.in_time(action, next).await? else { break };
            if part.length().saturating_add(bytes.len() as u64) > limit {
                return Err(too_large.into());
            }
            part.write(&bytes).await?;
        }
        match total {
            Some(total) if part.length() < total => {
                let reason = format!("the answer ended at byte {} of {total}", part.length());
                Err(ClientError::Unreachable { action, url: self.base.to_string(), reason }.into())
            }
            _ => Ok(()),
        }
    }

    /// Waits for an answer, or the next bytes of it, no longer than a download may stall.
    async fn in_time<T>(
        &self,
        action: &'static str,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let timed_out = |_| ClientError::TimedOut { action, url: self.base.to_string() };
        tokio::time::timeout(self.stall, work).await.map_err(timed_out)?
    }
}

const RANGE_NOT_SATISFIABLE: u16 = StatusCode::RANGE_NOT_SATISFIABLE.as_u16();

/// Returns the length of the whole blob if the answer tells it; refuses a range that does not begin at `offset`.
fn total_of(action: &'static str, response: &Response, offset: u64) -> Result<Option<u64>, ClientError> {
    let malformed = |reason| ClientError::Malformed { action, status: response.status().as_u16(), reason };
    match response.status() {
        StatusCode::OK => Ok(response.content_length()),
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
            match range.and_then(parse_range) {
                Some((start, total)) if start == offset => Ok(total),
                _ => Err(malformed(format!(
                    "its content-range is {range:?}, bytes from {offset} on were asked for"
                ))),
            }
        }
        _ => Err(malformed("neither the blob nor a range of it".to_owned())),
    }
}

/// Reads "bytes START-END/TOTAL" into start and total; the total may be unknown, "*".
fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.parse().ok()?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((start, total))
}
