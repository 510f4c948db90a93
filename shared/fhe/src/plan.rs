//! The pinned plan of tfhe's transform, without which two runs of its rotation give different ciphertexts.

use tfhe::core_crypto::fft_impl::fft64::math::fft::{FftAlgo, Method, Plan, setup_custom_fft_plan};

use super::parameters::POLYNOMIAL_SIZE;

/// Pins the plan of the Fourier transform for this process; calling it again changes nothing.
///
/// Left alone, tfhe picks a plan by a race of 10 ms, and the rounding of the transform differs from plan to
/// plan. With this one tfhe's rotation is bit-identical between runs, threads, batch sizes and AVX2 or AVX-512
/// builds on one kind of CPU; nothing is promised across CPUs. Our own kernel has a transform of its own, for which this
/// changes nothing. Whatever reads keys calls it first; a program calls it at its start all the same, so that no other
/// use of tfhe can come before.
pub fn pin_fft_plan() {
    const FFT_SIZE: usize = POLYNOMIAL_SIZE / 2;
    let method = Method::UserProvided { base_algo: FftAlgo::Dif8, base_n: 512 };
    setup_custom_fft_plan(Plan::new(FFT_SIZE, method));
}
