//! The certificate of a key, signed by all trustees.

use base::identity::{PublicIdentity, Signed, Statement};
use base::ids::Digest;
use borsh::{BorshDeserialize, BorshSerialize};

use super::public_key::{self, PublicKey};
use crate::roster;
use crate::session::ENGINE_VERSION;
use crate::sharing::{Sharing, Trustee};

/// Bytes of one share of the public key.
pub const SHARE_BYTES: usize = 8 * crate::sum::DEGREE;

/// What all trustees sign of a key.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    pub(super) version: u16,
    pub(super) federation: Digest,
    pub(super) ceremony: Digest,
    /// V₁: all that members sent one another first.
    pub(super) first: Digest,
    pub(super) sharing: Sharing,
    pub(super) trustees: Vec<PublicIdentity>,
    /// Per piece.
    pub(super) names: Vec<Digest>,
    /// The digests of the shares b_A, per piece.
    pub(super) shares: Vec<Digest>,
    pub(super) mask: Digest,
    pub(super) body: Digest,
}

impl Statement for Certificate {
    const DOMAIN: &'static str = "tally certificate";
}

/// Why a certificate is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Of another federation, other trustees or another engine.
    #[error("a certificate of another federation, of other trustees or of another engine")]
    Strangers,
    /// One party in two places: it would hold more pieces than one of t.
    #[error("one party stands in two places of the list of trustees; every place needs a party of its own")]
    Twice,
    /// A signature is missing or of another certificate.
    #[error("trustee {0} has not signed this certificate")]
    Unsigned(Trustee),
    /// A share is missing or another one.
    #[error(
        "share {0} of the public key is missing or not the one that the certificate names: fetch it again"
    )]
    Share(usize),
    /// What the certificate says of the key is not what its shares make.
    #[error("the {0} of the public key is not what the certificate says")]
    Key(&'static str),
}

impl Certificate {
    /// Returns the digest by which tallies name the key.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_value("tally certificate", self)
    }

    /// Returns the names of the pieces, in their order.
    #[must_use]
    pub fn names(&self) -> &[Digest] {
        &self.names
    }

    /// Returns the name of the ceremony.
    #[must_use]
    pub const fn ceremony(&self) -> &Digest {
        &self.ceremony
    }

    /// Returns the digests of the shares of the public key, in the order of the pieces; each has [`SHARE_BYTES`] bytes.
    #[must_use]
    pub fn shares(&self) -> &[Digest] {
        &self.shares
    }

    /// Returns how the key is shared.
    #[must_use]
    pub const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Checks that it is of this federation and these trustees, and the signatures of all of them, and recomputes the public
    /// key from the shares of all pieces.
    ///
    /// # Errors
    /// Refuses a certificate of others or of another engine, one party in two places, a missing signature, another share, and a key that does not follow
    /// from them.
    pub fn public_key(
        &self,
        (federation, trustees): (&Digest, &[PublicIdentity]),
        signatures: &[Signed<Self>],
        shares: &[Vec<u8>],
    ) -> Result<PublicKey, CertificateError> {
        self.check((federation, trustees), signatures)?;
        let mut words = Vec::with_capacity(shares.len());
        for (piece, digest) in self.shares.iter().enumerate() {
            let share = shares.get(piece).filter(|share| Digest::of(share) == *digest);
            let share = share.and_then(|share| public_key::from_bytes(share));
            words.push(share.ok_or(CertificateError::Share(piece))?);
        }
        if words.len() != self.sharing.pieces() {
            return Err(CertificateError::Share(words.len()));
        }
        let mask = public_key::mask(&self.first);
        let body = public_key::sum(words.iter().map(Vec::as_slice));
        if public_key::digest(&mask) != self.mask {
            return Err(CertificateError::Key("mask"));
        }
        if public_key::digest(&body) != self.body {
            return Err(CertificateError::Key("body"));
        }
        Ok(PublicKey { mask, body })
    }

    /// Checks that it is of this federation and these trustees, and the signatures of all of them.
    ///
    /// # Errors
    /// Refuses a certificate of others or of another engine, and a missing signature.
    pub fn check(
        &self,
        (federation, trustees): (&Digest, &[PublicIdentity]),
        signatures: &[Signed<Self>],
    ) -> Result<(), CertificateError> {
        let ours = self.version == ENGINE_VERSION
            && self.federation == *federation
            && self.trustees == trustees
            && trustees.len() == usize::from(self.sharing.trustees());
        if !ours {
            return Err(CertificateError::Strangers);
        }
        if !roster::fills(self.sharing, trustees) {
            return Err(CertificateError::Twice);
        }
        for trustee in self.sharing.everyone().members() {
            let unsigned = CertificateError::Unsigned(trustee);
            let identity = self.trustees.get(trustee.index()).ok_or(unsigned)?;
            let signature = signatures.get(trustee.index()).ok_or(unsigned)?;
            if signature.verify(identity).as_ref() != Ok(self) {
                return Err(unsigned);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl Certificate {
    /// Returns the same of other trustees.
    pub(crate) fn of(mut self, trustees: &[PublicIdentity]) -> Self {
        self.trustees = trustees.to_vec();
        self
    }
}
