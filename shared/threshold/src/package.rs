//! What a trustee receives from the dealer: the pieces of all sets that contain it, as exact bytes.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    piece::{FLOOD_KEY_BYTES, Piece, WORD, words},
    sharing::{Sharing, TrusteeIndex},
};
use base::ids::Digest;
use fhe::SQUASHED_DIMENSION;

const MAGIC: [u8; 8] = *b"pspieces";
const VERSION: u16 = 1;
/// Magic, version, n, t and the trustee.
const HEADER_BYTES: usize = MAGIC.len() + 5;
const VECTOR_BYTES: usize = SQUASHED_DIMENSION * WORD;
/// Set number, vector and flood key.
const ENTRY_BYTES: usize = 1 + VECTOR_BYTES + FLOOD_KEY_BYTES;

/// Says why a package of pieces is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The length differs from the only possible one.
    #[error(
        "a package of pieces holds {got} bytes, expected exactly {expected}; ask the dealer for it again"
    )]
    Length {
        /// Bytes that came.
        got: usize,
        /// The only possible length in bytes.
        expected: usize,
    },
    /// The bytes are something else.
    #[error("the bytes are no package of pieces: they do not begin with its magic")]
    Magic,
    /// The package comes from another version of the software.
    #[error(
        "the package has version {got}, this program reads version {VERSION}; use the same release everywhere"
    )]
    Version {
        /// Version that came.
        got: u16,
    },
    /// The package was dealt for another sharing.
    #[error(
        "the package was dealt for {count} trustees with threshold {threshold}, the federation has {expected}"
    )]
    OtherSharing {
        /// Number of trustees that came.
        count: u8,
        /// Threshold that came.
        threshold: u8,
        /// The federation's (n, t).
        expected: Sharing,
    },
    /// The package names no trustee of the federation.
    #[error("the package is for trustee {got}, but the trustees are numbered 1 to {count}")]
    Trustee {
        /// Number that came.
        got: u8,
        /// Number of trustees.
        count: usize,
    },
    /// The package holds a piece in the place of another.
    #[error(
        "the package of trustee {trustee} holds piece {got} where piece {expected} belongs; ask the dealer again"
    )]
    Set {
        /// The trustee.
        trustee: TrusteeIndex,
        /// Set number that came.
        got: u8,
        /// Set number that belongs there.
        expected: usize,
    },
    /// There is not one piece, or not one commitment, per set.
    #[error("{got} {what} came, but the sharing {sharing} has {} sets", sharing.set_count())]
    Count {
        /// What was counted.
        what: &'static str,
        /// Number that came.
        got: usize,
        /// The sharing.
        sharing: Sharing,
    },
    /// A piece is not the one to which the dealer committed.
    #[error(
        "piece {set} of trustee {trustee} does not match the dealer's public commitment; raise a complaint: \
         either the package was changed or the dealer gave its holders different pieces"
    )]
    Commitment {
        /// The trustee.
        trustee: TrusteeIndex,
        /// Number of the set whose piece differs.
        set: usize,
    },
}

/// Is a trustee's pieces: exactly those of the sets that contain it, in their order.
pub struct Package {
    sharing: Sharing,
    trustee: TrusteeIndex,
    pieces: Vec<(usize, Piece)>,
}

impl Package {
    /// Selects a trustee's pieces from all that were dealt.
    ///
    /// # Errors
    /// Refuses a stranger, and pieces of another number than the sharing has sets.
    pub fn select(sharing: Sharing, trustee: TrusteeIndex, dealt: &[Piece]) -> Result<Self, PackageError> {
        let got = dealt.len();
        if got != sharing.set_count() {
            return Err(PackageError::Count { what: "pieces", got, sharing });
        }
        known(sharing, trustee)?;
        let held = sharing.held_by(trustee).into_iter();
        let pieces = held.filter_map(|set| Some((set, dealt.get(set)?.clone()))).collect();
        Ok(Self { sharing, trustee, pieces })
    }

    /// Returns the sharing for which the pieces were dealt.
    #[must_use]
    pub const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Returns the trustee to whom the pieces belong.
    #[must_use]
    pub const fn trustee(&self) -> TrusteeIndex {
        self.trustee
    }

    /// Returns the pieces with the numbers of their sets, in ascending order.
    #[must_use]
    pub fn pieces(&self) -> &[(usize, Piece)] {
        &self.pieces
    }

    /// Returns the exact length of a package of this sharing, in bytes.
    #[must_use]
    pub const fn byte_count(sharing: Sharing) -> usize {
        HEADER_BYTES + sharing.held_count() * ENTRY_BYTES
    }

    /// Returns the bytes: header, then number, little-endian words and flood key of each piece.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // room for all, so that no copy of a secret is left behind by growing
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::byte_count(self.sharing)));
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let [count, threshold] = numbers(self.sharing);
        bytes.extend_from_slice(&[count, threshold, self.trustee.get()]);
        for (set, piece) in &self.pieces {
            // at most ten sets
            bytes.push(*set as u8);
            bytes.extend(piece.vector.iter().flat_map(|word| word.to_le_bytes()));
            bytes.extend_from_slice(piece.flood_key.as_slice());
        }
        bytes
    }

    /// Reads a package dealt for this sharing.
    ///
    /// # Errors
    /// Refuses any other length before it reads anything, then every header or set number but the right one.
    pub fn from_bytes(bytes: &[u8], sharing: Sharing) -> Result<Self, PackageError> {
        let (got, expected) = (bytes.len(), Self::byte_count(sharing));
        if got != expected {
            return Err(PackageError::Length { got, expected });
        }
        let (header, entries) = bytes.split_at(HEADER_BYTES);
        let trustee = read_header(header, sharing)?;
        let held = sharing.held_by(trustee);
        let pieces = entries.chunks_exact(ENTRY_BYTES).zip(held).map(|(entry, expected)| {
            let (vector, flood_key) = match entry.split_first() {
                Some((set, piece)) if usize::from(*set) == expected => piece.split_at(VECTOR_BYTES),
                set => {
                    let got = set.map_or(0, |(set, _)| *set);
                    return Err(PackageError::Set { trustee, got, expected });
                }
            };
            let mut key = Zeroizing::new([0; FLOOD_KEY_BYTES]);
            key.copy_from_slice(flood_key);
            Ok((expected, Piece { vector: words(vector), flood_key: key }))
        });
        Ok(Self { sharing, trustee, pieces: pieces.collect::<Result<_, _>>()? })
    }

    /// Checks each piece against the dealer's public commitments, one per set in the order of the sets.
    ///
    /// # Errors
    /// Names the first piece that does not match, and refuses commitments of another number.
    pub fn check(&self, commitments: &[Digest]) -> Result<(), PackageError> {
        let (got, sharing, trustee) = (commitments.len(), self.sharing, self.trustee);
        if got != sharing.set_count() {
            return Err(PackageError::Count { what: "commitments", got, sharing });
        }
        let wrong =
            self.pieces.iter().find(|(set, piece)| commitments.get(*set) != Some(&piece.commitment(*set)));
        wrong.map_or(Ok(()), |(set, _)| Err(PackageError::Commitment { trustee, set: *set }))
    }
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Package")
            .field("sharing", &self.sharing)
            .field("trustee", &self.trustee)
            .finish_non_exhaustive()
    }
}

/// The header's n and t, both at most five.
const fn numbers(sharing: Sharing) -> [u8; 2] {
    [sharing.count() as u8, sharing.threshold() as u8]
}

fn known(sharing: Sharing, trustee: TrusteeIndex) -> Result<TrusteeIndex, PackageError> {
    let stranger = PackageError::Trustee { got: trustee.get(), count: sharing.count() };
    sharing.includes(trustee).then_some(trustee).ok_or(stranger)
}

/// Returns the trustee that the header names.
fn read_header(header: &[u8], sharing: Sharing) -> Result<TrusteeIndex, PackageError> {
    let (magic, fields) = header.split_at(MAGIC.len());
    let &[version_low, version_high, count, threshold, trustee] = fields else {
        return Err(PackageError::Length { got: header.len(), expected: HEADER_BYTES });
    };
    if magic != MAGIC {
        return Err(PackageError::Magic);
    }
    let version = u16::from_le_bytes([version_low, version_high]);
    if version != VERSION {
        return Err(PackageError::Version { got: version });
    }
    if [count, threshold] != numbers(sharing) {
        return Err(PackageError::OtherSharing { count, threshold, expected: sharing });
    }
    let nobody = PackageError::Trustee { got: trustee, count: sharing.count() };
    known(sharing, TrusteeIndex::new(trustee).ok_or(nobody)?)
}
