//! Fields, transforms, remainders and words.

use tfhe::core_crypto::commons::math::decomposition::SignedDecomposer;

use super::super::butterflies::{inverse4, inverse8};
use super::super::field::{Field, PRIMES};
use super::super::garner::Garner;
use super::super::ntt::{Digits, Ntt, Residues};
use super::super::product::sum_of_products;
use super::super::words::Words;
use super::*;
use crate::squash_parameters::SQUASH;

fn modulo(number: i128, prime: u64) -> u64 {
    number.rem_euclid(i128::from(prime)) as u64
}

fn times(a: u64, b: u64, prime: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(prime)) as u64
}

/// Says whether a number is prime; Miller and Rabin's test with these bases errs for none below 2^64.
fn is_prime(field: &Field, prime: u64) -> bool {
    let twos = (prime - 1).trailing_zeros();
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().all(|base| {
        let first = field.power(base, (prime - 1) >> twos);
        let squares = std::iter::successors(Some(first), |&power| Some(times(power, power, prime)));
        first == 1 || squares.take(twos as usize).any(|power| power == prime - 1)
    })
}

#[test]
fn the_moduli_are_primes_just_below_2_to_the_48_with_roots_of_order_4096() {
    for (field, prime) in Field::all().iter().zip(PRIMES) {
        assert!(is_prime(field, prime), "{prime}");
        assert!(prime < 1 << 48 && (prime as f64).log2() > 47.999);
        assert_eq!(prime % 4096, 1);
        assert_eq!(field.power(field.root(), 2048), prime - 1);
        assert_eq!(field.power(field.root(), 1024) as f64, field.imaginary_unit);
    }
    assert!(!is_prime(&Field::all()[0], PRIMES[0] - 2));
}

#[test]
fn products_and_remainders_are_exact_and_stay_within_their_bounds() {
    let mut rng = rng(2);
    for (field, prime) in Field::all().into_iter().zip(PRIMES) {
        let p = prime.cast_signed();
        let extremes = [0, 1, -1, p / 2, -p / 2, p, 7 * p + 3, -15 * p, 15 * p + p / 2];
        let random: Vec<i64> = (0..2000).map(|_| rng.random_range(-15 * p..15 * p)).collect();
        let factors: Vec<i64> = (0..2000).map(|_| rng.random_range(-p / 2..=p / 2)).collect();
        let all = extremes.iter().flat_map(|&a| [(a, p / 2), (a, -p / 2), (a, 1)]);
        for (a, b) in all.chain(random.into_iter().zip(factors)) {
            let size = a.abs() as f64 / p as f64;
            let product = field.multiply(a as f64, b as f64);
            assert_eq!(
                modulo(product as i128, prime),
                modulo(i128::from(a) * i128::from(b), prime),
                "{a}·{b}"
            );
            assert!(product.abs() <= (0.5 + size / 32.0) * p as f64, "{a}·{b} is {product}");
            let reduced = field.reduce(a as f64);
            assert_eq!(modulo(reduced as i128, prime), modulo(i128::from(a), prime), "{a}");
            assert!(reduced.abs() <= (0.5 + size / 32.0) * p as f64, "{a} is {reduced}");
        }
    }
}

#[test]
fn sums_of_nine_products_are_exact_at_their_bounds() {
    let mut rng = rng(3);
    for (field, prime) in Field::all().into_iter().zip(PRIMES) {
        let (a, b) = ((6.45 * prime as f64) as i64, (0.53 * prime as f64) as i64);
        let mut cases = vec![[(a, b); 9], [(a, -b); 9], [(-a - 1, -b); 9]];
        cases.extend(
            (0..500).map(|_| std::array::from_fn(|_| (rng.random_range(-a..=a), rng.random_range(-b..=b)))),
        );
        for case in cases {
            let sum = sum_of_products(field, case.map(|(a, b)| (a as f64, b as f64)));
            let expected: i128 = case.iter().map(|&(a, b)| i128::from(a) * i128::from(b)).sum();
            assert_eq!(modulo(sum as i128, prime), modulo(expected, prime));
            assert!(sum.abs() < 1.3 * prime as f64, "{case:?}: {sum}");
        }
    }
}

#[test]
fn layers_back_keep_sums_of_the_largest_numbers_within_their_bounds() {
    for field in Field::all() {
        let factor = field.residue(field.root());
        for bound in [1.0, 1.3, 2.0] {
            let largest = (bound * field.prime).floor();
            let four = inverse4(field, [largest; 4], [factor; 3]);
            assert!(four.iter().all(|number| number.abs() <= (1.0 + bound / 8.0) * field.prime), "{four:?}");
            let eight = inverse8(field, [largest; 8], [factor; 7]);
            assert!(
                eight.iter().all(|number| number.abs() <= (2.0 + bound / 4.0) * field.prime),
                "{eight:?}"
            );
        }
    }
}

fn digits_of(polynomial: &[i64]) -> Digits {
    Digits(std::array::from_fn(|place| polynomial[place] as f32))
}

fn residues_of(polynomial: &[u64]) -> Residues {
    let mut residues = Residues::ZERO;
    residues.numbers.iter_mut().zip(polynomial).for_each(|(residue, &number)| *residue = number as f64);
    residues
}

/// The negacyclic product modulo a prime, term by term.
fn schoolbook(a: &[i64], b: &[u64], prime: u64) -> Vec<u64> {
    let mut product = vec![0_u64; DEGREE];
    for (i, &a) in a.iter().enumerate() {
        for (j, &b) in b.iter().enumerate() {
            let term = times(modulo(i128::from(a), prime), b, prime);
            let place = (i + j) % DEGREE;
            let term = if i + j < DEGREE { term } else { (prime - term) % prime };
            product[place] = (product[place] + term) % prime;
        }
    }
    product
}

#[test]
fn a_transform_and_its_way_back_multiply_polynomials() {
    let mut rng = rng(4);
    for (field, prime) in Field::all().into_iter().zip(PRIMES) {
        let ntt = Ntt::new(field);
        let largest = prime / 2;
        let random = (0..DEGREE).map(|_| rng.random_range(0..=largest)).collect();
        for (digits, other) in
            digit_polynomials().iter().zip([random, vec![largest; DEGREE], vec![1; DEGREE]])
        {
            let mut values = [const { Residues::ZERO }; 3];
            let [left, right, spare] = &mut values;
            ntt.transform_digits(&digits_of(digits), spare, left);
            ntt.transform(&residues_of(&other), spare, right);
            let bound = |values: &Residues, bound| {
                values.numbers.iter().all(|value| value.abs() <= bound * prime as f64)
            };
            assert!(bound(left, 6.45) && bound(right, 7.2));
            ntt.normalise(right);
            assert!(bound(right, 0.53));
            for (left, right) in left.numbers.iter_mut().zip(right.numbers) {
                *left = field.reduce(field.multiply(*left, right));
            }
            ntt.transform_back(left, spare);
            assert!(bound(left, 1.2));
            let product: Vec<u64> =
                left.numbers.iter().map(|&number| modulo(number as i128, prime)).collect();
            assert_eq!(product, schoolbook(digits, &other, prime));
        }
    }
}

#[test]
fn integers_up_to_2_to_the_142_come_back_from_their_remainders() {
    let garner = Garner::new(Field::all());
    let mut rng = rng(5);
    // products of a factor of 105 bits and one of 37
    let largest = ((1_u128 << 105) - 1, (1_u64 << 37) - 1);
    let factors = std::iter::repeat_with(|| (rng.random::<u128>() >> 23, rng.random::<u64>() >> 27));
    let factors: Vec<(u128, u64)> =
        [largest, (0, 0), (1, 1)].into_iter().chain(factors).take(DEGREE).collect();
    for negative in [false, true] {
        let residues = PRIMES.map(|prime| {
            let product = |&(a, b): &(u128, u64)| times((a % u128::from(prime)) as u64, b % prime, prime);
            let signed = |residue| if negative { (prime - residue) % prime } else { residue };
            residues_of(&factors.iter().map(product).map(signed).collect::<Vec<_>>())
        });
        let before: Vec<u128> = factors.iter().map(|(a, _)| a.wrapping_mul(12345) << 23).collect();
        let (mut words, mut after) = (Words::rounded(&before), vec![0; DEGREE]);
        garner.add(&residues, &mut words);
        words.write(&mut after);
        for ((before, after), (a, b)) in before.iter().zip(after).zip(&factors) {
            let added = a.wrapping_mul(u128::from(*b)) << 23;
            let expected = if negative { before.wrapping_sub(added) } else { before.wrapping_add(added) };
            assert_eq!(after, expected, "{a}·{b}");
        }
    }
}

#[test]
fn words_keep_their_upper_bits_and_turn_as_polynomials_do() {
    let mut rng = rng(6);
    let mut words: Vec<u128> = (0..DEGREE).map(|_| rng.random()).collect();
    words[..4].copy_from_slice(&[0, u128::MAX, 1 << 127, (1 << 127) - 1]);
    let kept: Vec<u128> = words.iter().map(|word| word.wrapping_add(1 << 22) >> 23 << 23).collect();
    let rounded = Words::rounded(&words);
    for exponent in [0, 1, 1000, 2047, 2048, 2049, 4095] {
        let (mut turned, mut out) = (Words::ZERO, vec![0; DEGREE]);
        turned.turn(&rounded, exponent);
        turned.write(&mut out);
        for (place, word) in kept.iter().enumerate() {
            let to = (place + exponent) % (2 * DEGREE);
            let expected = if to < DEGREE { *word } else { word.wrapping_neg() };
            assert_eq!(out[to % DEGREE], expected, "{place} by {exponent}");
        }
    }
}

#[test]
fn the_digits_of_a_difference_are_those_of_tfhe() {
    let mut rng = rng(7);
    let [left, right]: [Vec<u128>; 2] =
        std::array::from_fn(|_| (0..DEGREE).map(|_| rng.random::<u128>() >> 23 << 23).collect());
    let mut digits = [const { Digits::ZERO }; 3];
    let [first, second, third] = &mut digits;
    Words::rounded(&left).digits_of_difference(&Words::rounded(&right), [first, second, third]);
    let decomposer = SignedDecomposer::<u128>::new(SQUASH.base(), SQUASH.level_count());
    for place in 0..DEGREE {
        let terms = decomposer.decompose(left[place].wrapping_sub(right[place]));
        // tfhe gives the lowest digit first
        let expected: Vec<i128> = terms.map(|term| term.value().cast_signed()).collect();
        let found: Vec<i128> = digits.iter().rev().map(|digits| digits.0[place] as i128).collect();
        assert_eq!(found, expected, "place {place}");
    }
}
