//! How the coordinator itself is doing.

use protocol::{
    federation::FederationState,
    round::RoundState,
    wire::{OperationsView, PoolView, QueueEntry, StorageView},
};

use runtime::process_cpu;

use crate::{
    app::App,
    storage::{ReadTx, RoundRow, StorageError},
};

/// How long a measurement of the disk is good for, in milliseconds.
const FRESH: i64 = 30_000;

/// Returns how the coordinator itself is doing.
pub async fn operations(app: &App, tx: &mut ReadTx) -> Result<OperationsView, StorageError> {
    let jobs = app.pool.jobs();
    let count = |jobs: usize| u32::try_from(jobs).unwrap_or(u32::MAX);
    Ok(OperationsView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: app.now(),
        started_at: app.watch.started_at,
        queue: queue(app, tx).await?,
        pool: PoolView {
            threads: count(jobs.threads),
            running: count(jobs.running),
            waiting: count(jobs.waiting),
            cpu_ms: u64::try_from(process_cpu().as_millis()).unwrap_or(u64::MAX),
        },
        storage: storage(app).await,
        refusals: app.watch.refusals.counts(),
        streams: app.watch.feed.open(),
    })
}

async fn queue(app: &App, tx: &mut ReadTx) -> Result<Vec<QueueEntry>, StorageError> {
    let mut queue = Vec::new();
    let federation = tx.federation().await?;
    if let Some(row) =
        federation.filter(|row| row.state == FederationState::Assembling && row.certificate.is_some())
    {
        let waits_for = match row.known_answer {
            None => "the known answer's tally, or the trustees' acknowledgements before it",
            Some(_) => "the trustees, to open the known answer",
        };
        let (phase, waits_for) = ("assembling".to_owned(), waits_for.to_owned());
        queue.push(QueueEntry { round: None, phase, waits_for, progress: None });
    }
    for id in tx.unfinished_rounds().await? {
        let Some(round) = tx.round(id).await? else { continue };
        queue.push(entry(app, &round));
    }
    Ok(queue)
}

fn entry(app: &App, round: &RoundRow) -> QueueEntry {
    let progress = app.running_tally(round.id()).map(|running| running.progress);
    let waits_for = match &round.state {
        RoundState::Voting => "ballots, until its window closes",
        RoundState::Opening { .. } => "the trustees, to open its labels",
        RoundState::Tallying { .. } if progress.is_some() => "its tally, which runs",
        RoundState::Tallying { .. } => "its turn to be tallied",
        _ => "the conductor",
    };
    QueueEntry {
        round: Some(round.id()),
        phase: round.state.name().to_owned(),
        waits_for: waits_for.to_owned(),
        progress,
    }
}

/// Measures the disk, at most every half minute: a large folder takes a while.
async fn storage(app: &App) -> StorageView {
    let mut kept = app.watch.usage.lock().await;
    let now = app.now();
    if let Some(view) = kept.filter(|view| (0..FRESH).contains(&now.0.saturating_sub(view.measured_at.0))) {
        return view;
    }
    let usage = app.storage.usage().await;
    let view = StorageView {
        database_bytes: usage.database_bytes,
        blobs: usage.blobs,
        blob_bytes: usage.blob_bytes,
        free_bytes: usage.free_bytes,
        measured_at: now,
    };
    *kept = Some(view);
    view
}
