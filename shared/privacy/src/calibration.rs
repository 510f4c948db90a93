//! Calibration: the smallest noise that keeps a federation's promises.

use super::accounting;
use super::budget::{exceeds, first_where};
use super::calibration_error::CalibrationError;
use super::cost::{CostError, RoundCost, Sensitivity};
use super::delta::Delta;
use super::error::NoiseError;
use super::plan::{LARGEST_SIGMA, NoisePlan, smallest_sigma};
use super::policy::{NoiseMode, NoisePolicy};
use super::rho::Rho;
use super::targets::{PrivacyTargets, Target, Unit, View};
use base::decimal::Decimal;

/// Who takes part in a federation, as far as its noise depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// N, the number of enrolled participants.
    pub enrolled: u32,
    /// q, the number of ballots a round needs.
    pub quorum: u32,
    /// τ in (0, 1]: the fraction of enrolled participants that does not collude.
    pub honest_fraction: Decimal,
    /// How many votes each unit of privacy moves.
    pub sensitivity: Sensitivity,
    /// The number of persons in the federation, if it is known; δ must lie below one over it.
    pub persons: Option<u64>,
}

/// How the noise is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// σ and σ_c are rounded up to multiples of this, in votes; above 0 and at most 1.
    pub step: Decimal,
    /// σ_c where it is given; otherwise it is solved for, and stays 0 if σ suffices for every target.
    pub coordinator_sigma: Option<Decimal>,
}

impl Search {
    /// Rounds up to thousandths of a vote and solves for σ_c too.
    pub const DEFAULT: Self = Self { step: Decimal::THOUSANDTH, coordinator_sigma: None };
}

/// Returns the plan with the smallest σ, and then the smallest σ_c, that meets every target.
///
/// The coordinator's view has V = σ², the public's V = σ² + σ_c². With a free σ_c the coordinator's target alone
/// fixes σ, or the public's if there is no other, and σ_c makes up what the public's target still lacks. Every
/// candidate is tried with the exact accountant, and shares stay at s ≥ 1.5.
///
/// # Errors
/// Refuses targets nothing can meet, naming the nearest that something can, and a membership that no
/// [`NoisePlan`] fits.
pub fn solve(
    membership: &Membership,
    targets: &PrivacyTargets,
    search: Search,
) -> Result<NoisePlan, CalibrationError> {
    if targets.iter().next().is_none() {
        return Err(CalibrationError::NoTarget);
    }
    for (view, target) in targets.iter() {
        membership.check_target(view, &target)?;
    }
    if search.step.is_zero() || search.step > Decimal::ONE {
        return Err(CalibrationError::Step(search.step));
    }
    let plan = match search.coordinator_sigma {
        Some(coordinator_sigma) => solve_sigma(membership, targets, coordinator_sigma, search.step)?,
        None => solve_both(membership, targets, search.step)?,
    };
    match first_missed(&plan, membership.sensitivity, targets)? {
        None => Ok(plan),
        Some((view, target)) => Err(out_of_reach(&plan, membership, view, &target)?),
    }
}

/// Solves for σ and then for σ_c.
fn solve_both(
    membership: &Membership,
    targets: &PrivacyTargets,
    step: Decimal,
) -> Result<NoisePlan, CalibrationError> {
    let for_sigma = match targets.coordinator {
        Some(_) => PrivacyTargets { public: None, ..*targets },
        None => *targets,
    };
    let plan = solve_sigma(membership, &for_sigma, Decimal::ZERO, step)?;
    if first_missed(&plan, membership.sensitivity, targets)?.is_none() {
        return Ok(plan);
    }
    let sigma = plan.policy().sigma;
    smallest_plan(membership, targets, step, smallest_sigma(1), |coordinator_sigma| {
        membership.plan(sigma, coordinator_sigma)
    })
}

/// Solves for σ beside a given σ_c.
fn solve_sigma(
    membership: &Membership,
    targets: &PrivacyTargets,
    coordinator_sigma: Decimal,
    step: Decimal,
) -> Result<NoisePlan, CalibrationError> {
    let honest = membership.plan(LARGEST_SIGMA, coordinator_sigma)?.honest();
    smallest_plan(membership, targets, step, smallest_sigma(honest), |sigma| {
        membership.plan(sigma, coordinator_sigma)
    })
}

/// Returns the plan of the smallest multiple of `step`, from `lowest` votes on, that meets every target.
fn smallest_plan(
    membership: &Membership,
    targets: &PrivacyTargets,
    step: Decimal,
    lowest: Decimal,
    plan_at: impl Fn(Decimal) -> Result<NoisePlan, NoiseError>,
) -> Result<NoisePlan, CalibrationError> {
    let lowest = lowest.millionths().div_ceil(step.millionths());
    let highest = LARGEST_SIGMA.millionths() / step.millionths();
    // At most 10^12 millionths, far within a decimal.
    let plan_of = |steps: u64| -> Result<NoisePlan, CalibrationError> {
        let votes = Decimal::from_millionths(steps * step.millionths()).unwrap_or(Decimal::MAX);
        Ok(plan_at(votes)?)
    };
    let meets = |steps: u64| -> Result<bool, CalibrationError> {
        Ok(first_missed(&plan_of(steps)?, membership.sensitivity, targets)?.is_none())
    };
    if let Some(steps) = first_where(lowest, highest, meets)? {
        return plan_of(steps);
    }
    let most = plan_of(highest)?;
    match first_missed(&most, membership.sensitivity, targets)? {
        Some((view, target)) => Err(out_of_reach(&most, membership, view, &target)?),
        None => Ok(most),
    }
}

/// Returns the first target that a plan does not meet.
fn first_missed(
    plan: &NoisePlan,
    sensitivity: Sensitivity,
    targets: &PrivacyTargets,
) -> Result<Option<(View, Target)>, CostError> {
    for (view, target) in targets.iter() {
        let is_met = match loss(plan, sensitivity, view, &target)? {
            Some(rho) => !exceeds(rho, target.epsilon, target.delta)?,
            None => false,
        };
        if !is_met {
            return Ok(Some((view, target)));
        }
    }
    Ok(None)
}

/// Returns ρ of a target's labels in its view; `None` where the view knows all the noise.
fn loss(
    plan: &NoisePlan,
    sensitivity: Sensitivity,
    view: View,
    target: &Target,
) -> Result<Option<Rho>, CostError> {
    Ok(*RoundCost::new(plan, sensitivity, target.labels)?.rho.get(target.unit).get(view))
}

/// Returns the error that states what the most noise there is would still achieve.
fn out_of_reach(
    most: &NoisePlan,
    membership: &Membership,
    view: View,
    target: &Target,
) -> Result<CalibrationError, CalibrationError> {
    let rho = loss(most, membership.sensitivity, view, target)?;
    let reachable = rho.map(|rho| accounting::epsilon(rho, target.delta)).transpose()?;
    Ok(CalibrationError::OutOfReach {
        view,
        target: *target,
        sigma: most.policy().sigma,
        reachable: reachable.map_or_else(|| "nothing".to_owned(), |epsilon| format!("epsilon {epsilon}")),
    })
}

impl Membership {
    /// Plans the noise of σ and σ_c; who draws follows from which of them is zero.
    pub fn plan(&self, sigma: Decimal, coordinator_sigma: Decimal) -> Result<NoisePlan, NoiseError> {
        let mode = if coordinator_sigma.is_zero() { NoiseMode::Participants } else { NoiseMode::Both };
        let policy = NoisePolicy { sigma, coordinator_sigma, honest_fraction: self.honest_fraction, mode };
        NoisePlan::new(policy, self.enrolled, self.quorum)
    }

    /// Refuses a δ that is not below one over the number of persons, if that is known, or of participants: a
    /// mechanism that publishes one of them outright would satisfy such a δ.
    pub fn check_delta(&self, delta: Delta, unit: Unit) -> Result<(), CalibrationError> {
        let count = match unit {
            Unit::Person => self.persons,
            Unit::Participant => Some(u64::from(self.enrolled)),
        };
        match count {
            Some(count) if delta.get() * count as f64 >= 1.0 => {
                Err(CalibrationError::DeltaTooLarge { delta, unit, count })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a target that cannot be meant.
    fn check_target(&self, view: View, target: &Target) -> Result<(), CalibrationError> {
        if target.epsilon.is_zero() {
            return Err(CalibrationError::NoEpsilon(view));
        }
        if target.labels == 0 {
            return Err(CalibrationError::NoLabels(view));
        }
        self.check_delta(target.delta, target.unit)
    }
}
