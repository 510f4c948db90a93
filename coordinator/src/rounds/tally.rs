//! The tally of a round: the sum of the counted ballots and the coordinator's noise, and for a sole trustee its argmax.

use std::time::{Duration, Instant};

use base::{Step, ids::Digest};
use fhe::{RunningSum, TallyError};
use protocol::{
    ballot::Door,
    federation::KeyCertificate,
    round::Tallied,
    transcript::{
        CountedBallot, EventBody, TallyInput, TallyOutcome, TallyRecord, add_ballots, add_noise, sum_digest,
    },
};

use super::{RoundError, release::damage};
use runtime::process_cpu;

use crate::{
    app::App,
    storage::{BallotRow, RoundRow, StorageError},
    tally::{Begun, PublishError, publish},
};

/// How many times the tally's own time a trustee has at least to open it.
const SLOWEST_TRUSTEE: u32 = 4;

/// Returns the step of a round whose tally is due.
pub(super) fn due_step(round: &RoundRow) -> Step {
    match round.announcement.test {
        Some(_) if round.state.test().is_none() => Step::Test,
        _ => Step::Label,
    }
}

/// Returns the sole trustee's key certificate.
pub(super) async fn certificate(app: &App) -> Result<KeyCertificate, RoundError> {
    let mut tx = app.storage.read().await?;
    let certificate = tx.replay(|replay| replay.ceremony().keys()?.sole().cloned()).await?.flatten();
    Ok(certificate.ok_or(StorageError::missing("key certificate"))?)
}

/// Tallies a step of a round under encryption and hands it to the sole trustee; tells whether it moved (a stopped tally
/// runs again later).
pub(super) async fn tally(
    app: &App,
    round: RoundRow,
    (step, noise_ballot): (Step, Digest),
) -> Result<bool, RoundError> {
    let id = round.id();
    let Ok(_turn) = app.tally_turn.acquire().await else { return Ok(false) };
    let (started, cpu) = (Instant::now(), process_cpu());
    let computed = match input(app, &round, step, noise_ballot).await {
        Ok((sum, input)) => compute(app, &round, input).await.map(|ciphertexts| (sum, ciphertexts)),
        Err(stop) => Err(stop),
    };
    app.end_tally(id);
    let (sum, ciphertexts) = match computed {
        Ok(tally) => tally,
        Err(Stop::Cancelled) => return Ok(false),
        Err(Stop::Damaged(detail)) => return damage(app, id, detail).await.map(|()| true),
        Err(Stop::Round(error)) => return Err(error),
    };
    let times = Times { cpu: process_cpu().saturating_sub(cpu), wall: started.elapsed() };
    let outcome = TallyOutcome::Ciphertexts(ciphertexts);
    commit(app, noise_ballot, TallyRecord { round: Some(id), step, sum, outcome }, times).await?;
    tracing::info!(round = %id, %step, cpu_ms = millis(times.cpu), wall_ms = millis(times.wall), "tallied");
    Ok(true)
}

#[derive(Debug, Clone, Copy)]
struct Times {
    cpu: Duration,
    wall: Duration,
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Why there is no sum, or there are no label ciphertexts.
pub(super) enum Stop {
    Cancelled,
    Damaged(String),
    Round(RoundError),
}

impl<E: Into<RoundError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Round(error.into())
    }
}

/// Completes the running sum of a step with the coordinator's noise, raw, before any expansion. Ballots that are not in
/// it, because the service was started since, are read from the disk.
pub(super) async fn add_up(
    app: &App,
    round: &RoundRow,
    step: Step,
    noise_ballot: Digest,
) -> Result<RunningSum, Stop> {
    let rows = app.storage.read().await?.ballots(round.id()).await?;
    let is_counted = |row: &BallotRow| round.state.counted().contains(&row.participant);
    let counted: Vec<CountedBallot> = rows.iter().filter(|row| is_counted(row)).map(on_record).collect();
    let (announcement, roster) = (round.announcement.clone(), round.roster.clone());
    let layout = announcement.layout().map_err(|e| Stop::Damaged(e.to_string()))?;
    let blobs = app.storage.blobs().clone();
    let begun = app.clone();
    let added = app.pool.run(move || {
        let door = Door { announcement: &announcement, roster: &roster };
        let Begun { mut sum, missing } = begun.sums.take(door, layout, step, &counted);
        add_ballots(&mut sum, door, &missing, step, &blobs)?;
        add_noise(&mut sum, door, noise_ballot, step, &blobs)?;
        Ok::<_, protocol::transcript::RecomputeError>(sum)
    });
    added.await?.map_err(|error| Stop::Damaged(error.to_string()))
}

/// Returns the digest of the sum of a step, and what the homomorphic tally takes.
async fn input(
    app: &App,
    round: &RoundRow,
    step: Step,
    noise_ballot: Digest,
) -> Result<(Digest, TallyInput), Stop> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let federation = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    let instances = tx.replay(|replay| replay.round(id)?.instances_of(step)).await?.flatten();
    drop(tx);
    let instances = instances.ok_or(StorageError::missing("transcript"))?;
    let resolution = round.announcement.resolution(&federation.founding, &round.roster, step)?;
    let sum = add_up(app, round, step, noise_ballot).await?;
    let digest = sum_digest(&sum, true).map_err(|e| Stop::Damaged(e.to_string()))?;
    Ok((digest, TallyInput { resolution, sum, instances }))
}

/// Returns a ballot as it stands in the transcript.
pub(super) const fn on_record(row: &BallotRow) -> CountedBallot {
    CountedBallot { participant: row.participant, digest: row.digest, received_at: row.received_at }
}

/// Runs the argmax on the pool, stores what it gives as it comes, and returns its digest.
async fn compute(app: &App, round: &RoundRow, input: TallyInput) -> Result<Digest, Stop> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let federation = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    drop(tx);
    let certificate = certificate(app).await?;
    let config = &federation.founding.config;
    let keys = app.keys.get(&certificate, config, app.storage.blobs(), &app.pool).await;
    let keys = keys?;
    let labels = u32::try_from(input.instances.len()).unwrap_or(u32::MAX);
    let cancel = app.begin_tally(id, labels);
    let watched = app.clone();
    let tally = app.pool.run(move || {
        let progress = |done: usize| watched.tally_progress(id, u32::try_from(done).unwrap_or(u32::MAX));
        publish(&keys, &input, watched.storage.blobs(), &cancel, progress)
    });
    match tally.await {
        Ok(Ok(ciphertexts)) => Ok(ciphertexts),
        Ok(Err(PublishError::Tally(TallyError::Cancelled { .. }))) => Err(Stop::Cancelled),
        // A disk that is full today has room tomorrow: the round waits, and loses nothing.
        Ok(Err(PublishError::Disk(source))) => Err(StorageError::Tally(source).into()),
        Ok(Err(error)) => Err(Stop::Damaged(error.to_string())),
        Err(lost) => Err(lost.into()),
    }
}

async fn commit(
    app: &App,
    noise_ballot: Digest,
    record: TallyRecord,
    times: Times,
) -> Result<(), RoundError> {
    let Some(id) = record.round else { return Ok(()) };
    // The trustee opens it on a machine that may be slower.
    let window = app.settings.opening_window.max(times.wall.saturating_mul(SLOWEST_TRUSTEE));
    let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let now = app.now();
    let event = tx.append(&app.identity, now, EventBody::Tallied(record)).await?;
    let tallied = Tallied {
        step: record.step,
        noise_ballot,
        record: record.outcome.digest(),
        attempt: None,
        event,
        cpu_ms: millis(times.cpu),
        wall_ms: millis(times.wall),
    };
    let state = round.state.tallied(tallied, now.plus(window))?;
    tx.set_round_state(id, &state).await?;
    tx.commit().await?;
    Ok(())
}
