//! Splitting one labeled source into a whole federation's data, for demos and experiments.

use super::dataset::Dataset;
use std::path::Path;

/// Why a source cannot be split.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {}

/// A labeled source: with a test part of its own (MNIST), or in one piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What participants are given, and all there is if `test` is nothing.
    pub train: Dataset,
    /// The source's own test part.
    pub test: Option<Dataset>,
    /// What the data is.
    pub description: Description,
}

/// What a data folder holds; `description.json` in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// One line for people.
    pub title: String,
    /// Whether the data was generated and comes from no person.
    pub synthetic: bool,
    /// The instances' schema.
    pub schema: super::schema::InstanceSchema,
    /// The classes' names in label order.
    pub classes: Vec<String>,
}

/// A federation's data: no record, and no person where persons are known, in two of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// One labeled dataset per participant.
    pub participants: Vec<Dataset>,
    /// Instances for rounds, without labels and persons.
    pub unlabeled: Dataset,
    /// The true labels of `unlabeled`, for a report only.
    pub truth: Vec<u16>,
    /// What tests the student.
    pub held_out: Dataset,
    /// What the data is.
    pub description: Description,
}

/// Splits `source` over `participants` by `seed`.
///
/// # Errors
/// Too few records or persons for the parts.
pub fn split(source: &Source, participants: usize, seed: u64) -> Result<Split, SplitError> {
    let _ = (source, participants, seed);
    todo!()
}

/// Writes `participant-1/`, …, `unlabeled/`, `unlabeled-truth/` and `held-out/` below `folder`.
///
/// # Errors
/// A file that cannot be written.
pub fn write_split(split: &Split, folder: &Path) -> Result<(), SplitError> {
    let _ = (split, folder);
    todo!()
}

/// Draws `count` different instances by `seed`: their indices in `unlabeled`, and the instances in that order.
///
/// # Errors
/// Fewer instances than `count`.
pub fn draw(unlabeled: &Dataset, count: usize, seed: u64) -> Result<(Vec<usize>, Dataset), SplitError> {
    let _ = (unlabeled, count, seed);
    todo!()
}
