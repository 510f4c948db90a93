//! Predicted noise of the circuit, in the usual average-case model (each rounding and each noise term
//! independent).
//!
//! Only +, ×, ÷ and the square root are used, which IEEE 754 fixes to the last bit: every machine gets the
//! same numbers, and so the same scale. A *tick* is 2^64 / 2N, the unit in which a look-up reads its input;
//! at full range D votes are N ticks.

use std::ops::Range;

use super::layout::{MASK_BYTES, SLOT_BYTES};
use super::parameters::{Noise, Parameters};
use super::scheme::{Rotation, Scheme, Unrolling};

const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
/// The Fourier transform's own rounding is not in the formulas; measured, tfhe's adds a sixth to the variance of
/// a bootstrap, of which a quarter is allowed for.
const FOURIER_ALLOWANCE: f64 = 1.25;
/// That of our kernel, which multiplies by X^a − 1 behind the transform; measured on 4000 bootstraps of each kind, it adds
/// a third (`full`), two fifths (`swift`, bit by bit) and a half (in pairs).
const FUSED_ALLOWANCE: f64 = 1.5;

/// How finely a comparison is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// In ticks: one look-up per table.
    Fine,
    /// In pairs of ticks, so that one look-up reads two tables.
    Coarse,
}

impl Precision {
    /// Ticks that are told apart no more.
    pub(crate) const fn ticks(self) -> u32 {
        match self {
            Self::Fine => 1,
            Self::Coarse => 2,
        }
    }
}

/// 2^exponent, exactly.
fn power_of_two(exponent: u32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 2.0)
}

/// Returns the variance of TUniform(b).
fn tuniform_variance(bound_log2: u32) -> f64 {
    (power_of_two(2 * bound_log2 + 1) + 1.0) / 6.0
}

fn variance(noise: Noise) -> f64 {
    match noise {
        Noise::TUniform { bound_log2 } => tuniform_variance(bound_log2),
        Noise::Gaussian { deviation } => deviation as f64 * deviation as f64,
    }
}

/// Returns the variance of the digits of a balanced decomposition in base 2^b.
fn digit_variance(base_log: u32) -> f64 {
    (power_of_two(2 * base_log) + 2.0) / 12.0
}

/// Returns the variance of what a decomposition of `bits` bits leaves out of a 64-bit word.
fn rounding_variance(bits: u32) -> f64 {
    power_of_two(2 * (64 - bits)) / 12.0
}

/// Returns how often, for each bit of the small key, the noise of an encrypted key bit and the rounding of a
/// decomposition enter a bootstrap's variance.
///
/// tfhe decomposes the difference of an accumulator and the rotated one, once for each encrypted product; a rounding
/// counts where the product is 1. Our kernel decomposes the accumulator itself and multiplies by X^a − 1 afterwards,
/// which doubles both.
const fn entries(scheme: &Scheme) -> (f64, f64) {
    match (scheme.rotation, scheme.unrolling) {
        (Rotation::Fourier, Unrolling::Bits) => (1.0, 0.5),
        (Rotation::Fourier, Unrolling::Pairs) => (1.5, 0.375),
        (Rotation::Fused, Unrolling::Bits) => (2.0, 1.0),
        (Rotation::Fused, Unrolling::Pairs) => (3.0, 0.75),
    }
}

/// Standard deviation, in units of 2^-64, of a ciphertext that a bootstrap puts out.
pub(crate) fn bootstrap_deviation(scheme: &Scheme) -> f64 {
    let p = scheme.parameters.parameters();
    let n = f64::from(p.lwe_dimension);
    let large = f64::from(p.glwe_dimension * p.polynomial_size);
    let rows = f64::from(p.bootstrap_levels) * (large + f64::from(p.polynomial_size));
    let (key_entries, rounding_entries) = entries(scheme);
    let key =
        n * key_entries * rows * digit_variance(p.bootstrap_base_log) * tuniform_variance(p.glwe_noise_log2);
    let kept = p.bootstrap_levels * p.bootstrap_base_log;
    let rounding = n * rounding_entries * (1.0 + large / 2.0) * rounding_variance(kept);
    let allowance = match scheme.rotation {
        Rotation::Fused => FUSED_ALLOWANCE,
        Rotation::Fourier => FOURIER_ALLOWANCE,
    };
    (allowance * (key + rounding)).sqrt()
}

/// Variance, in ticks squared at the ballots' scale, of what the rounding of so many ballots adds to a count.
///
/// A slot's word errs by half its last bit at most, and so does each word of the mask, which counts where the key's bit
/// is 1.
pub(crate) fn ballot_variance(ballots: u32, p: &Parameters) -> f64 {
    let large = f64::from(p.glwe_dimension * p.polynomial_size);
    let kept = |bytes: usize| u8::BITS * bytes as u32;
    let rounding = rounding_variance(kept(SLOT_BYTES)) + large * 0.5 * rounding_variance(kept(MASK_BYTES));
    f64::from(ballots) * rounding / (tick(p) * tick(p))
}

/// Standard deviation, in ticks, of what a keyswitch and a centered modulus switch add to a phase.
pub(crate) fn switch_deviation(scheme: &Scheme, precision: Precision) -> f64 {
    let p = scheme.parameters.parameters();
    let (n, tick) = (f64::from(p.lwe_dimension), tick(p));
    let large = f64::from(p.glwe_dimension * p.polynomial_size);
    let digits = large * f64::from(p.keyswitch_levels) * digit_variance(p.keyswitch_base_log);
    let keyswitch = digits * variance(p.lwe_noise);
    let rounding = large * 0.5 * rounding_variance(p.keyswitch_levels * p.keyswitch_base_log);
    let mask = match scheme.unrolling {
        // centered: a mask word's rounding error is multiplied by s − 1/2 = ±1/2, not by s
        Unrolling::Bits => n / 48.0,
        // three errors for two bits, of which one or none counts, less a quarter of all: (1·3 + 3·11)/16/4 of 1/12
        Unrolling::Pairs => n * 9.0 / 384.0,
    };
    let units = f64::from(precision.ticks());
    let modulus_switch = units * units * (mask + 1.0 / 12.0);
    ((keyswitch + rounding) / (tick * tick) + modulus_switch).sqrt()
}

/// The circuit whose errors are predicted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Number of classes.
    pub(crate) classes: usize,
    /// Ballots that are added up, at most; each was rounded.
    pub(crate) ballots: u32,
    /// Whether one comparison more follows the final, and all lies at half the scale.
    pub(crate) threshold: bool,
    /// Levels below the last one, counted from it, that are read finely; those below are read coarsely.
    pub(crate) precise: u32,
}

impl Shape {
    /// Returns how a level is read whose winners' values are doubled so often after the next match.
    const fn precision(&self, doublings: u32) -> Precision {
        if doublings < self.precise { Precision::Fine } else { Precision::Coarse }
    }

    /// Standard deviation, in ticks at full range, of the final: two winners of one level less are compared.
    pub(crate) fn final_deviation(&self, scheme: &Scheme) -> f64 {
        let later = u32::from(self.threshold);
        let precision = if self.threshold { self.precision(0) } else { Precision::Fine };
        let switch = switch_deviation(scheme, precision);
        let doublings = later..later + rounds(self.classes) - 1;
        (2.0 * self.value_variance(scheme, doublings) + switch * switch).sqrt()
    }

    /// Standard deviation, in ticks at full range, of the comparison of the winner with a threshold, which has no noise.
    pub(crate) fn threshold_deviation(&self, scheme: &Scheme) -> f64 {
        let switch = switch_deviation(scheme, Precision::Fine);
        (self.value_variance(scheme, 0..rounds(self.classes)) + switch * switch).sqrt()
    }

    /// Variance, in ticks squared at full range, of a winner's value; `doublings` holds, for each match that it won, how
    /// often its value is doubled after the next one.
    ///
    /// A match adds half of its comparison's error and the noise of the bootstrap that made |d|. A level's values lie at
    /// half the scale of the next, so the bootstraps of the first levels weigh most, and the rounding of the ballots,
    /// which stand before the first match.
    fn value_variance(&self, scheme: &Scheme, doublings: Range<u32>) -> f64 {
        let rounding = ballot_variance(self.ballots, scheme.parameters.parameters());
        let mut variance = rounding * power_of_two(2 * doublings.end);
        for doublings in doublings {
            let switch = switch_deviation(scheme, self.precision(doublings));
            let bootstrap =
                bootstrap_deviation(scheme) * power_of_two(doublings) / tick(scheme.parameters.parameters());
            variance += switch * switch / 4.0 + bootstrap * bootstrap;
        }
        variance
    }
}

/// Returns the number of rounds of a tournament of `classes` classes, ceil(log2 C).
pub(crate) const fn rounds(classes: usize) -> u32 {
    classes.next_power_of_two().trailing_zeros()
}

fn tick(p: &Parameters) -> f64 {
    TWO_POW_64 / (2.0 * f64::from(p.polynomial_size))
}
