//! The command line: every verb, its help, and the exit codes.
//!
//! Exit codes: 0 done, 1 the job failed, 2 connection or authorisation, 3 time-out, 4 wrong arguments or config,
//! 5 a bug.

mod anchor;
mod approve;
mod arguments;
mod backup;
mod config;
mod data;
mod describe;
mod doctor;
mod enroll;
mod failure;
mod fleet;
mod init;
mod kit;
mod ledger;
mod output;
mod receipt;
mod rounds;
mod run;
mod status;
mod train;
mod trustee;
mod verify;

use std::{ffi::OsString, process::ExitCode};

use base::bug;
use clap::{CommandFactory as _, FromArgMatches as _, error::ErrorKind, parser::ValueSource};

use arguments::ConfigCommand;
pub use arguments::{Cli, Command};
pub use failure::{Exit, Failure};
use output::Output;

use crate::telemetry;

/// Runs the program with the given arguments, the first of which is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    bug::explain_panics("participant");
    let outcome = bug::guard(|| {
        let (cli, home_source) = match parse(arguments) {
            Ok(parsed) => parsed,
            Err(error) => return Err(usage(&error)),
        };
        telemetry::start();
        Ok(dispatch(cli, home_source))
    });
    match outcome {
        Some(Err(exit)) => exit,
        Some(Ok(Ok(()))) => Exit::Done.into(),
        Some(Ok(Err(failure))) => {
            output::error(&failure);
            failure.exit.into()
        }
        // What and where was said already.
        None => Exit::Bug.into(),
    }
}

/// Shows help, or what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing more can be said if standard error is closed.
    drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done.into(),
        _ => Exit::Arguments.into(),
    }
}

/// Parses the arguments, and tells where the home was named.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<(Cli, Option<ValueSource>), clap::Error> {
    let matches = Cli::command().try_get_matches_from(arguments)?;
    Ok((Cli::from_arg_matches(&matches)?, matches.value_source("home")))
}

fn dispatch(cli: Cli, home_source: Option<ValueSource>) -> Result<(), Failure> {
    let output = Output::new(cli.format);
    match cli.command {
        Command::Init(arguments) => init::run(&cli.home, arguments, &output),
        Command::Kit(arguments) => kit::run(&cli.home, arguments.command, &output),
        Command::Doctor => doctor::run(&cli.home, &output),
        Command::Config(arguments) => {
            let ConfigCommand::Check = arguments.command;
            config::check(&cli.home, home_source, &output)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "participant", &mut std::io::stdout());
            Ok(())
        }
        Command::Enroll(arguments) => enroll::run(&cli.home, &arguments, &output),
        Command::Approve(arguments) => approve::run(&cli.home, &arguments, &output),
        Command::Train(arguments) => train::run(&cli.home, &arguments, &output),
        Command::Run => run::run(&cli.home),
        Command::Fleet(arguments) => fleet::run(arguments, &output),
        Command::Verify(arguments) => verify::run(&cli.home, &arguments, &output),
        Command::Status => status::run(&cli.home, &output),
        Command::Rounds(arguments) => rounds::run(&cli.home, arguments.command, &output),
        Command::Trustee(arguments) => trustee::run(&cli.home, arguments.command, &output),
        Command::Ledger(arguments) => ledger::run(&cli.home, arguments.command, &output),
        Command::Receipt(arguments) => receipt::run(&cli.home, arguments.command, &output),
        Command::Data(arguments) => data::run(&cli.home, arguments.command, &output),
    }
}

/// Waits for an asynchronous command.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::job(format_args!("cannot start the async runtime: {e}")))?;
    Ok(runtime.block_on(future))
}
