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
use super::student::StudentConfigError;
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
    /// The student's settings are wrong.
    #[error(transparent)]
    Student(#[from] StudentConfigError),
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
    let mut first = Layers::new(&plan, &mut seeds::generator("first weights", seed, 0), &device);
    if let Some(weights) = &recipe.first {
        first = first.with_weights(weights.values(), &device);
    }
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

#[cfg(test)]
mod tests {
    use super::super::{PrivacyUnitOfData, ShardKey, generate_ecg, predict, shard};
    use super::*;
    use base::{InstanceKind, InstanceSchema};
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SILENT: &(dyn Fn(usize, usize, usize) + Sync) = &|_, _, _| ();

    fn beats() -> (Recipe, Dataset) {
        let source = generate_ecg(40, 4, 11).unwrap();
        let mut recipe = Recipe::teacher(source.description.schema, 5);
        recipe.train.epochs = 2;
        (recipe, source.train)
    }

    fn images() -> (Recipe, Dataset) {
        let schema = InstanceSchema::new(InstanceKind::Image, vec![12, 12]).unwrap();
        let values = (0..144 * 40).map(|i| ((i * 7919) % 101) as f32 / 100.0).collect();
        let data = Dataset::new(values, vec![12, 12], Some((0..40).map(|i| i % 3).collect()), None).unwrap();
        let mut recipe = Recipe::teacher(schema, 3);
        recipe.train.epochs = 2;
        (recipe, data)
    }

    fn bits(network: &Network) -> Vec<u32> {
        network.weights().into_iter().map(f32::to_bits).collect()
    }

    fn train_with_threads(threads: usize, recipe: &Recipe, data: &Dataset, shards: &Shards) -> Vec<Vec<u32>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let teachers = pool.install(|| train_teachers(recipe, data, shards, 5, SILENT)).unwrap();
        teachers.iter().map(|teacher| bits(&teacher.network)).collect()
    }

    /// The claim on which the privacy cost per person rests: one person is in one shard and nowhere else.
    #[test]
    fn a_person_that_asks_to_be_deleted_changes_one_teacher_and_no_bit_of_any_other() {
        let (recipe, data) = beats();
        let persons = data.persons().unwrap().to_vec();
        let key = ShardKey::new([3; 32]);
        let before = shard(&data, &key, 4).unwrap();
        assert_eq!(before.unit, PrivacyUnitOfData::Person);
        let teachers = train_with_threads(2, &recipe, &data, &before);
        for gone in [&persons[0], &persons[159]] {
            let left: Vec<usize> = (0..data.len()).filter(|&i| persons[i] != *gone).collect();
            let without = data.select(&left);
            let after = shard(&without, &key, 4).unwrap();
            let retrained = train_with_threads(2, &recipe, &without, &after);
            let home = before
                .indices
                .iter()
                .position(|indices| indices.iter().any(|&i| persons[i] == *gone))
                .unwrap();
            for (number, (old, new)) in teachers.iter().zip(&retrained).enumerate() {
                assert_eq!(old != new, number == home, "teacher {number}, the person was in shard {home}");
            }
        }
    }

    #[test]
    fn the_same_call_gives_the_same_bits_on_one_thread_and_on_four() {
        for (recipe, data) in [beats(), images()] {
            let shards = shard(&data, &ShardKey::new([9; 32]), 4).unwrap();
            let one = train_with_threads(1, &recipe, &data, &shards);
            assert_eq!(one, train_with_threads(4, &recipe, &data, &shards));
            // Teachers differ from each other, and a teacher trained alone is the teacher trained among others.
            assert_ne!(one[0], one[1]);
            let seed = seeds::derive("teacher", 5, 2);
            let alone = train(&recipe, &data, &shards.indices[2], seed, &|_, _| ()).unwrap();
            assert_eq!(bits(&alone), one[2]);
            let other = train(&recipe, &data, &shards.indices[2], seed + 1, &|_, _| ()).unwrap();
            assert_ne!(bits(&other), one[2]);
        }
    }

    #[test]
    fn a_network_learns_beats_of_persons_it_has_not_seen() {
        let source = generate_ecg(160, 4, 2).unwrap();
        let recipe = Recipe::teacher(source.description.schema, 5);
        let (seen, unseen): (Vec<usize>, Vec<usize>) = (0..640).partition(|&i| i < 400);
        let network = train(&recipe, &source.train, &seen, 1, &|_, _| ()).unwrap();
        let test = source.train.select(&unseen);
        let predicted = predict(&network, test.values()).unwrap();
        let right = predicted.iter().zip(test.labels().unwrap()).filter(|(a, b)| a == b).count();
        // Guessing the most frequent of five classes is right on about 60 of 240.
        assert!(right > 180, "{right} of 240");
    }

    #[test]
    fn progress_counts_every_step_once() {
        let (recipe, data) = images();
        let calls = AtomicUsize::new(0);
        let count = |step: usize, total: usize| {
            assert_eq!((calls.fetch_add(1, Ordering::SeqCst) + 1, total), (step, 6));
        };
        train(&recipe, &data, &(0..40).collect::<Vec<_>>(), 0, &count).unwrap();
        assert_eq!(calls.into_inner(), 6);
    }

    #[test]
    fn a_shard_of_one_record_or_of_one_class_still_trains() {
        let (recipe, data) = images();
        assert!(train(&recipe, &data, &[7], 0, &|_, _| ()).is_ok());
        let one_class = train(&recipe, &data, &[0, 3, 6], 0, &|_, _| ()).unwrap();
        assert_eq!(predict(&one_class, data.values()).unwrap().len(), 40);
    }

    #[test]
    fn data_that_does_not_fit_is_refused_before_training() {
        let (recipe, data) = images();
        let refusal = |recipe: &Recipe, data: &Dataset, indices: &[usize]| {
            train(recipe, data, indices, 0, &|_, _| panic!("training began")).unwrap_err().to_string()
        };
        let two = Recipe { classes: 2, ..recipe.clone() };
        assert!(refusal(&two, &data, &[0]).contains("instance 2: label 2 is out of range"));
        assert!(refusal(&recipe, &data.clone().unlabeled(), &[0]).contains("no labels"));
        assert!(refusal(&recipe, &data, &[]).contains("no labeled record"));
        assert!(refusal(&recipe, &data, &[40]).contains("record 40 does not exist"));
        assert!(refusal(&recipe, &beats().1, &[0]).contains("shape [128], the schema says [12, 12]"));
        let mut lazy = recipe.clone();
        lazy.train.epochs = 0;
        assert!(refusal(&lazy, &data, &[0]).contains("epochs is 0"));
        let mut wild = recipe;
        wild.train.rate = f64::NAN;
        assert!(refusal(&wild, &data, &[0]).contains("learning rate NaN"));
    }
}
