//! Uploads: the coordinator says how much it has, and gets the rest part by part.

use std::{io::SeekFrom, path::Path};

use base::{ids::Digest, problem::Code};
use protocol::wire::{UPLOAD_CHUNK, UploadView};
use reqwest::{Method, header};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use super::{TransferError, Tries};
use crate::{Call, Client, ClientError, LONG};
use runtime::files::FileError;

const ACTION: &str = "store a blob";

impl Client {
    /// Uploads a file under its digest; what the coordinator has of it already is not sent again.
    ///
    /// `on_progress` gets the bytes that are there and all bytes. At most one part is in memory.
    pub async fn put_blob(
        &self,
        digest: Digest,
        path: &Path,
        mut on_progress: impl FnMut(u64, u64),
    ) -> Result<(), TransferError> {
        let mut file = File::open(path).await.map_err(FileError::io("open", path))?;
        let total = file.metadata().await.map_err(FileError::io("read", path))?.len();
        let mut view = self.upload(digest).await?;
        let mut tries = Tries::from(self.patience, view.received);
        while !view.complete && view.received < total {
            on_progress(view.received, total);
            let part = read_part(&mut file, view.received, path).await?;
            match self.put_part(digest, view.received, part).await {
                Ok(next) => view = next,
                // Whether the part arrived is unknown, or another sender was faster: the coordinator knows.
                Err(error) if error.is_transient() || error.code() == Some(Code::Conflict) => {
                    tries.again_after(error).await?;
                    view = self.upload(digest).await?;
                }
                Err(error) => return Err(error.into()),
            }
            tries.reached(view.received);
        }
        if !view.complete {
            let mut call = Call::new(ACTION, Method::POST, format!("api/v1/blobs/{digest}/upload/finish"));
            // The coordinator digests the whole blob before it answers.
            call.timeout = LONG;
            self.send(call).await?;
        }
        on_progress(total, total);
        Ok(())
    }

    /// Asks how far an upload is.
    async fn upload(&self, digest: Digest) -> Result<UploadView, ClientError> {
        self.json(Call::new(ACTION, Method::GET, format!("api/v1/blobs/{digest}/upload"))).await
    }

    /// Sends a part once; the answer must count it.
    async fn put_part(&self, digest: Digest, offset: u64, part: Vec<u8>) -> Result<UploadView, ClientError> {
        let call = Call::new(ACTION, Method::PUT, format!("api/v1/blobs/{digest}/upload/{offset}"));
        let end = offset + part.len() as u64;
        let request = self.request(&call)?.timeout(LONG);
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream").body(part);
        let response = self.answer(ACTION, request).await?;
        let bytes = self.read(ACTION, response, call.limit).await?;
        let malformed = |reason| ClientError::Malformed { action: ACTION, status: 200, reason };
        let view: UploadView = serde_json::from_slice(&bytes)
            .map_err(|error| malformed(format!("it is not the expected JSON: {error}")))?;
        if !view.complete && view.received < end {
            return Err(malformed(format!("it counts {} bytes after byte {end} was sent", view.received)));
        }
        Ok(view)
    }
}

/// Reads the part that begins at `offset`.
async fn read_part(file: &mut File, offset: u64, path: &Path) -> Result<Vec<u8>, FileError> {
    file.seek(SeekFrom::Start(offset)).await.map_err(FileError::io("read", path))?;
    let mut part = Vec::with_capacity(UPLOAD_CHUNK);
    let read = file.take(UPLOAD_CHUNK as u64).read_to_end(&mut part).await;
    read.map_err(FileError::io("read", path))?;
    if part.is_empty() {
        return Err(FileError::damaged(path, &format!("it ended at byte {offset} while it was sent")));
    }
    Ok(part)
}
