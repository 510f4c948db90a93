//! The checks of a trustee among several before it recomputes and opens; pure, so that each refusal is tested.
//!
//! What the transcript alone can show (quorum, nobody twice, one tally per round, signatures) the replay has already
//! held to the rules. What is checked here is what only this institution knows: what it approved, what it cast, and
//! what it opened before.

use base::{
    Step,
    ids::{Digest, ParticipantId, RoundId},
};
use protocol::{
    federation::{FederationState, Roster},
    round::{AnnouncementError, OpeningQuestion},
    transcript::{Outcome, Replay, RoundRecord},
    wire::ReceiptView,
};

use super::log::StoredOpening;
use crate::teacher::journal::{Record, Stage};

/// Says why a trustee does not even recompute what it is asked to open.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CheckError {
    /// The ceremony is not complete.
    #[error("on the transcript the federation is {0:?}: rounds are opened while it is keyed")]
    NotKeyed(FederationState),
    /// The known answer was asked after the ceremony.
    #[error("on the transcript the ceremony is over or was stopped: the known answer is not opened")]
    CeremonyOver,
    /// This trustee complained about the keys.
    #[error("this trustee complained about the keys ({0}): nothing is opened with them")]
    Complained(String),
    /// The round was never announced, or not tallied.
    #[error("{0} is not on the transcript that this institution follows")]
    NotRecorded(String),
    /// The round ended without labels.
    #[error("the round ended without labels: nothing of it is opened any more")]
    Ended,
    /// It never approved the roster.
    #[error(
        "the round is held under roster {0}, which this institution never approved: run `participant approve`"
    )]
    NotApproved(Digest),
    /// A number differs from what the approved policy gives.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// Its own ballot is not counted.
    #[error(
        "the coordinator signed a receipt for this institution's ballot {0} before the window closed, but the \
         ballot is not counted: nothing is opened"
    )]
    OwnBallotDropped(Digest),
    /// A ballot is counted in its name that it did not cast.
    #[error("ballot {0} is counted in this institution's name, but it did not cast it: nothing is opened")]
    OwnBallotForged(Digest),
    /// The question was answered for another tally.
    #[error("this was opened already, for other ciphertexts ({opened}): each is opened once")]
    OpenedOther {
        /// Digest of what was opened.
        opened: Digest,
    },
    /// Without noise the keys serve one round.
    #[error(
        "this federation has no noise, so its keys serve one round only, and round {0} was opened already"
    )]
    KeysUsed(RoundId),
}

/// Is what a trustee knows beside the transcript.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// The followed transcript.
    pub replay: &'a Replay,
    /// This institution.
    pub participant: ParticipantId,
    /// The roster under which the round is held, if it was approved here.
    pub roster: Option<&'a Roster>,
    /// What became of its own vote in the round.
    pub own: Option<&'a OwnBallot>,
    /// Rounds of which it opened anything.
    pub opened: &'a [RoundId],
}

/// Is this institution's own ballot in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBallot {
    /// Digest of the ballot that it stored, posted or not.
    pub digest: Digest,
    /// The coordinator's receipt, if one came.
    pub receipt: Option<ReceiptView>,
}

impl OwnBallot {
    /// Takes it from the journal: the stage tells the digest, or the stored bytes do.
    pub fn of(record: Option<&Record>, stored: Option<Digest>) -> Option<Self> {
        let (digest, receipt) = match record.map(|record| &record.stage) {
            Some(Stage::Cast { digest, receipt, .. }) => (Some(*digest), Some(receipt.clone())),
            Some(Stage::Sealed { digest, .. }) => (Some(*digest), None),
            _ => (stored, None),
        };
        digest.map(|digest| Self { digest, receipt })
    }
}

/// Is what a trustee does about a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It recomputes, and opens if the bits agree.
    Recompute(OpeningQuestion),
    /// It posts again what it posted before.
    Repeat(Box<StoredOpening>),
}

impl Grounds<'_> {
    /// Checks a round's opening against what this institution approved, cast and opened.
    pub fn check_round(
        &self,
        round: RoundId,
        step: Step,
        before: Option<StoredOpening>,
    ) -> Result<Verdict, CheckError> {
        let replay = self.replay;
        if replay.state() != FederationState::Keyed {
            return Err(CheckError::NotKeyed(replay.state()));
        }
        let missing = || CheckError::NotRecorded(format!("the tally of the step `{step}` of round {round}"));
        let record = replay.round(round).ok_or_else(missing)?;
        let question = replay.question(Some(round), step).ok_or_else(missing)?;
        if let Some(Outcome::Failed { .. } | Outcome::Cancelled { .. }) = record.outcome {
            return Err(CheckError::Ended);
        }
        self.check_terms(record)?;
        self.check_own_ballot(record)?;
        let other = self.opened.iter().find(|opened| **opened != round);
        if let Some(other) = other.filter(|_| replay.founding().config.throw_away_keys()) {
            return Err(CheckError::KeysUsed(*other));
        }
        once(question, before)
    }

    /// Checks the opening of the known answer: the ceremony is at exactly that step.
    pub fn check_known_answer(&self, before: Option<StoredOpening>) -> Result<Verdict, CheckError> {
        let ceremony = self.replay.ceremony();
        if self.replay.state() != FederationState::Assembling || ceremony.complaint().is_some() {
            return Err(CheckError::CeremonyOver);
        }
        let missing = || CheckError::NotRecorded("the tally of the known answer".to_owned());
        once(self.replay.question(None, Step::Label).ok_or_else(missing)?, before)
    }

    /// The round is held under a roster that was approved here, and every number follows from it.
    fn check_terms(&self, record: &RoundRecord) -> Result<(), CheckError> {
        let announced = record.announcement.roster;
        let roster = self.roster.filter(|roster| roster.digest() == announced);
        let roster = roster.ok_or(CheckError::NotApproved(announced))?;
        let keys = self.replay.ceremony().certificate().map(|certificate| certificate.digest());
        let keys = keys.ok_or_else(|| CheckError::NotRecorded("the key certificate".to_owned()))?;
        Ok(record.announcement.check(self.replay.founding(), roster, keys)?)
    }

    /// A ballot with a receipt is counted, and no other ballot is in this institution's name.
    fn check_own_ballot(&self, record: &RoundRecord) -> Result<(), CheckError> {
        let counted = record.ballots.iter().flatten().find(|ballot| ballot.participant == self.participant);
        match (counted, self.own) {
            (Some(counted), own) if own.is_none_or(|own| own.digest != counted.digest) => {
                Err(CheckError::OwnBallotForged(counted.digest))
            }
            (None, Some(OwnBallot { digest, receipt: Some(receipt) }))
                if receipt.receipt.received_at < record.announcement.closes_at =>
            {
                Err(CheckError::OwnBallotDropped(*digest))
            }
            _ => Ok(()),
        }
    }
}

/// Each (round, step) is opened once; asked again, the same bytes are the answer.
fn once(question: OpeningQuestion, before: Option<StoredOpening>) -> Result<Verdict, CheckError> {
    match before {
        None => Ok(Verdict::Recompute(question)),
        Some(stored)
            if (stored.tally, stored.ciphertexts, stored.step)
                == (question.tally, question.ciphertexts, question.step) =>
        {
            Ok(Verdict::Repeat(Box::new(stored)))
        }
        Some(stored) => Err(CheckError::OpenedOther { opened: stored.ciphertexts }),
    }
}
