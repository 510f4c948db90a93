//! Patience: how often and after which pauses a failed request is sent again.

use std::time::Duration;

/// How often a request is sent at most, and the pauses between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Times that a request is sent at most, at least 1.
    pub attempts: u32,
    /// Pause after the first failure; it doubles each time.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
}

impl Patience {
    /// Patience of a person who waits: two seconds of pauses in all.
    pub const PERSON: Self =
        Self { attempts: 4, first: Duration::from_millis(300), longest: Duration::from_secs(5) };

    /// Patience of the agent, whose loop tries again by itself.
    pub const AGENT: Self =
        Self { attempts: 3, first: Duration::from_millis(200), longest: Duration::from_secs(2) };

    /// Returns the pause after the given number of failures: half fixed, half random, so that the agents of a
    /// federation do not all return at the same moment.
    pub fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(1_u32 << failures.saturating_sub(1).min(16));
        let whole = doubled.min(self.longest);
        // Without randomness the pause is only less spread.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_never_vanish() {
        let patience = Patience::PERSON;
        for failures in 1..60 {
            let doubled = patience.first.saturating_mul(1 << (failures - 1).min(16));
            let pause = patience.pause(failures);
            assert!(pause >= doubled.min(patience.longest) / 2 && pause <= patience.longest, "{failures}");
        }
    }
}
