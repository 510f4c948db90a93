//! Where the options came from: the command line, the environment, or nowhere.

use clap::{ArgMatches, parser::ValueSource};
use serde::Serialize;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// The command line.
    Flag,
    /// An environment variable.
    Env,
    /// The settings file.
    File,
    /// The program itself.
    #[default]
    Default,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Flag => "flag",
            Self::Env => "env",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

/// Holds where the options common to all verbs came from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sources {
    pub(super) home: Source,
    pub(super) url: Source,
    pub(super) token: Source,
}

impl Sources {
    /// Reads them from the parsed command line.
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let of = |name| match matches.value_source(name) {
            Some(ValueSource::CommandLine) => Source::Flag,
            Some(ValueSource::EnvVariable) => Source::Env,
            _ => Source::Default,
        };
        Self { home: of("home"), url: of("url"), token: of("token") }
    }
}
