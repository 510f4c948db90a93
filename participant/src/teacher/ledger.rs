//! The ledger at home: what the rounds that this institution voted in have cost, and its own cap.
//!
//! It is kept from what this institution itself noted, whatever the coordinator's ledger says. A round counts from the
//! moment its noise is drawn; only the transcript's word that nothing of it was opened gives it back.

use serde::Serialize;
use shared::{
    decimal::Decimal,
    ids::RoundId,
    privacy::{CostError, Delta, Losses, NoiseMode, RoundCost, loss_epsilon, total_loss},
    transcript::{Outcome, Replay},
};

use super::journal::Record;
use crate::config::Limits;

/// Is one round in the ledger at home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The round.
    pub round: RoundId,
    /// Number of instances.
    pub labels: u32,
    /// Whether its cost came back because nothing of it was opened.
    pub returned: bool,
    /// What it costs, or would have cost.
    pub cost: RoundCost,
}

/// Says that one more round would exceed the institution's own cap.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CapError {
    /// The cap stands against it.
    #[error(
        "limits.{key} = {cap}: with this round ε about {unit} would be {would_be} at δ = {delta} against a coordinator \
         that colludes with participants; {spent} is spent in the rounds that were voted in here"
    )]
    Exceeded {
        /// The key in the config.
        key: &'static str,
        /// Its value.
        cap: Decimal,
        /// Whom it protects.
        unit: &'static str,
        /// ε with the round, or that there is no bound.
        would_be: String,
        /// δ of the federation.
        delta: Delta,
        /// ε without it.
        spent: String,
    },
    /// The loss cannot be stated.
    #[error(transparent)]
    Cost(#[from] CostError),
}

/// Is what the rounds voted in have cost.
#[derive(Debug, Clone)]
pub struct HomeLedger {
    /// Every round for which noise was drawn.
    pub entries: Vec<Entry>,
    mode: NoiseMode,
    delta: Delta,
}

impl HomeLedger {
    /// Reads the ledger from the journal's records; `replay` is the chain as far as this institution has followed it.
    pub fn of(records: &[Record], replay: &Replay) -> Self {
        let entry = |record: &Record| {
            let cost = record.cost.filter(|_| record.stage.drawn_at().is_some())?;
            let outcome = replay.round(record.round).and_then(|round| round.outcome.as_ref());
            let returned = matches!(
                outcome,
                Some(Outcome::Failed { charged: false } | Outcome::Cancelled { charged: false })
            );
            Some(Entry { round: record.round, labels: record.instance_count, returned, cost })
        };
        let config = &replay.founding().config;
        Self {
            entries: records.iter().filter_map(entry).collect(),
            mode: config.noise.mode,
            delta: config.privacy.delta,
        }
    }

    /// Returns what is spent, without the rounds that came back and without `except`.
    fn losses(&self, except: Option<RoundId>) -> Losses {
        let kept = |entry: &&Entry| !entry.returned && Some(entry.round) != except;
        total_loss(self.entries.iter().filter(kept).map(|entry| &entry.cost.rho))
    }

    /// Returns ε of everything that is spent, per unit and view.
    pub fn spent(&self) -> Result<shared::privacy::Epsilon, CostError> {
        loss_epsilon(&self.losses(None), self.mode, self.delta)
    }

    /// Checks that one more round keeps the institution's caps, in the view of whoever knows most.
    pub fn check(&self, limits: &Limits, round: RoundId, cost: &RoundCost) -> Result<(), CapError> {
        let before = self.losses(Some(round));
        let after = total_loss([&before, &cost.rho].into_iter());
        let before = loss_epsilon(&before, self.mode, self.delta)?;
        let after = loss_epsilon(&after, self.mode, self.delta)?;
        let caps = [
            ("epsilon", limits.epsilon, "one person", before.person.both, after.person.both),
            (
                "participant_epsilon",
                limits.participant_epsilon,
                "this institution",
                before.participant.both,
                after.participant.both,
            ),
        ];
        for (key, cap, unit, spent, would_be) in caps {
            let Some(cap) = cap else { continue };
            if would_be.is_none_or(|epsilon| epsilon > cap.to_f64()) {
                let shown =
                    |value: Option<f64>| value.map_or("without a bound".to_owned(), |e| format!("{e:.4}"));
                let (would_be, spent) = (shown(would_be), shown(spent));
                return Err(CapError::Exceeded { key, cap, unit, would_be, delta: self.delta, spent });
            }
        }
        Ok(())
    }
}
