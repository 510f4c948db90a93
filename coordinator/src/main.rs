//! The coordinator's program: parse, run, exit.

use std::process::ExitCode;

use clap::{Parser as _, error::ErrorKind};
use coordinator::cli::{Cli, run};

/// Exit code of wrong arguments.
const WRONG_ARGUMENTS: u8 = 4;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli).await,
        Err(error) => {
            // Nothing more can be said if standard error is closed.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if asked { ExitCode::SUCCESS } else { ExitCode::from(WRONG_ARGUMENTS) }
        }
    }
}
