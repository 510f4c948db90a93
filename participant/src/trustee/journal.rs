//! A journal: entries appended durably, each checked against all before it, so that what was promised is never forgotten.
//!
//! Every entry fills one frame of 128 bytes: its length, its canonical bytes, zeros, the first bytes of the digest
//! of everything so far, and a mark. A crash can tear the last frame only: that one is cut off, since nothing that rests
//! on it was sent. Any other damage is refused, because a shorter journal would promise less than was said.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base::ids::{Digest, canonical};
use borsh::{BorshDeserialize, BorshSerialize};
use runtime::files::{Access, FileError, make_folder, read_if_there, refuse_exposed, sync_folder_of};

/// Bytes of one entry in the file; sectors and pages hold whole frames, so that a crash leaves one whole or without its end.
const FRAME: usize = 128;
/// Bytes of the digest in a frame.
const CHECK: usize = 16;
/// The last byte of a whole frame: a tail that a power cut filled with zeros lacks it.
const MARK: u8 = 0xa5;
/// Most bytes of an entry.
const ROOM: usize = FRAME - 1 - CHECK - 1;

const REMEDY: &str = "what it promised cannot be known any more: never sign from this home again before the other \
                      trustees have said what they saw it sign";

/// A file of entries of one kind.
pub struct Journal<E> {
    path: PathBuf,
    file: File,
    entries: Vec<E>,
    /// Digest of everything before the next entry.
    before: Digest,
}

impl<E: fmt::Debug> fmt::Debug for Journal<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).field("entries", &self.entries).finish()
    }
}

impl<E: BorshSerialize + BorshDeserialize> Journal<E> {
    /// Opens a journal, or makes it; `name` says whose it is, and a file of another name is refused.
    ///
    /// # Errors
    /// Refuses a file that others can reach, if it is secret, and one that is damaged before its last entry.
    pub fn open(path: &Path, access: Access, name: &str) -> Result<Self, FileError> {
        let bytes = match read_if_there(path)? {
            Some(bytes) => bytes,
            None => {
                let made = OpenOptions::new().write(true).create_new(true).mode(access.mode()).open(path);
                made.and_then(|file| file.sync_all()).map_err(FileError::io("create", path))?;
                sync_folder_of(path)?;
                Vec::new()
            }
        };
        let file = OpenOptions::new().write(true).open(path).map_err(FileError::io("open", path))?;
        if access == Access::Secret {
            let metadata = file.metadata().map_err(FileError::io("read", path))?;
            refuse_exposed(path, metadata.permissions().mode())?;
        }
        let mut journal = Self { path: path.to_owned(), file, entries: Vec::new(), before: start(name) };
        journal.read(&bytes)?;
        Ok(journal)
    }

    /// Reads the entries of a journal and changes nothing; none if there is no file.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn peek(path: &Path, name: &str) -> Result<Vec<E>, FileError> {
        let Some(bytes) = read_if_there(path)? else { return Ok(Vec::new()) };
        Ok(parse(path, &bytes, name)?.entries)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let Parsed { entries, before } = parse_from(&self.path, bytes, self.before)?;
        (self.entries, self.before) = (entries, before);
        let whole = self.whole();
        if whole < bytes.len() as u64 {
            let cut = bytes.len() as u64 - whole;
            tracing::warn!(path = %self.path.display(), cut, "cut off an entry that a crash tore; nothing rested on it");
            self.file.set_len(whole).map_err(FileError::io("truncate", &self.path))?;
            self.file.sync_all().map_err(FileError::io("sync", &self.path))?;
        }
        Ok(())
    }

    /// Returns the entries.
    pub fn entries(&self) -> &[E] {
        &self.entries
    }

    fn whole(&self) -> u64 {
        (self.entries.len() * FRAME) as u64
    }

    /// Appends an entry; when it returns, the entry is on disk.
    ///
    /// # Errors
    /// Where the file cannot be written; the journal is as before then.
    pub fn append(&mut self, entry: E) -> Result<(), FileError> {
        let (frame, after) = frame(&entry, &self.before)
            .ok_or_else(|| FileError::damaged(&self.path, &"an entry is longer than its frame"))?;
        let whole = self.whole();
        // Always behind the last whole entry, whatever an append that failed left there.
        let written = self.file.seek(SeekFrom::Start(whole)).and_then(|_| {
            self.file.write_all(&frame)?;
            self.file.set_len(whole + FRAME as u64)
        });
        written.map_err(FileError::io("append to", &self.path))?;
        self.file.sync_all().map_err(FileError::io("sync", &self.path))?;
        self.entries.push(entry);
        self.before = after;
        Ok(())
    }
}

/// Makes a folder whose place in those above it survives a crash.
///
/// # Errors
/// Where it cannot be made or synced.
pub fn make_lasting_folder(path: &Path, access: Access) -> Result<(), FileError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.is_dir()).collect();
    make_folder(path, access)?;
    missing.into_iter().try_for_each(sync_folder_of)
}

fn start(name: &str) -> Digest {
    Digest::of_value("psephos/journal", &name)
}

/// Builds the frame of an entry, and returns with it the digest of everything up to its end.
fn frame<E: BorshSerialize>(entry: &E, before: &Digest) -> Option<([u8; FRAME], Digest)> {
    let body = canonical(entry);
    let after = Digest::of_value("psephos/journal", &(before, &body));
    let mut frame = [0; FRAME];
    let (length, rest) = frame.split_first_mut()?;
    *length = u8::try_from(body.len()).ok()?;
    let (room, rest) = rest.split_at_mut(ROOM);
    room.get_mut(..body.len())?.copy_from_slice(&body);
    let (check, mark) = rest.split_at_mut(CHECK);
    check.copy_from_slice(after.as_bytes().get(..CHECK)?);
    *mark.first_mut()? = MARK;
    Some((frame, after))
}

struct Parsed<E> {
    entries: Vec<E>,
    before: Digest,
}

fn parse<E: BorshSerialize + BorshDeserialize>(
    path: &Path,
    bytes: &[u8],
    name: &str,
) -> Result<Parsed<E>, FileError> {
    parse_from(path, bytes, start(name))
}

fn parse_from<E: BorshSerialize + BorshDeserialize>(
    path: &Path,
    bytes: &[u8],
    mut before: Digest,
) -> Result<Parsed<E>, FileError> {
    let (frames, torn) = bytes.as_chunks::<FRAME>();
    let mut entries = Vec::with_capacity(frames.len());
    for (place, read) in frames.iter().enumerate() {
        if let Some((entry, after)) = entry_of::<E>(read, &before) {
            entries.push(entry);
            before = after;
            continue;
        }
        let is_last = place + 1 == frames.len() && torn.is_empty();
        // A whole frame ends with the mark: what ends with zero was never whole.
        if is_last && read.last() == Some(&0) {
            break;
        }
        let reason = format!("entry {place} is not what was written there, or of another journal; {REMEDY}");
        return Err(FileError::damaged(path, &reason));
    }
    Ok(Parsed { entries, before })
}

/// Reads a frame; nothing unless it is exactly the one that its entry makes.
fn entry_of<E: BorshSerialize + BorshDeserialize>(
    read: &[u8; FRAME],
    before: &Digest,
) -> Option<(E, Digest)> {
    let (length, rest) = read.split_first()?;
    let entry = E::try_from_slice(rest.get(..usize::from(*length))?).ok()?;
    let (expected, after) = frame(&entry, before)?;
    (expected == *read).then_some((entry, after))
}

#[cfg(test)]
mod tests;
