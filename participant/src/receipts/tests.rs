//! What a receipt is worth, as the round goes on and as the coordinator cheats.

use base::ids::BallotId;
use protocol::{
    round::FailureReason,
    transcript::{CountedBallot, EventBody},
    wire::Receipt,
};

use super::*;
use crate::testing::{Board, Federation, number, round};

const BALLOT: &[u8] = b"the ballot of participant 2";
const RECEIVED_AT: Millis = Millis(11);

fn receipt(board: &Board) -> ReceiptView {
    let ballot = BallotId::from_bytes([3; 16]);
    let words = Receipt {
        round: round(1),
        participant: number(2),
        ballot,
        digest: Digest::of(BALLOT),
        received_at: RECEIVED_AT,
    };
    ReceiptView::new(words, &board.federation.coordinator)
}

fn examine(board: &Board, receipt: &ReceiptView) -> Standing {
    Examined::of(receipt, &board.replay(), number(2)).standing
}

fn others() -> Vec<(u32, Digest)> {
    [1, 3, 4, 5].map(|id| (id, Digest::of(&[id as u8]))).to_vec()
}

fn with_own(digest: Digest) -> Vec<(u32, Digest)> {
    others().into_iter().chain([(2, digest)]).collect()
}

#[test]
fn a_receipt_waits_for_the_window_and_then_holds() {
    let mut board = Board::keyed(Federation::of_three_trustees());
    let receipt = receipt(&board);
    assert!(matches!(examine(&board, &receipt), Standing::NotYet { .. }), "not announced");
    board.announce(round(1));
    assert!(matches!(examine(&board, &receipt), Standing::NotYet { .. }), "window open");
    board.close(round(1), &with_own(Digest::of(BALLOT)));
    assert_eq!(examine(&board, &receipt), Standing::Counted { ballots: 5 });
}

#[test]
fn a_ballot_left_out_or_exchanged_or_redated_makes_it_invalid() {
    let mut board = Board::keyed(Federation::of_three_trustees());
    let receipt = receipt(&board);
    board.announce(round(1));
    let open = board.events.len();
    let invalid = |board: &Board, reason: &str| {
        let standing = examine(board, &receipt);
        assert!(matches!(&standing, Standing::Invalid { reason: r } if r.contains(reason)), "{standing:?}");
    };
    board.close(round(1), &others());
    invalid(&board, "not in the counted list");
    board.roll_back(open);
    board.close(round(1), &with_own(Digest::of(b"another")));
    invalid(&board, "another ballot");
    board.roll_back(open);
    let counted = |(id, digest): (u32, Digest)| CountedBallot {
        participant: number(id),
        digest,
        received_at: Millis(12),
    };
    let ballots = with_own(Digest::of(BALLOT)).into_iter().map(counted).collect();
    board.push_at(Millis(20), EventBody::WindowClosed { round: round(1), ballots });
    invalid(&board, "the list says");
}

#[test]
fn a_receipt_of_somebody_else_or_after_the_close_is_invalid() {
    let mut board = Board::keyed(Federation::of_three_trustees());
    board.announce(round(1));
    let honest = receipt(&board).receipt;
    let by_another = ReceiptView::new(honest.clone(), board.federation.identity(3));
    assert!(matches!(examine(&board, &by_another), Standing::Invalid { .. }));
    let late = Receipt { received_at: Millis(20), ..honest };
    let late = ReceiptView::new(late, &board.federation.coordinator);
    assert!(matches!(examine(&board, &late), Standing::Invalid { .. }));
    let foreign = Receipt { participant: number(3), ..honest };
    let foreign = ReceiptView::new(foreign, &board.federation.coordinator);
    assert!(matches!(examine(&board, &foreign), Standing::Invalid { .. }));
}

#[test]
fn a_round_that_failed_before_its_close_counted_nothing() {
    let mut board = Board::keyed(Federation::of_three_trustees());
    let receipt = receipt(&board);
    board.announce(round(1));
    let reason = FailureReason::QuorumNotMet { ballots: 1, quorum: 4 };
    board.push(EventBody::Failed { round: round(1), reason, charged: false });
    assert_eq!(examine(&board, &receipt), Standing::NothingCounted);
}
