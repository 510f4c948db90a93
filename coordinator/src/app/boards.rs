//! What is kept in memory of the trustees' boards: who waits for messages, and what sessions compute.
//!
//! Everything here follows from the database and the chain; a restart forgets it and loses nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use base::ids::ParticipantId;
use protocol::{transcript::Task, wire::BoardId};
use tokio::sync::watch;

/// What the trustees compute on a board.
#[derive(Debug)]
pub struct Session {
    /// The step, or the known answer.
    pub task: Task,
    /// The labels that must come out, where they are known.
    pub expected: Option<Vec<u16>>,
}

/// State of all boards in memory.
#[derive(Debug)]
pub struct Boards {
    moved: watch::Sender<u64>,
    waits: Mutex<HashMap<(ParticipantId, BoardId), u64>>,
    number: AtomicU64,
    sessions: Mutex<HashMap<BoardId, Arc<Session>>>,
    looked: Mutex<HashMap<BoardId, (u32, u64)>>,
}

impl Default for Boards {
    fn default() -> Self {
        Self {
            moved: watch::channel(0).0,
            waits: Mutex::default(),
            number: AtomicU64::new(0),
            sessions: Mutex::default(),
            looked: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Boards {
    /// Wakes whoever waits for a message, another attempt or the end of a board.
    pub fn moved(&self) {
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Begins a wait of a reader of a board; an earlier one of the same reader there ends.
    pub fn wait(&self, reader: ParticipantId, board: BoardId) -> Wait<'_> {
        let (moved, number) = (self.moved.subscribe(), self.number.fetch_add(1, Ordering::Relaxed));
        let wait = Wait { boards: self, place: (reader, board), number, moved };
        if lock(&self.waits).insert(wait.place, number).is_some() {
            self.moved();
        }
        wait
    }

    /// Returns what is computed on a board, if it was worked out before.
    pub fn session(&self, board: BoardId) -> Option<Arc<Session>> {
        lock(&self.sessions).get(&board).cloned()
    }

    /// Keeps what is computed on a board.
    pub fn keep(&self, board: BoardId, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        lock(&self.sessions).insert(board, Arc::clone(&session));
        session
    }

    /// Forgets all boards but these.
    pub fn retain(&self, is_held: impl Fn(BoardId) -> bool) {
        lock(&self.sessions).retain(|board, _| is_held(*board));
        lock(&self.looked).retain(|board, _| is_held(*board));
    }

    /// Returns whether an attempt was already looked at up to this message, in vain.
    pub fn was_looked_at(&self, board: BoardId, attempt: u32, last: u64) -> bool {
        lock(&self.looked).get(&board) == Some(&(attempt, last))
    }

    /// Remembers that nothing came of an attempt up to this message.
    pub fn looked_in_vain(&self, board: BoardId, attempt: u32, last: u64) {
        lock(&self.looked).insert(board, (attempt, last));
    }
}

/// A reader that waits for a board; there is one for each reader and board.
#[derive(Debug)]
pub struct Wait<'a> {
    boards: &'a Boards,
    place: (ParticipantId, BoardId),
    number: u64,
    moved: watch::Receiver<u64>,
}

impl Wait<'_> {
    /// Waits until any board moves.
    pub async fn moved(&mut self) {
        // The sender lives as long as the borrow of it.
        let _ = self.moved.changed().await;
    }

    /// Returns whether the same reader has begun no other wait for the board.
    pub fn is_last(&self) -> bool {
        lock(&self.boards.waits).get(&self.place) == Some(&self.number)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waits = lock(&self.boards.waits);
        if waits.get(&self.place) == Some(&self.number) {
            waits.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_waits_once_for_a_board_and_is_woken() {
        let boards = Boards::default();
        let readers: Vec<ParticipantId> = (1..=2).filter_map(ParticipantId::new).collect();
        let board = BoardId::KnownAnswer;
        let mut first = boards.wait(readers[0], board);
        let other = boards.wait(readers[1], board);
        assert!(first.is_last() && other.is_last());
        let second = boards.wait(readers[0], board);
        first.moved().await;
        assert!(!first.is_last() && second.is_last());
        drop(first);
        assert!(second.is_last(), "what ends is the earlier one alone");
        let mut waiting = second;
        boards.moved();
        waiting.moved().await;
        drop((waiting, other));
        assert!(lock(&boards.waits).is_empty());
    }
}
