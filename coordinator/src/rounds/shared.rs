//! A step that several trustees tally: its sum is named, they are watched, and their labels end it.

use std::time::Duration;

use base::{Step, ids::Digest};
use protocol::{
    round::{Corroboration, FailureReason, RoundState, Summed, Tallied},
    transcript::{EventBody, TallyOutcome, TallyRecord, sum_digest},
    wire::BoardId,
};
use runtime::process_cpu;

use super::{
    Heard, RoundError,
    heard::group,
    opening::recorded,
    release::{damage, fail, instances_of, pass, release},
    session::{Found, Opened, after, look, session_of},
    tally::{Stop, add_up, millis},
};
use crate::{
    app::{App, Session},
    storage::RoundRow,
};

/// Adds up the ballots of a step and asks the trustees to tally the sum; from here on the round is charged.
pub(super) async fn ask(
    app: &App,
    round: RoundRow,
    (step, noise_ballot): (Step, Digest),
) -> Result<bool, RoundError> {
    let id = round.id();
    let Ok(_turn) = app.tally_turn.acquire().await else { return Ok(false) };
    let cpu = process_cpu();
    let sum = match add_up(app, &round, step, noise_ballot).await {
        Ok(sum) => app.pool.run(move || sum_digest(&sum, false)).await?,
        Err(Stop::Cancelled) => return Ok(false),
        Err(Stop::Damaged(detail)) => return damage(app, id, detail).await.map(|()| true),
        Err(Stop::Round(error)) => return Err(error),
    };
    let sum = sum.map_err(|e| RoundError::damaged("sum of the ballots", &e))?;
    let cpu = process_cpu().saturating_sub(cpu);
    name_sum(app, round, (step, sum), cpu).await.map(|()| true)
}

async fn name_sum(
    app: &App,
    round: RoundRow,
    (step, sum): (Step, Digest),
    cpu: Duration,
) -> Result<(), RoundError> {
    let id = round.id();
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let at = app.now();
    let event = tx.append(&app.identity, at, EventBody::Summed { round: id, step, sum }).await?;
    let state = round.state.summed(Summed { step, sum, event, at })?;
    tx.set_round_state(id, &state).await?;
    tx.open_board(BoardId::Round(id, step), at, millis(cpu)).await?;
    tx.commit().await?;
    app.boards.moved();
    tracing::info!(round = %id, %step, cpu_ms = millis(cpu), "the trustees are asked to tally");
    Ok(())
}

/// Looks how far the trustees are, and tells whether the round moved: to another attempt, to its labels, or to its end
/// because they took too long.
pub(super) async fn follow(app: &App, round: RoundRow, summed: Summed) -> Result<bool, RoundError> {
    let (id, step) = (round.id(), summed.step);
    let board = BoardId::Round(id, step);
    let session = session_of(app, &mut app.storage.read().await?, board).await?;
    let session =
        session.ok_or_else(|| RoundError::damaged("question to the trustees", &"it is not asked"))?;
    match look(app, board, &session).await? {
        Found::Moved => Ok(true),
        Found::Opened(opened) => {
            let instances = if step == Step::Label { instances_of(app, id).await? } else { Vec::new() };
            end_step(app, round, (summed, opened), &instances).await
        }
        Found::Waits if app.now() >= after(summed.at, app.settings.patience) => {
            let reason = timed_out(app, board, &session).await?;
            fail(app, id, reason).await.map(|()| true)
        }
        Found::Waits => Ok(false),
    }
}

/// Says for whom was waited last, and whom trustees named.
async fn timed_out(app: &App, board: BoardId, session: &Session) -> Result<FailureReason, RoundError> {
    let mut tx = app.storage.read().await?;
    let row = tx.board(board).await?;
    let attempt = row.map_or(0, |row| row.attempt);
    let heard = tx.heard(board, attempt).await?;
    let front = Heard::new(&session.task, attempt, &heard).front();
    let liars = group(session.task.sharing, row.map_or(0, |row| row.named));
    let named = tx.replay(|replay| {
        let waiting = front.map(|front| replay.named(front.missing)).unwrap_or_default();
        (waiting, replay.named(liars))
    });
    let (waiting, named) = named.await?.unwrap_or_default();
    Ok(FailureReason::TallyTimedOut { waiting, named })
}

/// Records the tally and what follows from it, all in one transaction: the test's outcome, or the release.
async fn end_step(
    app: &App,
    round: RoundRow,
    (summed, opened): (Summed, Opened),
    instances: &[Digest],
) -> Result<bool, RoundError> {
    let (id, step) = (round.id(), summed.step);
    let Opened { row, labels, record } = opened;
    let mut tx = app.storage.write().await?;
    let Some(mut round) = tx.round(id).await? else { return Ok(false) };
    let RoundState::Tallying { noise_ballot: Some(noise_ballot), summed: Some(now_asked), .. } = &round.state
    else {
        return Ok(false);
    };
    if *now_asked != summed {
        return Ok(false);
    }
    let (noise_ballot, now, attempt) = (*noise_ballot, app.now(), row.attempt);
    let outcome = TallyOutcome::Session { attempt, record };
    let tally = TallyRecord { round: Some(id), step, sum: summed.sum, outcome };
    let event = tx.append(&app.identity, now, EventBody::Tallied(tally)).await?;
    let wall_ms = now.0.saturating_sub(summed.at.0).max(0).unsigned_abs();
    let tallied =
        Tallied { step, noise_ballot, record, attempt: Some(attempt), event, cpu_ms: row.cpu_ms, wall_ms };
    // Nobody waits in `Opening`: what comes out are labels.
    round.state = round.state.tallied(tallied, now)?;
    tx.close_board(BoardId::Round(id, step)).await?;
    if step == Step::Test {
        pass(app, &mut tx, round, (&labels, Corroboration::Agreed)).await?;
    } else {
        let all = recorded(&mut tx, id).await?.spread(&labels);
        let all =
            all.ok_or_else(|| RoundError::damaged("labels of the session", &"their number is wrong"))?;
        let standing = round.state.test().map(|test| test.corroboration.clone());
        let standing = standing.map_or(Corroboration::Agreed, |test| test.and(Corroboration::Agreed));
        release(app, &mut tx, round, (all, standing), instances).await?;
    }
    tx.commit().await?;
    app.boards.moved();
    tracing::info!(round = %id, %step, attempt, wall_ms, "tallied by the trustees");
    Ok(true)
}
