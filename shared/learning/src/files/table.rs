//! Tables: named columns of values, optionally columns `label` and `person`, read cell by cell.

use super::Expected;
use super::error::FileError;
use super::sheet::Sheet;
use base::columns::{Column, Content, LABEL, PERSON, number};
use csv::StringRecord;
use std::path::Path;

/// What is wanted of a file; cells of other columns are not looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Values, labels and persons.
    Records,
    /// Values alone.
    Instances,
    /// Labels alone.
    Labels,
}

/// What a table holds.
#[derive(Default)]
pub(super) struct Table {
    /// The values, row after row.
    pub(super) values: Vec<f32>,
    /// The number of rows.
    pub(super) rows: usize,
    /// The number of values of one row.
    pub(super) width: usize,
    /// The column `label`, if it is wanted.
    pub(super) labels: Option<Vec<u16>>,
    /// The column `person`, if it is wanted and there is one.
    pub(super) persons: Option<Vec<String>>,
}

/// Reads a table as the federation's columns say, or without them every value as a number.
pub(super) fn read(path: &Path, expected: Expected<'_>, wanted: Wanted) -> Result<Table, FileError> {
    let mut sheet = Sheet::open(path)?;
    let layout = match wanted {
        Wanted::Labels => Layout::of_labels(&sheet)?,
        Wanted::Records | Wanted::Instances => Layout::of(&sheet, expected)?,
    };
    if wanted != Wanted::Instances {
        layout.require_label(&sheet)?;
    }
    let is_labeled = wanted != Wanted::Instances;
    let mut table = Table {
        width: layout.width(),
        labels: is_labeled.then(Vec::new),
        persons: layout.person.filter(|_| wanted == Wanted::Records).map(|_| Vec::new()),
        ..Table::default()
    };
    let mut record = StringRecord::new();
    while let Some(place_of_row) = sheet.next(&mut record)? {
        let cell = |position: usize| record.get(position).unwrap_or_default();
        for place in &layout.values {
            let taken = place.encode(cell(place.position), &mut table.values);
            taken.map_err(|wanted| sheet.wrong(&place_of_row, &record, place.position, wanted))?;
        }
        if let (Some(labels), Some(position)) = (&mut table.labels, layout.label) {
            let label = class(cell(position), expected);
            labels.push(label.map_err(|wanted| sheet.wrong(&place_of_row, &record, position, wanted))?);
        }
        if let (Some(persons), Some(position)) = (&mut table.persons, layout.person) {
            persons
                .push(person(cell(position)).map_err(|w| sheet.wrong(&place_of_row, &record, position, w))?);
        }
        table.rows += 1;
    }
    Ok(table)
}

/// Where in a row what stands.
pub(super) struct Layout<'a> {
    /// The columns of values: in the federation's order, or without its columns in the file's.
    pub(super) values: Vec<Place<'a>>,
    /// The column `label`.
    pub(super) label: Option<usize>,
    /// The column `person`.
    pub(super) person: Option<usize>,
}

/// One column of values.
pub(super) struct Place<'a> {
    /// Where it is in a row.
    pub(super) position: usize,
    /// What the federation says of it.
    pub(super) column: Option<&'a Column>,
}

impl<'a> Layout<'a> {
    /// Finds every column by name.
    pub(super) fn of(sheet: &Sheet, expected: Expected<'a>) -> Result<Self, FileError> {
        let (label, person) = (sheet.find(LABEL)?, sheet.find(PERSON)?);
        let columns = expected.schema.map_or(&[][..], |schema| schema.columns());
        let is_value = |position: usize| Some(position) != label && Some(position) != person;
        if columns.is_empty() {
            return Self::untyped(sheet, is_value).map(|values| Self { values, label, person });
        }
        let place = |column: &'a Column| {
            let position = sheet.find(column.name())?.ok_or_else(|| sheet.missing(column.name()))?;
            Ok(Place { position, column: Some(column) })
        };
        let values = columns.iter().map(place).collect::<Result<Vec<_>, FileError>>()?;
        let unknown = |(position, name): (usize, &str)| {
            let is_known = !is_value(position) || values.iter().any(|place| place.position == position);
            (!is_known).then(|| format!("`{name}`"))
        };
        let unknown: Vec<String> = sheet.names.iter().enumerate().filter_map(unknown).collect();
        if unknown.is_empty() {
            return Ok(Self { values, label, person });
        }
        let known: Vec<String> = columns.iter().map(|column| format!("`{}`", column.name())).collect();
        Err(sheet.problem(format!(
            "has columns that the federation does not know: {}; remove them (it knows {}, and `label` and `person`)",
            unknown.join(", "),
            known.join(", ")
        )))
    }

    /// Returns the number of values of a row.
    pub(super) fn width(&self) -> usize {
        self.values.iter().map(|place| place.column.map_or(1, Column::values)).sum()
    }

    fn of_labels(sheet: &Sheet) -> Result<Self, FileError> {
        Ok(Self { values: Vec::new(), label: sheet.find(LABEL)?, person: None })
    }

    fn untyped(sheet: &Sheet, is_value: impl Fn(usize) -> bool) -> Result<Vec<Place<'a>>, FileError> {
        if let Some(number) = sheet.names.iter().find(|name| name.parse::<f64>().is_ok()) {
            return Err(sheet
                .problem(format!("the first line must name the columns, and it holds the number {number}")));
        }
        let positions = (0..sheet.names.len()).filter(|&position| is_value(position));
        let values: Vec<Place<'a>> = positions.map(|position| Place { position, column: None }).collect();
        match values.is_empty() {
            true => Err(sheet.problem("has no column of values besides `label` and `person`".into())),
            false => Ok(values),
        }
    }

    /// Refuses a file without the column `label`.
    pub(super) fn require_label(&self, sheet: &Sheet) -> Result<(), FileError> {
        self.label.map(drop).ok_or_else(|| sheet.missing(LABEL))
    }
}

impl Place<'_> {
    /// Appends the values of a cell.
    pub(super) fn encode(&self, cell: &str, values: &mut Vec<f32>) -> Result<(), String> {
        if let Some(column) = self.column {
            return column.encode(cell, values);
        }
        let value = cell.parse::<f32>().ok().filter(|v| v.is_finite());
        values.push(value.ok_or("a finite number")?);
        Ok(())
    }

    /// Reads a cell of numbers as the file has it; nothing if the column holds words.
    pub(super) fn number(&self, cell: &str) -> Option<Result<f64, String>> {
        let is_number = self.column.is_none_or(|c| matches!(c.content(), Content::Number { .. }));
        is_number.then(|| number(cell))
    }
}

/// Reads a class: its name where names are known, or its index.
pub(super) fn class(cell: &str, expected: Expected<'_>) -> Result<u16, String> {
    let named = expected.names.iter().position(|name| name == cell).and_then(|at| u16::try_from(at).ok());
    let indexed = cell.parse::<u16>().ok().filter(|&label| expected.classes.is_none_or(|c| label < c));
    match (named, indexed) {
        (Some(name), Some(index)) if name != index => Err(format!(
            "clear, being the name of class {name} and the index of class {index}: number the classes as they are named"
        )),
        (Some(label), _) | (None, Some(label)) => Ok(label),
        (None, None) if expected.names.is_empty() => {
            Err("a class index, a whole number from 0 to below the number of classes".into())
        }
        (None, None) => Err(format!("one of the classes {}, or the index of one", expected.names.join(", "))),
    }
}

/// Reads a person's key.
pub(super) fn person(cell: &str) -> Result<String, String> {
    match cell.is_empty() {
        true => Err("a person's key (every record needs one, or none)".into()),
        false => Ok(cell.to_owned()),
    }
}
