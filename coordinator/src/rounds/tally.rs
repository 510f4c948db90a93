//! The tally of a round: sum of the counted ballots and the coordinator's noise, argmax, squash, label ciphertexts.

use std::time::{Duration, Instant};

use base::{Step, ids::Digest};
use fhe::TallyError;
use protocol::{
    ballot::Door,
    round::{RoundState, Tallied},
    transcript::{CountedBallot, EventBody, RecomputeError, TallyInput, TallyRecord, add_ballots, add_noise},
};

use super::{RoundError, certificate::certificate, release::damage};
use runtime::process_cpu;

use crate::{
    app::App,
    storage::{BallotRow, RoundRow, StorageError},
    tally::{Begun, PublishError, Published, publish},
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

/// Tallies a step of a round and hands it to the trustees; tells whether it moved (a stopped tally runs again later).
pub(super) async fn tally(app: &App, round: RoundRow, step: Step) -> Result<bool, RoundError> {
    let id = round.id();
    let RoundState::Tallying { noise_ballot: Some(noise_ballot), .. } = round.state else { return Ok(false) };
    let Ok(_turn) = app.tally_turn.acquire().await else { return Ok(false) };
    let (started, cpu) = (Instant::now(), process_cpu());
    let input = match input(app, &round, step, noise_ballot).await {
        Ok(input) => input,
        Err(Stop::Damaged(detail)) => return damage(app, id, detail).await.map(|()| true),
        Err(Stop::Cancelled) => return Ok(false),
        Err(Stop::Round(error)) => return Err(error),
    };
    let sum = Digest::of(&input.sum.to_bytes());
    let computed = compute(app, &round, input).await;
    app.end_tally(id);
    let tally = match computed {
        Ok(tally) => tally,
        Err(Stop::Cancelled) => return Ok(false),
        Err(Stop::Damaged(detail)) => return damage(app, id, detail).await.map(|()| true),
        Err(Stop::Round(error)) => return Err(error),
    };
    let all = process_cpu().saturating_sub(cpu);
    let times =
        Times { cpu: all.saturating_sub(tally.squash), squash: tally.squash, wall: started.elapsed() };
    let Published { ciphertexts, squashed, squashed_digits, .. } = tally;
    let record = TallyRecord { round: Some(id), step, sum, ciphertexts, squashed };
    commit(app, noise_ballot, record, squashed_digits, times).await?;
    tracing::info!(round = %id, %step, cpu_ms = millis(times.cpu), squash_cpu_ms = millis(times.squash), wall_ms = millis(times.wall), "tallied");
    Ok(true)
}

#[derive(Debug, Clone, Copy)]
struct Times {
    cpu: Duration,
    squash: Duration,
    wall: Duration,
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Why there are no label ciphertexts.
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

/// Completes the running sum of a step with the coordinator's noise, raw, before any expansion. Ballots that are not in
/// it, because the service was started since, are read from the disk.
async fn input(app: &App, round: &RoundRow, step: Step, noise_ballot: Digest) -> Result<TallyInput, Stop> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let rows = tx.ballots(id).await?;
    let federation = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    let instances = tx.replay(|replay| replay.round(id)?.instances_of(step)).await?.flatten();
    drop(tx);
    let instances = instances.ok_or(StorageError::missing("transcript"))?;
    let resolution = round.announcement.resolution(&federation.founding, &round.roster, step)?;
    let is_counted = |row: &BallotRow| round.state.counted().contains(&row.participant);
    let counted: Vec<CountedBallot> = rows.iter().filter(|row| is_counted(row)).map(on_record).collect();
    let (announcement, roster) = (round.announcement.clone(), round.roster.clone());
    let blobs = app.storage.blobs().clone();
    let begun = app.clone();
    let added = app.pool.run(move || {
        let door = Door { announcement: &announcement, roster: &roster };
        let Begun { mut sum, missing } = begun.sums.take(door, resolution.layout(), step, &counted);
        add_ballots(&mut sum, door, &missing, step, &blobs)?;
        add_noise(&mut sum, door, noise_ballot, step, &blobs)?;
        Ok(sum)
    });
    match added.await {
        Ok(Ok(sum)) => Ok(TallyInput { resolution, sum, instances }),
        Ok(Err(RecomputeError::Cancelled)) => Err(Stop::Cancelled),
        Ok(Err(error)) => Err(Stop::Damaged(error.to_string())),
        Err(lost) => Err(lost.into()),
    }
}

/// Returns a ballot as it stands in the transcript.
pub(super) const fn on_record(row: &BallotRow) -> CountedBallot {
    CountedBallot { participant: row.participant, digest: row.digest, received_at: row.received_at }
}

/// Runs argmax and squash on the pool, and stores what they give as it comes.
async fn compute(app: &App, round: &RoundRow, input: TallyInput) -> Result<Published, Stop> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let federation = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    drop(tx);
    let certificate = certificate(app).await?;
    let config = &federation.founding.config;
    let keys = app.keys.get(&certificate, config, app.storage.blobs(), &app.pool).await;
    let keys = keys?;
    let steps = u32::try_from(keys.steps(input.instances.len())).unwrap_or(u32::MAX);
    let cancel = app.begin_tally(id, steps);
    let watched = app.clone();
    let tally = app.pool.run(move || {
        let progress = |done: usize| watched.tally_progress(id, u32::try_from(done).unwrap_or(u32::MAX));
        publish(&keys, &input, watched.storage.blobs(), &cancel, progress)
    });
    match tally.await {
        Ok(Ok(tally)) => Ok(tally),
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
    squashed_digits: Option<Digest>,
    times: Times,
) -> Result<(), RoundError> {
    let Some(id) = record.round else { return Ok(()) };
    // Trustees compute the tally again before they open it, on machines that may be slower.
    let window = app.settings.opening_window.max(times.wall.saturating_mul(SLOWEST_TRUSTEE));
    let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let now = app.now();
    let event = tx.append(&app.identity, now, EventBody::Tallied(record)).await?;
    let tallied = Tallied {
        step: record.step,
        noise_ballot,
        ciphertexts: record.ciphertexts,
        squashed: record.squashed,
        squashed_digits,
        event,
        cpu_ms: millis(times.cpu),
        squash_cpu_ms: millis(times.squash),
        wall_ms: millis(times.wall),
    };
    let state = round.state.tallied(tallied, now.plus(window))?;
    tx.set_round_state(id, &state).await?;
    tx.commit().await?;
    Ok(())
}
