//! A tally that goes to the disk as it comes, so that its memory does not grow with the round.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use base::ids::Digest;
use fhe::TallyError;
use protocol::transcript::{TallyInput, TallyKeys, TallySink};

use crate::storage::{BlobWriter, Blobs};

/// Why a tally was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It was stopped, or cannot be computed.
    #[error(transparent)]
    Tally(#[from] TallyError),
    /// The disk did not take it.
    #[error("the label ciphertexts cannot be written: {0}; see that the disk has room and may be written")]
    Disk(#[from] io::Error),
}

/// Tallies a sum on the threads of the current pool, stores what comes out, piece by piece, and returns its digest;
/// nothing of a tally that does not end stays behind.
pub fn publish(
    keys: &TallyKeys,
    input: &TallyInput,
    blobs: &Blobs,
    cancel: &AtomicBool,
    on_progress: impl FnMut(usize),
) -> Result<Digest, PublishError> {
    let mut press = Press { labels: blobs.begin()?, written: Ok(()), cancel, on_progress };
    let computed = keys.tally(input, cancel, &mut press);
    press.written?;
    computed?;
    Ok(press.labels.finish()?)
}

/// Writes what comes.
struct Press<'a, P> {
    labels: BlobWriter,
    /// The first failure; it cancels the tally, since what it computes would be lost.
    written: io::Result<()>,
    cancel: &'a AtomicBool,
    on_progress: P,
}

impl<P: FnMut(usize)> TallySink for Press<'_, P> {
    fn labels(&mut self, bytes: &[u8]) {
        let written = self.labels.write(bytes);
        if self.written.is_ok() && written.is_err() {
            self.written = written;
            self.cancel.store(true, Ordering::Relaxed);
        }
    }

    fn progress(&mut self, done: usize) {
        (self.on_progress)(done);
    }
}
