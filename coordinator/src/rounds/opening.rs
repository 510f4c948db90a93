//! What becomes of a tally that waits for the sole trustee: its opening ends the step, or the deadline the round.

use base::{Step, ids::RoundId};
use protocol::{
    round::{Corroboration, RoundState},
    transcript::RoundRecord,
};

use super::{
    RoundError,
    release::{damage, instances_of, pass, release, time_out},
};
use crate::{
    app::App,
    storage::{ReadTx, RoundRow, StorageError},
};

/// Takes a tallied round one step further if its opening came, and tells whether it moved.
pub(super) async fn settle(app: &App, round: &RoundRow) -> Result<bool, RoundError> {
    let RoundState::Opening { tallied, deadline, .. } = &round.state else { return Ok(false) };
    let (id, step) = (round.id(), tallied.step);
    let opening = app.storage.read().await?.openings(id, step).await?.into_iter().next();
    let Some(opening) = opening else {
        let is_late = app.now() >= *deadline;
        return if is_late { time_out(app, id).await.map(|()| true) } else { Ok(false) };
    };
    let labels = opening.opening()?.labels;
    end_step(app, id, step, labels).await.map(|()| true)
}

/// Ends the test of a two-step round with its bits, or releases its labels.
async fn end_step(app: &App, id: RoundId, step: Step, opened: Vec<u16>) -> Result<(), RoundError> {
    let standing = Corroboration::SoleTrustee;
    if step == Step::Test {
        let mut tx = app.storage.write().await?;
        let Some(round) = tx.round(id).await? else { return Ok(()) };
        pass(app, &mut tx, round, (&opened, standing)).await?;
        return Ok(tx.commit().await?);
    }
    let record = recorded(&mut app.storage.read().await?, id).await?;
    let Some(labels) = record.spread(&opened) else {
        let detail = format!("the opening holds {} labels, which is not what passed the test", opened.len());
        return damage(app, id, detail).await;
    };
    conclude(app, id, (labels, standing)).await
}

/// Releases a round that nothing passed: all of its instances are abstentions, and they rest on the test alone.
pub(super) async fn release_nothing(app: &App, round: &RoundRow) -> Result<bool, RoundError> {
    let test = round.state.test().ok_or(StorageError::missing("test of the round"))?;
    let labels = vec![0; round.announcement.instance_count as usize];
    conclude(app, round.id(), (labels, test.corroboration.clone())).await.map(|()| true)
}

async fn conclude(app: &App, id: RoundId, labelled: (Vec<u16>, Corroboration)) -> Result<(), RoundError> {
    let instances = instances_of(app, id).await?;
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    release(app, &mut tx, round, labelled, &instances).await?;
    Ok(tx.commit().await?)
}

/// Returns what the transcript says about a round.
pub(super) async fn recorded(tx: &mut ReadTx, id: RoundId) -> Result<RoundRecord, RoundError> {
    let record = tx.replay(|replay| replay.round(id).cloned()).await?.flatten();
    Ok(record.ok_or(StorageError::missing("transcript"))?)
}
