//! Backup and restore of a whole coordinator: database, blobs, secrets, certificates and settings in one archive.
//!
//! ```text
//! manifest.json        version, federation, head of the transcript, and length and digest of everything below
//! coordinator.sqlite   a consistent copy
//! coordinator.toml     settings, if there are any
//! secret/, tls/        identity, operator's token, keys and certificates
//! blobs/               artefacts by digest
//! ```

mod manifest;
mod restore;
mod write;

use std::path::{Path, PathBuf};

pub use manifest::Manifest;
pub use restore::{Restored, restore};
pub use write::{Written, back_up};

use crate::storage::StorageError;

/// Why a backup cannot be written or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be used.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// There is no coordinator in the folder.
    #[error("{path} holds no coordinator: give its data folder with --home", path = .0.display())]
    NoCoordinator(PathBuf),
    /// The place to restore to is in use.
    #[error("{path} is not empty: a restore never overwrites; choose another --home", path = .0.display())]
    NotEmpty(PathBuf),
    /// The archive is not what this program writes.
    #[error("{path} is no whole backup: {detail}; nothing was restored, take another", path = path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The first version of this program wrote the archive.
    #[error("{path} was written by Psephos 0.1, and only that version restores it", path = .0.display())]
    Older(PathBuf),
    /// The database cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Names a file in an error of the file system.
fn at(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}

#[cfg(test)]
mod tests;
