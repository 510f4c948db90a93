//! The blind rotation: for each step of the key, decompose, transform, multiply and add, in one pass over all accumulators
//! of a batch.
//!
//! A step adds Σ_t (X^{a_t} − 1)·(A ⊡ G_t) to an accumulator A, where G_t encrypts one bit: the key bit itself, or one of
//! the three products of a pair, of which at most one is 1. The factor is multiplied after the transform, where it is one
//! number per slot; so an accumulator is transformed once per step, however many terms there are.

use tfhe::core_crypto::fft_impl::fft64::c64;

use super::dispatch::{Work, dispatch};
use super::fourier::{DEGREE, Fourier, HALF, Polynomial, Scratch, Spectrum, TURN};
use crate::fhe::scheme::Unrolling;

/// Polynomials of an accumulator: mask and body.
const PARTS: usize = 2;
/// Slots that share a coarse factor of X^a; the exponents of the slots are sums of a coarse and a fine part.
const FINE: usize = 32;
/// Slots that are multiplied side by side.
const LANES: usize = 8;
const BLOCKS: usize = HALF / LANES;

const ZERO: c64 = c64 { re: 0.0, im: 0.0 };

/// Eight neighbouring numbers, their real and imaginary parts apart: one register of AVX-512 each.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Eight {
    re: [f64; LANES],
    im: [f64; LANES],
}

impl Eight {
    const ZERO: Self = Self { re: [0.0; LANES], im: [0.0; LANES] };

    #[inline(always)]
    const fn at(&self, slot: usize) -> c64 {
        c64 { re: self.re[slot], im: self.im[slot] }
    }

    #[inline(always)]
    const fn set(&mut self, slot: usize, number: c64) {
        (self.re[slot], self.im[slot]) = (number.re, number.im);
    }
}

/// The numbers of one term of the key at neighbouring slots: row by row, column by column.
type Block = [[Eight; PARTS]; PARTS];

/// The bootstrapping key in the form that the rotation reads.
pub(crate) struct FusedKey {
    fourier: Fourier,
    base_log: u32,
    unrolling: Unrolling,
    /// Step by step, within it block by block, within it term by term.
    blocks: Vec<Block>,
    /// Exponents of the first slots, and what those of every later group of as many have more: the transform's order
    /// makes it one number per group (tested).
    fine: [usize; FINE],
    coarse: [usize; HALF / FINE],
}

/// An accumulator: mask and body.
type Accumulator = [Polynomial; PARTS];

/// One rotation: what is rotated, and the exponents that a ciphertext asks for.
pub(crate) struct Turn<'a> {
    /// Exponents, all terms of the first step first.
    pub(crate) exponents: &'a [u16],
    /// By how much the table is turned back at first.
    pub(crate) body: u16,
    /// The table on the way in, mask and body of the rotated one on the way out.
    pub(crate) words: &'a mut [u64],
}

impl FusedKey {
    /// Transforms a key of one level: for each encrypted bit two rows of two polynomials, in 64-bit words.
    pub(crate) fn new(words: &[u64], base_log: u32, unrolling: Unrolling) -> Self {
        let (terms, _) = unrolling.terms_and_bits();
        let fourier = Fourier::new();
        let mut blocks = vec![[[Eight::ZERO; PARTS]; PARTS]; words.len() / (PARTS * PARTS * DEGREE) * BLOCKS];
        let (mut spectrum, mut scratch) = (Spectrum::zero(), fourier.scratch());
        for (number, polynomial) in words.chunks_exact(DEGREE).enumerate() {
            fourier.of_key(polynomial, &mut spectrum, &mut scratch);
            let (bit, row, column) = (number / (PARTS * PARTS), number / PARTS % PARTS, number % PARTS);
            let first = bit / terms * terms * BLOCKS + bit % terms;
            for (place, numbers) in spectrum.0.chunks_exact(LANES).enumerate() {
                let target = &mut blocks[first + place * terms][row][column];
                numbers.iter().enumerate().for_each(|(slot, number)| target.set(slot, *number));
            }
        }
        let exponents = fourier.exponents();
        let fine = std::array::from_fn(|slot| exponents[slot]);
        let coarse = std::array::from_fn(|place| exponents[place * FINE] + TURN - exponents[0]);
        Self { fourier, base_log, unrolling, blocks, fine, coarse }
    }

    /// Rotates all tables, each by the phase of its ciphertext.
    pub(crate) fn rotate(&self, turns: &mut [Turn<'_>]) {
        match self.unrolling {
            Unrolling::Bits => dispatch(Rotation::<1> { key: self, turns }),
            Unrolling::Pairs => dispatch(Rotation::<3> { key: self, turns }),
        }
    }
}

struct Rotation<'a, 'b, const TERMS: usize> {
    key: &'a FusedKey,
    turns: &'a mut [Turn<'b>],
}

impl<const TERMS: usize> Work for Rotation<'_, '_, TERMS> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { key, turns } = self;
        let mut rotated: Vec<Rotated<TERMS>> = turns.iter().map(Rotated::new).collect();
        let mut scratch = key.fourier.scratch();
        for (step, blocks) in key.blocks.chunks_exact(BLOCKS * TERMS).enumerate() {
            for (turn, rotated) in turns.iter().zip(&mut rotated) {
                if let Some(exponents) = turn.exponents[step * TERMS..].first_chunk::<TERMS>() {
                    rotated.step(key, blocks, exponents, &mut scratch);
                }
            }
        }
        turns.iter_mut().zip(&rotated).for_each(|(turn, rotated)| end(turn, &rotated.accumulator));
    }
}

/// An accumulator on its way through the key, and what a step works in.
struct Rotated<const TERMS: usize> {
    accumulator: Accumulator,
    /// Its transformed digits, and then their products with the key.
    spectra: [Spectrum; PARTS],
    factors: [Factors; TERMS],
}

impl<const TERMS: usize> Rotated<TERMS> {
    #[inline(always)]
    fn new(turn: &Turn<'_>) -> Self {
        let spectra = [const { Spectrum::zero() }; PARTS];
        Self { accumulator: begin(turn), spectra, factors: [const { Factors::NONE }; TERMS] }
    }

    #[inline(always)]
    fn step(&mut self, key: &FusedKey, blocks: &[Block], exponents: &[u16; TERMS], scratch: &mut Scratch) {
        for (spectrum, part) in self.spectra.iter_mut().zip(&self.accumulator) {
            key.fourier.of_digits(part, key.base_log, spectrum, scratch);
        }
        for (factors, exponent) in self.factors.iter_mut().zip(exponents) {
            factors.fill(key, usize::from(*exponent));
        }
        for (place, block) in blocks.as_chunks::<TERMS>().0.iter().enumerate() {
            self.multiply(place, block);
        }
        for (spectrum, part) in self.spectra.iter_mut().zip(&mut self.accumulator) {
            key.fourier.add_back(spectrum, part, scratch);
        }
    }

    /// Replaces the digits at the slots of block number `place` by their products with the key.
    #[inline(always)]
    fn multiply(&mut self, place: usize, block: &[Block; TERMS]) {
        let [upper, lower] = &mut self.spectra;
        let (upper, lower) = (eight_mut(upper, place), eight_mut(lower, place));
        // apart from what is read, or the loop would not be compiled for eight slots at once
        let mut products = [[ZERO; LANES]; PARTS];
        for slot in 0..LANES {
            let mut sums = [ZERO; PARTS];
            for (factors, rows) in self.factors.iter().zip(block) {
                let factor = factors.less_one(place, slot);
                for column in 0..PARTS {
                    let product = times(upper[slot], rows[0][column].at(slot));
                    let product = plus(product, lower[slot], rows[1][column].at(slot));
                    sums[column] = plus(sums[column], factor, product);
                }
            }
            [products[0][slot], products[1][slot]] = sums;
        }
        [*upper, *lower] = products;
    }
}

/// The table, turned back by the body of the ciphertext: X^{-b}·T.
#[inline(always)]
fn begin(turn: &Turn<'_>) -> Accumulator {
    let mut accumulator = [Polynomial([0; DEGREE]), Polynomial([0; DEGREE])];
    let table = &turn.words[DEGREE..];
    for (place, word) in accumulator[1].0.iter_mut().enumerate() {
        let from = (place + usize::from(turn.body)) % TURN;
        let entry = if from < DEGREE { table[from] } else { table[from - DEGREE].wrapping_neg() };
        *word = (entry.wrapping_add(1 << 31) >> 32) as u32;
    }
    accumulator
}

#[inline(always)]
fn end(turn: &mut Turn<'_>, accumulator: &Accumulator) {
    let words = accumulator.iter().flat_map(|part| &part.0);
    turn.words.iter_mut().zip(words).for_each(|(out, word)| *out = u64::from(*word) << 32);
}

/// X^a at all slots, as products of a coarse and a fine part.
struct Factors {
    fine: [Eight; FINE / LANES],
    coarse: [c64; HALF / FINE],
}

impl Factors {
    const NONE: Self = Self { fine: [Eight::ZERO; FINE / LANES], coarse: [ZERO; HALF / FINE] };

    #[inline(always)]
    fn fill(&mut self, key: &FusedKey, exponent: usize) {
        for (slot, odd) in key.fine.iter().enumerate() {
            self.fine[slot / LANES].set(slot % LANES, key.fourier.root(exponent * odd));
        }
        for (target, odd) in self.coarse.iter_mut().zip(key.coarse) {
            *target = key.fourier.root(exponent * odd);
        }
    }

    /// X^a − 1 at a slot.
    #[inline(always)]
    fn less_one(&self, place: usize, slot: usize) -> c64 {
        let (coarse, fine) =
            (self.coarse[place / (FINE / LANES)], self.fine[place % (FINE / LANES)].at(slot));
        c64 {
            re: (-coarse.im).mul_add(fine.im, coarse.re.mul_add(fine.re, -1.0)),
            im: coarse.re.mul_add(fine.im, coarse.im * fine.re),
        }
    }
}

/// The eight numbers at the slots of block number `place`.
#[inline(always)]
fn eight_mut(spectrum: &mut Spectrum, place: usize) -> &mut [c64; LANES] {
    &mut spectrum.0.as_chunks_mut().0[place]
}

/// a · b.
#[inline(always)]
fn times(a: c64, b: c64) -> c64 {
    c64 { re: (-a.im).mul_add(b.im, a.re * b.re), im: a.im.mul_add(b.re, a.re * b.im) }
}

/// sum + a · b.
#[inline(always)]
fn plus(sum: c64, a: c64, b: c64) -> c64 {
    c64 {
        re: (-a.im).mul_add(b.im, a.re.mul_add(b.re, sum.re)),
        im: a.im.mul_add(b.re, a.re.mul_add(b.im, sum.im)),
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    use super::super::dispatch::Instructions;
    use super::*;

    /// A key of four steps, and what two accumulators become under each kind of instructions.
    fn rotated<const TERMS: usize>(unrolling: Unrolling, instructions: Instructions) -> Vec<Vec<u64>> {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let words: Vec<u64> = (0..4 * TERMS * PARTS * PARTS * DEGREE).map(|_| rng.random()).collect();
        let key = FusedKey::new(&words, 23, unrolling);
        let exponents: Vec<u16> = (0..4 * TERMS).map(|_| rng.random_range(0..4096)).collect();
        let mut tables: Vec<Vec<u64>> =
            (0..2).map(|_| (0..PARTS * DEGREE).map(|_| rng.random()).collect()).collect();
        let mut turns: Vec<Turn<'_>> =
            tables.iter_mut().map(|words| Turn { exponents: &exponents, body: 3000, words }).collect();
        instructions.run(Rotation::<TERMS> { key: &key, turns: &mut turns });
        tables
    }

    #[test]
    fn every_slots_exponent_is_a_coarse_and_a_fine_part() {
        let key = FusedKey::new(&[], 23, Unrolling::Bits);
        for (slot, exponent) in key.fourier.exponents().into_iter().enumerate() {
            let parts = key.coarse[slot / FINE] + key.fine[slot % FINE];
            assert_eq!(parts % TURN, exponent, "slot {slot}");
        }
    }

    #[test]
    fn all_instructions_of_this_processor_give_the_same_bits() {
        let here = Instructions::here();
        let singles: Vec<_> = here.iter().map(|&kind| rotated::<1>(Unrolling::Bits, kind)).collect();
        let pairs: Vec<_> = here.iter().map(|&kind| rotated::<3>(Unrolling::Pairs, kind)).collect();
        for outcomes in [singles, pairs] {
            assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{here:?}");
        }
    }
}
