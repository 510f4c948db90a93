//! How often what was refused, since the service started.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use base::{clock::Millis, problem::Code};
use protocol::wire::RefusalCount;

/// Counts refusals by their code; there are only so many codes.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Code, (u64, Millis)>>);

impl Refusals {
    /// Counts one refusal.
    pub fn count(&self, code: Code, at: Millis) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last) = counts.entry(code).or_insert((0, at));
        *count += 1;
        *last = at;
    }

    /// Returns the counts, most frequent first.
    pub fn counts(&self) -> Vec<RefusalCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<RefusalCount> = counts
            .iter()
            .map(|(code, (count, last_at))| RefusalCount {
                code: *code,
                status: code.status(),
                title: code.title().to_owned(),
                count: *count,
                last_at: *last_at,
            })
            .collect();
        counts.sort_by_key(|entry| (std::cmp::Reverse(entry.count), entry.code.name()));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_comes_first_with_its_last_time() {
        let refusals = Refusals::default();
        for (code, at) in [(Code::NotFound, 1), (Code::BallotLate, 2), (Code::BallotLate, 5)] {
            refusals.count(code, Millis(at));
        }
        let counts = refusals.counts();
        let told: Vec<_> = counts.iter().map(|entry| (entry.code, entry.count, entry.last_at)).collect();
        assert_eq!(told, [(Code::BallotLate, 2, Millis(5)), (Code::NotFound, 1, Millis(1))]);
    }
}
