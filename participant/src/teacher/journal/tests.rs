//! Crashes at every point of a vote, and what is left to do after each.

use base::identity::Identity;
use protocol::wire::Receipt;

use super::*;
use crate::testing::{number, round};

const BALLOT: BallotId = BallotId::from_bytes([9; 16]);

fn home() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    home.make_folders().unwrap();
    (folder, Journal::of(&home))
}

fn seen(id: u8) -> Record {
    Record {
        round: round(id),
        announcement: Digest::of(b"announcement"),
        instances: Digest::of(b"instances"),
        instance_count: 4,
        seen_at: Millis(i64::from(id)),
        closes_at: Millis(20),
        cost: None,
        stage: Stage::Waiting,
    }
}

fn receipt(bytes: &[u8]) -> ReceiptView {
    let (digest, received_at) = (Digest::of(bytes), Millis(6));
    let receipt = Receipt { round: round(1), participant: number(2), ballot: BALLOT, digest, received_at };
    ReceiptView::new(receipt, &Identity::generate().unwrap())
}

#[test]
fn a_crash_between_drawing_and_storing_ends_the_round_for_good() {
    let (_folder, journal) = home();
    journal.note(&seen(1)).unwrap();
    assert_eq!(journal.resume(round(1)).unwrap(), Resume::Fresh);
    journal.begin(seen(1), BALLOT, Millis(5)).unwrap();
    for _ in 0..2 {
        let Resume::Never { reason } = journal.resume(round(1)).unwrap() else { unreachable!("voted again") };
        assert!(reason.contains("noise is not drawn twice"), "{reason}");
        assert!(journal.begin(seen(1), BALLOT, Millis(7)).is_err(), "a second draw");
        assert!(journal.note(&seen(1)).is_err(), "the marker may not be overwritten");
    }
}

#[test]
fn a_stored_ballot_comes_back_to_the_byte_whenever_the_crash_came() {
    let (_folder, journal) = home();
    journal.begin(seen(1), BALLOT, Millis(5)).unwrap();
    let bytes = b"ciphertext".to_vec();
    // The crash came after the ballot was stored and before the record said so.
    std::fs::write(journal.home.round(round(1)).join("ballot.bin"), &bytes).unwrap();
    let stored = Resume::Stored { ballot: BALLOT, bytes: bytes.clone() };
    for _ in 0..3 {
        assert_eq!(journal.resume(round(1)).unwrap(), stored);
    }
    assert!(journal.begin(seen(1), BALLOT, Millis(7)).is_err(), "a second draw");
    assert!(journal.seal(round(1), b"another ciphertext").is_err(), "another ballot in its place");
    journal.cast(round(1), receipt(&bytes)).unwrap();
    assert_eq!(journal.resume(round(1)).unwrap(), Resume::Cast);
    assert!(journal.lose(round(1), "late").is_err(), "a cast ballot is not lost");
}

#[test]
fn a_damaged_or_vanished_ballot_is_not_replaced_by_a_fresh_one() {
    for damage in [Some(b"other bytes".as_slice()), None] {
        let (_folder, journal) = home();
        journal.begin(seen(1), BALLOT, Millis(5)).unwrap();
        journal.seal(round(1), b"ciphertext").unwrap();
        let path = journal.home.round(round(1)).join("ballot.bin");
        match damage {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        assert!(matches!(journal.resume(round(1)).unwrap(), Resume::Never { .. }));
        assert!(journal.begin(seen(1), BALLOT, Millis(7)).is_err());
    }
}

#[test]
fn the_log_lists_every_round_in_the_order_it_was_seen() {
    let (_folder, journal) = home();
    for id in [3, 1, 2] {
        journal.note(&seen(id)).unwrap();
    }
    journal.begin(seen(2), BALLOT, Millis(5)).unwrap();
    let log = journal.records().unwrap();
    let order: Vec<_> = log.iter().map(|record| (record.round, record.stage.name())).collect();
    assert_eq!(order, [(round(1), "waiting"), (round(2), "drawing"), (round(3), "waiting")]);
}
