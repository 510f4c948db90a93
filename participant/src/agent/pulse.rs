//! The pulse: what the agent tells of itself with each heartbeat.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use base::ids::RoundId;
use protocol::wire::{Beat, Checking, Progress, Refused};

/// What a trustee is at and what it refuses; its parts write it, the heartbeat reads it.
#[derive(Debug, Default)]
pub struct Pulse {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    checking: Option<Recomputation>,
    refused: BTreeMap<Option<RoundId>, String>,
}

/// A recomputation under way.
#[derive(Debug, Clone, Copy)]
struct Recomputation {
    round: Option<RoundId>,
    progress: Progress,
    since: Instant,
}

impl Pulse {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the recomputation of so many labels begins; `round` is `None` for the known answer.
    pub fn begin(&self, round: Option<RoundId>, labels: u32) {
        let progress = Progress { done: 0, total: labels };
        self.state().checking = Some(Recomputation { round, progress, since: Instant::now() });
    }

    /// Notes how many labels are recomputed.
    pub fn reached(&self, labels: u32) {
        if let Some(checking) = &mut self.state().checking {
            checking.progress.done = labels;
        }
    }

    /// Notes that the recomputation ended.
    pub fn end(&self) {
        self.state().checking = None;
    }

    /// Notes that something is not opened, and why.
    pub fn refuse(&self, round: Option<RoundId>, reason: String) {
        self.state().refused.insert(round, reason);
    }

    /// Forgets refusals of everything that is not waited for any more.
    pub fn keep(&self, waiting: impl Fn(Option<RoundId>) -> bool) {
        self.state().refused.retain(|round, _| waiting(*round));
    }

    /// Forgets the refusal of one thing.
    pub fn accept(&self, round: Option<RoundId>) {
        self.state().refused.remove(&round);
    }

    /// Returns the heartbeat as it is now.
    pub fn beat(&self, insecure: &[&str]) -> Beat {
        let state = self.state();
        let checking = state.checking.map(|Recomputation { round, progress, since }| {
            let seconds_left = seconds_left(progress, since.elapsed().as_secs_f64());
            Checking { round, progress, seconds_left }
        });
        let refused =
            state.refused.iter().map(|(round, reason)| Refused { round: *round, reason: reason.clone() });
        let refused = refused.collect();
        Beat { checking, refused, insecure: insecure.iter().map(|name| (*name).to_owned()).collect() }
    }
}

/// Estimates the rest from the rate so far; nothing can be said before the first label.
fn seconds_left(progress: Progress, elapsed: f64) -> Option<u64> {
    let Progress { done, total } = progress;
    let left = total.saturating_sub(done);
    // A positive, finite number of seconds; beyond 2^64 the cast saturates.
    (done > 0).then(|| (elapsed * f64::from(left) / f64::from(done)).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_from_the_rate_so_far() {
        let at = |done| seconds_left(Progress { done, total: 200 }, 30.0);
        assert_eq!([at(0), at(50), at(200)], [None, Some(90), Some(0)]);
    }

    #[test]
    fn a_beat_tells_what_is_checked_what_is_refused_and_what_is_insecure() {
        let (pulse, round) = (Pulse::default(), RoundId::from_bytes([1; 16]));
        assert_eq!(pulse.beat(&[]), Beat::default());
        pulse.begin(Some(round), 8);
        pulse.reached(2);
        pulse.refuse(None, "other bits".to_owned());
        pulse.refuse(Some(round), "a copy".to_owned());
        pulse.keep(|waiting| waiting.is_some());
        let beat = pulse.beat(&["insecure_trust_tally"]);
        let checking = beat.checking.unwrap();
        assert_eq!((checking.round, checking.progress), (Some(round), Progress { done: 2, total: 8 }));
        assert_eq!(beat.refused, [Refused { round: Some(round), reason: "a copy".to_owned() }]);
        assert_eq!(beat.insecure, ["insecure_trust_tally"]);
        pulse.end();
        pulse.accept(Some(round));
        assert_eq!(pulse.beat(&[]), Beat::default());
    }
}
