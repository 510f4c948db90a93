//! Large blobs by digest, up and down in bounded memory; what breaks off goes on where it stopped.

mod download;
mod part;
mod upload;

use base::ids::Digest;

use super::{ClientError, Patience};
use runtime::files::FileError;

/// Why a blob was not transferred.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The file on this side cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// What came is not what was asked for.
    #[error(
        "the coordinator was asked to serve the blob {expected} and sent bytes with digest {found}: they are deleted; \
         ask the operator whether the coordinator's data is damaged"
    )]
    Digest {
        /// Digest that was asked for.
        expected: Digest,
        /// Digest of what came.
        found: Digest,
    },
}

/// Number of failures since a transfer last got further than ever before.
struct Tries {
    patience: Patience,
    failures: u32,
    furthest: u64,
}

impl Tries {
    const fn from(patience: Patience, position: u64) -> Self {
        Self { patience, failures: 0, furthest: position }
    }

    /// Notes how far the transfer is; only new ground restores the patience.
    const fn reached(&mut self, position: u64) {
        if position > self.furthest {
            self.furthest = position;
            self.failures = 0;
        }
    }

    /// Waits before the next try, or returns the error when the patience is at its end.
    async fn again_after(&mut self, error: ClientError) -> Result<(), ClientError> {
        self.failures += 1;
        if self.failures >= self.patience.attempts {
            return Err(error);
        }
        let pause = self.patience.pause(self.failures);
        tracing::debug!(%error, failures = self.failures, pause_ms = pause.as_millis() as u64, "going on");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
