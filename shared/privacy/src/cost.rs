//! The cost of a round: what its labels reveal, per unit of privacy and per view.

use serde::{Deserialize, Serialize};

use super::accounting::{self, UnknownNoise};
use super::delta::Delta;
use super::ledger::total_loss;
use super::plan::NoisePlan;
use super::policy::NoiseMode;
use super::rho::Rho;
use super::targets::Unit;

/// One value per view: what each kind of observer knows decides what it learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Views<T> {
    /// Anyone who reads the labels and knows no noise.
    pub public: T,
    /// The coordinator, who knows its own noise.
    pub coordinator: T,
    /// Up to c colluding participants, who know their own shares.
    pub coalition: T,
    /// The coordinator together with such a coalition.
    pub both: T,
}

/// One value per unit of privacy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Units<T> {
    /// Everything one person has in the federation.
    pub person: T,
    /// Everything one participant holds.
    pub participant: T,
}

/// How many votes of one instance each unit of privacy can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensitivity {
    /// m: at how many participants one person may appear (policy; 1 by default).
    pub participants_per_person: u32,
    /// k: the largest number of teachers of any participant in the roster.
    pub teachers: u32,
}

/// Why a round has no cost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// The round asks for no label.
    #[error("a round of 0 instances has no cost: give at least one instance")]
    NoInstances,
    /// A unit of privacy moves no vote, or a person is said to appear at more participants than exist.
    #[error("{name} is {value}, but must be between 1 and {most}")]
    Sensitivity {
        /// What is out of range.
        name: &'static str,
        /// The value given.
        value: u32,
        /// The largest value allowed.
        most: u32,
    },
    /// The loss is too large to be written down.
    #[error(
        "the privacy loss of this round is too large to be counted: raise sigma or ask for fewer instances"
    )]
    Overflow,
    /// OpenDP refused.
    #[error("the privacy library refused: {0}")]
    Library(String),
}

/// The privacy loss of one round over Q instances, exact, per unit and view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoundCost {
    /// Q, the number of instances charged.
    pub instances: u32,
    /// The noise mode in force, which decides what has no bound.
    pub mode: NoiseMode,
    /// ρ per unit and view; `None` where the view knows all the noise, so that no bound holds.
    #[schema(value_type = Units<Views<Option<String>>>)]
    pub rho: Units<Views<Option<Rho>>>,
}

/// ε at δ per unit and view, rounded up, for reports; `None` where no bound holds, with the reason beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Epsilon {
    /// The δ at which every ε holds.
    pub delta: Delta,
    /// ε about everything one person has in the federation.
    pub person: Views<Option<f64>>,
    /// ε about everything one participant holds.
    pub participant: Views<Option<f64>>,
    /// Why a view has no ε; absent where every view has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Views<Option<String>>>,
}

impl RoundCost {
    /// Computes what `instances` = Q labels cost under `plan`.
    ///
    /// Each label is charged by the bound of `docs/PRIVACY.md`, rounded up to units of 2^-50, and charged Q
    /// times: two rounds cost exactly what one round of both their instances costs. An instance without a
    /// label (an abstention) costs the same. Refuses Q = 0, m outside 1..=N and k = 0.
    pub fn new(plan: &NoisePlan, sensitivity: Sensitivity, instances: u32) -> Result<Self, CostError> {
        if instances == 0 {
            return Err(CostError::NoInstances);
        }
        let Sensitivity { participants_per_person, teachers } = sensitivity;
        check_range("the number of participants per person", participants_per_person, plan.enrolled())?;
        check_range("the number of teachers", teachers, u32::MAX)?;
        let with_coordinator = UnknownNoise::new(plan, true);
        let without_coordinator = UnknownNoise::new(plan, false);
        let round = |noise: &Option<UnknownNoise>, votes: u32| -> Result<Option<Rho>, CostError> {
            let Some(noise) = noise else { return Ok(None) };
            let loss = noise.loss_per_label(votes)?.checked_mul(u64::from(instances));
            loss.ok_or(CostError::Overflow).map(Some)
        };
        let views = |votes: u32| -> Result<Views<Option<Rho>>, CostError> {
            let (public, coordinator) =
                (round(&with_coordinator, votes)?, round(&without_coordinator, votes)?);
            // A coalition knows its own shares, but h honest shares are all that is ever claimed.
            Ok(Views { public, coordinator, coalition: public, both: coordinator })
        };
        let rho = Units { person: views(participants_per_person)?, participant: views(teachers)? };
        Ok(Self { instances, mode: plan.policy().mode, rho })
    }

    /// Adds the cost of the labels that followed this test; noise of its own makes the two steps add up.
    #[must_use]
    pub fn and_labels(self, labels: &Self) -> Self {
        Self { rho: total_loss([&self.rho, &labels.rho].into_iter()), ..self }
    }

    /// Converts the cost to ε at `delta`, per unit and view.
    pub fn epsilon(&self, delta: Delta) -> Result<Epsilon, CostError> {
        loss_epsilon(&self.rho, self.mode, delta)
    }
}

/// Converts losses under a noise mode to ε at `delta`, per unit and view.
pub fn loss_epsilon(
    losses: &Units<Views<Option<Rho>>>,
    mode: NoiseMode,
    delta: Delta,
) -> Result<Epsilon, CostError> {
    // Views share their losses, and a conversion takes milliseconds.
    let mut known: Vec<(Rho, f64)> = Vec::new();
    let mut convert = |rho: &Option<Rho>| -> Result<Option<f64>, CostError> {
        let Some(rho) = *rho else { return Ok(None) };
        if let Some((_, epsilon)) = known.iter().find(|(other, _)| *other == rho) {
            return Ok(Some(*epsilon));
        }
        let epsilon = accounting::epsilon(rho, delta)?;
        known.push((rho, epsilon));
        Ok(Some(epsilon))
    };
    let person = losses.person.try_map(&mut convert)?;
    let participant = losses.participant.try_map(&mut convert)?;
    let reasons = losses.person.map(|rho| rho.is_none().then(|| unbounded_reason(mode)));
    let has_reason = losses.person.map(Option::is_none).any();
    Ok(Epsilon { delta, person, participant, reasons: has_reason.then_some(reasons) })
}

impl Epsilon {
    /// Returns ε of one unit, per view.
    pub const fn get(&self, unit: Unit) -> &Views<Option<f64>> {
        match unit {
            Unit::Person => &self.person,
            Unit::Participant => &self.participant,
        }
    }
}

impl<T> Views<T> {
    /// Applies `f` to each view.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Views<U> {
        Views {
            public: f(&self.public),
            coordinator: f(&self.coordinator),
            coalition: f(&self.coalition),
            both: f(&self.both),
        }
    }

    /// Applies `f` to each view and stops at the first error.
    pub fn try_map<U, E>(&self, mut f: impl FnMut(&T) -> Result<U, E>) -> Result<Views<U>, E> {
        Ok(Views {
            public: f(&self.public)?,
            coordinator: f(&self.coordinator)?,
            coalition: f(&self.coalition)?,
            both: f(&self.both)?,
        })
    }
}

impl Views<bool> {
    /// Returns whether any view holds.
    fn any(self) -> bool {
        self.public || self.coordinator || self.coalition || self.both
    }
}

/// Returns, in words, why a view without a bound has none.
fn unbounded_reason(mode: NoiseMode) -> String {
    if mode.has_coordinator_noise() {
        return format!("the coordinator knows all the noise (noise mode `{mode}`)");
    }
    format!("no noise is drawn (noise mode `{mode}`)")
}

/// Refuses a count outside 1..=most.
fn check_range(name: &'static str, value: u32, most: u32) -> Result<(), CostError> {
    if value == 0 || value > most {
        return Err(CostError::Sensitivity { name, value, most });
    }
    Ok(())
}
