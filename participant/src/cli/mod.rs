//! The command line: every verb, its help, and the exit codes.
//!
//! Exit codes: 0 done, 1 the job failed, 2 connection or authorisation, 3 time-out, 4 wrong arguments or config,
//! 5 a bug.

mod anchor;
mod approve;
mod arguments;
mod data;
mod describe;
mod enroll;
mod failure;
mod fleet;
mod init;
mod ledger;
mod output;
mod receipt;
mod rounds;
mod run;
mod status;
mod train;
mod trustee;
mod verify;

use std::{ffi::OsString, panic, process::ExitCode};

use clap::{Parser, error::ErrorKind};

pub use arguments::{Cli, Command};
pub use failure::{Exit, Failure};
use output::Output;

use crate::telemetry;

/// Runs the program with the given arguments, the first of which is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    telemetry::start();
    let outcome = panic::catch_unwind(|| dispatch(cli));
    match outcome {
        Ok(Ok(())) => Exit::Done.into(),
        Ok(Err(failure)) => {
            output::error(&failure);
            failure.exit.into()
        }
        // The panic hook has already said where.
        Err(_) => Exit::Bug.into(),
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

fn dispatch(cli: Cli) -> Result<(), Failure> {
    let output = Output::new(cli.format);
    match cli.command {
        Command::Init(arguments) => init::run(&cli.home, arguments, &output),
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
