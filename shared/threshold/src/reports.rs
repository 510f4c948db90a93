//! What openers report of one piece, digit by digit, and how far they agree.

use std::collections::BTreeMap;

use super::{
    opening::Shares,
    sharing::{Sharing, TrusteeIndex},
};

/// The rows of all openers that hold one piece.
#[derive(Clone, Default)]
pub(super) struct Reports<'a> {
    rows: Vec<(TrusteeIndex, &'a [u128])>,
}

impl<'a> Reports<'a> {
    /// Sorts the openings by piece, in the order of the sets.
    pub(super) fn of_all_pieces(
        sharing: Sharing,
        openings: &BTreeMap<TrusteeIndex, &'a Shares>,
    ) -> Vec<Self> {
        let mut pieces = vec![Self::default(); sharing.set_count()];
        for (trustee, shares) in openings {
            for (set, row) in sharing.held_by(*trustee).into_iter().zip(&shares.values) {
                if let Some(reports) = pieces.get_mut(set) {
                    reports.rows.push((*trustee, row));
                }
            }
        }
        pieces
    }

    /// Returns the openers that hold the piece, in ascending order.
    pub(super) fn holders(&self) -> impl Iterator<Item = TrusteeIndex> + '_ {
        self.rows.iter().map(|(trustee, _)| *trustee)
    }

    fn values(&self, digit: usize) -> impl Iterator<Item = (TrusteeIndex, u128)> + '_ {
        self.rows.iter().filter_map(move |(trustee, row)| Some((*trustee, *row.get(digit)?)))
    }

    /// Says whether all holders report the same bits for the digit.
    pub(super) fn unanimous(&self, digit: usize) -> bool {
        let mut values = self.values(digit).map(|(_, value)| value);
        let first = values.next();
        values.all(|value| Some(value) == first)
    }

    /// Returns the value of the digit that more than half of the holders report.
    pub(super) fn majority(&self, digit: usize) -> Option<u128> {
        let votes = |value| self.values(digit).filter(|(_, other)| *other == value).count();
        let mut values = self.values(digit).map(|(_, value)| value);
        values.find(|value| 2 * votes(*value) > self.rows.len())
    }

    /// Returns the holders that report another value of the digit.
    pub(super) fn others(&self, digit: usize, truth: u128) -> impl Iterator<Item = TrusteeIndex> + '_ {
        self.values(digit).filter(move |(_, value)| *value != truth).map(|(trustee, _)| trustee)
    }
}
