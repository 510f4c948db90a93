//! Kinds of events and their names, which the API, the dashboard and the command line show.

use std::fmt::{self, Display, Formatter};

/// Kind of an event: what happened, without what it was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// The federation was founded.
    Founded,
    /// A participant enrolled.
    Enrolled,
    /// A participant approved event 0 and a roster.
    Approved,
    /// A participant was removed.
    Revoked,
    /// A trustee agreed to the ceremony.
    TrusteeApproved,
    /// The keys were published.
    Keys,
    /// A ceremony ended without a key.
    CeremonyEnded,
    /// Several trustees made a key.
    KeysShared,
    /// The known answer was encrypted.
    KnownAnswer,
    /// The federation is keyed.
    Keyed,
    /// A round was announced.
    Announced,
    /// A round's window closed.
    WindowClosed,
    /// The coordinator's noise was fixed.
    NoiseBallot,
    /// Several trustees are asked to tally a sum.
    Summed,
    /// A tally ended.
    Tallied,
    /// A trustee opened a tally.
    Opened,
    /// The test of a two-step round was opened.
    Tested,
    /// Labels were published.
    Released,
    /// A round ended without labels.
    Failed,
    /// The operator ended a round.
    Cancelled,
    /// The federation was closed.
    Closed,
}

impl EventKind {
    /// Returns the name of the kind, which never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Founded => "founded",
            Self::Enrolled => "enrolled",
            Self::Approved => "approved",
            Self::Revoked => "revoked",
            Self::TrusteeApproved => "trustee_approved",
            Self::Keys => "keys",
            Self::CeremonyEnded => "ceremony_ended",
            Self::KeysShared => "keys_shared",
            Self::KnownAnswer => "known_answer",
            Self::Keyed => "keyed",
            Self::Announced => "announced",
            Self::WindowClosed => "window_closed",
            Self::NoiseBallot => "noise_ballot",
            Self::Summed => "summed",
            Self::Tallied => "tallied",
            Self::Opened => "opened",
            Self::Tested => "tested",
            Self::Released => "released",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
        }
    }
}

impl Display for EventKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
