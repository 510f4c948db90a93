//! Parquet files as tables of text: what a cell must be is decided where CSV cells are read, in one place for both.

use super::bytes::MAX_BYTES;
use super::error::FileError;
use base::bug::contain;
use csv::StringRecord;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::fs::File;
use std::path::Path;

/// What a row costs in memory besides its text.
const ROW_COST: u64 = 64;

/// The rows of a file, all of them read.
pub(super) struct Rows {
    rows: std::vec::IntoIter<StringRecord>,
    taken: u64,
}

impl Rows {
    /// Moves the next row into `record` and returns its number, counted from 1; nothing at the end.
    pub(super) fn next(&mut self, record: &mut StringRecord) -> Option<u64> {
        *record = self.rows.next()?;
        self.taken += 1;
        Some(self.taken)
    }
}

/// Reads a file and returns the names of its columns and its rows.
///
/// # Errors
/// A file that cannot be read, is compressed otherwise than with Snappy, holds nested columns or other values than
/// numbers, words and truth values, or unpacks to more than this program reads.
pub(super) fn open(path: &Path) -> Result<(StringRecord, Rows), FileError> {
    // The library asserts some of what a damaged file says of itself; nothing that it panicked in is used afterwards.
    contain(|| read(path)).unwrap_or_else(|| Err(unreadable(path, "it is damaged")))
}

fn read(path: &Path) -> Result<(StringRecord, Rows), FileError> {
    let wrong = |problem: String| FileError::Format { path: path.to_owned(), problem };
    let failed = |error: ParquetError| unreadable(path, &error.to_string());
    let file = File::open(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let file = SerializedFileReader::new(file).map_err(failed)?;
    let columns = file.metadata().file_metadata().schema_descr().root_schema().get_fields();
    if let Some(nested) = columns.iter().find(|column| !column.is_primitive()) {
        return Err(wrong(format!("column `{}` is nested; write one column per value", nested.name())));
    }
    let names: StringRecord = columns.iter().map(|column| column.name()).collect();
    let (mut rows, mut size) = (Vec::new(), 0_u64);
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(failed)?;
        for row in group.get_row_iter(None).map_err(failed)? {
            let record = record(&row.map_err(failed)?)
                .map_err(|problem| wrong(format!("row {}, {problem}", rows.len() + 1)))?;
            // A few bytes of a file can stand for any number of rows.
            size += ROW_COST + record.as_slice().len() as u64;
            if size > MAX_BYTES {
                return Err(FileError::TooLarge { path: path.to_owned(), limit: MAX_BYTES });
            }
            rows.push(record);
        }
    }
    Ok((names, Rows { rows: rows.into_iter(), taken: 0 }))
}

/// One row as text, or what is wrong with which of its cells.
fn record(row: &Row) -> Result<StringRecord, String> {
    let mut record = StringRecord::new();
    for (name, field) in row.get_column_iter() {
        let cell = text(field);
        let cell = cell.ok_or_else(|| {
            format!("column `{name}`: {field} is not a number, word or truth value; write it as one")
        })?;
        record.push_field(cell.trim());
    }
    Ok(record)
}

fn unreadable(path: &Path, problem: &str) -> FileError {
    let problem =
        format!("not a readable Parquet file: {problem}; it must be uncompressed or compressed with snappy");
    FileError::Format { path: path.to_owned(), problem }
}

/// Returns the text that a CSV file would have in this cell; nothing where it could have none.
fn text(field: &Field) -> Option<String> {
    let text = match field {
        Field::Null => String::new(),
        // Every number is written so that it is read back to the same bits.
        Field::Float16(value) => f32::from(*value).to_string(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::Str(value) => value.clone(),
        Field::Bytes(value) => std::str::from_utf8(value.data()).ok()?.to_owned(),
        Field::Bool(_)
        | Field::Byte(_)
        | Field::Short(_)
        | Field::Int(_)
        | Field::Long(_)
        | Field::UByte(_)
        | Field::UShort(_)
        | Field::UInt(_)
        | Field::ULong(_)
        | Field::Decimal(_) => field.to_string(),
        _ => return None,
    };
    Some(text)
}
