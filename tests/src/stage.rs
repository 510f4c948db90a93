//! Where a program's story plays: a folder, the two programs, the processes, and an end to all of them.

use std::{
    io::{Write as _, stderr, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, error::ErrorKind};
use serde::Serialize;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::{
    Processes, Programs,
    demo::{Format, Steps},
};

/// What a story is played with.
#[derive(Debug)]
pub struct Stage {
    /// Folder of everything.
    pub folder: PathBuf,
    /// The programs under test.
    pub programs: Programs,
    /// Every process that is started.
    pub processes: Processes,
    /// What is said meanwhile.
    pub steps: Steps,
}

/// How a story ended.
#[derive(Debug)]
pub enum Played<R> {
    /// It was told to its end.
    Told(R),
    /// A signal ended it; the exit code says which.
    Interrupted(u8),
}

impl<R> Played<R> {
    /// Returns the exit code, after what remains to be done with what was told.
    pub fn finish(self, rest: impl FnOnce(R) -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Told(told) => rest(told).map(|()| ExitCode::SUCCESS),
            Self::Interrupted(code) => Ok(ExitCode::from(code)),
        }
    }
}

/// Runs a program: reads its options, does its job, and says what went wrong.
///
/// What was asked about the options, or is wrong with them, is printed instead, with the exit code 0 or 4.
pub fn perform<A: Parser>(name: &str, job: impl FnOnce(A) -> anyhow::Result<ExitCode>) -> ExitCode {
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            drop(error.print());
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { 4 });
        }
    };
    job(arguments).unwrap_or_else(|error| {
        // Nothing more can be said if standard error is closed.
        drop(writeln!(stderr(), "{name}: {error:#}"));
        ExitCode::FAILURE
    })
}

/// Prints a report, as JSON or in its own words.
pub fn print(report: &impl Serialize, format: Format, words: impl FnOnce() -> String) -> anyhow::Result<()> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(report)?,
        Format::Text => words(),
    };
    Ok(writeln!(stdout(), "{text}")?)
}

/// Plays a story in a temporary folder, or in one that is kept, and stops everything it started, whatever happens.
pub fn play<R: Send + 'static>(
    name: &str,
    keep: bool,
    story: impl FnOnce(&Stage) -> anyhow::Result<R> + Send + 'static,
) -> anyhow::Result<Played<R>> {
    let programs = Programs::find()?;
    let temporary = tempfile::Builder::new().prefix(&format!("psephos-{name}-")).tempdir()?;
    let folder = temporary.path().to_owned();
    if keep {
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
    let (place, started) = (folder.clone(), processes.clone());
    std::thread::spawn(move || {
        let stage = Stage { folder: place, programs, processes: started, steps: Steps::default() };
        drop(report.send(story(&stage)));
        drop(left);
    });
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
            let told = told.with_context(|| format!("{name} hit a bug"))?;
            Ok(Played::Told(told.with_context(|| failed(keep, &folder))?))
        }
        Err(code) => {
            writeln!(stderr(), "interrupted: everything that was started is stopped")?;
            Ok(Played::Interrupted(code))
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

fn failed(keep: bool, folder: &Path) -> String {
    match keep {
        true => format!("failed; the logs are in {}", folder.join("logs").display()),
        false => "failed; --keep keeps the logs".to_owned(),
    }
}
