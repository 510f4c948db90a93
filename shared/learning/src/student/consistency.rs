//! The steps of consistency training, each computed in parts.

use super::config::{Alignment, ConsistencyConfig};
use super::loss::{pseudo_label, softmax};
use crate::descent::{Adam, average, cosine};
use crate::parts::{self, Cycle, PARTS, add};
use crate::{Augment, Dataset, layers::Layers, seeds};
use base::schema::InstanceSchema;
use burn::prelude::*;
use burn::tensor::TensorData;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// What the running frequency of pseudo-classes keeps in each step.
const KEEP_FREQUENCY: f32 = 0.99;

/// What consistency training works on.
pub(super) struct Lessons<'a> {
    pub(super) config: &'a ConsistencyConfig,
    pub(super) schema: &'a InstanceSchema,
    pub(super) classes: usize,
    pub(super) pool: &'a Dataset,
    /// Instances of the pool that have a label, and the label.
    pub(super) labels: &'a [(usize, usize)],
    /// The weak and the strong change.
    pub(super) changes: [Augment; 2],
    pub(super) seed: u64,
}

/// What one part of a batch gives.
struct Part {
    gradient: Vec<f32>,
    frequency: Vec<f32>,
}

/// The state that all parts of a step read.
struct Now<'a> {
    step: usize,
    template: &'a Layers,
    weights: &'a [f32],
    /// What the probability of each class is multiplied by.
    factors: &'a [f32],
}

impl Lessons<'_> {
    /// Trains from the first weights of `layers` and returns the averaged weights.
    pub(super) fn train(&self, layers: &Layers, progress: &(dyn Fn(usize, usize) + Sync)) -> Vec<f32> {
        let steps = self.config.steps_for(self.pool.len());
        let mut labelled = Cycle::new("labelled instances", self.labels.len(), self.seed);
        let mut unlabelled = Cycle::new("unlabelled instances", self.pool.len(), self.seed);
        let mut weights = layers.to_weights();
        let (mut mean, mut adam) = (weights.clone(), Adam::new(weights.len()));
        let wanted = self.wanted_frequency();
        let mut frequency = wanted.clone();
        for step in 0..steps {
            let factors: Vec<f32> = match self.config.alignment {
                Alignment::None => vec![1.0; self.classes],
                _ => wanted.iter().zip(&frequency).map(|(wanted, found)| wanted / found.max(1e-6)).collect(),
            };
            let now = Now { step, template: layers, weights: &weights, factors: &factors };
            let (labelled, unlabelled) =
                (labelled.next(self.config.labelled), unlabelled.next(self.config.unlabelled));
            let whole = self.step(&now, &labelled, &unlabelled);
            for (frequency, found) in frequency.iter_mut().zip(&whole.frequency) {
                *frequency += (1.0 - KEEP_FREQUENCY) * (found - *frequency);
            }
            adam.step(&mut weights, &whole.gradient, cosine(self.config.rate, step, steps));
            average(&mut mean, &weights, self.config.average, step);
            progress(step + 1, steps);
        }
        mean
    }

    /// Returns how frequent each class ought to be; among labels, every class counts once more than it is there.
    fn wanted_frequency(&self) -> Vec<f32> {
        let mut counts = vec![1.0_f32; self.classes];
        if self.config.alignment == Alignment::Labels {
            for (_, label) in self.labels {
                if let Some(count) = counts.get_mut(*label) {
                    *count += 1.0;
                }
            }
        }
        let sum: f32 = counts.iter().sum();
        counts.into_iter().map(|count| count / sum).collect()
    }

    /// Computes all parts of a batch and adds them up in their order.
    fn step(&self, now: &Now<'_>, labelled: &[usize], unlabelled: &[usize]) -> Part {
        let parts: Vec<Part> = (0..PARTS)
            .into_par_iter()
            .map(|part| self.part(now, part, parts::cut(labelled, part), parts::cut(unlabelled, part)))
            .collect();
        let mut whole = Part { gradient: vec![0.0; now.weights.len()], frequency: vec![0.0; self.classes] };
        for part in &parts {
            add(&mut whole.gradient, &part.gradient);
            add(&mut whole.frequency, &part.frequency);
        }
        whole
    }

    fn part(&self, now: &Now<'_>, part: usize, labelled: &[usize], unlabelled: &[usize]) -> Part {
        let mut rng = seeds::generator("consistency", self.seed, (now.step * PARTS + part) as u64);
        let device = Device::flex().autodiff();
        let layers = now.template.with_weights(now.weights, &device);
        let (pseudo, frequency) = self.pseudo_labels(now, &layers, unlabelled, &mut rng);
        let [weak, strong] = &self.changes;
        let mut rows = Vec::with_capacity((labelled.len() + unlabelled.len()) * self.schema.values());
        let known: Vec<(usize, usize)> =
            labelled.iter().filter_map(|place| self.labels.get(*place)).copied().collect();
        for (index, _) in &known {
            self.show(*index, weak, &mut rng, &mut rows);
        }
        for (index, _) in &pseudo {
            self.show(*index, strong, &mut rng, &mut rows);
        }
        // A part of a tiny batch may be empty.
        let gradient = match parts::tensor(rows, self.schema.values(), &device) {
            None => vec![0.0; now.weights.len()],
            Some(rows) => self.gradient(&layers, rows, &known, &pseudo, &device),
        };
        Part { gradient, frequency }
    }

    fn show(&self, index: usize, change: &Augment, rng: &mut ChaCha8Rng, rows: &mut Vec<f32>) {
        if let Some(instance) = self.pool.instance(index) {
            change.apply(self.schema, instance, rng, rows);
        }
    }

    /// Returns what the student is sure of in weakly changed instances, and how much of each class it finds in them.
    fn pseudo_labels(
        &self,
        now: &Now<'_>,
        layers: &Layers,
        unlabelled: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> (Vec<(usize, usize)>, Vec<f32>) {
        let mut rows = Vec::with_capacity(unlabelled.len() * self.schema.values());
        for index in unlabelled {
            self.show(*index, &self.changes[0], rng, &mut rows);
        }
        let (mut pseudo, mut frequency) = (Vec::new(), vec![0.0; self.classes]);
        let Some(rows) = parts::tensor(rows, self.schema.values(), &Device::flex()) else {
            return (pseudo, frequency);
        };
        let share = 1.0 / self.config.unlabelled as f32;
        let logits = parts::values(layers.valid().forward(rows));
        for (index, logits) in unlabelled.iter().zip(logits.chunks(self.classes)) {
            let probabilities = softmax(logits);
            let shares: Vec<f32> = probabilities.iter().map(|p| p * share).collect();
            add(&mut frequency, &shares);
            let class = pseudo_label(&probabilities, now.factors, self.config.threshold);
            pseudo.extend(class.map(|class| (*index, class)));
        }
        (pseudo, frequency)
    }

    /// Returns the gradient of the part's share of the loss: labels first, then pseudo-labels.
    fn gradient(
        &self,
        layers: &Layers,
        rows: Tensor<2>,
        known: &[(usize, usize)],
        pseudo: &[(usize, usize)],
        device: &Device,
    ) -> Vec<f32> {
        let logits = layers.forward(rows);
        let found = parts::values(logits.clone());
        let mut slopes = Vec::with_capacity(found.len());
        let of_label = 1.0 / self.config.labelled as f32;
        let of_pseudo = self.config.weight / self.config.unlabelled as f32;
        let targets = known.iter().map(|(_, label)| (self.config.loss, *label, of_label));
        let plain = super::loss::LabelLoss::Entropy {};
        let targets = targets.chain(pseudo.iter().map(|(_, class)| (plain, *class, of_pseudo)));
        for (logits, (loss, class, weight)) in found.chunks(self.classes).zip(targets) {
            let from = slopes.len();
            loss.gradient(&softmax(logits), class, &mut slopes);
            slopes.iter_mut().skip(from).for_each(|slope| *slope *= weight);
        }
        let slopes = TensorData::new(slopes, [found.len() / self.classes, self.classes]);
        // The gradient of this product in the logits are the slopes; burn carries them back to the weights.
        let product = (logits * Tensor::from_data(slopes, device)).sum();
        layers.to_gradient(&product.backward())
    }
}
