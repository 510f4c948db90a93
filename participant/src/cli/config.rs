//! `participant config check`: every error with its place and remedy, and every setting with where it comes from.

use std::path::Path;

use clap::parser::ValueSource;
use serde::Serialize;
use toml::{Table, Value};

use super::{Failure, output::Output};
use crate::{
    config::{Config, ConfigError},
    home::Home,
};

/// A setting that is in force.
#[derive(Debug, Serialize)]
struct Effective {
    name: String,
    value: String,
    /// `flag`, `env`, `file` or `default`.
    source: &'static str,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Checked {
    settings: Vec<Effective>,
    errors: Vec<String>,
}

pub(super) fn check(root: &Path, home: Option<ValueSource>, output: &Output) -> Result<(), Failure> {
    let path = Home::at(root).config();
    let mut settings = vec![Effective {
        name: "home".to_owned(),
        value: root.display().to_string(),
        source: match home {
            Some(ValueSource::CommandLine) => "flag",
            Some(ValueSource::EnvVariable) => "env",
            _ => "default",
        },
    }];
    let read = std::fs::read_to_string(&path)
        .map_err(|e| ConfigError::Unreadable { path: path.clone(), reason: e.to_string() });
    let errors = match read.and_then(|text| look(&text, &path, &mut settings)) {
        Ok(errors) => errors.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    };
    let checked = Checked { settings, errors };
    output.show(&in_words(&checked), &checked)?;
    match checked.errors.len() {
        0 => Ok(()),
        wrong => Err(Failure::arguments(format_args!("{wrong} of the settings are wrong"))),
    }
}

/// Lists the settings of a config, and returns what is wrong with their values.
fn look(text: &str, path: &Path, settings: &mut Vec<Effective>) -> Result<Vec<ConfigError>, ConfigError> {
    let syntax =
        |e: &dyn std::fmt::Display| ConfigError::Syntax { path: path.to_owned(), reason: e.to_string() };
    let config: Config = toml::from_str(text).map_err(|e| syntax(&e))?;
    let written: Table = text.parse().map_err(|e: toml::de::Error| syntax(&e))?;
    let all = Table::try_from(&config).map_err(|e| syntax(&e))?;
    rows("", &all, Some(&written), settings);
    Ok(config.errors(path))
}

/// Adds one row per value; what the file does not say is a default.
fn rows(prefix: &str, all: &Table, written: Option<&Table>, settings: &mut Vec<Effective>) {
    for (key, value) in all {
        let found = written.and_then(|table| table.get(key));
        let name = format!("{prefix}{key}");
        if let Value::Table(inner) = value {
            rows(&format!("{name}."), inner, found.and_then(Value::as_table), settings);
            continue;
        }
        let source = if found.is_some() { "file" } else { "default" };
        settings.push(Effective { name, value: value.to_string(), source });
    }
}

fn in_words(checked: &Checked) -> String {
    let rows = checked.settings.iter().map(|row| format!("{:28}{:9}{}", row.name, row.source, row.value));
    let errors = checked.errors.iter().map(|error| format!("ERROR  {error}"));
    rows.chain(errors).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_value_is_named_and_every_value_has_its_source() {
        let text = "name = \"\"\ncoordinator = \"http://labels.example.org\"\n[data]\npath = \"d\"\n[teachers]\ncount = 0\n";
        let mut settings = Vec::new();
        let errors = look(text, Path::new("participant.toml"), &mut settings).unwrap();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 3, "{errors:?}");
        for (error, key) in errors.iter().zip(["name", "teachers.count", "coordinator"]) {
            assert!(error.contains(key), "{error}");
        }
        let source = |name: &str| settings.iter().find(|row| row.name == name).map(|row| row.source);
        assert_eq!(source("teachers.count"), Some("file"));
        assert_eq!(source("poll_seconds"), Some("default"));
        assert!(look("name = 1", Path::new("participant.toml"), &mut settings).is_err());
    }
}
