//! Random changes of signals and tables: a move, a factor, a little noise.

use super::augment::{AugmentError, shifted, step};
use super::seeds::normal;
use base::schema::{InstanceKind, InstanceSchema};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    fn apply(wobble: &Wobble, length: usize, values: &[f32], seed: u64) -> Vec<f32> {
        let mut out = Vec::new();
        wobble.apply(length, values, &mut seeds::generator("test", seed, 0), &mut out);
        out
    }

    #[test]
    fn a_signal_is_moved_and_scaled_alike_in_all_channels_and_noise_has_its_deviation() {
        let ramp: Vec<f32> = (0..32).map(|i| 1.0 + i as f32).collect();
        let both = [ramp.clone(), ramp].concat();
        for seed in 0..100 {
            let moved = apply(&Wobble { samples: 3, amplitude: 0.1, noise: 0.0 }, 32, &both, seed);
            assert_eq!(moved[..32], moved[32..]);
            let step = moved[16] - moved[15];
            assert!((0.9 - 1e-5..=1.1 + 1e-5).contains(&step), "{step}");
            assert!((moved[15] / step - 16.0).abs() <= 3.001, "{moved:?}");
        }
        let noisy = apply(&Wobble { noise: 0.5, ..Wobble::default() }, 4000, &[0.0; 4000], 1);
        let variance = noisy.iter().map(|v| v * v).sum::<f32>() / 4000.0;
        // The deviation of the measured variance is 0.25 · √(2 / 4000) = 0.0056.
        assert!((variance - 0.25).abs() < 0.03, "{variance}");
    }

    #[test]
    fn tables_take_noise_alone_and_images_nothing() {
        let schema = |kind, shape: &[usize]| InstanceSchema::new(kind, shape.to_vec()).unwrap();
        let (table, image) = (schema(InstanceKind::Table, &[9]), schema(InstanceKind::Image, &[9, 9]));
        let noise = Wobble { noise: 0.1, ..Wobble::default() };
        assert_eq!(noise.check(&table), Ok(()));
        let refusal = |wobble: Wobble, schema| wobble.check(schema).unwrap_err().to_string();
        assert!(refusal(Wobble { samples: 1, ..noise }, &table).contains("these are `table`"));
        assert!(refusal(Wobble { amplitude: 0.1, ..noise }, &table).contains("these are `table`"));
        assert!(refusal(noise, &image).contains("these are `image`"));
        let signal = schema(InstanceKind::Signal, &[6]);
        assert!(refusal(Wobble { samples: 3, ..noise }, &signal).contains("by up to 3 steps is too much"));
        assert!(
            refusal(Wobble { amplitude: 1.0, ..noise }, &signal).contains("must be at least 0 and below 1")
        );
        assert!(refusal(Wobble { noise: f32::NAN, ..noise }, &signal).contains("noise NaN"));
    }
}
