//! Random changes of training instances that leave their class as it is.

use super::warp::Warp;
use super::wobble::Wobble;
use base::schema::{InstanceKind, InstanceSchema};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Why an augmentation is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AugmentError {
    /// The augmentation is for another kind of instances.
    #[error("augmentation `{augment}` is for instances of kind `{wanted}`, these are `{found}`; use `none`")]
    Kind {
        /// The augmentation's kind.
        augment: &'static str,
        /// The kind it changes.
        wanted: InstanceKind,
        /// The instances' kind.
        found: InstanceKind,
    },
    /// A shift would move the whole instance out of sight.
    #[error(
        "augmentation by up to {shift} steps is too much for instances of shape {shape:?}; use less than half"
    )]
    Shift {
        /// The largest shift.
        shift: usize,
        /// The instances' shape.
        shape: Vec<usize>,
    },
    /// The change of amplitude is not in [0, 1).
    #[error("augmentation amplitude {amplitude} must be at least 0 and below 1")]
    Amplitude {
        /// The refused value.
        amplitude: f32,
    },
    /// A number of a warp or wobble is outside its range.
    #[error("augmentation {what} {value} must be a number from 0 to {most}")]
    Range {
        /// Which number.
        what: &'static str,
        /// The refused value.
        value: f32,
        /// The largest allowed value.
        most: f32,
    },
}

/// How training instances are changed each time they are shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Augment {
    /// Instances are shown as they are.
    None {},
    /// Images move by up to `pixels` whole pixels in each direction; what comes in is 0.
    Shift {
        /// The largest move, in pixels.
        pixels: usize,
    },
    /// Signals move by up to `samples` samples (the ends repeat) and are scaled by up to 1 ± `amplitude`.
    Jitter {
        /// The largest move, in samples.
        samples: usize,
        /// The largest relative change of amplitude, in [0, 1).
        amplitude: f32,
    },
    /// Images are moved, turned, stretched, sheared, bent and partly covered.
    Warp(Warp),
    /// Signals are moved and scaled, and every value of signals and tables gets a little noise.
    Wobble(Wobble),
}

impl Augment {
    /// Shifts of 2 pixels for images (fewer for tiny ones), a mild jitter for signals, nothing for tables.
    #[must_use]
    pub fn default_for(schema: &InstanceSchema) -> Self {
        let default = match schema.kind() {
            InstanceKind::Image => Self::Shift { pixels: 2 },
            InstanceKind::Signal => Self::Jitter { samples: 3, amplitude: 0.1 },
            InstanceKind::Table => Self::None {},
        };
        if default.check(schema).is_ok() { default } else { Self::None {} }
    }

    /// Checks that this augmentation fits the instances.
    ///
    /// # Errors
    /// Another kind of instances, a shift of half the instance or more, or an amplitude outside [0, 1).
    pub fn check(&self, schema: &InstanceSchema) -> Result<(), AugmentError> {
        let (augment, wanted, shift) = match self {
            Self::None {} => return Ok(()),
            Self::Shift { pixels } => ("shift", InstanceKind::Image, *pixels),
            Self::Jitter { samples, amplitude } if (0.0..1.0).contains(amplitude) => {
                ("jitter", InstanceKind::Signal, *samples)
            }
            Self::Jitter { amplitude, .. } => return Err(AugmentError::Amplitude { amplitude: *amplitude }),
            Self::Warp(warp) => return warp.check(schema),
            Self::Wobble(wobble) => return wobble.check(schema),
        };
        if schema.kind() != wanted {
            return Err(AugmentError::Kind { augment, wanted, found: schema.kind() });
        }
        let shortest = schema.shape_with_channels().into_iter().skip(1).min().unwrap_or(0);
        if shift.saturating_mul(2) < shortest {
            return Ok(());
        }
        Err(AugmentError::Shift { shift, shape: schema.shape().to_vec() })
    }

    /// Appends a changed copy of one instance to `out`: as many values as the instance has.
    pub(super) fn apply(
        &self,
        schema: &InstanceSchema,
        instance: &[f32],
        rng: &mut ChaCha8Rng,
        out: &mut Vec<f32>,
    ) {
        let shape = schema.shape_with_channels();
        match (self, shape.as_slice()) {
            (&Self::Shift { pixels }, &[_, height, width]) => {
                let (down, right) = (step(pixels, rng), step(pixels, rng));
                for channel in instance.chunks(height * width) {
                    shift_image(channel, width, down, right, out);
                }
            }
            (&Self::Jitter { samples, amplitude }, &[_, length]) => {
                let right = step(samples, rng);
                let factor = 1.0 + amplitude * (2.0 * rng.random::<f32>() - 1.0);
                for channel in instance.chunks(length) {
                    out.extend(shifted(length, right).map(|i| channel.get(i).map_or(0.0, |v| v * factor)));
                }
            }
            (Self::Warp(warp), &[_, height, width]) => warp.apply([height, width], instance, rng, out),
            (Self::Wobble(wobble), _) => {
                wobble.apply(shape.last().copied().unwrap_or(1), instance, rng, out);
            }
            _ => out.extend_from_slice(instance),
        }
    }
}

/// Returns a whole number of steps between −`most` and `most`.
pub(super) fn step(most: usize, rng: &mut ChaCha8Rng) -> isize {
    rng.random_range(0..=2 * most).cast_signed() - most.cast_signed()
}

/// Appends one channel moved by whole pixels; what comes in is 0.
fn shift_image(channel: &[f32], width: usize, down: isize, right: isize, out: &mut Vec<f32>) {
    let height = channel.len() / width;
    let source = |at: usize, step: isize, extent: usize| at.checked_add_signed(-step).filter(|&i| i < extent);
    for y in 0..height {
        for x in 0..width {
            let from = source(y, down, height).zip(source(x, right, width));
            out.push(from.and_then(|(y, x)| channel.get(y * width + x)).copied().unwrap_or(0.0));
        }
    }
}

/// Returns the indices that move a signal by `right` samples, its ends repeated.
pub(super) fn shifted(length: usize, right: isize) -> impl Iterator<Item = usize> {
    (0..length).map(move |i| i.saturating_add_signed(-right).min(length - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use std::collections::BTreeSet;

    fn schema(kind: InstanceKind, shape: &[usize]) -> InstanceSchema {
        InstanceSchema::new(kind, shape.to_vec()).unwrap()
    }

    fn apply(augment: &Augment, schema: &InstanceSchema, instance: &[f32], seed: u64) -> Vec<f32> {
        let mut out = Vec::new();
        augment.apply(schema, instance, &mut seeds::generator("test", seed, 0), &mut out);
        out
    }

    #[test]
    fn one_bright_pixel_moves_at_most_two_pixels_in_every_direction_and_in_all_channels_alike() {
        let schema = schema(InstanceKind::Image, &[2, 7, 9]);
        let mut image = vec![0.0; 2 * 7 * 9];
        (image[3 * 9 + 4], image[63 + 3 * 9 + 4]) = (0.25, 0.75);
        let mut places = BTreeSet::new();
        for seed in 0..1000 {
            let moved = apply(&Augment::Shift { pixels: 2 }, &schema, &image, seed);
            assert_eq!(moved.len(), image.len());
            let at = moved.iter().position(|&v| v == 0.25).unwrap();
            assert_eq!(moved[63 + at], 0.75);
            assert_eq!(moved.iter().filter(|&&v| v != 0.0).count(), 2);
            places.insert((at / 9, at % 9));
        }
        // A place is missed in all 1000 draws with chance 25 · (24/25)^1000 < 1e-16; the seeds are fixed anyway.
        assert_eq!(places, (1..=5).flat_map(|y| (2..=6).map(move |x| (y, x))).collect());
    }

    #[test]
    fn what_leaves_an_image_is_lost_and_what_comes_in_is_dark() {
        let schema = schema(InstanceKind::Image, &[5, 5]);
        let sums: BTreeSet<usize> = (0..200)
            .map(|seed| apply(&Augment::Shift { pixels: 1 }, &schema, &[1.0; 25], seed))
            .map(|moved| moved.iter().filter(|&&v| v == 1.0).count())
            .collect();
        assert_eq!(sums, BTreeSet::from([16, 20, 25]));
    }

    #[test]
    fn a_signal_is_moved_and_scaled_within_its_bounds() {
        let schema = schema(InstanceKind::Signal, &[32]);
        let ramp: Vec<f32> = (0..32).map(|i| 1.0 + i as f32).collect();
        for seed in 0..200 {
            let moved = apply(&Augment::Jitter { samples: 3, amplitude: 0.1 }, &schema, &ramp, seed);
            assert_eq!(moved.len(), 32);
            let step = moved[16] - moved[15];
            assert!((0.9 - 1e-5..=1.1 + 1e-5).contains(&step), "{step}");
            assert!((moved[15] / step - 16.0).abs() <= 3.001, "{moved:?}");
            assert!(moved.iter().all(|&v| (0.89..=32.0 * 1.11).contains(&v)));
        }
    }

    #[test]
    fn an_augmentation_for_other_instances_or_beyond_reason_is_refused() {
        let signal = schema(InstanceKind::Signal, &[6]);
        let refusal = |augment: Augment| augment.check(&signal).unwrap_err().to_string();
        assert!(
            refusal(Augment::Shift { pixels: 1 })
                .contains("is for instances of kind `image`, these are `signal`")
        );
        assert!(
            refusal(Augment::Jitter { samples: 3, amplitude: 0.0 }).contains("by up to 3 steps is too much")
        );
        assert!(refusal(Augment::Jitter { samples: usize::MAX, amplitude: 0.0 }).contains("is too much"));
        for amplitude in [1.0, -0.1, f32::NAN] {
            assert!(
                refusal(Augment::Jitter { samples: 1, amplitude }).contains("must be at least 0 and below 1")
            );
        }
        assert_eq!(Augment::default_for(&signal), Augment::None {});
        assert_eq!(
            Augment::default_for(&schema(InstanceKind::Image, &[28, 28])),
            Augment::Shift { pixels: 2 }
        );
    }
}
