//! What the range D must hold, and the deviations that nothing leaves.

use super::{MAX_TEACHERS, ResolutionError};
use crate::layout::Layout;

/// A round's chance of any gross error by a difference beyond D, 2^-64.
const GROSS_ERROR_LOG2: f64 = -64.0;
/// The chance that an error of the circuit exceeds what [`super::Resolution::votes`] says, 2^-40.
const EXCESS_LOG2: f64 = -40.0;
/// Grid of deviations, which are rounded up to multiples of 1/1024: no two machines' logarithms give two ranges D.
const GRID: f64 = 1024.0;

/// What the range D must hold.
#[derive(Clone, Copy)]
pub(super) struct Range {
    /// Largest difference of two counts of votes, and one more for the discrete tail if there is noise.
    votes: f64,
    /// Variance of the difference of two slots' noise.
    pub(super) variance: f64,
    /// Ballots that are added up, at most: no participant has less than one teacher, and the coordinator casts one.
    pub(super) ballots: u32,
    /// Deviations to keep clear of.
    tail: f64,
}

/// Returns the range D in votes, rounded up, that no difference of two noisy counts of a round leaves, nor one of a count
/// and the threshold, but for a chance of 2^-64 per round. It is that of an exact tally, which adds no error of its own.
///
/// # Errors
/// Refuses what [`super::Resolution::with_threshold`] refuses of its numbers, and a range of more than 2^23 votes.
pub fn count_range(
    layout: Layout,
    teachers: u32,
    drawn_variance: f64,
    threshold: Option<u32>,
) -> Result<u64, ResolutionError> {
    let range = Range::new(layout, teachers, drawn_variance, threshold)?.without_circuit_error().ceil();
    if range > super::MAX_BOUND { Err(ResolutionError::Bound) } else { Ok(range as u64) }
}

impl Range {
    /// Derives the range from the round's shape, all teachers of the roster, the noise and the threshold.
    pub(super) fn new(
        layout: Layout,
        teachers: u32,
        drawn_variance: f64,
        threshold: Option<u32>,
    ) -> Result<Self, ResolutionError> {
        if layout.classes() < 2 {
            return Err(ResolutionError::Outcomes);
        }
        if !(1..=MAX_TEACHERS).contains(&teachers) {
            return Err(ResolutionError::Teachers(teachers));
        }
        if !drawn_variance.is_finite() || drawn_variance < 0.0 {
            return Err(ResolutionError::Variance(drawn_variance));
        }
        if let Some(threshold) = threshold.filter(|threshold| !(1..=teachers).contains(threshold)) {
            return Err(ResolutionError::Threshold { threshold, teachers });
        }
        Ok(Self {
            votes: f64::from(teachers) + if drawn_variance > 0.0 { 1.0 } else { 0.0 },
            variance: 2.0 * drawn_variance,
            ballots: teachers + 1,
            tail: range_deviations(comparisons(layout, threshold.is_some())),
        })
    }

    pub(super) fn without_circuit_error(&self) -> f64 {
        self.votes + self.tail * self.variance.sqrt()
    }

    /// Solves D = votes + t·√(variance + (κ·D)²), because the circuit's error κ·D grows with the range
    /// itself.
    pub(super) fn with_circuit_error(&self, relative_error: f64) -> f64 {
        let spread = self.tail * relative_error;
        let rest = 1.0 - spread * spread;
        let under_root = self.votes * self.votes * relative_error * relative_error + self.variance * rest;
        (self.votes + self.tail * under_root.sqrt()) / rest
    }
}

/// Returns the number of differences of a round, Q·C(C−1)/2, and with a threshold, which is one class more, Q·C(C+1)/2.
///
/// A single instance counts as two: a label's share of the round's 2^-64 is then at most 2^-65, which leaves room
/// for the other gross errors.
fn comparisons(layout: Layout, threshold: bool) -> f64 {
    let seats = layout.classes() + usize::from(threshold);
    (layout.instances().max(2) * seats * (seats - 1) / 2) as f64
}

/// Deviations that none of so many differences leaves but for a chance of 2^-64.
fn range_deviations(events: f64) -> f64 {
    tail_deviations(events, GROSS_ERROR_LOG2)
}

/// Deviations that none of so many errors exceeds but for a chance of 2^-40.
pub(super) fn excess_deviations(events: f64) -> f64 {
    tail_deviations(events, EXCESS_LOG2)
}

/// Smallest t on the grid with events·√(2/π)·exp(−t²/2)/t ≤ 2^log2: that many two-sided Gaussian tails.
fn tail_deviations(events: f64, log2: f64) -> f64 {
    let target = log2 * std::f64::consts::LN_2 - events.ln();
    let log_tail = |t: f64| 0.5 * std::f64::consts::FRAC_2_PI.ln() - t * t / 2.0 - t.ln();
    (1..)
        .map(|multiple: u32| f64::from(multiple) / GRID)
        .find(|&t| log_tail(t) <= target)
        .unwrap_or(f64::INFINITY)
}
