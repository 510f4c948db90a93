//! Messages of a ceremony.

use base::identity::{Signed, Statement};
use base::ids::Digest;
use borsh::{BorshDeserialize, BorshSerialize};

use super::certificate::Certificate;
use crate::sharing::{Piece, Trustee};

/// The longest message: at most ten shares of 16 384 bytes lie beside it.
pub(crate) const MAX_BYTES: usize = 1 << 18;

/// What one trustee says. From the third message on, `seen` is V₁.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Spoken {
    pub(crate) federation: Digest,
    pub(crate) ceremony: Digest,
    pub(crate) sender: Trustee,
    pub(crate) seen: Digest,
    pub(crate) body: Speech,
}

impl Statement for Spoken {
    const DOMAIN: &'static str = "tally ceremony";
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Speech {
    /// The public half of the sender's box key.
    Key([u8; 32]),
    /// The sender's contributions, sealed to the others of each set.
    Boxes(Vec<Boxed>),
    /// What the sender states of the pieces it holds.
    Pieces(Vec<Named>),
    /// The certificate.
    Certified(Box<Signed<Certificate>>),
    /// This ceremony is dead.
    Dead(Reason),
    /// The sender's contributions, once all have signed that the ceremony is dead.
    Shown(Vec<(Piece, [u8; 32])>),
}

/// A contribution in its box.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Boxed {
    pub(crate) piece: Piece,
    pub(crate) receiver: Trustee,
    pub(crate) sealed: Vec<u8>,
}

/// A piece as its holders state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Named {
    pub(crate) piece: Piece,
    pub(crate) name: Digest,
    pub(crate) share: Digest,
}

/// Why a ceremony is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, thiserror::Error)]
pub enum Reason {
    /// A box does not open, or holds something else than it should.
    #[error("the box of trustee {sender} for piece {} does not open for its receiver", piece.index())]
    Box {
        /// Who sealed it.
        sender: Trustee,
        /// The piece.
        piece: Piece,
    },
    /// Holders of a piece state different things, or a share is missing.
    #[error("the holders of piece {} do not state the same", .0.index())]
    Piece(Piece),
    /// Somebody has seen another beginning.
    #[error("trustee {0} has seen other messages: the board shows two pasts")]
    Fork(Trustee),
    /// Two signed messages in one place, or a message that its place cannot have.
    #[error("trustee {0} signed two messages in one place, or one that its place cannot have")]
    Form(Trustee),
    /// A box key to which nothing can be sealed.
    #[error("the box key of trustee {0} is weak")]
    WeakKey(Trustee),
    /// The certificate of another differs.
    #[error("trustee {0} signed another certificate")]
    Certificate(Trustee),
    /// Somebody said nothing for too long, or a person gave up.
    #[error("the ceremony was given up")]
    GivenUp,
    /// Another trustee signed that the ceremony is dead.
    #[error("trustee {0} signed that the ceremony is dead")]
    Followed(Trustee),
}

/// A message as it travels, with the shares it names in bytes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Letter {
    pub(crate) signed: Signed<Spoken>,
    pub(crate) shares: Vec<Vec<u8>>,
}

impl Letter {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        base::ids::canonical(self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES { None } else { Self::try_from_slice(bytes).ok() }
    }
}

impl Speech {
    /// Returns the place of a message: each trustee says one thing in each.
    pub(crate) const fn place(&self) -> u8 {
        match self {
            Self::Key(_) => 0,
            Self::Boxes(_) => 1,
            Self::Pieces(_) => 2,
            Self::Certified(_) => 3,
            Self::Dead(_) => 4,
            Self::Shown(_) => 5,
        }
    }
}
