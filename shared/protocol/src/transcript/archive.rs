//! Events as a file: a magic, a version, then each signed event with its length before it.
//!
//! The file only grows. A power cut may tear its last event off; what comes before stays readable.

use super::Event;
use base::{identity::Signed, ids::canonical};

const MAGIC: &[u8; 6] = b"PSETR1";
const LENGTH: usize = size_of::<u32>();

/// Why bytes are not a file of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is another kind of file.
    #[error("does not begin with PSETR1: this is not a transcript of Psephos, or one of another version")]
    Magic,
    /// An event cannot be read.
    #[error("event {0} cannot be read: the file was changed")]
    Event(u64),
}

/// Content of a file of events.
#[derive(Debug, Clone)]
pub struct Archive {
    /// The signed events in order.
    pub events: Vec<Signed<Event>>,
    /// Bytes up to the end of the last whole event; what follows was torn off while it was written.
    pub whole: usize,
}

/// Returns the beginning of a file of events.
pub const fn archive_header() -> &'static [u8] {
    MAGIC
}

/// Returns one event as it stands in a file.
pub fn archive_entry(event: &Signed<Event>) -> Vec<u8> {
    let body = canonical(event);
    // An event is far below 4 GiB: its largest part, the shares of a round, has at most some megabytes.
    let mut entry = (body.len() as u32).to_le_bytes().to_vec();
    entry.extend_from_slice(&body);
    entry
}

impl Archive {
    /// Returns all events as a file.
    pub fn to_bytes(events: &[Signed<Event>]) -> Vec<u8> {
        let mut bytes = archive_header().to_vec();
        bytes.extend(events.iter().flat_map(archive_entry));
        bytes
    }

    /// Reads a file of events; a torn last event is left out, and [`Archive::whole`] tells.
    pub fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(ArchiveError::Magic)?;
        let mut events = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<LENGTH>() {
            let length = u32::from_le_bytes(*length) as usize;
            let Some((body, tail)) = tail.split_at_checked(length) else { break };
            let event = borsh::from_slice(body).map_err(|_| ArchiveError::Event(events.len() as u64))?;
            events.push(event);
            rest = tail;
        }
        Ok(Self { events, whole: bytes.len() - rest.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{EventBody, Head};
    use base::{clock::Millis, identity::Identity};

    #[test]
    fn a_torn_tail_is_left_out_and_a_changed_event_is_named() {
        let coordinator = Identity::generate().unwrap();
        let event = Head::EMPTY.next(Millis(1), EventBody::Closed);
        let events = vec![coordinator.sign(&event); 3];
        let bytes = Archive::to_bytes(&events);
        let read = Archive::read(&bytes).unwrap();
        assert_eq!((read.events, read.whole), (events.clone(), bytes.len()));

        let torn = Archive::read(&bytes[..bytes.len() - 5]).unwrap();
        assert_eq!(torn.events, events[..2]);
        assert_eq!(torn.whole, bytes.len() - archive_entry(&events[2]).len());

        assert_eq!(Archive::read(b"PSEB").unwrap_err(), ArchiveError::Magic);
        let mut changed = bytes;
        changed[MAGIC.len() + LENGTH + 3] ^= 0x80;
        assert_eq!(Archive::read(&changed).unwrap_err(), ArchiveError::Event(0));
    }
}
