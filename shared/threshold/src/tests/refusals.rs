//! Openings that cannot be combined, and keys that cannot be dealt.

use super::*;

/// One honest round of three trustees.
fn story() -> (Sharing, Vec<u128>, Vec<(TrusteeIndex, Shares)>) {
    let sharing = Sharing::new(3, 1).unwrap();
    let federation = Federation::deal(sharing);
    let round = federation.round(10, &[1, 2, 3]);
    (sharing, round.squashed.iter().map(Squashed::body).collect(), federation.open_all(&round))
}

fn list(shares: &[(TrusteeIndex, Shares)]) -> Vec<(TrusteeIndex, &Shares)> {
    shares.iter().map(|(one, shares)| (*one, shares)).collect()
}

#[test]
fn a_trustee_counts_once_even_if_its_opening_comes_twice() {
    let (sharing, bodies, shares) = story();
    let mut twice = list(&shares[..1]);
    twice.push(twice[0]);
    let refused = combine(sharing, 10, &bodies, &twice);
    assert_eq!(refused, Err(CombineError::Twice { trustee: trustee(1) }));
}

#[test]
fn a_stranger_is_named_before_anything_is_counted() {
    let (sharing, bodies, mut shares) = story();
    for number in [4, 255] {
        shares[2].0 = trustee(number);
        let refused = combine(sharing, 10, &bodies, &list(&shares)).unwrap_err();
        assert_eq!(refused, ShapeError::Stranger { trustee: trustee(number), count: 3 }.into());
    }
}

#[test]
fn shares_of_another_shape_name_their_trustee_and_piece() {
    let (sharing, bodies, shares) = story();
    let refused = |change: fn(&mut Vec<Vec<u128>>)| {
        let mut shares = shares.clone();
        change(&mut shares[2].1.values);
        combine(sharing, 10, &bodies, &list(&shares)).unwrap_err()
    };
    let trustee = trustee(3);
    let rows = |got| ShapeError::Rows { trustee, got, expected: 2 }.into();
    let digits = |set, got| ShapeError::Digits { trustee, set, got, expected: 3 }.into();
    assert_eq!(refused(Vec::clear), rows(0));
    assert_eq!(refused(|rows| rows.push(vec![0; 3])), rows(3));
    assert_eq!(refused(|rows| rows[0].clear()), digits(1, 0));
    assert_eq!(refused(|rows| rows[1].push(0)), digits(2, 4));
}

#[test]
fn bodies_of_broken_labels_are_refused() {
    let (sharing, bodies, shares) = story();
    let refused = |classes, bodies| combine(sharing, classes, bodies, &list(&shares));
    assert_eq!(refused(10, &[]), Err(CombineError::Bodies { got: 0, per_label: 1 }));
    assert_eq!(refused(16, &bodies), Err(CombineError::Bodies { got: 3, per_label: 2 }));
}

#[test]
fn only_a_binary_key_of_the_squash_is_dealt() {
    let sharing = Sharing::new(3, 1).unwrap();
    let mut bits = vec![1; SQUASHED_DIMENSION];
    assert_eq!(deal(&bits[1..], sharing).unwrap_err(), DealError::Length { got: 4095 });
    bits[77] = 2;
    assert_eq!(deal(&bits, sharing).unwrap_err(), DealError::Bit { place: 77 });
}
