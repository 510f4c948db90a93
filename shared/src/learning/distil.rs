//! The student: a network trained on the labels of released rounds.

use super::dataset::Dataset;
use super::network::Network;
use super::recipe::Recipe;
use super::train::{TrainError, train};

/// Trains the student on the instances that have a label; `labels[i]` belongs to instance `i` and is nothing for an
/// abstention. Labels are released, so this costs no privacy.
///
/// # Errors
/// Not one label (or abstention) per instance, no label at all, or as [`train`].
pub fn distil(
    recipe: &Recipe,
    instances: &Dataset,
    labels: &[Option<u16>],
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Network, TrainError> {
    if labels.len() != instances.len() {
        return Err(TrainError::Labels { labels: labels.len(), instances: instances.len() });
    }
    let (answered, labels): (Vec<usize>, Vec<u16>) =
        labels.iter().enumerate().filter_map(|(index, label)| Some((index, (*label)?))).unzip();
    let shape = instances.shape().to_vec();
    let labeled = Dataset::new(instances.select(&answered).into_values(), shape, Some(labels), None)?;
    let all: Vec<usize> = (0..labeled.len()).collect();
    train(recipe, &labeled, &all, seed, progress)
}
