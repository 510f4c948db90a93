//! The coordinator's program: parse, run, report.

use std::process::ExitCode;

use clap::Parser as _;
use coordinator::cli::{Cli, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Cli::parse()).await
}
