//! The ends of a round: release, failure, cancellation.

use base::ids::{Digest, RoundId};
use protocol::{
    round::{Corroboration, FailureReason, RoundState},
    transcript::EventBody,
};

use super::{
    RoundError,
    digits::{digits_of, forget_digits},
    read_instances,
};
use crate::{
    app::App,
    storage::{RoundRow, StorageError, WriteTx},
};

/// What openings were judged to say: labels or bits, and how many openings were judged.
pub(super) struct Labelled {
    pub(super) labels: Vec<u16>,
    pub(super) corroboration: Corroboration,
    pub(super) openings: usize,
}

/// Ends the test of a two-step round with what it let pass: the labels of the rest are never tallied.
///
/// An opening that came after the judgement makes this do nothing, as in [`release`].
pub(super) async fn pass(app: &App, id: RoundId, judged: Labelled) -> Result<(), RoundError> {
    let Labelled { labels: bits, corroboration, openings } = judged;
    let mut tx = app.storage.write().await?;
    if tx.count_openings(id).await? != openings {
        return Ok(());
    }
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let passed: Vec<u32> =
        (0..).zip(&bits).filter(|(_, bit)| **bit != 0).map(|(instance, _)| instance).collect();
    let state = round.state.tested(passed.len() as u32, corroboration.clone())?;
    tx.set_round_state(id, &state).await?;
    tracing::info!(round = %id, passed = passed.len(), tested = bits.len(), %corroboration, "test opened");
    let event = EventBody::Tested { round: id, passed, corroboration };
    tx.append(&app.identity, app.now(), event).await?;
    tx.commit().await?;
    Ok(())
}

/// Publishes the labels of so many judged openings with their cost, in one transaction with the transcript's event.
///
/// An opening that came after the judgement makes this do nothing: the release would rest on one that nobody judged.
pub(super) async fn release(app: &App, id: RoundId, judged: Labelled) -> Result<(), RoundError> {
    let Labelled { labels, corroboration, openings } = judged;
    let instances = instances_of(app, id).await?;
    let mut tx = app.storage.write().await?;
    if tx.count_openings(id).await? != openings {
        return Ok(());
    }
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let founding = tx.federation().await?.ok_or(StorageError::missing("federation"))?.founding;
    let passed = round.passed();
    let cost = round.announcement.cost_of_release(&founding, &round.roster, passed)?;
    let cost = serde_json::to_vec(&cost).map_err(|e| RoundError::damaged("cost of the round", &e))?;
    let now = app.now();
    let digits = digits_of(&round.state);
    let is_complete = corroboration != Corroboration::Uncorroborated;
    let state = round.state.release(now, corroboration.clone())?;
    tx.set_round_state(id, &state).await?;
    tx.set_labels(id, &labels).await?;
    tx.insert_answers(id, &instances).await?;
    tracing::info!(round = %id, %corroboration, "labels released");
    let event = EventBody::Released { round: id, labels, cost: Digest::of(&cost), corroboration };
    tx.append(&app.identity, now, event).await?;
    tx.commit().await?;
    if is_complete {
        forget_digits(app, id, &digits).await;
    }
    Ok(())
}

/// Returns the digests of a round's instances, by which later requests are answered.
async fn instances_of(app: &App, id: RoundId) -> Result<Vec<Digest>, RoundError> {
    let mut tx = app.storage.read().await?;
    let (round, federation) = (tx.round(id).await?, tx.federation().await?);
    drop(tx);
    let (Some(round), Some(federation)) = (round, federation) else { return Ok(Vec::new()) };
    let bytes = app.storage.blobs().get(round.announcement.instances).await?;
    let schema = federation.founding.config.instances;
    let digests = app.pool.run(move || read_instances(&bytes, &schema).map(|(dataset, _)| dataset.digests()));
    digests.await?.map_err(|e| RoundError::damaged("instances of the round", &e))
}

/// Ends a round without labels; it is charged in full if anything of it was opened.
pub(super) async fn fail(app: &App, id: RoundId, reason: FailureReason) -> Result<(), RoundError> {
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let posted = tx.count_openings(id).await? > 0;
    let digits = digits_of(&round.state);
    let state = round.state.fail(reason.clone(), posted)?;
    tx.set_round_state(id, &state).await?;
    tracing::warn!(round = %id, %reason, "round failed");
    let event = EventBody::Failed { round: id, reason, charged: posted };
    tx.append(&app.identity, app.now(), event).await?;
    tx.commit().await?;
    forget_digits(app, id, &digits).await;
    Ok(())
}

/// Fails a round whose trustees did not answer in time.
pub(super) async fn time_out(app: &App, id: RoundId) -> Result<(), RoundError> {
    fail(app, id, FailureReason::OpeningTimedOut).await
}

/// Fails a round that misses something it needs.
pub(super) async fn damage(app: &App, id: RoundId, detail: String) -> Result<(), RoundError> {
    fail(app, id, FailureReason::Damaged { detail }).await
}

/// Ends a round at the operator's wish, inside the caller's transaction.
pub async fn cancel(app: &App, tx: &mut WriteTx, mut round: RoundRow) -> Result<RoundRow, RoundError> {
    let id = round.id();
    let posted = tx.count_openings(id).await? > 0;
    round.state = round.state.cancel(posted)?;
    tx.set_round_state(id, &round.state).await?;
    let charged = matches!(round.state, RoundState::Cancelled { charged: true });
    tx.append(&app.identity, app.now(), EventBody::Cancelled { round: id, charged }).await?;
    Ok(round)
}
