//! Restoring a backup to a folder that is empty: everything is checked before it becomes a data folder.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, BufReader, Read},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base::ids::Digest;
use protocol::transcript::Head;
use serde::Serialize;
use tar::{Archive, EntryType};

use super::{
    BackupError, Manifest, at,
    manifest::{Entry, FORM, LARGEST, NAME},
};
use crate::{
    home::{Home, HomeError},
    storage::Storage,
};

/// What was restored.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The new data folder.
    pub home: PathBuf,
    /// What the backup says of itself; its files are left out.
    pub written_at: base::clock::Millis,
    /// Hash of the federation, if one was founded.
    pub federation: Option<Digest>,
    /// Number of files.
    pub files: usize,
    /// Number of events of the transcript.
    pub events: u64,
    /// Digest of the last event.
    pub head: Digest,
}

/// Restores a backup to a new data folder; a folder that holds anything is refused.
pub async fn restore(file: &Path, home: &Path) -> Result<Restored, BackupError> {
    if std::fs::read_dir(home).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::NotEmpty(home.to_owned()));
    }
    let stage = PathBuf::from(format!("{}.partial", home.display()));
    if stage.exists() {
        return Err(BackupError::NotEmpty(stage));
    }
    let outcome = fill(file, &stage).await;
    let outcome = outcome.and_then(|manifest| {
        std::fs::rename(&stage, home).map_err(at(home))?;
        Ok(manifest)
    });
    if outcome.is_err() {
        // Nothing that was not checked to its end stays behind.
        let _ = std::fs::remove_dir_all(&stage);
    }
    let Manifest { written_at, federation, events, head, files, .. } = outcome?;
    Ok(Restored { home: home.to_owned(), written_at, federation, files: files.len(), events, head })
}

async fn fill(file: &Path, stage: &Path) -> Result<Manifest, BackupError> {
    let (from, to) = (file.to_owned(), stage.to_owned());
    let unpacked = tokio::task::spawn_blocking(move || unpack(&from, &to)).await;
    let manifest = unpacked.unwrap_or_else(|e| Err(at(file)(io::Error::other(e))))?;
    check(file, stage, &manifest).await?;
    Ok(manifest)
}

/// Unpacks exactly what the manifest lists, in its order, each with its length and digest.
fn unpack(file: &Path, stage: &Path) -> Result<Manifest, BackupError> {
    let damaged = |detail: String| BackupError::Damaged { path: file.to_owned(), detail };
    let reader = BufReader::new(File::open(file).map_err(at(file))?);
    let mut archive = Archive::new(reader);
    let mut entries = archive.entries().map_err(at(file))?.raw(true);
    let manifest = first(entries.next()).map_err(damaged)?;
    if manifest.form < FORM {
        return Err(BackupError::Older(file.to_owned()));
    }
    if manifest.form != FORM {
        return Err(damaged(format!("its form is {}, this program reads {FORM}", manifest.form)));
    }
    for folder in [stage.to_owned(), stage.join("secret")] {
        DirBuilder::new().mode(0o700).create(&folder).map_err(at(&folder))?;
    }
    for expected in &manifest.files {
        if !expected.is_expected() {
            return Err(damaged(format!("it lists {:?}, which no backup holds", expected.path)));
        }
        let entry = entries.next().ok_or_else(|| damaged(format!("{} is missing", expected.path)))?;
        let mut entry = entry.map_err(|e| damaged(e.to_string()))?;
        let is_it = entry.path_bytes() == expected.path.as_bytes()
            && entry.size() == expected.bytes
            && entry.header().entry_type() == EntryType::Regular;
        if !is_it {
            return Err(damaged(format!("{} is not what the manifest lists", expected.path)));
        }
        let found = copy(&mut entry, expected, stage)?;
        if found != expected.sha256 {
            return Err(damaged(format!(
                "{} has digest {found}, the manifest says {}",
                expected.path, expected.sha256
            )));
        }
    }
    match entries.next() {
        None => Ok(manifest),
        Some(_) => Err(damaged("it holds more than its manifest lists".to_owned())),
    }
}

/// Reads the manifest, which comes first.
fn first<R: Read>(entry: Option<io::Result<tar::Entry<'_, R>>>) -> Result<Manifest, String> {
    let entry = entry.ok_or("it is empty")?.map_err(|e| e.to_string())?;
    if *entry.path_bytes() != *NAME.as_bytes() || entry.size() > LARGEST {
        return Err(format!("it does not begin with {NAME}"));
    }
    serde_json::from_reader(entry).map_err(|e| format!("{NAME}: {e}"))
}

fn copy(entry: &mut impl Read, expected: &Entry, stage: &Path) -> Result<Digest, BackupError> {
    let path = stage.join(&expected.path);
    let folder = path.parent().unwrap_or(stage);
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let mode = if expected.is_secret() { 0o600 } else { 0o644 };
    let options = OpenOptions::new().create_new(true).write(true).mode(mode).clone();
    let mut file = options.open(&path).map_err(at(&path))?;
    io::copy(entry, &mut file).and_then(|_| file.sync_all()).map_err(at(&path))?;
    // What lies on the disk is digested, not what was read.
    Digest::of_file(&path).map_err(at(&path))
}

/// Migrates the database and follows the whole transcript, which must end as the manifest says.
async fn check(file: &Path, stage: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let damaged = |detail: String| BackupError::Damaged { path: file.to_owned(), detail };
    let identity = Home::open(stage).and_then(|home| home.identity());
    let identity = identity.map_err(|e: HomeError| damaged(e.to_string()))?.public();
    let storage = Storage::open(stage).await?;
    let mut tx = storage.read().await?;
    let ask =
        |replay: &protocol::transcript::Replay| (replay.head(), replay.coordinator(), replay.artefacts());
    let replayed = tx.replay(ask).await?;
    let head = replayed.as_ref().map_or(Head::EMPTY, |(head, ..)| *head);
    if (head.length, head.digest) != (manifest.events, manifest.head) {
        return Err(damaged(format!(
            "its transcript ends with {}, the manifest says {}",
            head.digest, manifest.head
        )));
    }
    let Some((_, coordinator, artefacts)) = replayed else { return Ok(()) };
    if coordinator != identity {
        return Err(damaged("its identity is not the one that signed its transcript".to_owned()));
    }
    for artefact in artefacts {
        if !storage.blobs().has(artefact.digest).await? {
            return Err(damaged(format!("the {} {} is missing", artefact.what, artefact.digest)));
        }
    }
    Ok(())
}
