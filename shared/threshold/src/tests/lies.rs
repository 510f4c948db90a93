//! Trustees that lie: when a lie is seen, when its author is named, and when it passes uncorroborated.

use super::*;

const LABELS: [u16; 4] = [3, 0, 9, 6];
const CLASSES: usize = 10;

/// Adds an amount to what a trustee reports of a piece about one digit; a trustee without the piece cannot lie.
fn lie(
    sharing: Sharing,
    shares: &mut [(TrusteeIndex, Shares)],
    (liar, set): (TrusteeIndex, usize),
    digit: usize,
    amount: u128,
) {
    let row = sharing.held_by(liar).into_iter().position(|held| held == set);
    let value = row.map(|row| &mut shares[usize::from(liar.get()) - 1].1.values[row][digit]);
    value.into_iter().for_each(|value| *value = value.wrapping_add(amount));
}

/// Every way in which t of the openers tell the same lie about a piece that the first of them holds.
fn lies(sharing: Sharing, openers: TrusteeSet) -> impl Iterator<Item = (TrusteeSet, usize)> {
    let inside = move |liars: &TrusteeSet| liars.members().all(|liar| openers.contains(liar));
    let liars = sharing.subsets(sharing.threshold()).into_iter().filter(inside);
    liars.flat_map(move |liars| {
        let first = liars.members().next().unwrap();
        sharing.held_by(first).into_iter().map(move |set| (liars, set))
    })
}

#[test]
fn from_2t_plus_1_openings_a_lie_by_one_label_step_is_seen_in_every_trial() {
    for sharing in with_a_threshold() {
        let federation = Federation::deal(sharing);
        let round = federation.round(CLASSES, &LABELS);
        let honest = federation.open_all(&round);
        for openers in groups(sharing, sharing.corroborated_from()) {
            for (liars, set) in lies(sharing, openers) {
                for instance in 0..LABELS.len() {
                    let mut shares = honest.clone();
                    liars
                        .members()
                        .for_each(|liar| lie(sharing, &mut shares, (liar, set), instance, LABEL_STEP));
                    let combined = round.combine(sharing, &shares, openers).unwrap();
                    let holders = sharing.holders(set).into_iter();
                    if openers.members().count() >= sharing.named_from() {
                        let Combined::Opened(Opened { labels, standing, .. }) = combined else {
                            panic!("{sharing}: {combined:?}");
                        };
                        assert_eq!(standing, Standing::Named { liars: liars.members().collect() });
                        assert_eq!(labels, LABELS, "the truth is released");
                    } else {
                        let holders = holders.filter(|one| openers.contains(*one)).collect();
                        assert_eq!(combined, Combined::Disputed { holders, instance }, "{sharing}");
                    }
                }
            }
        }
    }
}

#[test]
fn with_four_trustees_the_liar_is_named_and_with_three_of_them_the_holders() {
    let sharing = Sharing::new(4, 1).unwrap();
    let federation = Federation::deal(sharing);
    let round = federation.round(CLASSES, &LABELS);
    let mut shares = federation.open_all(&round);
    // piece 1 is that of {1, 2, 4}
    lie(sharing, &mut shares, (trustee(4), 1), 2, LABEL_STEP);

    let everyone = sharing.subsets(4)[0];
    let found = opened(round.combine(sharing, &shares, everyone));
    assert_eq!(
        (found.labels, found.standing),
        (LABELS.to_vec(), Standing::Named { liars: vec![trustee(4)] })
    );

    let without_two = sharing.subsets(3).into_iter().find(|group| !group.contains(trustee(2))).unwrap();
    let dispute = Combined::Disputed { holders: vec![trustee(1), trustee(4)], instance: 2 };
    assert_eq!(round.combine(sharing, &shares, without_two), Ok(dispute));

    let without_the_liar = sharing.subsets(3).into_iter().find(|group| !group.contains(trustee(4))).unwrap();
    let found = opened(round.combine(sharing, &shares, without_the_liar));
    assert_eq!((found.labels, found.standing), (LABELS.to_vec(), Standing::Corroborated));
}

#[test]
fn a_lie_that_nobody_can_contradict_stays_uncorroborated_until_the_others_open() {
    for sharing in with_a_threshold() {
        let federation = Federation::deal(sharing);
        let round = federation.round(CLASSES, &LABELS);
        let mut shares = federation.open_all(&round);
        // the first t + 1 open, and trustee 1 lies about a piece that none of the others holds
        let openers = sharing.subsets(sharing.quorum())[0];
        let alone =
            |set: &usize| sharing.holders(*set).iter().filter(|one| openers.contains(**one)).count() == 1;
        let set = sharing.held_by(trustee(1)).into_iter().find(alone).unwrap();
        lie(sharing, &mut shares, (trustee(1), set), 0, LABEL_STEP);

        let believed = opened(round.combine(sharing, &shares, openers));
        assert_eq!(believed.standing, Standing::Uncorroborated);
        assert_eq!(believed.labels, [4, 0, 9, 6], "the lie moved the first label");

        let everyone = sharing.subsets(sharing.count())[0];
        match round.combine(sharing, &shares, everyone).unwrap() {
            Combined::Disputed { holders, instance } => {
                assert!(sharing.count() < sharing.named_from());
                assert_eq!((holders, instance), (sharing.holders(set), 0));
            }
            Combined::Opened(opened) => {
                assert!(sharing.count() >= sharing.named_from());
                assert_eq!(opened.standing, Standing::Named { liars: vec![trustee(1)] });
                assert_eq!(opened.labels, LABELS);
            }
        }
    }
}

#[test]
fn more_liars_than_the_claims_allow_are_a_dispute_and_no_labels() {
    let sharing = Sharing::new(4, 1).unwrap();
    let federation = Federation::deal(sharing);
    let round = federation.round(CLASSES, &LABELS);
    let everyone = sharing.subsets(4)[0];
    // each is outvoted about its piece, but two liars are more than t
    let mut shares = federation.open_all(&round);
    lie(sharing, &mut shares, (trustee(1), 0), 3, LABEL_STEP);
    lie(sharing, &mut shares, (trustee(4), 3), 1, LABEL_STEP);
    let dispute = Combined::Disputed { holders: sharing.trustees().collect(), instance: 1 };
    assert_eq!(round.combine(sharing, &shares, everyone), Ok(dispute));
    // three holders, three values
    let mut shares = federation.open_all(&round);
    lie(sharing, &mut shares, (trustee(1), 0), 3, LABEL_STEP);
    lie(sharing, &mut shares, (trustee(2), 0), 3, 2 * LABEL_STEP);
    let dispute = Combined::Disputed { holders: sharing.holders(0), instance: 3 };
    assert_eq!(round.combine(sharing, &shares, everyone), Ok(dispute));
}

#[test]
fn an_uncontradicted_lie_that_no_label_explains_is_refused_by_instance() {
    let sharing = Sharing::new(3, 1).unwrap();
    let federation = Federation::deal(sharing);
    let round = federation.round(CLASSES, &LABELS);
    let openers = sharing.subsets(2)[0];
    let refused = |amount| {
        let mut shares = federation.open_all(&round);
        // piece 1 is that of {1, 3}
        lie(sharing, &mut shares, (trustee(1), 1), 2, amount);
        round.combine(sharing, &shares, openers).unwrap_err()
    };
    let (instance, digit) = (2, 0);
    assert_eq!(refused(16 * LABEL_STEP), CombineError::Digit { instance, digit, value: 25 });
    assert_eq!(refused(2 * LABEL_STEP), CombineError::Label { instance, label: 11, classes: CLASSES });
    assert!(matches!(refused(LABEL_STEP / 4), CombineError::Noise { instance: 2, digit: 0, .. }));
    let text = refused(LABEL_STEP / 4).to_string();
    assert!(
        text.starts_with("instance 2: digit 0 opens with noise 2^121.0, beyond the bound 2^112.6;"),
        "{text}"
    );
}
