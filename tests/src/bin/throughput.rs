//! The program behind `scripts/throughput.sh`: one round of ten thousand instances and 250 ballots, and what the
//! coordinator took for it.

use std::{
    io::{Write as _, stderr, stdout},
    process::ExitCode,
};

use tests::{
    demo::Format,
    stage::{Played, options, play},
    throughput::{Arguments, tell},
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
            drop(writeln!(stderr(), "throughput: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let story = arguments.clone();
    let report = match play("throughput", arguments.keep, move |stage| tell(&story, stage))? {
        Played::Told(report) => report,
        Played::Interrupted(code) => return Ok(ExitCode::from(code)),
    };
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&report)?,
        Format::Text => report.in_words(),
    };
    writeln!(stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}
