//! The replay: applies events one by one, holds each to the rules, and so arrives at what everybody must know.
//!
//! Participants, trustees and auditors replay the same chain with the same rules. A rule that an event breaks is a
//! [`Fault`] of one named check, and the event changes nothing.

mod ceremony;
mod members;
mod record;
mod rounds;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use ceremony::{CeremonyRecord, EndedCeremony};
pub use record::{Asked, Outcome, RoundRecord, StepRecord, TestRecord};

use super::{Check, Event, EventBody, Fault, Head, TallyOutcome, TallyRecord, known_answer_resolution};
use crate::{
    federation::{FederationState, Founding, Member, Roster, Trustees},
    round::{Opening, OpeningQuestion},
};
use base::{
    Step,
    clock::Millis,
    identity::{PublicIdentity, Signed},
    ids::{Digest, ParticipantId, RoundId},
};
use privacy::Ledger;

/// Said of a first event that this version cannot read.
const OTHER_VERSION: &str =
    "the first event is not of the form that this version writes; Psephos 0.1 reads what 0.1 wrote";

/// A tally on the record, and the digest of the event that recorded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// What was recorded.
    pub tally: TallyRecord,
    /// Digest of the event.
    pub event: Digest,
    /// Height of the event.
    pub height: u64,
}

/// The federation as its transcript tells it.
#[derive(Debug, Clone)]
pub struct Replay {
    head: Head,
    founding: Founding,
    federation: Digest,
    state: FederationState,
    members: BTreeMap<ParticipantId, Member>,
    enrolled: u32,
    approvals: BTreeMap<ParticipantId, Digest>,
    ceremony: CeremonyRecord,
    rounds: BTreeMap<RoundId, RoundRecord>,
    ledger: Ledger,
}

/// Place of the event that is being applied.
#[derive(Debug, Clone, Copy)]
struct At {
    height: u64,
    time: Millis,
    digest: Digest,
}

impl At {
    fn refuse(self, check: Check, what: impl std::fmt::Display) -> Fault {
        check.fault(self.height, what)
    }
}

impl Replay {
    /// Begins with event 0, which names the coordinator that signs every event.
    pub fn begin(first: &Signed<Event>) -> Result<Self, Fault> {
        let refuse = |what: String| Check::Chain.fault(0, what);
        let claimed = first.unverified().map_err(|_| refuse(OTHER_VERSION.to_owned()))?;
        let EventBody::Founded(founding) = claimed.body else {
            return Err(refuse("the first event must found the federation".to_owned()));
        };
        let (_, head) =
            Head::EMPTY.follow(first, &founding.coordinator).map_err(|e| refuse(e.to_string()))?;
        founding.config.check().map_err(|e| refuse(e.to_string()))?;
        Ok(Self {
            head,
            federation: founding.digest(),
            ledger: Ledger::new(founding.config.privacy.targets),
            founding,
            state: FederationState::Assembling,
            members: BTreeMap::new(),
            enrolled: 0,
            approvals: BTreeMap::new(),
            ceremony: CeremonyRecord::default(),
            rounds: BTreeMap::new(),
        })
    }

    /// Replays a whole chain.
    pub fn of(events: &[Signed<Event>]) -> Result<Self, Fault> {
        let (first, rest) = events.split_first().ok_or_else(|| Check::Chain.fault(0, "there is no event"))?;
        let mut replay = Self::begin(first)?;
        rest.iter().try_for_each(|signed| replay.follow(signed))?;
        Ok(replay)
    }

    /// Applies the next event; one that breaks a rule changes nothing.
    pub fn follow(&mut self, signed: &Signed<Event>) -> Result<(), Fault> {
        let height = self.head.length;
        let followed = self.head.follow(signed, &self.founding.coordinator);
        let (event, head) = followed.map_err(|e| Check::Chain.fault(height, e))?;
        self.apply(At { height, time: event.at, digest: head.digest }, event.body)?;
        self.head = head;
        Ok(())
    }

    fn apply(&mut self, at: At, body: EventBody) -> Result<(), Fault> {
        if self.state == FederationState::Closed {
            return Err(at.refuse(Check::Chain, "the federation was closed before"));
        }
        match body {
            EventBody::Founded(_) => Err(at.refuse(Check::Chain, "the federation is founded a second time")),
            EventBody::Enrolled(member) => self.enrol(at, member),
            EventBody::Approved(signed) => self.approve(at, &signed),
            EventBody::Revoked { participant, .. } => self.revoke(at, participant),
            EventBody::TrusteeApproved(signed) => self.approve_trustees(at, &signed),
            EventBody::Keys(signed) => self.publish_keys(at, &signed),
            EventBody::CeremonyEnded { ceremony, board, named } => {
                self.end_ceremony(at, ceremony, board, named)
            }
            EventBody::KeysShared(keys) => self.share_keys(at, keys),
            EventBody::KnownAnswer { ballot } => self.ask_known_answer(at, ballot),
            EventBody::Keyed => self.become_keyed(at),
            EventBody::Announced(announcement) => self.announce(at, announcement),
            EventBody::WindowClosed { round, ballots } => self.close_window(at, round, ballots),
            EventBody::NoiseBallot { round, digest } => self.fix_noise(at, round, digest),
            EventBody::Summed { round, step, sum } => self.name_sum(at, (round, step), sum),
            EventBody::Tallied(tally) => self.record_tally(at, tally),
            EventBody::Opened(signed) => self.open(at, &signed),
            EventBody::Tested { round, passed, corroboration } => self.test(at, round, passed, corroboration),
            EventBody::Released { round, labels, cost, corroboration } => {
                self.release(at, round, labels, cost, corroboration)
            }
            EventBody::Failed { round, charged, .. } => self.end(at, round, Outcome::Failed { charged }),
            EventBody::Cancelled { round, charged } => self.end(at, round, Outcome::Cancelled { charged }),
            EventBody::Closed => {
                self.state = FederationState::Closed;
                Ok(())
            }
        }
    }

    /// Returns where the next event attaches.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Returns event 0.
    pub const fn founding(&self) -> &Founding {
        &self.founding
    }

    /// Returns the hash of event 0.
    pub const fn federation(&self) -> Digest {
        self.federation
    }

    /// Returns who signs the events.
    pub const fn coordinator(&self) -> PublicIdentity {
        self.founding.coordinator
    }

    /// Returns where the federation stands.
    pub const fn state(&self) -> FederationState {
        self.state
    }

    /// Returns the roster as it stands.
    pub fn roster(&self) -> Roster {
        Roster { federation: self.federation, members: self.members.values().cloned().collect() }
    }

    /// Returns the trustees, complete or not.
    pub fn trustees(&self) -> Trustees {
        Trustees::of(&self.roster())
    }

    /// Returns the ceremony's record.
    pub const fn ceremony(&self) -> &CeremonyRecord {
        &self.ceremony
    }

    /// Returns a round.
    pub fn round(&self, id: RoundId) -> Option<&RoundRecord> {
        self.rounds.get(&id)
    }

    /// Returns every round.
    pub fn rounds(&self) -> impl Iterator<Item = &RoundRecord> {
        self.rounds.values()
    }

    /// Returns the ledger: every announcement reserves, every end of a round commits, charges or gives back.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Returns the tally of a round's step, or of the known answer, if it is on the record.
    pub fn tally(&self, round: Option<RoundId>, step: Step) -> Option<Recorded> {
        match round {
            None => self.ceremony.tally().filter(|recorded| recorded.tally.step == step),
            Some(id) => self.round(id)?.tally(step),
        }
    }

    /// Returns what the opening of a tally by the sole trustee must answer; `None` before the tally.
    pub fn question(&self, round: Option<RoundId>, step: Step) -> Option<OpeningQuestion> {
        let Recorded { tally, event, .. } = self.tally(round, step)?;
        let TallyOutcome::Ciphertexts(ciphertexts) = tally.outcome else { return None };
        let layout = match round {
            None => known_answer_resolution(&self.founding.config).ok()?.layout(),
            Some(id) => self.round(id)?.outcomes(step)?,
        };
        Some(OpeningQuestion {
            federation: self.federation,
            round,
            step,
            tally: event,
            ciphertexts,
            instances: layout.instances(),
            classes: layout.classes(),
        })
    }

    /// Checks an opening that the sole trustee signed against the tally it names.
    fn check_opening(&self, at: At, signed: &Signed<Opening>, earlier: &[Opening]) -> Result<Opening, Fault> {
        let refuse = |what: String| at.refuse(Check::Openings, what);
        let claimed = signed.unverified().map_err(|e| refuse(e.to_string()))?;
        let trustee = self.members.get(&claimed.trustee).filter(|member| member.trustee);
        let trustee =
            trustee.ok_or_else(|| refuse(format!("participant {} is not a trustee", claimed.trustee)))?;
        let opening = signed.verify(&trustee.identity).map_err(|e| refuse(e.to_string()))?;
        if earlier.iter().any(|other| other.trustee == trustee.id) {
            return Err(refuse(format!("trustee {} opens a second time", trustee.id)));
        }
        let question = self
            .question(opening.round, opening.step)
            .ok_or_else(|| refuse("opened before it was tallied, or where nothing is opened".to_owned()))?;
        question.check(&opening, trustee.id).map_err(|e| refuse(e.to_string()))?;
        Ok(opening)
    }
}
