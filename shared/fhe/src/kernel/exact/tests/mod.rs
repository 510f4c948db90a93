//! The kernel against integer arithmetic: number by number, polynomial by polynomial, step by step.

mod arithmetic;
mod steps;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::ntt::DEGREE;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Half of the base: no digit is larger.
const LARGEST_DIGIT: i64 = 1 << 23;

/// Digits at random, all at one extreme, and at both by turns.
fn digit_polynomials() -> Vec<Vec<i64>> {
    let mut rng = rng(1);
    let random = (0..DEGREE).map(|_| rng.random_range(-LARGEST_DIGIT..=LARGEST_DIGIT)).collect();
    let by_turns = (0..DEGREE).map(|place| if place % 2 == 0 { LARGEST_DIGIT } else { -LARGEST_DIGIT });
    vec![random, vec![LARGEST_DIGIT; DEGREE], vec![-LARGEST_DIGIT; DEGREE], by_turns.collect()]
}
