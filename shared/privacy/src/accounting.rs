//! The privacy loss of one label, and the way from ρ to ε; OpenDP computes both maps.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use opendp::combinators::ConcentratedMeasure;
use opendp::error::Fallible;
use opendp::measures::ZeroConcentratedDivergence;
use opendp::traits::{InfAdd, InfLn, InfMul, InfSqrt};

use super::cost::CostError;
use super::delta::Delta;
use super::histogram::loss_of_replacing;
use super::plan::{NoisePlan, ShareSize};
use super::rho::Rho;
use base::decimal::Decimal;

/// The noise that one kind of observer does not know.
#[derive(Clone, Debug)]
pub(super) struct UnknownNoise {
    /// V, in votes squared: what is claimed, never more than what is drawn.
    variance: RBig,
    /// τ_d: twice the largest log-ratio between the law of the summed shares and one discrete Gaussian.
    gap: RBig,
}

impl UnknownNoise {
    /// Describes the honest participants' shares, and with `coordinator` also the coordinator's noise; `None`
    /// if that is no noise at all.
    pub(super) fn new(plan: &NoisePlan, coordinator: bool) -> Option<Self> {
        let policy = plan.policy();
        let coordinator_sigma = if coordinator { policy.coordinator_sigma } else { Decimal::ZERO };
        let variance = square(policy.sigma) + square(coordinator_sigma);
        if variance.is_zero() {
            return None;
        }
        let coordinator_size = if coordinator { plan.coordinator_share_size() } else { ShareSize::ZERO };
        Some(Self { variance, gap: sum_gap(plan.share_size(), plan.honest(), coordinator_size) })
    }

    /// Bounds the loss of one label for whoever moves `votes` votes: Δ₂ = votes·√2, Δ₁ = 2·votes, in at most
    /// 2·votes slots.
    ///
    /// The second bound of Kairouz, Liu, Steinke 2021, Proposition 14:
    /// ρ = (Δ₂²/V + 2·Δ₁·τ_d/√V + τ_d²·d)/2, whose first term OpenDP computes for the vote histogram and its Gaussian noise.
    pub(super) fn loss_per_label(&self, votes: u32) -> Result<Rho, CostError> {
        let scale = root_below(&self.variance);
        let gaussian = exact(loss_of_replacing(votes, scale)?)?;
        let root = exact(scale)?;
        let votes = RBig::from(votes);
        let drift = &votes * &self.gap * (RBig::from(2u8) / root + &self.gap);
        Rho::at_least(gaussian + drift).ok_or(CostError::Overflow)
    }
}

/// Converts ρ to ε at `delta`, rounded up to six digits after the point.
///
/// By OpenDP's tight conversion (Canonne, Kamath, Steinke 2020). Above ρ = 50 000 its search
/// overflows; ρ + 2·√(ρ·ln(1/δ)) (Bun, Steinke 2016, Proposition 1.3) is within a thousandth there.
pub(super) fn epsilon(rho: Rho, delta: Delta) -> Result<f64, CostError> {
    let rho = rho.to_f64();
    let epsilon = if rho <= 50_000.0 {
        ZeroConcentratedDivergence::convert(rho).and_then(|profile| profile.epsilon(delta.get()))
    } else {
        loose_epsilon(rho, delta)
    };
    let epsilon = epsilon?;
    let shown = (epsilon * 1e6).ceil() / 1e6;
    if !shown.is_finite() {
        return Err(CostError::Overflow);
    }
    Ok(if shown < epsilon { shown.next_up() } else { shown })
}

/// Computes ρ + 2·√(ρ·ln(1/δ)), rounded up throughout.
fn loose_epsilon(rho: f64, delta: Delta) -> Fallible<f64> {
    let log = -delta.get().neg_inf_ln()?;
    let root = rho.inf_mul(&log)?.inf_sqrt()?;
    rho.inf_add(&2.0f64.inf_mul(&root)?)
}

/// Returns an upper bound on τ_d = 10·(Σ_{k=1}^{h−1} exp(−2π² s²·k/(k+1)) + the coordinator's term).
///
/// The terms fall with k, so all after the first are bounded by the second. Adding the coordinator's noise is
/// one more convolution, of variances h·s² and σ_c²; its exponent's variance is at least min(s², σ_c²)/2.
pub(super) fn sum_gap(share: ShareSize, honest: u32, coordinator: ShareSize) -> RBig {
    let mut sum = RBig::ZERO;
    if share.is_zero() {
        return sum;
    }
    if honest >= 2 {
        sum += exp_above(share, 1) + RBig::from(honest - 2) * exp_above(share, 2);
    }
    if !coordinator.is_zero() {
        sum += exp_above(share.min(coordinator), 1);
    }
    sum * RBig::from(10u8)
}

/// Returns a power of two that is at least exp(−2π² s²·k/(k+1)), without a floating-point exponential.
fn exp_above(share: ShareSize, k: u32) -> RBig {
    // Beyond s = 8 the bound is below 2^-900 anyway; a smaller s only makes it larger.
    let size = u128::from(share.0.min(8 * ShareSize::ONE));
    // 2π²·log2(e) = 28.47765..., rounded down.
    let exponent = 284_776 * size * size * u128::from(k)
        / (10_000 * u128::from(k + 1) * u128::from(ShareSize::ONE) * u128::from(ShareSize::ONE));
    let exponent = usize::try_from(exponent).unwrap_or(0);
    RBig::from_parts(IBig::ONE, UBig::ONE << exponent)
}

/// Returns the exact square of a decimal.
pub(super) fn square(value: Decimal) -> RBig {
    let root = RBig::from_parts(IBig::from(value.millionths()), UBig::from(Decimal::SCALE));
    &root * &root
}

/// Returns the largest float that is not above the root of `variance` by the check that counts: its square.
pub(super) fn root_below(variance: &RBig) -> f64 {
    let mut root = variance.to_f64().value().sqrt();
    while RBig::try_from(root).is_ok_and(|root| &root * &root > *variance) {
        root = root.next_down();
    }
    root
}

/// Reads a float as the rational it is.
fn exact(value: f64) -> Result<RBig, CostError> {
    RBig::try_from(value).map_err(|_| CostError::Overflow)
}

impl From<opendp::error::Error> for CostError {
    fn from(error: opendp::error::Error) -> Self {
        Self::Library(error.to_string())
    }
}
