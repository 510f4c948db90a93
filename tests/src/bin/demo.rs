//! The program behind `scripts/demo.sh`: tells the story, and stops everything it started, whatever happens.

use std::{
    io::{IsTerminal as _, Write as _, stderr, stdout},
    process::ExitCode,
};

use tests::{
    demo::{Arguments, keep, tell},
    stage::{perform, play, print},
};

fn main() -> ExitCode {
    perform("demo", run)
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Err(error) = arguments.check() {
        writeln!(stderr(), "demo: {error}")?;
        return Ok(ExitCode::from(4));
    }
    let played = play("demo", arguments.keep, move |stage| {
        let (report, federation) = tell(&arguments, stage)?;
        print(&report, arguments.format, || report.in_words(stdout().is_terminal()))?;
        if arguments.keep {
            keep(&federation, &stage.steps)?;
        }
        Ok(())
    });
    played?.finish(Ok)
}
