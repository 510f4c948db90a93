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
    /// A trustee holds its pieces.
    Acknowledged,
    /// A trustee found something wrong.
    Complained,
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
    /// A tally ended.
    Tallied,
    /// A trustee opened a tally.
    Opened,
    /// The test of a two-step round was opened.
    Tested,
    /// Labels were published.
    Released,
    /// A later opening was compared.
    Compared,
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
            Self::Acknowledged => "acknowledged",
            Self::Complained => "complained",
            Self::KnownAnswer => "known_answer",
            Self::Keyed => "keyed",
            Self::Announced => "announced",
            Self::WindowClosed => "window_closed",
            Self::NoiseBallot => "noise_ballot",
            Self::Tallied => "tallied",
            Self::Opened => "opened",
            Self::Tested => "tested",
            Self::Released => "released",
            Self::Compared => "compared",
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
