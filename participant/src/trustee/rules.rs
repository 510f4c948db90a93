//! The rule book of a trustee, sole or one of several: what must hold before it opens or tallies anything.
//!
//! What the transcript alone can show (quorum, nobody twice, one tally per step, signatures, budget) the replay has
//! already held to the rules. What is checked here is what only this institution knows: what it approved, what it cast,
//! and what it answered before. It is pure, so that each refusal is tested.

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

/// Why a trustee does not answer what it is asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A release contradicted what this trustee computed, and no person has looked at it.
    #[error("{0}; nothing is answered until a person here has looked: run `participant trustee resume`")]
    Alarm(String),
    /// The roster does not name it as a trustee.
    #[error("participant {0} is not a trustee on the transcript")]
    NotTrustee(ParticipantId),
    /// The federation is in another state.
    #[error("on the transcript the federation is {0:?}: rounds are answered while it is keyed")]
    NotKeyed(FederationState),
    /// The known answer was asked after the federation was keyed or closed.
    #[error("on the transcript the federation is {0:?}: the known answer is answered before that")]
    CeremonyOver(FederationState),
    /// The keys are not those that this trustee made, or helped to make.
    #[error(
        "the transcript names keys {found}, this trustee has a part in {own}: nothing is answered with them"
    )]
    OtherKeys {
        /// Digest of the keys on the transcript.
        found: String,
        /// Digest of the keys that are known here.
        own: String,
    },
    /// The round was never announced, or nothing is asked of it.
    #[error("{0} is not on the transcript that this institution follows")]
    NotRecorded(String),
    /// The round ended without labels.
    #[error("the round ended without labels: nothing of it is answered any more")]
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
         ballot is not counted: nothing is answered"
    )]
    OwnBallotDropped(Digest),
    /// A ballot is counted in its name that it did not cast.
    #[error("ballot {0} is counted in this institution's name, but it did not cast it: nothing is answered")]
    OwnBallotForged(Digest),
    /// The step was answered for something else.
    #[error("this was answered already, for {answered}; {asked} is asked now: each step is answered once")]
    AnsweredOther {
        /// Digest of what was answered.
        answered: Digest,
        /// Digest of what is asked.
        asked: Digest,
    },
    /// Without noise the keys serve one round.
    #[error(
        "this federation has no noise, so its keys serve one round only, and round {0} was answered already"
    )]
    KeysUsed(RoundId),
}

/// What a trustee knows beside the transcript.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// The followed transcript.
    pub replay: &'a Replay,
    /// This institution.
    pub participant: ParticipantId,
    /// Digest of the keys that it made alone, or of the certificate to which its pieces belong.
    pub keys: Option<Digest>,
    /// The roster under which the round is held, if it was approved here.
    pub roster: Option<&'a Roster>,
    /// What became of its own vote in the round.
    pub own: Option<&'a OwnBallot>,
    /// Rounds of which it answered anything.
    pub answered: &'a [RoundId],
    /// What no person has looked at yet.
    pub alarm: Option<&'a str>,
}

/// This institution's own ballot in a round.
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

/// What the sole trustee does about a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// It opens the label ciphertexts.
    Open(OpeningQuestion),
    /// It posts again what it posted before.
    Repeat(Box<StoredOpening>),
}

impl Grounds<'_> {
    /// Checks what the sole trustee is asked of a round or, without one, of the known answer.
    ///
    /// # Errors
    /// Refuses what any rule of this book forbids.
    pub fn permit(
        &self,
        (round, step): (Option<RoundId>, Step),
        before: Option<StoredOpening>,
    ) -> Result<Permit, Refusal> {
        self.check(round, step)?;
        let question = self.replay.question(round, step).ok_or_else(|| not_recorded(round, step))?;
        match before {
            None => Ok(Permit::Open(question)),
            Some(stored)
                if (stored.tally, stored.ciphertexts, stored.step)
                    == (question.tally, question.ciphertexts, question.step) =>
            {
                Ok(Permit::Repeat(Box::new(stored)))
            }
            Some(stored) => {
                let (answered, asked) = (stored.ciphertexts, question.ciphertexts);
                Err(Refusal::AnsweredOther { answered, asked })
            }
        }
    }

    /// Checks what one of several trustees is asked to tally: a sum, of which it signed `signed` before.
    ///
    /// # Errors
    /// Refuses what any rule of this book forbids.
    pub fn permit_sum(
        &self,
        (round, step): (Option<RoundId>, Step),
        asked: Digest,
        signed: Option<Digest>,
    ) -> Result<(), Refusal> {
        self.check(round, step)?;
        match signed.filter(|answered| *answered != asked) {
            Some(answered) => Err(Refusal::AnsweredOther { answered, asked }),
            None => Ok(()),
        }
    }

    fn check(&self, round: Option<RoundId>, step: Step) -> Result<(), Refusal> {
        if let Some(alarm) = self.alarm {
            return Err(Refusal::Alarm(alarm.to_owned()));
        }
        if !self.replay.trustees().members.iter().any(|(id, _)| *id == self.participant) {
            return Err(Refusal::NotTrustee(self.participant));
        }
        let found = self.replay.ceremony().keys().map(|keys| keys.digest());
        if found != self.keys || found.is_none() {
            let shown = |keys: Option<Digest>| keys.map_or("none".to_owned(), |keys| keys.to_string());
            return Err(Refusal::OtherKeys { found: shown(found), own: shown(self.keys) });
        }
        match round {
            None => self.check_known_answer(),
            Some(round) => self.check_round(round, step),
        }
    }

    fn check_known_answer(&self) -> Result<(), Refusal> {
        match self.replay.state() {
            FederationState::Assembling => Ok(()),
            other => Err(Refusal::CeremonyOver(other)),
        }
    }

    fn check_round(&self, round: RoundId, step: Step) -> Result<(), Refusal> {
        let replay = self.replay;
        if replay.state() != FederationState::Keyed {
            return Err(Refusal::NotKeyed(replay.state()));
        }
        let record = replay.round(round).ok_or_else(|| not_recorded(Some(round), step))?;
        if let Some(Outcome::Failed { .. } | Outcome::Cancelled { .. }) = record.outcome {
            return Err(Refusal::Ended);
        }
        self.check_terms(record)?;
        self.check_own_ballot(record)?;
        let other = self.answered.iter().find(|answered| **answered != round);
        match other.filter(|_| replay.founding().config.throw_away_keys()) {
            Some(other) => Err(Refusal::KeysUsed(*other)),
            None => Ok(()),
        }
    }

    /// The round is held under a roster that was approved here, and every number follows from it.
    fn check_terms(&self, record: &RoundRecord) -> Result<(), Refusal> {
        let announced = record.announcement.roster;
        let roster = self.roster.filter(|roster| roster.digest() == announced);
        let roster = roster.ok_or(Refusal::NotApproved(announced))?;
        let keys = self.keys.ok_or_else(|| Refusal::NotRecorded("the keys".to_owned()))?;
        Ok(record.announcement.check(self.replay.founding(), roster, keys)?)
    }

    /// A ballot with a receipt is counted, and no other ballot is in this institution's name.
    fn check_own_ballot(&self, record: &RoundRecord) -> Result<(), Refusal> {
        let counted = record.ballots.iter().flatten().find(|ballot| ballot.participant == self.participant);
        match (counted, self.own) {
            (Some(counted), own) if own.is_none_or(|own| own.digest != counted.digest) => {
                Err(Refusal::OwnBallotForged(counted.digest))
            }
            (None, Some(OwnBallot { digest, receipt: Some(receipt) }))
                if receipt.receipt.received_at < record.announcement.closes_at =>
            {
                Err(Refusal::OwnBallotDropped(*digest))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the refusal of what the transcript does not ask.
pub(super) fn not_recorded(round: Option<RoundId>, step: Step) -> Refusal {
    Refusal::NotRecorded(match round {
        None => "the question of the known answer".to_owned(),
        Some(round) => format!("a question about the step `{step}` of round {round}"),
    })
}

#[cfg(test)]
mod tests;
