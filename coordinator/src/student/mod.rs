//! The student: trained on released labels, reported beside nothing but what was measured.

use std::path::{Path, PathBuf};

use serde::Serialize;
use shared::{
    federation::FederationConfig,
    learning::{
        Dataset, DatasetError, EvaluateError, Evaluation, Expected, FileError, PredictError, Recipe,
        StoreError, TrainError, distil, evaluate, files::instances_from_npy_bytes, load_labeled, predict,
        save_network,
    },
    wire::Labels,
};

/// Is one released round as teaching material.
#[derive(Debug)]
pub struct Lesson {
    /// Canonical bytes of its instances.
    pub instances: Vec<u8>,
    /// Its labels.
    pub labels: Labels,
}

/// Says why no student was trained.
#[derive(Debug, thiserror::Error)]
pub enum StudentError {
    /// A file or the instances cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The data does not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The held-out data cannot be predicted.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// The accuracy cannot be stated.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The student cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The instances are not those the labels belong to.
    #[error("the instances of round {0} do not have the digest of its labels: fetch them again")]
    Digest(shared::ids::RoundId),
}

/// Is what became of the student.
#[derive(Debug, Serialize)]
pub struct StudentReport {
    /// Number of labels it was trained on.
    pub labels: usize,
    /// File of its weights.
    pub weights: PathBuf,
    /// Number of held-out instances.
    pub held_out: usize,
    /// How it does on them, if there are any.
    pub evaluation: Option<Evaluation>,
}

/// Trains a student on released labels, stores it under `out` and measures it on held-out data if given.
pub fn teach(
    config: &FederationConfig,
    lessons: &[Lesson],
    held_out: Option<&Path>,
    out: &Path,
    seed: u64,
) -> Result<StudentReport, StudentError> {
    let schema = &config.instances;
    let classes = config.classes.len() as u16;
    let (instances, labels) = gather(config, lessons)?;
    let recipe = Recipe::student(schema.clone(), classes);
    let bar = indicatif::ProgressBar::new(0).with_message("student");
    let progress = |step: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(step as u64);
    };
    let network = distil(&recipe, &instances, &labels, seed, &progress)?;
    bar.finish_and_clear();
    save_network(&network, out)?;
    let expected = Expected { schema: Some(schema), classes: Some(classes) };
    let held_out = held_out.map(|path| load_labeled(path, expected)).transpose()?;
    let evaluation = held_out.as_ref().map(|data| measure(&network, data, classes)).transpose()?;
    Ok(StudentReport {
        labels: labels.iter().flatten().count(),
        weights: out.with_extension("safetensors"),
        held_out: held_out.map_or(0, |data| data.len()),
        evaluation,
    })
}

fn measure(
    network: &shared::learning::Network,
    data: &Dataset,
    classes: u16,
) -> Result<Evaluation, StudentError> {
    let predicted = predict(network, data.values())?;
    Ok(evaluate(&predicted, data.checked_labels(classes)?, classes)?)
}

/// Puts the instances and labels of all lessons together, after checking that they belong together.
fn gather(
    config: &FederationConfig,
    lessons: &[Lesson],
) -> Result<(Dataset, Vec<Option<u16>>), StudentError> {
    let shape = config.instances.shape();
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for lesson in lessons {
        if shared::ids::Digest::of(&lesson.instances) != lesson.labels.instances {
            return Err(StudentError::Digest(lesson.labels.round));
        }
        values.extend_from_slice(instances_from_npy_bytes(&lesson.instances, shape)?.values());
        labels.extend_from_slice(&lesson.labels.labels);
    }
    Ok((Dataset::new(values, shape.to_vec(), None, None)?, labels))
}
