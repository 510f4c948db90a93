//! What a ceremony hands out.

use std::sync::Arc;

use base::identity::Signed;
use borsh::{BorshDeserialize, BorshSerialize};

use super::certificate::Certificate;
use super::message::Reason;
use super::public_key::PublicKey;
use crate::draw::Root;
use crate::keyring::Keyring;
use crate::sharing::{Group, Piece, Trustee};
use base::ids::Digest;

/// What has to be done, in this order. What is kept or stored is durable before the next message is sent.
pub enum Output {
    /// Keep these secret bytes, durably, in a file of their own.
    Keep(SecretName, SecretBytes),
    /// Destroy a secret.
    Destroy(SecretName),
    /// Append this to the journal of the ceremony.
    Store(Entry),
    /// Send this message to all trustees.
    Send(Vec<u8>),
    /// The key exists.
    Keyed(Box<Keyed>),
    /// This trustee has signed that the ceremony is dead.
    Dead(Reason),
    /// All signed that it is dead and showed their contributions: these trustees lied; nobody if it was not a lie.
    Named(Group),
}

/// A secret of a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretName {
    /// The secret box key; destroyed when the roots are kept.
    BoxKey,
    /// What the contributions are drawn from; destroyed when the certificate is signed.
    Contributions,
    /// The roots of the pieces. These stay.
    Roots,
}

/// Secret bytes: wiped when dropped, and not printable.
pub struct SecretBytes(crate::hidden::Hidden<Vec<u8>>);

impl SecretBytes {
    /// Takes bytes over.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(crate::hidden::Hidden::new(bytes))
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The secrets that a driver has: fresh ones at the beginning, those that were kept after a restart.
#[derive(Default)]
pub struct Secrets {
    /// 32 fresh bytes, or what was kept, until they are destroyed.
    pub box_key: Option<SecretBytes>,
    /// 32 fresh bytes, or what was kept, until they are destroyed.
    pub contributions: Option<SecretBytes>,
    /// Nothing, or what was kept.
    pub roots: Option<SecretBytes>,
}

/// An entry of the journal of a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Entry {
    /// A message is about to be sent.
    Said {
        /// Its place.
        place: u8,
        /// The digest of the signed message.
        message: Digest,
    },
    /// What members sent one another first: V₁. There is one per ceremony.
    First(Digest),
    /// The ceremony is dead; the certificate is never signed.
    Dead(Reason),
}

/// What a trustee has when the key exists.
pub struct Keyed {
    /// The roots of its pieces.
    pub keyring: Arc<Keyring>,
    /// The certificate.
    pub certificate: Certificate,
    /// Its signatures by all trustees, in their order.
    pub signatures: Vec<Signed<Certificate>>,
    /// The shares of the public key as bytes, per piece.
    pub shares: Vec<Vec<u8>>,
    /// The public key.
    pub public_key: PublicKey,
}

/// Why a message was not taken. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyRefusal {
    /// Too long, or not of the form of a message.
    #[error("{0} bytes are not a message of a ceremony")]
    Malformed(usize),
    /// Of another federation or ceremony.
    #[error("a message of ceremony {}: not this one", .0.short())]
    Foreign(Digest),
    /// Not signed by a trustee of this federation.
    #[error("a message that no trustee of this federation signed")]
    Unsigned,
    /// What it rests on has not arrived here: hand it in again later.
    #[error("a message that comes too early; hand it in again later")]
    Early,
    /// A share that it names is missing or another one: fetch it again.
    #[error("a share of the public key of trustee {0} is missing or another one; fetch it again")]
    Share(Trustee),
    /// Contributions are shown although not all have signed that the ceremony is dead.
    #[error("trustee {0} shows contributions although not all have signed that the ceremony is dead")]
    TooSoon(Trustee),
}

/// Why a trustee does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// A secret that is needed is gone.
    #[error("this ceremony's {0:?} is gone; start a new ceremony under a new id")]
    Secret(SecretName),
    /// The certificate was signed: the ceremony cannot die.
    #[error("this trustee signed the certificate and never signs that the ceremony is dead")]
    Certified,
    /// Setup and identity do not belong together.
    #[error("the {0} belongs to another federation")]
    Mismatch(&'static str),
}

/// Writes the roots of pieces.
pub(super) fn write_roots(roots: &[(Piece, Root)]) -> SecretBytes {
    let mut bytes = Vec::with_capacity(33 * roots.len());
    for (piece, root) in roots {
        bytes.push(piece.byte());
        bytes.extend_from_slice(root.bytes());
    }
    SecretBytes::new(bytes)
}

/// Reads the roots of these pieces.
pub(crate) fn read_roots(bytes: &SecretBytes, held: &[Piece]) -> Option<Vec<(Piece, Root)>> {
    let (entries, rest) = bytes.bytes().as_chunks::<33>();
    if !rest.is_empty() || !entries.iter().map(|entry| entry[0]).eq(held.iter().map(|piece| piece.byte())) {
        return None;
    }
    let root = |entry: &[u8; 33]| {
        let mut root = [0; 32];
        root.copy_from_slice(&entry[1..]);
        Root::new(root)
    };
    Some(held.iter().copied().zip(entries.iter().map(root)).collect())
}
