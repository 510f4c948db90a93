//! The keys of recomputation in memory: about a gigabyte, loaded when needed and freed when idle.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::ids::Digest;
use protocol::transcript::TallyKeys;

/// Time without use after which the keys are freed.
const IDLE: Duration = Duration::from_secs(60);

/// Holds the keys between two recomputations; whoever owns it frees them in time.
#[derive(Debug, Default)]
pub struct KeySlot {
    loaded: Option<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    certificate: Digest,
    keys: Arc<TallyKeys>,
    used: Instant,
}

impl KeySlot {
    /// Returns the keys of a certificate if they are in memory; they count as used at `now`.
    pub fn take_up(&mut self, certificate: Digest, now: Instant) -> Option<Arc<TallyKeys>> {
        let loaded = self.loaded.as_mut().filter(|loaded| loaded.certificate == certificate)?;
        loaded.used = now;
        Some(Arc::clone(&loaded.keys))
    }

    /// Keeps keys that were just loaded.
    pub fn put(&mut self, certificate: Digest, keys: &Arc<TallyKeys>, now: Instant) {
        self.loaded = Some(Loaded { certificate, keys: Arc::clone(keys), used: now });
    }

    /// Notes that a recomputation with the keys ended.
    pub fn touch(&mut self, now: Instant) {
        if let Some(loaded) = &mut self.loaded {
            loaded.used = now;
        }
    }

    /// Returns when the keys are to be freed, if any are there.
    pub fn idle_at(&self) -> Option<Instant> {
        self.loaded.as_ref().map(|loaded| loaded.used + IDLE)
    }

    /// Frees the keys if they were not used for a minute; returns whether it did.
    pub fn free_if_idle(&mut self, now: Instant) -> bool {
        let is_idle = self.idle_at().is_some_and(|at| at <= now);
        if is_idle {
            self.loaded = None;
        }
        is_idle
    }

    /// Frees the keys.
    pub fn free(&mut self) {
        self.loaded = None;
    }
}
