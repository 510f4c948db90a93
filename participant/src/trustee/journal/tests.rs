//! A journal through crashes and damage.

use std::fs;

use base::ids::Digest;
use tally::session::Entry;

use super::*;

fn said(exchange: u32) -> Entry {
    Entry::Said { batch: 1, exchange, message: Digest::of(&exchange.to_le_bytes()) }
}

struct Story {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Story {
    /// Writes so many entries.
    fn of(entries: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.journal");
        let story = Self { path, _folder: folder };
        let mut journal = story.open().unwrap();
        (0..entries).for_each(|exchange| journal.append(said(exchange)).unwrap());
        story
    }

    fn open(&self) -> Result<Journal<Entry>, FileError> {
        Journal::open(&self.path, Access::Secret, "round 7")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(&self.path, bytes).unwrap();
    }
}

#[test]
fn entries_come_back_in_their_order_and_nobody_else_may_read_them() {
    let story = Story::of(5);
    assert_eq!(story.open().unwrap().entries(), (0..5).map(said).collect::<Vec<_>>());
    assert_eq!(fs::metadata(&story.path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&story.path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(story.open(), Err(FileError::Exposed { .. })));
}

#[test]
fn a_journal_that_is_torn_at_any_byte_of_its_last_entry_loses_that_one_alone_and_goes_on() {
    let story = Story::of(3);
    let whole = story.bytes();
    let (kept, last) = whole.split_at(2 * FRAME);
    for length in 0..last.len() {
        let (cut, mut filled) = (&last[..length], vec![0; last.len()]);
        filled[..length].copy_from_slice(cut);
        // What a crash leaves: a shorter file, or a longer one whose end was never written.
        for torn in [cut, filled.as_slice()] {
            story.write(&[kept, torn].concat());
            let mut journal = story.open().unwrap();
            assert_eq!(journal.entries(), [said(0), said(1)], "{length}");
            assert_eq!(story.bytes(), kept);
            journal.append(said(2)).unwrap();
            assert_eq!(story.bytes(), whole);
        }
    }
}

#[test]
fn damage_anywhere_else_is_refused_with_the_remedy() {
    let story = Story::of(3);
    let whole = story.bytes();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        story.write(&damaged);
        let refused = story.open().unwrap_err().to_string();
        assert!(refused.contains("never sign from this home again"), "{place}: {refused}");
        assert_eq!(story.bytes(), damaged, "nothing is changed");
    }
    for without in 0..2 {
        let frames = whole.chunks(FRAME).enumerate().filter(|(place, _)| *place != without);
        story.write(&frames.flat_map(|(_, frame)| frame.to_vec()).collect::<Vec<_>>());
        assert!(story.open().is_err(), "an entry is missing");
    }
}

#[test]
fn the_journal_of_another_step_is_not_taken_for_this_one() {
    let story = Story::of(1);
    let other = Journal::<Entry>::open(&story.path, Access::Secret, "round 8");
    assert!(other.is_err());
}
