//! Why this trustee begins no session, or does not go on with one.

use fhe::LayoutError;
use protocol::transcript::{Fault, RecomputeError};
use tally::{
    session::{BeginError, RecordError},
    sum::SumError,
};

use crate::trustee::{agreement::AgreementError, keyring::KeyringError, rules::Refusal};
use client::{ClientError, TransferError};
use runtime::{PoolError, files::FileError};

/// Why this trustee begins no session, or does not go on with one.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The coordinator refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A ballot or a share of the key cannot be fetched.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The trustees are not those that a person approved.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// The pieces cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// What is asked for may not be tallied.
    #[error("refused to tally: {0}")]
    Refused(#[from] Refusal),
    /// The ballots do not add up to what the chain says, or are not what they should be.
    #[error("refused to tally: {0}")]
    Sum(#[from] RecomputeError),
    /// The chain asks what has no plan.
    #[error("refused to tally: {0}")]
    Task(#[from] Fault),
    /// The layout is not possible.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The layout is not possible in a tally.
    #[error(transparent)]
    SumLayout(#[from] SumError),
    /// The engine does not begin.
    #[error("refused to tally: {0}")]
    Begin(#[from] BeginError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The computation failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl SessionError {
    /// Returns whether this trustee refuses, so that others have to know why.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Client(_) | Self::Transfer(_) | Self::Pool(_) => false,
            Self::Sum(error) => matches!(error, RecomputeError::Fault(_)),
            Self::Agreement(_)
            | Self::Keyring(_)
            | Self::Refused(_)
            | Self::Task(_)
            | Self::Layout(_)
            | Self::SumLayout(_)
            | Self::Begin(_)
            | Self::File(_) => true,
        }
    }

    /// Returns whether the same would come out however often it is tried.
    pub const fn is_lasting(&self) -> bool {
        match self {
            Self::Sum(RecomputeError::Fault(_)) | Self::Task(_) | Self::Layout(_) | Self::SumLayout(_) => {
                true
            }
            Self::Refused(refusal) => matches!(refusal, Refusal::AnsweredOther { .. }),
            Self::Begin(BeginError::Record(error)) => !matches!(error, RecordError::Attempt { .. }),
            _ => false,
        }
    }
}
