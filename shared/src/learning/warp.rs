//! Random changes of images: an affine map, an elastic one, and a dark square.

use super::augment::AugmentError;
use super::schema::{InstanceKind, InstanceSchema};
use super::wobble::normal;
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
                    let value = if covered { 0.0 } else { sample(channel, width, map.source(y, x, height, width)) };
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
        let matrix = [
            right * (cos + shear * sin),
            right * (shear * cos - sin),
            down * sin,
            down * cos,
        ];
        let bend = (self.elastic > 0.0).then(|| {
            [(); 2].map(|()| std::array::from_fn(|_| self.elastic * normal(rng)))
        });
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

/// The displacement at a place in [0, 1)², between its four nodes.
fn bent(nodes: &[f32; NODES * NODES], (y, x): (f32, f32)) -> f32 {
    let (y, x) = (y * (NODES - 1) as f32, x * (NODES - 1) as f32);
    let node = |row: usize, column: usize| nodes.get(row * NODES + column).copied().unwrap_or(0.0);
    blend(y, x, |row, column| if row < 0 || column < 0 { 0.0 } else { node(row as usize, column as usize) })
}

/// The value of a channel at a place, between its four pixels; outside it is dark.
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
