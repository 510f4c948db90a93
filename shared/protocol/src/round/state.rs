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

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::Corroboration;
use base::{
    Step,
    clock::Millis,
    ids::{Digest, ParticipantId},
};

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

/// Why a round failed.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureReason {
    /// Too few ballots came; nothing was opened.
    QuorumNotMet {
        /// Ballots that came.
        ballots: u32,
        /// Ballots needed.
        quorum: u32,
    },
    /// The trustees did not answer in time.
    OpeningTimedOut,
    /// The trustees did not finish their tally in time.
    TallyTimedOut {
        /// Who was waited for last.
        waiting: Vec<ParticipantId>,
        /// Whom the trustees that ended attempts named; their word proves nothing.
        named: Vec<ParticipantId>,
    },
    /// Something the round needs is missing or broken.
    Damaged {
        /// What, in words.
        detail: String,
    },
}

impl std::fmt::Display for FailureReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::QuorumNotMet { ballots, quorum } => {
                write!(f, "{ballots} ballots came, {quorum} were needed; nothing was opened")
            }
            Self::OpeningTimedOut => f.write_str("the trustees did not open the labels in time"),
            Self::TallyTimedOut { waiting, named } => {
                f.write_str("the trustees did not finish their tally in time")?;
                let list = |ids: &[ParticipantId]| {
                    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                };
                if !waiting.is_empty() {
                    write!(f, "; waited for participants {}", list(waiting))?;
                }
                if !named.is_empty() {
                    write!(f, "; named when attempts ended: participants {}", list(named))?;
                }
                Ok(())
            }
            Self::Damaged { detail } => f.write_str(detail),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(numbers: &[u32]) -> Vec<ParticipantId> {
        numbers.iter().filter_map(|n| ParticipantId::new(*n)).collect()
    }

    fn tallied() -> Tallied {
        Tallied {
            step: Step::Label,
            noise_ballot: Digest::of(b"noise"),
            record: Digest::of(b"labels"),
            attempt: None,
            event: Digest::of(b"event"),
            cpu_ms: 1,
            wall_ms: 1,
        }
    }

    #[test]
    fn a_round_lives_and_names_who_was_counted() -> Result<(), InvalidTransition> {
        let voting = RoundState::Announced.open()?;
        let tallying = voting.close(voters(&[1, 3]), 2, Millis(5))?;
        let opening = tallying.with_noise(tallied().noise_ballot)?.tallied(tallied(), Millis(9))?;
        let released = opening.release(Millis(8), Corroboration::SoleTrustee)?;
        assert_eq!(released.counted(), voters(&[1, 3]));
        assert_eq!(
            released.fail(FailureReason::OpeningTimedOut, true),
            Err(InvalidTransition { from: "released", to: "failed" })
        );
        Ok(())
    }

    #[test]
    fn below_the_quorum_nothing_is_tallied_and_nothing_charged() -> Result<(), InvalidTransition> {
        let failed = RoundState::Voting.close(voters(&[2]), 2, Millis(5))?;
        let reason = FailureReason::QuorumNotMet { ballots: 1, quorum: 2 };
        assert_eq!(failed, RoundState::Failed { reason, charged: false });
        Ok(())
    }

    #[test]
    fn the_noise_ballot_is_fixed_once_and_before_the_tally() -> Result<(), InvalidTransition> {
        let tallying = RoundState::Voting.close(voters(&[1]), 1, Millis(5))?;
        assert!(tallying.clone().tallied(tallied(), Millis(9)).is_err(), "no noise ballot yet");
        let fixed = tallying.with_noise(Digest::of(b"noise"))?;
        assert!(fixed.clone().with_noise(Digest::of(b"another")).is_err(), "noise is never redrawn");
        let other = Tallied { noise_ballot: Digest::of(b"another"), ..tallied() };
        assert!(fixed.tallied(other, Millis(9)).is_err(), "a tally over another noise ballot");
        Ok(())
    }

    #[test]
    fn a_test_comes_before_the_labels_and_ends_a_round_that_nothing_passed() -> Result<(), InvalidTransition>
    {
        let test = Tallied { step: Step::Test, ..tallied() };
        let tallying = RoundState::Voting.close(voters(&[1]), 1, Millis(5))?.with_noise(test.noise_ballot)?;
        let opening = tallying.tallied(test, Millis(9))?;
        assert!(
            opening.clone().release(Millis(8), Corroboration::SoleTrustee).is_err(),
            "bits are not labels"
        );
        let nothing = opening.clone().tested(0, Corroboration::SoleTrustee)?;
        let released = nothing.release(Millis(8), Corroboration::SoleTrustee)?;
        assert_eq!((released.tally(Step::Test), released.tally(Step::Label)), (Some(&test), None));

        let tallying = opening.tested(2, Corroboration::SoleTrustee)?;
        assert!(
            tallying.clone().release(Millis(8), Corroboration::SoleTrustee).is_err(),
            "two labels are due"
        );
        assert!(tallying.clone().tallied(test, Millis(9)).is_err(), "a test is tallied once");
        let opening = tallying.tallied(tallied(), Millis(12))?;
        assert!(opening.clone().tested(1, Corroboration::SoleTrustee).is_err(), "a test is opened once");
        let released = opening.release(Millis(11), Corroboration::SoleTrustee)?;
        assert_eq!(released.test().map(|tested| tested.passed), Some(2));
        assert_eq!((released.last_tally(), released.tally(Step::Test)), (Some(&tallied()), Some(&test)));
        Ok(())
    }

    #[test]
    fn a_round_is_charged_from_the_moment_that_its_trustees_are_asked() -> Result<(), InvalidTransition> {
        let asked =
            |step| Summed { step, sum: Digest::of(b"sum"), event: Digest::of(b"asked"), at: Millis(6) };
        let noise = tallied().noise_ballot;
        let tallying = RoundState::Voting.close(voters(&[1]), 1, Millis(5))?;
        assert!(tallying.clone().summed(asked(Step::Label)).is_err(), "no noise ballot yet");
        let tallying = tallying.with_noise(noise)?;
        assert!(!tallying.is_begun());
        let begun = tallying.summed(asked(Step::Test))?;
        assert!(begun.clone().summed(asked(Step::Test)).is_err(), "asked once");
        assert!(
            begun.clone().tallied(tallied(), Millis(9)).is_err(),
            "the labels of a test that was not tallied"
        );
        assert_eq!(begun.clone().cancel(false)?, RoundState::Cancelled { charged: true });
        let test = Tallied { step: Step::Test, attempt: Some(3), ..tallied() };
        let labels = begun.tallied(test, Millis(9))?.tested(2, Corroboration::Agreed)?;
        assert!(labels.is_begun(), "between test and labels");
        let released = labels
            .summed(asked(Step::Label))?
            .tallied(Tallied { attempt: Some(0), ..tallied() }, Millis(9))?
            .release(Millis(10), Corroboration::Agreed)?;
        assert_eq!(released.last_tally().and_then(|tally| tally.attempt), Some(0));
        Ok(())
    }

    #[test]
    fn states_round_trip_through_their_row() -> Result<(), serde_json::Error> {
        let test = Tallied { step: Step::Test, ..tallied() };
        let tested = Some(Tested { tallied: test, passed: 3, corroboration: Corroboration::Agreed });
        let (counted, closed_at, deadline) = (voters(&[1, 2]), Millis(5), Millis(7));
        let state = RoundState::Opening { counted, closed_at, tallied: tallied(), deadline, tested };
        assert_eq!(serde_json::from_str::<RoundState>(&serde_json::to_string(&state)?)?, state);
        Ok(())
    }
}
