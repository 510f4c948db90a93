//! What each party must draw: a pure function of the noise policy, the roster's size and the quorum.
//!
//! Every party computes the plan itself and they must agree to the last bit, so it is integer arithmetic
//! throughout: no floating point decides a value.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::error::NoiseError;
use super::policy::{NoiseMode, NoisePolicy};
use base::decimal::Decimal;

/// 10^6 votes: keeps every product below in 128 bits and is far above any useful noise.
pub(super) const LARGEST_SIGMA: Decimal = Decimal::MILLION;

/// The standard deviation of one noise share, in votes, as a numerator over 2^20.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(transparent)]
pub struct ShareSize(pub u64);

impl ShareSize {
    /// No noise at all.
    pub const ZERO: Self = Self(0);
    /// The numerator that stands for one vote.
    pub const ONE: u64 = 1 << 20;

    /// Returns the standard deviation in votes (exact up to 2^33 votes, far above what a plan allows).
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE as f64
    }

    /// Returns whether this is no noise at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for ShareSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

/// What each party draws in a round, and how many honest ballots the noise counts on.
///
/// With N enrolled participants and quorum q, c = floor((1 − τ)·N) may collude and h = q − c honest ballots
/// are always counted. Each participant draws shares of size s = σ/√h, rounded up to a multiple of 2^-20,
/// so that the h honest shares alone reach variance σ².
///
/// What a round of 200 labels costs five hospitals with twenty teachers each:
///
/// ```
/// use privacy::{NoiseMode, NoisePlan, NoisePolicy, RoundCost, Sensitivity};
///
/// let policy = NoisePolicy {
///     sigma: "16".parse()?,
///     coordinator_sigma: "8".parse()?,
///     honest_fraction: "0.7".parse()?,
///     mode: NoiseMode::Both,
/// };
/// let plan = NoisePlan::new(policy, 5, 5)?;
/// assert_eq!((plan.colluding(), plan.share_size().to_f64()), (1, 8.0));
///
/// let cost = RoundCost::new(&plan, Sensitivity { participants_per_person: 1, teachers: 20 }, 200)?;
/// let epsilon = cost.epsilon("1e-5".parse()?)?;
/// assert_eq!(epsilon.person.public, Some(5.377673));
/// assert_eq!(epsilon.person.coordinator, Some(6.122632));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoisePlan {
    policy: NoisePolicy,
    enrolled: u32,
    colluding: u32,
    honest: u32,
    share_size: ShareSize,
    coordinator_share_size: ShareSize,
}

impl NoisePolicy {
    /// Checks everything that does not depend on who enrols: mode, standard deviations and τ.
    pub fn check(&self) -> Result<(), NoiseError> {
        let Self { sigma, coordinator_sigma, honest_fraction, mode } = *self;
        check_mode(mode, mode.has_participant_noise(), "sigma", sigma)?;
        check_mode(mode, mode.has_coordinator_noise(), "coordinator_sigma", coordinator_sigma)?;
        colluding(honest_fraction, 1)?;
        if !coordinator_sigma.is_zero() && coordinator_sigma < smallest_sigma(1) {
            return Err(NoiseError::CoordinatorSigmaTooSmall(coordinator_sigma));
        }
        Ok(())
    }
}

impl NoisePlan {
    /// Plans the noise for `enrolled` = N participants of which at least `quorum` = q vote.
    ///
    /// Refuses τ outside (0, 1], q ≤ c, q > N, a mode that contradicts σ or σ_c, standard deviations above
    /// 10^6 votes, s < 1.5 and 0 < σ_c < 1.5.
    pub fn new(policy: NoisePolicy, enrolled: u32, quorum: u32) -> Result<Self, NoiseError> {
        policy.check()?;
        let NoisePolicy { sigma, coordinator_sigma, honest_fraction, .. } = policy;
        let colluding = colluding(honest_fraction, enrolled)?;
        if quorum > enrolled {
            return Err(NoiseError::QuorumAboveRoster { quorum, enrolled });
        }
        let honest = quorum
            .checked_sub(colluding)
            .filter(|honest| *honest > 0)
            .ok_or(NoiseError::QuorumNotHonest { quorum, colluding, enrolled, honest_fraction })?;
        if !sigma.is_zero() && sigma < smallest_sigma(honest) {
            let smallest = smallest_sigma(honest);
            return Err(NoiseError::ShareTooSmall {
                sigma,
                smallest,
                honest,
                enrolled,
                quorum,
                honest_fraction,
            });
        }
        let share_size = size_per_share(sigma, honest);
        let coordinator_share_size = size_per_share(coordinator_sigma, 1);
        Ok(Self { policy, enrolled, colluding, honest, share_size, coordinator_share_size })
    }
}

impl NoisePlan {
    /// Returns the policy this plan was made from.
    pub const fn policy(&self) -> &NoisePolicy {
        &self.policy
    }

    /// Returns N, the number of enrolled participants.
    pub const fn enrolled(&self) -> u32 {
        self.enrolled
    }

    /// Returns q, the number of ballots without which a round fails.
    pub const fn quorum(&self) -> u32 {
        self.colluding + self.honest
    }

    /// Returns c, the number of participants that may collude.
    pub const fn colluding(&self) -> u32 {
        self.colluding
    }

    /// Returns h = q − c, the number of honest ballots that are always counted; at least 1.
    pub const fn honest(&self) -> u32 {
        self.honest
    }

    /// Returns s, the size of the share each participant draws per slot; zero if the mode has none.
    pub const fn share_size(&self) -> ShareSize {
        self.share_size
    }

    /// Returns σ_c as a share size, rounded up; zero if the mode has none.
    pub const fn coordinator_share_size(&self) -> ShareSize {
        self.coordinator_share_size
    }

    /// Returns an upper bound, in votes squared, on the noise variance per slot when all N participants vote:
    /// N·s² + σ_c². A discrete Gaussian's variance is at most its parameter (Canonne, Kamath, Steinke 2020).
    /// The same on every machine.
    pub fn drawn_variance(&self) -> f64 {
        let square = |size: ShareSize| u128::from(size.0) * u128::from(size.0);
        // Sizes are at most 2^40, so this stays below 2^113.
        let drawn = u128::from(self.enrolled) * square(self.share_size) + square(self.coordinator_share_size);
        let one = ShareSize::ONE as f64;
        super::rho::float_above(drawn) / (one * one)
    }
}

/// Refuses a standard deviation that contradicts the mode or is beyond 10^6 votes.
fn check_mode(mode: NoiseMode, is_drawn: bool, name: &'static str, value: Decimal) -> Result<(), NoiseError> {
    if is_drawn && value.is_zero() {
        return Err(NoiseError::ModeNeedsNoise { mode, name });
    }
    if !is_drawn && !value.is_zero() {
        return Err(NoiseError::ModeExcludesNoise { mode, name, value });
    }
    if value > LARGEST_SIGMA {
        return Err(NoiseError::SigmaTooLarge { name, value });
    }
    Ok(())
}

/// Returns c = floor((1 − τ)·N), exactly.
fn colluding(honest_fraction: Decimal, enrolled: u32) -> Result<u32, NoiseError> {
    let refused = NoiseError::HonestFraction(honest_fraction);
    if honest_fraction.is_zero() {
        return Err(refused);
    }
    let dishonest = Decimal::SCALE.checked_sub(honest_fraction.millionths()).ok_or(refused.clone())?;
    let colluding = u128::from(dishonest) * u128::from(enrolled) / u128::from(Decimal::SCALE);
    u32::try_from(colluding).map_err(|_| refused)
}

/// Returns the smallest six-digit σ with σ/√h ≥ 1.5.
pub(super) fn smallest_sigma(honest: u32) -> Decimal {
    // (1.5·10^6)² = 2.25·10^12; the root of 2^32 times that is below 10^11 millionths, so it always fits.
    let smallest = ceil_sqrt(2_250_000_000_000 * u128::from(honest));
    u64::try_from(smallest).ok().and_then(|m| Decimal::from_millionths(m).ok()).unwrap_or(Decimal::MAX)
}

/// Returns σ/√h rounded up to a multiple of 2^-20: the smallest n with n²·h ≥ (2^20·σ)².
fn size_per_share(sigma: Decimal, honest: u32) -> ShareSize {
    let sigma = u128::from(sigma.millionths());
    // σ is at most 2^40 millionths, so the numerator is at most 2^120.
    let one = u128::from(ShareSize::ONE);
    let scale = u128::from(Decimal::SCALE);
    let square = (sigma * sigma * one * one).div_ceil(scale * scale * u128::from(honest));
    // The root is at most 2^40 (σ = 10^6, h = 1): the conversion cannot fail.
    ShareSize(u64::try_from(ceil_sqrt(square)).unwrap_or(u64::MAX))
}

/// Returns the smallest integer whose square is at least `square`.
fn ceil_sqrt(square: u128) -> u128 {
    let root = square.isqrt();
    if root * root == square { root } else { root + 1 }
}
