//! Receipts: whether the coordinator counted what it signed for.

use base::{
    clock::Millis,
    identity::PublicIdentity,
    ids::{Digest, ParticipantId, RoundId},
};
use protocol::{
    transcript::{Outcome, Replay},
    wire::ReceiptView,
};
use serde::Serialize;

/// Worth of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// The ballot is in the counted list under one's own number.
    Counted {
        /// Number of ballots in the list.
        ballots: usize,
    },
    /// The transcript does not say yet; nothing is wrong.
    NotYet {
        /// What it waits for.
        waiting_for: &'static str,
    },
    /// The round ended before any ballot was counted.
    NothingCounted,
    /// Something is wrong.
    Invalid {
        /// What.
        reason: String,
    },
}

/// Result of examining one receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// The round.
    pub round: RoundId,
    /// Digest of the ballot that the receipt names.
    pub ballot: Digest,
    /// When the coordinator says it arrived.
    pub received_at: Millis,
    /// What the receipt is worth.
    #[serde(flatten)]
    pub standing: Standing,
}

impl Examined {
    /// Compares this institution's receipt of a round with the followed transcript.
    pub fn of(receipt: &ReceiptView, replay: &Replay, participant: ParticipantId) -> Self {
        let words = &receipt.receipt;
        let standing = match fault(receipt, replay.coordinator(), participant) {
            Some(reason) => Standing::Invalid { reason },
            None => counted(receipt, replay, participant),
        };
        Self { round: words.round, ballot: words.digest, received_at: words.received_at, standing }
    }

    /// Describes it on one line.
    pub fn in_words(&self) -> String {
        let Self { round, ballot, received_at, standing } = self;
        let verdict = match standing {
            Standing::Counted { ballots } => {
                format!(
                    "holds: signed by the coordinator, before the close, one of {ballots} counted ballots"
                )
            }
            Standing::NotYet { waiting_for } => format!("not yet: {waiting_for}"),
            Standing::NothingCounted => "no ballot was counted: the round ended before".to_owned(),
            Standing::Invalid { reason } => format!("INVALID: {reason}"),
        };
        format!("{round}  {received_at}  ballot {}  {verdict}", ballot.short())
    }
}

/// Returns what is wrong with the receipt itself.
fn fault(receipt: &ReceiptView, coordinator: PublicIdentity, participant: ParticipantId) -> Option<String> {
    if !receipt.is_signed_by(&coordinator) {
        return Some("the receipt is not signed by the coordinator of event 0".to_owned());
    }
    let named = receipt.receipt.participant;
    (named != participant).then(|| format!("the receipt is for participant {named}"))
}

/// Looks for the ballot in the counted list.
fn counted(receipt: &ReceiptView, replay: &Replay, participant: ParticipantId) -> Standing {
    let words = &receipt.receipt;
    let invalid = |reason: String| Standing::Invalid { reason };
    let Some(record) = replay.round(words.round) else {
        return Standing::NotYet { waiting_for: "the round is not on the transcript" };
    };
    let closes_at = record.announcement.closes_at;
    if words.received_at >= closes_at {
        return invalid(format!(
            "it was received at {}, the window closed at {closes_at}",
            words.received_at
        ));
    }
    let Some(ballots) = &record.ballots else {
        return match record.outcome {
            Some(Outcome::Failed { .. } | Outcome::Cancelled { .. }) => Standing::NothingCounted,
            _ => Standing::NotYet { waiting_for: "the window is open" },
        };
    };
    match ballots.iter().find(|ballot| ballot.participant == participant) {
        None => invalid(
            "the ballot is not in the counted list, although the coordinator signed for it".to_owned(),
        ),
        Some(ballot) if ballot.digest != words.digest => {
            invalid(format!("another ballot, {}, is counted under this institution's number", ballot.digest))
        }
        Some(ballot) if ballot.received_at != words.received_at => {
            invalid(format!("the list says that it was received at {}", ballot.received_at))
        }
        Some(_) => Standing::Counted { ballots: ballots.len() },
    }
}

#[cfg(test)]
mod tests;
