//! The stream of events: whoever watches pulls what it has not seen, so that a slow reader costs no memory.
//!
//! One observer looks at the database while anybody watches. An event of the transcript has an id: the number of events
//! known after it, from which a broken stream is resumed. Progress of rounds has none: it is a snapshot, told again whole.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use base::ids::RoundId;
use protocol::wire::{EventLine, RoundSummary};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::{event_lines, summary};
use crate::{
    app::{App, Seen},
    rounds::RoundError,
};

/// How often the observer looks.
const LOOK: Duration = Duration::from_millis(300);
/// Longest life of a stream, so that a revoked token does not read on; its reader resumes.
const LIFE: Duration = Duration::from_secs(600);
/// Events of the transcript that a stream holds at most.
const BATCH: usize = 50;
/// Rounds whose progress is told beside the unfinished ones.
const RECENT: u32 = 10;

/// One thing that a watcher is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The stream begins where the chain has so many events.
    Begin(u64),
    /// An event of the transcript.
    Event(EventLine),
    /// A round as it stands.
    Round(RoundSummary),
}

/// One watcher's place in the stream.
pub struct Client {
    app: App,
    seen: watch::Receiver<Option<Seen>>,
    stop: watch::Receiver<bool>,
    next: u64,
    told: HashMap<RoundId, RoundSummary>,
    pending: VecDeque<Told>,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Opens a stream after the first `from` events, or after all there are; `None` if too many are open.
pub async fn subscribe(app: &App, from: Option<u64>) -> Result<Option<Client>, RoundError> {
    let feed = &app.watch.feed;
    let Ok(permit) = Arc::clone(&feed.streams).try_acquire_owned() else { return Ok(None) };
    let length = event_lines(app, 0, 0).await?.length;
    // Nobody knows more events than there are, unless the data folder was put back to an earlier state.
    let next = from.unwrap_or(length).min(length);
    let client = Client {
        app: app.clone(),
        seen: feed.seen.subscribe(),
        stop: app.watch.ending.subscribe(),
        next,
        told: HashMap::new(),
        pending: VecDeque::from([Told::Begin(next)]),
        until: Instant::now() + LIFE,
        _permit: permit,
    };
    if !feed.is_observed.swap(true, Ordering::AcqRel) {
        tokio::spawn(observe(app.clone()));
    }
    Ok(Some(client))
}

impl Client {
    /// Waits for the next thing to tell; `None` when the stream ends.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(told) = self.pending.pop_front() {
                return Some(told);
            }
            if let Err(error) = self.look().await {
                tracing::error!(%error, "a stream of events cannot go on");
                return None;
            }
            if !self.pending.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.seen.changed() => changed.ok()?,
                _ = self.stop.changed() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
            }
        }
    }

    /// Takes up what was seen and not told yet.
    async fn look(&mut self) -> Result<(), RoundError> {
        let Some(seen) = self.seen.borrow_and_update().clone() else { return Ok(()) };
        if self.next < seen.length {
            for line in event_lines(&self.app, self.next, BATCH).await?.events {
                self.next = line.height + 1;
                self.pending.push_back(Told::Event(line));
            }
        }
        for round in seen.rounds.iter() {
            if self.told.get(&round.round) != Some(round) {
                self.told.insert(round.round, round.clone());
                self.pending.push_back(Told::Round(round.clone()));
            }
        }
        self.told.retain(|id, _| seen.rounds.iter().any(|round| round.round == *id));
        Ok(())
    }
}

/// Looks at the database as long as anybody watches.
async fn observe(app: App) {
    let feed = &app.watch.feed;
    let mut stop = app.watch.ending.subscribe();
    while !*stop.borrow() {
        match look(&app).await {
            Ok(seen) => {
                feed.seen.send_if_modified(|last| {
                    let is_new = last.as_ref() != Some(&seen);
                    *last = Some(seen);
                    is_new
                });
            }
            Err(error) => tracing::error!(%error, "the stream of events cannot look for news"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.changed() => {}
        }
        if feed.seen.receiver_count() == 0 {
            feed.is_observed.store(false, Ordering::Release);
            // Whoever came between the two lines above has seen that it is observed.
            if feed.seen.receiver_count() == 0 || feed.is_observed.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

async fn look(app: &App) -> Result<Seen, RoundError> {
    let mut tx = app.storage.read().await?;
    let length = tx.transcript_length().await?;
    let mut summaries = Vec::new();
    for round in tx.watched_rounds(RECENT).await? {
        summaries.push(summary(app, &mut tx, &round).await?);
    }
    Ok(Seen { length, rounds: Arc::new(summaries) })
}
