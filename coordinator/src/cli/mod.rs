//! The operator's command line: `serve`, and a client for everything else.

mod client;
mod config;
mod doctor;
mod federation;
mod kit;
mod ledger;
mod output;
mod plan;
mod rounds;
mod select;
mod sources;
mod student;
mod tls;
mod token;
mod transcript;
mod upkeep;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use base::bug;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum, error::ErrorKind};
use clap_complete::Shell;

pub use ::client::{Client, ClientError};
pub use client::Address;
use output::Output;
use sources::Sources;

use crate::{
    config::{FileSettings, SettingsError, TrusteesSettings},
    serve::{ServeError, serve},
    storage::StorageError,
    tls::Pair,
};

/// Coordinates a federation that labels data together by encrypted votes.
#[derive(Debug, Parser)]
#[command(name = "coordinator", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// Data folder of the coordinator
    #[arg(long, global = true, env = "PSEPHOS_COORDINATOR_HOME", default_value = "coordinator-home")]
    home: PathBuf,
    /// Address of the running coordinator [default: http://127.0.0.1:7400, or https:// where HOME holds a certificate]
    #[arg(long, global = true, env = "PSEPHOS_COORDINATOR")]
    url: Option<String>,
    /// The one authority that may vouch for the coordinator (PEM) [default: HOME/tls/authority.pem, or the system's]
    #[arg(long, global = true, env = "PSEPHOS_AUTHORITY", value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Allows plain HTTP on the way to another machine, where anyone reads the tokens
    #[arg(long, global = true)]
    insecure_http: bool,
    /// Operator's token; by default read from HOME/secret/operator.token
    #[arg(long, global = true, env = "PSEPHOS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Form of what is printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(subcommand)]
    verb: Verb,
    #[arg(skip)]
    sources: Sources,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the job failed, 2 connection or authorisation, 3 time-out, 4 wrong arguments or config, 5 a bug";

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON document.
    Json,
    /// Comma-separated values (labels only).
    Csv,
    /// A NumPy array (labels only).
    Npy,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs the service
    ///
    /// Example: coordinator serve --home /var/lib/psephos --listen 127.0.0.1:7400
    Serve(ServeArgs),
    /// Founds, shows or closes the federation
    #[command(subcommand)]
    Federation(federation::FederationVerb),
    /// Invites one institution, or many; prints each secret once
    ///
    /// Example: coordinator invite hospital-1 --trustee
    ///
    /// Example: coordinator invite --count 250 --prefix hospital --format json > invites.json
    Invite(federation::InviteArgs),
    /// Shows who is enrolled, or revokes a participant
    #[command(subcommand)]
    Roster(federation::RosterVerb),
    /// Announces, follows and ends rounds, and fetches their labels
    #[command(subcommand)]
    Round(rounds::RoundVerb),
    /// Shows the privacy ledger
    #[command(subcommand)]
    Ledger(ledger::LedgerVerb),
    /// Trains the student on released labels, or asks it about new instances
    #[command(subcommand)]
    Student(student::StudentVerb),
    /// Makes, lists and revokes tokens of viewers and further operators
    #[command(subcommand)]
    Token(token::TokenVerb),
    /// Exports the transcript, which anyone can verify
    #[command(subcommand)]
    Transcript(transcript::TranscriptVerb),
    /// Makes kits, one archive that brings an institution in
    #[command(subcommand)]
    Kit(kit::KitVerb),
    /// Makes, renews and shows the federation's own authority and the service's certificate
    #[command(subcommand)]
    Tls(tls::TlsVerb),
    /// Checks this machine, the data folder and the running service; says what to fix
    ///
    /// Exit code 0 if nothing failed, 1 if something did, 2 if only the connection did.
    ///
    /// Example: coordinator doctor --home /var/lib/psephos
    Doctor,
    /// Checks settings
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Writes everything that this coordinator is to one archive, while the service runs
    ///
    /// Example: coordinator backup /srv/backups/psephos-2026-11-21.tar
    Backup(upkeep::BackupArgs),
    /// Restores a backup to a new data folder, every digest checked
    ///
    /// Example: coordinator restore psephos-2026-11-21.tar --home /var/lib/psephos-new
    Restore(upkeep::RestoreArgs),
    /// Shows or changes which lines the running service logs, until its next start
    ///
    /// Example: coordinator log-filter info,coordinator=debug
    LogFilter(upkeep::LogFilterArgs),
    /// Prints completions for a shell
    ///
    /// Example: coordinator completions bash > /etc/bash_completion.d/coordinator
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:7400]
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// Threads of the tally [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
    /// How long a sole trustee may take to open a round, never less than four times the tally [default: 1h]
    #[arg(long)]
    opening_window: Option<String>,
    /// How long several trustees may take to tally a step of a round before it fails [default: 7d]
    #[arg(long)]
    patience: Option<String>,
    /// After which silence the turn goes to the next three of four trustees [default: 15m]
    #[arg(long)]
    turn: Option<String>,
    /// After which silence an agent counts as offline [default: 30s]
    #[arg(long)]
    online_within: Option<String>,
}

impl ServeArgs {
    fn settings(self, insecure_http: bool) -> FileSettings {
        let Self { listen, threads, opening_window, patience, turn, online_within } = self;
        FileSettings {
            listen,
            threads,
            opening_window,
            online_within,
            trustees: TrusteesSettings { patience, turn },
            insecure_http,
            ..FileSettings::default()
        }
    }
}

/// Why a command failed; each kind has its exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The job itself failed.
    #[error("{0}")]
    Job(String),
    /// The coordinator cannot be reached or does not accept the token.
    #[error("{0}")]
    Connection(String),
    /// Waiting took too long.
    #[error("{0}")]
    TimedOut(String),
    /// Arguments, files or config are wrong.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::Job(_) => 1,
            Self::Connection(_) => 2,
            Self::TimedOut(_) => 3,
            Self::Usage(_) => 4,
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Settings(_)
            | ServeError::Home(_)
            | ServeError::Tls(_)
            | ServeError::Storage(StorageError::Newer(_) | StorageError::Older(_)) => {
                Self::Usage(error.to_string())
            }
            other => Self::Job(other.to_string()),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Exit code of wrong arguments.
const WRONG_ARGUMENTS: u8 = 4;

/// Runs the program with the given arguments, the first of which is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    bug::explain_panics("coordinator");
    let ended = bug::guard(|| {
        let cli = match parse(arguments) {
            Ok(cli) => cli,
            Err(error) => {
                // Nothing more can be said if standard error is closed.
                let _ = error.print();
                let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                return ExitCode::from(if asked { 0 } else { WRONG_ARGUMENTS });
            }
        };
        let output = Output::new(cli.format);
        let runtime = tokio::runtime::Runtime::new();
        let failed = |e: std::io::Error| Failure::Job(format!("the async runtime cannot be started: {e}"));
        match runtime.map_err(failed).and_then(|runtime| runtime.block_on(dispatch(cli, output))) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                output.failure(&failure);
                ExitCode::from(failure.code())
            }
        }
    });
    ended.unwrap_or(ExitCode::from(bug::EXIT))
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.sources = Sources::of(&matches);
    Ok(cli)
}

/// Returns the address to speak to where none is named: https where the data folder holds a certificate.
fn default_url(home: &Path) -> String {
    let scheme = if Pair::own(home).is_some() { "https" } else { "http" };
    format!("{scheme}://127.0.0.1:7400")
}

async fn dispatch(cli: Cli, output: Output) -> Result<(), Failure> {
    let Cli { home, url, authority, insecure_http, token, verb, sources, .. } = cli;
    let url = url.unwrap_or_else(|| default_url(&home));
    let address = Address { url: &url, authority: authority.as_deref(), insecure_http };
    let connect = || address.connect(&home, token.clone());
    match verb {
        Verb::Serve(args) => {
            let log = crate::telemetry::start();
            Ok(serve(&home, args.settings(insecure_http), log).await?)
        }
        Verb::Transcript(verb) => transcript::run(&home, output, verb).await,
        Verb::Federation(federation::FederationVerb::Plan(args)) => plan::run(output, &args),
        Verb::Student(student::StudentVerb::Predict { student, instances }) => {
            student::predict(output, &student, &instances)
        }
        Verb::Tls(verb) => tls::run(&home, output, verb),
        Verb::Doctor => doctor::run(&home, &address, output).await,
        Verb::Config(verb) => {
            let has_token = token.is_some();
            let common = config::Common { home: &home, url: &url, has_token, insecure_http, sources };
            config::check(common, output, verb)
        }
        Verb::Backup(args) => upkeep::backup(&home, output, &args).await,
        Verb::Restore(args) => upkeep::restore(&home, output, &args).await,
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "coordinator", &mut script);
            output.bytes(&script)
        }
        Verb::LogFilter(args) => upkeep::log_filter(&connect()?, output, args).await,
        Verb::Kit(verb) => {
            let place = kit::Place { home: &home, url: &url, authority: authority.as_deref(), insecure_http };
            kit::run(&connect()?, output, place, verb).await
        }
        Verb::Ledger(verb) => ledger::run(&connect()?, output, verb).await,
        Verb::Federation(verb) => federation::run(&connect()?, output, verb).await,
        Verb::Invite(args) => federation::invite(&connect()?, output, args).await,
        Verb::Roster(verb) => federation::roster(&connect()?, output, verb).await,
        Verb::Round(verb) => rounds::run(&connect()?, output, verb).await,
        Verb::Student(verb) => student::run(&connect()?, output, verb).await,
        Verb::Token(verb) => token::run(&connect()?, output, verb).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_verb_takes_an_argument_by_the_name_of_one_that_all_take() {
        let root = Cli::command();
        let common: Vec<String> = root
            .get_arguments()
            .filter(|argument| argument.is_global_set())
            .map(|argument| argument.get_id().to_string())
            .collect();
        assert!(common.contains(&"token".to_owned()), "{common:?}");
        let mut verbs: Vec<_> = root.get_subcommands().cloned().collect();
        while let Some(verb) = verbs.pop() {
            verbs.extend(verb.get_subcommands().cloned());
            let twice = verb.get_arguments().find(|argument| common.contains(&argument.get_id().to_string()));
            assert!(twice.is_none(), "{} has {twice:?} of its own", verb.get_name());
        }
    }

    #[test]
    fn every_verb_has_help_with_an_example() {
        let mut verbs = vec![Cli::command()];
        let mut examined = 0;
        while let Some(verb) = verbs.pop() {
            verbs.extend(verb.get_subcommands().cloned());
            if verb.has_subcommands() {
                continue;
            }
            let help =
                verb.get_long_about().or(verb.get_about()).map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example: coordinator "), "{} has no example", verb.get_name());
            examined += 1;
        }
        assert!(examined > 25, "{examined} verbs");
        Cli::command().debug_assert();
    }
}
