//! A table as it lies in its file: named columns and rows of cells, whatever the format.

use super::bytes;
use super::error::FileError;
use super::folder::{Format, format};
use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// A table while it is read, row by row.
pub(super) struct Sheet {
    path: PathBuf,
    /// The names of the columns.
    pub(super) names: StringRecord,
    rows: Rows,
}

/// Where the rows come from.
enum Rows {
    Csv(Reader<Cursor<Vec<u8>>>),
    #[cfg(feature = "parquet")]
    Parquet(super::parquet::Rows),
}

impl Sheet {
    /// Opens a file and reads the names of its columns.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let (names, rows) = match format(path)? {
            Format::Parquet => open_parquet(path)?,
            _ => {
                let bytes = bytes::read(path)?;
                let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(Cursor::new(bytes));
                let names = reader.headers().map_err(|error| unreadable(path, &error))?.clone();
                (names, Rows::Csv(reader))
            }
        };
        Ok(Self { path: path.to_owned(), names, rows })
    }

    /// Reads the next row and returns where it is, in words; nothing at the end.
    pub(super) fn next(&mut self, record: &mut StringRecord) -> Result<Option<String>, FileError> {
        match &mut self.rows {
            Rows::Csv(reader) => {
                let is_there = reader.read_record(record).map_err(|error| unreadable(&self.path, &error))?;
                let line = record.position().map_or(0, csv::Position::line);
                Ok(is_there.then(|| format!("line {line}")))
            }
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => Ok(rows.next(record).map(|row| format!("row {row}"))),
        }
    }

    /// Returns the error that names the wrong cell, and what it would have to be.
    pub(super) fn wrong(
        &self,
        place: &str,
        record: &StringRecord,
        position: usize,
        wanted: String,
    ) -> FileError {
        FileError::Cell {
            path: self.path.clone(),
            place: place.into(),
            column: self.names.get(position).unwrap_or_default().to_owned(),
            value: record.get(position).unwrap_or_default().into(),
            wanted: wanted.into(),
        }
    }

    /// Where the column of a name is, or nothing; a second one is refused.
    pub(super) fn find(&self, name: &str) -> Result<Option<usize>, FileError> {
        let mut found =
            self.names.iter().enumerate().filter(|(_, n)| *n == name).map(|(position, _)| position);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(self.problem(format!("has two columns `{name}`; keep one"))),
            (position, None) => Ok(position),
        }
    }

    /// Returns the error that names the missing column, and the columns that are there.
    pub(super) fn missing(&self, name: &str) -> FileError {
        let found = self.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        FileError::NoColumn { path: self.path.clone(), column: name.to_owned(), found }
    }

    /// Returns the error that says what is wrong with the table as a whole.
    pub(super) fn problem(&self, problem: String) -> FileError {
        FileError::Format { path: self.path.clone(), problem }
    }
}

#[cfg(feature = "parquet")]
fn open_parquet(path: &Path) -> Result<(StringRecord, Rows), FileError> {
    super::parquet::open(path).map(|(names, rows)| (names, Rows::Parquet(rows)))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(path: &Path) -> Result<(StringRecord, Rows), FileError> {
    let problem = "this program was built without Parquet; build it with `--features parquet`, or write the table \
                   as CSV";
    Err(FileError::Format { path: path.to_owned(), problem: problem.to_owned() })
}

fn unreadable(path: &Path, error: &csv::Error) -> FileError {
    FileError::Format { path: path.to_owned(), problem: format!("not a readable CSV file: {error}") }
}
