//! Sums of products at every value: one row of digits' values times nine rows of a key bit.

use super::field::Field;
use super::ntt::{DEGREE, Residues};
use super::words::LEVELS;
use crate::squash_parameters::SQUASH;

/// Polynomials of an accumulator, and of a row of the key: masks and body.
pub(super) const PARTS: usize = SQUASH.glwe_dimension as usize + 1;
/// Rows of the encryption of a key bit: one per level and polynomial.
pub(super) const ROWS: usize = LEVELS * PARTS;
/// Values of a key bit that lie together, so that they stay in the nearest cache for a whole batch.
const PLACES: usize = 64;
pub(super) const BLOCKS: usize = DEGREE / PLACES;

/// 1.5·2^102: a sum below 2^101, added to it, is rounded to a multiple of 2^50.
const ACCUMULATOR: f64 = 1.5 * (1_u128 << 102) as f64;
/// 1.5·2^55: a number below 2^54, added to it, is rounded to a multiple of 8.
const COARSE_ROUNDER: f64 = 1.5 * (1_u64 << 55) as f64;

/// Neighbouring values of the encryption of a key bit: row by row, column by column; none exceeds 0.53·p.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct KeyBlock([[[f64; PLACES]; PARTS]; ROWS]);

impl KeyBlock {
    pub(super) const ZERO: Self = Self([[[0.0; PLACES]; PARTS]; ROWS]);

    /// Stores the values of one polynomial in the blocks of its key bit.
    pub(super) fn store(blocks: &mut [Self], row: usize, column: usize, values: &Residues) {
        for (block, values) in blocks.iter_mut().zip(values.numbers.as_chunks().0) {
            block.0[row][column] = *values;
        }
    }

    /// Multiplies values below 6.45·p by the key's, at the places of block number `number`; the sums are below 1.3·p.
    #[inline(always)]
    pub(super) fn multiply(
        &self,
        field: Field,
        number: usize,
        values: &[Residues; ROWS],
        sums: [&mut Residues; PARTS],
    ) {
        let values: [&[f64; PLACES]; ROWS] =
            std::array::from_fn(|row| &values[row].numbers.as_chunks().0[number]);
        for (column, sums) in sums.into_iter().enumerate() {
            let key: [&[f64; PLACES]; ROWS] = std::array::from_fn(|row| &self.0[row][column]);
            let sums: &mut [f64; PLACES] = &mut sums.numbers.as_chunks_mut().0[number];
            for place in 0..PLACES {
                let factors = std::array::from_fn(|row| (values[row][place], key[row][place]));
                sums[place] = sum_of_products(field, factors);
            }
        }
    }
}

/// The residue of the sum of a·b, for |a| ≤ 6.45·p and |b| ≤ 0.53·p; it is below 1.3·p.
///
/// Nine products of at most 3.42·p² < 2^97.78 stay below 2^100.95. So the upper sum keeps its exponent, every addition to
/// it is rounded to a multiple of 2^50, and what rounding took away, a multiple of 1 up to 2^49, is exact: nine of that
/// stay below 2^52.2.
#[inline(always)]
pub(super) fn sum_of_products(field: Field, factors: [(f64, f64); ROWS]) -> f64 {
    let (mut upper, mut lower) = (ACCUMULATOR, 0.0);
    for (a, b) in factors {
        let sum = a.mul_add(b, upper);
        lower += a.mul_add(b, upper - sum);
        upper = sum;
    }
    // the quotient is below 2^52.96, so that rounding to a multiple of 8 leaves 5·p
    let upper = upper - ACCUMULATOR;
    let quotient = upper.mul_add(field.inverse, COARSE_ROUNDER) - COARSE_ROUNDER;
    // 5·p and 2^52.2 are below 23·p and 2^53
    field.reduce((-quotient).mul_add(field.prime, upper) + lower)
}
