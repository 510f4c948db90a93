//! The application: what every handler and the conductor share.

mod boards;
mod refusals;
mod watched;

pub use boards::{Boards, Session, Wait};
pub use refusals::Refusals;
pub use watched::Watched;
pub(crate) use watched::{Kept, Made, Seen};

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use base::{
    clock::{Clock, Millis},
    identity::Identity,
    ids::{Digest, ParticipantId, RoundId},
};
use protocol::wire::{Beat, Progress};
use tokio::sync::{Notify, Semaphore};

use runtime::Pool;

use crate::{
    config::Settings,
    metrics::Metrics,
    storage::Storage,
    tally::{KeyCache, Sums},
};

/// A running tally: how far it is, and the flag that stops it.
#[derive(Debug, Clone)]
pub struct RunningTally {
    /// Labels done and in all.
    pub progress: Progress,
    /// When it began.
    pub began: Millis,
    /// Set to true to stop it.
    pub cancel: Arc<AtomicBool>,
}

/// The state of the service; clones share it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What [`App`] derefs to.
pub struct Inner {
    /// Database and blobs.
    pub storage: Storage,
    /// The coordinator's signing identity.
    pub identity: Identity,
    /// Digest of the operator's token.
    pub operator: Digest,
    /// Tells the time.
    pub clock: Box<dyn Clock>,
    /// Settings.
    pub settings: Settings,
    /// Threads for processor work.
    pub pool: Pool,
    /// Evaluation keys used last.
    pub keys: KeyCache,
    /// Sums of the ballots that arrived.
    pub sums: Sums,
    /// What is kept in memory of the trustees' boards.
    pub boards: Boards,
    /// Counts what happens.
    pub metrics: Metrics,
    /// Lets one tally run at a time, so that its processor time is its own.
    pub tally_turn: Semaphore,
    /// Wakes the conductor.
    pub wake: Notify,
    /// What is kept in memory for watchers.
    pub watch: Watched,
    tallies: Mutex<HashMap<RoundId, RunningTally>>,
    beats: Mutex<HashMap<ParticipantId, Beat>>,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Assembles the application.
    pub fn new(
        storage: Storage,
        identity: Identity,
        operator: Digest,
        clock: Box<dyn Clock>,
        settings: Settings,
        pool: Pool,
    ) -> Self {
        let watch = Watched::new(clock.now());
        Self(Arc::new(Inner {
            storage,
            identity,
            operator,
            clock,
            settings,
            pool,
            keys: KeyCache::default(),
            sums: Sums::default(),
            boards: Boards::default(),
            metrics: Metrics::default(),
            tally_turn: Semaphore::new(1),
            wake: Notify::new(),
            watch,
            tallies: Mutex::new(HashMap::new()),
            beats: Mutex::new(HashMap::new()),
        }))
    }
}

impl Inner {
    /// Returns the current time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    fn with_tallies<T>(&self, work: impl FnOnce(&mut HashMap<RoundId, RunningTally>) -> T) -> T {
        work(&mut self.tallies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Registers a tally and returns the flag that stops it.
    pub fn begin_tally(&self, round: RoundId, total: u32) -> Arc<AtomicBool> {
        let cancel = Arc::new(AtomicBool::new(false));
        let progress = Progress { done: 0, total };
        let running = RunningTally { progress, began: self.now(), cancel: Arc::clone(&cancel) };
        self.with_tallies(|tallies| tallies.insert(round, running));
        cancel
    }

    /// Records how many labels of a tally are done.
    pub fn tally_progress(&self, round: RoundId, done: u32) {
        self.with_tallies(|tallies| {
            if let Some(running) = tallies.get_mut(&round) {
                running.progress.done = done;
            }
        });
    }

    /// Returns a running tally.
    pub fn running_tally(&self, round: RoundId) -> Option<RunningTally> {
        self.with_tallies(|tallies| tallies.get(&round).cloned())
    }

    /// Stops every running tally; the rounds resume at the next start.
    pub fn stop_tallies(&self) {
        let stop = |running: &RunningTally| running.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        self.with_tallies(|tallies| tallies.values().for_each(stop));
    }

    /// Keeps what an agent says of itself until it says something else; a restart forgets it.
    pub fn heard(&self, participant: ParticipantId, beat: Beat) {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).insert(participant, beat);
    }

    /// Returns whether an agent that was heard last then is online.
    pub fn is_online(&self, last_seen: Option<Millis>) -> bool {
        let within = i64::try_from(self.settings.online_within.as_millis()).unwrap_or(i64::MAX);
        last_seen.is_some_and(|seen| seen.plus(within) >= self.now())
    }

    /// Returns what an agent said of itself last.
    pub fn beat(&self, participant: ParticipantId) -> Beat {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.get(&participant).cloned().unwrap_or_default()
    }

    /// Forgets a tally that ended.
    pub fn end_tally(&self, round: RoundId) {
        self.with_tallies(|tallies| tallies.remove(&round));
    }
}
