//! Which data lies in a folder, and of which format a file is, by name.

use super::error::FileError;
use std::path::{Path, PathBuf};

/// The format of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Parquet,
    Npy,
    Idx,
}

impl Format {
    /// Returns whether it has rows of named columns.
    pub(super) fn is_table(self) -> bool {
        matches!(self, Self::Csv | Self::Parquet)
    }
}

/// Images and labels that belong together.
pub(super) struct Pair {
    pub(super) images: PathBuf,
    pub(super) labels: PathBuf,
}

/// What a `--data` path holds.
pub(super) enum Contents {
    /// One CSV or Parquet file.
    Table(PathBuf),
    /// Arrays of the same records in the same order.
    Arrays { instances: PathBuf, labels: PathBuf, persons: Option<PathBuf> },
    /// The files of MNIST, or of data in its form.
    Mnist { train: Pair, test: Option<Pair> },
}

const INSTANCES: &str = "instances.npy";
const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";

/// Finds the data at `path`, a folder or one table.
pub(super) fn look(path: &Path) -> Result<Contents, FileError> {
    if !path.is_dir() {
        std::fs::metadata(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
        if format(path)?.is_table() {
            return Ok(Contents::Table(path.to_owned()));
        }
        let problem = "holds no labels; give the folder that holds it together with its labels".to_owned();
        return Err(FileError::Format { path: path.to_owned(), problem });
    }
    let tables = tables(path)?;
    let arrays = find(path, INSTANCES)?;
    let images = find(path, TRAIN_IMAGES)?;
    let found: Vec<&PathBuf> = tables.iter().chain(&arrays).chain(&images).collect();
    if let [first, second, ..] = found.as_slice() {
        let name = |p: &Path| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(FileError::Ambiguous { path: path.to_owned(), first: name(first), second: name(second) });
    }
    if let Some(table) = tables.into_iter().next() {
        return Ok(Contents::Table(table));
    }
    if let Some(instances) = arrays {
        let (labels, persons) = (required(path, "labels.npy")?, find(path, "persons.npy")?);
        return Ok(Contents::Arrays { instances, labels, persons });
    }
    let Some(images) = images else {
        return Err(FileError::NoData { path: path.to_owned() });
    };
    let train = Pair { images, labels: required(path, "train-labels-idx1-ubyte")? };
    let test = match find(path, TEST_IMAGES)? {
        Some(images) => Some(Pair { images, labels: required(path, "t10k-labels-idx1-ubyte")? }),
        None => None,
    };
    Ok(Contents::Mnist { train, test })
}

/// Returns the format of a file by its name.
pub(super) fn format(path: &Path) -> Result<Format, FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if name.ends_with(".csv") {
        return Ok(Format::Csv);
    }
    if name.ends_with(".parquet") {
        return Ok(Format::Parquet);
    }
    if name.ends_with(".npy") {
        return Ok(Format::Npy);
    }
    if name.ends_with("-ubyte") || name.ends_with(".idx") {
        return Ok(Format::Idx);
    }
    let problem =
        "unknown kind of file; use .csv, .npy or IDX (…-ubyte or .idx), each may end in .gz, or .parquet"
            .to_owned();
    Err(FileError::Format { path: path.to_owned(), problem })
}

fn tables(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError::Read { path: folder.to_owned(), source };
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if format(&path).is_ok_and(Format::is_table) {
            tables.push(path);
        }
    }
    // The order of a folder's entries is the file system's; messages must not depend on it.
    tables.sort();
    Ok(tables)
}

fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>, FileError> {
    let (plain, packed) = (folder.join(name), folder.join(format!("{name}.gz")));
    match (plain.exists(), packed.exists()) {
        (true, true) => {
            let (first, second) = (name.to_owned(), format!("{name}.gz"));
            Err(FileError::Ambiguous { path: folder.to_owned(), first, second })
        }
        (true, false) => Ok(Some(plain)),
        (false, true) => Ok(Some(packed)),
        (false, false) => Ok(None),
    }
}

fn required(folder: &Path, name: &str) -> Result<PathBuf, FileError> {
    find(folder, name)?.ok_or_else(|| FileError::Missing { path: folder.join(name) })
}
