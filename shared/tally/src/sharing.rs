//! Who holds what: n trustees of whom any t may be corrupt, and the sets of n − t that share a piece each.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// Why nothing can be shared in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{trustees} trustees of whom {corrupt} may be corrupt are not supported: choose (3, 1), (4, 1) or (5, 2)"
)]
pub struct SharingError {
    /// The number n that was asked for.
    pub trustees: u8,
    /// The number t that was asked for.
    pub corrupt: u8,
}

/// How the key is shared. Every set of n − t trustees shares one piece; any t trustees miss one, any t + 1 miss none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = false)]
pub enum Sharing {
    /// Three trustees of whom one may be corrupt: three pieces, two holders each.
    ThreeOne,
    /// Four trustees of whom one may be corrupt: four pieces, three holders each. Three of them make a tally.
    FourOne,
    /// Five trustees of whom two may be corrupt: ten pieces, three holders each.
    FiveTwo,
}

/// The number of a trustee, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Trustee(u8);

/// A set of trustees; bit i − 1 stands for trustee i.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Group(u8);

/// The number of a set of n − t trustees, and of the piece it shares: from 0, in the order of [`Sharing::sets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Piece(u8);

impl Sharing {
    /// All supported ways.
    pub const ALL: [Self; 3] = [Self::ThreeOne, Self::FourOne, Self::FiveTwo];

    /// Finds the way that has n trustees of whom t may be corrupt.
    ///
    /// # Errors
    /// Refuses what is not supported.
    pub fn new(trustees: u8, corrupt: u8) -> Result<Self, SharingError> {
        let fits = |way: &Self| way.trustees() == trustees && way.corrupt() == corrupt;
        Self::ALL.into_iter().find(fits).ok_or(SharingError { trustees, corrupt })
    }

    /// Returns the number n of trustees.
    #[must_use]
    pub const fn trustees(self) -> u8 {
        match self {
            Self::ThreeOne => 3,
            Self::FourOne => 4,
            Self::FiveTwo => 5,
        }
    }

    /// Returns the number t of trustees that may be corrupt.
    #[must_use]
    pub const fn corrupt(self) -> u8 {
        match self {
            Self::ThreeOne | Self::FourOne => 1,
            Self::FiveTwo => 2,
        }
    }

    /// Returns the number of pieces: C(n, t).
    #[must_use]
    pub const fn pieces(self) -> usize {
        match self {
            Self::ThreeOne => 3,
            Self::FourOne => 4,
            Self::FiveTwo => 10,
        }
    }

    /// Returns how many trustees compute a tally: 2t + 1. Any two such groups share an honest trustee.
    #[must_use]
    pub const fn quorum(self) -> u8 {
        2 * self.corrupt() + 1
    }

    /// Returns all trustees.
    #[must_use]
    pub const fn everyone(self) -> Group {
        Group((1 << self.trustees()) - 1)
    }

    /// Returns the set of every piece, in the order of the pieces.
    pub fn sets(self) -> impl Iterator<Item = Group> {
        let size = u32::from(self.trustees() - self.corrupt());
        (0..=self.everyone().0).filter(move |bits| bits.count_ones() == size).map(Group)
    }

    /// Returns the trustees that share a piece; nobody beyond the last piece.
    #[must_use]
    pub fn set(self, piece: Piece) -> Group {
        self.sets().nth(piece.index()).unwrap_or(Group(0))
    }

    /// Returns the pieces that a trustee holds, in their order.
    #[must_use]
    pub fn held(self, trustee: Trustee) -> Vec<Piece> {
        self.pieces_where(|set| set.contains(trustee))
    }

    /// Returns all pieces, in their order.
    #[must_use]
    pub fn all_pieces(self) -> Vec<Piece> {
        self.pieces_where(|_| true)
    }

    fn pieces_where(self, wanted: impl Fn(Group) -> bool) -> Vec<Piece> {
        (0_u8..).zip(self.sets()).filter(|(_, set)| wanted(*set)).map(|(number, _)| Piece(number)).collect()
    }

    /// Returns the group whose turn an attempt is: all trustees, or at (4, 1) all but one, another one each time.
    #[must_use]
    pub fn group(self, attempt: u32) -> Group {
        let absent = self.trustees() - self.quorum();
        if absent == 0 {
            return self.everyone();
        }
        let away = self.trustees() - (attempt % u32::from(self.trustees())) as u8;
        Group(self.everyone().0 & !(1 << (away - 1)))
    }

    /// Returns trustee number `number`, or nothing if there is none.
    #[must_use]
    pub const fn trustee(self, number: u8) -> Option<Trustee> {
        if number == 0 || number > self.trustees() { None } else { Some(Trustee(number)) }
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.trustees(), self.corrupt())
    }
}

impl Trustee {
    /// Returns the number, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Returns the place in a list of all trustees, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 as usize).wrapping_sub(1)
    }
}

impl fmt::Display for Trustee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Piece {
    /// Returns the number, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns whether this is the piece to which public numbers are added.
    pub(crate) const fn bears_constants(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn byte(self) -> u8 {
        self.0
    }
}

impl Group {
    /// Returns whether a trustee belongs to the group.
    #[must_use]
    pub const fn contains(self, trustee: Trustee) -> bool {
        trustee.0 > 0 && trustee.0 <= 8 && self.0 >> (trustee.0 - 1) & 1 == 1
    }

    /// Returns the trustees of both groups.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns how many trustees there are.
    #[must_use]
    pub const fn size(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns the trustees in their order.
    pub fn members(self) -> impl Iterator<Item = Trustee> {
        (1..=8).map(Trustee).filter(move |trustee| self.contains(*trustee))
    }

    /// Returns the group of these trustees.
    #[must_use]
    pub fn of(trustees: impl IntoIterator<Item = Trustee>) -> Self {
        let bit = |trustee: Trustee| 1_u8.checked_shl(u32::from(trustee.0.wrapping_sub(1))).unwrap_or(0);
        Self(trustees.into_iter().fold(0, |bits, trustee| bits | bit(trustee)))
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({self})")
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.members().map(|trustee| trustee.to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All groups of exactly so many trustees.
    fn groups(sharing: Sharing, size: usize) -> impl Iterator<Item = Group> {
        (0..=sharing.everyone().0).map(Group).filter(move |group| group.size() == size)
    }

    #[test]
    fn any_t_trustees_miss_one_piece_and_one_more_misses_none() {
        for sharing in Sharing::ALL {
            assert_eq!(sharing.sets().count(), sharing.pieces());
            let missing = |group: Group| sharing.sets().filter(|set| set.and(group).size() == 0).count();
            let corrupt = usize::from(sharing.corrupt());
            assert!(groups(sharing, corrupt).all(|group| missing(group) == 1), "{sharing}");
            assert!(groups(sharing, corrupt + 1).all(|group| missing(group) == 0), "{sharing}");
        }
    }

    #[test]
    fn every_group_that_computes_has_an_honest_holder_of_every_piece_and_shares_one_with_every_other() {
        for sharing in Sharing::ALL {
            let computing: Vec<Group> = (0..20).map(|attempt| sharing.group(attempt)).collect();
            for group in &computing {
                assert_eq!(group.size(), usize::from(sharing.quorum()));
                let corrupt = usize::from(sharing.corrupt());
                assert!(sharing.sets().all(|set| set.and(*group).size() > corrupt), "{sharing}: {group}");
                assert!(computing.iter().all(|other| other.and(*group).size() > corrupt));
            }
            let away = |trustee| computing.iter().any(|group| !group.contains(trustee));
            let turns = sharing == Sharing::FourOne;
            assert!(sharing.everyone().members().all(|trustee| away(trustee) == turns));
        }
    }

    #[test]
    fn other_ways_are_refused_and_named() {
        assert_eq!(Sharing::new(5, 2), Ok(Sharing::FiveTwo));
        let refused = Sharing::new(3, 2).map_err(|error| error.to_string());
        assert!(refused.unwrap_err().starts_with("3 trustees of whom 2 may be corrupt"));
    }
}
