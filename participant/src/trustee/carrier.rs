//! The way to the boards: pages of messages come from it, own messages go to it, and nothing is believed of it.

use std::{future::Future, time::Duration};

use client::ClientError;
use protocol::wire::{BoardId, BoardPage, LONGEST_WAIT};

use crate::agent::Agent;

/// Pause before the coordinator is asked again after it was away.
const PAUSE: Duration = Duration::from_secs(2);

/// A carrier of messages between trustees.
pub trait Carrier: Send + Sync {
    /// Returns what came on a board in an attempt after a place; waits so many seconds for anything to come.
    fn page(
        &self,
        board: BoardId,
        place: (u32, u64),
        wait: u64,
    ) -> impl Future<Output = Result<BoardPage, ClientError>> + Send;

    /// Leaves a message on a board.
    fn post(
        &self,
        board: BoardId,
        attempt: u32,
        message: Vec<u8>,
    ) -> impl Future<Output = Result<(), ClientError>> + Send;
}

impl Carrier for Agent {
    async fn page(&self, board: BoardId, place: (u32, u64), wait: u64) -> Result<BoardPage, ClientError> {
        self.client().board(board, place, wait).await
    }

    async fn post(&self, board: BoardId, attempt: u32, message: Vec<u8>) -> Result<(), ClientError> {
        self.client().post_message(board, attempt, message).await
    }
}

/// One attempt on one board, as it is read from its beginning.
pub(super) struct Reading {
    board: BoardId,
    attempt: u32,
    after: u64,
}

impl Reading {
    /// Begins before the first message.
    pub(super) const fn of(board: BoardId, attempt: u32) -> Self {
        Self { board, attempt, after: 0 }
    }

    /// Begins again before the first message.
    pub(super) const fn again(&mut self) {
        self.after = 0;
    }

    /// Returns the messages that follow, none if nothing came for a while; or the later attempt that is held now.
    ///
    /// A coordinator that is away is asked again, and so is one that shows an older attempt: attempts only grow.
    ///
    /// # Errors
    /// Where the coordinator refuses.
    pub(super) async fn next(&mut self, carrier: &impl Carrier) -> Result<Read, ClientError> {
        loop {
            let page = carrier.page(self.board, (self.attempt, self.after), LONGEST_WAIT).await;
            match page {
                Ok(page) if page.attempt == self.attempt => {
                    self.after = page.next.max(self.after);
                    return Ok(Read::Messages(page.messages));
                }
                Ok(page) if page.attempt > self.attempt => return Ok(Read::Later(page.attempt)),
                Ok(page) => {
                    let (shown, held) = (page.attempt, self.attempt);
                    tracing::warn!(board = %self.board, shown, held, "the board shows an older attempt");
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What a board shows.
pub(super) enum Read {
    /// Messages of the attempt.
    Messages(Vec<Vec<u8>>),
    /// A later attempt is held.
    Later(u32),
}

/// Posts a message, again while the coordinator is away.
///
/// # Errors
/// Where the coordinator refuses it.
pub(super) async fn post(
    carrier: &impl Carrier,
    board: BoardId,
    attempt: u32,
    message: &[u8],
) -> Result<(), ClientError> {
    loop {
        match carrier.post(board, attempt, message.to_vec()).await {
            Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
            answered => return answered,
        }
    }
}
