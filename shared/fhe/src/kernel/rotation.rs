//! The blind rotation: for each bit or pair of the key, decompose, transform, multiply and add, in one pass over all
//! accumulators of a batch.
//!
//! An iteration adds Σ_t (X^{a_t} − 1)·(A ⊡ G_t) to an accumulator A, where G_t encrypts one bit: the key bit itself, or one of
//! the three products of a pair, of which at most one is 1. The factor is multiplied after the transform, where it is one
//! number per slot; so an accumulator is transformed once per iteration, however many terms there are.

use super::complex::{Complex, Eight, LANES, dot};
use super::dispatch::{Registers, Work, dispatch};
use super::fourier::{Fourier, HALF, PLACES, Polynomial, Spectrum, exponent};
use super::roots::{DEGREE, Roots, TURN};
use super::upper_half;
use crate::scheme::Unrolling;

/// Polynomials of an accumulator: mask and body.
const PARTS: usize = 2;
/// Slots that share a coarse factor of X^a; the exponents of the slots are sums of a coarse and a fine part.
const FINE: usize = 32;
/// The numbers of one term of the key at neighbouring slots: row by row, column by column.
type Block = [[Eight; PARTS]; PARTS];

/// The bootstrapping key in the form that the rotation reads.
pub(crate) struct FusedKey {
    fourier: Fourier,
    roots: Roots,
    base_log: u32,
    unrolling: Unrolling,
    /// Iteration by iteration, within it block by block, within it term by term.
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
    /// Exponents, all terms of the first iteration first.
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
        let roots = Roots::new();
        let fourier = Fourier::new(&roots);
        let mut blocks = vec![[[Eight::ZERO; PARTS]; PARTS]; words.len() / (PARTS * PARTS * DEGREE) * PLACES];
        dispatch(Transformed {
            fourier: &fourier,
            terms,
            polynomials: words.as_chunks().0,
            blocks: &mut blocks,
        });
        let fine = std::array::from_fn(exponent);
        let coarse = std::array::from_fn(|place| exponent(place * FINE) + TURN - exponent(0));
        Self { fourier, roots, base_log, unrolling, blocks, fine, coarse }
    }

    /// Rotates all tables, each by the phase of its ciphertext.
    pub(crate) fn rotate(&self, turns: &mut [Turn<'_>]) {
        match self.unrolling {
            Unrolling::Bits => dispatch(Rotation::<1> { key: self, turns }),
            Unrolling::Pairs => dispatch(Rotation::<3> { key: self, turns }),
        }
    }
}

/// The transform of a whole key.
struct Transformed<'a> {
    fourier: &'a Fourier,
    terms: usize,
    polynomials: &'a [[u64; DEGREE]],
    blocks: &'a mut [Block],
}

impl Work for Transformed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Registers>(self, registers: R) {
        let Self { fourier, terms, polynomials, blocks } = self;
        let mut spectrum = Spectrum::ZERO;
        for (number, polynomial) in polynomials.iter().enumerate() {
            fourier.of_key(registers, polynomial, &mut spectrum);
            let (bit, row, column) = (number / (PARTS * PARTS), number / PARTS % PARTS, number % PARTS);
            let first = bit / terms * terms * PLACES + bit % terms;
            for (place, numbers) in spectrum.0.iter().enumerate() {
                blocks[first + place * terms][row][column] = *numbers;
            }
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
    fn run<R: Registers>(self, registers: R) {
        let Self { key, turns } = self;
        let mut accumulators: Vec<Accumulator> = turns.iter().map(begin).collect();
        let mut workspace = Box::new(Workspace::<TERMS>::NEW);
        for (iteration, blocks) in key.blocks.chunks_exact(PLACES * TERMS).enumerate() {
            for (turn, accumulator) in turns.iter().zip(&mut accumulators) {
                let exponents = &turn.exponents[iteration * TERMS..];
                workspace.iterate(registers, key, blocks, accumulator, exponents);
            }
        }
        turns.iter_mut().zip(&accumulators).for_each(|(turn, accumulator)| end(turn, accumulator));
    }
}

/// What an iteration makes of an accumulator.
#[derive(Debug, Clone)]
struct Workspace<const TERMS: usize> {
    /// Its transformed digits, and then their products with the key.
    spectra: [Spectrum; PARTS],
    factors: [Factors; TERMS],
}

impl<const TERMS: usize> Workspace<TERMS> {
    const NEW: Self =
        Self { spectra: [const { Spectrum::ZERO }; PARTS], factors: [const { Factors::NONE }; TERMS] };

    #[inline(always)]
    fn iterate(
        &mut self,
        registers: impl Registers,
        key: &FusedKey,
        blocks: &[Block],
        accumulator: &mut Accumulator,
        exponents: &[u16],
    ) {
        for (spectrum, part) in self.spectra.iter_mut().zip(&*accumulator) {
            key.fourier.of_digits(registers, part, key.base_log, spectrum);
        }
        for (factors, exponent) in self.factors.iter_mut().zip(exponents) {
            factors.fill(key, usize::from(*exponent));
        }
        for (place, block) in blocks.as_chunks::<TERMS>().0.iter().enumerate() {
            self.multiply(place, block);
        }
        for (spectrum, part) in self.spectra.iter_mut().zip(accumulator) {
            key.fourier.add_back(registers, spectrum, part);
        }
    }

    /// Replaces the digits at the slots of block number `place` by their products with the key.
    #[inline(always)]
    fn multiply(&mut self, place: usize, block: &[Block; TERMS]) {
        let digits = self.spectra.each_ref().map(|spectrum| spectrum.0[place]);
        // apart from what is read, or the loop would not be compiled for eight slots at once
        let mut products = [Eight::ZERO; PARTS];
        for lane in 0..LANES {
            let digits = digits.each_ref().map(|digits| digits.at(lane));
            let factors = self.factors.each_ref().map(|factors| factors.less_one(place, lane));
            for (column, products) in products.iter_mut().enumerate() {
                let terms = |row: usize| block.each_ref().map(|term| term[row][column].at(lane));
                let product = if TERMS == 1 {
                    // the other way round it would take a third more multiplications
                    factors[0].times(dot(digits, [terms(0)[0], terms(1)[0]]))
                } else {
                    let rows = [dot(factors, terms(0)), dot(factors, terms(1))];
                    digits[0].times(rows[0]).plus_product(digits[1], rows[1])
                };
                products.set(lane, product);
            }
        }
        for (spectrum, products) in self.spectra.iter_mut().zip(products) {
            spectrum.0[place] = products;
        }
    }
}

/// Returns the table, turned back by the body of the ciphertext: X^{-b}·T.
#[inline(always)]
fn begin(turn: &Turn<'_>) -> Accumulator {
    let mut accumulator = [Polynomial([0; DEGREE]), Polynomial([0; DEGREE])];
    let table = &turn.words[DEGREE..];
    for (place, word) in accumulator[1].0.iter_mut().enumerate() {
        let from = (place + usize::from(turn.body)) % TURN;
        let entry = if from < DEGREE { table[from] } else { table[from - DEGREE].wrapping_neg() };
        *word = upper_half(entry);
    }
    accumulator
}

#[inline(always)]
fn end(turn: &mut Turn<'_>, accumulator: &Accumulator) {
    let words = accumulator.iter().flat_map(|part| &part.0);
    turn.words.iter_mut().zip(words).for_each(|(out, word)| *out = u64::from(*word) << 32);
}

/// X^a at all slots, as products of a coarse and a fine part.
#[derive(Debug, Clone)]
struct Factors {
    fine: [Eight; FINE / LANES],
    coarse: [Complex; HALF / FINE],
}

impl Factors {
    const NONE: Self = Self { fine: [Eight::ZERO; FINE / LANES], coarse: [Complex::ZERO; HALF / FINE] };

    #[inline(always)]
    fn fill(&mut self, key: &FusedKey, exponent: usize) {
        for (slot, odd) in key.fine.iter().enumerate() {
            self.fine[slot / LANES].set(slot % LANES, key.roots.at(exponent * odd));
        }
        for (target, odd) in self.coarse.iter_mut().zip(key.coarse) {
            *target = key.roots.at(exponent * odd);
        }
    }

    /// X^a − 1 at a slot.
    #[inline(always)]
    fn less_one(&self, place: usize, slot: usize) -> Complex {
        let (coarse, fine) =
            (self.coarse[place / (FINE / LANES)], self.fine[place % (FINE / LANES)].at(slot));
        Complex::MINUS_ONE.plus_product(coarse, fine)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    use super::super::dispatch::Instructions;
    use super::*;

    /// Returns a key of four iterations, and what two accumulators become under each kind of instructions.
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
        for slot in 0..HALF {
            let parts = key.coarse[slot / FINE] + key.fine[slot % FINE];
            assert_eq!(parts % TURN, exponent(slot), "slot {slot}");
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
