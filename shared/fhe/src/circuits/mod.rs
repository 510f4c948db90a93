//! The circuits that read labels off counts: each is planned from a resolution, run on ciphertexts, and counted.

pub(crate) mod bracket;
mod effort;
pub(crate) mod exact;
pub(crate) mod tournament;

pub use effort::Effort;

use super::expand::Lwe;
use super::keys::EvaluationKeys;
use super::resolution::{Reading, Resolution};
use super::tally::TallyError;
use exact::Exact;
use tournament::Tournament;

/// The circuit of one step of a round.
pub(crate) enum Circuit {
    /// The abs tournament, for labels or for a test.
    Tournament(Box<Tournament>),
    /// All pairs.
    Exact(Box<Exact>),
}

impl Circuit {
    /// Prepares the circuit that a resolution asks for, with all its tables.
    ///
    /// # Errors
    /// Refuses a range that the exact circuit does not resolve.
    pub(crate) fn plan(resolution: &Resolution) -> Result<Self, TallyError> {
        let (classes, bound) = (resolution.layout().classes(), resolution.bound());
        let threshold = resolution.threshold_plaintext();
        Ok(match resolution.reading() {
            Reading::Exact => {
                let exact = Exact::new(classes, bound, threshold).ok_or(TallyError::ExactBound(bound))?;
                Self::Exact(Box::new(exact))
            }
            Reading::Labels { errors, .. } => {
                Self::Tournament(Box::new(Tournament::new(classes, threshold, errors.precise)))
            }
            Reading::Test { threshold, .. } => {
                let plaintext = resolution.tournament_plaintext(threshold);
                Self::Tournament(Box::new(Tournament::test(classes, plaintext)))
            }
        })
    }

    /// Reads several instances side by side, of whose counts there are C ciphertexts each.
    ///
    /// Returns the digits of each label, or the one of each test. The result does not depend on `batch`, the most look-ups
    /// that share one walk through the bootstrapping key.
    pub(crate) fn run(&self, keys: &EvaluationKeys, counts: Vec<Vec<Lwe>>, batch: usize) -> Vec<Vec<Lwe>> {
        match self {
            Self::Tournament(tournament) => tournament.run(keys, counts, batch),
            Self::Exact(exact) => exact.run(keys, &counts, batch),
        }
    }

    /// Returns the work that one instance takes.
    pub(crate) fn effort(&self) -> Effort {
        match self {
            Self::Tournament(tournament) => tournament.effort(),
            Self::Exact(exact) => exact.effort(),
        }
    }
}
