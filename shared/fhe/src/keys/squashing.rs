//! The key with which the coordinator squashes labels.

use tfhe::core_crypto::commons::generators::MaskRandomGenerator;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::{
    DefaultRandomGenerator, LweBootstrapKey, LweBootstrapKeyOwned, LweDimension, SeededLweBootstrapKey,
    par_decompress_seeded_lwe_bootstrap_key_with_pre_seeded_generator,
};

use super::KeyError;
use super::squash_rotation::SquashRotation;
use crate::frame::{FrameReader, Kind, WIDE_WORD};
use crate::parameters::ParameterSet;
use crate::squash_parameters::{SQUASH, wide_modulus};
use crate::transform::Transform;

/// Bits of the small key whose encryptions are grown and transformed at a time: 14 MB of intermediate words.
const BITS_PER_STEP: usize = 16;
const SEED: usize = size_of::<u128>();

/// The squashing key, ready to evaluate: 1.33 MB for each bit of the small key, 1.06 GB with `swift`, 1.22 GB with `full`
/// and 85 MB with the toy parameters; two thirds of that under [`Transform::Fourier`].
///
/// It decrypts nothing.
pub struct SquashingKey {
    set: ParameterSet,
    rotation: SquashRotation,
}

impl SquashingKey {
    /// Reads [`super::DealerKeys::squashing_key`], made with the federation's parameters, grows its masks and
    /// transforms it, a few key bits at a time, so that little more than the result is in memory.
    ///
    /// `transform` is the federation's: [`Transform::Fourier`] has labels squashed by tfhe's own rotation, all others by
    /// our kernel, in integers. Whoever recomputes a squash must use the same to get the same bits.
    ///
    /// # Errors
    /// Refuses another kind of frame, other parameters and any other length.
    pub fn from_bytes(bytes: &[u8], set: ParameterSet, transform: Transform) -> Result<Self, KeyError> {
        let words_per_step = BITS_PER_STEP * SQUASH.seeded_words_per_bit();
        let mut frame = checked_frame(bytes, set)?;
        let seed = Seed(u128::from_le_bytes(frame.array()?));
        let mut masks = MaskRandomGenerator::new(seed);
        let mut rotation = SquashRotation::new(transform, set.parameters().small_dimension());
        for (step, bytes) in frame.rest().chunks(words_per_step * WIDE_WORD).enumerate() {
            rotation.fill(step * BITS_PER_STEP, &grow(bytes, seed, &mut masks));
        }
        Ok(Self { set, rotation })
    }

    /// Checks kind, parameters and length of a squashing key without growing it.
    ///
    /// # Errors
    /// Refuses what [`SquashingKey::from_bytes`] refuses.
    pub fn check_frame(bytes: &[u8], set: ParameterSet) -> Result<(), KeyError> {
        checked_frame(bytes, set).map(|_| ())
    }

    /// Returns the name of the parameters the key was made for.
    #[must_use]
    pub const fn parameter_set(&self) -> ParameterSet {
        self.set
    }

    /// The key under its transform.
    pub(crate) const fn rotation(&self) -> &SquashRotation {
        &self.rotation
    }
}

impl std::fmt::Debug for SquashingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SquashingKey").field("set", &self.set).finish_non_exhaustive()
    }
}

fn checked_frame(bytes: &[u8], set: ParameterSet) -> Result<FrameReader<'_>, KeyError> {
    let mut frame = FrameReader::header(bytes, Kind::SquashingKey)?;
    frame.expect_squash_parameters(set)?;
    let words = set.parameters().small_dimension().0 * SQUASH.seeded_words_per_bit();
    frame.expect_rest(SEED + words * WIDE_WORD)?;
    Ok(frame)
}

/// Grows the masks of a few encryptions, continuing the stream of the steps before.
fn grow(
    bytes: &[u8],
    seed: Seed,
    masks: &mut MaskRandomGenerator<DefaultRandomGenerator>,
) -> LweBootstrapKeyOwned<u128> {
    let (words, _) = bytes.as_chunks::<WIDE_WORD>();
    let words: Vec<u128> = words.iter().map(|word| u128::from_le_bytes(*word)).collect();
    let dimension = LweDimension(words.len() / SQUASH.seeded_words_per_bit());
    let (size, polynomial) = (SQUASH.glwe_size(), SQUASH.polynomial_size());
    let (base, levels) = (SQUASH.base(), SQUASH.level_count());
    let seeded = SeededLweBootstrapKey::from_container(
        words,
        size,
        polynomial,
        base,
        levels,
        seed.into(),
        wide_modulus(),
    );
    let mut grown = LweBootstrapKey::new(0, size, polynomial, base, levels, dimension, wide_modulus());
    par_decompress_seeded_lwe_bootstrap_key_with_pre_seeded_generator(&mut grown, &seeded, masks);
    grown
}
