//! The negacyclic number-theoretic transform of N = 2048 numbers: the values of a polynomial at all odd powers of a root
//! of order 2N, and back.
//!
//! Eleven layers of butterflies in five passes over the data. The first two passes store four by four what they have
//! transformed, so that from then on the lowest four bits of a place are done with: all loops run over sixteen
//! neighbours or more, and no numbers have to be exchanged within a register. The values come out in an order that only
//! the way back knows.
//!
//! Bounds, as multiples of p. Forward, a butterfly adds a product, so that A becomes A + 1/2 + A/32: digits up to 2^23
//! leave the first layer, which has a factor of 24 bits, below 0.501, and the last below 6.45; residues up to 0.53 leave
//! it below 7.2. Backward, sums double and products are reduced, and the sum of all numbers of a butterfly is reduced at
//! once: a pass of two layers makes 1 + B/8 of B, that of three makes 2 + B/4; 1.3 becomes 1.17, 1.15, 2.29, 1.29, 1.17.

use super::butterflies::{forward4, forward8, inverse4, inverse8, small4};
use super::field::Field;
use super::words::{LOW_BITS, Words};
use crate::parameters::POLYNOMIAL_SIZE;

pub(super) const DEGREE: usize = POLYNOMIAL_SIZE;

/// The coefficients of a polynomial modulo a prime, or its values.
///
/// The padding keeps polynomials that are read side by side out of the same lines of a cache.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Residues {
    pub(super) numbers: [f64; DEGREE],
    padding: [f64; 8],
}

impl Residues {
    pub(super) const ZERO: Self = Self { numbers: [0.0; DEGREE], padding: [0.0; 8] };
}

/// A polynomial of digits up to 2^23, which 32 bits hold exactly.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Digits(pub(super) [f32; DEGREE]);

impl Digits {
    pub(super) const ZERO: Self = Self([0.0; DEGREE]);
}

/// The factors of the five passes, repeated to the length of their loops.
struct Factors {
    first: [f64; 3],
    second: [[f64; 64]; 3],
    third: [[f64; 64]; 7],
    fourth: [[[f64; 64]; 3]; 8],
    fifth: [[[f64; 16]; 3]; 32],
}

impl Factors {
    /// `factor(m + i)` is that of block i of the layer that has m blocks.
    fn new(factor: impl Fn(usize) -> f64) -> Box<Self> {
        // a block has two blocks in the next layer, and four in the one after it
        let three = |block: usize, place: usize| factor([block, 2 * block, 2 * block + 1][place]);
        let seven = |block: usize, place: usize| match place {
            0..3 => three(block, place),
            _ => factor(4 * block + place - 3),
        };
        Box::new(Self {
            first: std::array::from_fn(|place| three(1, place)),
            second: std::array::from_fn(|place| std::array::from_fn(|j| three(4 + j % 4, place))),
            third: std::array::from_fn(|place| std::array::from_fn(|j| seven(16 + j % 16, place))),
            fourth: std::array::from_fn(|block| {
                std::array::from_fn(|place| std::array::from_fn(|j| three(128 + j % 16 * 8 + block, place)))
            }),
            fifth: std::array::from_fn(|block| {
                std::array::from_fn(|place| std::array::from_fn(|j| three(512 + j * 32 + block, place)))
            }),
        })
    }
}

/// The transform modulo one prime.
pub(super) struct Ntt {
    pub(super) field: Field,
    /// 1/N.
    divisor: f64,
    forward: Box<Factors>,
    inverse: Box<Factors>,
}

impl Ntt {
    pub(super) fn new(field: Field) -> Self {
        let root = field.root();
        let reversed = |place: usize| (place as u64).reverse_bits() >> (u64::BITS - DEGREE.ilog2());
        let power = |exponent| field.residue(field.power(root, exponent));
        Self {
            field,
            divisor: field.inverse_of(DEGREE as u64),
            forward: Factors::new(|place| power(reversed(place))),
            inverse: Factors::new(|place| power(2 * DEGREE as u64 - reversed(place))),
        }
    }

    /// Transforms digits; the values are below 6.45·p.
    #[inline(always)]
    pub(super) fn transform_digits(&self, digits: &Digits, spare: &mut Residues, values: &mut Residues) {
        let (x, out) = (split::<_, 512, 4>(&digits.0), split_mut::<4, 512>(&mut spare.numbers));
        let (field, factors) = (self.field, self.forward.first);
        for (j, out) in out.iter_mut().enumerate() {
            *out = small4(field, column(x, j).map(f64::from), factors);
        }
        self.transform_rest(spare, values);
    }

    /// Writes the residues of all words, below 0.53·p.
    #[inline(always)]
    pub(super) fn residues(&self, words: &Words, residues: &mut Residues) {
        let field = self.field;
        let unit = field.residue(1 << LOW_BITS);
        for (place, residue) in residues.numbers.iter_mut().enumerate() {
            let (high, low) = words.parts(place);
            // `unit` is below 2^39, so the product is below p/2, and the sum below 9·p
            *residue = field.reduce(field.reduce(field.multiply(high, unit) + low));
        }
    }

    /// Transforms residues below 0.53·p; the values are below 7.2·p.
    #[inline(always)]
    pub(super) fn transform(&self, residues: &Residues, spare: &mut Residues, values: &mut Residues) {
        let (x, out) = (split::<_, 512, 4>(&residues.numbers), split_mut::<4, 512>(&mut spare.numbers));
        let (field, factors) = (self.field, self.forward.first);
        for (j, out) in out.iter_mut().enumerate() {
            *out = forward4(field, column(x, j), factors);
        }
        self.transform_rest(spare, values);
    }

    /// Divides by N what the way back multiplies by N, and brings values below 7.2·p within 0.53·p.
    #[inline(always)]
    pub(super) fn normalise(&self, values: &mut Residues) {
        let (field, divisor) = (self.field, self.divisor);
        for value in &mut values.numbers {
            *value = field.reduce(field.multiply(*value, divisor));
        }
    }

    /// The four passes after the first.
    #[inline(always)]
    fn transform_rest(&self, spare: &Residues, values: &mut Residues) {
        let (field, factors) = (self.field, &*self.forward);
        let (x, out) = (split::<_, 512, 4>(&spare.numbers), split_mut::<4, 512>(&mut values.numbers));
        for from in (0..8).map(|turn| 64 * turn) {
            for j in 0..64 {
                out[from + j] = forward4(field, column(x, from + j), column(&factors.second, j));
            }
        }
        let x = split_mut::<256, 8>(&mut values.numbers);
        for from in (0..4).map(|turn| 64 * turn) {
            for j in 0..64 {
                set_column(x, from + j, forward8(field, column(x, from + j), column(&factors.third, j)));
            }
        }
        for (block, factors) in values.numbers.as_chunks_mut::<256>().0.iter_mut().zip(&factors.fourth) {
            let x = split_mut::<64, 4>(block);
            for j in 0..64 {
                set_column(x, j, forward4(field, column(x, j), column(factors, j)));
            }
        }
        for (block, factors) in values.numbers.as_chunks_mut::<64>().0.iter_mut().zip(&factors.fifth) {
            let x = split_mut::<16, 4>(block);
            for j in 0..16 {
                set_column(x, j, forward4(field, column(x, j), column(factors, j)));
            }
        }
    }

    /// Transforms values below 1.3·p back, to N times the coefficients, below 1.2·p.
    #[inline(always)]
    pub(super) fn transform_back(&self, values: &mut Residues, spare: &mut Residues) {
        let (field, factors) = (self.field, &*self.inverse);
        for (block, factors) in values.numbers.as_chunks_mut::<64>().0.iter_mut().zip(&factors.fifth) {
            let x = split_mut::<16, 4>(block);
            for j in 0..16 {
                set_column(x, j, inverse4(field, column(x, j), column(factors, j)));
            }
        }
        for (block, factors) in values.numbers.as_chunks_mut::<256>().0.iter_mut().zip(&factors.fourth) {
            let x = split_mut::<64, 4>(block);
            for j in 0..64 {
                set_column(x, j, inverse4(field, column(x, j), column(factors, j)));
            }
        }
        let x = split_mut::<256, 8>(&mut values.numbers);
        for from in (0..4).map(|turn| 64 * turn) {
            for j in 0..64 {
                set_column(x, from + j, inverse8(field, column(x, from + j), column(&factors.third, j)));
            }
        }
        let (x, out) = (split::<_, 4, 512>(&values.numbers), split_mut::<512, 4>(&mut spare.numbers));
        for from in (0..8).map(|turn| 64 * turn) {
            for j in 0..64 {
                set_column(out, from + j, inverse4(field, x[from + j], column(&factors.second, j)));
            }
        }
        let (x, out) = (split::<_, 4, 512>(&spare.numbers), split_mut::<512, 4>(&mut values.numbers));
        for (j, &x) in x.iter().enumerate() {
            set_column(out, j, inverse4(field, x, factors.first));
        }
    }
}

/// Sees numbers as `COUNT` rows of `LENGTH`.
#[inline(always)]
fn split<T, const LENGTH: usize, const COUNT: usize>(numbers: &[T]) -> &[[T; LENGTH]; COUNT] {
    match numbers.as_chunks::<LENGTH>().0.first_chunk() {
        Some(rows) => rows,
        None => unreachable!("{COUNT} rows of {LENGTH}"),
    }
}

#[inline(always)]
fn split_mut<const LENGTH: usize, const COUNT: usize>(numbers: &mut [f64]) -> &mut [[f64; LENGTH]; COUNT] {
    match numbers.as_chunks_mut::<LENGTH>().0.first_chunk_mut() {
        Some(rows) => rows,
        None => unreachable!("{COUNT} rows of {LENGTH}"),
    }
}

#[inline(always)]
fn column<T: Copy, const LENGTH: usize, const COUNT: usize>(
    rows: &[[T; LENGTH]; COUNT],
    j: usize,
) -> [T; COUNT] {
    std::array::from_fn(|row| rows[row][j])
}

#[inline(always)]
fn set_column<const LENGTH: usize, const COUNT: usize>(
    rows: &mut [[f64; LENGTH]; COUNT],
    j: usize,
    numbers: [f64; COUNT],
) {
    for (row, number) in rows.iter_mut().zip(numbers) {
        row[j] = number;
    }
}
