//! What can be wrong with a data file, in words that name the place and the remedy.

use crate::dataset::DatasetError;
use std::path::PathBuf;

/// Why a data file or folder is refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder holds nothing that is known as data.
    #[error(
        "{}: no data found; expected train-images-idx3-ubyte and train-labels-idx1-ubyte, or instances.npy and \
         labels.npy (each may end in .gz), or one CSV or Parquet file",
        path.display()
    )]
    NoData {
        /// The folder.
        path: PathBuf,
    },
    /// A file that must lie beside the others is missing.
    #[error("{}: missing (neither it nor the same name with .gz is there)", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A folder holds more than one thing that could be meant.
    #[error("{}: holds both {first} and {second}; keep one of them", path.display())]
    Ambiguous {
        /// The folder.
        path: PathBuf,
        /// One of the two.
        first: String,
        /// The other.
        second: String,
    },
    /// The file, once unpacked, is larger than any this program reads.
    #[error("{}: holds more than {limit} bytes once unpacked; split it into smaller files", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound in bytes.
        limit: u64,
    },
    /// The compressed data ends early or is damaged.
    #[error("{}: cannot be unpacked ({source}); the file is truncated or damaged, copy it again", path.display())]
    Unpack {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: std::io::Error,
    },
    /// The data is shorter or longer than its header says.
    #[error(
        "{}: the header promises {expected} bytes of data and {found} are there; the file is truncated or damaged, \
         copy it again",
        path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// What the header promises.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The file is not of the format its name or its first bytes say.
    #[error("{}: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The array's dtype is not one that can stand here.
    #[error("{}: dtype {found} cannot hold {what}; save it as {remedy}", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The dtype as written.
        found: String,
        /// What the array should hold.
        what: &'static str,
        /// The dtypes that can.
        remedy: &'static str,
    },
    /// The array's shape is not the expected one.
    #[error("{}: shape {found:?}, expected {expected}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The shape as written.
        found: Vec<usize>,
        /// The shapes that fit.
        expected: String,
    },
    /// A table has no column of this name.
    #[error("{}: no column `{column}`; the columns are {found}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The missing column.
        column: String,
        /// The columns that are there.
        found: String,
    },
    /// One cell of a table is wrong.
    #[error("{}: {place}, column `{column}`: `{value}` is not {wanted}; correct or remove it", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line or row, counted from 1, in words.
        place: Box<str>,
        /// The column's name.
        column: String,
        /// The cell.
        value: Box<str>,
        /// What a cell here must be.
        wanted: Box<str>,
    },
    /// A label names no class.
    #[error("{}: row {row}: label {label} is out of range; {}", path.display(), range(*classes))]
    Label {
        /// The file.
        path: PathBuf,
        /// The record, counted from 0.
        row: usize,
        /// The label as written.
        label: i128,
        /// The number of classes, where known.
        classes: Option<u16>,
    },
    /// A record names no person although the data names persons.
    #[error("{}: row {row}: the person is empty; every record needs one, or none", path.display())]
    NoPerson {
        /// The file.
        path: PathBuf,
        /// The record, counted from 0.
        row: usize,
    },
    /// Two files that belong together have different lengths.
    #[error("{} holds {first_length} records and {} holds {second_length}; they must hold the same records in the same order", first.display(), second.display())]
    Lengths {
        /// One file.
        first: PathBuf,
        /// Its number of records.
        first_length: usize,
        /// The other file.
        second: PathBuf,
        /// Its number of records.
        second_length: usize,
    },
    /// The data reads well but is not usable.
    #[error("{}: {source}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DatasetError,
    },
}

fn range(classes: Option<u16>) -> String {
    match classes {
        Some(classes) => format!("there are {classes} classes, 0 to {}", classes.saturating_sub(1)),
        None => format!("labels are class indices from 0 to {}", u16::MAX),
    }
}
