//! The steps of a round.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// What a tally computes and a trustee opens: a plain round has the one step `label`, a two-step round `test` before.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The winning labels.
    Label,
    /// Whether the noisy maximum reaches the threshold: one bit per instance.
    Test,
}

impl Step {
    /// Every step there is.
    pub const ALL: [Self; 2] = [Self::Test, Self::Label];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "label",
            Self::Test => "test",
        })
    }
}
