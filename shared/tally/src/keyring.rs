//! What a trustee keeps of a ceremony: the roots of its pieces, and the first exchange that they are bound to.

use base::ids::Digest;

use crate::ceremony::{Certificate, SecretBytes, public_key, read_roots};
use crate::draw::{Label, Purpose, Root};
use crate::phase::product::KeyPiece;
use crate::sharing::{Piece, Sharing, Trustee};
use crate::sum::DEGREE;

/// The roots of the pieces that one trustee holds. They can be wiped, not printed.
#[derive(Clone)]
pub struct Keyring {
    sharing: Sharing,
    trustee: Trustee,
    ceremony: Digest,
    first: Digest,
    roots: Vec<(Piece, Root)>,
}

impl Keyring {
    pub(crate) fn new(
        (sharing, trustee): (Sharing, Trustee),
        (ceremony, first): (Digest, Digest),
        roots: Vec<(Piece, Root)>,
    ) -> Self {
        Self { sharing, trustee, ceremony, first, roots }
    }

    /// Reads back the roots that a ceremony kept, with V₁ from its journal; nothing if they are not those of this trustee.
    #[must_use]
    pub fn from_kept(
        (sharing, trustee): (Sharing, Trustee),
        (ceremony, first): (Digest, Digest),
        roots: &SecretBytes,
    ) -> Option<Self> {
        let roots = read_roots(roots, &sharing.held(trustee))?;
        Some(Self { sharing, trustee, ceremony, first, roots })
    }

    /// Returns whether these are the roots of a certificate's pieces, by the names of the pieces.
    #[must_use]
    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        let named = |(piece, root): &(Piece, Root)| {
            certificate.names().get(piece.index())
                == Some(&public_key::name(root, &self.ceremony, &self.first, *piece))
        };
        certificate.sharing() == self.sharing && self.roots.iter().all(named)
    }

    /// Returns how the key is shared.
    #[must_use]
    pub const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Returns whose roots these are.
    #[must_use]
    pub const fn trustee(&self) -> Trustee {
        self.trustee
    }

    /// Returns the pieces held, in their order.
    pub(crate) fn held(&self) -> impl Iterator<Item = Piece> {
        self.roots.iter().map(|(piece, _)| *piece)
    }

    /// Returns the root of a piece, if it is held.
    pub(crate) fn root(&self, piece: Piece) -> Option<&Root> {
        self.roots.iter().find(|(held, _)| *held == piece).map(|(_, root)| root)
    }

    /// Derives a piece of the key, if it is held.
    pub(crate) fn key_piece(&self, piece: Piece) -> Option<KeyPiece> {
        self.root(piece).map(|root| key_piece(root, &self.ceremony, &self.first, piece))
    }
}

/// Derives a piece of the key from its root: 2048 bits that depend on all that the members sent first.
pub(crate) fn key_piece(root: &Root, ceremony: &Digest, first: &Digest, piece: Piece) -> KeyPiece {
    let label = Label::ceremony(ceremony, Purpose::KeyBits, first, (None, None), piece);
    let mut bits = crate::hidden::zero_words(DEGREE / 64);
    root.stream(&label).add_to(&mut bits);
    KeyPiece::from_bits(&bits)
}
