//! The program behind `scripts/mnist250.sh`: 250 participants label MNIST through the real protocol, and a student learns.

use std::{
    io::{Write as _, stderr, stdout},
    process::ExitCode,
};

use tests::{
    demo::Format,
    mnist250::{Arguments, Report, tell},
    stage::{Played, options, play},
};

fn main() -> ExitCode {
    let arguments: Arguments = match options() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            // Nothing more can be said if standard error is closed.
            drop(writeln!(stderr(), "mnist250: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut runs = Vec::new();
    for seed in arguments.seeds() {
        let story = arguments.clone();
        match play("mnist250", arguments.keep, move |stage| tell(&story, seed, stage))? {
            Played::Told(run) => runs.push(run),
            Played::Interrupted(code) => return Ok(ExitCode::from(code)),
        }
    }
    let report = Report::new(arguments, runs);
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&report)?,
        Format::Text => report.in_words(),
    };
    writeln!(stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}
