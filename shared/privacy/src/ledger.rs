//! The ledger: what a federation may lose, has reserved and has lost, exact, per unit of privacy and per view.
//!
//! Charges are whole units of 2^-50 and sums are integers, so the order of rounds never matters. ε stands only in
//! what is shown and in the promise that a sum is held to.

use std::collections::BTreeMap;

use super::budget::exceeds;
use super::cost::{CostError, RoundCost, Units, Views};
use super::rho::Rho;
use super::targets::{PrivacyTargets, Target, Unit, View};
use base::ids::RoundId;

/// A loss per unit and view; `None` where no bound holds any more.
pub type Losses = Units<Views<Option<Rho>>>;

/// Why a round cannot be paid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// The promise would be broken.
    #[error(
        "this round would bring ε for one {unit} in the {view} view to {would_be}, beyond the promised {promised} \
         at δ = {delta}; {spent} is spent or reserved, which leaves room for {left} labels at this price"
    )]
    Overdraft {
        /// Whom the promise protects.
        unit: Unit,
        /// Who looks.
        view: View,
        /// ε with this round, or that it has no bound.
        would_be: String,
        /// ε promised.
        promised: String,
        /// δ of the promise.
        delta: String,
        /// ε without this round.
        spent: String,
        /// Labels that the promise still allows at this round's price.
        left: u64,
    },
    /// The round is in the ledger already.
    #[error("round {0} is in the ledger already")]
    Twice(RoundId),
    /// The round is not reserved.
    #[error("round {0} is not reserved in the ledger")]
    NotReserved(RoundId),
    /// A round costs more in the end than was reserved for it.
    #[error("round {0} costs more than was reserved for it")]
    MoreThanReserved(RoundId),
    /// The loss cannot be stated.
    #[error(transparent)]
    Cost(#[from] CostError),
}

/// What a federation may lose, has reserved, and has lost.
#[derive(Clone, Debug)]
pub struct Ledger {
    targets: PrivacyTargets,
    spent: Losses,
    reserved: BTreeMap<RoundId, RoundCost>,
}

/// Adds two losses; a loss without a bound, or one beyond 128 bits, leaves none.
fn add(left: &Losses, right: &Losses) -> Losses {
    let sum = |left: Option<Rho>, right: Option<Rho>| left?.checked_add(right?);
    let views = |left: &Views<Option<Rho>>, right: &Views<Option<Rho>>| Views {
        public: sum(left.public, right.public),
        coordinator: sum(left.coordinator, right.coordinator),
        coalition: sum(left.coalition, right.coalition),
        both: sum(left.both, right.both),
    };
    Units {
        person: views(&left.person, &right.person),
        participant: views(&left.participant, &right.participant),
    }
}

/// Returns the sum of losses; where one has no bound, the sum has none.
pub fn total_loss<'a>(losses: impl Iterator<Item = &'a Losses>) -> Losses {
    losses.fold(nothing(), |sum, loss| add(&sum, loss))
}

/// Returns the loss of nothing at all.
fn nothing() -> Losses {
    let none = Views { public: (), coordinator: (), coalition: (), both: () }.map(|()| Some(Rho::ZERO));
    Units { person: none, participant: none }
}

impl Ledger {
    /// Opens an empty ledger that is held to these promises; without any it only counts.
    pub fn new(targets: PrivacyTargets) -> Self {
        Self { targets, spent: nothing(), reserved: BTreeMap::new() }
    }

    /// Reserves a round's cost before anyone votes.
    ///
    /// # Errors
    /// Refuses a round that is in the ledger, and one that would break a promise; the ledger is then unchanged.
    pub fn reserve(&mut self, round: RoundId, cost: RoundCost) -> Result<(), LedgerError> {
        if self.reserved.contains_key(&round) {
            return Err(LedgerError::Twice(round));
        }
        self.check(&cost)?;
        self.reserved.insert(round, cost);
        Ok(())
    }

    /// Checks that a round of this cost would keep every promise.
    ///
    /// # Errors
    /// Names the first promise that would be broken, and what is left of it.
    pub fn check(&self, cost: &RoundCost) -> Result<(), LedgerError> {
        let before = self.committed();
        let after = add(&before, &cost.rho);
        for (view, target) in self.targets.iter() {
            let loss = |losses: &Losses| *losses.get(target.unit).get(view);
            let is_beyond = match loss(&after) {
                Some(rho) => exceeds(rho, target.epsilon, target.delta)?,
                None => true,
            };
            if is_beyond {
                let price = loss(&cost.rho);
                return Err(overdraft(view, target, cost.instances, price, loss(&before), loss(&after))?);
            }
        }
        Ok(())
    }

    /// Turns a reservation into a loss of `cost`, at most what was reserved.
    pub fn commit(&mut self, round: RoundId, cost: &RoundCost) -> Result<(), LedgerError> {
        let reserved = self.reserved.get(&round).ok_or(LedgerError::NotReserved(round))?;
        if !is_within(&cost.rho, &reserved.rho) {
            return Err(LedgerError::MoreThanReserved(round));
        }
        self.spent = add(&self.spent, &cost.rho);
        self.reserved.remove(&round);
        Ok(())
    }

    /// Turns a whole reservation into a loss: something of the round was opened.
    pub fn charge(&mut self, round: RoundId) -> Result<(), LedgerError> {
        let reserved = *self.reserved.get(&round).ok_or(LedgerError::NotReserved(round))?;
        self.commit(round, &reserved)
    }

    /// Returns a reservation of which nothing was opened.
    pub fn give_back(&mut self, round: RoundId) -> Result<(), LedgerError> {
        self.reserved.remove(&round).map(drop).ok_or(LedgerError::NotReserved(round))
    }

    /// Returns the promises.
    pub const fn targets(&self) -> &PrivacyTargets {
        &self.targets
    }

    /// Returns what is spent.
    pub const fn spent(&self) -> &Losses {
        &self.spent
    }

    /// Returns what is reserved for rounds that have not ended.
    pub fn reserved(&self) -> Losses {
        total_loss(self.reserved.values().map(|cost| &cost.rho))
    }

    /// Returns what is spent or reserved.
    pub fn committed(&self) -> Losses {
        add(&self.spent, &self.reserved())
    }

    /// Returns how many more labels a promise allows at this price per label, 0 if the price has no bound.
    pub fn labels_left(&self, view: View, target: &Target, label: &RoundCost) -> Result<u64, CostError> {
        let loss = |losses: &Losses| *losses.get(target.unit).get(view);
        labels_left(target, loss(&self.committed()), loss(&label.rho))
    }
}

fn is_within(cost: &Losses, reserved: &Losses) -> bool {
    let fits = |cost: Option<Rho>, reserved: Option<Rho>| match (cost, reserved) {
        (Some(cost), Some(reserved)) => cost <= reserved,
        (_, None) => true,
        (None, Some(_)) => false,
    };
    let views = |cost: &Views<Option<Rho>>, reserved: &Views<Option<Rho>>| {
        fits(cost.public, reserved.public)
            && fits(cost.coordinator, reserved.coordinator)
            && fits(cost.coalition, reserved.coalition)
            && fits(cost.both, reserved.both)
    };
    views(&cost.person, &reserved.person) && views(&cost.participant, &reserved.participant)
}

fn labels_left(target: &Target, before: Option<Rho>, label: Option<Rho>) -> Result<u64, CostError> {
    let (Some(before), Some(label)) = (before, label) else { return Ok(0) };
    let is_beyond = |labels: u64| match label.checked_mul(labels).and_then(|rho| before.checked_add(rho)) {
        Some(rho) => exceeds(rho, target.epsilon, target.delta),
        None => Ok(true),
    };
    let most = super::budget::MAX_LABELS;
    Ok(super::budget::first_where(1, most, is_beyond)?.map_or(most, |labels| labels - 1))
}

fn overdraft(
    view: View,
    target: Target,
    instances: u32,
    price: Option<Rho>,
    before: Option<Rho>,
    after: Option<Rho>,
) -> Result<LedgerError, CostError> {
    let shown = |rho: Option<Rho>| match rho.map(|rho| super::accounting::epsilon(rho, target.delta)) {
        Some(Ok(epsilon)) => format!("{epsilon:.4}"),
        _ => "no bound at all".to_owned(),
    };
    // Charges are per label, times the number of instances: the quotient is the price of one label.
    let label = price.map(|price| Rho::from_units(price.units() / u128::from(instances.max(1))));
    Ok(LedgerError::Overdraft {
        unit: target.unit,
        view,
        would_be: shown(after),
        promised: target.epsilon.to_string(),
        delta: target.delta.to_string(),
        spent: shown(before),
        left: labels_left(&target, before, label)?,
    })
}
