//! Why a step of joining failed.

use base::ids::Digest;

use crate::{
    approval::ApprovalError, config::ConfigError, identity::SecretError, transcript::FollowError,
    trustee::agreement::AgreementError,
};
use client::ClientError;
use runtime::files::FileError;

/// Why a step of joining failed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// A value of the config is not acceptable.
    #[error(transparent)]
    Value(#[from] ConfigError),
    /// The config cannot be written as text.
    #[error("the config cannot be written: {0}")]
    Config(String),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A secret cannot be made or read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What the coordinator shows cannot be approved.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The trustees cannot be approved.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// The transcript cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The coordinator shows another federation than the one this home belongs to.
    #[error(
        "the coordinator now shows federation {found}, but this home enrolled in {pinned}: nothing was stored; \
         make another home for another federation"
    )]
    OtherFederation {
        /// Hash of the federation shown now.
        found: Digest,
        /// Hash of the federation enrolled in.
        pinned: Digest,
    },
}
