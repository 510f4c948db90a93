//! What a participant's data holds, for its own eyes: counts and ranges, of which nothing is sent or fitted.

use super::folder::{Contents, Format, format, look};
use super::sheet::Sheet;
use super::table::{Layout, class, person};
use super::{Expected, FileError, idx, instance_shape, load_labels, load_persons, npy, same_length};
use csv::StringRecord;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The most values of an instance that are described one by one.
const ONE_BY_ONE: usize = 32;

/// What a participant's data holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The shape of one instance as a network sees it.
    pub shape: Vec<usize>,
    /// The number of records.
    pub records: usize,
    /// The number of persons, if the data names them.
    pub persons: Option<usize>,
    /// The classes in label order.
    pub classes: Vec<ClassCount>,
    /// The columns of a table, or the values of an array; of a large array all of them together.
    pub columns: Vec<ColumnSummary>,
}

/// How many records are of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class's index.
    pub class: u16,
    /// Its name, where known.
    pub name: Option<String>,
    /// The records of it.
    pub records: usize,
}

/// What one column holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ColumnSummary {
    /// The column's name.
    pub name: String,
    /// The number of empty cells, or of values that are not finite.
    pub missing: usize,
    /// Whether missing cells have a stand-in in the federation's config.
    pub bears_missing: bool,
    /// The smallest number, as the file has it.
    pub smallest: Option<f64>,
    /// The largest number, as the file has it.
    pub largest: Option<f64>,
    /// The records of each word.
    pub words: BTreeMap<String, usize>,
}

impl Summary {
    /// Returns the number of missing values.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.columns.iter().map(|column| column.missing).sum()
    }
}

/// Describes labeled data as [`load_labeled`](super::load_labeled) finds it; missing values are counted and not refused.
///
/// # Errors
/// Names file, row and column of what is wrong otherwise.
pub fn describe(path: &Path, expected: Expected<'_>) -> Result<Summary, FileError> {
    match look(path)? {
        Contents::Table(file) => describe_table(&file, expected),
        Contents::Arrays { instances, labels, persons } => {
            describe_arrays(&instances, &labels, persons.as_deref(), expected)
        }
        Contents::Mnist { train, .. } => describe_arrays(&train.images, &train.labels, None, expected),
    }
}

fn describe_table(path: &Path, expected: Expected<'_>) -> Result<Summary, FileError> {
    let mut sheet = Sheet::open(path)?;
    let layout = Layout::of(&sheet, expected)?;
    layout.require_label(&sheet)?;
    let mut columns = blank(&sheet, &layout);
    let (mut labels, mut persons, mut records) = (Vec::new(), BTreeSet::new(), 0);
    let (mut record, mut unused) = (StringRecord::new(), Vec::new());
    while let Some(row) = sheet.next(&mut record)? {
        let wrong = |position, wanted| sheet.wrong(&row, &record, position, wanted);
        let cell = |position: usize| record.get(position).unwrap_or_default();
        for (place, summary) in layout.values.iter().zip(&mut columns) {
            let cell = cell(place.position);
            if cell.is_empty() {
                summary.missing += 1;
                continue;
            }
            // What training would refuse is refused here too, with the same words.
            unused.clear();
            place.encode(cell, &mut unused).map_err(|wanted| wrong(place.position, wanted))?;
            match place.number(cell) {
                Some(number) => summary.take(number.map_err(|wanted| wrong(place.position, wanted))?),
                None => *summary.words.entry(cell.to_owned()).or_default() += 1,
            }
        }
        if let Some(position) = layout.label {
            labels.push(class(cell(position), expected).map_err(|wanted| wrong(position, wanted))?);
        }
        if let Some(position) = layout.person {
            persons.insert(person(cell(position)).map_err(|wanted| wrong(position, wanted))?);
        }
        records += 1;
    }
    let shape = instance_shape(path, &[records, layout.width()], expected.schema)?;
    let persons = layout.person.map(|_| persons.len());
    Ok(Summary { shape, records, persons, classes: count(&labels, expected), columns })
}

/// Summaries of the columns of values, before the first row.
fn blank(sheet: &Sheet, layout: &Layout<'_>) -> Vec<ColumnSummary> {
    let name = |position: usize| sheet.names.get(position).unwrap_or_default().to_owned();
    (layout.values.iter())
        .map(|place| ColumnSummary {
            name: name(place.position),
            bears_missing: place.column.is_some_and(|column| column.bears_missing()),
            ..ColumnSummary::default()
        })
        .collect()
}

fn describe_arrays(
    instances: &Path,
    labels: &Path,
    persons: Option<&Path>,
    expected: Expected<'_>,
) -> Result<Summary, FileError> {
    let (array, values) = match format(instances)? {
        Format::Idx => {
            let array = idx::read(instances)?;
            (array.dimensions, array.bytes.into_iter().map(f32::from).collect())
        }
        _ => {
            let array = npy::read_numbers(instances)?;
            (array.shape, array.values)
        }
    };
    let shape = instance_shape(instances, &array, expected.schema)?;
    let records = array.first().copied().unwrap_or(0);
    let classes = load_labels(labels, expected.classes)?;
    same_length(instances, records, labels, classes.len())?;
    let persons = persons.map(|path| load_persons(path, instances, records)).transpose()?;
    let persons = persons.map(|keys| keys.iter().collect::<BTreeSet<_>>().len());
    let columns = ranges(&values, shape.iter().product());
    Ok(Summary { shape, records, persons, classes: count(&classes, expected), columns })
}

/// Returns the range of each value of an instance, or of all together where there are many.
fn ranges(values: &[f32], width: usize) -> Vec<ColumnSummary> {
    let is_one_by_one = (1..=ONE_BY_ONE).contains(&width);
    let name =
        |number: usize| if is_one_by_one { format!("value {number}") } else { "all values".to_owned() };
    let count = if is_one_by_one { width } else { 1 };
    let mut columns: Vec<ColumnSummary> =
        (0..count).map(|number| ColumnSummary { name: name(number), ..ColumnSummary::default() }).collect();
    for row in values.chunks(count) {
        for (value, column) in row.iter().zip(&mut columns) {
            column.take(f64::from(*value));
        }
    }
    columns
}

impl ColumnSummary {
    fn take(&mut self, number: f64) {
        if !number.is_finite() {
            self.missing += 1;
            return;
        }
        self.smallest = Some(self.smallest.map_or(number, |smallest| smallest.min(number)));
        self.largest = Some(self.largest.map_or(number, |largest| largest.max(number)));
    }
}

/// Returns the records of each class; a class that is known and has none is listed too.
fn count(labels: &[u16], expected: Expected<'_>) -> Vec<ClassCount> {
    let mut records: BTreeMap<u16, usize> = (0..expected.classes.unwrap_or(0)).map(|c| (c, 0)).collect();
    for &label in labels {
        *records.entry(label).or_default() += 1;
    }
    let name = |class: u16| expected.names.get(usize::from(class)).cloned();
    records.into_iter().map(|(class, records)| ClassCount { class, name: name(class), records }).collect()
}
