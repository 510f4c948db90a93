//! The door through which every ballot comes, and what is remembered of those that it kept out.
//!
//! Checks in this order: size, framing, parameters, signature, announcement, one ballot per participant, no copies,
//! state and deadline.

use base::{
    clock::Millis,
    ids::{BallotId, ParticipantId, RoundId},
    problem::{Code, Problem},
};
use protocol::{
    ballot::{BallotError, Door, ValidBallot},
    round::RoundState,
};

use super::RoundError;
use crate::{
    app::App,
    storage::{BallotRow, RefusalRow, RoundRow, StorageError, WriteTx},
};

/// Why a ballot is not counted.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// Storage or pool failed.
    #[error(transparent)]
    Round(RoundError),
    /// The bytes are no ballot of this participant in this round.
    #[error(transparent)]
    Ballot(#[from] BallotError),
    /// More came than a ballot has, or less than was promised.
    #[error("the ballot has more than the {expected} bytes of this round's ballots, or broke off")]
    Length {
        /// Bytes of every ballot of the round.
        expected: usize,
    },
    /// Another ballot of the same participant was counted before.
    #[error("participant {participant} already cast ballot {ballot}")]
    Second {
        /// Who cast both.
        participant: ParticipantId,
        /// Id of the first.
        ballot: BallotId,
    },
    /// The bytes or the id are those of somebody else's ballot.
    #[error("another participant cast this ballot, or used its id")]
    Copy,
    /// The window has not opened.
    #[error("voting has not begun yet: try again in a moment")]
    Early,
    /// The window has closed.
    #[error("the window closed at {closes_at}; the round is {phase}")]
    Late {
        /// When it closed at the latest.
        closes_at: Millis,
        /// Name of the round's state.
        phase: &'static str,
    },
}

impl<E: Into<RoundError>> From<E> for CastError {
    fn from(error: E) -> Self {
        Self::Round(error.into())
    }
}

/// Takes a ballot in; the same one again gives the same row, also after the window closed.
///
/// # Errors
/// Refuses what [`CastError`] lists; then nothing is counted.
pub async fn cast(
    app: &App,
    sender: ParticipantId,
    (round, ballot): (RoundRow, BallotId),
    bytes: Vec<u8>,
) -> Result<BallotRow, CastError> {
    let id = round.id();
    let checked = app.pool.run(move || {
        let door = Door { announcement: &round.announcement, roster: &round.roster };
        let ValidBallot { digest, bodies, .. } = door.admit(&bytes, sender)?;
        Ok::<_, BallotError>((bytes, digest, bodies, round))
    });
    let (bytes, digest, bodies, round) = checked.await??;
    app.storage.blobs().put(bytes).await?;
    let mut tx = app.storage.write().await?;
    let row = BallotRow { participant: sender, ballot, digest, received_at: app.now() };
    let row = count(&mut tx, id, row).await?;
    tx.commit().await?;
    let (sums, layout) = (app.clone(), round.announcement.layout().map_err(BallotError::from)?);
    let add = move || {
        let door = Door { announcement: &round.announcement, roster: &round.roster };
        sums.sums.add(door, layout, (sender, digest), &bodies);
    };
    app.pool.run(add).await?;
    app.wake.notify_one();
    Ok(row)
}

/// Checks uniqueness, state and deadline in the database, and stores the ballot.
async fn count(tx: &mut WriteTx, id: RoundId, row: BallotRow) -> Result<BallotRow, CastError> {
    let ballots = tx.ballots(id).await?;
    if let Some(earlier) = ballots.iter().find(|earlier| earlier.participant == row.participant) {
        if (earlier.digest, earlier.ballot) == (row.digest, row.ballot) {
            return Ok(earlier.clone());
        }
        return Err(CastError::Second { participant: row.participant, ballot: earlier.ballot });
    }
    if ballots.iter().any(|earlier| earlier.digest == row.digest || earlier.ballot == row.ballot) {
        return Err(CastError::Copy);
    }
    let round = tx.round(id).await?.ok_or(StorageError::missing("round"))?;
    let closes_at = round.announcement.closes_at;
    match round.state {
        RoundState::Voting if row.received_at < closes_at => {}
        RoundState::Announced => return Err(CastError::Early),
        state => return Err(CastError::Late { closes_at, phase: state.name() }),
    }
    tx.insert_ballot(id, &row).await?;
    Ok(row)
}

/// Remembers why something was refused, so that nobody is silently absent from a round.
pub async fn record_refusal(
    app: &App,
    participant: ParticipantId,
    id: RoundId,
    problem: &Problem,
) -> Result<(), RoundError> {
    if problem.code == Code::Internal {
        return Ok(());
    }
    let refusal = RefusalRow {
        participant,
        late: problem.code == Code::BallotLate,
        reason: problem.to_string(),
        code: problem.code,
        at: app.now(),
    };
    let mut tx = app.storage.write().await?;
    tx.refuse(id, &refusal).await?;
    tx.commit().await?;
    Ok(())
}
