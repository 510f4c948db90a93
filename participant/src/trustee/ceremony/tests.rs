//! Stories of a ceremony: who approves, what is dealt, what a trustee finds in its package.

use std::fs;

use protocol::federation::KeyCertificate;
use threshold::{Package, PackageError};

use super::{
    acknowledge::{PackageFault, Reception, own_complaint},
    deal::{Dealer, DealingError},
};
use crate::{
    home::Home,
    testing::{
        Board, Federation,
        dealt::{dealer_of, identity_of, seat_of},
        number,
    },
    trustee::{
        agreement::{AgreementError, Seat, TrusteePin},
        keys::mark_destroyed,
        package,
    },
};
use base::clock::Millis;
use protocol::transcript::EventBody;

/// Holds a board on which every trustee approved, and the dealer's home.
struct Story {
    board: Board,
    dealer: Home,
    other: Home,
    _folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut board = Board::founded(Federation::of_three_trustees());
        board.approve_trustees();
        let (dealer, other) = (Home::at(folder.path().join("1")), Home::at(folder.path().join("2")));
        other.make_folders().unwrap();
        Self { board, dealer, other, _folder: folder }
    }

    fn dealer(&self) -> Dealer {
        dealer_of(&self.board, &self.dealer)
    }

    /// Prepares trustee 2 to receive its package under a certificate.
    fn reception(&self, certificate: &KeyCertificate) -> Reception {
        let (home, seat) = (self.other.clone(), seat_of(&self.board, 2));
        Reception { home, seat, certificate: certificate.clone() }
    }
}

fn find(board: &Board, id: u32) -> Result<Seat, AgreementError> {
    let identity = board.federation.identity(id);
    Seat::find(&board.replay(), number(id), (identity.public(), identity.sealing_key()))
}

#[test]
fn a_person_reads_who_shares_the_key_and_who_is_trusted() {
    let board = Board::founded(Federation::of_three_trustees());
    let words = seat_of(&board, 2).in_words(&board.federation.founding, |id| format!("hospital-{id}"));
    for fact in [
        "hospital-1 makes the key",
        "is trusted at set-up",
        "hospital-2, this institution",
        "any 2 of the 3 together decrypt",
        "up to 1 corrupt ones learn nothing",
    ] {
        assert!(words.contains(fact), "{fact}: {words}");
    }
}

#[test]
fn who_is_no_trustee_or_alone_or_too_early_approves_nothing() {
    let board = Board::founded(Federation::of_three_trustees());
    assert!(matches!(find(&board, 4), Err(AgreementError::NotTrustee(id)) if id == number(4)));
    let alone = Board::founded(Federation::new());
    assert!(matches!(find(&alone, 1), Err(AgreementError::Sole)));
    let mut early = Board::founded(Federation::of_three_trustees());
    early.roll_back(3);
    let refused = find(&early, 1);
    assert!(matches!(refused, Err(AgreementError::Incomplete { taken: 2, seats: 3 })), "{refused:?}");
}

#[test]
fn a_transcript_that_shows_other_keys_of_ours_is_refused() {
    let board = Board::founded(Federation::of_three_trustees());
    let (own, stranger) = (board.federation.identity(2), board.federation.identity(5));
    let replay = board.replay();
    let seat = |signing: &base::identity::Identity, sealing: &base::identity::Identity| {
        Seat::find(&replay, number(2), (signing.public(), sealing.sealing_key()))
    };
    assert!(matches!(seat(stranger, own), Err(AgreementError::OwnKeys("signing key"))));
    assert!(matches!(seat(own, stranger), Err(AgreementError::OwnKeys("sealed-box key"))));
}

#[test]
fn only_exactly_the_approved_trustees_are_dealt_with() {
    let story = Story::new();
    let seat = seat_of(&story.board, 2);
    assert!(matches!(seat.check_approved(&story.other), Err(AgreementError::NotApproved)));
    TrusteePin::store(&story.other, &seat, Millis(5)).unwrap();
    seat.check_approved(&story.other).unwrap();
    let mut changed = seat;
    changed.trustees.members.swap(0, 1);
    assert!(matches!(changed.check_approved(&story.other), Err(AgreementError::Changed { .. })));
}

#[test]
fn nobody_deals_without_being_the_dealer_or_before_all_approved() {
    let story = Story::new();
    story.dealer().check_may_deal(&story.board.replay()).unwrap();
    let not_dealer = Dealer { seat: seat_of(&story.board, 2), ..story.dealer() };
    let refused = not_dealer.check_may_deal(&story.board.replay());
    assert!(matches!(refused, Err(DealingError::NotDealer(id)) if id == number(1)), "{refused:?}");
    let early = Board::founded(Federation::of_three_trustees());
    let dealer = dealer_of(&early, &story.other);
    let refused = dealer.check_may_deal(&early.replay());
    assert!(matches!(refused, Err(DealingError::NotAllAgreed { agreed: 0, all: 3 })), "{refused:?}");
}

#[test]
fn a_restart_publishes_the_same_bytes_and_no_secret_lies_on_the_dealers_disk() {
    let story = Story::new();
    let first = story.dealer().prepare().unwrap();
    assert_eq!(first.blobs.len(), 4 + 3, "four keys and three packages");
    let second = story.dealer().prepare().unwrap();
    assert!(first.certificate == second.certificate && first.blobs == second.blobs);
    let secret = story.dealer.secret().join("trustee");
    assert!(!secret.exists(), "the dealer's own pieces come from its own sealed package");

    let (_, damaged) = first.blobs.last().unwrap();
    let whole = fs::read(damaged).unwrap();
    fs::write(damaged, &whole[1..]).unwrap();
    let refused = story.dealer().prepare().map(drop);
    assert!(
        matches!(&refused, Err(DealingError::Publication(name)) if name == "package-3.bin"),
        "{refused:?}"
    );
    fs::write(damaged, whole).unwrap();

    // The certificate is written last: without it nothing was sent, and everything is made anew.
    fs::remove_file(story.dealer.publication().join("certificate.json")).unwrap();
    assert_ne!(story.dealer().prepare().unwrap().certificate, first.certificate);
    mark_destroyed(&story.dealer, story.board.federation.founding.digest()).unwrap();
    assert!(matches!(story.dealer().prepare(), Err(DealingError::Destroyed)));
}

#[test]
fn keys_on_the_transcript_that_were_not_dealt_here_stop_the_dealer() {
    let mut story = Story::new();
    let dealer = story.dealer();
    let foreign = story.board.federation.certificate();
    let signed = story.board.federation.identity(1).sign(&foreign);
    story.board.push(EventBody::Keys(signed));
    assert!(matches!(dealer.check_may_deal(&story.board.replay()), Err(DealingError::OtherKeys)));
}

#[test]
fn a_trustee_keeps_what_matches_the_commitments_and_complains_about_the_rest() {
    let story = Story::new();
    let dealt = story.dealer().prepare().unwrap();
    let certificate = dealt.certificate.unverified().unwrap();
    let sealed = |index: usize| fs::read(&dealt.blobs[3 + index].1).unwrap();
    let (own, stranger) = (identity_of(&story.board.federation, 2), identity_of(&story.board.federation, 3));
    let reception = story.reception(&certificate);

    let package = reception.open(&own, &sealed(2)).unwrap();
    assert!(reception.kept().unwrap().is_none());
    package::store(&story.other, &package).unwrap();
    assert!(reception.kept().unwrap().is_some(), "found again after a restart");

    let foreign = reception.open(&own, &sealed(3)).unwrap_err();
    assert!(matches!(foreign, PackageFault::Sealed(_)), "sealed to somebody else: {foreign}");
    let pieces_of_three =
        Package::from_bytes(&stranger.unseal(&sealed(3)).unwrap(), story.dealer().seat.sharing);
    let mixed_up = own.sealing_key().seal(&pieces_of_three.unwrap().to_bytes()).unwrap();
    let fault = reception.open(&own, &mixed_up).unwrap_err();
    assert!(matches!(fault, PackageFault::OtherTrustee { .. }), "{fault}");

    // One bit of one piece differs from what the other holder of the piece got.
    let mut bytes = package.to_bytes();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let fault = reception.open(&own, &own.sealing_key().seal(&bytes).unwrap()).unwrap_err();
    assert!(matches!(fault, PackageFault::Package(PackageError::Commitment { .. })), "{fault}");

    let complaint = reception.complain(&own, &fault).unwrap();
    let kept = own_complaint(&story.other, certificate.digest()).unwrap().unwrap();
    assert_eq!(kept, complaint, "a retry sends the same statement");
    let statement = complaint.complaint.verify(&own.public()).unwrap();
    assert_eq!((statement.about, statement.participant), (number(1), number(2)));
    assert!(statement.reason.contains("does not match the dealer's public commitment"));
}
