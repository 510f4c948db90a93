//! The squashing key under its transform, and the blind rotation it serves.

use tfhe::core_crypto::prelude::{
    ComputationBuffers, Fft128, Fourier128LweBootstrapKey, Fourier128LweBootstrapKeyOwned, GlweCiphertext,
    GlweCiphertextOwned, LweBootstrapKeyOwned, LweCiphertext, LweDimension, MonomialDegree,
    blind_rotate_f128_lwe_ciphertext_mem_optimized,
    blind_rotate_f128_lwe_ciphertext_mem_optimized_requirement, extract_lwe_sample_from_glwe_ciphertext,
    par_convert_standard_lwe_bootstrap_key_to_fourier_128,
};

use crate::kernel::{ExactKey, WideTurn};
use crate::lookup::Switched;
use crate::squash_parameters::{SQUASH, wide_modulus};
use crate::squashed::Squashed;
use crate::transform::Transform;

/// The squashing key, transformed once so that each rotation need not do it again.
pub(crate) enum SquashRotation {
    /// By our own kernel, in integers: the same bits on every machine.
    Exact(Box<ExactKey>),
    /// By tfhe's rotation in pairs of floating point numbers: the fallback, and what the kernel is tested against.
    Fourier { key: Fourier128LweBootstrapKeyOwned, fft: Fft128 },
}

impl SquashRotation {
    /// Makes room for a key under so many bits.
    pub(super) fn new(transform: Transform, dimension: LweDimension) -> Self {
        match transform {
            Transform::Fused | Transform::FusedPairs | Transform::Integer => {
                Self::Exact(Box::new(ExactKey::new(dimension.0)))
            }
            Transform::Fourier => Self::Fourier {
                key: Fourier128LweBootstrapKey::new(
                    dimension,
                    SQUASH.glwe_size(),
                    SQUASH.polynomial_size(),
                    SQUASH.base(),
                    SQUASH.level_count(),
                ),
                fft: Fft128::new(SQUASH.polynomial_size()),
            },
        }
    }

    /// Transforms the encryptions of a few bits, number `first` and those after it.
    pub(super) fn fill(&mut self, first: usize, bits: &LweBootstrapKeyOwned<u128>) {
        match self {
            Self::Exact(key) => key.fill(first, bits.as_ref()),
            Self::Fourier { key, .. } => fill_fourier(key, first, bits),
        }
    }

    /// Rotates the table by the phase of each input and puts out its first coefficient.
    pub(crate) fn rotate(&self, table: &GlweCiphertextOwned<u128>, inputs: &[Switched]) -> Vec<Squashed> {
        match self {
            Self::Exact(key) => rotate_in_step(key, table, inputs),
            Self::Fourier { key, fft } => {
                inputs.iter().map(|input| rotate_alone(key, fft, table, input)).collect()
            }
        }
    }
}

/// Values in each of the four parts of the transformed encryption of one key bit: N/2 per polynomial.
const VALUES_PER_BIT: usize = SQUASH.seeded_words_per_bit() * SQUASH.glwe_size().0 / 2;

fn fill_fourier(key: &mut Fourier128LweBootstrapKeyOwned, first: usize, bits: &LweBootstrapKeyOwned<u128>) {
    let dimension = bits.input_lwe_dimension();
    let places = first * VALUES_PER_BIT..(first + dimension.0) * VALUES_PER_BIT;
    let (re0, re1, im0, im1) = key.as_mut_view().data();
    let mut part = Fourier128LweBootstrapKey::from_container(
        &mut re0[places.clone()],
        &mut re1[places.clone()],
        &mut im0[places.clone()],
        &mut im1[places],
        SQUASH.polynomial_size(),
        dimension,
        SQUASH.glwe_size(),
        SQUASH.base(),
        SQUASH.level_count(),
    );
    par_convert_standard_lwe_bootstrap_key_to_fourier_128(bits, &mut part);
}

/// Walks the key once for all inputs.
fn rotate_in_step(key: &ExactKey, table: &GlweCiphertextOwned<u128>, inputs: &[Switched]) -> Vec<Squashed> {
    let mut rotated: Vec<Vec<u128>> = inputs.iter().map(|_| table.as_ref().to_vec()).collect();
    let mut turns: Vec<WideTurn<'_>> = Vec::with_capacity(inputs.len());
    for (words, input) in rotated.iter_mut().zip(inputs) {
        turns.push(WideTurn { exponents: &input.exponents, body: input.body, words });
    }
    key.rotate(&mut turns);
    let first_coefficient = |words: Vec<u128>| {
        let glwe = GlweCiphertext::from_container(words, SQUASH.polynomial_size(), wide_modulus());
        Squashed::written_by(|words| {
            let mut output = LweCiphertext::from_container(words, wide_modulus());
            extract_lwe_sample_from_glwe_ciphertext(&glwe, &mut output, MonomialDegree(0));
        })
    };
    rotated.into_iter().map(first_coefficient).collect()
}

/// Walks the key anew; tfhe has no batched rotation for this transform.
fn rotate_alone(
    key: &Fourier128LweBootstrapKeyOwned,
    fft: &Fft128,
    table: &GlweCiphertextOwned<u128>,
    input: &Switched,
) -> Squashed {
    let fft = fft.as_view();
    let scratch = blind_rotate_f128_lwe_ciphertext_mem_optimized_requirement::<u128>(
        SQUASH.glwe_size(),
        SQUASH.polynomial_size(),
        fft,
    );
    let mut buffers = ComputationBuffers::new();
    buffers.resize(scratch.unaligned_bytes_required());
    Squashed::written_by(|words| {
        let mut output = LweCiphertext::from_container(words, wide_modulus());
        blind_rotate_f128_lwe_ciphertext_mem_optimized(&input, &mut output, table, key, fft, buffers.stack());
    })
}
