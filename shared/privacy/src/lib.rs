//! Privacy: noise shares and the cost of a round; the only door to opendp.
//!
//! [`NoisePolicy`] says how much noise a federation wants, [`NoisePlan`] what each party must draw for a
//! roster and a quorum, [`draw_shares`] draws it, and [`RoundCost`] states what a round of labels reveals,
//! per unit and per view. [`solve`] goes the other way, from [`PrivacyTargets`] to a plan. `docs/PRIVACY.md` has the mechanism and the formulae.

mod accounting;
mod budget;
mod calibration;
mod calibration_error;
mod cost;
mod delta;
mod error;
mod error_rate;
mod histogram;
mod ledger;
mod openapi;
mod plan;
mod policy;
mod rho;
mod shares;
mod targets;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use budget::{MAX_LABELS, labels_for};
pub use calibration::{Membership, Search, solve};
pub use calibration_error::CalibrationError;
pub use cost::{CostError, Epsilon, RoundCost, Sensitivity, Units, Views, loss_epsilon};
pub use delta::{Delta, DeltaError};
pub use error::NoiseError;
pub use ledger::{Ledger, LedgerError, Losses, total_loss};
pub use plan::{NoisePlan, ShareSize};
pub use policy::{NoiseMode, NoisePolicy};
pub use rho::Rho;
pub use shares::{DrawError, draw_shares};
pub use targets::{PrivacyTargets, Target, Unit, UnknownName, View};
