//! The numbers of the 128-bit squash, named once.

use sha2::{Digest, Sha256};
use tfhe::core_crypto::prelude::{
    CiphertextModulus, DecompositionBaseLog, DecompositionLevelCount, DynamicDistribution, GlweSize,
    PolynomialSize,
};

use super::parameters::{POLYNOMIAL_SIZE, ParameterSet};
use super::squashed::SQUASHED_DIMENSION;

/// The numbers of the bootstrap that leads to the squashed key, over 128-bit words with the native modulus 2^128.
///
/// Noise is TUniform as in [`super::Parameters`]. The small key under which the input stands is that of the
/// federation's [`ParameterSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SquashParameters {
    /// Number k of polynomials in the squashed key.
    pub glwe_dimension: u32,
    /// Degree N of those polynomials.
    pub polynomial_size: u32,
    /// log2 of the noise bound under the squashed key.
    pub glwe_noise_log2: u32,
    /// log2 of the decomposition base of the squashing key.
    pub base_log: u32,
    /// Number of decomposition levels of the squashing key.
    pub levels: u32,
}

/// The only set: `V1_8_NOISE_SQUASHING_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128` of tfhe-rs 1.8 (128-bit
/// security), which belongs to the set that [`super::FULL`] comes from.
pub const SQUASH: SquashParameters = SquashParameters {
    glwe_dimension: 2,
    polynomial_size: 2048,
    glwe_noise_log2: 30,
    base_log: 24,
    levels: 3,
};

impl SquashParameters {
    /// Returns SHA-256 over these numbers and those of the small key's set, which stands in a squashing key.
    pub(crate) fn digest(&self, set: ParameterSet) -> [u8; 32] {
        let numbers =
            [self.glwe_dimension, self.polynomial_size, self.glwe_noise_log2, self.base_log, self.levels];
        let mut hasher = Sha256::new();
        hasher.update(b"psephos squash parameters v1");
        hasher.update(set.digest());
        for number in numbers {
            hasher.update(number.to_le_bytes());
        }
        hasher.finalize().into()
    }

    pub(crate) const fn glwe_size(&self) -> GlweSize {
        GlweSize(self.glwe_dimension as usize + 1)
    }

    pub(crate) const fn polynomial_size(&self) -> PolynomialSize {
        PolynomialSize(self.polynomial_size as usize)
    }

    pub(crate) const fn noise(&self) -> DynamicDistribution<u128> {
        DynamicDistribution::new_t_uniform(self.glwe_noise_log2)
    }

    pub(crate) const fn base(&self) -> DecompositionBaseLog {
        DecompositionBaseLog(self.base_log as usize)
    }

    pub(crate) const fn level_count(&self) -> DecompositionLevelCount {
        DecompositionLevelCount(self.levels as usize)
    }

    /// Words of the seeded encryption of one bit of the small key: one polynomial per row, masks left out.
    pub(crate) const fn seeded_words_per_bit(&self) -> usize {
        (self.levels * (self.glwe_dimension + 1) * self.polynomial_size) as usize
    }
}

/// The ciphertext modulus of squashed digits: the native 2^128.
pub(crate) const fn wide_modulus() -> CiphertextModulus<u128> {
    CiphertextModulus::new_native()
}

const _: () = assert!((SQUASH.glwe_dimension * SQUASH.polynomial_size) as usize == SQUASHED_DIMENSION);
// an input switched to 2N steps for the tally's look-ups must suit the squash as well
const _: () = assert!(SQUASH.polynomial_size as usize == POLYNOMIAL_SIZE);
