//! `config check`: every error with its place and remedy, and every setting with where it comes from.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use protocol::federation::FederationConfig;
use serde::Serialize;

use super::{
    Failure, ServeArgs,
    output::Output,
    sources::{Source, Sources},
};
use crate::config::{FileSettings, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Checks coordinator.toml, the flags of `serve` and any federation configs; prints what would be in force
    ///
    /// Example: coordinator config check --federation configs/federation-ecg.toml
    Check(Box<CheckArgs>),
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Config of a federation to check too
    #[arg(long = "federation", value_name = "FILE")]
    federations: Vec<PathBuf>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// One setting that is in force.
#[derive(Debug, Serialize)]
struct Effective {
    name: &'static str,
    value: String,
    source: Source,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Checked {
    settings: Vec<Effective>,
    federations: Vec<PathBuf>,
    errors: Vec<String>,
}

/// What is common to all verbs, as it was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) home: &'a Path,
    pub(super) url: &'a str,
    pub(super) has_token: bool,
    pub(super) insecure_http: bool,
    pub(super) sources: Sources,
}

pub(super) fn check(common: Common<'_>, output: Output, verb: ConfigVerb) -> Result<(), Failure> {
    let ConfigVerb::Check(args) = verb;
    let CheckArgs { federations, serve } = *args;
    let mut errors = Vec::new();
    let path = common.home.join("coordinator.toml");
    let file = FileSettings::load(&path).unwrap_or_else(|error| {
        errors.push(error.to_string());
        FileSettings::default()
    });
    let flags = serve.settings(common.insecure_http);
    let place = |error: &crate::config::SettingsError| format!("{}: {error}", path.display());
    let merged = flags.clone().over(file.clone());
    errors.extend(merged.clone().errors(common.home).iter().map(place));
    let settled = merged.settle(common.home);
    if let Ok(Settings { tls: Some(pair), .. }) = &settled {
        errors.extend(pair.load().err().map(|e| e.to_string()));
    }
    for path in &federations {
        let text = std::fs::read_to_string(path).map_err(|e| e.to_string());
        let checked = text.and_then(|text| FederationConfig::from_toml(&text).map_err(|e| e.to_string()));
        errors.extend(checked.err().map(|error| format!("{}: {error}", path.display())));
    }
    let mut settings = common_settings(common);
    if let Ok(settled) = settled {
        settings.extend(effective(&settled, &flags, &file));
    }
    let checked = Checked { settings, federations, errors };
    output.fact(&checked, || describe(&checked))?;
    match checked.errors.len() {
        0 => Ok(()),
        1 => Err(Failure::Usage("1 setting is wrong".to_owned())),
        wrong => Err(Failure::Usage(format!("{wrong} settings are wrong"))),
    }
}

fn common_settings(common: Common<'_>) -> Vec<Effective> {
    let Common { home, url, has_token, sources, .. } = common;
    let token = if has_token { "given" } else { "HOME/secret/operator.token" };
    vec![
        Effective { name: "home", value: home.display().to_string(), source: sources.home },
        Effective { name: "url", value: url.to_owned(), source: sources.url },
        Effective { name: "token", value: token.to_owned(), source: sources.token },
    ]
}

fn effective(settled: &Settings, flags: &FileSettings, file: &FileSettings) -> Vec<Effective> {
    let source = |flag: bool, file: bool| match (flag, file) {
        (true, _) => Source::Flag,
        (_, true) => Source::File,
        _ => Source::Default,
    };
    let tls = settled.tls.as_ref().map_or("none: plain HTTP".to_owned(), |pair| {
        format!("{} with {}", pair.certificate.display(), pair.key.display())
    });
    macro_rules! row {
        ($name:ident, $value:expr) => {
            Effective {
                name: stringify!($name),
                value: $value,
                source: source(flags.$name.is_some(), file.$name.is_some()),
            }
        };
    }
    vec![
        row!(listen, settled.listen.to_string()),
        row!(threads, settled.threads.to_string()),
        row!(opening_window, format!("{:?}", settled.opening_window)),
        row!(online_within, format!("{:?}", settled.online_within)),
        row!(largest_upload, format!("{} bytes", settled.largest_upload)),
        row!(largest_blob, format!("{} bytes", settled.largest_blob)),
        Effective {
            name: "trustees.patience",
            value: format!("{:?}", settled.patience),
            source: source(flags.trustees.patience.is_some(), file.trustees.patience.is_some()),
        },
        Effective {
            name: "trustees.turn",
            value: format!("{:?}", settled.turn),
            source: source(flags.trustees.turn.is_some(), file.trustees.turn.is_some()),
        },
        row!(tls, tls),
        Effective {
            name: "insecure_http",
            value: (flags.insecure_http || file.insecure_http).to_string(),
            source: source(flags.insecure_http, file.insecure_http),
        },
    ]
}

fn describe(checked: &Checked) -> String {
    let rows = checked.settings.iter().map(|row| format!("{:22}{:9}{}", row.name, row.source, row.value));
    let accepted = (checked.errors.is_empty())
        .then(|| checked.federations.iter().map(|path| format!("ok  {}", path.display())));
    let errors = checked.errors.iter().map(|error| format!("ERROR  {error}"));
    rows.chain(accepted.into_iter().flatten()).chain(errors).collect::<Vec<_>>().join("\n")
}
