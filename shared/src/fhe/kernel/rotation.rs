//! The blind rotation: for each step of the key, decompose, transform, multiply and add, in one pass over all accumulators
//! of a batch.
//!
//! A step adds Σ_t (X^{a_t} − 1)·(A ⊡ G_t) to an accumulator A, where G_t encrypts one bit: the key bit itself, or one of
//! the three products of a pair, of which at most one is 1. The factor is multiplied after the transform, where it is one
//! number per slot; so an accumulator is transformed once per step, however many terms there are.

use tfhe::core_crypto::fft_impl::fft64::c64;

use super::dispatch::{Work, dispatch};
use super::fourier::{DEGREE, Fourier, HALF, Polynomial, Scratch, Spectrum, TURN};
use super::lanes::{Complex, LANES, Lanes};
use crate::fhe::scheme::Unrolling;

/// Polynomials of an accumulator: mask and body.
const PARTS: usize = 2;
/// Slots that share a coarse factor of X^a; the exponents of the slots are sums of a coarse and a fine part.
const FINE: usize = 32;
const BLOCKS: usize = HALF / LANES;

/// The numbers of one term of the key at eight slots: row by row, column by column.
type Block = [[Complex; PARTS]; PARTS];

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
        let mut blocks =
            vec![[[Complex::ZERO; PARTS]; PARTS]; words.len() / (PARTS * PARTS * DEGREE) * BLOCKS];
        let (mut spectrum, mut scratch) = (Spectrum::zero(), fourier.scratch());
        for (number, polynomial) in words.chunks_exact(DEGREE).enumerate() {
            fourier.of_key(polynomial, &mut spectrum, &mut scratch);
            let (bit, row, column) = (number / (PARTS * PARTS), number / PARTS % PARTS, number % PARTS);
            let first = bit / terms * terms * BLOCKS + bit % terms;
            for (place, slots) in spectrum.0.chunks_exact(LANES).enumerate() {
                let target = &mut blocks[first + place * terms][row][column];
                for (lane, z) in slots.iter().enumerate() {
                    (target.re.0[lane], target.im.0[lane]) = (z.re, z.im);
                }
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
        let mut accumulators: Vec<Accumulator> = turns.iter().map(begin).collect();
        let mut room = Room::new(&key.fourier);
        for (step, blocks) in key.blocks.chunks_exact(BLOCKS * TERMS).enumerate() {
            for (turn, accumulator) in turns.iter().zip(accumulators.iter_mut()) {
                if let Some(exponents) = turn.exponents[step * TERMS..].first_chunk::<TERMS>() {
                    key.step(blocks, exponents, accumulator, &mut room);
                }
            }
        }
        turns.iter_mut().zip(&accumulators).for_each(|(turn, accumulator)| end(turn, accumulator));
    }
}

/// What one step works in.
struct Room {
    digits: Box<[Spectrum; PARTS]>,
    products: Box<[Spectrum; PARTS]>,
    scratch: Scratch,
}

impl Room {
    fn new(fourier: &Fourier) -> Self {
        let spectra = || Box::new([Spectrum::zero(), Spectrum::zero()]);
        Self { digits: spectra(), products: spectra(), scratch: fourier.scratch() }
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

impl FusedKey {
    #[inline(always)]
    fn step<const TERMS: usize>(
        &self,
        blocks: &[Block],
        exponents: &[u16; TERMS],
        accumulator: &mut Accumulator,
        room: &mut Room,
    ) {
        let Room { digits, products, scratch } = room;
        for (spectrum, part) in digits.iter_mut().zip(accumulator.iter()) {
            self.fourier.of_digits(part, self.base_log, spectrum, scratch);
        }
        self.multiply(blocks, exponents, digits, products);
        for (spectrum, part) in products.iter_mut().zip(accumulator.iter_mut()) {
            self.fourier.add_back(spectrum, part, scratch);
        }
    }

    #[inline(always)]
    fn multiply<const TERMS: usize>(
        &self,
        blocks: &[Block],
        exponents: &[u16; TERMS],
        digits: &[Spectrum; PARTS],
        products: &mut [Spectrum; PARTS],
    ) {
        let mut factors = [Factors::NONE; TERMS];
        for (factors, exponent) in factors.iter_mut().zip(exponents) {
            factors.fill(self, usize::from(*exponent));
        }
        let [mask, body] = digits;
        let [mask_out, body_out] = products;
        let slots = eights(mask).iter().zip(eights(body));
        let out = eights_mut(mask_out).iter_mut().zip(eights_mut(body_out));
        for (place, ((block, slots), out)) in
            blocks.as_chunks::<TERMS>().0.iter().zip(slots).zip(out).enumerate()
        {
            let (first, second) = (gather(slots.0), gather(slots.1));
            let mut sums = [Complex::ZERO; PARTS];
            for term in 0..TERMS {
                // X^a − 1 at these slots
                let fine = &factors[term].fine[place % (FINE / LANES)];
                let [cos, sin] = factors[term].coarse[place / (FINE / LANES)].map(Lanes::splat);
                let re = Lanes::splat(-1.0).plus(cos, fine.re).minus(sin, fine.im);
                let im = sin.times(fine.re).plus(cos, fine.im);
                for column in 0..PARTS {
                    let [a, b] = [&block[term][0][column], &block[term][1][column]];
                    let real = first.re.times(a.re).minus(first.im, a.im);
                    let real = real.plus(second.re, b.re).minus(second.im, b.im);
                    let imaginary = first.re.times(a.im).plus(first.im, a.re);
                    let imaginary = imaginary.plus(second.re, b.im).plus(second.im, b.re);
                    sums[column].re = sums[column].re.plus(re, real).minus(im, imaginary);
                    sums[column].im = sums[column].im.plus(re, imaginary).plus(im, real);
                }
            }
            *out.0 = scatter(sums[0]);
            *out.1 = scatter(sums[1]);
        }
    }
}

/// X^a at all slots, as products of a coarse and a fine part.
struct Factors {
    fine: [Complex; FINE / LANES],
    coarse: [[f64; 2]; HALF / FINE],
}

impl Factors {
    const NONE: Self = Self { fine: [Complex::ZERO; FINE / LANES], coarse: [[0.0; 2]; HALF / FINE] };

    #[inline(always)]
    fn fill(&mut self, key: &FusedKey, exponent: usize) {
        for (place, odd) in key.fine.iter().enumerate() {
            let root = key.fourier.root(exponent * odd);
            let target = &mut self.fine[place / LANES];
            (target.re.0[place % LANES], target.im.0[place % LANES]) = (root.re, root.im);
        }
        for (target, odd) in self.coarse.iter_mut().zip(key.coarse) {
            let root = key.fourier.root(exponent * odd);
            *target = [root.re, root.im];
        }
    }
}

fn eights(spectrum: &Spectrum) -> &[[c64; LANES]] {
    spectrum.0.as_chunks().0
}

fn eights_mut(spectrum: &mut Spectrum) -> &mut [[c64; LANES]] {
    spectrum.0.as_chunks_mut().0
}

#[inline(always)]
fn gather(slots: &[c64; LANES]) -> Complex {
    Complex {
        re: Lanes(std::array::from_fn(|lane| slots[lane].re)),
        im: Lanes(std::array::from_fn(|lane| slots[lane].im)),
    }
}

#[inline(always)]
fn scatter(numbers: Complex) -> [c64; LANES] {
    std::array::from_fn(|lane| c64 { re: numbers.re.0[lane], im: numbers.im.0[lane] })
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
