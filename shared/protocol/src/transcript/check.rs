//! The named checks of a transcript: what each of them proves, and what it found.

use std::fmt;

/// A check of the verifier; the order is that of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Events attach to each other and are signed.
    Chain,
    /// Who enrolled, who left, who approved what.
    Roster,
    /// Parameters and keys.
    Keys,
    /// How the decryption key was shared and proven.
    Ceremony,
    /// What rounds fixed before anyone voted.
    Announcements,
    /// Who voted, when, with what.
    Ballots,
    /// The sum of the ballots.
    Sum,
    /// What trustees stated and checked.
    Tally,
    /// What was opened, and the labels that follow.
    Openings,
    /// What was charged.
    Ledger,
}

impl Check {
    /// Every check, in the order of the verifier's lines.
    pub const ALL: [Self; 10] = [
        Self::Chain,
        Self::Roster,
        Self::Keys,
        Self::Ceremony,
        Self::Announcements,
        Self::Ballots,
        Self::Sum,
        Self::Tally,
        Self::Openings,
        Self::Ledger,
    ];

    /// Returns the check's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain and signatures",
            Self::Roster => "roster and approvals",
            Self::Keys => "parameters and key digests",
            Self::Ceremony => "ceremony complete",
            Self::Announcements => "announcements consistent with the policy",
            Self::Ballots => "ballots signed, framed, on time, unique",
            Self::Sum => "sum recomputed bit for bit",
            Self::Tally => "tallies agreed and checked by the trustees",
            Self::Openings => "labels follow from what was opened",
            Self::Ledger => "ledger events add up",
        }
    }

    /// Returns what it proves when it passes.
    pub const fn proves(self) -> &'static str {
        match self {
            Self::Chain => "nothing was changed, left out or put in after the coordinator signed it",
            Self::Roster => "everybody counted was enrolled, and every approval is of the roster it names",
            Self::Keys => "the keys are the certified ones, made with the federation's parameters",
            Self::Ceremony => "every trustee agreed and signed the key, and a known answer came out with it",
            Self::Announcements => "scale, bound, noise shares and quorum follow from event 0 and the roster",
            Self::Ballots => "each counted ballot is one member's own, for this round, in its window, once",
            Self::Sum => "every counted ballot and the coordinator's noise are in the sum, each once",
            Self::Tally => {
                "all trustees that computed signed the same about that sum, and the check of their products passed; not that \
                 each product was computed"
            }
            Self::Openings => "the released labels are what the trustees opened as they had stated it",
            Self::Ledger => "every release states its cost, and a round whose tally began is charged",
        }
    }

    /// Returns a fault of this check at an event.
    pub fn fault(self, height: u64, what: impl fmt::Display) -> Fault {
        Fault { check: self, place: Place::Event(height), what: what.to_string() }
    }
}

/// Place of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The event at this height.
    Event(u64),
    /// An artefact, by what it is and its digest.
    Blob(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(height) => write!(f, "event {height}"),
            Self::Blob(name) => f.write_str(name),
        }
    }
}

/// A check that failed, with the place and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what} (check: {})", check.name())]
pub struct Fault {
    /// The check.
    pub check: Check,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
}
