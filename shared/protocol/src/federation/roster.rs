//! The roster: the enrolled participants with their keys and teachers, and who is trustee.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use base::{
    identity::{PublicIdentity, SealingKey, Statement},
    ids::{Digest, ParticipantId},
};

/// Most teachers one participant may declare.
const MAX_TEACHERS: u32 = 10_000;
/// Longest name of a participant.
const MAX_NAME: usize = 80;

/// An enrolled participant.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
pub struct Member {
    /// Number, from 1.
    pub id: ParticipantId,
    /// Name that the operator gave with the invite.
    pub name: String,
    /// Key that verifies its signatures.
    pub identity: PublicIdentity,
    /// Key to which messages for it are sealed.
    pub sealing: SealingKey,
    /// Number of its teachers, k.
    pub teachers: u32,
    /// Whether it holds the decryption key.
    pub trustee: bool,
}

/// List of participants under which a round is held.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
pub struct Roster {
    /// Federation it belongs to.
    pub federation: Digest,
    /// Members in the order of their numbers.
    pub members: Vec<Member>,
}

/// Why an enrolment or a roster cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The number of teachers is out of range.
    #[error("teachers = {0} must be from 1 to {MAX_TEACHERS}")]
    Teachers(u32),
    /// The name is unusable.
    #[error("participant name \"{0}\" must have 1 to {MAX_NAME} characters without control characters")]
    Name(String),
}

impl Roster {
    /// Returns the roster's hash, which members approve and rounds refer to.
    pub fn digest(&self) -> Digest {
        Digest::of_value("psephos/roster", self)
    }

    /// Returns the number of enrolled participants, N.
    pub fn enrolled(&self) -> u32 {
        self.members.len() as u32
    }

    /// Returns the number of all teachers, K: the largest possible count.
    pub fn teachers(&self) -> u32 {
        self.members.iter().fold(0, |sum, member| sum.saturating_add(member.teachers))
    }

    /// Returns the largest number of teachers of one participant, k of the unit "participant".
    pub fn most_teachers(&self) -> u32 {
        self.members.iter().map(|member| member.teachers).max().unwrap_or(0)
    }

    /// Returns the member with that number.
    pub fn member(&self, id: ParticipantId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// Returns the members that are trustees.
    pub fn trustees(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.trustee)
    }
}

/// A newcomer's proof that it holds the keys it enrols with.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Enrolment {
    /// Digest of the invite's secret.
    pub invite: Digest,
    /// Key that verifies its signatures.
    pub identity: PublicIdentity,
    /// Key to which messages for it are sealed.
    pub sealing: SealingKey,
    /// Number of its teachers, k.
    pub teachers: u32,
}

impl Statement for Enrolment {
    const DOMAIN: &'static str = "enrolment";
}

impl Enrolment {
    /// Turns a checked enrolment into a member.
    pub fn into_member(self, id: ParticipantId, name: String, trustee: bool) -> Result<Member, RosterError> {
        if !(1..=MAX_TEACHERS).contains(&self.teachers) {
            return Err(RosterError::Teachers(self.teachers));
        }
        check_name(&name)?;
        let Self { identity, sealing, teachers, .. } = self;
        Ok(Member { id, name, identity, sealing, teachers, trustee })
    }
}

/// Refuses names that could not be shown to people.
pub fn check_name(name: &str) -> Result<(), RosterError> {
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.chars().any(char::is_control) {
        return Err(RosterError::Name(name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()));
    }
    Ok(())
}

/// A participant's consent to event 0 and to a roster; without it the participant does not vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Approval {
    /// Hash of event 0.
    pub federation: Digest,
    /// Hash of the roster.
    pub roster: Digest,
    /// Who approves.
    pub participant: ParticipantId,
}

impl Statement for Approval {
    const DOMAIN: &'static str = "approval";
}
