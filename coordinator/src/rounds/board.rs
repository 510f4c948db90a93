//! The door of the boards: what a trustee may leave there, and what it gets to read.

use std::sync::Arc;

use base::{
    identity::PublicIdentity,
    ids::{Digest, ParticipantId, RoundId},
};
use protocol::{
    federation::Member,
    transcript::Replay,
    wire::{BoardId, BoardPage},
};
use tally::{
    ceremony::{self, place_of},
    session::{self, Place, readers, without_ciphertext},
    sharing::{Group, Sharing, Trustee},
};

use super::{RoundError, heard::bits, session::session_of};
use crate::{
    app::{App, Session},
    storage::{MessagePlace, ReadTx, StorageError},
};

/// Why a board is not read, or a message not taken.
#[derive(Debug, thiserror::Error)]
pub enum BoardRefusal {
    /// Storage or pool failed.
    #[error(transparent)]
    Round(RoundError),
    /// No such round.
    #[error("no round {0}, so it has no board: see coordinator round list")]
    NoRound(RoundId),
    /// The board is not open.
    #[error("board {0} is not open: nothing is tallied there yet, or it is over; the transcript says which")]
    NotOpen(BoardId),
    /// The caller has no place among the trustees.
    #[error("participant {0} is not one of several trustees, and has no place on a board")]
    NoPlace(ParticipantId),
    /// Another attempt is held.
    #[error(
        "board {board}: attempt {held} is held, the message is for attempt {found}: read the board and begin the one that is held"
    )]
    Attempt {
        /// The board.
        board: BoardId,
        /// The attempt of the message.
        found: u32,
        /// The attempt that is held.
        held: u32,
    },
    /// The request and the message name different attempts.
    #[error("attempt={asked} in the address, attempt {found} in the message: post it to its own attempt")]
    OtherAttempt {
        /// Of the address.
        asked: u32,
        /// Of the message.
        found: u32,
    },
    /// It is not the caller's turn.
    #[error(
        "board {board}: attempt {attempt} is computed by trustees {present}; trustee {sender} waits for another one"
    )]
    Absent {
        /// The board.
        board: BoardId,
        /// The attempt.
        attempt: u32,
        /// Whose turn it is.
        present: Group,
        /// Who posted.
        sender: Trustee,
    },
    /// The bytes are no message, or not signed.
    #[error("{0} bytes are no message that a trustee of this federation signed for board {1}")]
    Malformed(usize, BoardId),
    /// What lies beside the signature is not what was signed.
    #[error(
        "the ciphertext or the shares beside the message for board {0} are not those that it states: send it whole"
    )]
    Torn(BoardId),
    /// Somebody else signed it.
    #[error("trustee {found} signed the message, trustee {caller} posts it: a trustee posts its own alone")]
    Sender {
        /// Who signed it.
        found: Trustee,
        /// Who posted it.
        caller: Trustee,
    },
    /// It belongs to another board.
    #[error("the message is of session {found}, board {board} is of {expected}: post it to its own board")]
    Elsewhere {
        /// The board.
        board: BoardId,
        /// The session of the message.
        found: Digest,
        /// The session of the board.
        expected: Digest,
    },
    /// The plan has no such place.
    #[error(
        "board {board} has no place for batch {batch}, exchange {exchange}: its plan has {batches} batches, this one with {exchanges} exchanges"
    )]
    Beyond {
        /// The board.
        board: BoardId,
        /// The batch of the message.
        batch: u32,
        /// The exchange of the message.
        exchange: u32,
        /// Batches of the plan.
        batches: usize,
        /// Exchanges of that batch.
        exchanges: u32,
    },
    /// Another message stands in the place.
    #[error(
        "board {board}: another message of trustee {sender} stands in batch {batch}, exchange {exchange}, and stays"
    )]
    Second {
        /// The board.
        board: BoardId,
        /// Who posted both.
        sender: Trustee,
        /// The batch; 0 in a ceremony.
        batch: u32,
        /// The exchange; in a ceremony, the place.
        exchange: u32,
    },
}

impl<E: Into<RoundError>> From<E> for BoardRefusal {
    fn from(error: E) -> Self {
        Self::Round(error.into())
    }
}

/// What a board is for, and who speaks there.
enum Scene {
    Ceremony { federation: Digest, ceremony: Digest, sharing: Sharing, trustees: Vec<PublicIdentity> },
    Session(Arc<Session>),
}

/// A message that may stand on its board.
struct Admitted {
    place: MessagePlace,
    stops: Option<u8>,
    /// Whether the conductor may have to do something about it.
    is_turning: bool,
}

/// Returns the caller's place among several trustees.
async fn caller(tx: &mut ReadTx, member: &Member) -> Result<(Sharing, Trustee), BoardRefusal> {
    let place = tx.replay(|replay| {
        let sharing = replay.founding().config.trustees.sharing().ok().flatten()?;
        Some((sharing, replay.trustees().place(member.id, sharing)?))
    });
    place.await?.flatten().ok_or(BoardRefusal::NoPlace(member.id))
}

/// Returns why a board that has no row is not open.
async fn not_open(tx: &mut ReadTx, board: BoardId) -> Result<BoardRefusal, RoundError> {
    Ok(match board {
        BoardId::Round(round, _) if tx.round(round).await?.is_none() => BoardRefusal::NoRound(round),
        _ => BoardRefusal::NotOpen(board),
    })
}

/// Returns messages of an attempt after a number, as this trustee may read them; nothing of an attempt that is not held.
///
/// The board of the ceremony that made the key stays readable: a trustee that was away finishes there.
///
/// # Errors
/// Refuses whoever has no place among several trustees, and a board that is not open.
pub async fn board_page(
    app: &App,
    member: &Member,
    board: BoardId,
    (attempt, after): (u32, u64),
) -> Result<BoardPage, BoardRefusal> {
    let mut tx = app.storage.read().await?;
    let (sharing, reader) = caller(&mut tx, member).await?;
    let Some(row) = tx.board(board).await? else { return Err(not_open(&mut tx, board).await?) };
    if row.attempt != attempt {
        return Ok(BoardPage { attempt: row.attempt, next: 0, messages: Vec::new() });
    }
    let rows = tx.messages(board, attempt, after).await?;
    drop(tx);
    let next = rows.last().map_or(after, |row| row.seq);
    let is_ceremony = matches!(board, BoardId::Ceremony(_));
    let needing: Vec<Group> =
        sharing.everyone().members().map(|sender| readers(sharing, attempt, sender)).collect();
    let messages = rows.into_iter().filter_map(|row| {
        let needs = |group: &Group| is_ceremony || group.contains(reader);
        match needing.get(usize::from(row.sender).wrapping_sub(1)).is_some_and(needs) {
            true => Some(row.bytes),
            false => without_ciphertext(&row.bytes),
        }
    });
    Ok(BoardPage { attempt, next, messages: messages.collect() })
}

/// Takes a message of a trustee; the same one again changes nothing.
///
/// # Errors
/// Refuses what [`BoardRefusal`] lists; then nothing was written.
pub async fn post_message(
    app: &App,
    member: &Member,
    (board, attempt): (BoardId, u32),
    bytes: &[u8],
) -> Result<(), BoardRefusal> {
    let mut tx = app.storage.read().await?;
    let (_, sender) = caller(&mut tx, member).await?;
    let Some(row) = tx.board(board).await? else { return Err(not_open(&mut tx, board).await?) };
    if row.attempt != attempt {
        return Err(BoardRefusal::Attempt { board, found: attempt, held: row.attempt });
    }
    let scene = scene(app, tx, board).await?;
    let Admitted { place, stops, is_turning } = admit(&scene, (board, attempt), sender, bytes)?;
    let mut tx = app.storage.write().await?;
    let Some(row) = tx.board(board).await? else { return Err(not_open(&mut tx, board).await?) };
    if row.attempt != attempt {
        return Err(BoardRefusal::Attempt { board, found: attempt, held: row.attempt });
    }
    if !is_running(&mut tx, board).await? {
        return Err(BoardRefusal::NotOpen(board));
    }
    match tx.message_at(board, place).await? {
        Some(before) if before == bytes => return Ok(()),
        Some(_) => {
            let MessagePlace { batch, exchange, .. } = place;
            return Err(BoardRefusal::Second { board, sender, batch, exchange });
        }
        None => {}
    }
    tx.post_message(board, place, bytes, (app.now(), stops)).await?;
    tx.commit().await?;
    app.metrics.message();
    app.boards.moved();
    if is_turning {
        app.wake.notify_one();
    }
    Ok(())
}

/// Returns whether a board takes messages: that of the ceremony that made the key is only read.
async fn is_running(tx: &mut ReadTx, board: BoardId) -> Result<bool, StorageError> {
    let BoardId::Ceremony(ceremony) = board else { return Ok(true) };
    Ok(tx.replay(Replay::current_ceremony).await?.flatten() == Some(ceremony))
}

async fn scene(app: &App, mut tx: ReadTx, board: BoardId) -> Result<Scene, BoardRefusal> {
    if let BoardId::Ceremony(ceremony) = board {
        let scene = tx.replay(|replay| {
            let sharing = replay.founding().config.trustees.sharing().ok().flatten()?;
            Some((replay.federation(), sharing, replay.trustees().identities()))
        });
        let scene = scene.await?.flatten().ok_or(BoardRefusal::NotOpen(board))?;
        let (federation, sharing, trustees) = scene;
        return Ok(Scene::Ceremony { federation, ceremony, sharing, trustees });
    }
    session_of(app, &mut tx, board).await?.map(Scene::Session).ok_or(BoardRefusal::NotOpen(board))
}

/// Checks a message against what stands nowhere else: its signature, and the place that it claims.
fn admit(
    scene: &Scene,
    (board, attempt): (BoardId, u32),
    caller: Trustee,
    bytes: &[u8],
) -> Result<Admitted, BoardRefusal> {
    let malformed = || BoardRefusal::Malformed(bytes.len(), board);
    let own = |found: Trustee| match found == caller {
        true => Ok(found.number()),
        false => Err(BoardRefusal::Sender { found, caller }),
    };
    match scene {
        Scene::Ceremony { federation, ceremony, sharing, trustees } => {
            let (found, place) = place_of(bytes, (federation, ceremony), trustees).ok_or_else(malformed)?;
            if !ceremony::is_whole(bytes, *sharing) {
                return Err(BoardRefusal::Torn(board));
            }
            let place =
                MessagePlace { attempt: 0, sender: own(found)?, batch: 0, exchange: u32::from(place) };
            Ok(Admitted { place, stops: None, is_turning: true })
        }
        Scene::Session(session) => {
            let found = session::place(bytes, &session.task.trustees).ok_or_else(malformed)?;
            let sender = own(found.sender)?;
            let is_turning = check_place(session, (board, attempt), &found)?;
            if !session::is_whole(bytes) {
                return Err(BoardRefusal::Torn(board));
            }
            let Place { attempt, batch, exchange, .. } = found;
            let place = MessagePlace { attempt, sender, batch, exchange };
            Ok(Admitted { place, stops: found.stops.map(bits), is_turning })
        }
    }
}

/// Checks that a place is one of the session's, and returns whether an attempt can end with it.
fn check_place(
    session: &Session,
    (board, attempt): (BoardId, u32),
    found: &Place,
) -> Result<bool, BoardRefusal> {
    let (task, plan) = (&session.task, &session.task.plan);
    let expected = task.facts(attempt).session(task.step);
    if found.session != expected {
        return Err(BoardRefusal::Elsewhere { board, found: found.session, expected });
    }
    if found.attempt != attempt {
        return Err(BoardRefusal::OtherAttempt { asked: attempt, found: found.attempt });
    }
    let present = task.sharing.group(attempt);
    if !present.contains(found.sender) {
        return Err(BoardRefusal::Absent { board, attempt, present, sender: found.sender });
    }
    let &Place { batch, exchange, stops, .. } = found;
    let exchanges = plan.exchanges(batch);
    let is_there = match (stops, exchange) {
        (Some(_), u32::MAX) | (None, 0) => batch == 0,
        (None, exchange) => exchange <= exchanges,
        (Some(_), _) => false,
    };
    if !is_there {
        let batches = plan.batches();
        return Err(BoardRefusal::Beyond { board, batch, exchange, batches, exchanges });
    }
    Ok(stops.is_some() || exchange == exchanges)
}
