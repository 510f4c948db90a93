//! The coordinator's checks of its own transcript: after each round, one at a time, on the pool.
//!
//! They are those of `participant verify`.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use protocol::{
    federation::FederationState,
    transcript::{Line, Verdict, verify},
    wire::{CheckedLine, CheckedTranscript, ChecksView},
};
use tokio::{sync::watch::Receiver, time::Instant};

use crate::{
    app::{App, Made},
    rounds::RoundError,
    storage::{ReadTx, StorageError},
};

/// Events that are read at a time.
const BATCH: u32 = 200;
/// A check that nobody asked for rests so many times as long as the last one took.
const REST: u32 = 10;

/// Returns what the last check found.
pub async fn checks(app: &App, tx: &mut ReadTx) -> Result<ChecksView, StorageError> {
    let running = app.watch.checks.is_running.load(Ordering::Acquire);
    Ok(ChecksView { running, last: tx.checked().await? })
}

/// Starts a check unless one is under way, or there is no transcript.
pub async fn check_now(app: &App) -> Result<(), StorageError> {
    if let Some(milestones) = milestones(app).await? {
        start(app, milestones);
    }
    Ok(())
}

/// How often it is looked whether a check is due.
const LOOK: Duration = Duration::from_millis(500);

/// Checks the transcript after each round until `stop` turns true.
pub async fn keep_checked(app: App, mut stop: Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(error) = check_if_due(&app).await {
            tracing::error!(%error, "nobody knows whether the transcript should be checked");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Starts a check if a round ended since the last one.
async fn check_if_due(app: &App) -> Result<(), StorageError> {
    let Some(now) = milestones(app).await? else { return Ok(()) };
    let made = *app.watch.checks.made.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = made.is_none_or(|made| made.milestones != now && Instant::now() >= made.rest_until);
    if is_due {
        start(app, now);
    }
    Ok(())
}

/// Counts what is worth a check: the keys' proof and every round that ended; `None` while there are no keys.
async fn milestones(app: &App) -> Result<Option<usize>, StorageError> {
    let mut tx = app.storage.read().await?;
    let count = tx.replay(|replay| {
        let is_keyed = replay.state() != FederationState::Assembling;
        is_keyed.then(|| replay.rounds().filter(|round| round.outcome.is_some()).count())
    });
    Ok(count.await?.flatten())
}

fn start(app: &App, milestones: usize) {
    if app.watch.checks.is_running.swap(true, Ordering::AcqRel) {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        let began = Instant::now();
        if let Err(error) = run(&app).await {
            tracing::error!(%error, "the transcript could not be checked");
        }
        let rest = (began.elapsed() * REST).max(Duration::from_secs(1));
        let made = Made { milestones, rest_until: Instant::now() + rest };
        *app.watch.checks.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        app.watch.checks.is_running.store(false, Ordering::Release);
    });
}

async fn run(app: &App) -> Result<(), RoundError> {
    let began = app.now();
    let mut events = Vec::new();
    loop {
        let (page, length) = app.storage.events(events.len() as u64, BATCH).await?;
        let is_last = page.is_empty() || (events.len() + page.len()) as u64 >= length;
        events.extend(page);
        if is_last {
            break;
        }
    }
    let blobs = app.storage.blobs().clone();
    let work = move || verify(&events, &blobs, &mut |_, _, _| {});
    let report = app.pool.run(work).await?;
    let now = app.now();
    if report.has_failed() {
        tracing::error!("a check of the transcript failed: see GET /api/v1/transcript/checks");
    }
    let checked = CheckedTranscript {
        at: now,
        took_ms: now.0.saturating_sub(began.0).unsigned_abs(),
        events: report.events,
        head: report.head,
        lines: report.lines.into_iter().map(told).collect(),
    };
    let mut tx = app.storage.write().await?;
    tx.set_checked(&checked).await?;
    tx.commit().await?;
    Ok(())
}

fn told(line: Line) -> CheckedLine {
    let verdict = match line.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::NotChecked => "not_checked",
    };
    CheckedLine {
        check: line.check.name().to_owned(),
        proves: line.check.proves().to_owned(),
        verdict: verdict.to_owned(),
        detail: line.detail,
    }
}
