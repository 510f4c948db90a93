//! How much room the storage takes on the disk.

use std::{io, path::Path};

use super::{Result, Storage, StorageError};

/// Is the room that the storage takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// The database with its write-ahead log.
    pub database: u64,
    /// The blobs, unfinished uploads included.
    pub blobs: u64,
}

impl Storage {
    /// Measures the room on the disk; what is removed meanwhile counts as nothing.
    pub async fn size(&self) -> Result<Size> {
        let (database, blobs) = (self.database.clone(), self.blobs().folder().to_owned());
        let measured = tokio::task::spawn_blocking(move || {
            let files = ["", "-wal", "-shm"].map(|end| {
                let mut name = database.clone().into_os_string();
                name.push(end);
                length(Path::new(&name))
            });
            Size { database: files.iter().sum(), blobs: folder(&blobs) }
        });
        measured.await.map_err(|_| StorageError::unreadable("size: the task that measured it was stopped"))
    }
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// Adds up the files of a folder and of those in it; links are not followed.
fn folder(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().map_while(io::Result::ok);
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
