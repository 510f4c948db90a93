//! Features learnt from instances alone: two changed copies of an instance ought to look alike, and unlike all others
//! (SimCLR; Chen et al. 2020). No label is read, so this costs no privacy.

mod contrast;
#[cfg(test)]
mod tests;

use super::augment::Augment;
use super::descent::{Adam, cosine};
use super::layers::Layers;
use super::network::{NetworkConfig, Plan};
use super::parts::{self, Cycle, PARTS};
use super::student::{MAX_STEPS, StudentConfigError};
use super::{Dataset, TrainError, seeds};
use base::InstanceSchema;
use burn::prelude::*;
use burn::tensor::TensorData;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The width of the embeddings that are compared; what is kept is the layer before.
const EMBEDDING: u16 = 64;
/// How often the schedule shows each instance of the pool.
const PASSES: usize = 57;
/// The fewest and the most steps of the schedule.
const SCHEDULE: std::ops::RangeInclusive<usize> = 50..=4_000;
/// The most instances in one step: each is compared with every other.
const MAX_BATCH: usize = 4096;
/// The smallest temperature: below it only the nearest other instance counts.
const LEAST_TEMPERATURE: f64 = 0.01;
/// The most instances that are looked at in one go when features are read.
const READ_AT_ONCE: usize = 500;

/// How features are learnt; what is left out takes its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureConfig {
    /// The number of steps; by default 57 passes over the pool, but at least 50 and at most 4 000 steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Instances in each step; each is shown twice.
    pub batch: usize,
    /// Adam's first rate; it falls to 0 along half a cosine.
    pub rate: f64,
    /// By what similarities are divided: the smaller, the more the nearest others count.
    pub temperature: f32,
}

impl Default for FeatureConfig {
    fn default() -> Self {
        Self { steps: None, batch: 128, rate: 2e-3, temperature: 0.3 }
    }
}

impl FeatureConfig {
    /// Returns the number of steps for a pool of so many instances.
    #[must_use]
    pub fn steps_for(&self, pool: usize) -> usize {
        let shown = pool.saturating_mul(PASSES) / self.batch.max(1);
        self.steps.unwrap_or(shown.clamp(*SCHEDULE.start(), *SCHEDULE.end()))
    }

    /// Checks every number.
    pub(super) fn check(&self) -> Result<(), StudentConfigError> {
        let counts = [
            ("the number of steps of features", self.steps.unwrap_or(1), 1, MAX_STEPS),
            // One instance would have nothing to differ from.
            ("the batch of features", self.batch, 2, MAX_BATCH),
        ];
        if let Some((what, value, least, most)) =
            counts.into_iter().find(|(_, v, least, most)| !(least..=most).contains(&v))
        {
            return Err(StudentConfigError::Count { what, value, least, most });
        }
        if !(self.rate > 0.0 && self.rate <= 1.0) {
            return Err(super::RecipeError::Rate { rate: self.rate }.into());
        }
        let temperature = f64::from(self.temperature);
        if (LEAST_TEMPERATURE..=1.0).contains(&temperature) {
            return Ok(());
        }
        Err(StudentConfigError::Share { what: "temperature", value: temperature, most: 1.0 })
    }
}

/// A network that has learnt to tell instances apart.
pub(super) struct Features {
    layers: Layers,
    /// The weights of everything but the last layer.
    trunk: Vec<f32>,
}

/// What features are learnt from, and how.
pub(super) struct Study<'a> {
    pub(super) config: &'a FeatureConfig,
    pub(super) schema: &'a InstanceSchema,
    pub(super) pool: &'a Dataset,
    pub(super) network: &'a NetworkConfig,
    pub(super) change: &'a Augment,
    pub(super) seed: u64,
}

impl Study<'_> {
    /// Returns the number of steps.
    pub(super) fn steps(&self) -> usize {
        self.config.steps_for(self.pool.len())
    }

    /// Learns features; the same seed gives the same bits on any number of threads.
    ///
    /// # Errors
    /// A network that does not fit the instances, or weights that are not finite in the end.
    pub(super) fn learn(&self, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Features, TrainError> {
        let plan = self.network.plan(self.schema, EMBEDDING).map_err(super::RecipeError::from)?;
        let device = Device::flex();
        let first = Layers::new(&plan, &mut seeds::generator("first features", self.seed, 0), &device);
        let steps = self.steps();
        let mut shown = Cycle::new("instances of features", self.pool.len(), self.seed);
        let mut weights = first.to_weights();
        let mut adam = Adam::new(weights.len());
        for step in 0..steps {
            let gradient = self.step(&first, &weights, step, &shown.next(self.config.batch));
            adam.step(&mut weights, &gradient, cosine(self.config.rate, step, steps));
            progress(step + 1, steps);
        }
        if weights.iter().any(|weight| !weight.is_finite()) {
            return Err(TrainError::Diverged { rate: self.config.rate });
        }
        let layers = first.with_weights(&weights, &device);
        weights.truncate(weights.len().saturating_sub(plan.output_weights()));
        Ok(Features { layers, trunk: weights })
    }

    /// Returns the gradient of every weight: embeddings part by part, the loss over all of them, then back part by
    /// part.
    fn step(&self, template: &Layers, weights: &[f32], step: usize, batch: &[usize]) -> Vec<f32> {
        let device = Device::flex().autodiff();
        let embedded: Vec<Option<(Layers, Tensor<2>)>> = (0..PARTS)
            .into_par_iter()
            .map(|part| {
                let mut rng = seeds::generator("views", self.seed, (step * PARTS + part) as u64);
                let rows = self.views(parts::cut(batch, part), &mut rng);
                let layers = template.with_weights(weights, &device);
                let rows = parts::tensor(rows, self.schema.values(), &device)?;
                let embeddings = layers.forward(rows);
                Some((layers, embeddings))
            })
            .collect();
        let all: Vec<f32> =
            embedded.iter().flatten().flat_map(|(_, rows)| parts::values(rows.clone())).collect();
        let width = usize::from(EMBEDDING);
        let slopes = contrast::gradient(&all, width, self.config.temperature);
        let mut from = 0;
        let places: Vec<usize> = embedded
            .iter()
            .map(|part| {
                let here = from;
                from += part.as_ref().map_or(0, |(_, rows)| rows.dims().iter().product());
                here
            })
            .collect();
        let gradients: Vec<Vec<f32>> = embedded
            .into_par_iter()
            .zip(places)
            .filter_map(|(part, from)| {
                let (layers, rows) = part?;
                let shape = rows.dims();
                let mine = slopes.get(from..from + shape.iter().product::<usize>())?.to_vec();
                let product = (rows * Tensor::from_data(TensorData::new(mine, shape), &device)).sum();
                Some(layers.to_gradient(&product.backward()))
            })
            .collect();
        let mut whole = vec![0.0; weights.len()];
        gradients.iter().for_each(|gradient| parts::add(&mut whole, gradient));
        whole
    }

    /// Two changed copies of each instance, one after the other.
    fn views(&self, batch: &[usize], rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut rows = Vec::with_capacity(2 * batch.len() * self.schema.values());
        for instance in batch.iter().filter_map(|index| self.pool.instance(*index)) {
            self.change.apply(self.schema, instance, rng, &mut rows);
            self.change.apply(self.schema, instance, rng, &mut rows);
        }
        rows
    }
}

impl Features {
    /// Returns the features of each instance as rows of length 1, and their width.
    pub(super) fn of(&self, instances: &Dataset) -> (Vec<f32>, usize) {
        let (device, width) = (Device::flex(), instances.width());
        let read = |rows: &[f32]| {
            let features =
                parts::tensor(rows.to_vec(), width, &device).map(|rows| self.layers.features(rows));
            features.map_or((Vec::new(), 0), |features| {
                let width = features.dims()[1];
                (parts::values(features), width)
            })
        };
        let read: Vec<(Vec<f32>, usize)> =
            instances.values().par_chunks(READ_AT_ONCE * width).map(read).collect();
        let features = read.first().map_or(1, |(_, width)| (*width).max(1));
        let mut rows: Vec<f32> = read.into_iter().flat_map(|(rows, _)| rows).collect();
        for row in rows.chunks_exact_mut(features) {
            let length = contrast::length(row);
            row.iter_mut().for_each(|value| *value /= length);
        }
        (rows, features)
    }

    /// Puts what was learnt in the place of a network's first weights, all but those of its last layer.
    pub(super) fn plant(&self, plan: &Plan, weights: &mut [f32]) {
        let trunk = weights.len().saturating_sub(plan.output_weights());
        if trunk == self.trunk.len() {
            weights.iter_mut().zip(&self.trunk).for_each(|(weight, learnt)| *weight = *learnt);
        }
    }
}
