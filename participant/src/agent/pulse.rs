//! The pulse: what the agent tells of itself with each heartbeat.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base::ids::RoundId;
use protocol::wire::{Beat, Refused};

/// What a trustee refuses; its parts write it, the heartbeat reads it.
#[derive(Debug, Default)]
pub struct Pulse {
    refused: Mutex<BTreeMap<Option<RoundId>, String>>,
}

impl Pulse {
    fn refused(&self) -> MutexGuard<'_, BTreeMap<Option<RoundId>, String>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something is not opened or tallied, and why; `round` is `None` for ceremony and known answer.
    pub fn refuse(&self, round: Option<RoundId>, reason: String) {
        self.refused().insert(round, reason);
    }

    /// Forgets refusals of everything that is not waited for any more.
    pub fn keep(&self, waiting: impl Fn(Option<RoundId>) -> bool) {
        self.refused().retain(|round, _| waiting(*round));
    }

    /// Forgets the refusal of one thing.
    pub fn accept(&self, round: Option<RoundId>) {
        self.refused().remove(&round);
    }

    /// Returns the heartbeat as it is now.
    pub fn beat(&self, insecure: &[&str]) -> Beat {
        let refused = self.refused();
        let refused = refused.iter().map(|(round, reason)| Refused { round: *round, reason: reason.clone() });
        Beat {
            refused: refused.collect(),
            insecure: insecure.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_tells_what_is_refused_and_what_is_insecure() {
        let (pulse, round) = (Pulse::default(), RoundId::from_bytes([1; 16]));
        assert_eq!(pulse.beat(&[]), Beat::default());
        pulse.refuse(None, "other pieces".to_owned());
        pulse.refuse(Some(round), "another sum".to_owned());
        pulse.keep(|waiting| waiting.is_some());
        let beat = pulse.beat(&["insecure_http"]);
        assert_eq!(beat.refused, [Refused { round: Some(round), reason: "another sum".to_owned() }]);
        assert_eq!(beat.insecure, ["insecure_http"]);
        pulse.accept(Some(round));
        assert_eq!(pulse.beat(&[]), Beat::default());
    }
}
