//! What agents say of themselves, and what waits for them.

use serde::{Deserialize, Serialize};

use super::ToTally;
use crate::{federation::FederationState, round::Opening};
use base::{
    Step,
    clock::Millis,
    identity::{Signed, SignedStatement},
    ids::{Digest, RoundId},
};

/// `POST /heartbeat`: says that an agent is alive and what it is doing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// What it refuses to open or to tally, and why.
    pub refused: Vec<Refused>,
    /// Its settings that weaken security, by name.
    pub insecure: Vec<String>,
}

/// Something that a trustee does not open or tally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Refused {
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// Why, in words.
    pub reason: String,
}

/// Answer to [`Beat`]: what waits for the agent.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Work {
    /// Where the federation stands.
    pub federation: FederationState,
    /// Hash of the roster as it stands.
    pub roster: Digest,
    /// Coordinator's time, for clock checks.
    pub now: Millis,
    /// Number of events of the transcript.
    pub transcript: u64,
    /// Whether a person at this trustee still has to approve the trustees.
    pub approve_trustees: bool,
    /// Whether the keys wait to be made by this sole trustee.
    pub make_keys: bool,
    /// Whether the known answer waits to be opened by this sole trustee.
    pub open_known_answer: bool,
    /// Rounds in which this participant has not voted yet.
    pub vote: Vec<RoundId>,
    /// Tallies that wait for this sole trustee.
    pub open: Vec<ToOpen>,
    /// Boards on which this trustee is waited for: the ceremony, its known answer, tallies.
    pub tally: Vec<ToTally>,
}

/// A step of a round that waits for the sole trustee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToOpen {
    /// The round.
    pub round: RoundId,
    /// The step.
    pub step: Step,
}

/// `PUT /rounds/{round}/openings/{trustee}` and `PUT /known-answer`: posts an opening.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostOpening {
    /// The signed opening.
    #[schema(value_type = SignedStatement)]
    pub opening: Signed<Opening>,
}

/// How far a computation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Progress {
    /// Labels done.
    pub done: u32,
    /// Labels in all.
    pub total: u32,
}
