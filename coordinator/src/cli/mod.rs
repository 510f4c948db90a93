//! The operator's command line: `serve`, and a client for everything else.

mod client;
mod federation;
mod ledger;
mod output;
mod plan;
mod rounds;
mod select;
mod student;
mod token;
mod transcript;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use client::{Client, ClientError};
use output::Output;

use crate::{
    config::{FileSettings, SettingsError},
    serve::{ServeError, serve},
};

/// Coordinates a federation that labels data together by encrypted votes.
#[derive(Debug, Parser)]
#[command(name = "coordinator", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// Data folder of the coordinator
    #[arg(long, global = true, env = "PSEPHOS_COORDINATOR_HOME", default_value = "coordinator-home")]
    home: PathBuf,
    /// Address of the running coordinator
    #[arg(long, global = true, env = "PSEPHOS_COORDINATOR", default_value = "http://127.0.0.1:7400")]
    url: String,
    /// Operator's token; by default read from HOME/secret/operator.token
    #[arg(long, global = true, env = "PSEPHOS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Form of what is printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the job failed, 2 connection or authorisation, 3 time-out, 4 wrong arguments or config, 5 a bug";

/// Is the form of what is printed.
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
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:7400]
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// Threads of the tally [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
    /// How long the trustees may take to open a round, never less than four times the tally [default: 1h]
    #[arg(long)]
    opening_window: Option<String>,
    /// How long a round that could be released waits for the other trustees that are online [default: 10m]
    #[arg(long)]
    corroboration_window: Option<String>,
    /// After which silence an agent counts as offline [default: 30s]
    #[arg(long)]
    online_within: Option<String>,
    /// Allows plain HTTP on an address that other machines can reach
    #[arg(long)]
    insecure_http: bool,
}

/// Says why a command failed; each kind has its exit code.
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
            ServeError::Settings(_) | ServeError::Home(_) => Self::Usage(error.to_string()),
            other => Self::Job(other.to_string()),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs a command line and returns its exit code.
pub async fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.format);
    match dispatch(cli, output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.code())
        }
    }
}

async fn dispatch(cli: Cli, output: Output) -> Result<(), Failure> {
    if let Verb::Serve(args) = cli.verb {
        crate::telemetry::start();
        let ServeArgs { listen, threads, opening_window, corroboration_window, online_within, insecure_http } =
            args;
        let flags = FileSettings {
            listen,
            threads,
            opening_window,
            corroboration_window,
            online_within,
            insecure_http,
            ..FileSettings::default()
        };
        return Ok(serve(&cli.home, flags).await?);
    }
    if let Verb::Transcript(verb) = cli.verb {
        return transcript::run(&cli.home, output, verb).await;
    }
    if let Verb::Federation(federation::FederationVerb::Plan(args)) = &cli.verb {
        return plan::run(output, args);
    }
    if let Verb::Student(student::StudentVerb::Predict { student, instances }) = &cli.verb {
        return student::predict(output, student, instances);
    }
    let client = Client::new(&cli.url, cli.token, &cli.home)?;
    match cli.verb {
        Verb::Serve(_) | Verb::Transcript(_) => Ok(()),
        Verb::Ledger(verb) => ledger::run(&client, output, verb).await,
        Verb::Federation(verb) => federation::run(&client, output, verb).await,
        Verb::Invite(args) => federation::invite(&client, output, args).await,
        Verb::Roster(verb) => federation::roster(&client, output, verb).await,
        Verb::Round(verb) => rounds::run(&client, output, verb).await,
        Verb::Student(verb) => student::run(&client, output, verb).await,
        Verb::Token(verb) => token::run(&client, output, verb).await,
    }
}
