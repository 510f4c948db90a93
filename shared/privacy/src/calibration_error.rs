//! Why no noise is found for a federation's targets.

use super::cost::CostError;
use super::delta::Delta;
use super::error::NoiseError;
use super::targets::{Target, Unit, View};
use base::decimal::Decimal;

/// Why a federation cannot be calibrated, and what comes nearest.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// No view has a target.
    #[error("no view has a target: give one for the public, for the coordinator, or both")]
    NoTarget,
    /// ε is zero.
    #[error(
        "epsilon 0 for the {0} view asks for labels that depend on no vote: give an epsilon above 0, such as 1"
    )]
    NoEpsilon(View),
    /// The budget buys nothing.
    #[error("0 labels for the {0} view: give at least one label for the budget to buy")]
    NoLabels(View),
    /// δ does not protect anyone.
    #[error(
        "delta {delta} is not below 1/{count}, one over the number of {unit}s: publishing one {unit} outright \
         would satisfy it, so give a smaller delta, such as 1e-{}", .count.to_string().len()
    )]
    DeltaTooLarge {
        /// The δ given.
        delta: Delta,
        /// The unit of privacy.
        unit: Unit,
        /// How many of that unit the federation has.
        count: u64,
    },
    /// The step to which noise is rounded is no step.
    #[error("a step of {0} votes is outside (0, 1]: give a fraction of a vote, such as 0.001")]
    Step(Decimal),
    /// Even the most noise does not meet a target.
    #[error(
        "epsilon {} for {} labels and one {} is out of reach in the {view} view: even sigma {sigma} \
         reaches {reachable}; ask for fewer labels or allow a larger epsilon",
        .target.epsilon, .target.labels, .target.unit
    )]
    OutOfReach {
        /// The view.
        view: View,
        /// Its target.
        target: Target,
        /// The largest σ that was tried.
        sigma: Decimal,
        /// What it reaches.
        reachable: String,
    },
    /// The noise cannot be shared among these participants.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// The labels have no cost.
    #[error(transparent)]
    Cost(#[from] CostError),
}
