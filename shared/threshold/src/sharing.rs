//! Who shares the key: n trustees of whom any t may be corrupt, and the sets of trustees that hold its pieces.

use std::{fmt, io, num::NonZeroU8};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Every supported (n, t).
const SUPPORTED: [(u8, u8); 4] = [(1, 0), (3, 1), (4, 1), (5, 2)];

/// Says why the key cannot be shared as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SharingError {
    /// Without t of them the others cannot open.
    #[error(
        "{count} trustees cannot bear {threshold} corrupt ones: when {threshold} stay away, {} must still be \
         there to open; name at least {} trustees", u16::from(*threshold) + 1, 2 * u16::from(*threshold) + 1
    )]
    TooFewTrustees {
        /// Number of trustees n.
        count: u8,
        /// Threshold t.
        threshold: u8,
    },
    /// Nobody measured what it costs.
    #[error(
        "{count} trustees with threshold {threshold} are not supported: the pieces of the key grow as \
         C(n, t), and only (n, t) = (1, 0), (3, 1), (4, 1) and (5, 2) are measured"
    )]
    Unsupported {
        /// Number of trustees n.
        count: u8,
        /// Threshold t.
        threshold: u8,
    },
}

/// Is the number of a trustee, counted from 1 in the order of the roster.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct TrusteeIndex(NonZeroU8);

impl TrusteeIndex {
    /// Wraps a number from 1; zero is nobody.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        NonZeroU8::new(number).map(Self)
    }

    /// Returns the number, from 1.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for TrusteeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Is a set of trustees; bit i − 1 stands for trustee i.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrusteeSet(u8);

impl TrusteeSet {
    /// Says whether the trustee is in the set.
    #[must_use]
    pub fn contains(self, trustee: TrusteeIndex) -> bool {
        let bit = 1_u8.checked_shl(u32::from(trustee.get()) - 1).unwrap_or(0);
        self.0 & bit != 0
    }

    /// Returns the trustees in ascending order.
    pub fn members(self) -> impl Iterator<Item = TrusteeIndex> {
        (1..=8).filter_map(TrusteeIndex::new).filter(move |trustee| self.contains(*trustee))
    }
}

/// Is how the key is shared: any t of n trustees learn nothing, any t + 1 open.
///
/// Replicated sharing: each of the C(n, t) sets of n − t trustees has a piece, known to all its members. Whatever
/// t trustees are missing, they are exactly the outsiders of one set, so t corrupt trustees lack one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, Serialize, Deserialize)]
#[serde(try_from = "Numbers")]
pub struct Sharing {
    count: u8,
    threshold: u8,
}

impl Sharing {
    /// Every supported way to share the key.
    pub const ALL: [Self; SUPPORTED.len()] = {
        let mut all = [Self { count: 0, threshold: 0 }; SUPPORTED.len()];
        let mut place = 0;
        while place < SUPPORTED.len() {
            let (count, threshold) = SUPPORTED[place];
            all[place] = Self { count, threshold };
            place += 1;
        }
        all
    };

    /// Shares among `n` trustees of whom any `t` may be corrupt.
    ///
    /// # Errors
    /// Refuses every (n, t) but (1, 0), (3, 1), (4, 1) and (5, 2), with the reason.
    pub fn new(n: u8, t: u8) -> Result<Self, SharingError> {
        let (count, threshold) = (n, t);
        if u16::from(count) < 2 * u16::from(threshold) + 1 {
            return Err(SharingError::TooFewTrustees { count, threshold });
        }
        if !SUPPORTED.contains(&(count, threshold)) {
            return Err(SharingError::Unsupported { count, threshold });
        }
        Ok(Self { count, threshold })
    }

    /// Number of trustees n.
    #[must_use]
    pub const fn count(self) -> usize {
        self.count as usize
    }

    /// Threshold t: as many trustees may be corrupt.
    #[must_use]
    pub const fn threshold(self) -> usize {
        self.threshold as usize
    }

    /// Number of trustees that can open, t + 1.
    #[must_use]
    pub const fn quorum(self) -> usize {
        self.threshold() + 1
    }

    /// Number of openings from which a lie by t trustees is always seen, 2t + 1.
    #[must_use]
    pub const fn corroborated_from(self) -> usize {
        2 * self.threshold() + 1
    }

    /// Number of openings from which the author of a lie is named, 3t + 1; it may exceed n.
    #[must_use]
    pub const fn named_from(self) -> usize {
        3 * self.threshold() + 1
    }

    /// Returns the trustees in ascending order.
    pub fn trustees(self) -> impl Iterator<Item = TrusteeIndex> {
        (1..=self.count).filter_map(TrusteeIndex::new)
    }

    /// Says whether the trustee is one of the n.
    #[must_use]
    pub const fn includes(self, trustee: TrusteeIndex) -> bool {
        trustee.get() <= self.count
    }

    /// Returns all sets of so many trustees, in ascending order of their bits.
    #[must_use]
    pub fn subsets(self, size: usize) -> Vec<TrusteeSet> {
        (0..1_u8 << self.count).filter(|bits| bits.count_ones() as usize == size).map(TrusteeSet).collect()
    }

    /// Returns the sets of n − t trustees that have a piece, in the canonical order, which numbers them from 0.
    ///
    /// The canonical order is that of the sets' bits as numbers, the bit of trustee 1 lowest. For (3, 1) it is
    /// {1, 2}, {1, 3}, {2, 3}.
    #[must_use]
    pub fn sets(self) -> Vec<TrusteeSet> {
        self.subsets(self.count() - self.threshold())
    }

    /// Number of pieces, C(n, t).
    #[must_use]
    pub const fn set_count(self) -> usize {
        binomial(self.count(), self.threshold())
    }

    /// Number of pieces that each trustee holds, C(n − 1, t).
    #[must_use]
    pub const fn held_count(self) -> usize {
        binomial(self.count() - 1, self.threshold())
    }

    /// Returns the trustees that hold the piece of the set of this number; none for a number that no set has.
    #[must_use]
    pub fn holders(self, set: usize) -> Vec<TrusteeIndex> {
        self.sets().get(set).map(|set| set.members().collect()).unwrap_or_default()
    }

    /// Returns the numbers of the sets that contain the trustee, in ascending order; none for a stranger.
    #[must_use]
    pub fn held_by(self, trustee: TrusteeIndex) -> Vec<usize> {
        let numbered = self.sets().into_iter().enumerate();
        numbered.filter(|(_, set)| set.contains(trustee)).map(|(number, _)| number).collect()
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.count, self.threshold)
    }
}

/// What a text says of a sharing before anybody checks it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    count: u8,
    threshold: u8,
}

impl TryFrom<Numbers> for Sharing {
    type Error = SharingError;

    fn try_from(numbers: Numbers) -> Result<Self, SharingError> {
        Self::new(numbers.count, numbers.threshold)
    }
}

impl BorshDeserialize for Sharing {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (count, threshold) = BorshDeserialize::deserialize_reader(reader)?;
        Self::new(count, threshold).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

const fn binomial(n: usize, k: usize) -> usize {
    let mut product = 1;
    let mut step = 1;
    while step <= k {
        // the product of `step` neighbours divides by `step`!, so nothing is lost
        product = product * (n + 1 - step) / step;
        step += 1;
    }
    product
}
