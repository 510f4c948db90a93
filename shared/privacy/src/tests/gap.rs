//! The bound for sums of discrete Gaussians, held against the exact laws by convolution.

use super::law::Law;
use super::policy;
use crate::accounting::sum_gap;
use crate::{NoiseMode, NoisePlan, Rho, RoundCost, Sensitivity, ShareSize};

fn size(s: f64) -> ShareSize {
    ShareSize((s * ShareSize::ONE as f64) as u64)
}

/// Returns the largest |ln(P(x)/G(x))| between a sum P and the discrete Gaussian G of the same parameter, over the
/// eight central standard deviations (beyond them the convolution's own rounding shows).
fn largest_log_ratio(sum: &Law, parameter: f64) -> f64 {
    let gaussian = Law::discrete_gaussian(parameter.sqrt());
    let reach = (4.0 * parameter.sqrt()) as i64;
    (-reach..=reach).map(|x| (sum.at(x) / gaussian.at(x)).ln().abs()).fold(0.0, f64::max)
}

/// τ_d is twice that ratio. Small shares, where the effect is large enough for floats to see: at s = 0.5 the
/// sum is visibly no discrete Gaussian, and the bound still covers it.
#[test]
fn the_bound_covers_the_exact_gap_of_small_shares() {
    for s in [0.5, 0.625, 0.75, 1.0] {
        for honest in [2u32, 3, 5, 20] {
            let sum = Law::discrete_gaussian(s).times(honest as usize);
            let exact = 2.0 * largest_log_ratio(&sum, s * s * f64::from(honest));
            let bound = sum_gap(size(s), honest, ShareSize::ZERO).to_f64().value();
            assert!(bound >= exact, "s = {s}, h = {honest}: bound {bound} < exact {exact}");
            // For two shares it is nearly sharp; more shares smooth each other, which the bound does not use.
            let sharp = honest > 2 || bound <= 10.0 * exact;
            assert!(sharp, "s = {s}, h = {honest}: bound {bound} is far above {exact}");
        }
    }
}

#[test]
fn the_coordinators_noise_has_its_own_term() {
    for (s, c) in [(0.5, 0.5), (0.75, 0.5), (0.5, 3.0), (1.0, 0.625)] {
        let sum = Law::discrete_gaussian(s).times(3).plus(&Law::discrete_gaussian(c));
        let exact = 2.0 * largest_log_ratio(&sum, 3.0 * s * s + c * c);
        let bound = sum_gap(size(s), 3, size(c)).to_f64().value();
        assert!(bound >= exact, "s = {s}, c = {c}: bound {bound} < exact {exact}");
        let without = sum_gap(size(s), 3, ShareSize::ZERO).to_f64().value();
        assert!(bound > without);
    }
}

#[test]
fn one_share_alone_has_no_gap_and_larger_shares_have_less() {
    assert!(sum_gap(size(1.5), 1, ShareSize::ZERO).is_zero());
    let at = |s: f64| sum_gap(size(s), 175, ShareSize::ZERO).to_f64().value();
    assert!(at(1.5) > at(2.0) && at(2.0) > at(4.0));
    assert!(at(1.5) < 5e-9, "{}", at(1.5));
    // Beyond s = 8 the bound stops falling but stays a bound.
    assert!(at(1000.0) <= at(8.0) && at(8.0) > 0.0);
}

/// At the smallest shares the surcharge is 2·Δ₁·τ_d/√V/2, here 2·τ_d/3 with V = 9: it is charged, and not
/// more than the powers of two above each exponential explain.
#[test]
fn the_surcharge_for_the_sum_is_charged() {
    let plan = NoisePlan::new(policy("3", "0", "0.7", NoiseMode::Participants), 5, 5).unwrap();
    let cost = RoundCost::new(&plan, Sensitivity { participants_per_person: 1, teachers: 1 }, 1).unwrap();
    let charged = cost.rho.person.public.unwrap().units();
    let gaussian = Rho::ONE / 9;
    let term = |k: f64| (-2.0 * std::f64::consts::PI.powi(2) * 2.25 * k / (k + 1.0)).exp();
    let tau = 10.0 * (term(1.0) + term(2.0) + term(3.0));
    let surcharge = (charged - gaussian) as f64 / Rho::ONE as f64;
    assert!(surcharge >= 2.0 * tau / 3.0, "{surcharge} < {}", 2.0 * tau / 3.0);
    assert!(surcharge <= 2.0 * (2.0 * tau / 3.0), "{surcharge} > {}", 4.0 * tau / 3.0);
}

/// The smallest noise that is allowed, as an observer meets it: a vote moves from one class to another, so one
/// sum shifts up and one down. The exact Rényi divergence of every order stays below α times the charge.
#[test]
fn the_charge_covers_the_exact_renyi_divergence_at_the_smallest_shares() {
    let plan = NoisePlan::new(policy("3", "1.5", "0.7", NoiseMode::Both), 5, 5).unwrap();
    let cost = RoundCost::new(&plan, Sensitivity { participants_per_person: 1, teachers: 1 }, 1).unwrap();
    let shares = Law::discrete_gaussian(1.5).times(4);
    let views = [
        (cost.rho.person.coordinator, shares.clone()),
        (cost.rho.person.public, shares.plus(&Law::discrete_gaussian(1.5))),
    ];
    for (charged, law) in views {
        let charged = charged.unwrap().to_f64();
        for order in [1.001, 1.1, 1.5, 2.0, 4.0, 8.0, 32.0] {
            let divergence = 2.0 * renyi(&law, order);
            assert!(
                divergence <= order * charged * (1.0 + 1e-9),
                "order {order}: {divergence} > {}",
                order * charged
            );
            assert!(
                divergence >= 0.999 * order * charged,
                "order {order}: {divergence} is far below the charge"
            );
        }
    }
}

/// D_α(X ‖ X + 1) over the 24 central standard deviations; what lies beyond adds less than 1e-9 of it.
fn renyi(law: &Law, order: f64) -> f64 {
    let reach = (12.0 * law.variance().sqrt()) as i64 + 40;
    let sum: f64 =
        (-reach..=reach).map(|x| (order * law.at(x).ln() + (1.0 - order) * law.at(x - 1).ln()).exp()).sum();
    sum.ln() / (order - 1.0)
}
