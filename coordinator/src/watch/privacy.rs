//! What labels cost, what is left, and who learns what.

use privacy::{Delta, Losses, RoundCost, Unit, Units, View, loss_epsilon};
use protocol::{
    round::price_of_a_label,
    transcript::{Outcome, Replay},
    wire::{CostCurve, LedgerView, PrivacyView},
};

use super::{kept::kept, ledger, observers::observers};
use crate::{app::App, rounds::RoundError, storage::ReadTx};

/// Points of a curve: as many as a chart can show, few enough to compute at once.
const POINTS: u64 = 12;
/// Labels that a curve shows at least.
const FEWEST: u64 = 200;

/// Returns what labels cost, what is left, and who learns what.
pub async fn privacy(app: &App, tx: &mut ReadTx) -> Result<PrivacyView, RoundError> {
    let ledger = ledger(app, tx).await?;
    kept(&app.watch.privacy, tx, |replay| Ok(view(replay, ledger))).await
}

fn view(replay: &Replay, ledger: LedgerView) -> PrivacyView {
    let label = price_of_a_label(replay.founding(), &replay.roster()).ok();
    let (delta, labels_spent) = (replay.founding().config.privacy.delta, paid_labels(replay));
    let left = ledger.promises.iter().filter_map(|promise| promise.labels_left).min();
    // As far as the budget goes, where it ends before twice of what is spent.
    let most = match left {
        Some(left) if left > 0 => labels_spent.saturating_add(left),
        _ => labels_spent.saturating_mul(2),
    };
    let most = most.clamp(FEWEST, 1_000_000);
    let curves = label.as_ref().map(|label| curves(label, delta, most)).unwrap_or_default();
    let label = label.map(|label| label.epsilon(delta)).transpose().ok().flatten();
    PrivacyView { ledger, label, labels_spent, curves, observers: observers(replay) }
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
fn curves(label: &RoundCost, delta: Delta, most: u64) -> Vec<CostCurve> {
    let at = |labels: u64| Some((labels, loss_epsilon(&times(label, labels), label.mode, delta).ok()?));
    let priced: Vec<_> = (1..=POINTS).filter_map(|step| at((most * step / POINTS).max(1))).collect();
    let lines = [Unit::Person, Unit::Participant]
        .into_iter()
        .flat_map(|unit| [View::Public, View::Coordinator].map(|view| (unit, view)));
    let curve = |(unit, view)| {
        let points =
            priced.iter().filter_map(|(labels, epsilon)| Some((*labels, (*epsilon.get(unit).get(view))?)));
        CostCurve { view, unit, points: points.collect() }
    };
    lines.map(curve).filter(|curve| !curve.points.is_empty()).collect()
}

/// Returns what so many labels lose that cost each as much as this one.
fn times(label: &RoundCost, labels: u64) -> Losses {
    let every = |views: &privacy::Views<Option<privacy::Rho>>| {
        views.map(|rho| rho.and_then(|rho| rho.checked_mul(labels)))
    };
    Units { person: every(&label.rho.person), participant: every(&label.rho.participant) }
}
