//! Packages and shares on the wire: exact, checked against commitments, and never read as something else.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// One federation for all cases; dealing is not what they are about.
static DEALT: LazyLock<Federation> = LazyLock::new(|| Federation::deal(Sharing::new(3, 1).unwrap()));
static ROUND: LazyLock<Round> = LazyLock::new(|| DEALT.round(10, &[3, 9, 0, 1]));
static SHARES: LazyLock<Vec<(TrusteeIndex, Shares)>> = LazyLock::new(|| DEALT.open_all(&ROUND));

#[test]
fn every_trustee_gets_its_pieces_and_finds_the_commitments_kept() {
    for sharing in Sharing::ALL {
        let federation = Federation::deal(sharing);
        let commitments = federation.commitments();
        for (package, one) in federation.packages.iter().zip(sharing.trustees()) {
            let bytes = package.to_bytes();
            assert_eq!(bytes.len(), Package::byte_count(sharing));
            let read = Package::from_bytes(&bytes, sharing).unwrap();
            assert_eq!((read.trustee(), read.sharing()), (one, sharing));
            assert_eq!(read.check(&commitments), Ok(()));
            let sets: Vec<usize> = read.pieces().iter().map(|(set, _)| *set).collect();
            assert_eq!(sets, sharing.held_by(one));
        }
    }
}

#[test]
fn the_pieces_sum_to_the_key_and_nothing_prints_them() {
    for sharing in Sharing::ALL {
        let federation = Federation::deal(sharing);
        let mut sum = vec![0_u128; SQUASHED_DIMENSION];
        for piece in &federation.pieces {
            sum.iter_mut().zip(piece.vector.iter()).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        }
        assert_eq!(sum, federation.key, "{sharing}");
        assert_eq!(format!("{:?}", federation.pieces[0]), "Piece { .. }");
    }
    assert!(format!("{:?}", DEALT.packages[0]).ends_with("trustee: TrusteeIndex(1), .. }"));
}

#[test]
fn a_dealer_that_gives_two_holders_different_pieces_is_caught_by_one_of_them() {
    let (sharing, commitments) = (DEALT.sharing, DEALT.commitments());
    let mut others = DEALT.pieces.clone();
    others[1].vector[4095] ^= 1;
    // set 1 is {1, 3}
    let forged = |number| Package::select(sharing, trustee(number), &others).unwrap().check(&commitments);
    let named = |number| Err(PackageError::Commitment { trustee: trustee(number), set: 1 });
    assert_eq!([1, 2, 3].map(forged), [named(1), Ok(()), named(3)]);

    let mut others = DEALT.pieces.clone();
    others[0].flood_key[0] ^= 1;
    let refused = Package::select(sharing, trustee(2), &others).unwrap().check(&commitments);
    assert_eq!(refused, Err(PackageError::Commitment { trustee: trustee(2), set: 0 }));

    let mut swapped = commitments.clone();
    swapped.swap(0, 1);
    assert_eq!(
        DEALT.packages[0].check(&swapped),
        Err(PackageError::Commitment { trustee: trustee(1), set: 0 })
    );
    let short = PackageError::Count { what: "commitments", got: 2, sharing };
    assert_eq!(DEALT.packages[0].check(&commitments[..2]), Err(short));
}

#[test]
fn pieces_are_selected_for_trustees_of_the_sharing_only() {
    let sharing = DEALT.sharing;
    let refused = Package::select(sharing, trustee(4), &DEALT.pieces).unwrap_err();
    assert_eq!(refused, PackageError::Trustee { got: 4, count: 3 });
    let refused = Package::select(sharing, trustee(1), &DEALT.pieces[1..]).unwrap_err();
    assert_eq!(refused, PackageError::Count { what: "pieces", got: 2, sharing });
}

#[test]
fn a_package_of_another_kind_is_named() {
    let sharing = DEALT.sharing;
    let changed = |place: usize, byte: u8| {
        let mut bytes = DEALT.packages[0].to_bytes();
        bytes[place] = byte;
        Package::from_bytes(&bytes, sharing).unwrap_err()
    };
    let expected = Package::byte_count(sharing);
    assert_eq!(Package::from_bytes(&[], sharing).unwrap_err(), PackageError::Length { got: 0, expected });
    assert_eq!(changed(0, 0), PackageError::Magic);
    assert_eq!(changed(8, 2), PackageError::Version { got: 2 });
    assert_eq!(changed(10, 5), PackageError::OtherSharing { count: 5, threshold: 1, expected: sharing });
    assert_eq!(changed(12, 0), PackageError::Trustee { got: 0, count: 3 });
    assert_eq!(changed(12, 2), PackageError::Set { trustee: trustee(2), got: 1, expected: 2 });
    assert_eq!(changed(13, 9), PackageError::Set { trustee: trustee(1), got: 9, expected: 0 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any change of a package is refused, at the door or at the commitments.
    #[test]
    fn a_changed_package_is_never_accepted(
        number in 0..3_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        header in prop::option::of((0..14_usize, 1..=255_u8)),
    ) {
        let whole = DEALT.packages[number].to_bytes();
        let mut bytes = whole.clone();
        for (place, flip) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
        }
        if let Some((place, flip)) = header {
            bytes[place] ^= flip;
        }
        prop_assume!(bytes != whole);
        let accepted = Package::from_bytes(&bytes, DEALT.sharing).and_then(|read| read.check(&DEALT.commitments()));
        prop_assert!(accepted.is_err());
    }

    /// A package cut or grown is refused by its length alone.
    #[test]
    fn a_package_of_another_length_is_refused(length in 0..300_000_usize) {
        let mut bytes = DEALT.packages[0].to_bytes();
        prop_assume!(length != bytes.len());
        let expected = bytes.len();
        bytes.resize(length, 0);
        let refused = Package::from_bytes(&bytes, DEALT.sharing).unwrap_err();
        prop_assert_eq!(refused, PackageError::Length { got: length, expected });
    }

    /// Shares that were changed on the way do not parse, do not fit, or contradict the other trustees'.
    #[test]
    fn changed_shares_never_give_labels(
        number in 0..3_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let whole = borsh::to_vec(&SHARES[number].1).unwrap();
        let mut bytes = whole.clone();
        for (place, flip) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
        }
        prop_assume!(bytes != whole);
        let Ok(read) = borsh::from_slice::<Shares>(&bytes) else { return Ok(()) };
        let mut shares = SHARES.clone();
        shares[number].1 = read;
        let everyone = DEALT.sharing.subsets(3)[0];
        let combined = ROUND.combine(DEALT.sharing, &shares, everyone);
        let stopped = matches!(combined, Ok(Combined::Disputed { .. }) | Err(CombineError::Shape(_)));
        prop_assert!(stopped, "{:?}", combined);
    }
}
