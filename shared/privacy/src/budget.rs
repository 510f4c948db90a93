//! From ε to labels and back: what a plan's noise buys, per unit and view.

use super::accounting;
use super::cost::{CostError, RoundCost, Sensitivity, Units, Views};
use super::delta::Delta;
use super::plan::NoisePlan;
use super::rho::Rho;
use base::decimal::Decimal;

/// The largest number of labels that is counted; a budget that buys more is reported as this many.
pub const MAX_LABELS: u64 = 1 << 53;

/// Returns how many labels cost at most (`epsilon`, `delta`) under `plan`, per unit and view.
///
/// `None` where the view knows all the noise, 0 where one label costs more, at most [`MAX_LABELS`].
///
/// # Errors
/// Refuses what [`RoundCost::new`] refuses.
pub fn labels_for(
    plan: &NoisePlan,
    sensitivity: Sensitivity,
    epsilon: Decimal,
    delta: Delta,
) -> Result<Units<Views<Option<u64>>>, CostError> {
    let label = RoundCost::new(plan, sensitivity, 1)?.rho;
    let labels = |rho: &Option<Rho>| rho.map(|rho| labels_of(rho, epsilon, delta)).transpose();
    Ok(Units { person: label.person.try_map(labels)?, participant: label.participant.try_map(labels)? })
}

/// Returns the largest number of labels, each costing `label`, that stays within (`epsilon`, `delta`).
fn labels_of(label: Rho, epsilon: Decimal, delta: Delta) -> Result<u64, CostError> {
    let is_beyond = |labels: u64| match label.checked_mul(labels) {
        Some(rho) => exceeds(rho, epsilon, delta),
        None => Ok(true),
    };
    let first_beyond = first_where(1, MAX_LABELS, is_beyond)?;
    Ok(first_beyond.map_or(MAX_LABELS, |labels| labels - 1))
}

/// Returns whether ρ costs more than (`epsilon`, `delta`), by the figure that is shown; a loss too large to be
/// shown does.
pub(super) fn exceeds(rho: Rho, epsilon: Decimal, delta: Delta) -> Result<bool, CostError> {
    match accounting::epsilon(rho, delta) {
        Ok(shown) => Ok(shown > epsilon.to_f64()),
        Err(CostError::Overflow) => Ok(true),
        Err(other) => Err(other),
    }
}

/// Returns the smallest number in `lowest..=highest` for which a condition holds that stays true once it is;
/// `None` if it never holds.
pub(super) fn first_where<E>(
    lowest: u64,
    highest: u64,
    mut holds: impl FnMut(u64) -> Result<bool, E>,
) -> Result<Option<u64>, E> {
    if lowest > highest || !holds(highest)? {
        return Ok(None);
    }
    let (mut low, mut high) = (lowest, highest);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(high))
}
