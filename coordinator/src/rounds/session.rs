//! A session of several trustees as its coordinator sees it: which attempt is held, and whether its labels are open.
//!
//! The coordinator decides from the database alone. It takes no part: it carries messages, and reads the labels out of what
//! the trustees signed.

use std::sync::Arc;

use base::{clock::Millis, ids::Digest};
use protocol::{
    transcript::{Replay, SessionRecord, label},
    wire::BoardId,
};
use tally::session::without_ciphertext;

use super::{Heard, RoundError};
use crate::{
    app::{App, Session},
    storage::{BoardRow, ReadTx, StorageError},
};

/// How long a failed attempt rests before the next one, for each that failed, and at most, in milliseconds.
const PAUSE: i64 = 1_000;
const LONGEST_PAUSE: i64 = 60_000;

/// Labels that an attempt opened.
pub(super) struct Opened {
    /// The board as it was looked at.
    pub(super) row: BoardRow,
    pub(super) labels: Vec<u16>,
    /// Digest of the record of its messages.
    pub(super) record: Digest,
}

/// What is found on a board.
pub(super) enum Found {
    /// Labels.
    Opened(Opened),
    /// Another attempt is held from now on.
    Moved,
    /// Nothing but waiting.
    Waits,
}

/// Returns what is computed on the board of a step or of the known answer; nothing if nothing is asked there.
pub async fn session_of(
    app: &App,
    tx: &mut ReadTx,
    board: BoardId,
) -> Result<Option<Arc<Session>>, RoundError> {
    if let Some(session) = app.boards.session(board) {
        return Ok(Some(session));
    }
    let damaged = |e: &dyn std::fmt::Display| RoundError::damaged("question to the trustees", e);
    let session = match board {
        BoardId::Ceremony(_) => None,
        BoardId::Round(round, step) => {
            let task = tx.replay(|replay| replay.task(round, step)).await?;
            let task = task.transpose().map_err(|e| damaged(&e))?.flatten();
            task.map(|task| Session { task, expected: None })
        }
        BoardId::KnownAnswer => {
            // Few events have happened before there are keys.
            let replay = tx.replay(Replay::clone).await?.ok_or(StorageError::missing("transcript"))?;
            let blobs = app.storage.blobs().clone();
            let known = app.pool.run(move || replay.known_answer_task(&blobs)).await?;
            let (task, known) = known.map_err(|e| damaged(&e))?;
            let expected = known.verdicts.into_iter().map(|(_, verdict)| label(verdict)).collect();
            Some(Session { task, expected: Some(expected) })
        }
    };
    Ok(session.map(|session| app.boards.keep(board, session)))
}

/// Looks at a board: are the labels of the attempt open, or is it over?
pub(super) async fn look(app: &App, board: BoardId, session: &Arc<Session>) -> Result<Found, RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(row) = tx.board(board).await? else { return Ok(Found::Waits) };
    let heard = tx.heard(board, row.attempt).await?;
    let last = tx.last_message(board, row.attempt).await?;
    drop(tx);
    let is_complete = Heard::new(&session.task, row.attempt, &heard).is_complete();
    if is_complete && !app.boards.was_looked_at(board, row.attempt, last) {
        if let Some(opened) = read(app, board, row, session).await? {
            return Ok(Found::Opened(opened));
        }
        app.boards.looked_in_vain(board, row.attempt, last);
    }
    if !is_over(app, session, row) {
        return Ok(Found::Waits);
    }
    next_attempt(app, board, row).await.map(|moved| if moved { Found::Moved } else { Found::Waits })
}

/// Reads the labels out of the messages of an attempt, and stores these as its record.
async fn read(
    app: &App,
    board: BoardId,
    row: BoardRow,
    session: &Arc<Session>,
) -> Result<Option<Opened>, RoundError> {
    let attempt = row.attempt;
    let messages = all_messages(app, board, attempt, without_ciphertext).await?;
    let (record, session) = (SessionRecord(messages), Arc::clone(session));
    let read = move || session.task.labels(attempt, &record).map(|labels| (labels, record.to_bytes()));
    match app.pool.run(read).await? {
        Ok((labels, bytes)) => {
            let record = app.storage.blobs().put(bytes).await?;
            Ok(Some(Opened { row, labels, record }))
        }
        Err(reason) => {
            tracing::warn!(%board, attempt, reason, "the messages of an attempt do not show its labels");
            Ok(None)
        }
    }
}

/// Reads all messages of an attempt, page by page, each made smaller where it may be.
pub(super) async fn all_messages(
    app: &App,
    board: BoardId,
    attempt: u32,
    make: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, RoundError> {
    let (mut messages, mut after) = (Vec::new(), 0);
    loop {
        let page = app.storage.read().await?.messages(board, attempt, after).await?;
        let Some(last) = page.last() else { return Ok(messages) };
        after = last.seq;
        messages.extend(page.iter().filter_map(|row| make(&row.bytes)));
    }
}

/// An attempt whose turn can pass to another group is held for this part of the patience at most.
const LONGEST_TURN: u32 = 8;

/// Returns whether an attempt is over: a trustee ended it a while ago, or another group can take the turn, and this one has
/// fallen silent or has had it for too long.
///
/// Silence alone is not enough: a trustee that says something now and then, wherever in the plan, would keep its turn, and
/// among four it has a part in three attempts of four.
fn is_over(app: &App, session: &Session, row: BoardRow) -> bool {
    let (now, sharing) = (app.now(), session.task.sharing);
    let failed = i64::from(row.attempt).saturating_add(1);
    let pause = failed.saturating_mul(PAUSE).min(LONGEST_PAUSE);
    let has_turns = sharing.group(row.attempt) != sharing.group(row.attempt.saturating_add(1));
    row.stopped_at.is_some_and(|at| now >= at.plus(pause))
        || (has_turns
            && (now >= after(row.moved_at, app.settings.turn)
                || now >= after(row.began_at, app.settings.patience / LONGEST_TURN)))
}

/// Returns a moment so much later.
pub(super) fn after(at: Millis, span: std::time::Duration) -> Millis {
    at.plus(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// Goes on to the attempt after this one, unless something came since the board was looked at.
pub(super) async fn next_attempt(app: &App, board: BoardId, row: BoardRow) -> Result<bool, RoundError> {
    let mut tx = app.storage.write().await?;
    if tx.board(board).await? != Some(row) {
        return Ok(false);
    }
    tx.next_attempt(board, row, app.now()).await?;
    tx.commit().await?;
    app.boards.moved();
    tracing::info!(%board, attempt = row.attempt, "an attempt is over; the next one is held");
    Ok(true)
}
