//! `state/transcript.bin`: the events that were seen, appended durably.
//!
//! ```text
//! magic "psevents", version (u16), then per event: its length (u32), and its borsh bytes with the signature
//! ```
//! All numbers are little-endian. A tail that a crash tore is cut off; the coordinator shows its events again.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use borsh::BorshDeserialize;
use shared::{identity::Signed, ids::canonical, transcript::Event};

use crate::files::{Access, FileError, read_if_there, write_atomic};

const MAGIC: &[u8; 8] = b"psevents";
const VERSION: u16 = 1;
const HEADER: usize = MAGIC.len() + size_of::<u16>();
const LENGTH: usize = size_of::<u32>();

/// Appends events to the file of those that were seen.
#[derive(Debug)]
pub struct EventFile {
    file: File,
    path: PathBuf,
    /// Bytes of whole events; what lies beyond was torn by a failed append.
    length: u64,
}

impl EventFile {
    /// Opens the file, or makes it; cuts off a torn tail and returns the events.
    pub fn open(path: &Path) -> Result<(Self, Vec<Signed<Event>>), FileError> {
        let bytes = match read_if_there(path)? {
            Some(bytes) => bytes,
            None => {
                write_atomic(path, &header(), Access::Public)?;
                header()
            }
        };
        let (events, length) = parse(path, &bytes)?;
        let file = OpenOptions::new().write(true).open(path).map_err(FileError::io("open", path))?;
        if length < bytes.len() {
            tracing::warn!(
                cut = bytes.len() - length,
                events = events.len(),
                "cut a torn end off state/transcript.bin; the coordinator is asked for it again"
            );
            file.set_len(length as u64).map_err(FileError::io("truncate", path))?;
            file.sync_all().map_err(FileError::io("sync", path))?;
        }
        Ok((Self { file, path: path.to_owned(), length: length as u64 }, events))
    }

    /// Reads the events and changes nothing; a torn tail is passed over.
    pub fn read(path: &Path) -> Result<Vec<Signed<Event>>, FileError> {
        let Some(bytes) = read_if_there(path)? else { return Ok(Vec::new()) };
        Ok(parse(path, &bytes)?.0)
    }

    /// Appends events; when it returns, they are on disk.
    pub fn append(&mut self, events: &[Signed<Event>]) -> Result<(), FileError> {
        let mut bytes = Vec::new();
        for event in events {
            let body = canonical(event);
            let length = u32::try_from(body.len())
                .map_err(|_| FileError::damaged(&self.path, &"an event is longer than 4 GiB"))?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&body);
        }
        // Always behind the last whole event, whatever an append that failed left there.
        self.file.seek(SeekFrom::Start(self.length)).map_err(FileError::io("append to", &self.path))?;
        self.file.write_all(&bytes).map_err(FileError::io("append to", &self.path))?;
        let length = self.length + bytes.len() as u64;
        self.file.set_len(length).map_err(FileError::io("append to", &self.path))?;
        self.file.sync_all().map_err(FileError::io("sync", &self.path))?;
        self.length = length;
        Ok(())
    }
}

fn header() -> Vec<u8> {
    [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat()
}

/// Reads whole events; returns them with the number of bytes up to the end of the last.
fn parse(path: &Path, bytes: &[u8]) -> Result<(Vec<Signed<Event>>, usize), FileError> {
    if bytes.get(..HEADER) != Some(header().as_slice()) {
        let what = format!("it does not begin as a transcript of version {VERSION}");
        return Err(FileError::damaged(path, &what));
    }
    let (mut events, mut end) = (Vec::new(), HEADER);
    while let Some(body) = bytes.get(end..).and_then(whole_record) {
        let event = Signed::<Event>::try_from_slice(body).map_err(|error| {
            let what = format!(
                "event {} is unreadable ({error}); if there is no backup, delete the file: the whole transcript is \
                 then fetched and checked anew, but a rollback to before now would pass unseen",
                events.len()
            );
            FileError::damaged(path, &what)
        })?;
        events.push(event);
        end += LENGTH + body.len();
    }
    Ok((events, end))
}

/// Returns the first record's bytes; `None` if they are cut short or, after a power cut, never reached the disk.
fn whole_record(rest: &[u8]) -> Option<&[u8]> {
    let (length, rest_after) = rest.split_first_chunk::<LENGTH>()?;
    let body = rest_after.get(..u32::from_le_bytes(*length) as usize)?;
    rest.iter().any(|byte| *byte != 0).then_some(body)
}
