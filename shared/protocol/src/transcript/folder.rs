//! A transcript in a folder, as `coordinator transcript export` writes it.

use std::path::{Path, PathBuf};

use super::{Archive, ArchiveError, BlobError, Blobs, Event};
use base::{identity::Signed, ids::Digest};

/// Name of the file of events in an export.
pub const EVENTS_FILE: &str = "transcript.bin";

/// Why a folder is not an export.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not a file of events.
    #[error("{path}: {source}")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ArchiveError,
    },
    /// The last event is torn off.
    #[error("{path}: the last event is torn off after {events} events: copy the file again")]
    Torn {
        /// The file.
        path: PathBuf,
        /// Whole events.
        events: usize,
    },
}

/// An export on disk: its events, and its blobs by digest.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The signed events in order.
    pub events: Vec<Signed<Event>>,
    blobs: PathBuf,
}

impl Folder {
    /// Opens an export by its folder or by the file of its events.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let file = if path.is_dir() { path.join(EVENTS_FILE) } else { path.to_owned() };
        let failed = |source| FolderError::File { path: file.clone(), source };
        let bytes = std::fs::read(&file).map_err(failed)?;
        let archive = Archive::read(&bytes);
        let archive = archive.map_err(|source| FolderError::Archive { path: file.clone(), source })?;
        if archive.whole != bytes.len() {
            return Err(FolderError::Torn { path: file, events: archive.events.len() });
        }
        let blobs = file.parent().unwrap_or(Path::new(".")).join("blobs");
        Ok(Self { events: archive.events, blobs })
    }
}

impl Folder {
    fn blob_file(&self, digest: Digest) -> PathBuf {
        self.blobs.join(digest.to_string())
    }
}

impl Blobs for Folder {
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError> {
        Ok(std::fs::read(self.blob_file(digest))?)
    }

    fn digest_of(&self, digest: Digest) -> Result<Digest, BlobError> {
        Ok(Digest::of_file(&self.blob_file(digest))?)
    }
}
