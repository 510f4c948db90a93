//! The federation: its founding event, its roster and its states.
//!
//! ```text
//! Assembling ──keys proven by a known answer──▶ Keyed ──close──▶ Closed
//!      └──────────────────────close──────────────────────────────▶┘
//! ```

mod ceremony;
mod config;
mod keys;
mod roster;

pub use ceremony::{TrusteeApproval, Trustees, known_answer_round};
pub use config::{
    ConfigError, FederationConfig, Founding, PrivacyPolicy, Quorum, TestNoise, ThresholdPolicy, TrusteePolicy,
};
pub use keys::{
    FederationKeys, KNOWN_ANSWER_INSTANCES, KNOWN_ANSWER_VOTES, KeyCertificate, SharedKeys,
    known_answer_counts, known_answer_labels,
};
pub use roster::{Approval, Enrolment, Member, Roster, RosterError, check_name};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// State of the federation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FederationState {
    /// Participants enrol; the trustees have not made keys yet.
    Assembling,
    /// The keys are published and a known answer was opened with them.
    Keyed,
    /// Nothing more is voted; the trustees destroy what they hold of the key.
    Closed,
}

/// A step between two states that a federation cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the federation is {from:?} and cannot become {to:?}")]
pub struct InvalidFederationTransition {
    /// State it is in.
    pub from: FederationState,
    /// State asked for.
    pub to: FederationState,
}

impl FederationState {
    /// Goes on to `Keyed` after the known answer was opened.
    pub fn keyed(self) -> Result<Self, InvalidFederationTransition> {
        match self {
            Self::Assembling => Ok(Self::Keyed),
            from => Err(InvalidFederationTransition { from, to: Self::Keyed }),
        }
    }

    /// Ends the federation; closing a closed one is an error so that a mistake shows.
    pub fn close(self) -> Result<Self, InvalidFederationTransition> {
        match self {
            Self::Assembling | Self::Keyed => Ok(Self::Closed),
            from => Err(InvalidFederationTransition { from, to: Self::Closed }),
        }
    }
}
