//! Random changes of images: an affine map, an elastic one, and a dark square.

use super::augment::AugmentError;
use super::seeds::normal;
use base::schema::{InstanceKind, InstanceSchema};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The nodes of the elastic displacement in each direction.
const NODES: usize = 5;

/// How far images may be changed; what comes in is 0, and what is left out is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Warp {
    /// The largest move in each direction, in pixels.
    pub shift: f32,
    /// The largest turn, in degrees.
    pub rotation: f32,
    /// The largest stretch of each direction, as a natural logarithm.
    pub scale: f32,
    /// The largest shear.
    pub shear: f32,
    /// The deviation of the elastic displacement's nodes, in pixels.
    pub elastic: f32,
    /// The side of the dark square, in pixels.
    pub cutout: usize,
}

/// One draw: the map from the changed image's places to the image's, about the centre.
struct Map {
    matrix: [f32; 4],
    shift: [f32; 2],
    bend: Option<[[f32; NODES * NODES]; 2]>,
}

impl Warp {
    /// Checks that these are images and every number is within reason.
    pub(super) fn check(&self, schema: &InstanceSchema) -> Result<(), AugmentError> {
        if schema.kind() != InstanceKind::Image {
            let (augment, wanted) = ("warp", InstanceKind::Image);
            return Err(AugmentError::Kind { augment, wanted, found: schema.kind() });
        }
        let shortest = schema.shape_with_channels().into_iter().skip(1).min().unwrap_or(0);
        let half = shortest as f32 / 2.0;
        let ranges = [
            ("shift", self.shift, half),
            ("rotation", self.rotation, 180.0),
            ("scale", self.scale, 2.0),
            ("shear", self.shear, 2.0),
            ("elastic", self.elastic, half),
            ("cutout", self.cutout as f32, shortest as f32),
        ];
        match ranges.into_iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            Some((what, value, most)) => Err(AugmentError::Range { what, value, most }),
            None => Ok(()),
        }
    }

    /// Appends a changed copy of an image; all channels are changed alike.
    pub(super) fn apply(
        &self,
        [height, width]: [usize; 2],
        instance: &[f32],
        rng: &mut ChaCha8Rng,
        out: &mut Vec<f32>,
    ) {
        let map = self.draw(rng);
        let hole = self.draw_hole([height, width], rng);
        for channel in instance.chunks(height * width) {
            for y in 0..height {
                for x in 0..width {
                    let covered = hole.is_some_and(|[t, b, l, r]| (t..b).contains(&y) && (l..r).contains(&x));
                    let value =
                        if covered { 0.0 } else { sample(channel, width, map.source(y, x, height, width)) };
                    out.push(value);
                }
            }
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Map {
        let mut within = |most: f32| (2.0 * rng.random::<f32>() - 1.0) * most;
        let (sin, cos) = within(self.rotation).to_radians().sin_cos();
        let (down, right) = ((-within(self.scale)).exp(), (-within(self.scale)).exp());
        let shear = within(self.shear);
        let shift = [within(self.shift), within(self.shift)];
        let matrix = [right * (cos + shear * sin), right * (shear * cos - sin), down * sin, down * cos];
        let bend = (self.elastic > 0.0)
            .then(|| [(); 2].map(|()| std::array::from_fn(|_| self.elastic * normal(rng))));
        Map { matrix, shift, bend }
    }

    /// Top, bottom, left and right of the dark square; its centre is anywhere in the image.
    fn draw_hole(&self, [height, width]: [usize; 2], rng: &mut ChaCha8Rng) -> Option<[usize; 4]> {
        if self.cutout == 0 {
            return None;
        }
        let (y, x) = (rng.random_range(0..height), rng.random_range(0..width));
        let (before, after) = (self.cutout / 2, self.cutout.div_ceil(2));
        Some([y.saturating_sub(before), y + after, x.saturating_sub(before), x + after])
    }
}

impl Map {
    /// Where in the image the value at (`y`, `x`) of the changed image comes from, as (y, x).
    fn source(&self, y: usize, x: usize, height: usize, width: usize) -> (f32, f32) {
        let [xx, xy, yx, yy] = self.matrix;
        let [right, down] = self.shift;
        let (middle_y, middle_x) = ((height - 1) as f32 / 2.0, (width - 1) as f32 / 2.0);
        let (dx, dy) = (x as f32 - middle_x - right, y as f32 - middle_y - down);
        let (mut from_x, mut from_y) = (xx * dx + xy * dy + middle_x, yx * dx + yy * dy + middle_y);
        if let Some([along, across]) = &self.bend {
            let place = (y as f32 / height.max(2) as f32, x as f32 / width.max(2) as f32);
            from_x += bent(along, place);
            from_y += bent(across, place);
        }
        (from_y, from_x)
    }
}

/// Returns the displacement at a place in [0, 1)², between its four nodes.
fn bent(nodes: &[f32; NODES * NODES], (y, x): (f32, f32)) -> f32 {
    let (y, x) = (y * (NODES - 1) as f32, x * (NODES - 1) as f32);
    let node = |row: usize, column: usize| nodes.get(row * NODES + column).copied().unwrap_or(0.0);
    blend(y, x, |row, column| if row < 0 || column < 0 { 0.0 } else { node(row as usize, column as usize) })
}

/// Returns the value of a channel at a place, between its four pixels; outside it is dark.
fn sample(channel: &[f32], width: usize, (y, x): (f32, f32)) -> f32 {
    let height = (channel.len() / width) as i64;
    blend(y, x, |row, column| {
        let inside = (0..height).contains(&row) && (0..width as i64).contains(&column);
        if inside { channel.get(row as usize * width + column as usize).copied().unwrap_or(0.0) } else { 0.0 }
    })
}

/// Bilinear interpolation of what is at whole places.
fn blend(y: f32, x: f32, at: impl Fn(i64, i64) -> f32) -> f32 {
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let (row, column) = (top as i64, left as i64);
    let upper = at(row, column) * (1.0 - right) + at(row, column + 1) * right;
    let lower = at(row + 1, column) * (1.0 - right) + at(row + 1, column + 1) * right;
    upper * (1.0 - down) + lower * down
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    fn apply(warp: &Warp, size: [usize; 2], image: &[f32], seed: u64) -> Vec<f32> {
        let mut out = Vec::new();
        warp.apply(size, image, &mut seeds::generator("test", seed, 0), &mut out);
        out
    }

    fn wild() -> Warp {
        Warp { shift: 3.0, rotation: 30.0, scale: 0.2, shear: 0.3, elastic: 0.8, cutout: 4 }
    }

    #[test]
    fn nothing_asked_is_nothing_changed() {
        let image: Vec<f32> = (0..120).map(|i| i as f32 / 120.0).collect();
        let same = apply(&Warp::default(), [12, 10], &image, 1);
        assert!(same.iter().zip(&image).all(|(a, b)| (a - b).abs() < 1e-5), "{same:?}");
    }

    #[test]
    fn changed_images_stay_images_and_differ() {
        let image: Vec<f32> = (0..2 * 144).map(|i| (i % 5) as f32 / 4.0).collect();
        let changed: Vec<Vec<f32>> = (0..50).map(|seed| apply(&wild(), [12, 12], &image, seed)).collect();
        for warped in &changed {
            assert_eq!(warped.len(), image.len());
            assert!(warped.iter().all(|v| (0.0..=1.0).contains(v)));
        }
        assert!(changed.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(apply(&wild(), [12, 12], &image, 3), changed[3]);
    }

    #[test]
    fn channels_are_changed_alike() {
        let channel: Vec<f32> = (0..144).map(|i| (i % 7) as f32 / 6.0).collect();
        let warped = apply(&wild(), [12, 12], &[channel.clone(), channel].concat(), 9);
        assert_eq!(warped[..144], warped[144..]);
    }

    #[test]
    fn a_turn_keeps_the_middle_and_a_shift_moves_it_by_no_more_than_asked() {
        let mut image = vec![0.0; 15 * 15];
        image[7 * 15 + 7] = 1.0;
        for seed in 0..100 {
            let turned = apply(&Warp { rotation: 180.0, ..Warp::default() }, [15, 15], &image, seed);
            assert!((turned[7 * 15 + 7] - 1.0).abs() < 1e-4, "{seed}");
            let moved = apply(&Warp { shift: 2.0, ..Warp::default() }, [15, 15], &image, seed);
            let lit = |at: usize| ((at / 15).abs_diff(7)).max((at % 15).abs_diff(7));
            let farthest = (0..225).filter(|at| moved[*at] > 0.0).map(lit).max();
            assert!(farthest.is_some_and(|far| far <= 2), "{seed}: {farthest:?}");
        }
    }

    #[test]
    fn a_dark_square_covers_no_more_than_its_side() {
        let warp = Warp { cutout: 5, ..Warp::default() };
        let dark: Vec<usize> = (0..100)
            .map(|seed| apply(&warp, [20, 20], &[1.0; 400], seed).iter().filter(|v| **v == 0.0).count())
            .collect();
        assert_eq!(dark.iter().max(), Some(&25));
        assert!(dark.iter().all(|count| (9..=25).contains(count)), "{dark:?}");
    }

    #[test]
    fn numbers_beyond_reason_are_refused() {
        let schema = InstanceSchema::new(InstanceKind::Image, vec![3, 12, 40]).unwrap();
        assert_eq!(wild().check(&schema), Ok(()));
        let refusal = |warp: Warp| warp.check(&schema).unwrap_err().to_string();
        assert_eq!(
            refusal(Warp { shift: 7.0, ..Warp::default() }),
            "augmentation shift 7 must be a number from 0 to 6"
        );
        assert!(refusal(Warp { elastic: f32::NAN, ..Warp::default() }).contains("elastic NaN"));
        assert!(
            refusal(Warp { cutout: 13, ..Warp::default() })
                .contains("cutout 13 must be a number from 0 to 12")
        );
        assert!(refusal(Warp { scale: -0.1, ..Warp::default() }).contains("scale -0.1"));
    }
}
