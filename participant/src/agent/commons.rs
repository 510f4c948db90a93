//! What the agents of one process have in common: a compute pool, connections, and turns to vote.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::AgentError;
use client::{Client, Endpoint, Patience, Token};
use runtime::Pool;

/// The pool and the connections that the agents of a process share; cheap to clone.
#[derive(Debug, Clone)]
pub struct Commons {
    pool: Pool,
    client: Client,
    turns: Arc<Semaphore>,
}

impl Commons {
    /// Starts the pool and prepares connections to one coordinator.
    ///
    /// As many agents vote at once as the pool has threads, and one more that downloads or uploads meanwhile.
    pub fn start(coordinator: impl Into<Endpoint>) -> Result<Self, AgentError> {
        let pool = Pool::start(0)?;
        let client = Client::new(coordinator, None, Patience::AGENT)?;
        let turns = Arc::new(Semaphore::new(pool.threads() + 1));
        Ok(Self { pool, client, turns })
    }

    /// Returns the way to the pool.
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Returns a client with a token of its own.
    pub fn client(&self, token: Option<Token>) -> Client {
        self.client.with_token(token)
    }

    /// Waits for a turn to vote, which ends when the result is dropped; each turn has the time limits of its requests
    /// and of its teachers.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }
}
