//! Blobs that are written piece by piece, because they are too large to be held in memory.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::PathBuf,
};

use base::ids::{Digest, Digester};

use super::{Blobs, PARTIAL, rename_durably};

/// A blob that grows; it has no digest, and nobody sees it, before [`BlobWriter::finish`].
///
/// Dropped before, it leaves nothing behind; after a crash the service removes it a day later.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    partial: PathBuf,
    file: BufWriter<File>,
    digester: Digester,
}

impl Blobs {
    /// Begins a blob; blocks on the disk, as the writer does.
    pub fn begin(&self) -> io::Result<BlobWriter> {
        let partial = self.partial()?;
        let file = BufWriter::new(File::create_new(&partial)?);
        Ok(BlobWriter { blobs: self.clone(), partial, file, digester: Digester::default() })
    }

    /// Returns a new name for a file that is being written, in a folder that is there.
    pub(super) fn partial(&self) -> io::Result<PathBuf> {
        let mut unique = [0; 16];
        getrandom::fill(&mut unique).map_err(io::Error::other)?;
        let name = hex::encode(unique);
        let folder = self.folder.join(name.get(..2).unwrap_or_default());
        fs::create_dir_all(&folder)?;
        Ok(folder.join(name).with_extension(PARTIAL))
    }
}

impl BlobWriter {
    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digester.update(bytes);
        self.file.write_all(bytes)
    }

    /// Makes everything written durable under its digest; the same blob again changes nothing.
    pub fn finish(mut self) -> io::Result<Digest> {
        self.file.flush()?;
        let digest = self.digester.digest();
        let path = self.blobs.path(&digest);
        if !path.exists() {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            rename_durably(self.file.get_ref(), &self.partial, &path)?;
        }
        Ok(digest)
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After `finish` it has another name.
        let _ = fs::remove_file(&self.partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &std::path::Path) -> anyhow::Result<usize> {
        let mut files = 0;
        for inner in fs::read_dir(folder)? {
            files += fs::read_dir(inner?.path())?.count();
        }
        Ok(files)
    }

    #[tokio::test]
    async fn pieces_become_the_blob_that_they_are_together() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let blobs = Blobs::new(folder.path().to_owned());
        let mut writer = blobs.begin()?;
        writer.write(b"label ")?;
        writer.write(b"ciphertexts")?;
        assert!(blobs.list().await?.is_empty(), "nobody sees it before it is whole");
        let digest = writer.finish()?;
        assert_eq!(digest, Digest::of(b"label ciphertexts"));
        assert_eq!(blobs.get(digest).await?, b"label ciphertexts");

        // the same again, and one that is given up
        let mut again = blobs.begin()?;
        again.write(b"label ciphertexts")?;
        assert_eq!(again.finish()?, digest);
        let mut given_up = blobs.begin()?;
        given_up.write(b"label")?;
        drop(given_up);
        assert_eq!((blobs.list().await?, files(folder.path())?), (vec![digest], 1));
        Ok(())
    }
}
