//! `participant data describe`: what the institution's own data holds, for its own eyes.

use std::path::Path;

use base::schema::InstanceSchema;
use learning::{
    Description, Expected,
    files::{ColumnSummary, Summary, describe},
};
use protocol::federation::FederationConfig;
use serde_json::json;

use super::{Failure, output::Output};
use crate::{approval::Membership, home::Home};

/// Most words of one column that are printed.
const WORDS: usize = 12;
const WARNING: &str =
    "for this institution's own eyes: counts and ranges are as private as the data; nothing was sent";

pub(super) fn run(home: &Path, data: &Path, config: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let reading = Reading::find(home, data, config)?;
    let expected =
        reading.known.as_ref().map_or(Expected::default(), |(schema, classes)| Expected::of(schema, classes));
    let summary = describe(data, expected).map_err(Failure::job)?;
    let facts = json!({ "data": data, "read_by": reading.source, "missing": summary.missing(), "summary": summary, "warning": WARNING });
    output.show(&in_words(&summary, &reading), &facts)
}

/// By whose columns and classes the data is read.
struct Reading {
    source: String,
    known: Option<(InstanceSchema, Vec<String>)>,
}

impl Reading {
    fn find(home: &Path, data: &Path, config: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = config {
            let wrong =
                |e: &dyn std::fmt::Display| Failure::arguments(format_args!("{}: {e}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
            let config = FederationConfig::from_toml(&text).map_err(|e| wrong(&e))?;
            return Ok(Self::of(format!("the config {}", path.display()), config));
        }
        if home.is_dir()
            && let Some(membership) = Membership::load(&Home::open(home)?)?
        {
            let config = membership.founding.config;
            return Ok(Self::of(format!("the federation {} of {}", config.name, home.display()), config));
        }
        let folder = if data.is_dir() { Some(data) } else { data.parent() };
        let beside = folder.map(Description::read_beside).transpose().map_err(Failure::job)?.flatten();
        Ok(match beside {
            Some(found) => {
                let source = "description.json beside the data".to_owned();
                Self { source, known: Some((found.schema, found.classes)) }
            }
            None => Self { source: "nothing but the files themselves".to_owned(), known: None },
        })
    }

    fn of(source: String, config: FederationConfig) -> Self {
        Self { source, known: Some((config.instances, config.classes)) }
    }
}

fn in_words(summary: &Summary, reading: &Reading) -> String {
    let kind = match &reading.known {
        Some((schema, _)) => format!("{} of shape {:?}", schema.kind(), summary.shape),
        None => format!("shape {:?}", summary.shape),
    };
    let persons = match summary.persons {
        Some(persons) => format!("{persons}"),
        None => "not named: the privacy unit is the record".to_owned(),
    };
    let mut lines = vec![
        format!("read by      {}", reading.source),
        format!("instances    {kind}"),
        format!("records      {}", summary.records),
        format!("persons      {persons}"),
        format!("missing      {} values", summary.missing()),
    ];
    for class in &summary.classes {
        let name = class.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        lines.push(format!("class        {}{name}: {} records", class.class, class.records));
    }
    lines.extend(summary.columns.iter().map(|column| format!("column       {}", column_in_words(column))));
    lines.push(WARNING.to_owned());
    lines.join("\n")
}

fn column_in_words(column: &ColumnSummary) -> String {
    let holds = match (column.smallest, column.largest) {
        (Some(smallest), Some(largest)) => format!("{smallest} to {largest}"),
        _ if column.words.is_empty() => "nothing".to_owned(),
        _ => {
            let words = column.words.iter().take(WORDS).map(|(word, count)| format!("{word} {count}"));
            let more = column.words.len().saturating_sub(WORDS);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            words.collect::<Vec<_>>().join(", ") + &more
        }
    };
    let missing = match (column.missing, column.bears_missing) {
        (0, _) => String::new(),
        (count, true) => format!("; {count} missing, for which the federation has a stand-in"),
        (count, false) => {
            format!("; {count} missing, which training refuses: fill them in or remove those records")
        }
    };
    format!("{}: {holds}{missing}", column.name)
}
