//! Why a round ended without labels.

use base::ids::ParticipantId;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Why a round failed.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureReason {
    /// Too few ballots came; nothing was opened.
    QuorumNotMet {
        /// Ballots that came.
        ballots: u32,
        /// Ballots needed.
        quorum: u32,
    },
    /// The trustees did not answer in time.
    OpeningTimedOut,
    /// The trustees did not finish their tally in time.
    TallyTimedOut {
        /// Who was waited for last.
        waiting: Vec<ParticipantId>,
        /// Whom the trustees that ended attempts named; their word proves nothing.
        named: Vec<ParticipantId>,
    },
    /// Something the round needs is missing or broken.
    Damaged {
        /// What, in words.
        detail: String,
    },
}

impl std::fmt::Display for FailureReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::QuorumNotMet { ballots, quorum } => {
                write!(f, "{ballots} ballots came, {quorum} were needed; nothing was opened")
            }
            Self::OpeningTimedOut => f.write_str("the trustees did not open the labels in time"),
            Self::TallyTimedOut { waiting, named } => {
                f.write_str("the trustees did not finish their tally in time")?;
                let list = |ids: &[ParticipantId]| {
                    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                };
                if !waiting.is_empty() {
                    write!(f, "; waited for participants {}", list(waiting))?;
                }
                if !named.is_empty() {
                    write!(f, "; named when attempts ended: participants {}", list(named))?;
                }
                Ok(())
            }
            Self::Damaged { detail } => f.write_str(detail),
        }
    }
}
