//! Rounds as everybody may see them.

use serde::{Deserialize, Serialize};

use super::{EventLine, Progress};
use crate::round::{Announcement, Corroboration, FailureReason, RoundState};
use base::{
    Step,
    clock::Millis,
    ids::{Digest, ParticipantId, RoundId},
    problem::Code,
};
use privacy::{Epsilon, RoundCost};

/// What became of one participant in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    /// Its ballot is in.
    Cast,
    /// Its ballot is in and counted.
    Counted,
    /// Its ballot came after the window closed.
    Late,
    /// What it sent was refused.
    Refused,
    /// Nothing came, so far.
    Absent,
}

/// Line of one participant in a round's list.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Voter {
    /// Number.
    pub participant: ParticipantId,
    /// Name.
    pub name: String,
    /// What became of it.
    pub attendance: Attendance,
    /// Why it was refused or late, in words.
    pub reason: Option<String>,
    /// The code of that refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// When its ballot came, or was refused last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
}

/// `GET /rounds/{round}`: everything public about a round.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoundView {
    /// The round's id.
    pub round: RoundId,
    /// What it fixed before anyone voted.
    pub announcement: Announcement,
    /// Where it stands.
    pub state: RoundState,
    /// Every member of the round's roster and what became of it.
    pub voters: Vec<Voter>,
    /// How far the tally is, while it runs.
    pub progress: Option<Progress>,
    /// Bytes of one ballot on the wire with header and signature.
    pub ballot_bytes: u64,
    /// Its privacy cost: what it paid once it is released, what it reserved before.
    pub cost: RoundCost,
    /// The cost as ε, per unit and view.
    pub epsilon: Epsilon,
    /// The gap in votes from which a label equals the plain argmax but for the documented chance.
    pub resolution_votes: u64,
    /// Settings that weaken security, by name.
    pub insecure: Vec<String>,
    /// How many instances passed the test of a two-step round, once it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<u32>,
    /// What the sole trustee did about the last tally.
    pub openings: Vec<OpeningView>,
    /// How far the tally of several trustees is, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView>,
    /// Who stands for the labels of the release.
    pub corroboration: Option<Corroboration>,
    /// Number of labels that name a class, once released.
    pub labelled: Option<u32>,
    /// Number of abstentions, once released.
    pub abstained: Option<u32>,
    /// Number of labels of each class in the order of the classes, once released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Vec<u32>>,
    /// What the transcript says of the round so far, in words.
    #[serde(default)]
    pub timeline: Vec<EventLine>,
}

/// How far several trustees are with a tally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionView {
    /// The step.
    pub step: Step,
    /// The attempt, from 0.
    pub attempt: u32,
    /// Who computes in it.
    pub present: Vec<ParticipantId>,
    /// Batches whose labels are open, and batches in all.
    pub batches: Progress,
    /// What the first open batch is at, in words: "layer 4 of 10".
    pub phase: String,
    /// Who is waited for there.
    pub waits_for: Vec<ParticipantId>,
    /// All of it in words: "layer 4 of 10: waiting for hospital-2".
    pub words: String,
    /// When the last message came, or the attempt began.
    pub moved_at: Millis,
    /// When the round fails if the trustees have not finished.
    pub until: Millis,
}

/// What the sole trustee did about a round's labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OpeningView {
    /// The trustee.
    pub participant: ParticipantId,
    /// Its name.
    pub name: String,
    /// What it did.
    pub state: OpeningState,
    /// Its settings that weaken security, by name.
    pub insecure: Vec<String>,
    /// When its opening came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
}

/// State of one trustee's opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OpeningState {
    /// Its opening is in.
    Posted,
    /// It refuses to open.
    Refused {
        /// Why, in words.
        reason: String,
    },
    /// Nothing came yet.
    Waiting {
        /// Whether its agent is online.
        online: bool,
    },
}

/// `GET /rounds?limit=&after=`: a page of rounds, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoundsPage {
    /// One line per round.
    pub rounds: Vec<RoundSummary>,
    /// What to ask for as `after` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RoundId>,
}

/// Line of one round in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoundSummary {
    /// The round's id.
    pub round: RoundId,
    /// Name of its state.
    pub phase: String,
    /// Number of instances.
    pub instances: u32,
    /// Ballots that came.
    pub ballots: u32,
    /// Ballots that could come: one of each member of its roster.
    #[serde(default)]
    pub expected: u32,
    /// Ballots needed.
    pub quorum: u32,
    /// How far its tally is, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Openings of its last tally that came.
    #[serde(default)]
    pub openings: u32,
    /// Trustees that could open it.
    #[serde(default)]
    pub trustees: u32,
    /// When its present state ends, as far as can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Millis>,
    /// When it was announced.
    pub opens_at: Millis,
    /// When its window closes.
    pub closes_at: Millis,
    /// Why it failed, if it did.
    pub failure: Option<FailureReason>,
}

/// `GET /rounds/{round}/labels`: the release.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Labels {
    /// The round.
    pub round: RoundId,
    /// Digest of the instances they belong to.
    pub instances: Digest,
    /// Class names in the order of their indices.
    pub classes: Vec<String>,
    /// One entry per instance that was voted on: a class index from 0, or null for an abstention.
    pub labels: Vec<Option<u16>>,
    /// The same for everything that was submitted, in its order, where some of it had been released before or stood
    /// twice; absent where all of it was voted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted: Option<Vec<Option<u16>>>,
    /// What they cost, as ε per unit and view.
    pub epsilon: Epsilon,
    /// Who stands for them.
    pub corroboration: Corroboration,
}

/// `POST /answers`: which of the uploaded instances were released before; nothing is voted on and nothing charged.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answers {
    /// One entry per instance; null if it was never released.
    pub answers: Vec<Option<Answered>>,
}

/// Answer to an instance from an earlier release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answered {
    /// The round that released it.
    pub round: RoundId,
    /// A class index from 0, or null for an abstention.
    pub label: Option<u16>,
}
