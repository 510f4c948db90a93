//! Random affine changes of images: turned, stretched, slanted and moved about their middle, by bilinear sampling.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The largest changes of an image; each is drawn evenly between minus and plus its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Affine {
    /// The move in each direction, in pixels.
    pub shift: f32,
    /// The turn, in degrees.
    pub rotation: f32,
    /// The logarithm of the factor in each direction; 0.12 is between 0.89 and 1.13.
    pub scale: f32,
    /// The slant: how many columns per row.
    pub shear: f32,
}

impl Default for Affine {
    /// What was measured to teach small networks on few handwritten digits well.
    fn default() -> Self {
        Self { shift: 2.0, rotation: 12.0, scale: 0.12, shear: 0.15 }
    }
}

impl Affine {
    /// The first setting that is not between 0 and its largest sensible value: its name, value and bound.
    pub(super) fn fault(&self) -> Option<(&'static str, f32, f32)> {
        let settings = [
            ("rotation", self.rotation, 180.0),
            ("scale", self.scale, 1.0),
            ("shear", self.shear, 1.0),
            ("shift", self.shift, 1000.0),
        ];
        settings.into_iter().find(|(_, value, most)| !(0.0..=*most).contains(value))
    }

    /// Appends a changed copy of an image, all channels alike; what comes in is 0.
    pub(super) fn apply(
        &self,
        image: &[f32],
        [height, width]: [usize; 2],
        rng: &mut ChaCha8Rng,
        out: &mut Vec<f32>,
    ) {
        let map = Map::draw(self, [height, width], rng);
        for channel in image.chunks(height * width) {
            for y in 0..height {
                out.extend((0..width).map(|x| map.sample(channel, x, y)));
            }
        }
    }
}

/// Where each pixel of the changed image comes from.
struct Map {
    rows: [[f32; 2]; 2],
    shift: [f32; 2],
    middle: [f32; 2],
    extent: [usize; 2],
}

#[expect(clippy::cast_precision_loss, reason = "an image is at most some thousand pixels wide")]
impl Map {
    fn draw(by: &Affine, [height, width]: [usize; 2], rng: &mut ChaCha8Rng) -> Self {
        let mut draw = |most: f32| most * (2.0 * rng.random::<f32>() - 1.0);
        let (sin, cos) = draw(by.rotation).to_radians().sin_cos();
        let (across, down) = ((-draw(by.scale)).exp(), (-draw(by.scale)).exp());
        let slant = draw(by.shear);
        let rows = [[across * (cos + slant * sin), across * (slant * cos - sin)], [down * sin, down * cos]];
        let shift = [draw(by.shift), draw(by.shift)];
        let middle = [(width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0];
        Self { rows, shift, middle, extent: [width, height] }
    }

    fn sample(&self, channel: &[f32], x: usize, y: usize) -> f32 {
        let [middle_x, middle_y] = self.middle;
        let [right, down] = self.shift;
        let (dx, dy) = (x as f32 - middle_x - right, y as f32 - middle_y - down);
        let [[a, b], [c, d]] = self.rows;
        let (from_x, from_y) = (a * dx + b * dy + middle_x, c * dx + d * dy + middle_y);
        let (left, top) = (from_x.floor(), from_y.floor());
        let (wx, wy) = (from_x - left, from_y - top);
        let pixel = |x: f32, y: f32| self.pixel(channel, x, y);
        let upper = pixel(left, top) * (1.0 - wx) + pixel(left + 1.0, top) * wx;
        let lower = pixel(left, top + 1.0) * (1.0 - wx) + pixel(left + 1.0, top + 1.0) * wx;
        // Pixels lie in [0, 1]; rounding must not lead out of it.
        (upper * (1.0 - wy) + lower * wy).clamp(0.0, 1.0)
    }

    fn pixel(&self, channel: &[f32], x: f32, y: f32) -> f32 {
        let [width, height] = self.extent;
        if x < 0.0 || y < 0.0 || x >= width as f32 || y >= height as f32 {
            return 0.0;
        }
        // Both are whole and below the extent.
        channel.get(y as usize * width + x as usize).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::seeds;

    fn changed(by: &Affine, image: &[f32], extent: [usize; 2], seed: u64) -> Vec<f32> {
        let mut out = Vec::new();
        by.apply(image, extent, &mut seeds::generator("test", seed, 0), &mut out);
        out
    }

    const NONE: Affine = Affine { shift: 0.0, rotation: 0.0, scale: 0.0, shear: 0.0 };

    #[test]
    fn without_any_change_an_image_stays_as_it_is_in_all_channels() {
        let image: Vec<f32> = (0..2 * 7 * 9).map(|i| i as f32 / 200.0).collect();
        assert_eq!(changed(&NONE, &image, [7, 9], 1), image);
    }

    #[test]
    fn a_turn_keeps_the_middle_and_moves_the_rim() {
        let mut image = vec![0.0; 81];
        (image[4 * 9 + 4], image[4 * 9 + 8]) = (1.0, 1.0);
        for seed in 0..50 {
            let turned = changed(&Affine { rotation: 90.0, ..NONE }, &image, [9, 9], seed);
            assert!((turned[4 * 9 + 4] - 1.0).abs() < 1e-4, "{turned:?}");
        }
        let rims: Vec<f32> = (0..50)
            .map(|seed| changed(&Affine { rotation: 90.0, ..NONE }, &image, [9, 9], seed)[4 * 9 + 8])
            .collect();
        assert!(rims.iter().any(|&v| v < 0.1), "nothing turns: {rims:?}");
    }

    #[test]
    fn a_shift_moves_light_by_at_most_its_pixels() {
        let mut image = vec![0.0; 15 * 15];
        image[7 * 15 + 7] = 1.0;
        for seed in 0..200 {
            let moved = changed(&Affine { shift: 2.0, ..NONE }, &image, [15, 15], seed);
            let mass: f32 = moved.iter().sum();
            assert!((mass - 1.0).abs() < 1e-4, "{mass}");
            for (at, _) in moved.iter().enumerate().filter(|(_, v)| **v > 0.0) {
                assert!((at / 15).abs_diff(7) <= 3 && (at % 15).abs_diff(7) <= 3);
            }
        }
    }

    #[test]
    fn values_stay_pixels_and_the_seed_decides() {
        let image: Vec<f32> = (0..28 * 28).map(|i| (i % 2) as f32).collect();
        let by = Affine::default();
        let first = changed(&by, &image, [28, 28], 1);
        assert_eq!(first.len(), image.len());
        assert!(first.iter().all(|v| (0.0..=1.0).contains(v)));
        assert_eq!(first, changed(&by, &image, [28, 28], 1));
        assert_ne!(first, changed(&by, &image, [28, 28], 2));
    }

    #[test]
    fn settings_beyond_reason_are_named() {
        assert_eq!(Affine::default().fault(), None);
        assert_eq!(Affine { shear: -0.1, ..NONE }.fault(), Some(("shear", -0.1, 1.0)));
        assert_eq!(Affine { scale: f32::NAN, ..NONE }.fault().map(|(name, _, _)| name), Some("scale"));
    }
}
