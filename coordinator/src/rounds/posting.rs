//! The door through which every opening comes.

use base::{
    Step,
    identity::Signed,
    ids::{ParticipantId, RoundId},
};
use protocol::{
    federation::Member,
    round::{Opening, OpeningError, RoundState},
    transcript::EventBody,
};

use super::{RoundError, opening::compare};
use crate::{
    app::App,
    storage::{FederationRow, ReadTx, RoundRow, WriteTx},
};

/// Why an opening is not taken.
#[derive(Debug, thiserror::Error)]
pub enum OpeningRefusal {
    /// Storage or pool failed.
    #[error(transparent)]
    Round(RoundError),
    /// The trustee opened the same before, and answered otherwise.
    #[error("this trustee opened this round already, with another answer")]
    Second,
    /// The round does not wait for openings of this step.
    #[error("round {round} is {phase}, it is not being opened")]
    NotOpening {
        /// The round.
        round: RoundId,
        /// Name of its state.
        phase: &'static str,
    },
    /// No tally is on the transcript.
    #[error("nothing is tallied that could be opened")]
    NothingTallied,
    /// It does not answer what the transcript asks.
    #[error(transparent)]
    Answer(#[from] OpeningError),
}

impl<E: Into<RoundError>> From<E> for OpeningRefusal {
    fn from(error: E) -> Self {
        Self::Round(error.into())
    }
}

/// Takes a trustee's opening of a round's step, whose signature was checked; the same one again changes nothing.
///
/// An opening that comes after the release is compared with those that the release rests on, also when it comes again:
/// the service may have died before the comparison.
///
/// # Errors
/// Refuses what [`OpeningRefusal`] lists; then nothing was written.
pub async fn post_opening(
    app: &App,
    mut tx: WriteTx,
    (row, round): (&FederationRow, &RoundRow),
    (trustee, step): (&Member, Step),
    (signed, opening): (Signed<Opening>, &Opening),
) -> Result<(), OpeningRefusal> {
    let id = round.id();
    let is_late =
        matches!(round.state, RoundState::Released { .. }) && !row.founding.config.trustees.is_sole();
    for before in &tx.openings(id, step).await? {
        if before.signed == signed {
            drop(tx);
            return compare_late(app, id, is_late).await;
        }
        if before.opening()?.trustee == trustee.id {
            return Err(OpeningRefusal::Second);
        }
    }
    let is_running = !round.state.is_final() && round.state.tally(step).is_some();
    if !is_late && !is_running {
        return Err(OpeningRefusal::NotOpening { round: id, phase: round.state.name() });
    }
    check_opening(&mut tx, (Some(id), step), opening, trustee.id).await?;
    let now = app.now();
    tx.insert_opening((id, step, trustee.id), &signed, now).await?;
    tx.append(&app.identity, now, EventBody::Opened(signed)).await?;
    tx.commit().await?;
    tracing::info!(round = %id, %step, trustee = %trustee.id, "opening posted");
    app.wake.notify_one();
    compare_late(app, id, is_late).await
}

async fn compare_late(app: &App, id: RoundId, is_late: bool) -> Result<(), OpeningRefusal> {
    if is_late {
        compare(app, id).await?;
    }
    Ok(())
}

/// Checks that an opening answers exactly what the transcript asks.
///
/// # Errors
/// Refuses an opening where nothing is asked, or of something else.
pub async fn check_opening(
    tx: &mut ReadTx,
    (round, step): (Option<RoundId>, Step),
    opening: &Opening,
    trustee: ParticipantId,
) -> Result<(), OpeningRefusal> {
    let question = tx.replay(|replay| (replay.question(round, step), replay.rows_of(trustee)));
    let asked = question.await?.and_then(|(question, rows)| Some((question?, rows)));
    let (question, rows) = asked.ok_or(OpeningRefusal::NothingTallied)?;
    Ok(question.check(opening, trustee, rows)?)
}
