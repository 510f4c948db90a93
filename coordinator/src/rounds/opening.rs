//! What becomes of a tallied round: it waits for the trustees, goes on, is released, or fails over contradicting openings.

use base::{
    Step,
    ids::{Digest, RoundId},
};
use fhe::SquashedRecord;
use protocol::{
    federation::{FederationState, TrusteePolicy, Trustees},
    round::{
        self, Corroboration, FailureReason, Judgement, JudgementError, Opening, OpeningContent, RoundState,
        judge,
    },
    transcript::{EventBody, RoundRecord},
};

use super::{
    RoundError,
    digits::{digits_of, forget_digits},
    release::{Labelled, damage, fail, pass, release, time_out},
};
use crate::{
    app::App,
    storage::{FederationRow, OpeningRow, ReadTx, RoundRow, StorageError},
};

/// Takes a tallied round one step further if the openings that came allow it, and tells whether it moved.
pub(super) async fn settle(app: &App, round: &RoundRow) -> Result<bool, RoundError> {
    let RoundState::Opening { tallied, deadline, .. } = &round.state else { return Ok(false) };
    let (id, step) = (round.id(), tallied.step);
    let mut tx = app.storage.read().await?;
    let row = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    let rows = tx.openings(id, step).await?;
    let policy = row.founding.config.trustees;
    let sharing = policy.sharing().map_err(|e| RoundError::damaged("trustee policy", &e))?;
    let is_late = app.now() >= *deadline;
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
    match judge_rows(app, &row, round, step, &rows).await? {
        Ok(Judgement::Labels { labels, corroboration, .. }) => {
            go_on(app, round, step, Labelled { labels, corroboration, openings: rows.len() }).await
        }
        // More openings may still tell who lies.
        _ if !nobody_else => Ok(false),
        Ok(Judgement::Disputed { holders }) => {
            fail(app, id, FailureReason::Disputed { holders }).await.map(|()| true)
        }
        Err(error) => damage(app, id, error.to_string()).await.map(|()| true),
    }
}

/// Ends the test of a two-step round, or releases its labels together with how the test stands by now.
async fn go_on(app: &App, round: &RoundRow, step: Step, opened: Labelled) -> Result<bool, RoundError> {
    let id = round.id();
    if step == Step::Test {
        return pass(app, id, opened).await.map(|()| true);
    }
    let Labelled { labels, corroboration, openings } = opened;
    let record = recorded(app, id).await?;
    let Some(labels) = record.spread(&labels) else {
        let detail = format!("the openings hold {} labels, which is not what passed the test", labels.len());
        return damage(app, id, detail).await.map(|()| true);
    };
    let labelled = match standing_of_test(app, round, &record).await? {
        Some((test, more)) => {
            Labelled { labels, corroboration: corroboration.and(test), openings: openings + more }
        }
        None => Labelled { labels, corroboration, openings },
    };
    conclude(app, id, labelled).await
}

/// Releases a round that nothing passed: all of its instances are abstentions, and they rest on the test alone.
pub(super) async fn release_nothing(app: &App, round: &RoundRow) -> Result<bool, RoundError> {
    let record = recorded(app, round.id()).await?;
    let test = standing_of_test(app, round, &record).await?;
    let (corroboration, openings) = test.ok_or(StorageError::missing("transcript"))?;
    let labels = vec![0; round.announcement.instance_count as usize];
    conclude(app, round.id(), Labelled { labels, corroboration, openings }).await
}

/// Releases labels, or fails their round if what they rest on is disputed by now.
async fn conclude(app: &App, id: RoundId, labelled: Labelled) -> Result<bool, RoundError> {
    if let Corroboration::Disputed { holders } = labelled.corroboration {
        return fail(app, id, FailureReason::Disputed { holders }).await.map(|()| true);
    }
    release(app, id, labelled).await.map(|()| true)
}

/// Returns how the test of a two-step round stands by now, and on how many openings.
async fn standing_of_test(
    app: &App,
    round: &RoundRow,
    record: &RoundRecord,
) -> Result<Option<(Corroboration, usize)>, RoundError> {
    if record.test.is_none() {
        return Ok(None);
    }
    standing(app, round, record, Step::Test, &[]).await.map(Some)
}

/// Returns what the transcript says about a round.
async fn recorded(app: &App, id: RoundId) -> Result<RoundRecord, RoundError> {
    let mut tx = app.storage.read().await?;
    let record = tx.replay(|replay| replay.round(id).cloned()).await?.flatten();
    Ok(record.ok_or(StorageError::missing("transcript"))?)
}

/// Returns how far all openings of a step that came so far bear out what it was taken for, and their number.
async fn standing(
    app: &App,
    round: &RoundRow,
    record: &RoundRecord,
    step: Step,
    released: &[u16],
) -> Result<(Corroboration, usize), RoundError> {
    let mut tx = app.storage.read().await?;
    let row = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    let rows = tx.openings(round.id(), step).await?;
    drop(tx);
    let openings = rows.iter().map(OpeningRow::opening).collect::<Result<Vec<_>, _>>()?;
    let expected: Vec<u16> = match (step, &record.test) {
        (Step::Test, Some(test)) => record.bits(&test.passed),
        _ => {
            let places = record.instances_of(Step::Label).unwrap_or_default();
            places.into_iter().filter_map(|place| released.get(place).copied()).collect()
        }
    };
    let judged = judge_rows(app, &row, round, step, &rows).await?;
    Ok((round::compare(judged, &expected, &openings), rows.len()))
}

/// Returns whether no further opening is waited for: the window for it has passed since the round could be opened,
/// or every trustee that is missing has fallen silent.
async fn is_alone(
    app: &App,
    tx: &mut ReadTx,
    round: &RoundRow,
    rows: &[OpeningRow],
    quorum: usize,
) -> Result<bool, RoundError> {
    let window = i64::try_from(app.settings.corroboration_window.as_millis()).unwrap_or(i64::MAX);
    let now = app.now();
    let enough_at = rows.get(quorum.saturating_sub(1)).map_or(now, |row| row.received_at);
    if now >= enough_at.plus(window) {
        return Ok(true);
    }
    let opened: Vec<Opening> = rows.iter().map(OpeningRow::opening).collect::<Result<_, _>>()?;
    let members = tx.members().await?;
    let mut missing = round.roster.trustees().filter(|member| opened.iter().all(|o| o.trustee != member.id));
    Ok(!missing
        .any(|trustee| members.iter().any(|row| row.member.id == trustee.id && app.is_online(row.last_seen))))
}

/// Judges the openings of a step; the sole trustee's labels are taken as they are.
async fn judge_rows(
    app: &App,
    row: &FederationRow,
    round: &RoundRow,
    step: Step,
    rows: &[OpeningRow],
) -> Result<Result<Judgement, JudgementError>, RoundError> {
    let openings: Vec<Opening> = rows.iter().map(OpeningRow::opening).collect::<Result<_, _>>()?;
    let policy: TrusteePolicy = row.founding.config.trustees;
    let Some(digest) = round.state.tally(step).and_then(|tallied| tallied.squashed) else {
        let labels = match openings.into_iter().next().map(|opening| opening.content) {
            Some(OpeningContent::Labels(labels)) => labels,
            _ => return Err(RoundError::damaged("opening of the sole trustee", &"it holds no labels")),
        };
        let corroboration = Corroboration::SoleTrustee;
        return Ok(Ok(Judgement::Labels { labels, corroboration, largest_noise: 0 }));
    };
    let record = read_record(app, round.id(), step, digest).await?;
    let (trustees, classes) = (Trustees::of(&round.roster), record.layout().classes());
    Ok(app.pool.run(move || judge(policy, &trustees, classes, &record, &openings)).await?)
}

async fn read_record(
    app: &App,
    id: RoundId,
    step: Step,
    digest: Digest,
) -> Result<SquashedRecord, RoundError> {
    let layout = recorded(app, id).await?.outcomes(step).ok_or(StorageError::missing("transcript"))?;
    let bytes = app.storage.blobs().get(digest).await?;
    let record = SquashedRecord::from_bytes(&bytes, layout);
    record.map_err(|e| RoundError::damaged("record of squashed digits", &e))
}

/// Compares all openings of a released round with its labels, as long as none comes meanwhile; again changes nothing.
pub(super) async fn compare(app: &App, id: RoundId) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let row = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    drop(tx);
    let RoundState::Released { corroboration: before, .. } = &round.state else { return Ok(()) };
    if row.state == FederationState::Closed {
        return Ok(());
    }
    let record = recorded(app, id).await?;
    let released = round.labels.as_deref().unwrap_or_default();
    let (mut now, mut openings): (Option<Corroboration>, usize) = (None, 0);
    for step in record.steps.keys() {
        let (standing, count) = standing(app, &round, &record, *step, released).await?;
        now = Some(now.map_or(standing.clone(), |others| others.and(standing)));
        openings += count;
    }
    let Some(now) = now.filter(|now| now != before) else { return Ok(()) };
    tracing::warn!(round = %id, corroboration = %now, "a later opening was compared");
    let mut tx = app.storage.write().await?;
    if tx.count_openings(id).await? != openings {
        // Whoever posted the newest opening compares with that one too.
        return Ok(());
    }
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let state = round.state.compare(now.clone())?;
    tx.set_round_state(id, &state).await?;
    let event = EventBody::Compared { round: id, corroboration: now };
    tx.append(&app.identity, app.now(), event).await?;
    tx.commit().await?;
    forget_digits(app, id, &digits_of(&state)).await;
    Ok(())
}
