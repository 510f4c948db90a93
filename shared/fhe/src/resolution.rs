//! The range D and the scale at which a round's counts are encoded, as a pure function of what is announced.

mod range;

use super::argmax::{ArgmaxKind, MAX_EXACT_CLASSES};
use super::circuits::exact::{Refinements, WINDOW_TICKS};
use super::encoding::Encoding;
use super::layout::Layout;
use super::noise::{self, Shape};
use super::parameters::POLYNOMIAL_SIZE;
use super::scheme::Scheme;
pub use range::count_range;
use range::{Range, excess_deviations};

/// The largest number of teachers of a federation.
pub const MAX_TEACHERS: u32 = 1_000_000;
/// The largest range D; beyond it one vote would vanish in the noise of a bootstrap.
const MAX_BOUND: f64 = 8_388_608.0;

/// How a round's counts are encoded: the range D of their differences and the scale of one vote.
///
/// Every participant, the coordinator and every trustee compute it themselves and must agree on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    layout: Layout,
    threshold: Option<u32>,
    bound: u64,
    reading: Reading,
}

/// The circuit that reads the counts, with what it resolves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reading {
    /// Right everywhere.
    Exact,
    /// A tournament that puts out labels.
    Labels {
        /// The kind of tournament that was asked for.
        argmax: ArgmaxKind,
        errors: Errors,
        /// The least lead in votes that is seen but for a chance of 2^-40.
        gap: u64,
    },
    /// A tournament that puts out whether the maximum reaches the threshold.
    Test { errors: Errors, threshold: u32 },
}

/// How finely a tournament reads, and how far its comparisons err.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Errors {
    /// Levels before the last one that are read finely.
    pub(crate) precise: u32,
    /// Standard deviation of the worst comparison, in votes.
    deviation: f64,
    /// Where a threshold is played, the distance from it in votes from which on the comparison is right but for a chance
    /// of 2^-40.
    border: Option<u64>,
}

/// Why no scale exists for a round.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ResolutionError {
    /// No teacher, or too many.
    #[error("{0} teachers: a federation has 1 to {MAX_TEACHERS} teachers")]
    Teachers(u32),
    /// The variance is not a number of votes squared.
    #[error("a drawn noise variance of {0}: it must be finite and not negative")]
    Variance(f64),
    /// The exact circuit does not take so many classes.
    #[error("{0} classes: argmax = \"exact\" takes at most {MAX_EXACT_CLASSES} classes; use \"tournament\"")]
    ExactClasses(usize),
    /// The exact circuit does not resolve single votes over such a range.
    #[error(
        "the counts of this round may differ by {bound} votes: argmax = \"exact\" resolves at most {max}; \
         use \"tournament\", less noise or fewer teachers"
    )]
    ExactBound {
        /// The range D that would be needed.
        bound: u64,
        /// The largest range of the exact circuit.
        max: u64,
    },
    /// The exact circuit would see the rounding of so many ballots.
    #[error(
        "the counts of this round may differ by {bound} votes and come from up to {ballots} ballots, whose rounding \
         argmax = \"exact\" would see; use \"tournament\", less noise or fewer teachers"
    )]
    ExactRounding {
        /// The range D.
        bound: u64,
        /// The most ballots there can be: one of each teacher and the coordinator's.
        ballots: u32,
    },
    /// The threshold is not a number of votes that a class can have.
    #[error(
        "a threshold of {threshold} votes: it must be 1 to {teachers}, the number of teachers; set it to the votes a \
         class needs for a label"
    )]
    Threshold {
        /// The threshold given.
        threshold: u32,
        /// The number of teachers.
        teachers: u32,
    },
    /// The layout is that of a test's outcomes.
    #[error("the layout of a test's outcomes has no votes; give that of the round's ballots")]
    Outcomes,
    /// The noise is so large that nothing could be told apart.
    #[error("the counts of this round may differ by more than {MAX_BOUND} votes; use less noise")]
    Bound,
}

impl Resolution {
    /// Derives D and the scale from the round's shape, its circuit, all teachers of the roster and the noise.
    ///
    /// `drawn_variance` is the variance of all noise drawn into one slot, N·s² + σ_c², in votes squared. The
    /// chance that any of the round's Q·C(C−1)/2 differences leaves ±D is below 2^-64: two counts of votes
    /// differ by at most `teachers`, two noises by a discrete Gaussian of variance twice the drawn one. Its
    /// tail is that of the Gaussian one vote earlier (Canonne, Kamath, Steinke 2020, Proposition 25), and
    /// that of the Gaussian is below √(2/π)·exp(−t²/2)/t on both sides (Mills). The circuit's own error joins
    /// the variance.
    ///
    /// A tournament reads as many levels coarsely as leave its own error, all levels together, below
    /// [`ArgmaxKind::error_share`] of the standard deviation of a noisy difference; see [`Resolution::precise`].
    ///
    /// # Errors
    /// Refuses a number of teachers outside 1..=[`MAX_TEACHERS`], a variance that is negative or not finite,
    /// and what the circuit cannot resolve.
    pub fn new(
        layout: Layout,
        argmax: ArgmaxKind,
        teachers: u32,
        drawn_variance: f64,
    ) -> Result<Self, ResolutionError> {
        Self::labels(layout, argmax, &Range::new(layout, teachers, drawn_variance, None)?, None)
    }

    /// Derives D and the scale of a round that abstains where the noisy maximum is below `threshold` votes.
    ///
    /// The threshold T is compared with counts, so D bounds these differences as well: T stands as one more class that
    /// has T votes and no noise, which makes C(C+1)/2 differences per instance. With T in 1..=`teachers` no count of
    /// votes is further from it than `teachers`, and the noise of one slot is less than that of two. The maximum
    /// leaves T ± D only if some count does. The rest is as in [`Resolution::new`].
    ///
    /// # Errors
    /// Refuses what [`Resolution::new`] refuses, and a threshold outside 1..=`teachers`.
    pub fn with_threshold(
        layout: Layout,
        argmax: ArgmaxKind,
        teachers: u32,
        drawn_variance: f64,
        threshold: u32,
    ) -> Result<Self, ResolutionError> {
        let range = Range::new(layout, teachers, drawn_variance, Some(threshold))?;
        Self::labels(layout, argmax, &range, Some(threshold))
    }

    fn labels(
        layout: Layout,
        argmax: ArgmaxKind,
        range: &Range,
        threshold: Option<u32>,
    ) -> Result<Self, ResolutionError> {
        match argmax.error_share() {
            None => Self::exact(layout, range, threshold),
            Some(share) => Self::tournament(layout, (argmax, share), range, threshold),
        }
    }

    /// Derives D and the scale of the test of a two-step round, whose ballots hold the same votes with noise of their
    /// own.
    ///
    /// `drawn_variance` is that of the test. D is that of a tournament with this threshold; [`super::tally`] then gives
    /// labels of [`Layout::test`]. The test is a tournament whatever finds the labels later: it is right but for
    /// [`Resolution::threshold_votes`].
    ///
    /// # Errors
    /// Refuses what [`Resolution::with_threshold`] refuses.
    pub fn test(
        layout: Layout,
        teachers: u32,
        drawn_variance: f64,
        threshold: u32,
    ) -> Result<Self, ResolutionError> {
        let range = Range::new(layout, teachers, drawn_variance, Some(threshold))?;
        let levels = noise::rounds(layout.classes());
        let (bound, errors, _) = read(layout, &range, Some(threshold), levels)?;
        Ok(Self { layout, threshold: Some(threshold), bound, reading: Reading::Test { errors, threshold } })
    }

    /// Returns the coarsest tournament whose error the noise hides, or the finest where none is hidden.
    fn tournament(
        layout: Layout,
        (argmax, share): (ArgmaxKind, f64),
        range: &Range,
        threshold: Option<u32>,
    ) -> Result<Self, ResolutionError> {
        let levels = noise::rounds(layout.classes()) - 1 + u32::from(threshold.is_some());
        let hidden = share * range.variance.sqrt();
        let read = |precise| read(layout, range, threshold, precise);
        let found = (0..levels)
            .filter_map(|precise| read(precise).ok())
            .find(|(_, errors, _)| errors.deviation <= hidden);
        let (bound, errors, gap) = found.map_or_else(|| read(levels), Ok)?;
        Ok(Self { layout, threshold, bound, reading: Reading::Labels { argmax, errors, gap } })
    }

    fn exact(layout: Layout, range: &Range, threshold: Option<u32>) -> Result<Self, ResolutionError> {
        if layout.classes() > MAX_EXACT_CLASSES {
            return Err(ResolutionError::ExactClasses(layout.classes()));
        }
        // the window around ±D in which a coarse comparison reads zero is kept out of the range
        let ticks = POLYNOMIAL_SIZE as f64;
        let usable = (ticks - 2.0 * WINDOW_TICKS as f64) / ticks;
        let bound = (range.without_circuit_error() / usable).ceil();
        if bound > MAX_BOUND {
            return Err(ResolutionError::Bound);
        }
        let bound = bound as u64;
        let Some(refinements) = Refinements::new(bound) else {
            return Err(ResolutionError::ExactBound { bound, max: Refinements::MAX_BOUND });
        };
        if !refinements.hide_rounding(range.ballots) {
            return Err(ResolutionError::ExactRounding { bound, ballots: range.ballots });
        }
        Ok(Self { layout, threshold, bound, reading: Reading::Exact })
    }

    /// Returns the shape of the round: of its ballots and their sum.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the layout of what the tally of all instances puts out: the round's, or [`Layout::test`] of it.
    #[must_use]
    pub const fn outcomes(&self) -> Layout {
        if self.is_test() { self.layout.test() } else { self.layout }
    }

    /// Returns the circuit; a test is a tournament.
    #[must_use]
    pub const fn argmax(&self) -> ArgmaxKind {
        match self.reading {
            Reading::Exact => ArgmaxKind::Exact,
            Reading::Labels { argmax, .. } => argmax,
            Reading::Test { .. } => ArgmaxKind::Tournament,
        }
    }

    pub(crate) const fn reading(&self) -> Reading {
        self.reading
    }

    const fn errors(&self) -> Option<Errors> {
        match self.reading {
            Reading::Exact => None,
            Reading::Labels { errors, .. } | Reading::Test { errors, .. } => Some(errors),
        }
    }

    /// Returns the threshold T in votes, if there is one.
    #[must_use]
    pub const fn threshold(&self) -> Option<u32> {
        self.threshold
    }

    /// Returns whether this is the test of a two-step round, which says only whether the maximum reaches T.
    #[must_use]
    pub const fn is_test(&self) -> bool {
        matches!(self.reading, Reading::Test { .. })
    }

    /// Returns how many levels of the tournament before its last one are read finely, with two look-ups per match; the
    /// levels below are read coarsely, with one. Zero for the exact circuit, which has no levels.
    #[must_use]
    pub fn precise(&self) -> u32 {
        self.errors().map_or(0, |errors| errors.precise)
    }

    /// Returns D in votes: a difference of two noisy counts, or of one and T, beyond ±D would flip its sign.
    #[must_use]
    pub const fn bound(&self) -> u64 {
        self.bound
    }

    /// Returns how counts are encoded for this circuit.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        Encoding::new(self.layout, self.bound, self.scale())
    }

    /// Returns what one vote adds to a 64-bit plaintext: `(2^63 / D) >> (ceil(log2 C) − 1 + [threshold])`, or 2^63 / D
    /// if exact.
    #[must_use]
    pub const fn scale(&self) -> u64 {
        let full_range = (1_u64 << 63) / self.bound;
        match self.reading {
            Reading::Exact => full_range,
            Reading::Labels { .. } | Reading::Test { .. } => {
                full_range >> (noise::rounds(self.layout.classes()) - 1 + self.threshold.is_some() as u32)
            }
        }
    }

    /// Returns the resolution in votes: where the most voted class leads every other by at least this much,
    /// the label is that class but for a chance below 2^-40. Zero for the exact circuit, whose ties go to the
    /// lowest class, and for a test, which names none.
    #[must_use]
    pub const fn votes(&self) -> u64 {
        match self.reading {
            Reading::Exact | Reading::Test { .. } => 0,
            Reading::Labels { gap, .. } => gap,
        }
    }

    /// Returns the circuit's error near the threshold T in votes: where the noisy maximum is at least T + this or at
    /// most T − this, the abstention (or the test) is right but for a chance below 2^-40; between them it may go
    /// either way. Zero for the exact circuit, which abstains precisely below T, and without a threshold.
    #[must_use]
    pub fn threshold_votes(&self) -> u64 {
        self.errors().and_then(|errors| errors.border).unwrap_or(0)
    }

    /// Returns what the maximum is compared with, as a plaintext at the scale of the ballots; `None` without a
    /// threshold.
    ///
    /// The tournament's border lies half a vote below T, because a maximum of T votes is enough; the exact circuit
    /// moves its border itself.
    pub(crate) fn threshold_plaintext(&self) -> Option<u64> {
        let threshold = self.threshold?;
        Some(match self.reading {
            Reading::Exact => u64::from(threshold).wrapping_mul(self.scale()),
            Reading::Labels { .. } | Reading::Test { .. } => self.tournament_plaintext(threshold),
        })
    }

    /// Returns what a tournament's maximum is compared with: half a vote below so many.
    pub(crate) const fn tournament_plaintext(&self, votes: u32) -> u64 {
        (votes as u64).wrapping_mul(self.scale()).wrapping_sub(self.scale() / 2)
    }

    /// Returns the predicted standard deviation, in votes, of the tournament's worst comparison: the final, or that
    /// with the threshold.
    #[must_use]
    pub fn comparison_deviation(&self) -> f64 {
        self.errors().map_or(0.0, |errors| errors.deviation)
    }
}

/// Returns D, the errors and the gap of a tournament of which so many levels before the last one are read finely.
fn read(
    layout: Layout,
    range: &Range,
    threshold: Option<u32>,
    precise: u32,
) -> Result<(u64, Errors, u64), ResolutionError> {
    let classes = layout.classes();
    let ticks = POLYNOMIAL_SIZE as f64;
    let shape = Shape { classes, ballots: range.ballots, threshold: threshold.is_some(), precise };
    let scheme = &Scheme::NOISIEST;
    let final_error = shape.final_deviation(scheme) / ticks;
    let threshold_error = threshold.map_or(0.0, |_| shape.threshold_deviation(scheme) / ticks);
    let relative_error = final_error.max(threshold_error);
    let bound = range.with_circuit_error(relative_error).ceil();
    // written so that a range that is no number is refused as well
    if !(0.0..=MAX_BOUND).contains(&bound) {
        return Err(ResolutionError::Bound);
    }
    // the winner meets at most C − 1 others, and only an error to one side makes it lose
    let gap = (excess_deviations((classes - 1) as f64 / 2.0) * final_error * bound).ceil();
    // half a vote below T lies the border, and any of C counts below it may err to above it
    let border = |_| (excess_deviations(classes as f64 / 2.0) * threshold_error * bound + 0.5).ceil() as u64;
    let errors = Errors { precise, deviation: relative_error * bound, border: threshold.map(border) };
    Ok((bound as u64, errors, gap as u64))
}
