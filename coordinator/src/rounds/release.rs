//! The ends of a round: release, failure, cancellation.

use base::{
    Step,
    ids::{Digest, RoundId},
};
use protocol::{
    round::{Corroboration, FailureReason, RoundState},
    transcript::EventBody,
    wire::BoardId,
};

use super::{RoundError, read_instances};
use crate::{
    app::App,
    storage::{RoundRow, StorageError, WriteTx},
};

/// Ends the test of a two-step round with what it let pass, inside the caller's transaction: the labels of the rest are
/// never tallied.
pub(super) async fn pass(
    app: &App,
    tx: &mut WriteTx,
    round: RoundRow,
    (bits, corroboration): (&[u16], Corroboration),
) -> Result<(), RoundError> {
    let id = round.id();
    let passed: Vec<u32> =
        (0..).zip(bits).filter(|(_, bit)| **bit != 0).map(|(instance, _)| instance).collect();
    let state = round.state.tested(passed.len() as u32, corroboration.clone())?;
    tx.set_round_state(id, &state).await?;
    tracing::info!(round = %id, passed = passed.len(), tested = bits.len(), %corroboration, "test opened");
    let event = EventBody::Tested { round: id, passed, corroboration };
    tx.append(&app.identity, app.now(), event).await?;
    Ok(())
}

/// Publishes labels with their cost, inside the caller's transaction; later requests for these instances are answered by
/// them.
pub(super) async fn release(
    app: &App,
    tx: &mut WriteTx,
    round: RoundRow,
    (labels, corroboration): (Vec<u16>, Corroboration),
    instances: &[Digest],
) -> Result<(), RoundError> {
    let id = round.id();
    let founding = tx.federation().await?.ok_or(StorageError::missing("federation"))?.founding;
    let passed = round.passed();
    let cost = round.announcement.cost_of_release(&founding, &round.roster, passed)?;
    let cost = serde_json::to_vec(&cost).map_err(|e| RoundError::damaged("cost of the round", &e))?;
    let now = app.now();
    let state = round.state.release(now, corroboration.clone())?;
    tx.set_round_state(id, &state).await?;
    tx.set_labels(id, &labels).await?;
    tx.insert_answers(id, instances).await?;
    tracing::info!(round = %id, %corroboration, "labels released");
    let event = EventBody::Released { round: id, labels, cost: Digest::of(&cost), corroboration };
    tx.append(&app.identity, now, event).await?;
    Ok(())
}

/// Returns the digests of a round's instances, by which later requests are answered.
pub(super) async fn instances_of(app: &App, id: RoundId) -> Result<Vec<Digest>, RoundError> {
    let mut tx = app.storage.read().await?;
    let (round, federation) = (tx.round(id).await?, tx.federation().await?);
    drop(tx);
    let (Some(round), Some(federation)) = (round, federation) else { return Ok(Vec::new()) };
    let bytes = app.storage.blobs().get(round.announcement.instances).await?;
    let schema = federation.founding.config.instances;
    let digests = app.pool.run(move || read_instances(&bytes, &schema).map(|(dataset, _)| dataset.digests()));
    digests.await?.map_err(|e| RoundError::damaged("instances of the round", &e))
}

/// Ends a round without labels; it is charged in full if its tally had begun or anything of it was opened.
pub(super) async fn fail(app: &App, id: RoundId, reason: FailureReason) -> Result<(), RoundError> {
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let posted = tx.count_openings(id).await? > 0;
    let state = round.state.fail(reason.clone(), posted)?;
    tx.set_round_state(id, &state).await?;
    let charged = matches!(state, RoundState::Failed { charged: true, .. });
    tracing::warn!(round = %id, %reason, charged, "round failed");
    let event = EventBody::Failed { round: id, reason, charged };
    tx.append(&app.identity, app.now(), event).await?;
    close_boards(&mut tx, id).await?;
    tx.commit().await?;
    app.boards.moved();
    Ok(())
}

/// Fails a round whose trustee did not answer in time.
pub(super) async fn time_out(app: &App, id: RoundId) -> Result<(), RoundError> {
    fail(app, id, FailureReason::OpeningTimedOut).await
}

/// Fails a round that misses something it needs.
pub(super) async fn damage(app: &App, id: RoundId, detail: String) -> Result<(), RoundError> {
    fail(app, id, FailureReason::Damaged { detail }).await
}

/// Ends a round at the operator's wish, inside the caller's transaction; then the boards are to be looked at.
pub async fn cancel(app: &App, tx: &mut WriteTx, mut round: RoundRow) -> Result<RoundRow, RoundError> {
    let id = round.id();
    let posted = tx.count_openings(id).await? > 0;
    round.state = round.state.cancel(posted)?;
    tx.set_round_state(id, &round.state).await?;
    let charged = matches!(round.state, RoundState::Cancelled { charged: true });
    tx.append(&app.identity, app.now(), EventBody::Cancelled { round: id, charged }).await?;
    close_boards(tx, id).await?;
    Ok(round)
}

async fn close_boards(tx: &mut WriteTx, id: RoundId) -> Result<(), StorageError> {
    for step in Step::ALL {
        tx.close_board(BoardId::Round(id, step)).await?;
    }
    Ok(())
}
