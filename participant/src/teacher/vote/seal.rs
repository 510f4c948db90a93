//! Sealing a ballot: noise first, then predictions, then encryption and signature, stored before it is posted.

use std::sync::Arc;

use base::{
    clock::Clock,
    identity::Identity,
    ids::{BallotId, ParticipantId},
};
use fhe::{Encoding, EncryptionKey};
use learning::Dataset;
use privacy::draw_shares;
use protocol::{
    ballot::{StepCounts, cast},
    round::{Announcement, AnnouncementError},
};
use zeroize::Zeroizing;

use super::VoteError;
use crate::teacher::{
    ensemble::Ensemble,
    journal::{Journal, Record},
};

/// Everything that a ballot needs; runs on the compute pool, from marker to stored ballot without a break.
pub(super) struct SealingJob {
    pub(super) journal: Journal,
    pub(super) identity: Arc<Identity>,
    pub(super) participant: ParticipantId,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) announcement: Announcement,
    /// One per step, in their order.
    pub(super) encodings: Vec<Encoding>,
    pub(super) key: EncryptionKey,
    pub(super) instances: Dataset,
    pub(super) ensemble: Ensemble,
    pub(super) record: Record,
    pub(super) ballot: BallotId,
}

/// A ballot that is stored and may be posted.
pub(super) struct Sealed {
    pub(super) ballot: BallotId,
    pub(super) bytes: Vec<u8>,
    /// The noisy counts of every step, wiped when dropped.
    pub(super) plaintext: Vec<Zeroizing<Vec<i64>>>,
}

impl SealingJob {
    /// Marks the drawing, draws, votes, encrypts and stores; after the marker a failure ends the round here.
    pub(super) fn seal(self) -> Result<Sealed, VoteError> {
        self.journal.begin(self.record.clone(), self.ballot, self.clock.now())?;
        let sealed = self.draw_and_encrypt();
        if let Err(error) = &sealed {
            self.journal.lose(self.announcement.round, &format!("after noise was drawn: {error}"))?;
        }
        sealed
    }

    fn draw_and_encrypt(&self) -> Result<Sealed, VoteError> {
        let announcement = &self.announcement;
        let slots = announcement.layout().map_err(AnnouncementError::from)?.slots();
        // All noise is drawn before any vote is known: how long a draw takes tells its magnitude.
        let shares =
            announcement.steps().iter().map(|step| draw_shares(announcement.share_sizes(*step).0, slots));
        let mut noisy = shares.collect::<Result<Vec<_>, _>>()?;
        let mut votes = Zeroizing::new(vec![0; slots]);
        self.ensemble.add_votes(&self.instances, announcement.classes as usize, &mut votes)?;
        // Every step has the same votes, with noise of its own.
        for counts in &mut noisy {
            counts
                .iter_mut()
                .zip(votes.iter())
                .for_each(|(count, votes)| *count = count.saturating_add(*votes));
        }
        let steps = self.encodings.iter().zip(&noisy);
        let steps: Vec<StepCounts<'_>> =
            steps.map(|(encoding, counts)| StepCounts { encoding, counts }).collect();
        let bytes = cast(&self.identity, self.participant, announcement, &self.key, &steps)?;
        self.journal.seal(announcement.round, &bytes)?;
        Ok(Sealed { ballot: self.ballot, bytes, plaintext: noisy })
    }
}

#[cfg(test)]
mod tests;
