//! Blobs: artefacts in a folder, named by their SHA-256 digest.

mod uploads;
mod writer;

pub use uploads::UploadError;
pub use writer::BlobWriter;

use std::{
    io,
    path::{Path, PathBuf},
};

use base::ids::Digest;
use protocol::transcript::{self, BlobError};

use super::StorageError;

/// Extension of a file that is being written.
const PARTIAL: &str = "partial";

type Result<T, E = StorageError> = std::result::Result<T, E>;

/// The folder of blobs; what it returns always has the digest asked for.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
    turns: uploads::Turns,
}

impl Blobs {
    /// Uses a folder; it is created with the first blob.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, turns: uploads::Turns::default() }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns where a blob lies, for streaming it; whoever reads the file checks its digest.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.folder.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Lists every whole blob on the disk.
    pub async fn list(&self) -> Result<Vec<Digest>> {
        let folder = self.folder.clone();
        let failed = |source| StorageError::Leftovers { path: PathBuf::from("blobs"), source };
        blocking(move || list(&folder).map_err(failed)).await
    }

    /// Stores bytes durably and returns their digest; storing the same bytes again changes nothing.
    pub async fn put(&self, bytes: Vec<u8>) -> Result<Digest> {
        let this = self.clone();
        blocking(move || {
            let digest = Digest::of(&bytes);
            if this.path(&digest).exists() {
                return Ok(digest);
            }
            let write = || {
                let mut writer = this.begin()?;
                writer.write(&bytes)?;
                writer.finish()
            };
            write().map_err(|source| StorageError::Blob { digest, source })
        })
        .await
    }

    /// Loads a blob and checks that it still has its digest.
    pub async fn get(&self, digest: Digest) -> Result<Vec<u8>> {
        let path = self.path(&digest);
        blocking(move || {
            let bytes = std::fs::read(path).map_err(|source| StorageError::Blob { digest, source })?;
            if Digest::of(&bytes) != digest {
                return Err(StorageError::BlobChanged(digest));
            }
            Ok(bytes)
        })
        .await
    }

    /// Returns whether a blob is there.
    pub async fn has(&self, digest: Digest) -> Result<bool> {
        Ok(self.size(digest).await?.is_some())
    }

    /// Returns the length of a blob in bytes; `None` if it is not there.
    pub async fn size(&self, digest: Digest) -> Result<Option<u64>> {
        let path = self.path(&digest);
        blocking(move || length_of(&path).map_err(|source| StorageError::Blob { digest, source })).await
    }
}

impl transcript::Blobs for Blobs {
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError> {
        Ok(std::fs::read(self.path(&digest))?)
    }

    fn digest_of(&self, digest: Digest) -> Result<Digest, BlobError> {
        Ok(Digest::of_file(&self.path(&digest))?)
    }
}

/// Lists the files below a folder that are named by a digest.
fn list(folder: &Path) -> io::Result<Vec<Digest>> {
    let mut digests = Vec::new();
    let folders = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(digests),
        folders => folders?,
    };
    for inner in folders {
        let inner = inner?;
        if inner.file_type()?.is_dir() {
            for file in std::fs::read_dir(inner.path())? {
                digests.extend(file?.file_name().to_str().and_then(|name| name.parse::<Digest>().ok()));
            }
        }
    }
    digests.sort_unstable();
    Ok(digests)
}

/// Syncs a written file, gives it its final name, and syncs the folder that lists it and the one above.
fn rename_durably(file: &std::fs::File, from: &Path, to: &Path) -> io::Result<()> {
    file.sync_all()?;
    std::fs::rename(from, to)?;
    for folder in to.ancestors().skip(1).take(2) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Returns a file's length in bytes; `None` if it is not there.
fn length_of(path: &Path) -> io::Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs file work off the async threads.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(lost) => Err(StorageError::from(lost).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_blob_that_was_changed_on_disk_is_never_returned() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let blobs = Blobs::new(folder.path().to_owned());
        let digest = blobs.put(b"ballot".to_vec()).await?;
        assert_eq!(blobs.put(b"ballot".to_vec()).await?, digest);
        assert_eq!(blobs.get(digest).await?, b"ballot");

        std::fs::write(blobs.path(&digest), b"bullet")?;
        assert!(matches!(blobs.get(digest).await, Err(StorageError::BlobChanged(d)) if d == digest));
        let unknown = Digest::of(b"never stored");
        assert!(matches!(blobs.get(unknown).await, Err(StorageError::Blob { .. })));
        Ok(())
    }
}
