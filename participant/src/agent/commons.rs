//! What the agents of one process have in common: a compute pool, connections, and turns to vote.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{AgentError, Bridge};
use crate::{
    client::{Client, Endpoint, Patience},
    identity::Token,
};

/// Shares one pool and one set of connections among the agents of a process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Commons {
    bridge: Bridge,
    client: Client,
    turns: Arc<Semaphore>,
}

impl Commons {
    /// Starts the pool and prepares connections to one coordinator.
    ///
    /// As many agents vote at once as the pool has threads, and one more that downloads or uploads meanwhile.
    pub fn start(coordinator: impl Into<Endpoint>) -> Result<Self, AgentError> {
        let bridge = Bridge::start()?;
        let client = Client::new(coordinator, None, Patience::AGENT)?;
        let turns = Arc::new(Semaphore::new(bridge.threads() + 1));
        Ok(Self { bridge, client, turns })
    }

    /// Returns the way to the pool.
    pub const fn bridge(&self) -> &Bridge {
        &self.bridge
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
