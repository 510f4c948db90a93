//! Training: one network on one shard, and all teachers of a participant at once.
//!
//! A training is a function of recipe, records and seed: the same call gives the same bits on the same machine,
//! however many threads or other trainings there are.

use super::dataset::Dataset;
use super::layers::Layers;
use super::network::Network;
use super::recipe::{Recipe, RecipeError};
use super::seeds;
use super::shards::Shards;
use super::{augment::Augment, dataset::DatasetError};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamConfig, GradientsParams};
use burn::prelude::*;
use burn::tensor::TensorData;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Why training is refused or fails.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The recipe contradicts itself.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The data does not fit the recipe.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// There is nothing to train on.
    #[error("there is no labeled record to train on")]
    NoRecords,
    /// A record was asked for that is not there.
    #[error("record {index} does not exist; the data holds {records} records")]
    NoSuchRecord {
        /// The index asked for.
        index: usize,
        /// The number of records.
        records: usize,
    },
    /// Labels (or abstentions) and instances do not match.
    #[error("{labels} labels for {instances} instances; there must be one, or an abstention, each")]
    Labels {
        /// How many labels and abstentions there are.
        labels: usize,
        /// How many instances there are.
        instances: usize,
    },
    /// The weights are not finite any more.
    #[error("training with rate {rate} ended in weights that are not finite; use a lower rate")]
    Diverged {
        /// The learning rate.
        rate: f64,
    },
}

/// A network trained on one shard.
#[derive(Debug, Clone)]
pub struct Teacher {
    /// Its shard, counted from 0.
    pub shard: usize,
    /// Its network.
    pub network: Network,
}

/// Trains one teacher per shard, in parallel on the current rayon pool; calls `progress(shard, step, total)` after
/// every step. A teacher's seed comes from `seed` and its shard alone, so no teacher depends on another shard.
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
    let teach = |(shard, indices): (usize, &Vec<usize>)| {
        let seed = seeds::derive("teacher", seed, shard as u64);
        let network = train(recipe, dataset, indices, seed, &|step, total| progress(shard, step, total))?;
        Ok(Teacher { shard, network })
    };
    let teachers: Vec<Result<Teacher, TrainError>> =
        shards.indices.par_iter().enumerate().map(teach).collect();
    teachers.into_iter().collect()
}

/// Trains one network on the records at `indices` with Adam (Kingma and Ba 2015), cross-entropy and a rate that
/// falls linearly to 0; calls `progress(step, total)` after every step.
///
/// # Errors
/// A recipe that contradicts itself, data without fitting labels or of another shape, no records, or weights that are
/// not finite in the end.
pub fn train(
    recipe: &Recipe,
    dataset: &Dataset,
    indices: &[usize],
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Network, TrainError> {
    let plan = recipe.check()?;
    let examples = Examples::new(recipe, dataset, indices)?;
    let device = Device::flex().autodiff();
    let first = Layers::new(&plan, &mut seeds::generator("first weights", seed, 0), &device);
    let layers = descend(recipe, &examples, first, seed, &device, progress);
    if layers.to_weights().iter().any(|weight| !weight.is_finite()) {
        return Err(TrainError::Diverged { rate: recipe.train.rate });
    }
    let (config, schema) = (recipe.network.clone(), recipe.schema.clone());
    Ok(Network { layers, config, schema, classes: recipe.classes, seed })
}

fn descend(
    recipe: &Recipe,
    examples: &Examples<'_>,
    mut layers: Layers,
    seed: u64,
    device: &Device,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Layers {
    let config = &recipe.train;
    let loss = CrossEntropyLossConfig::new().init(device);
    let mut adam = AdamConfig::new().init();
    // Order and augmentation have streams of their own: a change of one leaves the other as it was.
    let mut order_rng = seeds::generator("order of records", seed, 0);
    let mut augment_rng = seeds::generator("augmentation", seed, 0);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let total = config.epochs * order.len().div_ceil(config.batch);
    let mut step = 0;
    for _ in 0..config.epochs {
        order.shuffle(&mut order_rng);
        for batch in order.chunks(config.batch) {
            let (rows, classes) = examples.batch(batch, &config.augment, &mut augment_rng, device);
            let gradients = loss.forward(layers.forward(rows), classes).backward();
            let gradients = GradientsParams::from_grads(gradients, &layers);
            layers = adam.step(config.rate_at(step, total), layers, gradients);
            step += 1;
            progress(step, total);
        }
    }
    layers.valid()
}

/// The checked records of one training.
struct Examples<'a> {
    recipe: &'a Recipe,
    records: Vec<(&'a [f32], i32)>,
}

impl<'a> Examples<'a> {
    fn new(recipe: &'a Recipe, dataset: &'a Dataset, indices: &[usize]) -> Result<Self, TrainError> {
        dataset.check_schema(&recipe.schema)?;
        let labels = dataset.checked_labels(recipe.classes)?;
        let record = |&index: &usize| {
            let label = labels.get(index).copied().map(i32::from);
            let missing = TrainError::NoSuchRecord { index, records: dataset.len() };
            dataset.instance(index).zip(label).ok_or(missing)
        };
        let records = indices.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        if records.is_empty() { Err(TrainError::NoRecords) } else { Ok(Self { recipe, records }) }
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    /// Rows `[batch, values]` and classes `[batch]`.
    fn batch(
        &self,
        indices: &[usize],
        augment: &Augment,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> (Tensor<2>, Tensor<1, Int>) {
        let schema = &self.recipe.schema;
        let mut rows = Vec::with_capacity(indices.len() * schema.values());
        let mut classes = Vec::with_capacity(indices.len());
        for (instance, label) in indices.iter().filter_map(|&i| self.records.get(i)) {
            augment.apply(schema, instance, rng, &mut rows);
            classes.push(*label);
        }
        let batch = classes.len();
        let rows = Tensor::from_data(TensorData::new(rows, [batch, schema.values()]), device);
        (rows, Tensor::from_data(TensorData::new(classes, [batch]), device))
    }
}
