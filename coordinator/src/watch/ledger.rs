//! What all rounds together have cost, and what is left.

use privacy::{Delta, Epsilon, NoiseMode, RoundCost, Target, View, loss_epsilon};
use protocol::{
    round::AnnouncementError,
    transcript::{Outcome, Replay, RoundRecord},
    wire::{EntryState, LedgerEntry, LedgerView, Promise},
};

use super::kept::kept;
use crate::{app::App, rounds::RoundError, storage::ReadTx};

/// Returns the ledger of the federation, which must be founded.
///
/// It takes a second of processor time, so it is kept.
pub async fn ledger(app: &App, tx: &mut ReadTx) -> Result<LedgerView, RoundError> {
    kept(&app.watch.ledger, tx, view).await
}

fn view(replay: &Replay) -> Result<LedgerView, AnnouncementError> {
    let (ledger, policy) = (replay.ledger(), &replay.founding().config.privacy);
    let mode = replay.founding().config.noise.mode;
    let epsilon = |delta: Delta, losses| -> Result<Epsilon, AnnouncementError> {
        Ok(loss_epsilon(losses, mode, delta)?)
    };
    let label = protocol::round::price_of_a_label(replay.founding(), &replay.roster());
    let promises =
        ledger.targets().iter().map(|(view, target)| promise(replay, mode, view, target, label.as_ref()));
    let mut prices = Prices::default();
    let mut entries: Vec<LedgerEntry> =
        replay.rounds().map(|round| entry(replay, round, &mut prices)).collect::<Result<_, _>>()?;
    entries.sort_by_key(|entry| entry.height);
    Ok(LedgerView {
        spent: epsilon(policy.delta, ledger.spent())?,
        committed: epsilon(policy.delta, &ledger.committed())?,
        promises: promises.collect::<Result<_, _>>()?,
        entries,
    })
}

fn promise(
    replay: &Replay,
    mode: NoiseMode,
    view: View,
    target: Target,
    label: Result<&RoundCost, &AnnouncementError>,
) -> Result<Promise, AnnouncementError> {
    let ledger = replay.ledger();
    let shown = |losses: &privacy::Losses| -> Result<Option<f64>, AnnouncementError> {
        let epsilon = loss_epsilon(losses, mode, target.delta)?;
        Ok(*epsilon.get(target.unit).get(view))
    };
    let labels_left = label.ok().map(|label| ledger.labels_left(view, &target, label)).transpose()?;
    Ok(Promise {
        unit: target.unit,
        view,
        epsilon: target.epsilon.to_f64(),
        delta: target.delta,
        spent: shown(ledger.spent())?,
        committed: shown(&ledger.committed())?,
        labels_left,
    })
}

/// ε of every cost met so far: rounds often cost the same, and a conversion takes milliseconds.
#[derive(Default)]
struct Prices(Vec<(RoundCost, Epsilon)>);

impl Prices {
    fn epsilon(&mut self, cost: RoundCost, delta: Delta) -> Result<Epsilon, AnnouncementError> {
        if let Some((_, epsilon)) = self.0.iter().find(|(other, _)| *other == cost) {
            return Ok(epsilon.clone());
        }
        let epsilon = cost.epsilon(delta)?;
        self.0.push((cost, epsilon.clone()));
        Ok(epsilon)
    }
}

fn entry(
    replay: &Replay,
    round: &RoundRecord,
    prices: &mut Prices,
) -> Result<LedgerEntry, AnnouncementError> {
    let state = match &round.outcome {
        None => EntryState::Reserved,
        Some(Outcome::Released { .. }) => EntryState::Committed,
        Some(Outcome::Failed { charged: true } | Outcome::Cancelled { charged: true }) => EntryState::Charged,
        Some(Outcome::Failed { .. } | Outcome::Cancelled { .. }) => EntryState::Returned,
    };
    let announcement = &round.announcement;
    Ok(LedgerEntry {
        round: announcement.round,
        height: round.height,
        state,
        labels: announcement.instance_count,
        // At most as many as the round has instances, whose number fits 32 bits.
        passed: round.test.as_ref().map(|test| test.passed.len() as u32),
        epsilon: prices.epsilon(round.cost(replay.founding())?, replay.founding().config.privacy.delta)?,
    })
}
