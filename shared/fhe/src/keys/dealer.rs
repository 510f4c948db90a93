//! The keys of a dealer: secret keys, the squashed key beside them, and the squashing key that leads to it.

use tfhe::core_crypto::prelude::{
    GlweSecretKey, SeededLweBootstrapKey, par_generate_seeded_lwe_bootstrap_key,
};
use zeroize::Zeroizing;

use super::secret::draw_bits;
use super::{KeyError, SecretKeys, SeedSource};
use crate::frame::{FrameWriter, Kind, WIDE_WORD};
use crate::parameters::ParameterSet;
use crate::squash_parameters::{SQUASH, wide_modulus};
use crate::squashed::{SQUASHED_DIMENSION, Squashed};

/// All secret keys of a federation whose labels several trustees open together: whoever holds them can decrypt
/// everything.
///
/// The squashed key is binary, independent of the others, kept one bit per word, and overwritten when dropped,
/// as they are.
pub struct DealerKeys {
    secret: SecretKeys,
    squashed: Zeroizing<Vec<u64>>,
}

impl DealerKeys {
    /// Draws new keys from the operating system's randomness.
    ///
    /// # Errors
    /// Fails if the operating system gives no randomness.
    pub fn generate(set: ParameterSet) -> Result<Self, KeyError> {
        Self::draw(set, &mut SeedSource::OperatingSystem)
    }

    /// Draws the keys that belong to a test's seed.
    #[cfg(test)]
    pub(crate) fn seeded(set: ParameterSet, seed: u128) -> Self {
        use tfhe::core_crypto::commons::{generators::DeterministicSeeder, math::random::Seed};
        Self::draw(set, &mut SeedSource::Fixed(Box::new(DeterministicSeeder::new(Seed(seed))))).unwrap()
    }

    fn draw(set: ParameterSet, seeds: &mut SeedSource) -> Result<Self, KeyError> {
        Ok(Self { secret: SecretKeys::draw(set, seeds)?, squashed: draw_bits(SQUASHED_DIMENSION, seeds)? })
    }

    /// Returns the secret keys of the tally, from which the public material is made.
    #[must_use]
    pub const fn secret(&self) -> &SecretKeys {
        &self.secret
    }

    /// Returns the 4096 bits of the squashed key, one per word, for splitting it among trustees.
    #[must_use]
    pub fn squashed_bits(&self) -> &[u64] {
        &self.squashed
    }

    /// Makes the squashing key: the small key, encrypted bit by bit under the squashed key, as a frame of
    /// header, digest of both parameter sets, seed and raw words; 270.7 MB with the secure parameters.
    ///
    /// Takes twice that memory for a moment.
    ///
    /// # Errors
    /// Fails if the operating system gives no randomness.
    pub fn squashing_key(&self) -> Result<Vec<u8>, KeyError> {
        self.squashing_key_from(&mut SeedSource::OperatingSystem)
    }

    pub(crate) fn squashing_key_from(&self, seeds: &mut SeedSource) -> Result<Vec<u8>, KeyError> {
        let set = self.secret.parameter_set();
        let seed = seeds.seed()?;
        let mut key = SeededLweBootstrapKey::new(
            0_u128,
            SQUASH.glwe_size(),
            SQUASH.polynomial_size(),
            SQUASH.base(),
            SQUASH.level_count(),
            set.parameters().small_dimension(),
            seed.into(),
            wide_modulus(),
        );
        let squashed: Zeroizing<Vec<u128>> =
            Zeroizing::new(self.squashed.iter().map(|&bit| u128::from(bit)).collect());
        par_generate_seeded_lwe_bootstrap_key(
            &self.secret.small(),
            &GlweSecretKey::from_container(squashed.as_slice(), SQUASH.polynomial_size()),
            &mut key,
            SQUASH.noise(),
            &mut seeds.noise()?,
        );
        let words: &[u128] = key.as_ref();
        Ok(FrameWriter::new(Kind::SquashingKey, DIGEST + WIDE_WORD + words.len() * WIDE_WORD)
            .bytes(&SQUASH.digest(set))
            .bytes(&seed.0.to_le_bytes())
            .wide_words(words)
            .finish())
    }

    /// Returns the phase b − ⟨a, s⟩ of a squashed digit: the digit at 2^123 and the noise, for audits and tests.
    #[must_use]
    pub fn squashed_phase(&self, digit: &Squashed) -> u128 {
        let products = digit.mask().iter().zip(self.squashed.iter()).map(|(&word, &bit)| {
            // the key is binary: the bit spread over the word selects it without a branch
            word & u128::from(bit).wrapping_neg()
        });
        products.fold(digit.body(), u128::wrapping_sub)
    }
}

const DIGEST: usize = 32;

impl std::fmt::Debug for DealerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DealerKeys").field("set", &self.secret.parameter_set()).finish_non_exhaustive()
    }
}
