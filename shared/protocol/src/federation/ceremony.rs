//! The trustees of a federation: who they are, that a person at each agrees, and the names of their ceremonies.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Member, Roster};
use base::{
    identity::{PublicIdentity, Statement},
    ids::{Digest, ParticipantId, RoundId},
};
use tally::sharing::{Group, Sharing, Trustee};

/// List of trustees among whom the decryption key is shared, fixed when all seats are taken.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Trustees {
    /// Hash of event 0.
    pub federation: Digest,
    /// Number and signing key of each, in the order of their numbers.
    pub members: Vec<(ParticipantId, PublicIdentity)>,
}

impl Trustees {
    /// Takes the trustees of a roster.
    pub fn of(roster: &Roster) -> Self {
        let entry = |member: &Member| (member.id, member.identity);
        Self { federation: roster.federation, members: roster.trustees().map(entry).collect() }
    }

    /// Returns the hash that every trustee approves.
    pub fn digest(&self) -> Digest {
        Digest::of_value("psephos/trustees", self)
    }

    /// Returns the trustee of a federation that has only one.
    pub fn sole(&self) -> Option<ParticipantId> {
        match self.members.as_slice() {
            [(id, _)] => Some(*id),
            _ => None,
        }
    }

    /// Returns their signing keys, in their order.
    pub fn identities(&self) -> Vec<PublicIdentity> {
        self.members.iter().map(|(_, identity)| *identity).collect()
    }

    /// Returns the place of a participant among the trustees.
    pub fn place(&self, id: ParticipantId, sharing: Sharing) -> Option<Trustee> {
        let place = self.members.iter().position(|(member, _)| *member == id)?;
        u8::try_from(place + 1).ok().and_then(|number| sharing.trustee(number))
    }

    /// Returns the participant at a place among the trustees.
    pub fn participant(&self, trustee: Trustee) -> Option<ParticipantId> {
        self.members.get(trustee.index()).map(|(id, _)| *id)
    }

    /// Returns the participants at these places.
    pub fn participants(&self, group: Group) -> Vec<ParticipantId> {
        group.members().filter_map(|trustee| self.participant(trustee)).collect()
    }

    /// Returns the name of their ceremony number `number`, from 0: no name is used twice.
    pub fn ceremony(&self, number: u32) -> Digest {
        Digest::of_value("psephos/ceremony", &(self.digest(), number))
    }
}

/// Returns the id under which the known answer of a ceremony is tallied; no round may have it.
pub fn known_answer_round(ceremony: &Digest) -> RoundId {
    let digest = Digest::of_value("psephos/known answer", ceremony);
    let mut id = [0; 16];
    id.iter_mut().zip(digest.as_bytes()).for_each(|(byte, drawn)| *byte = *drawn);
    RoundId::from_bytes(id)
}

/// A trustee's consent to share the key with these trustees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TrusteeApproval {
    /// Hash of event 0.
    pub federation: Digest,
    /// Hash of the list of trustees.
    pub trustees: Digest,
    /// Who approves.
    pub participant: ParticipantId,
}

impl Statement for TrusteeApproval {
    const DOMAIN: &'static str = "trustee-approval";
}
