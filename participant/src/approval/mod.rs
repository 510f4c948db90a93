//! Approval: what the institution enrolled in, which rosters it agreed to, and the pins it holds others to.

mod review;
mod words;

use serde::{Deserialize, Serialize};
use shared::{
    clock::Millis,
    federation::{Founding, Member, Roster},
    ids::{Digest, ParticipantId},
};

use crate::{
    files::{FileError, read_json, write_json},
    home::Home,
};

pub use review::{ApprovalError, EpsilonPerLabel, Review, review};
pub use words::in_words;

/// Is what enrolment fixed for this institution, in `state/enrolment.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// Number in the federation.
    pub participant: ParticipantId,
    /// Name that the operator gave it.
    pub name: String,
    /// Whether it is the trustee.
    pub trustee: bool,
    /// Number of teachers it declared, k.
    pub teachers: u32,
    /// Event 0 as it was at enrolment; another one is never accepted.
    pub founding: Founding,
}

/// Is the roster that the institution agreed to last, in `state/approval.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Hash of event 0.
    pub federation: Digest,
    /// Hash of the roster.
    pub roster: Digest,
    /// When a person approved.
    pub approved_at: Millis,
}

impl Membership {
    /// Reads what enrolment left behind; `None` before it.
    pub fn load(home: &Home) -> Result<Option<Self>, FileError> {
        read_json(&home.state().join("enrolment.json"))
    }

    /// Writes it.
    pub fn store(&self, home: &Home) -> Result<(), FileError> {
        write_json(&home.state().join("enrolment.json"), self)
    }

    /// Returns the pinned hash of event 0.
    pub fn federation(&self) -> Digest {
        self.founding.digest()
    }
}

impl Pin {
    /// Reads the newest approval; `None` before the first, or if it was given to another federation.
    pub fn load(home: &Home, federation: Digest) -> Result<Option<Self>, FileError> {
        let pin: Option<Self> = read_json(&home.state().join("approval.json"))?;
        Ok(pin.filter(|pin| pin.federation == federation))
    }

    /// Remembers that a person approved this roster; the roster itself is kept by its hash.
    pub fn store(home: &Home, roster: &Roster, approved_at: Millis) -> Result<Self, FileError> {
        let pin = Self { federation: roster.federation, roster: roster.digest(), approved_at };
        write_json(&home.roster(pin.roster), roster)?;
        write_json(&home.state().join("approval.json"), &pin)?;
        Ok(pin)
    }
}

/// Returns the roster of that hash if this institution ever approved it in this federation.
///
/// A trustee needs older ones: a round is opened under the roster that it was announced with.
pub fn approved_roster(home: &Home, federation: Digest, hash: Digest) -> Result<Option<Roster>, FileError> {
    let path = home.roster(hash);
    let Some(roster) = read_json::<Roster>(&path)? else { return Ok(None) };
    if roster.digest() != hash {
        return Err(FileError::damaged(&path, "its content does not have the hash of its name"));
    }
    Ok(Some(roster).filter(|roster| roster.federation == federation))
}

/// Returns the one trustee of a roster, if there is exactly one.
pub fn sole_trustee(roster: &Roster) -> Option<&Member> {
    let mut trustees = roster.trustees();
    trustees.next().filter(|_| trustees.next().is_none())
}
