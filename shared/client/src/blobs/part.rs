//! The part of a download that is there, beside the place where the whole will be.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base::ids::{Digest, Digester};
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
};

use runtime::files::{Access, FileError, make_folder, remove_if_there, sync_folder_of};

/// First bytes of a blob, on disk and digested.
pub(super) struct Part {
    file: File,
    path: PathBuf,
    digester: Digester,
    length: u64,
}

impl Part {
    /// Opens the part of an earlier download, or begins one.
    pub(super) async fn open(to: &Path) -> Result<Self, FileError> {
        let mut name = to.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        let (file, digester, length) = blocking(&path, |path| {
            make_folder(path.parent().unwrap_or(Path::new(".")), Access::Public)?;
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).mode(Access::Public.mode());
            let file = options.open(path).map_err(FileError::io("open", path))?;
            let mut digester = Digester::default();
            let length = digester.read(&file).map_err(FileError::io("read", path))?;
            Ok((file, digester, length))
        })
        .await?;
        Ok(Self { file: File::from_std(file), path, digester, length })
    }

    /// Returns the number of bytes that are there.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Returns the digest of what is there.
    pub(super) fn digest(&self) -> Digest {
        self.digester.digest()
    }

    /// Adds the next bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.write_all(bytes).await.map_err(FileError::io("write", &self.path))?;
        self.file.flush().await.map_err(FileError::io("write", &self.path))?;
        self.digester.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forgets everything, to begin at the first byte.
    pub(super) async fn restart(&mut self) -> Result<(), FileError> {
        self.file.set_len(0).await.map_err(FileError::io("truncate", &self.path))?;
        self.file.rewind().await.map_err(FileError::io("truncate", &self.path))?;
        self.digester = Digester::default();
        self.length = 0;
        Ok(())
    }

    /// Removes the file.
    pub(super) fn remove(self) -> Result<(), FileError> {
        remove_if_there(&self.path)
    }

    /// Moves the whole blob to its name, durably.
    pub(super) async fn keep(self, to: &Path) -> Result<(), FileError> {
        self.file.sync_all().await.map_err(FileError::io("sync", &self.path))?;
        let from = self.path;
        blocking(to, move |to| {
            fs::rename(&from, to).map_err(FileError::io("rename to", to))?;
            sync_folder_of(to)
        })
        .await
    }
}

/// Runs work on a file off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    let owned = path.to_owned();
    match tokio::task::spawn_blocking(move || work(&owned)).await {
        Ok(result) => result,
        Err(stopped) => Err(FileError::io("use", path)(io::Error::other(stopped))),
    }
}
