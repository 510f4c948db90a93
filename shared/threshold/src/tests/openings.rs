//! Rounds that honest trustees open.

use super::*;

/// Labels of a ten-class round, an abstention among them.
const TEN_CLASSES: [u16; 6] = [3, 0, 10, 1, 7, 7];
/// Labels of a hundred-class round: two digits each.
const HUNDRED_CLASSES: [u16; 5] = [100, 0, 16, 15, 53];

#[test]
fn every_group_of_more_than_t_trustees_opens_the_labels() {
    for sharing in Sharing::ALL {
        let federation = Federation::deal(sharing);
        for (classes, labels) in [(10, TEN_CLASSES.as_slice()), (100, HUNDRED_CLASSES.as_slice())] {
            let round = federation.round(classes, labels);
            let shares = federation.open_all(&round);
            for group in groups(sharing, sharing.quorum()) {
                let opened = opened(round.combine(sharing, &shares, group));
                assert_eq!(opened.labels, labels, "{sharing}, {group:?}");
                let corroborated = group.members().count() > 2 * sharing.threshold();
                let expected = if corroborated { Standing::Corroborated } else { Standing::Uncorroborated };
                assert_eq!(opened.standing, expected, "{sharing}, {group:?}");
            }
        }
    }
}

#[test]
fn no_group_of_t_trustees_gets_labels_and_it_is_told_how_many_are_missing() {
    for sharing in Sharing::ALL {
        let federation = Federation::deal(sharing);
        let round = federation.round(10, &TEN_CLASSES);
        let shares = federation.open_all(&round);
        for group in sharing.subsets(sharing.threshold()) {
            let (got, needed) = (sharing.threshold(), sharing.quorum());
            let refused = round.combine(sharing, &shares, group).unwrap_err();
            assert_eq!(refused, CombineError::TooFew { got, needed });
            assert!(refused.to_string().ends_with("1 more must come"), "{refused}");
        }
    }
}

/// A digit guessed from all pieces but one is uniform over the 32 values of a turn: of 64 guesses 20 or more are
/// right with a probability below 2^-46 (C(64, 20)·32^-20), which is the false-alarm rate of each group.
#[test]
fn all_that_t_trustees_know_says_nothing_of_a_digit() {
    for sharing in Sharing::ALL {
        let federation = Federation::deal(sharing);
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let digits: Vec<_> =
            (0..64).map(|number| (number % 16, federation.encrypt(number % 16, &mut rng))).collect();
        for group in sharing.subsets(sharing.threshold()) {
            let known = |set: &TrusteeSet| set.members().any(|one| group.contains(one));
            let sets = sharing.sets();
            let held = || federation.pieces.iter().zip(&sets).filter(|(_, set)| known(set));
            let guess = |squashed: &Squashed| {
                let parts = held().map(|(piece, _)| minus_inner_product(squashed.mask(), &piece.vector));
                let phase = parts.fold(squashed.body(), u128::wrapping_add);
                phase.wrapping_add(LABEL_STEP / 2) >> SQUASHED_DIGIT_LOG
            };
            let right =
                digits.iter().filter(|(digit, squashed)| guess(squashed) == u128::from(*digit)).count();
            assert!(right < 20, "{sharing}, {group:?}: {right} of 64");
        }
    }
}

#[test]
fn a_retry_has_the_same_bytes_and_another_question_has_others() {
    let federation = Federation::deal(Sharing::new(3, 1).unwrap());
    let round = federation.round(10, &TEN_CLASSES);
    let bytes = || borsh::to_vec(&federation.open(trustee(2), &round)).unwrap();
    assert_eq!(bytes(), bytes());

    let (piece, digit) = (&federation.pieces[0], &round.squashed[0]);
    let asked = question();
    let other = |change: fn(&mut Question)| {
        let mut question = asked;
        change(&mut question);
        piece.open(&question, 0, 0, digit)
    };
    let mut answers = vec![
        piece.open(&asked, 0, 0, digit),
        piece.open(&asked, 1, 0, digit),
        piece.open(&asked, 0, 1, digit),
        other(|question| question.federation = Digest::of(b"other")),
        other(|question| question.round = None),
        other(|question| question.round = Some(RoundId::from_bytes([0; 16]))),
        other(|question| question.tally = Digest::of(b"other")),
    ];
    answers.sort_unstable();
    answers.dedup();
    assert_eq!(answers.len(), 7, "each field changes the flooding");

    let mut words: Vec<u128> = digit.mask().to_vec();
    words.push(digit.body().wrapping_add(1));
    let moved = Squashed::from_words(words).unwrap();
    assert_ne!(piece.open(&asked, 0, 0, &moved), piece.open(&asked, 0, 0, digit), "so does the body");
}

#[test]
fn two_holders_of_a_piece_report_the_same_and_two_pieces_are_flooded_differently() {
    let sharing = Sharing::new(4, 1).unwrap();
    let federation = Federation::deal(sharing);
    let round = federation.round(10, &TEN_CLASSES);
    let [first, second] = [1, 2].map(|number| federation.open(trustee(number), &round));
    // both hold sets 0 and 1
    assert_eq!(first.values[..2], second.values[..2]);
    let flooding = |set: usize| {
        let piece = &federation.pieces[set];
        first.values[set][0].wrapping_sub(minus_inner_product(round.squashed[0].mask(), &piece.vector))
    };
    assert_ne!(flooding(0), flooding(1));
}

/// The flooding is far above the digit's own noise, so that a bound that is never approached would also be wrong:
/// 200 digits all below 2^107 have a probability under 2^-600.
#[test]
#[expect(clippy::print_stdout, reason = "the margin is to be shown")]
fn opened_noise_stays_below_its_bound_with_a_margin() {
    for sharing in Sharing::ALL {
        let federation = Federation::deal(sharing);
        let round = federation.round(10, &[5; 200]);
        let shares = federation.open_all(&round);
        let everyone = sharing.subsets(sharing.count())[0];
        let noise = opened(round.combine(sharing, &shares, everyone)).largest_noise;
        let (bits, bound) = ((noise as f64).log2(), (noise_bound(sharing) as f64).log2());
        let margin = noise_margin(sharing);
        println!(
            "{sharing}: noise 2^{bits:.2}, bound 2^{bound:.2}, {margin:.2} bits below half a digit, 2^122"
        );
        assert!(noise < noise_bound(sharing), "{sharing}: 2^{bits:.2}");
        assert!(bits > 107.0, "{sharing}: 2^{bits:.2}");
        assert!(margin > 7.0, "{sharing}: {margin:.2}");
    }
}

#[test]
fn an_opener_takes_exactly_the_digits_of_its_round() {
    let federation = Federation::deal(Sharing::new(3, 1).unwrap());
    let round = federation.round(100, &HUNDRED_CLASSES);
    let mut opener = Opener::new(&federation.packages[0], question(), round.layout);
    for digit in &round.squashed[..9] {
        opener.push(digit).unwrap();
    }
    assert_eq!(opener.finish().unwrap_err(), OpenerError::TooFew { got: 9, expected: 10 });

    let mut opener = Opener::new(&federation.packages[0], question(), round.layout);
    round.squashed.iter().for_each(|digit| opener.push(digit).unwrap());
    assert_eq!(opener.push(&round.squashed[0]), Err(OpenerError::TooMany { expected: 10 }));
    let shares = opener.finish().unwrap();
    let (last, piece) = (&round.squashed[9], &federation.pieces[1]);
    assert_eq!(shares.values[1][9], piece.open(&question(), 4, 1, last), "digits are instance-major");
}
