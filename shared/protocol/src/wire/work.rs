//! What agents say of themselves, and what waits for them.

use serde::{Deserialize, Serialize};

use crate::{
    federation::FederationState,
    round::{Announcement, Opening},
};
use base::{
    Step,
    clock::Millis,
    identity::{Signed, SignedStatement},
    ids::{Digest, ParticipantId, RoundId},
};

/// `POST /heartbeat`: says that an agent is alive and what it is doing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// What it checks before it opens it, if it is at that.
    pub checking: Option<Checking>,
    /// What it refuses to open, and why.
    pub refused: Vec<Refused>,
    /// Its settings that weaken security, by name.
    pub insecure: Vec<String>,
}

/// A recomputation that a trustee is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Checking {
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// How far it is.
    pub progress: Progress,
    /// Seconds that it still takes, as far as can be said.
    pub seconds_left: Option<u64>,
}

/// Something that a trustee does not open.
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
    /// Whether a person at this trustee still has to approve the trustees and the dealer.
    pub approve_trustees: bool,
    /// Whether the keys wait to be made by this trustee.
    pub make_keys: bool,
    /// Whether this trustee's package waits to be checked and acknowledged.
    pub acknowledge: bool,
    /// Whether the known answer waits to be opened by this trustee.
    pub open_known_answer: bool,
    /// Rounds in which this participant has not voted yet.
    pub vote: Vec<RoundId>,
    /// Tallies that wait for this trustee.
    pub open: Vec<ToOpen>,
}

/// A step of a round that waits for a trustee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToOpen {
    /// The round.
    pub round: RoundId,
    /// The step.
    pub step: Step,
}

/// A tally that waits for the sole trustee: everything it checks before it opens.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OpeningTask {
    /// The announcement; `None` for the known answer.
    pub announcement: Option<Announcement>,
    /// Digest of the event that recorded the tally.
    pub tally: Digest,
    /// The step.
    pub step: Step,
    /// Digest of the label ciphertexts.
    pub ciphertexts: Digest,
    /// Number of instances that are opened.
    pub instance_count: u32,
    /// Participants whose ballots are counted.
    pub counted: Vec<ParticipantId>,
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
