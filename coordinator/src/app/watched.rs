//! What is kept in memory for watchers; a restart forgets it.
//!
//! It is a place to keep things and no more: what is put there, and when, is the business of `watch`.

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicBool};

use base::clock::Millis;
use protocol::wire::{EventLine, LedgerView, PrivacyView, RoundSummary, StorageView};
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore, watch},
    time::Instant,
};

use super::Refusals;

/// What is kept in memory for watchers.
#[derive(Debug)]
pub struct Watched {
    /// When the service started.
    pub started_at: Millis,
    /// How often what was refused.
    pub refusals: Refusals,
    pub(crate) lines: Lines,
    pub(crate) checks: Checks,
    pub(crate) feed: Feed,
    pub(crate) ledger: Kept<LedgerView>,
    pub(crate) privacy: Kept<PrivacyView>,
    pub(crate) usage: AsyncMutex<Option<StorageView>>,
    pub(crate) ending: watch::Sender<bool>,
}

impl Watched {
    /// Begins with nothing kept.
    pub fn new(now: Millis) -> Self {
        Self {
            started_at: now,
            refusals: Refusals::default(),
            lines: Lines::default(),
            checks: Checks::default(),
            feed: Feed::default(),
            ledger: Kept::default(),
            privacy: Kept::default(),
            usage: AsyncMutex::new(None),
            ending: watch::channel(false).0,
        }
    }

    /// Ends every stream of events, because the service ends.
    pub fn stop(&self) {
        self.ending.send_replace(true);
    }
}

/// The committed chain in words, as far as it was read. It is never locked while the database is asked: whoever holds a
/// connection and waits for the lock would starve whoever holds the lock and waits for a connection.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<Vec<EventLine>>);

impl Lines {
    /// Works on the lines for a moment.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Vec<EventLine>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which check of the transcript was made last, and whether one is under way.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) is_running: AtomicBool,
    pub(crate) made: Mutex<Option<Made>>,
}

/// A check that was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    /// How many milestones the transcript had.
    pub(crate) milestones: usize,
    /// When the next one may begin that nobody asked for.
    pub(crate) rest_until: Instant,
}

/// What the observer of the database saw last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    /// Number of events.
    pub(crate) length: u64,
    /// The rounds whose progress is told.
    pub(crate) rounds: Arc<Vec<RoundSummary>>,
}

/// Most streams of events at a time.
const STREAMS: usize = 64;

/// State of all streams of events.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) seen: watch::Sender<Option<Seen>>,
    pub(crate) is_observed: AtomicBool,
    /// One permit for each stream that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
}

impl Default for Feed {
    fn default() -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS));
        Self { seen: watch::channel(None).0, is_observed: AtomicBool::new(false), streams }
    }
}

impl Feed {
    /// Returns the number of open streams.
    pub(crate) fn open(&self) -> u32 {
        // At most STREAMS.
        (STREAMS - self.streams.available_permits()) as u32
    }
}

/// A view of the transcript, good until another event is appended.
#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<Option<(u64, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Kept<T> {
    /// Returns the view of a transcript of so many events, if that is the one kept.
    pub(crate) fn at(&self, events: u64) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(of, _)| *of == events).map(|(_, view)| view.clone())
    }

    /// Keeps the view of a transcript of so many events.
    pub(crate) fn keep(&self, events: u64, view: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((events, view));
    }
}
