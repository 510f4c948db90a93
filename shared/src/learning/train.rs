//! Training: one network on one shard, and all teachers of a participant at once.

use super::augment::Augment;
use super::dataset::{Dataset, DatasetError};
use super::network::{Network, NetworkConfig, NetworkError};
use super::schema::InstanceSchema;
use super::shards::Shards;
use serde::{Deserialize, Serialize};

/// Why training is refused or fails.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The data does not fit.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// How long and how fast to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// How often each record is shown.
    pub epochs: usize,
    /// How many records make one step.
    pub batch: usize,
    /// Adam's first learning rate; it falls linearly to 0.
    pub rate: f64,
    /// How records are changed each time they are shown.
    pub augment: Augment,
}

/// Everything that decides a training besides the data and the seed; fixed by the federation or by a participant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The shape of the instances.
    pub schema: InstanceSchema,
    /// The number of classes, at least 2.
    pub classes: u16,
    /// The layers.
    pub network: NetworkConfig,
    /// The training.
    pub train: TrainConfig,
}

impl Recipe {
    /// The defaults for teachers on shards of some hundred records.
    #[must_use]
    pub fn teacher(schema: InstanceSchema, classes: u16) -> Self {
        let _ = (schema, classes);
        todo!()
    }

    /// The defaults for a student on few labeled instances: longer training.
    #[must_use]
    pub fn student(schema: InstanceSchema, classes: u16) -> Self {
        let _ = (schema, classes);
        todo!()
    }
}

/// A network trained on one shard.
#[derive(Debug, Clone)]
pub struct Teacher {
    /// Its shard, counted from 0.
    pub shard: usize,
    /// Its network.
    pub network: Network,
}

/// Trains one network on the records at `indices`; `progress(step, total)` is called after every step.
///
/// # Errors
/// Data without fitting labels or of another shape, no records, a bad config, or weights that are not finite.
pub fn train(
    recipe: &Recipe,
    dataset: &Dataset,
    indices: &[usize],
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Network, TrainError> {
    let _ = (recipe, dataset, indices, seed, progress);
    todo!()
}

/// Trains one teacher per shard, in parallel on the current rayon pool; `progress(shard, step, total)`.
///
/// # Errors
/// As [`train`], for the first shard that fails.
pub fn train_teachers(
    recipe: &Recipe,
    dataset: &Dataset,
    shards: &Shards,
    seed: u64,
    progress: &(dyn Fn(usize, usize, usize) + Sync),
) -> Result<Vec<Teacher>, TrainError> {
    let _ = (recipe, dataset, shards, seed, progress);
    todo!()
}
