//! The student: a network trained on released labels, and, where there are many, on unlabeled instances too.
//!
//! The schedule is fixed and the weights are averaged over its steps: there are no true labels to choose a moment by, and
//! an average needs none. Nothing here reads a label that was not released.

mod config;
mod consistency;
mod loss;
#[cfg(test)]
mod tests;

pub use config::{Alignment, ConsistencyConfig, MAX_STEPS, Method, Start, StudentConfig, StudentConfigError};
pub use loss::LabelLoss;
pub(super) use loss::softmax;

use super::features::Study;
use super::layers::Layers;
use super::{Dataset, Network, TrainError, distil, predict, seeds};
use base::InstanceSchema;
use burn::prelude::Device;
use consistency::Lessons;

/// A trained student and how it came about.
#[derive(Debug, Clone)]
pub struct Student {
    /// Its network.
    pub network: Network,
    /// How it learned: `plain` or `consistency`.
    pub method: Method,
    /// The number of labels it learned from.
    pub labelled: usize,
    /// The number of instances without a label it learned from.
    pub unlabelled: usize,
    /// How many released labels the finished student contradicts; wrong labels are likely among them.
    pub contradicted: usize,
}

/// Trains a student on a pool of instances; `labels[i]` belongs to instance `i` of the pool and is nothing for an
/// abstention and for what was never asked. Labels are released, so this costs no privacy.
///
/// # Errors
/// Settings that do not fit, not one label (or nothing) per instance, no label at all, a label out of range, or weights
/// that are not finite in the end.
pub fn teach_student(
    config: &StudentConfig,
    schema: &InstanceSchema,
    classes: u16,
    (pool, labels): (&Dataset, &[Option<u16>]),
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Student, TrainError> {
    pool.check_schema(schema)?;
    config.check(schema)?;
    let known = known_labels(pool, labels, classes)?;
    let unlabelled = pool.len() - known.len();
    let (network, method, unlabelled) = if config.is_consistency(known.len(), unlabelled) {
        let network = by_consistency(config, schema, classes, (pool, &known), seed, progress)?;
        (network, Method::Consistency, unlabelled)
    } else {
        let recipe = config.plain_recipe(schema, classes);
        (distil(&recipe, pool, labels, seed, progress)?, Method::Plain, 0)
    };
    let contradicted = contradicted(&network, pool, &known);
    Ok(Student { network, method, labelled: known.len(), unlabelled, contradicted })
}

/// Trains by consistency, from features that were learnt without labels unless the settings say otherwise.
fn by_consistency(
    config: &StudentConfig,
    schema: &InstanceSchema,
    classes: u16,
    (pool, labels): (&Dataset, &[(usize, usize)]),
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Network, TrainError> {
    let (network, plan) = config.network(schema, classes)?;
    let device = Device::flex();
    let mut first = Layers::new(&plan, &mut seeds::generator("first weights", seed, 0), &device);
    let changes = config.consistency.changes_for(schema);
    let study =
        Study { config: &config.features, schema, pool, network: &network, change: &changes[1], seed };
    let starts_with = if config.consistency.learns_features(schema) { study.steps() } else { 0 };
    let steps = starts_with + config.consistency.steps_for(pool.len());
    if starts_with > 0 {
        let mut weights = first.to_weights();
        study.learn(&|step, _| progress(step, steps))?.plant(&plan, &mut weights);
        first = first.with_weights(&weights, &device);
    }
    let lessons = Lessons {
        config: &config.consistency,
        schema,
        classes: usize::from(classes),
        pool,
        labels,
        changes,
        seed,
    };
    let weights = lessons.train(&first, &|step, _| progress(starts_with + step, steps));
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(TrainError::Diverged { rate: config.consistency.rate });
    }
    let layers = first.with_weights(&weights, &device);
    Ok(Network { layers, config: network, schema: schema.clone(), classes, seed })
}

/// Returns the labelled instances of the pool with their labels.
fn known_labels(
    pool: &Dataset,
    labels: &[Option<u16>],
    classes: u16,
) -> Result<Vec<(usize, usize)>, TrainError> {
    if labels.len() != pool.len() {
        return Err(TrainError::Labels { labels: labels.len(), instances: pool.len() });
    }
    let mut known = Vec::new();
    for (row, label) in labels.iter().enumerate().filter_map(|(row, label)| Some((row, (*label)?))) {
        if label >= classes {
            return Err(super::DatasetError::Label { row, label, classes }.into());
        }
        known.push((row, usize::from(label)));
    }
    if known.is_empty() { Err(TrainError::NoRecords) } else { Ok(known) }
}

/// Counts the labels that the student does not give itself.
fn contradicted(network: &Network, pool: &Dataset, known: &[(usize, usize)]) -> usize {
    let places: Vec<usize> = known.iter().map(|(index, _)| *index).collect();
    let answers = predict(network, pool.select(&places).values()).unwrap_or_default();
    answers.iter().zip(known).filter(|(answer, (_, label))| usize::from(**answer) != *label).count()
}
