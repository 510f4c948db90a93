//! Random changes of signals and tables: a move, a factor, a little noise.

use super::augment::{AugmentError, shifted, step};
use super::schema::{InstanceKind, InstanceSchema};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How far signals and tables may be changed; tables take `noise` alone.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wobble {
    /// The largest move, in samples; the ends repeat.
    pub samples: usize,
    /// The largest relative change of amplitude, in [0, 1).
    pub amplitude: f32,
    /// The deviation of the noise on every value.
    pub noise: f32,
}

impl Wobble {
    /// Checks that these are signals, or a table that is neither moved nor scaled, and every number is within reason.
    pub(super) fn check(&self, schema: &InstanceSchema) -> Result<(), AugmentError> {
        let moves = self.samples > 0 || self.amplitude != 0.0;
        let kind = schema.kind();
        if kind == InstanceKind::Image || (kind == InstanceKind::Table && moves) {
            return Err(AugmentError::Kind { augment: "wobble", wanted: InstanceKind::Signal, found: kind });
        }
        if !(0.0..1.0).contains(&self.amplitude) {
            return Err(AugmentError::Amplitude { amplitude: self.amplitude });
        }
        if !(0.0..=1e6).contains(&self.noise) {
            return Err(AugmentError::Range { what: "noise", value: self.noise, most: 1e6 });
        }
        let length = schema.shape().last().copied().unwrap_or(0);
        if self.samples == 0 || self.samples.saturating_mul(2) < length {
            return Ok(());
        }
        Err(AugmentError::Shift { shift: self.samples, shape: schema.shape().to_vec() })
    }

    /// Appends a changed copy of an instance of channels of `length` values; all are moved and scaled alike.
    pub(super) fn apply(&self, length: usize, instance: &[f32], rng: &mut ChaCha8Rng, out: &mut Vec<f32>) {
        let right = step(self.samples, rng);
        let factor = 1.0 + self.amplitude * (2.0 * rng.random::<f32>() - 1.0);
        for channel in instance.chunks(length) {
            for from in shifted(channel.len(), right) {
                let noise = if self.noise > 0.0 { self.noise * normal(rng) } else { 0.0 };
                out.push(channel.get(from).map_or(0.0, |value| value * factor) + noise);
            }
        }
    }
}

/// A standard normal number, by Box and Muller.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let (radius, angle) = (1.0 - rng.random::<f32>(), rng.random::<f32>());
    (-2.0 * radius.ln()).sqrt() * (std::f32::consts::TAU * angle).cos()
}
