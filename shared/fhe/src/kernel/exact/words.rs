//! Polynomials modulo 2^128 of which the upper 105 bits are kept, and their digits.
//!
//! A word is 2^23·(high·2^52 + low) modulo 2^128, so `high` counts modulo 2^53. Between two steps |low| ≤ 2^51 and
//! |high| ≤ 2^52; all else stays at or below 2^53, where every integer is a number of 64-bit floating point.

use super::field::nearest;
use super::ntt::{DEGREE, Digits};
use crate::squash_parameters::SQUASH;

/// Bits that are rounded off: with them goes less than the noise of the key, see `docs/FHE.md`.
pub(super) const DROPPED_BITS: u32 = 23;
/// Bits of `low`.
pub(super) const LOW_BITS: u32 = 52;
/// Bits of `high`.
const HIGH_BITS: u32 = u128::BITS - DROPPED_BITS - LOW_BITS;
/// Digits of a word, and bits of a digit.
pub(super) const LEVELS: usize = SQUASH.levels as usize;
const DIGIT_BITS: u32 = SQUASH.base_log;

// the numbers below are written for these
const _: () = assert!(HIGH_BITS == 53 && LEVELS == 3 && DIGIT_BITS == 24);

/// The unit of `high` in that of `low`.
pub(super) const LOW_UNIT: f64 = power_of_two(LOW_BITS);
const HIGH_UNIT: f64 = power_of_two(HIGH_BITS);
const DIGIT_UNIT: f64 = power_of_two(DIGIT_BITS);
/// The lowest digit's unit in `low`: 72 of 105 bits are decomposed, 53 of them from `high`.
const ROUNDED_UNIT: f64 = power_of_two(u128::BITS - DROPPED_BITS - 3 * DIGIT_BITS);
/// The second lowest digit's unit in `high`, and the lowest digit's part that is in `high`.
const HIGH_REST: f64 = power_of_two(HIGH_BITS - 2 * DIGIT_BITS);
const REST_UNIT: f64 = power_of_two(3 * DIGIT_BITS - HIGH_BITS);

const fn power_of_two(exponent: u32) -> f64 {
    (1_u64 << exponent) as f64
}

/// A polynomial modulo 2^128.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Words {
    high: [f64; DEGREE],
    low: [f64; DEGREE],
}

impl Words {
    pub(super) const ZERO: Self = Self { high: [0.0; DEGREE], low: [0.0; DEGREE] };

    /// Rounds a polynomial to its upper bits.
    pub(super) fn rounded(words: &[u128]) -> Self {
        let mut rounded = Self::ZERO;
        for (place, &word) in words.iter().enumerate().take(DEGREE) {
            (rounded.high[place], rounded.low[place]) = parts(word);
        }
        rounded
    }

    /// Writes all words out.
    pub(super) fn write(&self, words: &mut [u128]) {
        for (word, (&high, &low)) in words.iter_mut().zip(self.high.iter().zip(&self.low)) {
            *word = joined(high, low);
        }
    }

    /// Both parts of a coefficient.
    pub(super) fn parts(&self, place: usize) -> (f64, f64) {
        (self.high[place], self.low[place])
    }

    /// Makes this X^exponent·`other`, for an exponent below 2N.
    #[inline(always)]
    pub(super) fn turn(&mut self, other: &Self, exponent: usize) {
        let (by, sign) = if exponent < DEGREE { (exponent, 1.0) } else { (exponent - DEGREE, -1.0) };
        for (to, from) in [(&mut self.high, &other.high), (&mut self.low, &other.low)] {
            let (wrapped, moved) = to.split_at_mut(by);
            moved.iter_mut().zip(from).for_each(|(to, from)| *to = sign * from);
            wrapped.iter_mut().zip(&from[DEGREE - by..]).for_each(|(to, from)| *to = -sign * from);
        }
    }

    /// Takes `other` off this and writes the digits of the difference: the nearest multiple of 2^56 is
    /// 2^104·first + 2^80·second + 2^56·third modulo 2^128, and no digit exceeds 2^23.
    #[inline(always)]
    pub(super) fn digits_of_difference(&self, other: &Self, digits: [&mut Digits; LEVELS]) {
        let [first, second, third] = digits.map(|digits| &mut digits.0);
        for place in 0..DEGREE {
            let high = self.high[place] - other.high[place];
            let low = self.low[place] - other.low[place];
            let [one, two, three] = digits_of(high, low);
            (first[place], second[place], third[place]) = (one as f32, two as f32, three as f32);
        }
    }

    /// Adds parts to a coefficient: |high| below 2^52 + 2^50, and |low| below 2^53 - 2^51.
    #[inline(always)]
    pub(super) fn add(&mut self, place: usize, high: f64, low: f64) {
        let low = self.low[place] + low;
        let carry = nearest(low * (1.0 / LOW_UNIT));
        self.low[place] = (-carry).mul_add(LOW_UNIT, low);
        let high = wrapped(high + carry) + self.high[place];
        self.high[place] = wrapped(high);
    }
}

/// An integer below 2^103 modulo 2^53, at most 2^52.
#[inline(always)]
pub(super) fn wrapped(high: f64) -> f64 {
    let turns = nearest(high * (1.0 / HIGH_UNIT));
    (-turns).mul_add(HIGH_UNIT, high)
}

/// The digits of a word whose parts are at most 2^53 and 2^52.
#[inline(always)]
fn digits_of(high: f64, low: f64) -> [f64; 3] {
    // the lowest digit takes 5 bits of `high` and 19 of `low`
    let rounded = nearest(low * (1.0 / ROUNDED_UNIT));
    let upper = nearest(high * (1.0 / HIGH_REST));
    let rest = (-upper).mul_add(HIGH_REST, high).mul_add(REST_UNIT, rounded);
    let carry = nearest(rest * (1.0 / DIGIT_UNIT));
    let third = (-carry).mul_add(DIGIT_UNIT, rest);
    let upper = upper + carry;
    let first = nearest(upper * (1.0 / DIGIT_UNIT));
    let second = (-first).mul_add(DIGIT_UNIT, upper);
    let turns = nearest(first * (1.0 / DIGIT_UNIT));
    [(-turns).mul_add(DIGIT_UNIT, first), second, third]
}

/// The parts of a word, rounded to its upper bits.
fn parts(word: u128) -> (f64, f64) {
    let rounded = word.wrapping_add(1 << (DROPPED_BITS - 1)) >> DROPPED_BITS;
    let low = signed(rounded as u64, LOW_BITS);
    // a negative lower part borrows from the upper one
    let high = (rounded >> LOW_BITS) as u64 + u64::from(low < 0);
    (signed(high, HIGH_BITS) as f64, low as f64)
}

/// The number with the same lowest bits, from −2^(bits−1) on.
const fn signed(number: u64, bits: u32) -> i64 {
    let unused = u64::BITS - bits;
    number.cast_signed() << unused >> unused
}

fn joined(high: f64, low: f64) -> u128 {
    let number = ((high as i128) << LOW_BITS) + low as i128;
    number.cast_unsigned() << DROPPED_BITS
}
