//! The program behind `scripts/demo.sh`: tells the story, and stops everything it started, whatever happens.

use std::{
    io::{IsTerminal as _, Write as _, stderr, stdout},
    path::Path,
    process::ExitCode,
    sync::mpsc,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser as _, error::ErrorKind};
use tests::{
    Processes, Programs,
    demo::{Arguments, Format, Report, Steps, tell},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            drop(error.print());
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { 4 });
        }
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
    let programs = Programs::find()?;
    let temporary = tempfile::Builder::new().prefix("psephos-demo-").tempdir()?;
    let folder = temporary.path().to_owned();
    if arguments.keep {
        // From now on nobody removes it, not even after a failure.
        let kept = temporary.keep();
        writeln!(stderr(), "everything is kept in {}", kept.display())?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything starts, so that no signal is missed.
    let interrupted = runtime.block_on(async { signals() })?;
    let processes = Processes::default();
    let (report, told) = oneshot::channel();
    let (left, gone) = mpsc::channel::<()>();
    let story = {
        let (arguments, folder, processes) = (arguments.clone(), folder.clone(), processes.clone());
        move || {
            let told = tell(&arguments, &folder, &programs, &processes, &Steps::default());
            drop(report.send(told));
            drop(left);
        }
    };
    std::thread::spawn(story);
    let outcome = runtime.block_on(async {
        tokio::select! {
            told = told => Ok(told),
            code = interrupted => Err(code),
        }
    });
    processes.stop_all();
    // The story ends as soon as its processes are gone; nothing may write to the folder after that.
    let _ = gone.recv_timeout(Duration::from_secs(5));
    match outcome {
        Ok(told) => {
            show(&told.context("the demo hit a bug")?.with_context(|| place(arguments, &folder))?, arguments)
        }
        Err(code) => {
            writeln!(stderr(), "interrupted: everything that was started is stopped")?;
            Ok(ExitCode::from(code))
        }
    }
}

/// Returns the exit code of the signal that comes first.
fn signals() -> anyhow::Result<impl Future<Output = u8>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
            _ = hangup.recv() => 129,
        }
    })
}

fn place(arguments: &Arguments, folder: &Path) -> String {
    match arguments.keep {
        true => format!("failed; the logs are in {}", folder.join("logs").display()),
        false => "failed; --keep keeps the logs".to_owned(),
    }
}

fn show(report: &Report, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(report)?,
        Format::Text => report.in_words(stdout().is_terminal()),
    };
    writeln!(stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}
