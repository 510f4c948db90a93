//! The ends of a round: release, failure, cancellation.

use shared::{
    ids::{Digest, RoundId},
    round::{Corroboration, FailureReason, RoundState},
    transcript::EventBody,
};

use super::{
    RoundError, read_instances,
    tally::{digits_of, forget_digits},
};
use crate::{
    app::App,
    storage::{RoundRow, StorageError, Tx},
};

/// Is what openings were judged to say: labels or bits, and how many openings were judged.
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
    if app.storage.count_openings(&mut tx, id).await? != openings {
        return Ok(());
    }
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let passed: Vec<u32> =
        (0..).zip(&bits).filter(|(_, bit)| **bit != 0).map(|(instance, _)| instance).collect();
    let state = round.state.tested(passed.len() as u32, corroboration.clone())?;
    app.storage.set_round_state(&mut tx, id, &state).await?;
    tracing::info!(round = %id, passed = passed.len(), tested = bits.len(), %corroboration, "test opened");
    let event = EventBody::Tested { round: id, passed, corroboration };
    app.storage.append(&mut tx, &app.identity, app.now(), event).await?;
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
    if app.storage.count_openings(&mut tx, id).await? != openings {
        return Ok(());
    }
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let founding =
        app.storage.federation(&mut tx).await?.ok_or(StorageError::unreadable("federation"))?.founding;
    let passed = round.passed();
    let cost = round.announcement.cost_of_release(&founding, &round.roster, passed)?;
    let cost = serde_json::to_vec(&cost).map_err(|_| StorageError::unreadable("cost"))?;
    let now = app.now();
    let digits = digits_of(&round.state);
    let is_complete = corroboration != Corroboration::Uncorroborated;
    let state = round.state.release(now, corroboration.clone())?;
    app.storage.set_round_state(&mut tx, id, &state).await?;
    app.storage.set_labels(&mut tx, id, &labels).await?;
    app.storage.insert_answers(&mut tx, id, &instances).await?;
    tracing::info!(round = %id, %corroboration, "labels released");
    let event = EventBody::Released { round: id, labels, cost: Digest::of(&cost), corroboration };
    app.storage.append(&mut tx, &app.identity, now, event).await?;
    tx.commit().await?;
    if is_complete {
        forget_digits(app, id, &digits).await;
    }
    Ok(())
}

/// Returns the digests of a round's instances, by which later requests are answered.
async fn instances_of(app: &App, id: RoundId) -> Result<Vec<Digest>, RoundError> {
    let mut tx = app.storage.read().await?;
    let (round, federation) = (app.storage.round(&mut tx, id).await?, app.storage.federation(&mut tx).await?);
    drop(tx);
    let (Some(round), Some(federation)) = (round, federation) else { return Ok(Vec::new()) };
    let bytes = app.storage.blobs().get(round.announcement.instances).await?;
    let schema = federation.founding.config.instances;
    let digests = app.pool.run(move || read_instances(&bytes, &schema).map(|(dataset, _)| dataset.digests()));
    let unreadable = || StorageError::unreadable("instances of a round");
    Ok(digests.await.map_err(|_| unreadable())?.map_err(|_| unreadable())?)
}

/// Ends a round without labels; it is charged in full if anything of it was opened.
pub(super) async fn fail(app: &App, id: RoundId, reason: FailureReason) -> Result<(), RoundError> {
    let mut tx = app.storage.write().await?;
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let posted = app.storage.count_openings(&mut tx, id).await? > 0;
    let digits = digits_of(&round.state);
    let state = round.state.fail(reason.clone(), posted)?;
    app.storage.set_round_state(&mut tx, id, &state).await?;
    tracing::warn!(round = %id, %reason, "round failed");
    let event = EventBody::Failed { round: id, reason, charged: posted };
    app.storage.append(&mut tx, &app.identity, app.now(), event).await?;
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

/// Fails a round if the error will not go away by itself; passes other errors on.
pub(super) async fn fail_if_damaged(app: &App, id: RoundId, error: RoundError) -> Result<bool, RoundError> {
    match error {
        RoundError::Storage(
            error @ (StorageError::Blob { .. }
            | StorageError::BlobChanged(_)
            | StorageError::Unreadable { .. }),
        ) => damage(app, id, error.to_string()).await.map(|()| true),
        other => Err(other),
    }
}

/// Ends a round at the operator's wish, inside the caller's transaction.
pub async fn cancel(app: &App, tx: &mut Tx, mut round: RoundRow) -> Result<RoundRow, RoundError> {
    let id = round.id();
    let posted = app.storage.count_openings(tx, id).await? > 0;
    round.state = round.state.cancel(posted)?;
    app.storage.set_round_state(tx, id, &round.state).await?;
    let charged = matches!(round.state, RoundState::Cancelled { charged: true });
    app.storage.append(tx, &app.identity, app.now(), EventBody::Cancelled { round: id, charged }).await?;
    Ok(round)
}
