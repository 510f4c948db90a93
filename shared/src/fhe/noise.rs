//! Predicted noise of the circuit, in the usual average-case model (each rounding and each noise term
//! independent).
//!
//! Only +, ×, ÷ and the square root are used, which IEEE 754 fixes to the last bit: every machine gets the
//! same numbers, and so the same scale. A *step* is 2^64 / 2N, the unit in which a look-up reads its input;
//! at full range D votes are N steps.

use std::ops::Range;

use super::parameters::{FULL, Parameters};

const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
/// The Fourier transform's own rounding is not in the formulas; measured, it adds a sixth to the variance of
/// a bootstrap. A quarter is allowed for.
const FOURIER_ALLOWANCE: f64 = 1.25;

/// 2^exponent, exactly.
fn power_of_two(exponent: u32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 2.0)
}

/// Variance of TUniform(b).
fn tuniform_variance(bound_log2: u32) -> f64 {
    (power_of_two(2 * bound_log2 + 1) + 1.0) / 6.0
}

/// Variance of the digits of a balanced decomposition in base 2^b.
fn digit_variance(base_log: u32) -> f64 {
    (power_of_two(2 * base_log) + 2.0) / 12.0
}

/// Variance of what a decomposition of `bits` bits leaves out of a 64-bit word.
fn rounding_variance(bits: u32) -> f64 {
    power_of_two(2 * (64 - bits)) / 12.0
}

/// Standard deviation, in units of 2^-64, of a ciphertext that a bootstrap puts out.
pub(crate) fn bootstrap_deviation(p: &Parameters) -> f64 {
    let n = f64::from(p.lwe_dimension);
    let large = f64::from(p.glwe_dimension * p.polynomial_size);
    let rows = f64::from(p.bootstrap_levels) * (large + f64::from(p.polynomial_size));
    let key = n * rows * digit_variance(p.bootstrap_base_log) * tuniform_variance(p.glwe_noise_log2);
    let kept = p.bootstrap_levels * p.bootstrap_base_log;
    let rounding = n * 0.5 * (1.0 + large / 2.0) * rounding_variance(kept);
    (FOURIER_ALLOWANCE * (key + rounding)).sqrt()
}

/// Standard deviation, in steps, of what a keyswitch and a centered modulus switch add to a phase.
pub(crate) fn switch_deviation(p: &Parameters) -> f64 {
    let step = step(p);
    let large = f64::from(p.glwe_dimension * p.polynomial_size);
    let digits = large * f64::from(p.keyswitch_levels) * digit_variance(p.keyswitch_base_log);
    let keyswitch = digits * tuniform_variance(p.lwe_noise_log2);
    let rounding = large * 0.5 * rounding_variance(p.keyswitch_levels * p.keyswitch_base_log);
    // centered: a mask word's rounding error is multiplied by s − 1/2 = ±1/2, not by s
    let modulus_switch = f64::from(p.lwe_dimension) / 48.0 + 1.0 / 12.0;
    ((keyswitch + rounding) / (step * step) + modulus_switch).sqrt()
}

/// Standard deviation, in steps at full range, of the final of a tournament of `classes` classes: two winners of
/// one level less are compared.
///
/// With a threshold all lies at half the scale, because one comparison more is to come.
pub(crate) fn final_deviation(p: &Parameters, classes: usize, threshold: bool) -> f64 {
    let switch = switch_deviation(p);
    let later = u32::from(threshold);
    (2.0 * value_variance(p, later..later + rounds(classes) - 1) + switch * switch).sqrt()
}

/// Standard deviation, in steps at full range, of the comparison of the winner of `classes` classes with a
/// threshold, which has no noise.
pub(crate) fn threshold_deviation(p: &Parameters, classes: usize) -> f64 {
    let switch = switch_deviation(p);
    (value_variance(p, 0..rounds(classes)) + switch * switch).sqrt()
}

/// Variance, in steps squared at full range, of a winner's value; `doublings` holds, for each match that it won, how
/// often its value is doubled after the next one.
///
/// A match adds half of its comparison's error and the noise of the bootstrap that made |d|. A level's values lie at
/// half the scale of the next, so the bootstraps of the first levels weigh most.
fn value_variance(p: &Parameters, doublings: Range<u32>) -> f64 {
    let switch = switch_deviation(p);
    let mut variance = 0.0;
    for doublings in doublings {
        let bootstrap = bootstrap_deviation(p) * power_of_two(doublings) / step(p);
        variance += switch * switch / 4.0 + bootstrap * bootstrap;
    }
    variance
}

/// Number of rounds of a tournament of `classes` classes, ceil(log2 C).
pub(crate) const fn rounds(classes: usize) -> u32 {
    classes.next_power_of_two().trailing_zeros()
}

fn step(p: &Parameters) -> f64 {
    TWO_POW_64 / (2.0 * f64::from(p.polynomial_size))
}

/// [`final_deviation`] under the secure parameters.
///
/// The toy set has less noise; with one prediction for both, scale and layout do not depend on the set.
pub(crate) fn full_final_deviation(classes: usize, threshold: bool) -> f64 {
    final_deviation(&FULL, classes, threshold)
}

/// [`threshold_deviation`] under the secure parameters.
pub(crate) fn full_threshold_deviation(classes: usize) -> f64 {
    threshold_deviation(&FULL, classes)
}
