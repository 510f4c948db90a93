//! How finely votes are read from a phase, and the limits within which no rounding can change a label.

use borsh::BorshSerialize;

use crate::sharing::Sharing;

/// The least number of fraction bits of fixed-point counts.
pub const FIXED_FRACTION: u32 = 12;

/// Bits of a word of a summed ciphertext.
const WORD_BITS: u32 = u32::BITS;

/// Why counts cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// No phase of 32 bits has room for the range and for what the ciphertexts' noise asks.
    #[error(
        "differences of up to {bound} votes among {ballots} ballots have no room in a phase of 32 bits at {sharing}: \
         admit fewer ballots, less noise or smaller ranges of proofs"
    )]
    NoRoom {
        /// The range D in votes at the widest grid.
        bound: u64,
        /// The number N of ballots.
        ballots: u32,
        /// The pieces.
        sharing: Sharing,
    },
    /// The sum is of nothing.
    #[error("a tally of no ballots: wait for the quorum")]
    NoBallots,
}

/// Whether counts are whole votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
#[borsh(use_discriminant = false)]
pub enum Counts {
    /// Counts are whole numbers of votes; half a vote of bias makes comparisons exact and gives ties to the lower class.
    Whole,
    /// Counts have fractions; they are compared as they are read, to a resolution of pieces/2^g votes, without bias.
    Fixed,
}

/// The grid to which every piece of a phase is rounded: k bits of votes and g bits of fraction, k + g ≤ 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub struct Grid {
    sharing: Sharing,
    ballots: u32,
    counts: Counts,
    bound: u64,
    whole: u32,
    fraction: u32,
}

impl Grid {
    /// Chooses the grid of whole counts: the smallest k with D < 2^(k−1), then the smallest g whose rounding and noise stay
    /// below half a vote.
    ///
    /// `bound_at(k)` is the range D, rounded up, of every difference of counts (and of a count and the threshold) in votes
    /// if a vote is 2^(64−k): what proofs of range leave open depends on it.
    ///
    /// # Errors
    /// Refuses a range without room.
    pub fn whole(sharing: Sharing, ballots: u32, bound_at: impl Fn(u32) -> u64) -> Result<Self, GridError> {
        let (whole, bound) = Self::narrowest(sharing, ballots, bound_at)?;
        let fraction = (1..=WORD_BITS - whole).find(|fraction| exact(sharing, ballots, whole, *fraction));
        let fraction = fraction.ok_or(GridError::NoRoom { bound, ballots, sharing })?;
        Ok(Self { sharing, ballots, counts: Counts::Whole, bound, whole, fraction })
    }

    /// Chooses the grid of fixed-point counts: the smallest k with D < 2^(k−1), and all the fraction there is room for, up
    /// to 16 bits.
    ///
    /// # Errors
    /// Refuses a range that leaves fewer than [`FIXED_FRACTION`] bits, or at whose ends noise could wrap a difference.
    pub fn fixed(sharing: Sharing, ballots: u32, bound_at: impl Fn(u32) -> u64) -> Result<Self, GridError> {
        let (whole, bound) = Self::narrowest(sharing, ballots, bound_at)?;
        let fraction = (WORD_BITS - whole).min(16);
        // D ends a vote before the wrap: what is read there must not reach it.
        let ends = stays_within(sharing, ballots, (whole, fraction), 1 << fraction);
        if fraction < FIXED_FRACTION || !ends {
            return Err(GridError::NoRoom { bound, ballots, sharing });
        }
        Ok(Self { sharing, ballots, counts: Counts::Fixed, bound, whole, fraction })
    }

    fn narrowest(
        sharing: Sharing,
        ballots: u32,
        bound_at: impl Fn(u32) -> u64,
    ) -> Result<(u32, u64), GridError> {
        if ballots == 0 {
            return Err(GridError::NoBallots);
        }
        let fits = |whole: u32| Some((whole, bound_at(whole))).filter(|(_, bound)| *bound < 1 << (whole - 1));
        (2..WORD_BITS).find_map(fits).ok_or_else(|| GridError::NoRoom {
            bound: bound_at(WORD_BITS - 1),
            ballots,
            sharing,
        })
    }

    /// Returns the pieces for which the grid was chosen.
    #[must_use]
    pub const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Returns the number N of ballots for which the grid was chosen, the coordinator's included.
    #[must_use]
    pub const fn ballots(&self) -> u32 {
        self.ballots
    }

    /// Returns whether counts are whole.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the range D of differences in votes.
    #[must_use]
    pub const fn bound(&self) -> u64 {
        self.bound
    }

    /// Returns the number k of bits before the point.
    #[must_use]
    pub const fn whole_bits(&self) -> u32 {
        self.whole
    }

    /// Returns the number g of bits after the point.
    #[must_use]
    pub const fn fraction_bits(&self) -> u32 {
        self.fraction
    }

    /// Returns the bits k + g of a rounded piece.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.whole + self.fraction
    }

    /// Returns the scale of a ballot's counts, 2^(64−k).
    #[must_use]
    pub const fn scale(&self) -> u64 {
        1 << (64 - self.whole)
    }

    /// Returns what is added to every difference: half a vote for whole counts, nothing for others.
    pub(crate) const fn bias(&self) -> u32 {
        match self.counts {
            Counts::Whole => 1 << (self.fraction - 1),
            Counts::Fixed => 0,
        }
    }

    /// Returns the mask of a rounded piece's bits.
    pub(crate) const fn modulus_mask(&self) -> u32 {
        u32::MAX >> (WORD_BITS - self.width())
    }

    /// Rounds a phase to the grid, to nearest; beyond the greatest lies zero, as everywhere on the torus.
    pub(crate) const fn round(&self, phase: u32) -> u32 {
        let dropped = WORD_BITS - self.width();
        if dropped == 0 {
            return phase;
        }
        phase.wrapping_add(1 << (dropped - 1)) >> dropped
    }
}

/// Whether rounding (at most one unit of 2^−g votes per piece in a difference) and nine deviations of a difference's noise
/// stay below half a vote: (2^(g−1) − pieces)/2^g ≥ 9·√(2N(2048·E\[S²\]/12 + 2^16/12)) units of 2^−(32−k) votes.
///
/// Masks are rounded to 32 bits and multiplied by the key, bodies to 24. In whole numbers, both sides squared and doubled.
const fn exact(sharing: Sharing, ballots: u32, whole: u32, fraction: u32) -> bool {
    stays_within(sharing, ballots, (whole, fraction), 1 << (fraction - 1))
}

/// Whether rounding and nine deviations of a difference's noise stay below so many units of 2^−g votes.
const fn stays_within(sharing: Sharing, ballots: u32, (whole, fraction): (u32, u32), units: u128) -> bool {
    let pieces = sharing.pieces() as u128;
    if units <= pieces || whole + fraction > WORD_BITS {
        return false;
    }
    let room = (units - pieces) << (WORD_BITS - whole - fraction);
    let four_squares = pieces + pieces * pieces;
    2 * room * room >= 27 * ballots as u128 * (512 * four_squares + (1 << 16))
}

// With the fewest fraction bits that rounding allows, so many votes fit; one bit more does not.
const _: () = {
    assert!(exact(Sharing::ThreeOne, 250, 15, 3) && !exact(Sharing::ThreeOne, 250, 16, 3));
    assert!(exact(Sharing::FourOne, 250, 16, 4) && !exact(Sharing::FourOne, 250, 17, 4));
    assert!(exact(Sharing::FiveTwo, 250, 15, 5) && !exact(Sharing::FiveTwo, 250, 16, 5));
    assert!(exact(Sharing::ThreeOne, 1000, 14, 3) && !exact(Sharing::ThreeOne, 1000, 15, 3));
    assert!(exact(Sharing::FourOne, 1000, 15, 4) && !exact(Sharing::FourOne, 1000, 16, 4));
    assert!(exact(Sharing::FiveTwo, 1000, 14, 5) && !exact(Sharing::FiveTwo, 1000, 15, 5));
};

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(sharing: Sharing, ballots: u32, bound: u64) -> Option<(u32, u32)> {
        Grid::whole(sharing, ballots, |_| bound).ok().map(|grid| (grid.whole, grid.fraction))
    }

    #[test]
    fn grids_are_the_smallest_that_hold() {
        assert_eq!(grid(Sharing::ThreeOne, 250, 8_000), Some((14, 3)));
        assert_eq!(grid(Sharing::ThreeOne, 250, 16_383), Some((15, 3)));
        // 1 000 proven ballots need one bit of votes more than the fewest fraction bits leave room for
        assert_eq!(grid(Sharing::ThreeOne, 1000, 20_000), Some((16, 7)));
        assert_eq!(grid(Sharing::FourOne, 1000, 20_000), Some((16, 4 + 5)));
        assert_eq!(grid(Sharing::FiveTwo, 1000, 20_000), None);
    }

    /// E[S²] of one coefficient of the key, a sum of as many random bits as there are pieces.
    fn square(sharing: Sharing) -> f64 {
        [3.0, 5.0, 27.5][Sharing::ALL.iter().position(|way| *way == sharing).unwrap()]
    }

    #[test]
    fn the_deviation_is_that_of_the_formula() {
        for sharing in Sharing::ALL {
            for (ballots, whole, fraction) in [(250, 14, 5), (250, 15, 6), (1000, 14, 5), (1000, 16, 9)] {
                let deviation =
                    (2.0 * f64::from(ballots) * (2048.0 * square(sharing) + 65_536.0) / 12.0).sqrt();
                let units = f64::from(1_u32 << fraction);
                let room = (units / 2.0 - sharing.pieces() as f64) / units * f64::from(1_u32 << (32 - whole));
                assert_eq!(exact(sharing, ballots, whole, fraction), room >= 9.0 * deviation, "{sharing}");
            }
        }
    }

    #[test]
    fn a_bound_that_grows_with_the_grid_is_met_where_it_first_fits() {
        let grid = Grid::whole(Sharing::ThreeOne, 3, |whole| 1000 + 24 * u64::from(whole)).unwrap();
        assert_eq!((grid.whole_bits(), grid.bound()), (12, 1288));
        assert_eq!(Grid::whole(Sharing::ThreeOne, 0, |_| 3), Err(GridError::NoBallots));
        let wide = Grid::whole(Sharing::FiveTwo, 1000, |_| 100_000).unwrap_err();
        assert!(wide.to_string().contains("100000 votes among 1000 ballots"), "{wide}");
        assert!(Grid::fixed(Sharing::FiveTwo, 1000, |_| 1 << 20).is_err());
        // 1 000 ballots: nine deviations of noise are 31 107 units of 2^-32, a vote at k = 17 is 32 768, at k = 18 half of it
        let fixed = |bound| Grid::fixed(Sharing::ThreeOne, 1000, |_| bound).map(|grid| grid.width());
        assert_eq!(fixed((1 << 16) - 1), Ok(32));
        assert!(matches!(fixed(1 << 16), Err(GridError::NoRoom { .. })));
    }
}
