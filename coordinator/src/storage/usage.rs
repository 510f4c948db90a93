//! How much lies on disk.

use std::path::Path;

use super::Storage;

/// How much lies on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of the database with its log.
    pub database_bytes: u64,
    /// Number of blobs.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Bytes that are free on the disk, as far as the system says.
    pub free_bytes: Option<u64>,
}

impl Storage {
    /// Measures what lies on disk; files that come or go meanwhile may be missed.
    pub async fn usage(&self) -> Usage {
        let folder = self.blobs().folder().to_owned();
        let measured = tokio::task::spawn_blocking(move || measure(&folder));
        measured.await.unwrap_or_default()
    }
}

fn measure(blobs: &Path) -> Usage {
    let home = blobs.parent().unwrap_or(blobs);
    let files = ["coordinator.sqlite", "coordinator.sqlite-wal", "coordinator.sqlite-shm"];
    let size = |name| std::fs::metadata(home.join(name)).map_or(0, |file| file.len());
    let mut usage = Usage { database_bytes: files.into_iter().map(size).sum(), ..Usage::default() };
    for shelf in std::fs::read_dir(blobs).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(shelf.path()).into_iter().flatten().flatten() {
            let Ok(meta) = file.metadata() else { continue };
            usage.blobs += u64::from(meta.is_file());
            usage.blob_bytes += meta.len();
        }
    }
    let disk = rustix::fs::statvfs(home).ok();
    usage.free_bytes = disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    usage
}
