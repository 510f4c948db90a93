//! The blind rotation of the squash: one walk through the key for a batch of accumulators.
//!
//! A step adds (X^a − 1)·A ⊡ G to an accumulator A, where G encrypts a bit of the small key.

use rayon::prelude::*;

use super::super::dispatch::{Registers, Work, dispatch};
use super::field::Field;
use super::garner::Garner;
use super::ntt::{DEGREE, Digits, Ntt, Residues};
use super::product::{BLOCKS, KeyBlock, PARTS, ROWS};
use super::words::{LEVELS, Words};

const PRIMES: usize = 3;
/// Words of the encryption of one key bit.
const WORDS_PER_BIT: usize = ROWS * PARTS * DEGREE;
const BLOCKS_PER_BIT: usize = PRIMES * BLOCKS;

/// The squashing key in the form that the rotation reads: values modulo three primes, 1.3 MB for each key bit.
pub(crate) struct ExactKey {
    transforms: [Ntt; PRIMES],
    garner: Garner,
    /// Bit by bit, within it prime by prime.
    blocks: Vec<KeyBlock>,
}

/// One rotation: what is rotated, and the exponents that a ciphertext asks for.
pub(crate) struct WideTurn<'a> {
    /// Exponents, one for each bit of the key.
    pub(crate) exponents: &'a [u16],
    /// By how much the table is turned back at first.
    pub(crate) body: u16,
    /// The table on the way in, masks and body of the rotated one on the way out.
    pub(crate) words: &'a mut [u128],
}

impl ExactKey {
    /// Makes room for a key of so many bits.
    pub(crate) fn new(bits: usize) -> Self {
        let fields = Field::all();
        Self {
            transforms: fields.map(Ntt::new),
            garner: Garner::new(fields),
            blocks: vec![KeyBlock::ZERO; bits * BLOCKS_PER_BIT],
        }
    }

    /// Rounds and transforms the encryptions of a few bits, number `first` and those after it: for each bit nine rows of
    /// three polynomials, on the threads of the current pool.
    pub(crate) fn fill(&mut self, first: usize, words: &[u128]) {
        let Self { transforms, blocks, .. } = self;
        let bits = blocks[first * BLOCKS_PER_BIT..].par_chunks_exact_mut(BLOCKS_PER_BIT);
        bits.zip(words.par_chunks_exact(WORDS_PER_BIT))
            .for_each(|(blocks, words)| dispatch(Filling { transforms, words, blocks }));
    }

    /// Rotates all tables, each by the phase of its ciphertext.
    pub(crate) fn rotate(&self, turns: &mut [WideTurn<'_>]) {
        dispatch(Rotation { key: self, turns });
    }
}

/// The transform of one key bit.
struct Filling<'a> {
    transforms: &'a [Ntt; PRIMES],
    words: &'a [u128],
    blocks: &'a mut [KeyBlock],
}

impl Work for Filling<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Registers>(self, _: R) {
        let [mut residues, mut spare, mut values] = [const { Residues::ZERO }; 3];
        for (number, polynomial) in self.words.chunks_exact(DEGREE).enumerate() {
            let words = Words::rounded(polynomial);
            for (ntt, blocks) in self.transforms.iter().zip(self.blocks.chunks_exact_mut(BLOCKS)) {
                ntt.residues(&words, &mut residues);
                ntt.transform(&residues, &mut spare, &mut values);
                ntt.normalise(&mut values);
                KeyBlock::store(blocks, number / PARTS, number % PARTS, &values);
            }
        }
    }
}

/// All steps of a batch.
pub(super) struct Rotation<'a, 'b> {
    pub(super) key: &'a ExactKey,
    pub(super) turns: &'a mut [WideTurn<'b>],
}

impl Work for Rotation<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Registers>(self, _: R) {
        let Self { key, turns } = self;
        let mut batch: Vec<Lane> = turns.iter().map(Lane::new).collect();
        let (mut turned, mut spare) = (Words::ZERO, Residues::ZERO);
        for step in 0..key.blocks.len() / BLOCKS_PER_BIT {
            for (turn, lane) in turns.iter().zip(&mut batch) {
                lane.decompose(usize::from(turn.exponents[step]), &mut turned);
            }
            key.add_products(step, &mut batch, &mut spare);
        }
        turns.iter_mut().zip(&batch).for_each(|(turn, lane)| lane.write(turn.words));
    }
}

/// An accumulator, and what a step makes of it.
pub(super) struct Lane {
    accumulator: Box<[Words; PARTS]>,
    pub(super) digits: Box<[Digits; ROWS]>,
    values: Box<[Residues; ROWS]>,
    sums: Box<[[Residues; PRIMES]; PARTS]>,
}

impl Lane {
    /// Begins with the table, turned back by the body of the ciphertext: X^{-b}·T.
    pub(super) fn new(turn: &WideTurn<'_>) -> Self {
        let mut accumulator = Box::new([const { Words::ZERO }; PARTS]);
        let back = (2 * DEGREE - usize::from(turn.body)) % (2 * DEGREE);
        for (part, words) in accumulator.iter_mut().zip(turn.words.chunks_exact(DEGREE)) {
            part.turn(&Words::rounded(words), back);
        }
        Self {
            accumulator,
            digits: Box::new([const { Digits::ZERO }; ROWS]),
            values: Box::new([const { Residues::ZERO }; ROWS]),
            sums: Box::new([const { [const { Residues::ZERO }; PRIMES] }; PARTS]),
        }
    }

    /// Decomposes (X^exponent − 1)·A; the rows of the lowest level come first, as in the key.
    #[inline(always)]
    fn decompose(&mut self, exponent: usize, turned: &mut Words) {
        let [third, second, first] = self.digits.as_chunks_mut::<PARTS>().0 else { return };
        for (part, words) in self.accumulator.iter().enumerate() {
            turned.turn(words, exponent);
            let digits: [&mut Digits; LEVELS] = [&mut first[part], &mut second[part], &mut third[part]];
            turned.digits_of_difference(words, digits);
        }
    }

    pub(super) fn write(&self, words: &mut [u128]) {
        self.accumulator
            .iter()
            .zip(words.chunks_exact_mut(DEGREE))
            .for_each(|(part, words)| part.write(words));
    }
}

impl ExactKey {
    /// Adds the products of digits and a key bit to the accumulators of a batch.
    #[inline(always)]
    pub(super) fn add_products(&self, step: usize, batch: &mut [Lane], spare: &mut Residues) {
        let blocks = self.blocks[step * BLOCKS_PER_BIT..].chunks_exact(BLOCKS);
        for (prime, (ntt, blocks)) in self.transforms.iter().zip(blocks).enumerate() {
            for Lane { digits, values, .. } in batch.iter_mut() {
                for (digits, values) in digits.iter().zip(values.iter_mut()) {
                    ntt.transform_digits(digits, spare, values);
                }
            }
            // a block of the key stays in the nearest cache for the whole batch
            for (number, block) in blocks.iter().enumerate() {
                for Lane { values, sums, .. } in batch.iter_mut() {
                    let sums = sums.each_mut().map(|sums| &mut sums[prime]);
                    block.multiply(ntt.field, number, values, sums);
                }
            }
            for sums in batch.iter_mut().flat_map(|lane| lane.sums.iter_mut()) {
                ntt.transform_back(&mut sums[prime], spare);
            }
        }
        for Lane { accumulator, sums, .. } in batch.iter_mut() {
            for (words, residues) in accumulator.iter_mut().zip(sums.iter()) {
                self.garner.add(residues, words);
            }
        }
    }
}
