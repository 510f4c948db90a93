//! External products and rotations, word for word, with the extremes and under all instructions.

use tfhe::core_crypto::commons::math::decomposition::SignedDecomposer;

use super::super::super::dispatch::Instructions;
use super::super::ntt::Residues;
use super::super::product::{PARTS, ROWS};
use super::super::rotation::{ExactKey, Lane, Rotation, WideTurn};
use super::*;
use crate::squash_parameters::SQUASH;

const WORDS_PER_BIT: usize = ROWS * PARTS * DEGREE;

/// Adds the negacyclic product of digits and words modulo 2^128, term by term.
fn add_product(sum: &mut [u128], digits: &[i64], words: &[u128]) {
    for (i, &digit) in digits.iter().enumerate() {
        let digit = i128::from(digit).cast_unsigned();
        let (moved, wrapped) = words.split_at(DEGREE - i);
        let (low, high) = sum.split_at_mut(i);
        high.iter_mut().zip(moved).for_each(|(s, w)| *s = s.wrapping_add(digit.wrapping_mul(*w)));
        low.iter_mut().zip(wrapped).for_each(|(s, w)| *s = s.wrapping_sub(digit.wrapping_mul(*w)));
    }
}

/// The words that the kernel keeps of a key.
fn kept(words: &[u128]) -> Vec<u128> {
    words.iter().map(|word| word.wrapping_add(1 << 22) >> 23 << 23).collect()
}

/// What the kernel adds to an empty accumulator for these digits and one key bit.
fn product(key: &ExactKey, digits: &[Vec<i64>]) -> Vec<u128> {
    let mut table = vec![0; PARTS * DEGREE];
    let mut lane = Lane::new(&WideTurn { exponents: &[0], body: 0, words: &mut table });
    for (row, digits) in lane.digits.iter_mut().zip(digits) {
        row.0 = std::array::from_fn(|place| digits[place] as f32);
    }
    key.add_products(0, std::slice::from_mut(&mut lane), &mut Residues::ZERO.clone());
    lane.write(&mut table);
    table
}

fn key_of(words: &[u128]) -> ExactKey {
    let mut key = ExactKey::new(words.len() / WORDS_PER_BIT);
    key.fill(0, words);
    key
}

#[test]
fn an_external_product_is_exact_for_random_and_for_extreme_digits() {
    let mut rng = rng(8);
    let random: Vec<u128> = (0..WORDS_PER_BIT).map(|_| rng.random()).collect();
    // the largest sum there is: every digit and every word at the same extreme
    let keys = [random, vec![1 << 127; WORDS_PER_BIT], vec![(1 << 127) - (1 << 23); WORDS_PER_BIT]];
    for words in keys {
        let key = key_of(&words);
        for digits in digit_polynomials() {
            let rows = vec![digits; ROWS];
            let mut expected = vec![0; PARTS * DEGREE];
            for (number, words) in kept(&words).chunks_exact(DEGREE).enumerate() {
                let sum = &mut expected[number % PARTS * DEGREE..][..DEGREE];
                add_product(sum, &rows[number / PARTS], words);
            }
            assert!(product(&key, &rows) == expected, "digits {:?} …", &rows[0][..2]);
        }
    }
}

/// Tables, exponents and a key of `bits` bits, all at random.
struct Case {
    words: Vec<u128>,
    key: ExactKey,
    exponents: Vec<Vec<u16>>,
    tables: Vec<Vec<u128>>,
}

impl Case {
    fn new(bits: usize, turns: usize) -> Self {
        let mut rng = rng(9);
        let words: Vec<u128> = (0..bits * WORDS_PER_BIT).map(|_| rng.random()).collect();
        let exponents = (0..turns).map(|_| (0..bits).map(|_| rng.random_range(0..4096)).collect());
        let exponents = exponents.collect();
        let tables = (0..turns).map(|_| (0..PARTS * DEGREE).map(|_| rng.random()).collect()).collect();
        Self { key: key_of(&words), words, exponents, tables }
    }

    fn rotated(&self, instructions: Instructions, batch: usize) -> Vec<Vec<u128>> {
        let mut tables = self.tables.clone();
        for (tables, exponents) in tables.chunks_mut(batch).zip(self.exponents.chunks(batch)) {
            let turns = tables.iter_mut().zip(exponents);
            let mut turns: Vec<WideTurn<'_>> =
                turns.map(|(words, exponents)| WideTurn { exponents, body: 3000, words }).collect();
            instructions.run(Rotation { key: &self.key, turns: &mut turns });
        }
        tables
    }
}

/// What one step makes of an accumulator, in integers.
fn stepped(table: &[u128], exponent: u16, words: &[u128]) -> Vec<u128> {
    let decomposer = SignedDecomposer::<u128>::new(SQUASH.base(), SQUASH.level_count());
    let mut digits = vec![vec![0; DEGREE]; ROWS];
    for (part, polynomial) in table.chunks_exact(DEGREE).enumerate() {
        for place in 0..DEGREE {
            let from = (place + 2 * DEGREE - usize::from(exponent)) % (2 * DEGREE);
            let word = polynomial[from % DEGREE];
            let turned = if from < DEGREE { word } else { word.wrapping_neg() };
            for (level, term) in decomposer.decompose(turned.wrapping_sub(polynomial[place])).enumerate() {
                digits[level * PARTS + part][place] = term.value().cast_signed() as i64;
            }
        }
    }
    let mut sums = table.to_vec();
    for (number, words) in words.chunks_exact(DEGREE).enumerate() {
        add_product(&mut sums[number % PARTS * DEGREE..][..DEGREE], &digits[number / PARTS], words);
    }
    sums
}

#[test]
fn a_rotation_is_what_integers_make_of_it() {
    let case = Case::new(2, 1);
    let back = |words: &[u128]| {
        let turned = words.chunks_exact(DEGREE).flat_map(|words| {
            let (wrapped, moved) = words.split_at(3000 - DEGREE);
            let moved = moved.iter().map(|word| word.wrapping_neg());
            moved.chain(wrapped.iter().copied())
        });
        turned.collect::<Vec<u128>>()
    };
    let words = kept(&case.words);
    let mut expected = back(&kept(&case.tables[0]));
    for (exponent, words) in case.exponents[0].iter().zip(words.chunks_exact(WORDS_PER_BIT)) {
        expected = stepped(&expected, *exponent, words);
    }
    for instructions in Instructions::here() {
        assert!(case.rotated(instructions, 1)[0] == expected, "{instructions:?}");
    }
}

#[test]
fn all_instructions_and_all_batches_give_the_same_bits() {
    let case = Case::new(2, 5);
    let here = Instructions::here();
    let one_by_one = case.rotated(here[0], 1);
    for instructions in here {
        for batch in [1, 2, 3, 5] {
            assert!(case.rotated(instructions, batch) == one_by_one, "{instructions:?}, batches of {batch}");
        }
    }
}
