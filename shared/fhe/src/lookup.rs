//! One node of a circuit: keyswitch, centered modulus switch, and table look-ups by blind rotation.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{
    CiphertextModulusLog, ContiguousEntityContainer, ContiguousEntityContainerMut, GlweCiphertext,
    GlweCiphertextCount, GlweCiphertextList, GlweCiphertextOwned, LweCiphertext, LweDimension,
    ModulusSwitchedLweCiphertext, MonomialDegree, extract_lwe_sample_from_glwe_ciphertext,
};

use super::expand::Lwe;
use super::keys::EvaluationKeys;
use super::noise::Precision;
use super::parameters::{POLYNOMIAL_SIZE, modulus};
use super::scheme::Unrolling;

/// log2 of one tick, 2^64 / 2N: the unit in which a look-up reads its input.
pub(crate) const TICK_LOG: u32 = 63 - POLYNOMIAL_SIZE.trailing_zeros();
/// 2N ticks make a full turn.
const SWITCHED_LOG: u32 = POLYNOMIAL_SIZE.trailing_zeros() + 1;
/// Blind rotations that share one walk through the bootstrapping key, at most: with them an iteration of it still fits the cache.
pub(crate) const LOOK_UPS_PER_BATCH: usize = 16;
/// Ciphertexts that share one walk through the keyswitching key, at most.
const SWITCHES_PER_BATCH: usize = 32;

/// A ciphertext under the small key, switched to 2N ticks: the exponents of a blind rotation.
///
/// For each iteration of the rotation there is one exponent per encrypted product of key bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Switched {
    pub(crate) exponents: Vec<u16>,
    pub(crate) body: u16,
}

impl ModulusSwitchedLweCiphertext<usize> for &Switched {
    fn log_modulus(&self) -> CiphertextModulusLog {
        CiphertextModulusLog(SWITCHED_LOG as usize)
    }

    fn lwe_dimension(&self) -> LweDimension {
        LweDimension(self.exponents.len())
    }

    fn body(&self) -> usize {
        usize::from(self.body)
    }

    fn mask(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.exponents.iter().map(|&exponent| usize::from(exponent))
    }
}

impl Switched {
    /// Switches a ciphertext of 32-bit words, mask then body.
    ///
    /// Centered: the rounding errors of the mask would move the phase by half their sum on average (by a quarter of the
    /// sum of all three of a pair), so much is taken off the body. The body is rounded down, which leaves half a unit
    /// below the phase: a phase between p and p + 1 units reads entry p on average, and a phase of zero is as likely to
    /// read as negative as it is to read as positive.
    pub(crate) fn new(words: &[u32], unrolling: Unrolling, precision: Precision) -> Self {
        let rounding = Rounding::new(precision);
        let (mask, body) = words.split_at(words.len() - 1);
        let (mut exponents, mut errors) = (Vec::with_capacity(unrolling.terms(mask.len())), 0_i64);
        let mut take = |word: u32| {
            let (exponent, error) = rounding.nearest(word);
            exponents.push(exponent);
            errors += i64::from(error);
        };
        let share = match unrolling {
            Unrolling::Bits => {
                mask.iter().for_each(|&word| take(word));
                2
            }
            Unrolling::Pairs => {
                for pair in mask.as_chunks::<2>().0 {
                    take(pair[0]);
                    take(pair[1]);
                    take(pair[0].wrapping_add(pair[1]));
                }
                4
            }
        };
        let body = body[0].wrapping_sub((errors / share) as u32);
        Self { exponents, body: rounding.down(body) }
    }
}

/// From words to exponents, in units of one or two ticks.
#[derive(Clone, Copy)]
struct Rounding {
    /// log2 of a unit, in words.
    unit_log: u32,
    /// Ticks of a unit.
    ticks: u32,
}

impl Rounding {
    const fn new(precision: Precision) -> Self {
        let ticks = precision.ticks();
        Self { unit_log: 32 - SWITCHED_LOG + ticks.trailing_zeros(), ticks }
    }

    /// Returns the nearest exponent, and what the word exceeds it by.
    const fn nearest(self, word: u32) -> (u16, i32) {
        let units = word.wrapping_add(1 << (self.unit_log - 1)) >> self.unit_log;
        ((units * self.ticks) as u16, word.wrapping_sub(units << self.unit_log).cast_signed())
    }

    const fn down(self, word: u32) -> u16 {
        ((word >> self.unit_log) * self.ticks) as u16
    }
}

/// A table of N torus values; the input −p reads the negated entry N − p (negacyclic).
pub(crate) struct Table {
    entries: GlweCiphertextOwned<u64>,
    /// How many neighbouring entries a look-up puts out.
    outputs: usize,
}

impl Table {
    /// Fills the table by tick; an input phase between p and p + 1 ticks, 0 ≤ p < N, reads entry p.
    pub(crate) fn new(entry: impl Fn(u64) -> u64) -> Self {
        let size = super::parameters::FULL.glwe_size();
        let mut glwe = GlweCiphertext::new(0, size, super::parameters::FULL.polynomial_size(), modulus());
        for (tick, word) in (0..).zip(glwe.get_mut_body().as_mut()) {
            *word = entry(tick);
        }
        Self { entries: glwe, outputs: 1 }
    }

    /// Two tables in one, for inputs that are switched coarsely: such an input reads an even entry, which holds the first
    /// table, and the odd one after it, which holds the second.
    pub(crate) fn joint(even: impl Fn(u64) -> u64, odd: impl Fn(u64) -> u64) -> Self {
        let entry = |tick: u64| if tick.is_multiple_of(2) { even(tick) } else { odd(tick) };
        Self { outputs: 2, ..Self::new(entry) }
    }

    /// Returns a table of one value: the look-up gives it for a phase in [0, 1/2) and its negation in [−1/2, 0).
    pub(crate) fn sign(value: u64) -> Self {
        Self::new(|_| value)
    }
}

/// One look-up: which table to read at which input.
#[derive(Clone, Copy)]
pub(crate) struct LookUp<'a> {
    pub(crate) input: &'a Switched,
    pub(crate) table: &'a Table,
}

impl EvaluationKeys {
    /// Brings ciphertexts from the large key to switched ones under the small key, in the form that the rotation asks for,
    /// on the threads of the current pool.
    pub(crate) fn switch_all(&self, ciphertexts: &[Lwe], precision: Precision) -> Vec<Switched> {
        let unrolling = self.scheme().unrolling;
        let switch = |batch: &[Lwe]| {
            let words: Vec<&[u64]> = batch.iter().map(AsRef::as_ref).collect();
            let switched = self.keyswitching().switch(&words);
            switched.into_iter().map(|words| Switched::new(&words, unrolling, precision)).collect::<Vec<_>>()
        };
        ciphertexts.par_chunks(SWITCHES_PER_BATCH).flat_map_iter(switch).collect()
    }

    /// Looks up all, in order, in batches of up to `batch` over the threads of the current pool; a table with several
    /// outputs gives as many ciphertexts.
    ///
    /// A batch walks the bootstrapping key once for all its look-ups; the result does not depend on the
    /// batching.
    pub(crate) fn look_up_all(&self, look_ups: &[LookUp<'_>], batch: usize) -> Vec<Lwe> {
        look_ups.par_chunks(batch.max(1)).flat_map_iter(|batch| self.look_up_batch(batch)).collect()
    }

    fn look_up_batch(&self, look_ups: &[LookUp<'_>]) -> Vec<Lwe> {
        let parameters = self.scheme().parameters.parameters();
        let (glwe_size, polynomial_size) = (parameters.glwe_size(), parameters.polynomial_size());
        let count = GlweCiphertextCount(look_ups.len());
        let mut accumulators = GlweCiphertextList::new(0_u64, glwe_size, polynomial_size, count, modulus());
        for (mut accumulator, look_up) in accumulators.iter_mut().zip(look_ups) {
            accumulator.as_mut().copy_from_slice(look_up.table.entries.as_ref());
        }
        let inputs: Vec<&Switched> = look_ups.iter().map(|look_up| look_up.input).collect();
        self.rotation().rotate(&mut accumulators, &inputs);
        let read = |(accumulator, look_up): (GlweCiphertext<&[u64]>, &LookUp<'_>)| {
            let outputs = (0..look_up.table.outputs).map(|place| {
                let mut output = LweCiphertext::new(0, parameters.large_size(), modulus());
                extract_lwe_sample_from_glwe_ciphertext(&accumulator, &mut output, MonomialDegree(place));
                output
            });
            outputs.collect::<Vec<_>>()
        };
        accumulators.iter().zip(look_ups).flat_map(read).collect()
    }
}
