//! *Operations*: what is under way, the threads, the disk, and what was refused.

use askama::Template;
use axum::extract::State;
use protocol::wire::{OperationsView, QueueEntry, RefusalCount};

use crate::{
    app::App,
    dashboard::{
        frame::{Frame, Page, Visitor, show},
        words::{Moment, RoundLink, bytes, count, percent, span},
    },
    watch,
};

/// How often the page looks for news, in seconds.
const REFRESH: u32 = 5;

struct QueueLine {
    round: Option<RoundLink>,
    phase: String,
    waits_for: String,
    progress: String,
}

struct RefusalLine {
    code: String,
    status: u16,
    title: String,
    count: String,
    last: Moment,
}

#[derive(Template)]
#[template(path = "operations.html")]
struct OperationsPage {
    frame: Frame,
    version: String,
    started: Moment,
    up: String,
    queue: Vec<QueueLine>,
    threads: u32,
    running: u32,
    waiting: u32,
    cpu: String,
    database: String,
    blobs: String,
    blob_bytes: String,
    free: String,
    measured: Moment,
    refusals: Vec<RefusalLine>,
    streams: u32,
}

pub(in crate::dashboard) async fn operations(visitor: Visitor, State(app): State<App>) -> Page {
    let mut tx = app.storage.read().await?;
    let mut frame = Frame::new(&app, &mut tx, &visitor, ("/operations", "Operations".to_owned())).await?;
    frame.refresh = REFRESH;
    let view: OperationsView = watch::operations(&app, &mut tx).await?;
    drop(tx);
    let (pool, storage) = (view.pool, view.storage);
    show(&OperationsPage {
        frame,
        version: view.version,
        started: Moment(view.started_at),
        up: span(view.now.0.saturating_sub(view.started_at.0) as f64),
        queue: view.queue.iter().map(queue_line).collect(),
        threads: pool.threads,
        running: pool.running,
        waiting: pool.waiting,
        cpu: span(pool.cpu_ms as f64),
        database: bytes(storage.database_bytes),
        blobs: count(storage.blobs),
        blob_bytes: bytes(storage.blob_bytes),
        free: storage.free_bytes.map_or_else(|| "not known".to_owned(), bytes),
        measured: Moment(storage.measured_at),
        refusals: view.refusals.iter().map(refusal_line).collect(),
        streams: view.streams,
    })
}

fn queue_line(entry: &QueueEntry) -> QueueLine {
    let share = |progress: protocol::wire::Progress| {
        percent(f64::from(progress.done) / f64::from(progress.total.max(1)))
    };
    QueueLine {
        round: entry.round.map(RoundLink),
        phase: entry.phase.clone(),
        waits_for: entry.waits_for.clone(),
        progress: entry.progress.map(share).unwrap_or_default(),
    }
}

fn refusal_line(entry: &RefusalCount) -> RefusalLine {
    RefusalLine {
        code: entry.code.name(),
        status: entry.status,
        title: entry.title.clone(),
        count: count(entry.count),
        last: Moment(entry.last_at),
    }
}
