//! The privacy room's tests: plans and refusals, reference costs, and the law of the noise as it is drawn.

mod calibration;
mod composition;
mod cost;
mod error_rate;
mod gap;
mod histogram;
mod law;
mod ledger;
mod noise;
mod plan;

use super::{Delta, NoiseMode, NoisePlan, NoisePolicy};

/// Returns a policy written as an operator writes it.
fn policy(sigma: &str, coordinator_sigma: &str, honest_fraction: &str, mode: NoiseMode) -> NoisePolicy {
    NoisePolicy {
        sigma: sigma.parse().unwrap(),
        coordinator_sigma: coordinator_sigma.parse().unwrap(),
        honest_fraction: honest_fraction.parse().unwrap(),
        mode,
    }
}

/// Returns the demo's plan: five participants, all of them needed, σ = 16, σ_c = 8, τ = 0.7.
fn demo_plan() -> NoisePlan {
    NoisePlan::new(policy("16", "8", "0.7", NoiseMode::Both), 5, 5).unwrap()
}

/// Returns the δ of every reference point.
fn delta() -> Delta {
    Delta::try_from(1e-5).unwrap()
}
