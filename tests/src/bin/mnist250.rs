//! The program behind `scripts/mnist250.sh`: 250 participants label MNIST through the real protocol, and a student learns.

use std::process::ExitCode;

use tests::{
    mnist250::{Arguments, Report, tell},
    stage::{Played, perform, play, print},
};

fn main() -> ExitCode {
    perform("mnist250", |arguments: Arguments| run(&arguments))
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
    print(&report, arguments.format, || report.in_words())?;
    Ok(ExitCode::SUCCESS)
}
