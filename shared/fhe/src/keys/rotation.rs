//! The bootstrapping key under its transform, and the blind rotation it serves.

use tfhe::core_crypto::fft_impl::fft64::crypto::bootstrap::batch_blind_rotate_assign_scratch;
use tfhe::core_crypto::prelude::{
    CiphertextCount, ComputationBuffers, ContiguousEntityContainerMut, Fft, FourierLweBootstrapKey,
    FourierLweBootstrapKeyOwned, GlweCiphertextListOwned, LweBootstrapKeyOwned, SeededLweBootstrapKey,
    par_convert_standard_lwe_bootstrap_key_to_fourier,
};

use super::KeyError;
use super::public::SeededKey;
use super::public::bootstrapping_kind;
use crate::kernel::{FusedKey, Turn};
use crate::lookup::Switched;
use crate::parameters::modulus;
use crate::scheme::{Rotation, Scheme};

/// The bootstrapping key, transformed once so that each rotation need not do it again; 52 to 79 MB.
///
/// Where pairs of key bits are taken up together, the key is an ordinary one of the three products of each pair, of which
/// at most one is 1: tfhe's rotation, which takes one bit after the other, can read it as well.
pub(crate) enum RotationKey {
    Fused(Box<FusedKey>),
    Fourier { key: FourierLweBootstrapKeyOwned, fft: Fft },
}

impl RotationKey {
    pub(super) fn read(bytes: &[u8], scheme: Scheme) -> Result<Self, KeyError> {
        let key = read_bootstrapping_key(bytes, scheme)?;
        Ok(match scheme.rotation {
            Rotation::Fused => Self::Fused(Box::new(FusedKey::new(
                key.as_ref(),
                scheme.parameters.parameters().bootstrap_base_log,
                scheme.unrolling,
            ))),
            Rotation::Fourier => Self::fourier(&key),
        })
    }

    fn fourier(key: &LweBootstrapKeyOwned<u64>) -> Self {
        let mut fourier = FourierLweBootstrapKey::new(
            key.input_lwe_dimension(),
            key.glwe_size(),
            key.polynomial_size(),
            key.decomposition_base_log(),
            key.decomposition_level_count(),
        );
        par_convert_standard_lwe_bootstrap_key_to_fourier(key, &mut fourier);
        Self::Fourier { fft: Fft::new(key.polynomial_size()), key: fourier }
    }

    /// Rotates each accumulator by the phase of its input.
    pub(crate) fn rotate(&self, accumulators: &mut GlweCiphertextListOwned<u64>, inputs: &[&Switched]) {
        match self {
            Self::Fused(key) => rotate_fused(key, accumulators, inputs),
            Self::Fourier { key, fft } => rotate_in_step(key, fft, accumulators, inputs),
        }
    }
}

/// Walks the key once for all accumulators, in words of 32 bits.
fn rotate_fused(key: &FusedKey, accumulators: &mut GlweCiphertextListOwned<u64>, inputs: &[&Switched]) {
    let mut accumulators = accumulators.iter_mut();
    let mut turns: Vec<Turn<'_>> = accumulators
        .by_ref()
        .zip(inputs)
        .map(|(accumulator, input)| Turn {
            exponents: &input.exponents,
            body: input.body,
            words: accumulator.into_container(),
        })
        .collect();
    key.rotate(&mut turns);
}

/// Walks the key once for all accumulators.
fn rotate_in_step(
    key: &FourierLweBootstrapKeyOwned,
    fft: &Fft,
    accumulators: &mut GlweCiphertextListOwned<u64>,
    inputs: &[&Switched],
) {
    let fft = fft.as_view();
    let count = CiphertextCount(inputs.len());
    let scratch =
        batch_blind_rotate_assign_scratch::<u64>(key.glwe_size(), key.polynomial_size(), count, fft);
    let mut buffers = ComputationBuffers::new();
    buffers.resize(scratch.unaligned_bytes_required());
    let accumulators = accumulators.as_mut_view();
    key.as_view().batch_blind_rotate_assign(accumulators, inputs, fft, buffers.stack());
}

fn read_bootstrapping_key(bytes: &[u8], scheme: Scheme) -> Result<LweBootstrapKeyOwned<u64>, KeyError> {
    let parameters = scheme.parameters.parameters();
    let levels = parameters.bootstrap_level_count();
    let rows = parameters.glwe_size().0 * levels.0;
    let terms = scheme.unrolling.terms(parameters.small_dimension().0);
    let word_count = terms * rows * parameters.polynomial_size().0;
    let seeded = SeededKey::read(bytes, bootstrapping_kind(scheme.unrolling), scheme.parameters, word_count)?;
    let key = SeededLweBootstrapKey::from_container(
        seeded.words,
        parameters.glwe_size(),
        parameters.polynomial_size(),
        parameters.bootstrap_base(),
        levels,
        seeded.seed,
        modulus(),
    );
    Ok(key.par_decompress_into_lwe_bootstrap_key())
}
