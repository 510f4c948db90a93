//! How often the noise makes a label wrong: the price in accuracy of a choice of σ.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use super::plan::NoisePlan;

impl NoisePlan {
    /// Returns the probability that the runner-up's noisy count beats the winner's, whose lead is `gap` votes:
    /// Φ(−g/√(2·V)), V = N·s² + σ_c² the variance drawn per slot.
    ///
    /// Two classes only, every enrolled participant votes, and the Gaussian stands for the discrete law: further
    /// close classes raise the error, absent participants lower it, and the circuit's own resolution is not in
    /// it. A draw counts half at gap 0.
    pub fn error_at_gap(&self, gap: u32) -> f64 {
        let variance = self.drawn_variance();
        if variance == 0.0 {
            return if gap == 0 { 0.5 } else { 0.0 };
        }
        normal_tail(f64::from(gap) * FRAC_1_SQRT_2 / variance.sqrt())
    }
}

/// Returns the probability that a standard normal exceeds `x` ≥ 0, to about twelve digits.
///
/// Below 2.5 by Marsaglia's series (2004, equation 3), whose terms are all positive; above by Laplace's continued
/// fraction, which converges quickly there.
pub(super) fn normal_tail(x: f64) -> f64 {
    let density = (-x * x / 2.0).exp() / TAU.sqrt();
    if x < 2.5 {
        let mut term = x;
        let mut sum = x;
        for odd in (3..100).step_by(2) {
            term *= x * x / f64::from(odd);
            sum += term;
        }
        return 0.5 - density * sum;
    }
    let fraction = (1..=200).rev().fold(x, |rest, k| x + f64::from(k) / rest);
    density / fraction
}
