//! The range D and the scale at which a round's counts are encoded, as a pure function of what is announced.

use super::argmax::{ArgmaxKind, MAX_EXACT_CLASSES};
use super::exact::{Refinements, WINDOW_STEPS};
use super::layout::Layout;
use super::noise;
use super::parameters::POLYNOMIAL_SIZE;

/// The largest number of teachers of a federation.
pub const MAX_TEACHERS: u32 = 1_000_000;
/// The largest range D; beyond it one vote would vanish in the noise of a bootstrap.
const MAX_BOUND: f64 = 8_388_608.0;
/// A round's chance of any gross error by a difference beyond D, 2^-40.
const GROSS_ERROR_LOG2: f64 = -40.0;
/// Deviations are rounded up to multiples of 1/1024, so that no two machines' logarithms give two ranges D.
const GRID: f64 = 1024.0;

/// How a round's counts are encoded: the range D of their differences and the scale of one vote.
///
/// Every participant, the coordinator and every trustee compute it themselves and must agree on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    layout: Layout,
    argmax: ArgmaxKind,
    bound: u64,
    deviation: f64,
    gap: u64,
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
    /// The noise is so large that nothing could be told apart.
    #[error("the counts of this round may differ by more than {MAX_BOUND} votes; use less noise")]
    Bound,
}

impl Resolution {
    /// Derives D and the scale from the round's shape, its circuit, all teachers of the roster and the noise.
    ///
    /// `drawn_variance` is the variance of all noise drawn into one slot, N·s² + σ_c², in votes squared. The
    /// chance that any of the round's Q·C(C−1)/2 differences leaves ±D is below 2^-40: two counts of votes
    /// differ by at most `teachers`, two noises by a discrete Gaussian of variance twice the drawn one. Its
    /// tail is that of the Gaussian one vote earlier (Canonne, Kamath, Steinke 2020, Proposition 25), and
    /// that of the Gaussian is below √(2/π)·exp(−t²/2)/t on both sides (Mills). The circuit's own error joins
    /// the variance.
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
        if !(1..=MAX_TEACHERS).contains(&teachers) {
            return Err(ResolutionError::Teachers(teachers));
        }
        if !drawn_variance.is_finite() || drawn_variance < 0.0 {
            return Err(ResolutionError::Variance(drawn_variance));
        }
        let range = Range {
            votes: f64::from(teachers) + if drawn_variance > 0.0 { 1.0 } else { 0.0 },
            variance: 2.0 * drawn_variance,
            tail: tail_deviations(comparisons(layout)),
        };
        match argmax {
            ArgmaxKind::Tournament => Self::tournament(layout, &range),
            ArgmaxKind::Exact => Self::exact(layout, &range),
        }
    }

    fn tournament(layout: Layout, range: &Range) -> Result<Self, ResolutionError> {
        let classes = layout.classes();
        let relative_error = noise::full_tournament_deviation(classes) / POLYNOMIAL_SIZE as f64;
        let bound = range.with_circuit_error(relative_error).ceil();
        if bound > MAX_BOUND {
            return Err(ResolutionError::Bound);
        }
        let deviation = relative_error * bound;
        // the winner meets at most C − 1 others, and only an error to one side makes it lose
        let gap = (tail_deviations((classes - 1) as f64 / 2.0) * deviation).ceil();
        Ok(Self { layout, argmax: ArgmaxKind::Tournament, bound: bound as u64, deviation, gap: gap as u64 })
    }

    fn exact(layout: Layout, range: &Range) -> Result<Self, ResolutionError> {
        if layout.classes() > MAX_EXACT_CLASSES {
            return Err(ResolutionError::ExactClasses(layout.classes()));
        }
        // the window around ±D in which a coarse comparison reads zero is kept out of the range
        let steps = POLYNOMIAL_SIZE as f64;
        let usable = (steps - 2.0 * WINDOW_STEPS as f64) / steps;
        let bound = (range.without_circuit_error() / usable).ceil();
        if bound > MAX_BOUND {
            return Err(ResolutionError::Bound);
        }
        let bound = bound as u64;
        if Refinements::new(bound).is_none() {
            return Err(ResolutionError::ExactBound { bound, max: Refinements::MAX_BOUND });
        }
        Ok(Self { layout, argmax: ArgmaxKind::Exact, bound, deviation: 0.0, gap: 0 })
    }

    /// Returns the shape of the round.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the circuit.
    #[must_use]
    pub const fn argmax(&self) -> ArgmaxKind {
        self.argmax
    }

    /// Returns D in votes: a difference of two noisy counts beyond ±D would flip its sign.
    #[must_use]
    pub const fn bound(&self) -> u64 {
        self.bound
    }

    /// Returns what one vote adds to a 64-bit plaintext: (2^63 / D) >> (ceil(log2 C) − 1), or 2^63 / D if
    /// exact.
    #[must_use]
    pub const fn scale(&self) -> u64 {
        let full_range = (1_u64 << 63) / self.bound;
        match self.argmax {
            ArgmaxKind::Tournament => full_range >> (noise::rounds(self.layout.classes()) - 1),
            ArgmaxKind::Exact => full_range,
        }
    }

    /// Returns the resolution in votes: where the most voted class leads every other by at least this much,
    /// the label is that class but for a chance below 2^-40. Zero for the exact circuit, whose ties go to the
    /// lowest class.
    #[must_use]
    pub const fn votes(&self) -> u64 {
        self.gap
    }

    /// Returns the predicted standard deviation, in votes, of the tournament's last and worst comparison.
    #[must_use]
    pub const fn comparison_deviation(&self) -> f64 {
        self.deviation
    }
}

/// What the range D must hold.
#[derive(Clone, Copy)]
struct Range {
    /// Largest difference of two counts of votes, and one more for the discrete tail if there is noise.
    votes: f64,
    /// Variance of the difference of two slots' noise.
    variance: f64,
    /// Deviations to keep clear of.
    tail: f64,
}

impl Range {
    fn without_circuit_error(&self) -> f64 {
        self.votes + self.tail * self.variance.sqrt()
    }

    /// Solves D = votes + t·√(variance + (κ·D)²), because the circuit's error κ·D grows with the range
    /// itself.
    fn with_circuit_error(&self, relative_error: f64) -> f64 {
        let spread = self.tail * relative_error;
        let rest = 1.0 - spread * spread;
        let under_root = self.votes * self.votes * relative_error * relative_error + self.variance * rest;
        (self.votes + self.tail * under_root.sqrt()) / rest
    }
}

/// Number of differences of a round, Q·C(C−1)/2.
///
/// A single instance counts as two: a label's share of the round's 2^-40 is then at most 2^-41, which leaves room
/// for the other gross errors.
fn comparisons(layout: Layout) -> f64 {
    (layout.instances().max(2) * layout.classes() * (layout.classes() - 1) / 2) as f64
}

/// Smallest t on the grid with events·√(2/π)·exp(−t²/2)/t ≤ 2^-40: that many two-sided Gaussian tails.
fn tail_deviations(events: f64) -> f64 {
    let target = GROSS_ERROR_LOG2 * std::f64::consts::LN_2 - events.ln();
    let log_tail = |t: f64| 0.5 * std::f64::consts::FRAC_2_PI.ln() - t * t / 2.0 - t.ln();
    (1..)
        .map(|multiple: u32| f64::from(multiple) / GRID)
        .find(|&t| log_tail(t) <= target)
        .unwrap_or(f64::INFINITY)
}
