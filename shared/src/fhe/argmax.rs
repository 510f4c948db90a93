//! The two circuits that find the class with the most votes.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

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
    /// The abs tournament: 2 to 100 classes; right wherever the gap reaches [`super::Resolution::votes`].
    #[default]
    Tournament,
    /// All pairs, each compared coarsely and finely: up to 16 classes, right everywhere, ties to the lowest
    /// class.
    Exact,
}
