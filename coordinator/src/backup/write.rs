//! Writing a backup while the service goes on.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base::{
    clock::Millis,
    ids::{Digest, Digester},
};
use protocol::transcript::Head;
use serde::Serialize;
use tar::{Builder, EntryType, Header};

use super::{
    BackupError, Manifest, at,
    manifest::{Entry, FORM, NAME},
};
use crate::storage::{Blobs, DATABASE, Storage, StorageError};

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct Written {
    /// The archive.
    pub file: PathBuf,
    /// Number of files in it.
    pub files: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Number of events of the transcript.
    pub events: u64,
    /// Digest of the last event.
    pub head: Digest,
}

/// Writes everything that a coordinator is to a new file of mode 0600.
pub async fn back_up(home: &Path, out: &Path, now: Millis) -> Result<Written, BackupError> {
    if !home.join(DATABASE).exists() {
        return Err(BackupError::NoCoordinator(home.to_owned()));
    }
    // Beside the blobs, so that they can be linked instead of copied.
    let stage = Stage::make(&home.join(format!("backup-{}.partial", std::process::id())))?;
    freeze(home, &stage.0).await?;
    let (federation, head) = describe(&stage.0).await?;
    let (home, out, stage_path) = (home.to_owned(), out.to_owned(), stage.0.clone());
    let pack = move || {
        let files = list(&home, &stage_path)?;
        let manifest = Manifest {
            form: FORM,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            written_at: now,
            federation,
            events: head.length,
            head: head.digest,
            files: files.iter().map(|(_, entry)| entry.clone()).collect(),
        };
        pack(&manifest, &files, &out)
    };
    let written = tokio::task::spawn_blocking(pack).await;
    drop(stage);
    written.unwrap_or_else(|e| Err(at(Path::new("backup"))(io::Error::other(e))))
}

/// A private folder that is removed when this is dropped.
struct Stage(PathBuf);

impl Stage {
    fn make(path: &Path) -> Result<Self, BackupError> {
        DirBuilder::new().mode(0o700).create(path).map_err(at(path))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What stays behind is named `.partial` and holds nothing that the folder above does not.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Copies the database and links the blobs at one moment: while nobody can commit, nothing is added or forgotten.
async fn freeze(home: &Path, stage: &Path) -> Result<(), BackupError> {
    let storage = Storage::inspect(home).await?;
    if storage.schema().await?.is_of_first_version() {
        return Err(StorageError::Older(home.to_owned()).into());
    }
    let turn = storage.write().await?;
    let outcome = async {
        storage.copy_to(&stage.join(DATABASE)).await?;
        let target = Blobs::new(stage.join("blobs"));
        for digest in storage.blobs().list().await? {
            let (from, to) = (storage.blobs().path(&digest), target.path(&digest));
            let folder = to.parent().unwrap_or(stage);
            std::fs::create_dir_all(folder).map_err(at(folder))?;
            std::fs::hard_link(&from, &to).map_err(at(&from))?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    drop(turn);
    outcome
}

/// Reads federation and head from the copy.
async fn describe(stage: &Path) -> Result<(Option<Digest>, Head), BackupError> {
    let storage = Storage::inspect(stage).await?;
    let mut tx = storage.read().await?;
    let replayed = tx.replay(|replay| (replay.federation(), replay.head())).await?;
    Ok(replayed.map_or((None, Head::EMPTY), |(federation, head)| (Some(federation), head)))
}

/// Lists what goes into the archive, with length and digest.
fn list(home: &Path, stage: &Path) -> Result<Vec<(PathBuf, Entry)>, BackupError> {
    let mut files = vec![(stage.join(DATABASE), DATABASE.to_owned())];
    let settings = home.join("coordinator.toml");
    files.extend(settings.exists().then(|| (settings, "coordinator.toml".to_owned())));
    for folder in ["secret", "tls"] {
        files.extend(below(&home.join(folder), folder)?);
    }
    let blobs = stage.join("blobs");
    for (folder, name) in below(&blobs, "blobs")? {
        files.extend(below(&folder, &name)?);
    }
    let entries = files.into_iter().map(|(path, name)| {
        let mut digester = Digester::default();
        let bytes = File::open(&path).and_then(|file| digester.read(file)).map_err(at(&path))?;
        Ok((path, Entry { path: name, bytes, sha256: digester.digest() }))
    });
    entries.collect()
}

/// Lists the entries of a folder, sorted, with the names they get; a missing folder has none.
fn below(folder: &Path, prefix: &str) -> Result<Vec<(PathBuf, String)>, BackupError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(at(folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(at(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".partial") {
            found.push((entry.path(), format!("{prefix}/{name}")));
        }
    }
    found.sort();
    Ok(found)
}

fn pack(manifest: &Manifest, files: &[(PathBuf, Entry)], out: &Path) -> Result<Written, BackupError> {
    let partial = out.with_extension("partial");
    let options = OpenOptions::new().create_new(true).write(true).mode(0o600).clone();
    if out.exists() {
        return Err(at(out)(io::Error::other("it is there already, and no backup is overwritten")));
    }
    let file = options.open(&partial).map_err(at(&partial))?;
    let written = write_all(manifest, files, file).and_then(|()| std::fs::rename(&partial, out));
    if written.is_err() {
        // The disk may be full: what was half written must not stay.
        let _ = std::fs::remove_file(&partial);
    }
    written.map_err(at(out))?;
    let bytes = files.iter().map(|(_, entry)| entry.bytes).sum();
    let Manifest { events, head, .. } = *manifest;
    Ok(Written { file: out.to_owned(), files: files.len(), bytes, events, head })
}

fn write_all(manifest: &Manifest, files: &[(PathBuf, Entry)], file: File) -> io::Result<()> {
    let mut archive = Builder::new(BufWriter::new(file));
    let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::other)?;
    archive.append_data(&mut header(text.len() as u64), NAME, text.as_slice())?;
    for (path, entry) in files {
        let content = io::Read::take(File::open(path)?, entry.bytes);
        archive.append_data(&mut header(entry.bytes), &entry.path, content)?;
    }
    let mut writer = archive.into_inner()?;
    writer.flush()?;
    writer.get_ref().sync_all()
}

fn header(bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    header
}
