//! `GET /ledger`: what all rounds together have cost, and what is left.

use axum::extract::State;
use shared::{
    privacy::{Delta, Epsilon, NoiseMode, RoundCost, Target, View, loss_epsilon},
    round::AnnouncementError,
    transcript::{Outcome, Replay, RoundRecord},
    wire::{EntryState, LedgerEntry, LedgerView, Promise},
};

use super::{
    Answer, ApiError,
    auth::{Caller, federation},
    error::Json,
};
use crate::{app::App, rounds::RoundError};

pub(super) async fn show(_: Caller, State(app): State<App>) -> Answer<Json<LedgerView>> {
    let mut tx = app.storage.read().await?;
    federation(&app.storage, &mut tx).await?;
    let view = app.storage.replay(&mut tx, view).await?;
    let missing = || ApiError::new(shared::problem::Code::Internal, "there is no transcript");
    Ok(Json(view.ok_or_else(missing)?.map_err(RoundError::from)?))
}

fn view(replay: &Replay) -> Result<LedgerView, AnnouncementError> {
    let (ledger, policy) = (replay.ledger(), &replay.founding().config.privacy);
    let mode = replay.founding().config.noise.mode;
    let epsilon = |delta: Delta, losses| -> Result<Epsilon, AnnouncementError> {
        Ok(loss_epsilon(losses, mode, delta)?)
    };
    let label = shared::round::price_of_a_label(replay.founding(), &replay.roster());
    let promises =
        ledger.targets().iter().map(|(view, target)| promise(replay, mode, view, target, label.as_ref()));
    let mut entries: Vec<LedgerEntry> =
        replay.rounds().map(|round| entry(replay, round)).collect::<Result<_, _>>()?;
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
    let shown = |losses: &shared::privacy::Losses| -> Result<Option<f64>, AnnouncementError> {
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

fn entry(replay: &Replay, round: &RoundRecord) -> Result<LedgerEntry, AnnouncementError> {
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
        epsilon: round.cost(replay.founding())?.epsilon(replay.founding().config.privacy.delta)?,
    })
}
