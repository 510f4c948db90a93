//! The door through which every opening comes.

use base::{
    Step,
    identity::Signed,
    ids::{ParticipantId, RoundId},
};
use protocol::{
    federation::Member,
    round::{Opening, OpeningError},
    transcript::EventBody,
};

use super::RoundError;
use crate::{
    app::App,
    storage::{ReadTx, RoundRow, WriteTx},
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
/// # Errors
/// Refuses what [`OpeningRefusal`] lists; then nothing was written.
pub async fn post_opening(
    app: &App,
    mut tx: WriteTx,
    round: &RoundRow,
    (trustee, step): (&Member, Step),
    (signed, opening): (Signed<Opening>, &Opening),
) -> Result<(), OpeningRefusal> {
    let id = round.id();
    for before in &tx.openings(id, step).await? {
        if before.signed == signed {
            return Ok(());
        }
        if before.opening()?.trustee == trustee.id {
            return Err(OpeningRefusal::Second);
        }
    }
    if round.state.is_final() || round.state.tally(step).is_none() {
        return Err(OpeningRefusal::NotOpening { round: id, phase: round.state.name() });
    }
    check_opening(&mut tx, (Some(id), step), opening, trustee.id).await?;
    let now = app.now();
    tx.insert_opening((id, step, trustee.id), &signed, now).await?;
    tx.append(&app.identity, now, EventBody::Opened(signed)).await?;
    tx.commit().await?;
    tracing::info!(round = %id, %step, trustee = %trustee.id, "opening posted");
    app.wake.notify_one();
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
    let question = tx.replay(|replay| replay.question(round, step)).await?.flatten();
    Ok(question.ok_or(OpeningRefusal::NothingTallied)?.check(opening, trustee)?)
}
