//! The tally of a round: sum of the counted ballots and the coordinator's noise, argmax, label ciphertexts.

use std::{sync::atomic::AtomicBool, time::Instant};

use shared::{
    ballot::{Door, ValidBallot},
    fhe::{BallotBody, Layout, Resolution, RunningSum, TallyError},
    ids::{Digest, RoundId},
    round::{RoundState, Step, Tallied},
    transcript::EventBody,
};

use super::{
    RoundError,
    close::certificate,
    release::{damage, fail_if_damaged},
};
use crate::{
    app::App,
    storage::{RoundRow, StorageError},
    tally::process_cpu,
};

/// Tallies a round and hands it to the trustees; tells whether it moved (a stopped tally runs again later).
pub(super) async fn tally(app: &App, round: RoundRow) -> Result<bool, RoundError> {
    let id = round.id();
    let RoundState::Tallying { noise_ballot: Some(noise_ballot), .. } = round.state else { return Ok(false) };
    let Ok(_turn) = app.tally_turn.acquire().await else { return Ok(false) };
    let (started, cpu) = (Instant::now(), process_cpu());
    let sum = match sum(app, &round, noise_ballot).await {
        Ok(sum) => sum,
        Err(error) => return fail_if_damaged(app, id, error).await,
    };
    let cancel = app.begin_tally(id, round.announcement.instance_count);
    let computed = argmax(app, &round, sum, cancel).await;
    app.end_tally(id);
    let bytes = match computed {
        Ok(bytes) => bytes,
        Err(Stop::Cancelled) => return Ok(false),
        Err(Stop::Damaged(detail)) => return damage(app, id, detail).await.map(|()| true),
        Err(Stop::Round(error)) => return Err(error),
    };
    let ciphertexts = app.storage.blobs().put(bytes).await?;
    let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let (cpu_ms, wall_ms) = (millis(process_cpu().saturating_sub(cpu)), millis(started.elapsed()));
    commit(app, id, Tallied { noise_ballot, ciphertexts, cpu_ms, wall_ms }).await?;
    tracing::info!(round = %id, cpu_ms, wall_ms, "tallied");
    Ok(true)
}

/// Says why there are no label ciphertexts.
enum Stop {
    Cancelled,
    Damaged(String),
    Round(RoundError),
}

impl<E: Into<RoundError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Round(error.into())
    }
}

/// Adds up the counted ballots and the coordinator's noise, raw, before any expansion.
async fn sum(app: &App, round: &RoundRow, noise_ballot: Digest) -> Result<RunningSum, RoundError> {
    let unreadable = |what| RoundError::from(StorageError::unreadable(what));
    let layout = round.announcement.layout().map_err(|_| unreadable("announcement"))?;
    let mut tx = app.storage.read().await?;
    let rows = app.storage.ballots(&mut tx, round.id()).await?;
    drop(tx);
    let mut sum = RunningSum::new(layout);
    for row in rows.iter().filter(|row| round.state.counted().contains(&row.participant)) {
        let bytes = app.storage.blobs().get(row.digest).await?;
        let door = Door { announcement: &round.announcement, roster: &round.roster };
        let ValidBallot { body, .. } =
            door.admit(&bytes, row.participant).map_err(|_| unreadable("ballot"))?;
        sum.add(&body).map_err(|_| unreadable("ballot"))?;
    }
    let noise = app.storage.blobs().get(noise_ballot).await?;
    let noise = BallotBody::parse(&noise, layout).map_err(|_| unreadable("noise ballot"))?;
    sum.add(&noise).map_err(|_| unreadable("noise ballot"))?;
    Ok(sum)
}

/// Runs the argmax on the pool and returns the framed label ciphertexts.
async fn argmax(
    app: &App,
    round: &RoundRow,
    sum: RunningSum,
    cancel: std::sync::Arc<AtomicBool>,
) -> Result<Vec<u8>, Stop> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let federation = app.storage.federation(&mut tx).await?.ok_or(StorageError::unreadable("federation"))?;
    drop(tx);
    let resolution: Resolution = round.announcement.resolution(&federation.founding, &round.roster)?;
    let certificate = certificate(app).await?;
    let keys = app.keys.get(&certificate, app.storage.blobs(), &app.pool).await;
    let keys = keys.map_err(|e| Stop::Damaged(e.to_string()))?;
    let watched = app.clone();
    let tally = app.pool.run(move || {
        let progress = |done: usize| watched.tally_progress(id, u32::try_from(done).unwrap_or(u32::MAX));
        shared::fhe::tally(&keys, &resolution, &sum, &cancel, progress).map(|labels| labels.to_bytes())
    });
    match tally.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(TallyError::Cancelled { .. })) => Err(Stop::Cancelled),
        Ok(Err(error)) => Err(Stop::Damaged(error.to_string())),
        Err(stopped) => Err(Stop::Damaged(stopped.to_string())),
    }
}

async fn commit(app: &App, id: RoundId, tallied: Tallied) -> Result<(), RoundError> {
    let window = i64::try_from(app.settings.opening_window.as_millis()).unwrap_or(i64::MAX);
    let mut tx = app.storage.write().await?;
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let now = app.now();
    let state = round.state.tallied(tallied, now.plus(window))?;
    app.storage.set_round_state(&mut tx, id, &state).await?;
    let event = EventBody::Tallied { round: id, step: Step::Label, ciphertexts: tallied.ciphertexts };
    app.storage.append(&mut tx, &app.identity, now, event).await?;
    tx.commit().await?;
    Ok(())
}

/// Adds up ballot bodies that are already parsed; used by the known answer.
pub(super) fn sum_of(layout: Layout, bodies: &[BallotBody]) -> Result<RunningSum, String> {
    let mut sum = RunningSum::new(layout);
    for body in bodies {
        sum.add(body).map_err(|e| e.to_string())?;
    }
    Ok(sum)
}
