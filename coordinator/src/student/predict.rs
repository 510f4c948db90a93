//! A finished student on new instances; needs neither a coordinator nor a federation.

use std::path::{Path, PathBuf};

use learning::{Expected, load_described, load_instances, predict, predict_probabilities};
use serde::Serialize;

use super::{StudentCard, StudentError, problem};

/// What a student says of a file of instances.
#[derive(Debug, Serialize)]
pub struct Answers {
    /// The name of the class of each instance.
    pub labels: Vec<String>,
    /// The probability it gives that class.
    pub confidence: Vec<f32>,
}

/// Loads the student at `path` (with or without an ending) and asks it about the instances of a file.
pub fn answer(path: &Path, instances: &Path) -> Result<Answers, StudentError> {
    let stem = without_ending(path);
    let (network, card) = load_described::<StudentCard>(&stem)?;
    if card.classes.len() != usize::from(network.classes()) {
        let (named, classes) = (card.classes.len(), network.classes());
        let message = format!("it names {named} classes and tells {classes} apart; train the student again");
        return Err(problem(path, message));
    }
    let expected = Expected::instances(network.schema());
    let instances = load_instances(instances, expected)?;
    let classes = predict(&network, instances.values())?;
    let probabilities = predict_probabilities(&network, instances.values())?;
    let labels = classes.iter().filter_map(|class| card.classes.get(usize::from(*class)).cloned()).collect();
    let confidence = probabilities
        .chunks(card.classes.len().max(1))
        .map(|of_one| of_one.iter().copied().fold(0.0, f32::max))
        .collect();
    Ok(Answers { labels, confidence })
}

/// The path that both of a student's files begin with.
fn without_ending(path: &Path) -> PathBuf {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("safetensors" | "json") => path.with_extension(""),
        _ => path.to_owned(),
    }
}
