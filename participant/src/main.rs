//! The program `participant`: parses the command line, runs one command, and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    participant::cli::main(std::env::args_os())
}
