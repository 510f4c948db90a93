//! Messages of a session, their bounds and their chain.

use base::identity::{Signed, Statement};
use base::ids::Digest;
use borsh::{BorshDeserialize, BorshSerialize};

use super::terms::Terms;
use crate::hidden;
use crate::plan::MAX_MESSAGE_BYTES;
use crate::sharing::{Group, Piece, Trustee};

/// What one trustee says in one exchange. Its signature covers all of it, and with `seen` everything before.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Said {
    pub(crate) session: Digest,
    pub(crate) attempt: u32,
    pub(crate) batch: u32,
    /// 0 for the first message of the attempt, then from 1 in each batch.
    pub(crate) exchange: u32,
    pub(crate) sender: Trustee,
    pub(crate) seen: Digest,
    pub(crate) body: Body,
}

impl Statement for Said {
    const DOMAIN: &'static str = "tally message";
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Body {
    /// What the attempt rests on.
    First(Box<Terms>),
    /// A correction: the digest and the length of its ciphertext, which travels beside the message.
    Correction { digest: Digest, bytes: u32 },
    /// Digests of what will be opened, per piece held.
    Agreement(Vec<Stated>),
    /// The pieces of the check's three elements.
    Check(Vec<Opened>),
    /// The pieces of the labels.
    Labels(Vec<Opened>),
    /// The sender has ended the attempt, and names these trustees.
    Stop(Group),
}

/// The place of a [`Body::Stop`]: after every exchange.
pub(crate) const STOP: u32 = u32::MAX;

/// Salted digests of a trustee's pieces; all holders of a piece state the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Stated {
    pub(crate) piece: Piece,
    pub(crate) check: Digest,
    pub(crate) labels: Digest,
}

/// A piece that is opened, with the salt of its digest.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Opened {
    pub(crate) piece: Piece,
    pub(crate) salt: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

impl Opened {
    /// Returns the digest that was to be stated for this piece.
    pub(crate) fn digest(&self, domain: &str) -> Digest {
        digest(domain, self.piece, &self.salt, &self.bytes)
    }
}

/// Returns the salted digest of a piece that is not opened yet.
pub(crate) fn digest(domain: &str, piece: Piece, salt: &[u8; 32], bytes: &[u8]) -> Digest {
    hidden::digest(domain, &(piece, salt, Digest::of(bytes)))
}

/// A message as it travels: what is signed, and the ciphertext that it names.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Message {
    pub(crate) signed: Signed<Said>,
    pub(crate) sealed: Vec<u8>,
}

impl Message {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        base::ids::canonical(self)
    }

    /// Reads a message; nothing longer than the bound is looked at.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return None;
        }
        Self::try_from_slice(bytes).ok()
    }
}

/// Returns what has been seen after an exchange: the digest of what was seen before and of all its signed messages, in the
/// order of the trustees, each with its length.
pub(crate) fn seen_after<'a>(before: &Digest, messages: impl Iterator<Item = &'a [u8]>) -> Digest {
    let mut bytes = before.as_bytes().to_vec();
    for message in messages {
        bytes.extend_from_slice(&(message.len() as u64).to_le_bytes());
        bytes.extend_from_slice(message);
    }
    Digest::of_value("tally seen", &Digest::of(&bytes))
}
