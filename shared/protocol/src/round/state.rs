//! The states of a round; each owns its data, and a transition consumes the state it leaves.
//!
//! ```text
//! Announced ─▶ Voting ─▶ Tallying ─▶ Opening ─▶ Released
//!     └──────────┴───────────┴──────────┴─▶ Failed { reason } | Cancelled
//! ```
//!
//! `Tallying ─▶ Opening` runs once per step. After the test of a two-step round the labels are tallied; where nothing
//! passed it, the round is released at once. Where several trustees tally, their session is `Tallying`: what comes out are
//! labels, and nobody waits in `Opening`.

use serde::{Deserialize, Serialize};

use super::{Corroboration, FailureReason};
use base::{
    Step,
    clock::Millis,
    ids::{Digest, ParticipantId},
};

#[cfg(test)]
mod tests;

/// State of a round; its JSON form is the row in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum RoundState {
    /// The announcement is fixed; nobody may vote yet.
    Announced,
    /// Ballots are taken until the window closes.
    Voting,
    /// The window is closed; the tally runs over the ballots counted here.
    Tallying {
        /// Participants whose ballots are counted.
        counted: Vec<ParticipantId>,
        /// When the window closed.
        closed_at: Millis,
        /// Digest of the coordinator's own encrypted noise, once it is drawn.
        noise_ballot: Option<Digest>,
        /// The sum that several trustees are asked to tally, once it is named.
        summed: Option<Summed>,
        /// What the test came to, once it was opened; `None` in a plain round.
        tested: Option<Tested>,
    },
    /// What the tally of a step produced waits for the trustees until the deadline.
    Opening {
        /// Participants whose ballots are counted.
        counted: Vec<ParticipantId>,
        /// When the window closed.
        closed_at: Millis,
        /// What the tally produced.
        tallied: Tallied,
        /// When the round fails if the trustees have not answered.
        deadline: Millis,
        /// What the test came to, once it was opened; `None` in a plain round.
        tested: Option<Tested>,
    },
    /// The labels are published.
    Released {
        /// Participants whose ballots are counted.
        counted: Vec<ParticipantId>,
        /// What the last tally produced: that of the labels, or of the test where nothing passed it.
        tallied: Tallied,
        /// When the labels were published.
        released_at: Millis,
        /// How far the openings agree.
        corroboration: Corroboration,
        /// What the test came to; `None` in a plain round.
        tested: Option<Tested>,
    },
    /// The round ended without labels.
    Failed {
        /// Why.
        reason: FailureReason,
        /// Whether its privacy cost counts as spent.
        charged: bool,
    },
    /// The operator ended the round.
    Cancelled {
        /// Whether its privacy cost counts as spent.
        charged: bool,
    },
}

/// A sum that several trustees are asked to tally: from here on the round is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Summed {
    /// The step.
    pub step: Step,
    /// Digest of the sum of all counted ballots, the coordinator's noise included.
    pub sum: Digest,
    /// Digest of the event that named it.
    pub event: Digest,
    /// When it was named.
    pub at: Millis,
}

/// Result of the test of a two-step round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tested {
    /// What its tally produced.
    pub tallied: Tallied,
    /// Number of instances that passed; which, the transcript tells.
    pub passed: u32,
    /// How far its openings bore each other out.
    pub corroboration: Corroboration,
}

/// What a tally leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tallied {
    /// The step.
    pub step: Step,
    /// Digest of the coordinator's own encrypted noise.
    pub noise_ballot: Digest,
    /// Digest of the label ciphertexts, or of the record of the trustees' session.
    pub record: Digest,
    /// The attempt in which several trustees computed it; `None` with one trustee.
    pub attempt: Option<u32>,
    /// Digest of the event that recorded the tally.
    pub event: Digest,
    /// The coordinator's processor time in milliseconds, all threads together: sum and argmax, or the sum alone.
    pub cpu_ms: u64,
    /// Wall-clock time of the tally in milliseconds.
    pub wall_ms: u64,
}

/// A step between two states that a round cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the round is {from} and cannot become {to}")]
pub struct InvalidTransition {
    /// State it is in.
    pub from: &'static str,
    /// State asked for.
    pub to: &'static str,
}

impl RoundState {
    /// Returns the state's name as the API and the database spell it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Voting => "voting",
            Self::Tallying { .. } => "tallying",
            Self::Opening { .. } => "opening",
            Self::Released { .. } => "released",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Returns what becomes of the round's privacy cost, in words.
    pub const fn charge(&self) -> &'static str {
        match self {
            Self::Released { .. } => "charged with the release",
            Self::Failed { charged: true, .. } | Self::Cancelled { charged: true } => {
                "charged, because its tally had begun"
            }
            Self::Failed { charged: false, .. } | Self::Cancelled { charged: false } => {
                "returned: nothing was tallied or opened"
            }
            Self::Announced | Self::Voting | Self::Tallying { .. } | Self::Opening { .. } => {
                "reserved until the round ends"
            }
        }
    }

    /// Returns whether nothing will change any more.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Released { .. } | Self::Failed { .. } | Self::Cancelled { .. })
    }

    /// Begins the window.
    pub fn open(self) -> Result<Self, InvalidTransition> {
        match self {
            Self::Announced => Ok(Self::Voting),
            other => Err(other.cannot("voting")),
        }
    }

    /// Closes the window over the ballots that came, or fails below the quorum.
    pub fn close(
        self,
        counted: Vec<ParticipantId>,
        quorum: u32,
        closed_at: Millis,
    ) -> Result<Self, InvalidTransition> {
        match self {
            Self::Voting if (counted.len() as u32) < quorum => {
                let reason = FailureReason::QuorumNotMet { ballots: counted.len() as u32, quorum };
                Ok(Self::Failed { reason, charged: false })
            }
            Self::Voting => {
                Ok(Self::Tallying { counted, closed_at, noise_ballot: None, summed: None, tested: None })
            }
            other => Err(other.cannot("tallying")),
        }
    }

    /// Records the coordinator's noise ballot, once, before the tally begins.
    pub fn with_noise(self, digest: Digest) -> Result<Self, InvalidTransition> {
        match self {
            Self::Tallying { counted, closed_at, noise_ballot: None, summed: None, tested } => {
                let noise_ballot = Some(digest);
                Ok(Self::Tallying { counted, closed_at, noise_ballot, summed: None, tested })
            }
            other => Err(other.cannot("tallying with a noise ballot")),
        }
    }

    /// Names the sum of a step that several trustees are asked to tally; a test is asked for once.
    pub fn summed(self, summed: Summed) -> Result<Self, InvalidTransition> {
        match self {
            Self::Tallying { counted, closed_at, noise_ballot: Some(noise), summed: None, tested }
                if tested.is_none() || summed.step == Step::Label =>
            {
                let (noise_ballot, summed) = (Some(noise), Some(summed));
                Ok(Self::Tallying { counted, closed_at, noise_ballot, summed, tested })
            }
            other => Err(other.cannot("tallied by its trustees")),
        }
    }

    /// Goes on to the opening of what a step's tally produced; a test is tallied once.
    pub fn tallied(self, tallied: Tallied, deadline: Millis) -> Result<Self, InvalidTransition> {
        match self {
            Self::Tallying { counted, closed_at, noise_ballot: Some(noise), summed, tested }
                if noise == tallied.noise_ballot
                    && summed.is_none_or(|summed| summed.step == tallied.step)
                    && (tested.is_none() || tallied.step == Step::Label) =>
            {
                Ok(Self::Opening { counted, closed_at, tallied, deadline, tested })
            }
            other => Err(other.cannot("opening")),
        }
    }

    /// Goes on to the labels of the instances that passed the opened test.
    pub fn tested(self, passed: u32, corroboration: Corroboration) -> Result<Self, InvalidTransition> {
        match self {
            Self::Opening { counted, closed_at, tallied, tested: None, .. } if tallied.step == Step::Test => {
                let noise_ballot = Some(tallied.noise_ballot);
                let tested = Some(Tested { tallied, passed, corroboration });
                Ok(Self::Tallying { counted, closed_at, noise_ballot, summed: None, tested })
            }
            other => Err(other.cannot("tallying its labels")),
        }
    }

    /// Publishes the opened labels, or that nothing passed the test.
    pub fn release(
        self,
        released_at: Millis,
        corroboration: Corroboration,
    ) -> Result<Self, InvalidTransition> {
        match self {
            Self::Opening { counted, tallied, tested, .. } if tallied.step == Step::Label => {
                Ok(Self::Released { counted, tallied, released_at, corroboration, tested })
            }
            Self::Tallying { counted, tested: Some(tested), .. } if tested.passed == 0 => {
                let (tallied, tested) = (tested.tallied, Some(tested));
                Ok(Self::Released { counted, tallied, released_at, corroboration, tested })
            }
            other => Err(other.cannot("released")),
        }
    }

    /// Returns whether several trustees were asked to tally anything of the round.
    pub const fn is_begun(&self) -> bool {
        let (summed, tested) = match self {
            Self::Tallying { summed, tested, .. } => (summed.is_some(), tested),
            Self::Opening { tallied, tested, .. } => (tallied.attempt.is_some(), tested),
            _ => return false,
        };
        summed || matches!(tested, Some(Tested { tallied: Tallied { attempt: Some(_), .. }, .. }))
    }

    /// Ends the round without labels; after its tally began, or an opening was posted, it is charged in full.
    pub fn fail(self, reason: FailureReason, opening_posted: bool) -> Result<Self, InvalidTransition> {
        if self.is_final() {
            return Err(self.cannot("failed"));
        }
        let charged = opening_posted || self.is_begun();
        Ok(Self::Failed { reason, charged })
    }

    /// Ends the round at the operator's wish; after its tally began, or an opening was posted, it is charged in full.
    pub fn cancel(self, opening_posted: bool) -> Result<Self, InvalidTransition> {
        if self.is_final() {
            return Err(self.cannot("cancelled"));
        }
        let charged = opening_posted || self.is_begun();
        Ok(Self::Cancelled { charged })
    }

    /// Returns the participants whose ballots are counted, once the window is closed.
    pub fn counted(&self) -> &[ParticipantId] {
        match self {
            Self::Tallying { counted, .. }
            | Self::Opening { counted, .. }
            | Self::Released { counted, .. } => counted,
            Self::Announced | Self::Voting | Self::Failed { .. } | Self::Cancelled { .. } => &[],
        }
    }

    /// Returns what the tally of a step produced, once it ran.
    pub fn tally(&self, step: Step) -> Option<&Tallied> {
        let last = match self {
            Self::Opening { tallied, .. } | Self::Released { tallied, .. } => Some(tallied),
            _ => None,
        };
        let test = self.test().map(|tested| &tested.tallied);
        last.into_iter().chain(test).find(|tallied| tallied.step == step)
    }

    /// Returns what the last tally produced that ran.
    pub fn last_tally(&self) -> Option<&Tallied> {
        self.tally(Step::Label).or_else(|| self.tally(Step::Test))
    }

    /// Returns what the test came to, once it was opened.
    pub const fn test(&self) -> Option<&Tested> {
        match self {
            Self::Tallying { tested, .. } | Self::Opening { tested, .. } | Self::Released { tested, .. } => {
                tested.as_ref()
            }
            _ => None,
        }
    }

    const fn cannot(&self, to: &'static str) -> InvalidTransition {
        InvalidTransition { from: self.name(), to }
    }
}
