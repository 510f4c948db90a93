//! Data files: IDX, NPY and CSV (each may be gzip), with the feature `parquet` Parquet, and the folders they lie in.
//!
//! Scaling comes from the file and is never fitted: bytes that hold pixels are divided by 255, every other value is
//! taken as it is.

mod bytes;
mod describe;
mod error;
mod folder;
mod idx;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod sheet;
mod table;
mod write;

pub use describe::{ClassCount, ColumnSummary, Summary, describe};
pub use error::FileError;
pub(crate) use write::create_folder;
pub use write::{
    instances_from_npy_bytes, instances_to_npy_bytes, integers_to_npy_bytes, write_folder, write_instances,
    write_integers, write_labels, write_persons, write_table,
};

use super::dataset::Dataset;
use super::description::Description;
use super::split::Source;
use base::schema::{InstanceKind, InstanceSchema};
use folder::{Contents, Format};
use std::path::Path;
use table::Wanted;

/// What the federation expects of a file; what is nothing is not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The instances' schema. Rows of a table, and flat rows of an NPY file, take its shape.
    pub schema: Option<&'a InstanceSchema>,
    /// The number of classes.
    pub classes: Option<u16>,
    /// The classes' names in label order, by which a table may name them; none if it may not.
    pub names: &'a [String],
}

impl<'a> Expected<'a> {
    /// Returns what a federation of this schema and these classes expects.
    #[must_use]
    pub fn of(schema: &'a InstanceSchema, names: &'a [String]) -> Self {
        Self { schema: Some(schema), classes: u16::try_from(names.len()).ok(), names }
    }

    /// Returns what is expected of instances alone.
    #[must_use]
    pub fn instances(schema: &'a InstanceSchema) -> Self {
        Self { schema: Some(schema), ..Self::default() }
    }
}

/// Loads labeled data: a folder with the MNIST training files, with `instances.npy`, `labels.npy` and, if there are
/// persons, `persons.npy`, or with one table (CSV or Parquet); or that table itself.
///
/// # Errors
/// Names file, row and column of what is wrong.
pub fn load_labeled(path: &Path, expected: Expected<'_>) -> Result<Dataset, FileError> {
    match folder::look(path)? {
        Contents::Table(file) => load_table(&file, expected, Wanted::Records),
        Contents::Arrays { instances, labels, persons } => {
            load_arrays(&instances, &labels, persons.as_deref(), expected)
        }
        Contents::Mnist { train, .. } => load_arrays(&train.images, &train.labels, None, expected),
    }
}

/// Loads instances alone from an NPY or IDX file or a table; a table's labels and persons are left out.
///
/// # Errors
/// Names file, row and column of what is wrong.
pub fn load_instances(path: &Path, expected: Expected<'_>) -> Result<Dataset, FileError> {
    let (shape, values) = match folder::format(path)? {
        Format::Csv | Format::Parquet => return load_table(path, expected, Wanted::Instances),
        Format::Npy => {
            let array = npy::read_numbers(path)?;
            let scaled = array.is_bytes && holds_pixels(path, &array.shape, expected)?;
            let scale = |v: f32| if scaled { v / 255.0 } else { v };
            (array.shape, array.values.into_iter().map(scale).collect::<Vec<f32>>())
        }
        Format::Idx => {
            let array = idx::read(path)?;
            (array.dimensions, array.bytes.iter().map(|&pixel| f32::from(pixel) / 255.0).collect())
        }
    };
    let shape = instance_shape(path, &shape, expected.schema)?;
    checked(path, Dataset::new(values, shape, None, None), expected)
}

/// Loads labels from an NPY or IDX file, or from a table's column `label`.
///
/// # Errors
/// Names file and row of what is wrong.
pub fn load_labels(path: &Path, classes: Option<u16>) -> Result<Vec<u16>, FileError> {
    let labels = match folder::format(path)? {
        Format::Csv | Format::Parquet => {
            let expected = Expected { classes, ..Expected::default() };
            return Ok(table::read(path, expected, Wanted::Labels)?.labels.unwrap_or_default());
        }
        Format::Npy => npy::read_integers(path)?,
        Format::Idx => {
            let array = idx::read(path)?;
            if array.dimensions.len() != 1 {
                let expected = "one dimension, [records]".into();
                return Err(FileError::Shape { path: path.to_owned(), found: array.dimensions, expected });
            }
            array.bytes.into_iter().map(i128::from).collect()
        }
    };
    let in_range = |(row, label): (usize, i128)| {
        let class = u16::try_from(label).ok().filter(|&l| classes.is_none_or(|c| l < c));
        class.ok_or(FileError::Label { path: path.to_owned(), row, label, classes })
    };
    labels.into_iter().enumerate().map(in_range).collect()
}

/// Loads a labeled source for [`split`](super::split::split), with its own test part if it has one.
/// `description.json` beside the data says what it is; without it the schema is read off the shape (two or three
/// dimensions: image, one: table) and the classes are counted.
///
/// # Errors
/// Names file, row and column of what is wrong.
pub fn load_source(path: &Path) -> Result<Source, FileError> {
    let known = Description::read_beside(path)?;
    let expected = known.as_ref().map_or(Expected::default(), Description::expected);
    let train = load_labeled(path, expected)?;
    let test = match folder::look(path)? {
        Contents::Mnist { test: Some(test), .. } => {
            Some(load_arrays(&test.images, &test.labels, None, expected)?)
        }
        _ => None,
    };
    let data = |source| FileError::Data { path: path.to_owned(), source };
    let description = match known {
        Some(description) => description,
        None => Description::of(path, &train).map_err(data)?,
    };
    Ok(Source { train, test, description })
}

fn load_arrays(
    instances: &Path,
    labels: &Path,
    persons: Option<&Path>,
    expected: Expected<'_>,
) -> Result<Dataset, FileError> {
    let data = load_instances(instances, expected)?;
    let class_indices = load_labels(labels, expected.classes)?;
    same_length(instances, data.len(), labels, class_indices.len())?;
    let keys = persons.map(|path| load_persons(path, instances, data.len())).transpose()?;
    let shape = data.shape().to_vec();
    let labeled = Dataset::new(data.into_values(), shape, Some(class_indices), keys);
    labeled.map_err(|source| FileError::Data { path: instances.to_owned(), source })
}

fn load_persons(path: &Path, instances: &Path, records: usize) -> Result<Vec<String>, FileError> {
    let persons = npy::read_texts(path)?;
    same_length(instances, records, path, persons.len())?;
    match persons.iter().position(String::is_empty) {
        Some(row) => Err(FileError::NoPerson { path: path.to_owned(), row }),
        None => Ok(persons),
    }
}

fn load_table(path: &Path, expected: Expected<'_>, wanted: Wanted) -> Result<Dataset, FileError> {
    let table = table::read(path, expected, wanted)?;
    let shape = instance_shape(path, &[table.rows, table.width], expected.schema)?;
    checked(path, Dataset::new(table.values, shape, table.labels, table.persons), expected)
}

fn checked(
    path: &Path,
    dataset: Result<Dataset, super::dataset::DatasetError>,
    expected: Expected<'_>,
) -> Result<Dataset, FileError> {
    let data = |source| FileError::Data { path: path.to_owned(), source };
    let dataset = dataset.map_err(data)?;
    if let Some(schema) = expected.schema {
        dataset.check_schema(schema).map_err(data)?;
    }
    Ok(dataset)
}

/// Returns the shape of one instance: the schema's where the array has it, whole or flat; the array's own without a
/// schema.
fn instance_shape(
    path: &Path,
    array: &[usize],
    schema: Option<&InstanceSchema>,
) -> Result<Vec<usize>, FileError> {
    let wrong =
        |expected: String| FileError::Shape { path: path.to_owned(), found: array.to_vec(), expected };
    let [_, instance @ ..] = array else {
        return Err(wrong("[records, ...]".into()));
    };
    let Some(schema) = schema else {
        return match instance {
            [] => Err(wrong("at least two dimensions, [records, values]".into())),
            _ => Ok(instance.to_vec()),
        };
    };
    if instance == schema.shape() || instance == [schema.values()] {
        return Ok(schema.shape().to_vec());
    }
    let dimensions: Vec<String> = schema.shape().iter().map(ToString::to_string).collect();
    Err(wrong(format!("[records, {}] as the schema says", dimensions.join(", "))))
}

/// Returns whether bytes in an NPY file are pixels; where they may be counts, a silent division by 255 would spoil
/// them.
fn holds_pixels(path: &Path, array: &[usize], expected: Expected<'_>) -> Result<bool, FileError> {
    let pixels = expected.schema.map_or(array.len() > 2, |schema| schema.kind() == InstanceKind::Image);
    if pixels {
        return Ok(true);
    }
    let (what, remedy) = ("values of a signal or table", "float32");
    Err(FileError::Dtype { path: path.to_owned(), found: "'|u1'".into(), what, remedy })
}

fn same_length(
    first: &Path,
    first_length: usize,
    second: &Path,
    second_length: usize,
) -> Result<(), FileError> {
    if first_length == second_length {
        return Ok(());
    }
    let (first, second) = (first.to_owned(), second.to_owned());
    Err(FileError::Lengths { first, first_length, second, second_length })
}

#[cfg(test)]
mod tests;
