//! Why a fleet cannot go on.

use std::path::PathBuf;

use learning::{FileError as DataError, PartitionError};

use super::MOST;
use runtime::files::FileError;

/// Why a fleet cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The number of participants is not usable.
    #[error("--participants {found} must be from 1 to {MOST}")]
    Participants {
        /// The number asked for.
        found: usize,
    },
    /// The number of teachers is not usable.
    #[error("--teachers {found} must be from 1 to 10000")]
    Teachers {
        /// The number asked for.
        found: u32,
    },
    /// The pause between heartbeats is not usable.
    #[error("--poll {found} must be from 0.1 to 3600 seconds")]
    Poll {
        /// The pause asked for.
        found: f64,
    },
    /// The folder holds a fleet with other settings.
    #[error(
        "{path} holds a fleet made with {key} {before}, not {now}: give the same settings, or another --homes",
        path = path.display()
    )]
    OtherSettings {
        /// The record of the fleet's settings.
        path: PathBuf,
        /// Which setting.
        key: &'static str,
        /// Its value when the fleet was made.
        before: String,
        /// Its value now.
        now: String,
    },
    /// The invites cannot be used.
    #[error(
        "--invites {path}: {problem}; `coordinator invite --count N --prefix NAME --format json` writes them",
        path = path.display()
    )]
    Invites {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Somebody is to enrol without an invite.
    #[error("{name} is not enrolled and has no invite: {given} invites were given with --invites")]
    NoInvite {
        /// The participant.
        name: String,
        /// Invites given.
        given: usize,
    },
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data cannot be dealt.
    #[error("--data {path}: {source}", path = path.display())]
    Partition {
        /// The data.
        path: PathBuf,
        /// Why.
        source: PartitionError,
    },
    /// A file of the fleet cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
    /// A participant cannot go on.
    #[error("{name}: {reason}")]
    Member {
        /// The participant.
        name: String,
        /// Why.
        reason: String,
    },
}

impl FleetError {
    /// Returns the error of one member.
    pub(super) fn member(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::Member { name: name.to_owned(), reason: reason.to_string() }
    }

    /// Returns whether other arguments would help.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Participants { .. }
                | Self::Teachers { .. }
                | Self::Poll { .. }
                | Self::OtherSettings { .. }
                | Self::Invites { .. }
                | Self::NoInvite { .. }
        )
    }
}
