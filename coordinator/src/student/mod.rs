//! The student: trained on released labels and unlabeled instances, reported beside nothing but what was measured.

mod card;
mod pool;
mod predict;
mod report;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use base::ids::{Digest, RoundId};
use learning::{
    Calibration, Dataset, DatasetError, EvaluateError, Evaluation, Expected, FileError, Method, Network,
    PredictError, StoreError, StudentConfig, TrainError, calibrate, evaluate, load_instances, load_labeled,
    predict_probabilities, save_described, teach_student,
};
use privacy::Epsilon;
use protocol::{federation::FederationConfig, transcript::Head, wire::Labels};
use serde::Serialize;

pub use card::StudentCard;
pub use predict::{Answers, answer};
pub use report::confusion_chart;

/// One round as teaching material.
#[derive(Debug)]
pub struct Lesson {
    /// The round.
    pub round: RoundId,
    /// Canonical bytes of its instances.
    pub instances: Vec<u8>,
    /// Its labels; nothing where it released none.
    pub labels: Option<Labels>,
}

/// What a student's card says of the federation.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Hash of event 0.
    pub federation: Digest,
    /// The config of event 0.
    pub config: FederationConfig,
    /// What all released labels have cost.
    pub epsilon: Epsilon,
    /// The end of the transcript when the labels were fetched.
    pub head: Head,
}

/// What the operator asks for.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    /// File of unlabeled instances to learn from too.
    pub unlabeled: Option<PathBuf>,
    /// File of the student's settings.
    pub recipe: Option<PathBuf>,
    /// Labelled data to measure the student on.
    pub held_out: Option<PathBuf>,
    /// Where the student goes, without the endings.
    pub out: PathBuf,
    /// Where the picture of its confusions goes.
    pub svg: Option<PathBuf>,
    /// Seed of the training.
    pub seed: u64,
}

/// Why no student was trained, or why it does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StudentError {
    /// A file or the instances cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file of settings cannot be read or is wrong, or a file cannot be written.
    #[error("{}: {problem}", path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
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
    /// The student cannot be stored or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The instances are not those the labels belong to.
    #[error("the instances of round {0} do not have the digest of its labels: fetch them again")]
    Digest(RoundId),
    /// A picture was asked for and there is nothing to draw.
    #[error("--svg draws what the student confuses, and that takes true labels: give --held-out too")]
    NothingToDraw,
}

impl StudentError {
    /// Returns whether other arguments or files would help.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::File(_) | Self::Path { .. } | Self::Store(_) | Self::NothingToDraw)
    }
}

/// What became of the student.
#[derive(Debug, Serialize)]
pub struct StudentReport {
    /// Number of labels it was trained on.
    pub labels: usize,
    /// Number of instances without a label it was trained on.
    pub unlabelled: usize,
    /// How it learned: `plain` or `consistency`.
    pub method: Method,
    /// Number of released labels that the finished student contradicts.
    pub contradicted: usize,
    /// File of its weights.
    pub weights: PathBuf,
    /// Number of held-out instances.
    pub held_out: usize,
    /// How it does on them, if there are any.
    pub evaluation: Option<Evaluation>,
    /// Whether it is as often right on them as it is sure.
    pub calibration: Option<Calibration>,
    /// What the labels have cost.
    pub epsilon: Epsilon,
}

/// Trains a student on the lessons, stores it and measures it on held-out data if given. All files are read before the
/// training begins, so that a wrong path is told at once.
pub fn teach(
    origin: &Origin,
    lessons: &[Lesson],
    assignment: &Assignment,
) -> Result<StudentReport, StudentError> {
    let (schema, classes) = (&origin.config.instances, origin.config.classes.len() as u16);
    let recipe = assignment.recipe.as_deref().map(read_recipe).transpose()?.unwrap_or_default();
    let expected = Expected::of(schema, &origin.config.classes);
    let held_out = assignment.held_out.as_deref().map(|path| load_labeled(path, expected)).transpose()?;
    if assignment.svg.is_some() && held_out.is_none() {
        return Err(StudentError::NothingToDraw);
    }
    let more = assignment.unlabeled.as_deref().map(|path| load_instances(path, expected)).transpose()?;
    let (pool, labels) = pool::gather(schema.shape(), lessons, more.as_ref())?;
    let bar = indicatif::ProgressBar::new(0).with_message("student");
    let progress = |step: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(step as u64);
    };
    let taught = teach_student(&recipe, schema, classes, (&pool, &labels), assignment.seed, &progress)?;
    bar.finish_and_clear();
    let card = StudentCard::new(origin, &taught, recipe);
    save_described(&taught.network, &card, &assignment.out)?;
    let measured = held_out.as_ref().map(|data| measure(&taught.network, data)).transpose()?;
    let (evaluation, calibration) = measured.unzip();
    if let (Some(path), Some(evaluation)) = (&assignment.svg, &evaluation) {
        let svg = confusion_chart(&origin.config.classes, evaluation).to_svg();
        std::fs::write(path, svg).map_err(|e| problem(path, format!("the chart cannot be written: {e}")))?;
    }
    Ok(StudentReport {
        labels: taught.labelled,
        unlabelled: taught.unlabelled,
        method: taught.method,
        contradicted: taught.contradicted,
        weights: with_ending(&assignment.out, ".safetensors"),
        held_out: held_out.map_or(0, |data| data.len()),
        evaluation,
        calibration,
        epsilon: origin.epsilon.clone(),
    })
}

fn read_recipe(path: &Path) -> Result<StudentConfig, StudentError> {
    let text = std::fs::read_to_string(path).map_err(|e| problem(path, format!("cannot be read: {e}")))?;
    StudentConfig::from_toml(&text).map_err(|e| problem(path, e.to_string()))
}

fn problem(path: &Path, problem: String) -> StudentError {
    StudentError::Path { path: path.to_owned(), problem }
}

fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn measure(network: &Network, data: &Dataset) -> Result<(Evaluation, Calibration), StudentError> {
    let classes = network.classes();
    let truth = data.checked_labels(classes)?;
    let predicted = learning::predict(network, data.values())?;
    let probabilities = predict_probabilities(network, data.values())?;
    Ok((evaluate(&predicted, truth, classes)?, calibrate(&probabilities, truth, classes)?))
}
