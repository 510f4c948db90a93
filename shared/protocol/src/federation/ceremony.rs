//! The ceremony's statements: which trustees share the key, that each agrees, and what each found in its package.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{Member, Roster};
use base::{
    identity::{PublicIdentity, SealingKey, Statement},
    ids::{Digest, ParticipantId},
};
use threshold::TrusteeIndex;

/// List of trustees among whom the decryption key is shared, fixed when all seats are taken.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Trustees {
    /// Hash of event 0.
    pub federation: Digest,
    /// Number, signing key and sealed-box key of each, in the order of their numbers.
    pub members: Vec<(ParticipantId, PublicIdentity, SealingKey)>,
}

impl Trustees {
    /// Takes the trustees of a roster.
    pub fn of(roster: &Roster) -> Self {
        let entry = |member: &Member| (member.id, member.identity, member.sealing);
        Self { federation: roster.federation, members: roster.trustees().map(entry).collect() }
    }

    /// Returns the hash that every trustee approves.
    pub fn digest(&self) -> Digest {
        Digest::of_value("psephos/trustees", self)
    }

    /// Returns who deals: the trustee with the lowest number.
    pub fn dealer(&self) -> Option<ParticipantId> {
        self.members.first().map(|(id, _, _)| *id)
    }

    /// Returns the place of a participant among the trustees, from 1.
    pub fn index(&self, id: ParticipantId) -> Option<TrusteeIndex> {
        let place = self.members.iter().position(|(member, _, _)| *member == id)?;
        u8::try_from(place + 1).ok().and_then(TrusteeIndex::new)
    }

    /// Returns the participant at a place among the trustees.
    pub fn participant(&self, index: TrusteeIndex) -> Option<ParticipantId> {
        self.members.get(usize::from(index.get()).checked_sub(1)?).map(|(id, _, _)| *id)
    }
}

/// A trustee's consent to share the key with these trustees, dealt by this dealer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TrusteeApproval {
    /// Hash of event 0.
    pub federation: Digest,
    /// Hash of the list of trustees.
    pub trustees: Digest,
    /// Who deals and is trusted at set-up.
    pub dealer: ParticipantId,
    /// Who approves.
    pub participant: ParticipantId,
}

impl Statement for TrusteeApproval {
    const DOMAIN: &'static str = "trustee-approval";
}

/// A trustee's word that its pieces match their commitments and are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Acknowledgement {
    /// Hash of event 0.
    pub federation: Digest,
    /// Digest of the key certificate.
    pub keys: Digest,
    /// Who acknowledges.
    pub participant: ParticipantId,
}

impl Statement for Acknowledgement {
    const DOMAIN: &'static str = "acknowledgement";
}

/// A trustee's word that what it received is wrong; it stops the ceremony.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
pub struct Complaint {
    /// Hash of event 0.
    pub federation: Digest,
    /// Digest of the key certificate.
    pub keys: Digest,
    /// Who complains.
    pub participant: ParticipantId,
    /// Whose work is complained about.
    pub about: ParticipantId,
    /// What is wrong, in words.
    pub reason: String,
}

impl Statement for Complaint {
    const DOMAIN: &'static str = "complaint";
}
