//! One node of a circuit: keyswitch, centered modulus switch, and table look-ups by blind rotation.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{
    CiphertextModulusLog, ContiguousEntityContainer, ContiguousEntityContainerMut, GlweCiphertext,
    GlweCiphertextCount, GlweCiphertextList, GlweCiphertextOwned, LweCiphertext, LweDimension,
    ModulusSwitchedLweCiphertext, MonomialDegree, extract_lwe_sample_from_glwe_ciphertext,
    keyswitch_lwe_ciphertext, lwe_ciphertext_centered_binary_modulus_switch,
};

use super::expand::Lwe;
use super::keys::EvaluationKeys;
use super::parameters::{POLYNOMIAL_SIZE, modulus};

/// log2 of one step, 2^64 / 2N: the unit in which a look-up reads its input.
pub(crate) const STEP_LOG: u32 = 63 - POLYNOMIAL_SIZE.trailing_zeros();
/// 2N steps make a full turn.
const SWITCHED_LOG: CiphertextModulusLog =
    CiphertextModulusLog(POLYNOMIAL_SIZE.trailing_zeros() as usize + 1);
/// Blind rotations that share one walk through the bootstrapping key; more no longer fit the cache.
pub(crate) const LOOK_UPS_PER_BATCH: usize = 8;

/// A ciphertext under the small key, switched to 2N steps and written out.
///
/// tfhe's own switched ciphertext switches every word anew each time it is read, which the batched rotation
/// does n times per word.
#[derive(Clone)]
pub(crate) struct Switched {
    mask: Vec<usize>,
    body: usize,
}

impl ModulusSwitchedLweCiphertext<usize> for &Switched {
    fn log_modulus(&self) -> CiphertextModulusLog {
        SWITCHED_LOG
    }

    fn lwe_dimension(&self) -> LweDimension {
        LweDimension(self.mask.len())
    }

    fn body(&self) -> usize {
        self.body
    }

    fn mask(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.mask.iter().copied()
    }
}

/// A table of N torus values; the input −p reads the negated entry N − p (negacyclic).
pub(crate) struct Table(GlweCiphertextOwned<u64>);

impl Table {
    /// Fills the table by step; an input phase between p and p + 1 steps, 0 ≤ p < N, reads entry p.
    pub(crate) fn new(entry: impl Fn(u64) -> u64) -> Self {
        let size = super::parameters::FULL.glwe_size();
        let mut glwe = GlweCiphertext::new(0, size, super::parameters::FULL.polynomial_size(), modulus());
        for (step, word) in (0..).zip(glwe.get_mut_body().as_mut()) {
            *word = entry(step);
        }
        Self(glwe)
    }

    /// A table of one value: the look-up gives it for a phase in [0, 1/2) and its negation in [−1/2, 0).
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
    /// Brings a ciphertext from the large key to a switched one under the small key.
    ///
    /// The centered switch leaves half a step below the phase, so that a phase between p and p + 1 steps
    /// reads entry p on average, and a phase of zero is as likely to read as negative as it is to read as
    /// positive.
    pub(crate) fn switch(&self, ciphertext: &Lwe) -> Switched {
        let small_size = self.parameter_set().parameters().small_size();
        let mut small = LweCiphertext::new(0_u64, small_size, modulus());
        keyswitch_lwe_ciphertext(self.keyswitching(), ciphertext, &mut small);
        let lazy = lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(small, SWITCHED_LOG);
        Switched { mask: lazy.mask().collect(), body: lazy.body() }
    }

    /// Looks up all, in order, in batches of `batch` over the threads of the current pool.
    ///
    /// A batch walks the bootstrapping key once for all its look-ups; the result does not depend on the
    /// batching.
    pub(crate) fn look_up_all(&self, look_ups: &[LookUp<'_>], batch: usize) -> Vec<Lwe> {
        look_ups.par_chunks(batch.max(1)).flat_map_iter(|batch| self.look_up_batch(batch)).collect()
    }

    fn look_up_batch(&self, look_ups: &[LookUp<'_>]) -> Vec<Lwe> {
        let parameters = self.parameter_set().parameters();
        let (glwe_size, polynomial_size) = (parameters.glwe_size(), parameters.polynomial_size());
        let count = GlweCiphertextCount(look_ups.len());
        let mut accumulators = GlweCiphertextList::new(0_u64, glwe_size, polynomial_size, count, modulus());
        for (mut accumulator, look_up) in accumulators.iter_mut().zip(look_ups) {
            accumulator.as_mut().copy_from_slice(look_up.table.0.as_ref());
        }
        let inputs: Vec<&Switched> = look_ups.iter().map(|look_up| look_up.input).collect();
        self.rotation().rotate(&mut accumulators, &inputs);
        accumulators
            .iter()
            .map(|accumulator| {
                let mut output = LweCiphertext::new(0, parameters.large_size(), modulus());
                extract_lwe_sample_from_glwe_ciphertext(&accumulator, &mut output, MonomialDegree(0));
                output
            })
            .collect()
    }
}
