//! Why no vote was cast in a round.

use base::ids::{Digest, RoundId};
use learning::{DatasetError, FileError as DataError};
use privacy::DrawError;
use protocol::{round::AnnouncementError, transcript::RecomputeError};

use crate::teacher::{
    ensemble::EnsembleError, journal::JournalError, ledger::CapError, limits::LimitError, terms::TermsError,
};
use client::{ClientError, TransferError};
use runtime::{PoolError, files::FileError};

/// Why no vote was cast in a round.
#[derive(Debug, thiserror::Error)]
pub enum VoteError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The round's terms are not those that were approved.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// A limit of the institution stands against it.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The institution's own cap on its privacy loss stands against it.
    #[error(transparent)]
    Cap(#[from] CapError),
    /// The teachers cannot vote.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// The round was never announced on the transcript.
    #[error(
        "round {0} is not on the transcript that this institution follows: this institution does not vote in it"
    )]
    NotOnTranscript(RoundId),
    /// The coordinator shows another announcement than the transcript.
    #[error(
        "the coordinator shows another announcement of round {0} than the transcript holds: this institution does not vote in it"
    )]
    OtherAnnouncement(RoundId),
    /// The window is not open.
    #[error("the round is {0}: its window is not open")]
    NotVoting(&'static str),
    /// What was downloaded does not have the digest that was announced.
    #[error("the {what} downloaded from the coordinator has digest {found}, announced is {expected}")]
    Digest {
        /// What was downloaded.
        what: &'static str,
        /// Digest of the bytes.
        found: Digest,
        /// Digest announced.
        expected: Digest,
    },
    /// The instances are not of the announced number.
    #[error("the round announces {announced} instances, its file holds {found}")]
    Count {
        /// Instances announced.
        announced: u32,
        /// Instances found.
        found: usize,
    },
    /// The instances cannot be read.
    #[error("the round's instances: {0}")]
    Instances(#[from] DataError),
    /// The instances do not fit the federation's schema.
    #[error("the round's instances: {0}")]
    Schema(#[from] DatasetError),
    /// How the counts are encoded cannot be computed.
    #[error(transparent)]
    Encoding(#[from] AnnouncementError),
    /// What the encryption key is made from cannot be fetched.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The encryption key is not the one on the transcript.
    #[error("the encryption key: {0}")]
    Key(#[from] RecomputeError),
    /// The ballot cannot be encrypted.
    #[error("the ballot cannot be encrypted: {0}")]
    Encrypt(#[from] fhe::BallotError),
    /// No noise could be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// Without noise the keys serve one round.
    #[error(
        "this federation has no noise, so its keys serve one round only, and round {0} was opened with them"
    )]
    KeysUsed(RoundId),
    /// The receipt is not for the ballot that was sent, or not signed by the coordinator.
    #[error("the coordinator's receipt does not match the ballot that was sent: it is not accepted")]
    Receipt,
    /// This institution does not vote in the round again.
    #[error("this institution does not vote in this round: {0}")]
    Never(String),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The journal cannot go on.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The computation failed by a bug.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

impl VoteError {
    /// Returns whether the coordinator was only away, so that nothing about the round is known.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Client(error) | Self::Transfer(TransferError::Client(error)) if error.is_transient())
    }
}
