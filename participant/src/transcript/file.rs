//! `state/transcript.bin`: the events that were seen, in the form of [`Archive`], appended durably.
//!
//! A tail that a crash tore is cut off; the coordinator shows its events again.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use base::identity::Signed;
use protocol::transcript::{Archive, ArchiveError, Event, archive_entry};

use runtime::files::{Access, FileError, read_if_there, write_atomic};

/// File of the events that were seen; it only grows.
#[derive(Debug)]
pub struct EventFile {
    file: File,
    path: PathBuf,
    /// Bytes up to the end of the last whole event.
    whole: u64,
}

impl EventFile {
    /// Opens the file, or makes it; cuts off a torn tail and returns the events.
    pub fn open(path: &Path) -> Result<(Self, Vec<Signed<Event>>), FileError> {
        let bytes = match read_if_there(path)? {
            Some(bytes) => bytes,
            None => {
                let empty = Archive::to_bytes(&[]);
                write_atomic(path, &empty, Access::Public)?;
                empty
            }
        };
        let Archive { events, whole } = parse(path, &bytes)?;
        let file = OpenOptions::new().write(true).open(path).map_err(FileError::io("open", path))?;
        if whole < bytes.len() {
            let (cut, kept) = (bytes.len() - whole, events.len());
            tracing::warn!(cut, kept, "cut a torn end off state/transcript.bin; it will be fetched again");
            file.set_len(whole as u64).map_err(FileError::io("truncate", path))?;
            file.sync_all().map_err(FileError::io("sync", path))?;
        }
        Ok((Self { file, path: path.to_owned(), whole: whole as u64 }, events))
    }

    /// Reads the events and changes nothing; a torn tail is passed over.
    pub fn read(path: &Path) -> Result<Vec<Signed<Event>>, FileError> {
        match read_if_there(path)? {
            Some(bytes) => Ok(parse(path, &bytes)?.events),
            None => Ok(Vec::new()),
        }
    }

    /// Appends events; when it returns, they are on disk.
    pub fn append(&mut self, events: &[Signed<Event>]) -> Result<(), FileError> {
        let bytes: Vec<u8> = events.iter().flat_map(archive_entry).collect();
        let end = self.whole + bytes.len() as u64;
        // Always behind the last whole event, whatever an append that failed left there.
        let written = self.file.seek(SeekFrom::Start(self.whole)).and_then(|_| {
            self.file.write_all(&bytes)?;
            self.file.set_len(end)
        });
        written.map_err(FileError::io("append to", &self.path))?;
        self.file.sync_all().map_err(FileError::io("sync", &self.path))?;
        self.whole = end;
        Ok(())
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Archive, FileError> {
    let archive = Archive::read(bytes).or_else(|error| match error {
        // After a power cut the end may be there without its bytes: all zeros.
        ArchiveError::Event(_) if bytes.last() == Some(&0) => {
            let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |place| place + 1);
            Archive::read(bytes.get(..written).unwrap_or_default())
        }
        other => Err(other),
    });
    archive.map_err(|error| {
        let remedy = "without one, delete it: the whole transcript is then fetched and checked anew, but a rollback \
                      to before now would pass unseen";
        FileError::damaged(path, &format_args!("{error}; {remedy}"))
    })
}
