//! Batches in parts: each step's batch is cut into [`PARTS`] parts that are computed side by side and added in their
//! order, each with a random stream of its own, so that the same seed gives the same bits on any number of threads.

use super::seeds;
use burn::prelude::*;
use burn::tensor::TensorData;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Into how many parts a batch is cut; it decides results, so it is no setting and does not follow the machine.
pub(super) const PARTS: usize = 4;

/// One part of a batch.
pub(super) fn cut(batch: &[usize], part: usize) -> &[usize] {
    batch.get(part * batch.len() / PARTS..(part + 1) * batch.len() / PARTS).unwrap_or_default()
}

/// Rows of `width` values as a tensor; nothing where there is no row, because no layer takes a batch of nothing.
pub(super) fn tensor(rows: Vec<f32>, width: usize, device: &Device) -> Option<Tensor<2>> {
    let batch = rows.len() / width.max(1);
    (batch > 0).then(|| Tensor::from_data(TensorData::new(rows, [batch, width]), device))
}

/// Returns all values of a tensor, row after row.
pub(super) fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Adds a part to the whole.
pub(super) fn add(sum: &mut [f32], part: &[f32]) {
    for (sum, part) in sum.iter_mut().zip(part) {
        *sum += part;
    }
}

/// Walk through a list again and again, shuffled anew each time.
pub(super) struct Cycle {
    order: Vec<usize>,
    next: usize,
    rng: ChaCha8Rng,
}

impl Cycle {
    /// Begins a cycle through the numbers below `length`.
    pub(super) fn new(purpose: &str, length: usize, seed: u64) -> Self {
        Self { order: (0..length).collect(), next: length, rng: seeds::generator(purpose, seed, 0) }
    }

    /// Takes the next `count` numbers; none if there are none.
    pub(super) fn next(&mut self, count: usize) -> Vec<usize> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count && !self.order.is_empty() {
            if self.next >= self.order.len() {
                self.order.shuffle(&mut self.rng);
                self.next = 0;
            }
            taken.extend(self.order.get(self.next));
            self.next += 1;
        }
        taken
    }
}
