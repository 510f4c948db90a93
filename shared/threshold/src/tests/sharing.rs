//! Which trustees hold which pieces.

use super::*;

fn numbers(set: impl IntoIterator<Item = TrusteeIndex>) -> Vec<u8> {
    set.into_iter().map(TrusteeIndex::get).collect()
}

#[test]
fn a_federation_is_told_why_its_sharing_is_refused() {
    let text = |n, t| Sharing::new(n, t).unwrap_err().to_string();
    assert!(
        text(2, 1).starts_with("2 trustees cannot bear 1 corrupt ones: when 1 stay away, 2 must"),
        "{}",
        text(2, 1)
    );
    assert!(text(4, 2).ends_with("name at least 5 trustees"));
    assert!(text(255, 255).ends_with("name at least 511 trustees"));
    assert!(
        text(7, 3).starts_with("7 trustees with threshold 3 are not supported: the pieces of the key grow")
    );
    for (n, t) in [(0, 0), (2, 0), (3, 0), (5, 1), (200, 2)] {
        assert!(Sharing::new(n, t).is_err(), "({n}, {t})");
    }
}

#[test]
fn whoever_is_missing_every_t_trustees_lack_exactly_one_piece_and_t_plus_one_lack_none() {
    for sharing in Sharing::ALL {
        let lacking = |group: TrusteeSet| {
            let strangers = |set: &TrusteeSet| !set.members().any(|one| group.contains(one));
            sharing.sets().into_iter().filter(strangers).count()
        };
        assert!(sharing.subsets(sharing.threshold()).into_iter().all(|corrupt| lacking(corrupt) == 1));
        assert!(sharing.subsets(sharing.quorum()).into_iter().all(|openers| lacking(openers) == 0));
    }
}

#[test]
fn the_canonical_order_of_the_sets_never_changes() {
    let sets =
        |n, t| Sharing::new(n, t).unwrap().sets().into_iter().map(|set| numbers(set.members())).collect();
    let three: Vec<Vec<u8>> = sets(3, 1);
    assert_eq!(three, [[1, 2], [1, 3], [2, 3]]);
    let four: Vec<Vec<u8>> = sets(4, 1);
    assert_eq!(four, [[1, 2, 3], [1, 2, 4], [1, 3, 4], [2, 3, 4]]);
    let five: Vec<Vec<u8>> = sets(5, 2);
    let expected = [
        [1, 2, 3],
        [1, 2, 4],
        [1, 3, 4],
        [2, 3, 4],
        [1, 2, 5],
        [1, 3, 5],
        [2, 3, 5],
        [1, 4, 5],
        [2, 4, 5],
        [3, 4, 5],
    ];
    assert_eq!(five, expected);
    let sharing = Sharing::new(5, 2).unwrap();
    assert_eq!(sharing.held_by(trustee(4)), [1, 2, 3, 7, 8, 9]);
    assert_eq!(numbers(sharing.holders(7)), [1, 4, 5]);
}

#[test]
fn holders_and_held_sets_agree_and_strangers_hold_nothing() {
    for sharing in Sharing::ALL {
        assert_eq!(sharing.sets().len(), sharing.set_count());
        for one in sharing.trustees() {
            assert_eq!(sharing.held_by(one).len(), sharing.held_count());
            assert!(sharing.held_by(one).into_iter().all(|set| sharing.holders(set).contains(&one)));
        }
        assert!(sharing.holders(sharing.set_count()).is_empty());
        assert!([6, 8, 9, 40, 255].into_iter().all(|number| sharing.held_by(trustee(number)).is_empty()));
    }
}

#[test]
fn an_unsupported_sharing_cannot_be_read_from_text_or_bytes() {
    let sharing = Sharing::new(5, 2).unwrap();
    let text = serde_json::to_string(&sharing).unwrap();
    assert_eq!(text, r#"{"count":5,"threshold":2}"#);
    assert_eq!(serde_json::from_str::<Sharing>(&text).unwrap(), sharing);
    assert_eq!(borsh::from_slice::<Sharing>(&[5, 2]).unwrap(), sharing);
    assert_eq!(borsh::to_vec(&sharing).unwrap(), [5, 2]);
    assert!(serde_json::from_str::<Sharing>(&text.replace('2', "3")).is_err());
    assert!(borsh::from_slice::<Sharing>(&[2, 1]).is_err());
    assert!(serde_json::from_str::<TrusteeIndex>("0").is_err());
}
