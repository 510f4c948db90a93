//! Events: what happened, in the order it happened, each signed and bound to the one before.

use borsh::{BorshDeserialize, BorshSerialize};

use super::EventKind;
use crate::{
    federation::{Approval, Founding, KeyCertificate, Member, SharedKeys, TrusteeApproval},
    round::{Announcement, Corroboration, FailureReason, Opening},
};
use base::{
    Step,
    clock::Millis,
    identity::{IdentityError, PublicIdentity, Signed, Statement},
    ids::{Digest, ParticipantId, RoundId},
};

/// Something that happened, with the digests of what it produced.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum EventBody {
    /// The federation was founded; this is event 0.
    Founded(Founding),
    /// A participant enrolled.
    Enrolled(Member),
    /// A participant approved event 0 and a roster.
    Approved(Signed<Approval>),
    /// The operator removed a participant from the roster.
    Revoked {
        /// Who was removed.
        participant: ParticipantId,
        /// Why, in the operator's words.
        reason: String,
    },
    /// A trustee agreed to share the key with these trustees.
    TrusteeApproved(Signed<TrusteeApproval>),
    /// The sole trustee published the keys.
    Keys(Signed<KeyCertificate>),
    /// A ceremony ended without a key: all of its trustees signed that it is dead, or it was given up. The next one has
    /// another name.
    CeremonyEnded {
        /// The ceremony.
        ceremony: Digest,
        /// Digest of its messages.
        board: Digest,
        /// Who lied, by what everybody showed; nobody if it was given up, or not a lie.
        named: Vec<ParticipantId>,
    },
    /// Several trustees made a key without a dealer.
    KeysShared(Box<SharedKeys>),
    /// The coordinator encrypted a known answer, whose opening proves the sole trustee's keys.
    KnownAnswer {
        /// Digest of its one ballot body.
        ballot: Digest,
    },
    /// The known answer was opened, or tallied by the trustees; the federation is keyed.
    Keyed,
    /// A round was announced.
    Announced(Announcement),
    /// A round's window closed over these ballots.
    WindowClosed {
        /// The round.
        round: RoundId,
        /// The ballots that are counted, in the order of the participants' numbers.
        ballots: Vec<CountedBallot>,
    },
    /// The coordinator encrypted its own noise, before the tally.
    NoiseBallot {
        /// The round.
        round: RoundId,
        /// Digest of the encrypted noise.
        digest: Digest,
    },
    /// Several trustees are asked to tally a sum; from here on the round is charged.
    Summed {
        /// The round.
        round: RoundId,
        /// The step.
        step: Step,
        /// Digest of the sum of all counted ballots, the coordinator's noise included.
        sum: Digest,
    },
    /// A tally ended.
    Tallied(TallyRecord),
    /// The sole trustee opened the label ciphertexts of a round, or of the known answer.
    Opened(Signed<Opening>),
    /// The test of a two-step round was opened: only these instances are labelled, opened further, and charged for it.
    Tested {
        /// The round.
        round: RoundId,
        /// The instances whose noisy maximum reaches the threshold, from 0 and ascending.
        passed: Vec<u32>,
        /// Who stands for it.
        corroboration: Corroboration,
    },
    /// The labels were published at this privacy cost.
    Released {
        /// The round.
        round: RoundId,
        /// One label per instance: class + 1, or 0 for an abstention.
        labels: Vec<u16>,
        /// Digest of the cost statement (its JSON form).
        cost: Digest,
        /// Who stands for them.
        corroboration: Corroboration,
    },
    /// A round ended without labels.
    Failed {
        /// The round.
        round: RoundId,
        /// Why.
        reason: FailureReason,
        /// Whether its cost counts as spent.
        charged: bool,
    },
    /// The operator ended a round.
    Cancelled {
        /// The round.
        round: RoundId,
        /// Whether its cost counts as spent.
        charged: bool,
    },
    /// The federation was closed.
    Closed,
}

impl EventBody {
    /// Returns what kind of event it is.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Founded(_) => EventKind::Founded,
            Self::Enrolled(_) => EventKind::Enrolled,
            Self::Approved(_) => EventKind::Approved,
            Self::Revoked { .. } => EventKind::Revoked,
            Self::TrusteeApproved(_) => EventKind::TrusteeApproved,
            Self::Keys(_) => EventKind::Keys,
            Self::CeremonyEnded { .. } => EventKind::CeremonyEnded,
            Self::KeysShared(_) => EventKind::KeysShared,
            Self::KnownAnswer { .. } => EventKind::KnownAnswer,
            Self::Keyed => EventKind::Keyed,
            Self::Announced(_) => EventKind::Announced,
            Self::WindowClosed { .. } => EventKind::WindowClosed,
            Self::NoiseBallot { .. } => EventKind::NoiseBallot,
            Self::Summed { .. } => EventKind::Summed,
            Self::Tallied(_) => EventKind::Tallied,
            Self::Opened(_) => EventKind::Opened,
            Self::Tested { .. } => EventKind::Tested,
            Self::Released { .. } => EventKind::Released,
            Self::Failed { .. } => EventKind::Failed,
            Self::Cancelled { .. } => EventKind::Cancelled,
            Self::Closed => EventKind::Closed,
        }
    }
}

/// A ballot that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CountedBallot {
    /// Who cast it.
    pub participant: ParticipantId,
    /// Digest of all its bytes.
    pub digest: Digest,
    /// When it arrived.
    pub received_at: Millis,
}

/// Digests of what a tally went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TallyRecord {
    /// The round; `None` for the known answer that proves the keys.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Digest of the sum of all ballots, the coordinator's noise included.
    pub sum: Digest,
    /// What came of it.
    pub outcome: TallyOutcome,
}

/// What comes of a tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TallyOutcome {
    /// Label ciphertexts, which the sole trustee opens.
    Ciphertexts(Digest),
    /// What several trustees signed in a session, in which the labels are opened.
    Session {
        /// The attempt that ended with labels.
        attempt: u32,
        /// Digest of the record of its messages.
        record: Digest,
    },
}

impl TallyOutcome {
    /// Returns the digest of the label ciphertexts, or of the session's record.
    pub const fn digest(&self) -> Digest {
        match self {
            Self::Ciphertexts(digest) | Self::Session { record: digest, .. } => *digest,
        }
    }

    /// Returns the attempt, where several trustees computed.
    pub const fn attempt(&self) -> Option<u32> {
        match self {
            Self::Ciphertexts(_) => None,
            Self::Session { attempt, .. } => Some(*attempt),
        }
    }
}

/// A link of the chain.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    /// Position, from 0.
    pub height: u64,
    /// Digest of the event before; all zeros at height 0.
    pub parent: Digest,
    /// When it was recorded.
    pub at: Millis,
    /// What happened.
    pub body: EventBody,
}

impl Statement for Event {
    const DOMAIN: &'static str = "event";
}

/// End of a chain: where the next event attaches.
///
/// ```
/// use base::{clock::Millis, identity::Identity};
/// use protocol::transcript::{EventBody, Head};
///
/// let coordinator = Identity::generate()?;
/// let event = coordinator.sign(&Head::EMPTY.next(Millis(1), EventBody::Closed));
/// let (read, head) = Head::EMPTY.follow(&event, &coordinator.public())?;
/// assert_eq!((read.body, head.length), (EventBody::Closed, 1));
/// // It attaches nowhere else.
/// assert!(head.follow(&event, &coordinator.public()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of events.
    pub length: u64,
    /// Digest of the last event; all zeros when there is none.
    pub digest: Digest,
}

/// Where a chain breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The signature or the bytes of an event are wrong.
    #[error("event {height}: {source}")]
    Signature {
        /// Position of the event.
        height: u64,
        /// What is wrong.
        source: IdentityError,
    },
    /// An event does not follow the one before.
    #[error("event {height} does not follow: its {field} is not that of the event before")]
    Link {
        /// Position of the event.
        height: u64,
        /// What does not follow.
        field: &'static str,
    },
}

impl Head {
    /// Head of an empty chain.
    pub const EMPTY: Self = Self { length: 0, digest: Digest::from_bytes([0; 32]) };

    /// Returns the event that attaches here.
    pub fn next(&self, at: Millis, body: EventBody) -> Event {
        Event { height: self.length, parent: self.digest, at, body }
    }

    /// Returns the head after an event of this chain.
    pub fn after(event: &Event) -> Self {
        Self { length: event.height + 1, digest: Digest::of_value("psephos/event", event) }
    }

    /// Checks that a signed event attaches here and returns it with the new head.
    pub fn follow(
        &self,
        signed: &Signed<Event>,
        signer: &PublicIdentity,
    ) -> Result<(Event, Self), ChainError> {
        let height = self.length;
        let event = signed.verify(signer).map_err(|source| ChainError::Signature { height, source })?;
        if event.height != height {
            return Err(ChainError::Link { height, field: "height" });
        }
        if event.parent != self.digest {
            return Err(ChainError::Link { height, field: "parent" });
        }
        let after = Self::after(&event);
        Ok((event, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::identity::Identity;

    #[test]
    fn a_chain_cannot_be_reordered_or_resigned() -> Result<(), Box<dyn std::error::Error>> {
        let (coordinator, other) = (Identity::generate()?, Identity::generate()?);
        let first = Head::EMPTY.next(Millis(1), EventBody::Closed);
        let second = Head::after(&first).next(Millis(2), EventBody::Closed);
        let signed: Vec<_> = [&first, &second].map(|event| coordinator.sign(event)).into();

        let (_, head) = Head::EMPTY.follow(&signed[0], &coordinator.public())?;
        let (_, head) = head.follow(&signed[1], &coordinator.public())?;
        assert_eq!(head.length, 2);

        let skipped = Head::EMPTY.follow(&signed[1], &coordinator.public());
        assert_eq!(skipped, Err(ChainError::Link { height: 0, field: "height" }));
        assert!(Head::EMPTY.follow(&signed[0], &other.public()).is_err());

        let forged = coordinator.sign(&Event { parent: Digest::of(b"fork"), ..second });
        let fork = Head::after(&first).follow(&forged, &coordinator.public());
        assert_eq!(fork, Err(ChainError::Link { height: 1, field: "parent" }));
        Ok(())
    }
}
