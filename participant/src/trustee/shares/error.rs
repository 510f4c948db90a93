//! Why no shares were posted, and which reasons are refusals.

use fhe::{FrameError, LayoutError};
use protocol::{
    round::{AnnouncementError, OpeningError},
    transcript::{Check, Fault, RecomputeError},
};
use threshold::{OpenerError, PackageError};

use crate::trustee::{agreement::AgreementError, check::CheckError};
use client::{ClientError, TransferError};
use runtime::{PoolError, files::FileError};

/// Says why no shares were posted.
#[derive(Debug, thiserror::Error)]
pub enum SharesError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An artefact cannot be fetched.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// This institution takes no part.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// What is asked for may not be opened.
    #[error("refused to open: {0}")]
    Refused(#[from] CheckError),
    /// What is to be opened is not the tally of the counted ballots.
    #[error("refused to open: {0}")]
    Record(Fault),
    /// This machine and the coordinator's compute different bits.
    #[error(
        "refused to open: {0}; if all machines are trusted, this one cannot reproduce the coordinator's bits: a \
         federation with transform = \"integer\" in its config gives the same bits on every machine"
    )]
    OtherBits(Fault),
    /// This tally was recomputed and refused before.
    #[error("{0}")]
    Again(String),
    /// An artefact is missing here.
    #[error("cannot check what is to be opened: {0}")]
    Incomplete(RecomputeError),
    /// The agent stops.
    #[error("the agent stopped before the recomputation was finished; nothing was opened")]
    Stopped,
    /// There are no pieces.
    #[error(
        "secret/trustee/package.bin is missing: this trustee's pieces never came, were destroyed or got lost; restore \
         them from their backup"
    )]
    NoPackage,
    /// The pieces are not those of the published keys.
    #[error("secret/trustee/package.bin: {0}")]
    Package(#[from] PackageError),
    /// The round's numbers do not fit.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// The round's numbers do not fit a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The record of squashed digits cannot be read.
    #[error("refused to open: the record of squashed digits: {0}")]
    Frame(#[from] FrameError),
    /// A squashed digit is not the recorded one.
    #[error("refused to open: squashed digit {0} that the coordinator serves is not the recorded one")]
    Digit(usize),
    /// The coordinator serves no squashed digits.
    #[error("the coordinator names no squashed digits for this round: set check = \"recompute\"")]
    NoDigits,
    /// Digits and round do not fit.
    #[error(transparent)]
    Opener(#[from] OpenerError),
    /// The opening made here would not be accepted.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The computation failed by a bug.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl SharesError {
    /// Tells whether this trustee refuses, rather than waits for something.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Agreement(_)
                | Self::Refused(_)
                | Self::Record(_)
                | Self::OtherBits(_)
                | Self::Again(_)
                | Self::NoPackage
                | Self::Package(_)
                | Self::Frame(_)
                | Self::Digit(_)
        )
    }

    /// Tells whether the same tally would be refused again after the same work.
    pub(super) const fn is_lasting(&self) -> bool {
        matches!(self, Self::Record(_) | Self::OtherBits(_))
    }
}

impl From<RecomputeError> for SharesError {
    fn from(error: RecomputeError) -> Self {
        match error {
            RecomputeError::Fault(fault) if fault.check == Check::Tally => Self::OtherBits(fault),
            RecomputeError::Fault(fault) => Self::Record(fault),
            RecomputeError::Withheld { .. } => Self::Incomplete(error),
            RecomputeError::Cancelled => Self::Stopped,
        }
    }
}
