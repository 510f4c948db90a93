//! What becomes of a tallied round: it waits for the trustees, is released, or fails over contradicting openings.

use shared::{
    clock::Millis,
    federation::{FederationState, TrusteePolicy, Trustees},
    fhe::SquashedRecord,
    ids::{Digest, RoundId},
    round::{
        self, Corroboration, FailureReason, Judgement, JudgementError, Opening, OpeningContent, RoundState,
        Step, judge,
    },
    transcript::EventBody,
};

use super::{
    RoundError,
    release::{damage, fail, release, time_out},
    tally::forget_digits,
};
use crate::{
    app::App,
    storage::{FederationRow, OpeningRow, RoundRow, StorageError, Tx},
};

/// Takes a tallied round one step further if the openings that came allow it, and tells whether it moved.
pub(super) async fn settle(app: &App, round: &RoundRow, deadline: Millis) -> Result<bool, RoundError> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let row = app.storage.federation(&mut tx).await?.ok_or(StorageError::unreadable("federation"))?;
    let rows = app.storage.openings(&mut tx, id, Step::Label).await?;
    let policy = row.founding.config.trustees;
    let sharing = policy.sharing().map_err(|_| StorageError::unreadable("trustee policy"))?;
    let is_late = app.now() >= deadline;
    if rows.len() < sharing.quorum() {
        drop(tx);
        return if is_late { time_out(app, id).await.map(|()| true) } else { Ok(false) };
    }
    let nobody_else = is_late
        || rows.len() == usize::from(policy.count)
        || is_alone(app, &mut tx, round, &rows, sharing.quorum()).await?;
    drop(tx);
    if rows.len() < sharing.corroborated_from() && !nobody_else {
        return Ok(false);
    }
    match judge_rows(app, &row, round, &rows).await? {
        Ok(Judgement::Labels { labels, corroboration, .. }) => {
            release(app, id, rows.len(), labels, corroboration).await.map(|()| true)
        }
        // More openings may still tell who lies.
        _ if !nobody_else => Ok(false),
        Ok(Judgement::Disputed { holders }) => {
            fail(app, id, FailureReason::Disputed { holders }).await.map(|()| true)
        }
        Err(error) => damage(app, id, error.to_string()).await.map(|()| true),
    }
}

/// Tells whether no further opening is waited for: the window for it has passed since the round could be opened,
/// or every trustee that is missing has fallen silent.
async fn is_alone(
    app: &App,
    tx: &mut Tx,
    round: &RoundRow,
    rows: &[OpeningRow],
    quorum: usize,
) -> Result<bool, RoundError> {
    let span = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let (now, settings) = (app.now(), &app.settings);
    let enough_at = rows.get(quorum.saturating_sub(1)).map_or(now, |row| row.received_at);
    if now >= enough_at.plus(span(settings.corroboration_window)) {
        return Ok(true);
    }
    let opened: Vec<Opening> = rows.iter().map(OpeningRow::opening).collect::<Result<_, _>>()?;
    let members = app.storage.members(tx).await?;
    let is_online = |row: &crate::storage::MemberRow| {
        row.last_seen.is_some_and(|seen| seen.plus(span(settings.online_within)) >= now)
    };
    let mut missing = round.roster.trustees().filter(|member| opened.iter().all(|o| o.trustee != member.id));
    Ok(!missing.any(|trustee| members.iter().any(|row| row.member.id == trustee.id && is_online(row))))
}

/// Judges the openings of a round; the sole trustee's labels are taken as they are.
async fn judge_rows(
    app: &App,
    row: &FederationRow,
    round: &RoundRow,
    rows: &[OpeningRow],
) -> Result<Result<Judgement, JudgementError>, RoundError> {
    let openings: Vec<Opening> = rows.iter().map(OpeningRow::opening).collect::<Result<_, _>>()?;
    let policy: TrusteePolicy = row.founding.config.trustees;
    let Some(digest) = round.state.tally().and_then(|tallied| tallied.squashed) else {
        let labels = match openings.into_iter().next().map(|opening| opening.content) {
            Some(OpeningContent::Labels(labels)) => labels,
            _ => return Err(StorageError::unreadable("opening").into()),
        };
        let corroboration = Corroboration::SoleTrustee;
        return Ok(Ok(Judgement::Labels { labels, corroboration, largest_noise: 0 }));
    };
    let record = read_record(app, round, digest).await?;
    let (trustees, classes) = (Trustees::of(&round.roster), row.founding.config.classes.len());
    let judged = app.pool.run(move || judge(policy, &trustees, classes, &record, &openings)).await;
    Ok(judged.map_err(|_| StorageError::unreadable("opening: the judgement was stopped"))?)
}

async fn read_record(app: &App, round: &RoundRow, digest: Digest) -> Result<SquashedRecord, RoundError> {
    let bytes = app.storage.blobs().get(digest).await?;
    let layout = round.announcement.layout().map_err(|_| StorageError::unreadable("announcement"))?;
    let record = SquashedRecord::from_bytes(&bytes, layout);
    Ok(record.map_err(|_| StorageError::unreadable("record of squashed digits"))?)
}

/// Compares all openings of a released round with its labels, as long as none comes meanwhile; again changes nothing.
pub(crate) async fn compare(app: &App, id: RoundId) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let row = app.storage.federation(&mut tx).await?.ok_or(StorageError::unreadable("federation"))?;
    let rows = app.storage.openings(&mut tx, id, Step::Label).await?;
    drop(tx);
    let RoundState::Released { corroboration: before, .. } = &round.state else { return Ok(()) };
    if row.state == FederationState::Closed {
        return Ok(());
    }
    let openings = rows.iter().map(OpeningRow::opening).collect::<Result<Vec<_>, _>>()?;
    let released = round.labels.as_deref().unwrap_or_default();
    let now = round::compare(judge_rows(app, &row, &round, &rows).await?, released, &openings);
    if now == *before {
        return Ok(());
    }
    tracing::warn!(round = %id, corroboration = %now, "a later opening was compared");
    let mut tx = app.storage.write().await?;
    if app.storage.openings(&mut tx, id, Step::Label).await?.len() != rows.len() {
        // Whoever posted the newest opening compares with that one too.
        return Ok(());
    }
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let state = round.state.compare(now.clone())?;
    app.storage.set_round_state(&mut tx, id, &state).await?;
    let digits = state.tally().and_then(|tallied| tallied.squashed_digits);
    let event = EventBody::Compared { round: id, corroboration: now };
    app.storage.append(&mut tx, &app.identity, app.now(), event).await?;
    tx.commit().await?;
    forget_digits(app, id, digits).await;
    Ok(())
}
