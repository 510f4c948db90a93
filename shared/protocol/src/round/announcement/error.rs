//! Why a round cannot be announced, or why an announcement is another than follows.

use base::{clock::Millis, ids::Digest};
use fhe::{LayoutError, ResolutionError};
use privacy::{CostError, NoiseError};
use tally::{grid::GridError, plan::PlanError, sharing::SharingError, sum::SumError};

/// Why a round cannot be announced, or why an announcement is not the one that follows from the policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnnouncementError {
    /// The noise cannot be shared among these participants.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// The privacy cost cannot be stated.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The number of instances or classes does not fit a ballot.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The counts do not fit the circuit.
    #[error(transparent)]
    Resolution(#[from] ResolutionError),
    /// The trustee policy is not offered.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// The counts do not fit the trustees' tally.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The round does not fit the trustees' tally.
    #[error(transparent)]
    Sum(#[from] SumError),
    /// The trustees' tally has no plan for the round.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The tally is of another kind.
    #[error("{0}")]
    Kind(&'static str),
    /// The roster belongs to another federation.
    #[error("the roster belongs to federation {found}, not to {expected}")]
    Federation {
        /// Federation of the roster.
        found: Digest,
        /// Federation asked for.
        expected: Digest,
    },
    /// The window is empty.
    #[error("the window closes at {closes_at}, which is not after it opens at {opens_at}")]
    Window {
        /// Opening time.
        opens_at: Millis,
        /// Closing time.
        closes_at: Millis,
    },
    /// A field differs from what follows from the approved policy and roster.
    #[error("the announcement says {field} = {announced}, but the approved policy and roster give {derived}")]
    Differs {
        /// Field that differs.
        field: &'static str,
        /// Value received.
        announced: String,
        /// Value computed here.
        derived: String,
    },
}
