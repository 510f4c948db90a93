//! Uploads: blobs that come in parts, kept beside their final place until they have their digest.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use base::{
    clock::Millis,
    ids::{Digest, Digester},
};
use tokio::sync::Mutex as TurnMutex;

use super::{Blobs, PARTIAL, Result, StorageError, blocking, length_of, rename_durably};

/// Why a part was not taken or an upload not finished.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The part does not continue what is there.
    #[error(
        "{length} bytes of blob {digest} are there, the part begins at {offset}: ask \
         GET /api/v1/blobs/{digest}/upload and go on from there"
    )]
    Offset {
        /// The blob.
        digest: Digest,
        /// Where the part begins.
        offset: u64,
        /// How many bytes are there.
        length: u64,
    },
    /// The parts together are another blob; they are deleted.
    #[error(
        "the {length} bytes that came have digest {found}, the path says {digest}: they were deleted, send \
         the blob again from offset 0"
    )]
    Digest {
        /// The blob that was announced.
        digest: Digest,
        /// Digest of what came.
        found: Digest,
        /// How many bytes came.
        length: u64,
    },
    /// The disk cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Gives everyone who changes an upload its turn, one at a time for each digest; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Digest, Arc<TurnMutex<()>>>>>);

impl Turns {
    fn of(&self, digest: Digest) -> Arc<TurnMutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Copies are made under this lock alone: who has none, holds no turn and waits for none.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(digest).or_default())
    }
}

/// Extension of the part of a blob that somebody sends.
const PART: &str = "part";
/// How long an upload may rest before the next start removes it.
const STALE: Duration = Duration::from_secs(24 * 3600);

impl Blobs {
    /// Returns how many bytes of an unfinished upload are there; 0 if there is none.
    pub async fn upload_length(&self, digest: Digest) -> Result<u64> {
        let part = self.part(digest);
        blocking(move || Ok(length_of(&part).map_err(at(digest))?.unwrap_or(0))).await
    }

    /// Adds the bytes from `offset` on and returns how many are there then; refuses every offset but the
    /// present length. To a blob that is there already nothing is added.
    pub async fn append(&self, digest: Digest, offset: u64, chunk: Vec<u8>) -> Result<u64, UploadError> {
        let (path, part) = (self.path(&digest), self.part(digest));
        // The guard goes along to the disk: a request that is given up must not let the next one in between.
        let turn = self.turns.of(digest).lock_owned().await;
        blocking(move || {
            let _turn = turn;
            if let Some(length) = length_of(&path).map_err(at(digest))? {
                return Ok(length);
            }
            let length = length_of(&part).map_err(at(digest))?.unwrap_or(0);
            if offset != length {
                return Err(UploadError::Offset { digest, offset, length });
            }
            append_to(&part, length, &chunk).map_err(at(digest))?;
            Ok(length + chunk.len() as u64)
        })
        .await
    }

    /// Checks the digest of everything that came and makes it a blob; parts with another digest are deleted.
    /// A blob that is there already is left as it is.
    pub async fn finish(&self, digest: Digest) -> Result<(), UploadError> {
        let (path, part) = (self.path(&digest), self.part(digest));
        let turn = self.turns.of(digest).lock_owned().await;
        blocking(move || {
            let _turn = turn;
            if length_of(&path).map_err(at(digest))?.is_some() {
                return Ok(());
            }
            finish_part(digest, &part, &path)
        })
        .await
    }

    /// Removes parts that nobody added to for a day, and returns how many; for the start of the service.
    pub async fn remove_stale_parts(&self, now: Millis) -> Result<usize> {
        let folder = self.folder.clone();
        blocking(move || remove_stale(&folder, now)).await
    }

    fn part(&self, digest: Digest) -> PathBuf {
        self.path(&digest).with_extension(PART)
    }
}

fn at(digest: Digest) -> impl Fn(io::Error) -> StorageError {
    move |source| StorageError::Blob { digest, source }
}

fn append_to(part: &Path, length: u64, chunk: &[u8]) -> io::Result<()> {
    if let Some(folder) = part.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().append(true).create(true).open(part)?;
    let written = file.write_all(chunk);
    if written.is_err() {
        // The disk may be full: half a part would stand in the way of sending it again.
        let _ = file.set_len(length);
    }
    written
}

fn finish_part(digest: Digest, part: &Path, path: &Path) -> Result<(), UploadError> {
    // A blob of no bytes has no parts.
    append_to(part, 0, &[]).map_err(at(digest))?;
    let file = fs::File::open(part).map_err(at(digest))?;
    let mut digester = Digester::default();
    let length = digester.read(&file).map_err(at(digest))?;
    let found = digester.digest();
    if found != digest {
        fs::remove_file(part).map_err(at(digest))?;
        return Err(UploadError::Digest { digest, found, length });
    }
    Ok(rename_durably(&file, part, path).map_err(at(digest))?)
}

/// Walks the folders of blobs; what is no part is left alone.
fn remove_stale(folder: &Path, now: Millis) -> Result<usize> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StorageError::Leftovers { path, source }
    };
    let shelves = match fs::read_dir(folder) {
        Ok(shelves) => shelves,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(folder)(error)),
    };
    let mut removed = 0;
    for shelf in shelves {
        let shelf = shelf.map_err(failed(folder))?.path();
        if !shelf.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&shelf).map_err(failed(&shelf))? {
            let path = entry.map_err(failed(&shelf))?.path();
            if is_stale_part(&path, now).map_err(failed(&path))? {
                fs::remove_file(&path).map_err(failed(&path))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn is_stale_part(path: &Path, now: Millis) -> io::Result<bool> {
    if !path.extension().is_some_and(|extension| extension == PART || extension == PARTIAL) {
        return Ok(false);
    }
    let changed = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    Ok(now.saturating_sub(changed) > STALE)
}

#[cfg(test)]
mod tests;
