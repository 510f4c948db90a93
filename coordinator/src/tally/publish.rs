//! A tally that goes to the disk as it comes, so that its memory does not grow with the round.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base::ids::Digest;
use fhe::{Squashed, TallyError};
use protocol::transcript::{TallyInput, TallyKeys, TallySink};

use crate::storage::{BlobWriter, Blobs};
use runtime::process_cpu;

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

/// Where a tally lies among the blobs, and what its squash took.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// The label ciphertexts.
    pub ciphertexts: Digest,
    /// The record of their squashed digits; `None` with one trustee.
    pub squashed: Option<Digest>,
    /// The digits themselves, for trustees that do not recompute the tally.
    pub squashed_digits: Option<Digest>,
    /// Processor time of the squash.
    pub squash: Duration,
}

/// Tallies a sum on the threads of the current pool and stores what comes out, piece by piece; nothing of a tally that
/// does not end stays behind.
pub fn publish(
    keys: &TallyKeys,
    input: &TallyInput,
    blobs: &Blobs,
    cancel: &AtomicBool,
    on_progress: impl FnMut(usize),
) -> Result<Published, PublishError> {
    let digits = keys.squashing.as_ref().map(|_| blobs.begin()).transpose()?;
    let written = Ok(());
    let mut press = Press {
        labels: blobs.begin()?,
        digits,
        written,
        cancel,
        on_progress,
        squash: Duration::ZERO,
        mark: process_cpu(),
    };
    let computed = keys.tally(input, cancel, &mut press);
    press.written?;
    let record = computed?.squashed.map(|record| {
        let mut writer = blobs.begin()?;
        writer.write(&record.to_bytes())?;
        writer.finish()
    });
    Ok(Published {
        ciphertexts: press.labels.finish()?,
        squashed: record.transpose()?,
        squashed_digits: press.digits.map(BlobWriter::finish).transpose()?,
        squash: press.squash,
    })
}

/// Writes what comes, and measures the squash: the time from one piece to a squashed digit.
struct Press<'a, P> {
    labels: BlobWriter,
    digits: Option<BlobWriter>,
    /// The first failure; it cancels the tally, since what it computes would be lost.
    written: io::Result<()>,
    cancel: &'a AtomicBool,
    on_progress: P,
    squash: Duration,
    mark: Duration,
}

impl<P> Press<'_, P> {
    fn note(&mut self, written: io::Result<()>) {
        if self.written.is_ok() && written.is_err() {
            self.written = written;
            self.cancel.store(true, Ordering::Relaxed);
        }
    }
}

impl<P: FnMut(usize)> TallySink for Press<'_, P> {
    fn labels(&mut self, bytes: &[u8]) {
        let written = self.labels.write(bytes);
        self.note(written);
        self.mark = process_cpu();
    }

    fn squashed(&mut self, digit: &Squashed) {
        let now = process_cpu();
        self.squash += now.saturating_sub(self.mark);
        self.mark = now;
        let written = self.digits.as_mut().map_or(Ok(()), |digits| digits.write(&digit.to_bytes()));
        self.note(written);
    }

    fn progress(&mut self, done: usize) {
        (self.on_progress)(done);
    }
}
