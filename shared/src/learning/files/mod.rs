//! Data files: IDX, NPY (each may be .gz) and CSV.

use super::dataset::Dataset;
use super::schema::InstanceSchema;
use super::split::Source;
use std::path::Path;

/// Why a data file or folder is refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {}

/// What the federation expects of a file; what is nothing is not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The instances' schema.
    pub schema: Option<&'a InstanceSchema>,
    /// The number of classes.
    pub classes: Option<u16>,
}

/// Loads labeled data: a folder of MNIST files, of `instances.npy`, `labels.npy` and `persons.npy`, or one CSV file.
///
/// # Errors
/// Names file, row and column of what is wrong.
pub fn load_labeled(path: &Path, expected: Expected<'_>) -> Result<Dataset, FileError> {
    let _ = (path, expected);
    todo!()
}

/// Loads instances alone from an NPY, IDX or CSV file (labels and persons in it are left out).
///
/// # Errors
/// Names file, row and column of what is wrong.
pub fn load_instances(path: &Path, expected: Expected<'_>) -> Result<Dataset, FileError> {
    let _ = (path, expected);
    todo!()
}

/// Loads a labeled source for [`split`](super::split::split), with its own test part if it has one.
///
/// # Errors
/// Names file, row and column of what is wrong.
pub fn load_source(path: &Path) -> Result<Source, FileError> {
    let _ = path;
    todo!()
}

/// Loads labels from `labels.npy`, an IDX file, or a CSV file's `label` column.
///
/// # Errors
/// Names file and row of what is wrong.
pub fn load_labels(path: &Path, classes: Option<u16>) -> Result<Vec<u16>, FileError> {
    let _ = (path, classes);
    todo!()
}

/// Instances of `shape` as the bytes of an NPY file (`<f4`, C order); the canonical form on the wire.
///
/// # Errors
/// Values that do not make whole instances.
pub fn instances_to_npy_bytes(values: &[f32], shape: &[usize]) -> Result<Vec<u8>, FileError> {
    let _ = (values, shape);
    todo!()
}

/// Reads instances that [`instances_to_npy_bytes`] wrote; exact to the bit.
///
/// # Errors
/// Another dtype, order or shape, a wrong length, or a value that is not finite.
pub fn instances_from_npy_bytes(bytes: &[u8], shape: &[usize]) -> Result<Dataset, FileError> {
    let _ = (bytes, shape);
    todo!()
}

/// Writes `<i8` values of one dimension, for example labels with −1 for abstentions.
///
/// # Errors
/// A file that cannot be written.
pub fn write_integers(path: &Path, values: &[i64]) -> Result<(), FileError> {
    let _ = (path, values);
    todo!()
}
