//! Why a round cannot go on, and whether trying again could help.

use std::fmt::Display;

use protocol::round::{AnnouncementError, InvalidTransition};

use runtime::PoolError;

use crate::{storage::StorageError, tally::KeyCacheError};

/// Why a round cannot be handled.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The round is not in the needed state.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    /// The numbers of the round do not follow from federation and roster.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// A computation was stopped, or hit a bug.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The published keys cannot be loaded.
    #[error(transparent)]
    Keys(#[from] KeyCacheError),
    /// Something that was stored whole is not what it should be.
    #[error("the {what} cannot be used: {detail}")]
    Damaged {
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl RoundError {
    pub(super) fn damaged(what: &'static str, detail: &dyn Display) -> Self {
        Self::Damaged { what, detail: detail.to_string() }
    }

    /// Returns whether trying the same again cannot help.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_lasting(),
            // Somebody else moved the round on; the next look sees where it stands.
            Self::Transition(_) => false,
            Self::Pool(error) | Self::Keys(KeyCacheError::Pool(error)) => matches!(error, PoolError::Bug(_)),
            Self::Announcement(_) | Self::Keys(KeyCacheError::Keys(_)) | Self::Damaged { .. } => true,
        }
    }
}
