//! The coordinator's program: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    coordinator::cli::main(std::env::args_os())
}
