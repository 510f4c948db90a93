//! What a federation has decided about its noise, as written in its config and in event 0.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use base::decimal::Decimal;

/// How much noise protects the vote counts, who draws it, and how many participants are taken as honest.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct NoisePolicy {
    /// σ: the standard deviation, in votes, that the shares of the honest participants reach together.
    pub sigma: Decimal,
    /// σ_c: the standard deviation, in votes, of the coordinator's own noise.
    pub coordinator_sigma: Decimal,
    /// τ in (0, 1]: the fraction of enrolled participants that does not collude.
    pub honest_fraction: Decimal,
    /// Who draws noise.
    #[serde(default)]
    pub mode: NoiseMode,
}

/// Who draws noise; the two insecure modes exist for experiments and are shown wherever they are in force.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoiseMode {
    /// The participants and the coordinator: σ and σ_c are both above zero.
    #[default]
    Both,
    /// The participants alone: σ_c is zero.
    Participants,
    /// The coordinator alone: σ is zero, and the coordinator's own view has no bound.
    InsecureCoordinatorNoiseOnly,
    /// Nobody: σ and σ_c are zero, no view has a bound, and the keys must be thrown away afterwards.
    InsecureNoNoise,
}

impl NoiseMode {
    /// Returns the name used in configs, flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Participants => "participants",
            Self::InsecureCoordinatorNoiseOnly => "insecure_coordinator_noise_only",
            Self::InsecureNoNoise => "insecure_no_noise",
        }
    }

    /// Returns the mode's name if it weakens privacy, for the list of insecure settings in force.
    pub const fn insecure_name(self) -> Option<&'static str> {
        match self {
            Self::Both | Self::Participants => None,
            Self::InsecureCoordinatorNoiseOnly | Self::InsecureNoNoise => Some(self.name()),
        }
    }

    /// Returns whether the participants draw shares.
    pub const fn has_participant_noise(self) -> bool {
        matches!(self, Self::Both | Self::Participants)
    }

    /// Returns whether the coordinator draws noise of its own.
    pub const fn has_coordinator_noise(self) -> bool {
        matches!(self, Self::Both | Self::InsecureCoordinatorNoiseOnly)
    }
}

impl fmt::Display for NoiseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
