//! What openings give away: nothing with derived flooding; the key without flooding; the phase with fresh flooding.

use super::{
    flood::{flood, prf, uniform},
    piece::split,
    *,
};

/// Samples on each side of the two-sample test.
const SAMPLES: usize = 4000;

/// Flooding as the protocol has it, but from fresh randomness.
fn fresh_flood(rng: &mut ChaCha20Rng) -> u128 {
    uniform(rng.random(), 110).wrapping_add(uniform(rng.random(), 110))
}

/// The simulator: it makes the opening of the piece that t corrupt trustees lack from what they know anyway, namely
/// label, ciphertext, their own pieces, and given flooding.
///
/// All unflooded openings and the body sum to the label plus the ciphertext's noise, so the missing one follows from
/// the others; the simulator does not know that noise and takes it as zero.
fn simulate(digit: u16, squashed: &Squashed, own: &[&Piece], flooding: u128) -> u128 {
    let known = own.iter().map(|piece| minus_inner_product(squashed.mask(), &piece.vector));
    let known = known.fold(squashed.body(), u128::wrapping_add);
    (u128::from(digit) * LABEL_STEP).wrapping_sub(known).wrapping_add(flooding)
}

/// The two-sample Kolmogorov-Smirnov statistic: the largest distance of the two empirical distributions.
fn distance(mut left: Vec<i128>, mut right: Vec<i128>) -> f64 {
    left.sort_unstable();
    right.sort_unstable();
    let below =
        |sample: &[i128], limit: i128| sample.partition_point(|x| *x <= limit) as f64 / sample.len() as f64;
    let gap = |limit: &i128| (below(&left, *limit) - below(&right, *limit)).abs();
    left.iter().chain(&right).map(gap).fold(0.0, f64::max)
}

/// The statistic above which two samples of one distribution stay with probability 10^-6 only.
fn alarm() -> f64 {
    let rate: f64 = 1e-6;
    (-(rate / 2.0).ln() / 2.0).sqrt() * (2.0 / SAMPLES as f64).sqrt()
}

/// False-alarm rate 10^-6 per sharing. The control shows that the test tells half the flooding from the whole.
#[test]
#[expect(clippy::print_stdout, reason = "the distance is to be shown")]
fn openings_of_a_piece_look_like_those_simulated_from_the_label_alone() {
    for sharing in with_a_threshold() {
        let federation = Federation::deal(sharing);
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        // trustees 1 to t are corrupt; the last set is the one that none of them is in
        let (lacking, own) = federation.pieces.split_last().unwrap();
        let own: Vec<&Piece> = own.iter().collect();
        let (mut real, mut simulated, mut weak) = (vec![], vec![], vec![]);
        for instance in 0..SAMPLES {
            let digit = rng.random_range(0..16);
            let squashed = federation.encrypt(digit, &mut rng);
            // uniform as it stands; what is left beside everything known is what could give something away
            let rest =
                |opening: u128| opening.wrapping_sub(simulate(digit, &squashed, &own, 0)).cast_signed();
            let opening = lacking.open(&question(), instance, 0, &squashed);
            real.push(rest(opening));
            simulated.push(rest(simulate(digit, &squashed, &own, fresh_flood(&mut rng))));
            weak.push(rest(simulate(digit, &squashed, &own, uniform(rng.random(), 110))));
        }
        let found = distance(real.clone(), simulated);
        println!("{sharing}: distance {found:.4}, alarm above {:.4}", alarm());
        assert!(found < alarm(), "{sharing}: {found}");
        assert!(distance(real, weak) > alarm(), "{sharing}: one uniform instead of two is told apart");
    }
}

/// Dimension of the toy keys below; the arithmetic is that of the real ones.
const TOY_DIMENSION: usize = 64;
/// Openings that an observer collects: with 40 more than the dimension, a system fails to be solvable with
/// probability 2^-40.
const COLLECTED: usize = TOY_DIMENSION + 40;

/// The inverse of an odd number modulo 2^128; each step doubles the bits that are right, three at first.
fn inverse(odd: u128) -> u128 {
    (0..6).fold(odd, |inverse, _| inverse.wrapping_mul(2_u128.wrapping_sub(odd.wrapping_mul(inverse))))
}

/// Solves ⟨a, x⟩ = c modulo 2^128, each equation being (a, c), by elimination with odd pivots.
fn solve(mut equations: Vec<(Vec<u128>, u128)>) -> Vec<u128> {
    for column in 0..TOY_DIMENSION {
        let pivot = (column..equations.len()).find(|row| equations[*row].0[column] % 2 == 1).unwrap();
        equations.swap(column, pivot);
        let (mut mask, mut value) = equations[column].clone();
        let scale = inverse(mask[column]);
        mask.iter_mut().for_each(|word| *word = word.wrapping_mul(scale));
        value = value.wrapping_mul(scale);
        let others = equations.iter_mut().enumerate().filter(|(row, _)| *row != column);
        for (_, equation) in others {
            let factor = equation.0[column];
            for (word, above) in equation.0.iter_mut().zip(&mask) {
                *word = word.wrapping_sub(factor.wrapping_mul(*above));
            }
            equation.1 = equation.1.wrapping_sub(factor.wrapping_mul(value));
        }
        equations[column] = (mask, value);
    }
    equations.into_iter().take(TOY_DIMENSION).map(|(_, value)| value).collect()
}

/// What an observer solves from the openings of every piece of a toy key, summed over the pieces.
fn solved_key(bits: &[u64], flooding: impl Fn(usize, usize) -> u128) -> Vec<u128> {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let masks: Vec<Vec<u128>> =
        (0..COLLECTED).map(|_| (0..bits.len()).map(|_| rng.random()).collect()).collect();
    let mut key = vec![0_u128; bits.len()];
    for (set, piece) in split(bits, 3).unwrap().iter().enumerate() {
        let opening =
            |number, mask: &Vec<u128>| minus_inner_product(mask, piece).wrapping_add(flooding(set, number));
        let equations = masks.iter().enumerate();
        let equations = equations.map(|(number, mask)| (mask.clone(), opening(number, mask).wrapping_neg()));
        let solution = solve(equations.collect());
        key.iter_mut().zip(solution).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
    }
    key
}

/// A word of the wrong solution is right by chance with probability 2^-110 at most, so the false-alarm rate is below
/// 2^-100.
#[test]
fn without_flooding_the_openings_give_the_key_away_and_with_it_they_do_not() {
    let bits: Vec<u64> = (0..TOY_DIMENSION as u64).map(|place| place * 5 % 7 % 2).collect();
    let key: Vec<u128> = bits.iter().map(|bit| u128::from(*bit)).collect();
    assert_eq!(solved_key(&bits, |_, _| 0), key, "every bit of the key");
    let flooded =
        solved_key(&bits, |set, number| flood(&[set as u8; 32], &Digest::of(&number.to_le_bytes())));
    assert!(flooded.iter().zip(&key).all(|(found, bit)| found != bit), "not one bit of the key");
}

/// The mean of answers modulo 2^128, rounded, as seen from the first of them.
fn mean(answers: &[u128]) -> u128 {
    let sum: i128 = answers.iter().map(|answer| answer.wrapping_sub(answers[0]).cast_signed()).sum();
    let mean = (sum as f64 / answers.len() as f64).round() as i128;
    answers[0].wrapping_add(mean.cast_unsigned())
}

/// With toy flooding in ±2^4 (standard deviation 13) the mean of 30 000 fresh answers errs with 0.075, so that
/// rounding it fails with probability 10^-9 over all 20 ciphertexts. Derived flooding equals its mean by chance with
/// probability 1/32: ten of 20 would be below 10^-9.
#[test]
fn averaging_retries_recovers_the_phase_if_flooding_is_fresh_and_not_if_it_is_derived() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let piece: Vec<u128> = (0..TOY_DIMENSION).map(|_| rng.random()).collect();
    let (mut from_fresh, mut from_derived) = (0, 0);
    for number in 0..20_u32 {
        let mask: Vec<u128> = (0..TOY_DIMENSION).map(|_| rng.random()).collect();
        let phase = minus_inner_product(&mask, &piece);
        let two =
            |terms: [u128; 2]| terms.into_iter().fold(phase, |sum, bits| sum.wrapping_add(uniform(bits, 4)));
        let h = Digest::of(&number.to_le_bytes());
        // everybody knows the mean of two uniforms over −16..=15, which is −1
        let mean = |answers: Vec<u128>| mean(&answers).wrapping_add(1);
        let fresh = mean((0..30_000).map(|_| two([rng.random(), rng.random()])).collect());
        let derived =
            mean((0..1_000).map(|_| two([0, 1].map(|counter| prf(&[9; 32], &h, counter)))).collect());
        from_fresh += u32::from(fresh == phase);
        from_derived += u32::from(derived == phase);
    }
    assert_eq!(from_fresh, 20, "fresh flooding averages out");
    assert!(from_derived < 10, "derived flooding recovered {from_derived} of 20");
}
