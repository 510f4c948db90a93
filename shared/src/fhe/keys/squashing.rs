//! The key with which the coordinator squashes labels.

use tfhe::core_crypto::commons::generators::MaskRandomGenerator;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::{
    DefaultRandomGenerator, Fft128, Fourier128LweBootstrapKey, Fourier128LweBootstrapKeyOwned,
    LweBootstrapKey, LweDimension, SeededLweBootstrapKey,
    par_convert_standard_lwe_bootstrap_key_to_fourier_128,
    par_decompress_seeded_lwe_bootstrap_key_with_pre_seeded_generator,
};

use super::KeyError;
use crate::fhe::frame::{FrameReader, Kind, WIDE_WORD};
use crate::fhe::parameters::ParameterSet;
use crate::fhe::squash_parameters::{SQUASH, wide_modulus};

/// Bits of the small key whose encryptions are grown and transformed at a time: 14 MB of intermediate words.
const BITS_PER_STEP: usize = 16;
const SEED: usize = size_of::<u128>();

/// The squashing key, ready to evaluate: 812 MB with the secure parameters, 57 MB with the toy ones.
///
/// It decrypts nothing.
pub struct SquashingKey {
    set: ParameterSet,
    key: Fourier128LweBootstrapKeyOwned,
    fft: Fft128,
}

impl SquashingKey {
    /// Reads [`super::DealerKeys::squashing_key`], made with the federation's parameters, grows its masks and
    /// transforms it, a few key bits at a time, so that little more than the result is in memory.
    ///
    /// # Errors
    /// Refuses another kind of frame, other parameters and any other length.
    pub fn from_bytes(bytes: &[u8], set: ParameterSet) -> Result<Self, KeyError> {
        let dimension = set.parameters().small_dimension();
        let words_per_step = BITS_PER_STEP * SQUASH.seeded_words_per_bit();
        let mut frame = checked_frame(bytes, set)?;
        let seed = Seed(u128::from_le_bytes(frame.array()?));
        let mut masks = MaskRandomGenerator::new(seed);
        let mut key = empty_key(dimension);
        let values_per_step = BITS_PER_STEP * values_per_bit();
        let (re0, re1, im0, im1) = key.as_mut_view().data();
        let steps = re0
            .chunks_mut(values_per_step)
            .zip(re1.chunks_mut(values_per_step))
            .zip(im0.chunks_mut(values_per_step).zip(im1.chunks_mut(values_per_step)));
        for (bytes, ((re0, re1), (im0, im1))) in frame.rest().chunks(words_per_step * WIDE_WORD).zip(steps) {
            transform_step(bytes, seed, &mut masks, [re0, re1, im0, im1]);
        }
        Ok(Self { set, key, fft: Fft128::new(SQUASH.polynomial_size()) })
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

    pub(crate) const fn key(&self) -> &Fourier128LweBootstrapKeyOwned {
        &self.key
    }

    pub(crate) const fn fft(&self) -> &Fft128 {
        &self.fft
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

fn empty_key(dimension: LweDimension) -> Fourier128LweBootstrapKeyOwned {
    Fourier128LweBootstrapKey::new(
        dimension,
        SQUASH.glwe_size(),
        SQUASH.polynomial_size(),
        SQUASH.base(),
        SQUASH.level_count(),
    )
}

/// Values in each of the four parts of the transformed encryption of one key bit: N/2 per polynomial.
const fn values_per_bit() -> usize {
    SQUASH.seeded_words_per_bit() * SQUASH.glwe_size().0 / 2
}

/// Grows the masks of a few encryptions, continuing the stream of the steps before, and transforms them.
fn transform_step(
    bytes: &[u8],
    seed: Seed,
    masks: &mut MaskRandomGenerator<DefaultRandomGenerator>,
    [re0, re1, im0, im1]: [&mut [f64]; 4],
) {
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
    let mut part = Fourier128LweBootstrapKey::from_container(
        re0, re1, im0, im1, polynomial, dimension, size, base, levels,
    );
    par_convert_standard_lwe_bootstrap_key_to_fourier_128(&grown, &mut part);
}
