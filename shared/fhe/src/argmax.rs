//! The two circuits that find the class with the most votes.

use std::fmt::{self, Display, Formatter};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// What the circuit's own error may be, in percent of the noise's standard deviation, where a config does not say.
const ERROR_SHARE: u8 = 15;

/// The largest number of classes of the exact circuit.
pub const MAX_EXACT_CLASSES: usize = 16;

/// Which circuit finds the class with the most votes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ArgmaxKind {
    /// The abs tournament: 2 to 100 classes; right wherever the gap reaches the resolution.
    #[default]
    Tournament,
    /// All pairs, each compared coarsely and finely: up to 16 classes, right everywhere, ties to the lowest
    /// class.
    Exact,
    /// The tournament with another share of error than 15 %: so many percent of the noise's standard deviation, 1 to 100.
    Within(u8),
}

impl ArgmaxKind {
    /// Returns what the circuit's own error may be, as a share of the standard deviation of a noisy difference of two
    /// counts; `None` for the exact circuit, which has none.
    #[must_use]
    pub fn error_share(self) -> Option<f64> {
        let percent = match self {
            Self::Tournament => ERROR_SHARE,
            Self::Exact => return None,
            Self::Within(percent) => percent,
        };
        Some(f64::from(percent) / 100.0)
    }
}

impl Display for ArgmaxKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tournament => f.write_str("tournament"),
            Self::Exact => f.write_str("exact"),
            Self::Within(percent) => write!(f, "tournament within {percent} % of the noise"),
        }
    }
}
