//! CSV files: a first line of column names, numbers below, optionally columns `label` and `person`.

use super::bytes;
use super::error::FileError;
use csv::{ReaderBuilder, StringRecord, Trim};
use std::path::Path;

/// The name of the column with the class index.
const LABEL: &str = "label";
/// The name of the column with the person's key.
const PERSON: &str = "person";

/// A CSV file's columns by meaning.
#[derive(Default)]
pub(super) struct Table {
    /// All other columns, row after row.
    pub(super) values: Vec<f32>,
    /// The number of other columns.
    pub(super) columns: usize,
    /// The column `label`, if there is one.
    pub(super) labels: Option<Vec<u16>>,
    /// The column `person`, if there is one.
    pub(super) persons: Option<Vec<String>>,
}

enum Meaning {
    Value,
    Label,
    Person,
}

/// Reads a CSV file; labels are checked against `classes` where known.
pub(super) fn read(path: &Path, classes: Option<u16>) -> Result<Table, FileError> {
    let bytes = bytes::read(path)?;
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(bytes.as_slice());
    let failed = |error: csv::Error| FileError::Format {
        path: path.to_owned(),
        problem: format!("not a readable CSV file: {error}"),
    };
    let names = reader.headers().map_err(failed)?.clone();
    let meanings = meanings(path, &names)?;
    let has = |name: &str| names.iter().any(|n| n == name);
    let mut table = Table {
        columns: meanings.iter().filter(|m| matches!(m, Meaning::Value)).count(),
        labels: has(LABEL).then(Vec::new),
        persons: has(PERSON).then(Vec::new),
        values: Vec::new(),
    };
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(failed)? {
        let line = record.position().map_or(0, csv::Position::line);
        for ((cell, meaning), name) in record.iter().zip(&meanings).zip(&names) {
            table.take(cell, meaning, classes).map_err(|wanted| FileError::Cell {
                path: path.to_owned(),
                line,
                column: name.to_owned(),
                value: cell.to_owned(),
                wanted,
            })?;
        }
    }
    Ok(table)
}

/// The file's `label` column, or the error that says which columns there are.
pub(super) fn require_labels(path: &Path, table: &mut Table) -> Result<Vec<u16>, FileError> {
    table.labels.take().ok_or_else(|| FileError::NoColumn {
        path: path.to_owned(),
        column: LABEL,
        found: format!(
            "{} columns of values{}",
            table.columns,
            if table.persons.is_some() { " and `person`" } else { "" }
        ),
    })
}

fn meanings(path: &Path, names: &StringRecord) -> Result<Vec<Meaning>, FileError> {
    let format = |problem: String| FileError::Format { path: path.to_owned(), problem };
    if let Some(number) = names.iter().find(|name| name.parse::<f64>().is_ok()) {
        return Err(format(format!(
            "the first line must name the columns, and it holds the number {number}"
        )));
    }
    for special in [LABEL, PERSON] {
        if names.iter().filter(|&name| name == special).count() > 1 {
            return Err(format(format!("has two columns `{special}`; keep one")));
        }
    }
    let meanings: Vec<Meaning> = names
        .iter()
        .map(|name| match name {
            LABEL => Meaning::Label,
            PERSON => Meaning::Person,
            _ => Meaning::Value,
        })
        .collect();
    if meanings.iter().any(|m| matches!(m, Meaning::Value)) {
        return Ok(meanings);
    }
    Err(format("has no column of values besides `label` and `person`".into()))
}

impl Table {
    /// Takes one cell, or says what it had to be.
    fn take(&mut self, cell: &str, meaning: &Meaning, classes: Option<u16>) -> Result<(), &'static str> {
        match meaning {
            Meaning::Value => {
                let value = cell.parse::<f32>().ok().filter(|v| v.is_finite());
                self.values.push(value.ok_or("a finite number")?);
            }
            Meaning::Label => {
                let label = cell.parse::<u16>().ok().filter(|&label| classes.is_none_or(|c| label < c));
                let label =
                    label.ok_or("a class index, a whole number from 0 to below the number of classes")?;
                self.labels.get_or_insert_default().push(label);
            }
            Meaning::Person => {
                if cell.is_empty() {
                    return Err("a person's key (every record needs one, or none)");
                }
                self.persons.get_or_insert_default().push(cell.to_owned());
            }
        }
        Ok(())
    }
}
