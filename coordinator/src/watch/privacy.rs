//! What labels cost, what is left, and who learns what.

use shared::{
    privacy::{RoundCost, Unit, Units, View, loss_epsilon},
    round::price_of_a_label,
    transcript::{Outcome, Replay},
    wire::{CostCurve, PrivacyView},
};

use super::{ledger, observers::observers};
use crate::{
    app::App,
    rounds::RoundError,
    storage::{StorageError, Tx},
};

/// Points of a curve: as many as a chart can show, few enough to compute at once.
const POINTS: u64 = 12;
/// Labels that a curve shows at least.
const FEWEST: u64 = 200;

/// Returns what labels cost, what is left, and who learns what.
pub async fn privacy(app: &App, tx: &mut Tx) -> Result<PrivacyView, RoundError> {
    let ledger = ledger(app, tx).await?;
    let asked = app.storage.replay(tx, |replay| {
        let label = price_of_a_label(replay.founding(), &replay.roster()).ok();
        (label, replay.founding().clone(), paid_labels(replay), observers(replay))
    });
    let (label, founding, labels_spent, observers) =
        asked.await?.ok_or(StorageError::unreadable("transcript"))?;
    let delta = founding.config.privacy.delta;
    let left = ledger.promises.iter().filter_map(|promise| promise.labels_left).min();
    // As far as the budget goes, where it ends before twice of what is spent.
    let most = match left {
        Some(left) if left > 0 => labels_spent.saturating_add(left),
        _ => labels_spent.saturating_mul(2),
    };
    let most = most.clamp(FEWEST, 1_000_000);
    let curves = label.as_ref().map(|label| curves(label, delta, most)).unwrap_or_default();
    let label = label.map(|label| label.epsilon(delta)).transpose().ok().flatten();
    Ok(PrivacyView { ledger, label, labels_spent, curves, observers })
}

/// Counts the labels that are paid for: of a two-step round, those that passed its test.
fn paid_labels(replay: &Replay) -> u64 {
    let paid = replay.rounds().filter(|round| {
        matches!(
            round.outcome,
            Some(
                Outcome::Released { .. }
                    | Outcome::Failed { charged: true }
                    | Outcome::Cancelled { charged: true }
            )
        )
    });
    paid.map(|round| match &round.test {
        Some(test) => test.passed.len() as u64,
        None => u64::from(round.announcement.instance_count),
    })
    .sum()
}

/// Returns ε against labels for each unit and view, from one label to `most`.
fn curves(label: &RoundCost, delta: shared::privacy::Delta, most: u64) -> Vec<CostCurve> {
    let mut curves = Vec::new();
    for (unit, view) in [
        (Unit::Person, View::Public),
        (Unit::Person, View::Coordinator),
        (Unit::Participant, View::Public),
        (Unit::Participant, View::Coordinator),
    ] {
        let points: Vec<(u64, f64)> = (1..=POINTS)
            .map(|step| (most * step / POINTS).max(1))
            .filter_map(|labels| Some((labels, epsilon_of(label, delta, labels, unit, view)?)))
            .collect();
        if !points.is_empty() {
            curves.push(CostCurve { view, unit, points });
        }
    }
    curves
}

fn epsilon_of(
    label: &RoundCost,
    delta: shared::privacy::Delta,
    labels: u64,
    unit: Unit,
    view: View,
) -> Option<f64> {
    let times = |views: &shared::privacy::Views<Option<shared::privacy::Rho>>| {
        views.map(|rho| rho.and_then(|rho| rho.checked_mul(labels)))
    };
    let losses = Units { person: times(&label.rho.person), participant: times(&label.rho.participant) };
    let epsilon = loss_epsilon(&losses, label.mode, delta).ok()?;
    *epsilon.get(unit).get(view)
}
