//! `backup`, `restore` and `log-filter`.

use std::path::{Path, PathBuf};

use base::clock::Clock as _;
use clap::Args;
use protocol::wire::LogFilterView;

use super::{Client, Failure, output::Output};
use crate::{
    backup::{BackupError, back_up, restore as restore_backup},
    storage::StorageError,
};
use runtime::SystemClock;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// File to write; mode 0600, because it holds every secret of the coordinator
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// File that `coordinator backup` wrote; --home names the new data folder
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct LogFilterArgs {
    /// Directives, for example info or info,coordinator=debug; shows the present ones by default
    set: Option<String>,
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::NoCoordinator(_)
            | BackupError::NotEmpty(_)
            | BackupError::Storage(StorageError::Newer(_)) => Self::Usage(error.to_string()),
            _ => Self::Job(error.to_string()),
        }
    }
}

pub(super) async fn backup(home: &Path, output: Output, args: &BackupArgs) -> Result<(), Failure> {
    let written = back_up(home, &args.out, SystemClock.now()).await?;
    output.fact(&written, || {
        format!(
            "wrote {} files of {} bytes to {}\ntranscript  {} events, head {}\n\nIT HOLDS THE COORDINATOR'S SECRETS: \
             signing key, operator's token, TLS keys; keep it as you keep those",
            written.files,
            written.bytes,
            written.file.display(),
            written.events,
            written.head
        )
    })
}

pub(super) async fn restore(home: &Path, output: Output, args: &RestoreArgs) -> Result<(), Failure> {
    let restored = restore_backup(&args.file, home).await?;
    output.fact(&restored, || {
        format!(
            "restored {} files of {} to {}\ntranscript  {} events, head {}\n\nevery digest was checked; never run this \
             folder and the old one at the same time",
            restored.files,
            restored.written_at,
            restored.home.display(),
            restored.events,
            restored.head
        )
    })
}

pub(super) async fn log_filter(client: &Client, output: Output, args: LogFilterArgs) -> Result<(), Failure> {
    let view: LogFilterView = match args.set {
        Some(filter) => client.put("/log-filter", &LogFilterView { filter }).await?,
        None => client.get("/log-filter").await?,
    };
    output.fact(&view, || view.filter.clone())
}
