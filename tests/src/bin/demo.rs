//! The program behind `scripts/demo.sh`: tells the story, and stops everything it started, whatever happens.

use std::{
    io::{IsTerminal as _, Write as _, stderr, stdout},
    process::ExitCode,
};

use tests::{
    demo::{Arguments, Format, Report, keep, tell},
    stage::{Played, options, play},
};

fn main() -> ExitCode {
    let arguments: Arguments = match options() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    if let Err(error) = arguments.check() {
        drop(writeln!(stderr(), "demo: {error}"));
        return ExitCode::from(4);
    }
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            // Nothing more can be said if standard error is closed.
            drop(writeln!(stderr(), "demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let story = arguments.clone();
    let played = play("demo", arguments.keep, move |stage| {
        let (report, federation) = tell(&story, stage)?;
        show(&report, &story)?;
        if story.keep {
            keep(&federation, &stage.steps)?;
        }
        Ok(())
    });
    Ok(match played? {
        Played::Told(()) => ExitCode::SUCCESS,
        Played::Interrupted(code) => ExitCode::from(code),
    })
}

fn show(report: &Report, arguments: &Arguments) -> anyhow::Result<()> {
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(report)?,
        Format::Text => report.in_words(stdout().is_terminal()),
    };
    Ok(writeln!(stdout(), "{text}")?)
}
