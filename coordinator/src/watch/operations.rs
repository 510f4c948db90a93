//! How the coordinator itself is doing.

use protocol::{
    federation::FederationState,
    round::RoundState,
    wire::{OperationsView, PoolView, QueueEntry, StorageView},
};

use runtime::process_cpu;

use super::{
    ceremony::ceremony,
    session::{exchanges, session},
};
use crate::{
    app::App,
    rounds::RoundError,
    storage::{ReadTx, RoundRow},
};

/// How long a measurement of the disk is good for, in milliseconds.
const FRESH: i64 = 30_000;

/// Returns how the coordinator itself is doing.
pub async fn operations(app: &App, tx: &mut ReadTx) -> Result<OperationsView, RoundError> {
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

async fn queue(app: &App, tx: &mut ReadTx) -> Result<Vec<QueueEntry>, RoundError> {
    let mut queue = Vec::new();
    let federation = tx.federation().await?;
    if federation.is_some_and(|row| row.state == FederationState::Assembling) {
        queue.extend(keys(app, tx).await?);
    }
    for id in tx.unfinished_rounds().await? {
        let Some(round) = tx.round(id).await? else { continue };
        queue.push(entry(app, tx, &round).await?);
    }
    Ok(queue)
}

/// Returns what the proof of the keys waits for, once the trustees have begun with them.
async fn keys(app: &App, tx: &mut ReadTx) -> Result<Option<QueueEntry>, RoundError> {
    let waits_for = match ceremony(app, tx).await? {
        Some(view) => view.waits_for,
        None => tx
            .replay(|replay| {
                let record = replay.ceremony();
                record.keys()?;
                Some(match record.tally() {
                    None => "the known answer's tally".to_owned(),
                    Some(_) => "the trustee, to open the known answer".to_owned(),
                })
            })
            .await?
            .flatten(),
    };
    let phase = "assembling".to_owned();
    Ok(waits_for.map(|waits_for| QueueEntry { round: None, phase, waits_for, progress: None }))
}

async fn entry(app: &App, tx: &mut ReadTx, round: &RoundRow) -> Result<QueueEntry, RoundError> {
    let (mut progress, session) =
        (app.running_tally(round.id()).map(|running| running.progress), session(app, tx, round).await?);
    let waits_for = match (&round.state, session) {
        (_, Some(session)) => {
            progress = exchanges(app, tx, round).await?;
            session.words
        }
        (RoundState::Voting, _) => "ballots, until its window closes".to_owned(),
        (RoundState::Opening { .. }, _) => "the trustee, to open its labels".to_owned(),
        (RoundState::Tallying { .. }, _) if progress.is_some() => "its tally, which runs".to_owned(),
        (RoundState::Tallying { .. }, _) => "its turn to be tallied".to_owned(),
        _ => "the conductor".to_owned(),
    };
    Ok(QueueEntry { round: Some(round.id()), phase: round.state.name().to_owned(), waits_for, progress })
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
