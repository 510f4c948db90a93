//! The boards of trustees in memory, and lines to them that break when a test wants it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use protocol::wire::{BoardId, BoardPage};
use tally::{
    session::{place, readers, without_ciphertext},
    sharing::{Sharing, Trustee},
};
use tokio::sync::{Notify, watch};

use crate::trustee::carrier::Carrier;
use base::identity::PublicIdentity;
use client::ClientError;

/// Boards, each with the attempt that is held and its messages.
pub(crate) struct Messages {
    sharing: Sharing,
    trustees: Vec<PublicIdentity>,
    boards: Mutex<HashMap<BoardId, Held>>,
    /// Changes with everything that happens.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Held {
    attempt: u32,
    messages: Vec<Vec<u8>>,
}

impl Messages {
    pub(crate) fn new(sharing: Sharing, trustees: Vec<PublicIdentity>) -> Arc<Self> {
        let (boards, changes) = (Mutex::default(), watch::Sender::new(0));
        Arc::new(Self { sharing, trustees, boards, changes })
    }

    /// Returns a trustee's line, which breaks after so many posts.
    pub(crate) fn line(self: &Arc<Self>, trustee: Trustee, posts: usize) -> Line {
        Line { messages: Arc::clone(self), trustee, left: AtomicUsize::new(posts), gone: Notify::new() }
    }

    /// Goes on to the next attempt of a board.
    pub(crate) fn next_attempt(&self, board: BoardId) {
        let mut boards = self.boards.lock().unwrap();
        let held = boards.entry(board).or_default();
        *held = Held { attempt: held.attempt + 1, messages: Vec::new() };
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Returns the messages of the attempt that is held.
    pub(crate) fn all(&self, board: BoardId) -> Vec<Vec<u8>> {
        self.boards.lock().unwrap().get(&board).map(|held| held.messages.clone()).unwrap_or_default()
    }

    /// What a reader gets of a message: no ciphertext that is not for it.
    fn carried(&self, board: BoardId, attempt: u32, message: &[u8], reader: Trustee) -> Vec<u8> {
        let BoardId::Ceremony(_) = board else {
            let place = place(message, &self.trustees).unwrap();
            return match readers(self.sharing, attempt, place.sender).contains(reader) {
                true => message.to_vec(),
                false => without_ciphertext(message).unwrap(),
            };
        };
        message.to_vec()
    }
}

/// A trustee's line to the boards.
pub(crate) struct Line {
    messages: Arc<Messages>,
    trustee: Trustee,
    /// How many more posts get through; then the machine is gone.
    left: AtomicUsize,
    /// Told when it is.
    gone: Notify,
}

impl Line {
    /// Waits until the machine is gone.
    pub(crate) async fn breaks(&self) {
        self.gone.notified().await;
    }
}

impl Carrier for Line {
    async fn page(
        &self,
        board: BoardId,
        (attempt, after): (u32, u64),
        _: u64,
    ) -> Result<BoardPage, ClientError> {
        let mut changes = self.messages.changes.subscribe();
        loop {
            changes.mark_unchanged();
            {
                let mut boards = self.messages.boards.lock().unwrap();
                let held = boards.entry(board).or_default();
                if held.attempt != attempt {
                    return Ok(BoardPage { attempt: held.attempt, ..BoardPage::default() });
                }
                let next = held.messages.len() as u64;
                if next > after {
                    let new = held.messages.iter().skip(after as usize);
                    let carry =
                        |message: &Vec<u8>| self.messages.carried(board, attempt, message, self.trustee);
                    return Ok(BoardPage { attempt, next, messages: new.map(carry).collect() });
                }
            }
            changes.changed().await.unwrap();
        }
    }

    async fn post(&self, board: BoardId, attempt: u32, message: Vec<u8>) -> Result<(), ClientError> {
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
            self.gone.notify_one();
            // The machine is gone: whoever waits for it waits for ever.
            std::future::pending::<()>().await;
        }
        let mut boards = self.messages.boards.lock().unwrap();
        let held = boards.entry(board).or_default();
        if held.attempt == attempt && !held.messages.contains(&message) {
            held.messages.push(message);
        }
        self.messages.changes.send_modify(|changes| *changes += 1);
        Ok(())
    }
}
