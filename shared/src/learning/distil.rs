//! The student: a network trained on the labels of released rounds.

use super::dataset::Dataset;
use super::network::Network;
use super::train::{Recipe, TrainError};

/// Trains the student on the instances that have a label; `labels[i]` is nothing for an abstention.
///
/// # Errors
/// Not one label (or abstention) per instance, no label at all, or as [`train`](super::train::train).
pub fn distil(
    recipe: &Recipe,
    instances: &Dataset,
    labels: &[Option<u16>],
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Network, TrainError> {
    let _ = (recipe, instances, labels, seed, progress);
    todo!()
}
