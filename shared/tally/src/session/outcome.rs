//! What a session hands out, and why it ends.

use base::ids::Digest;

use super::record::Entry;
use crate::plan::Verdict;
use crate::sharing::{Group, Trustee};

/// What the driver of a session has to do, in this order. An entry is durable before the next message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Append this to the journal of the step, durably, before anything that follows is sent.
    Store(Entry),
    /// Send this message to all present trustees.
    Send(Vec<u8>),
    /// A batch is done: what the tally says of each of its instances.
    Labels {
        /// The batch.
        batch: u32,
        /// Instance and verdict.
        labels: Vec<(u32, Verdict)>,
    },
    /// A trustee contradicted what it had stated; the labels do not depend on it.
    Liar {
        /// The trustee.
        trustee: Trustee,
        /// The batch.
        batch: u32,
    },
    /// All batches are done.
    Finished,
    /// The attempt is over without all labels; the next one needs a higher number.
    Ended(End),
}

/// Why an attempt ended, and who is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// A first message differs from this trustee's.
    #[error("trustee {0} began this attempt on other terms; compare sum, ballots, head and plan")]
    Terms(Trustee),
    /// Somebody has seen other messages: the board forks.
    #[error(
        "batch {batch}, exchange {exchange}: trustee {trustee} has seen other messages than this one; the board shows two pasts"
    )]
    Fork {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
        /// The trustee that has seen something else; it need not be to blame.
        trustee: Trustee,
    },
    /// Two signed messages for one place.
    #[error("batch {batch}, exchange {exchange}: trustee {trustee} signed two messages there")]
    Twice {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
        /// Who signed both.
        trustee: Trustee,
    },
    /// A message that its exchange cannot have: another kind, another length, other pieces.
    #[error(
        "batch {batch}, exchange {exchange}: trustee {trustee} signed a message of another form than this exchange has"
    )]
    Form {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
        /// Who signed it.
        trustee: Trustee,
    },
    /// A correction that its holders cannot open.
    #[error(
        "batch {batch}, exchange {exchange}: what trustee {trustee} sealed does not open for a holder among {holders}"
    )]
    Unopened {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
        /// Who sealed it.
        trustee: Trustee,
        /// Who should be able to open it.
        holders: Group,
    },
    /// Holders of one piece state different things: one of them lies.
    #[error("batch {batch}: trustees {holders} hold one piece and state two; one of them lied")]
    Dispute {
        /// The batch.
        batch: u32,
        /// All present holders of the piece.
        holders: Group,
    },
    /// Some product is wrong. Nobody can be named: the sum of errors is known, not whose they are.
    #[error("batch {0}: the check of the products fails, so somebody computed wrongly; nothing was opened")]
    Check(u32),
    /// Some trustees said nothing until the turn ended.
    #[error("trustees {0} said nothing before the turn ended")]
    Silent(Group),
    /// This trustee would have said something else than before it was restarted.
    #[error(
        "batch {batch}, exchange {exchange}: the board shows another past than before this trustee was restarted"
    )]
    Restarted {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
    },
    /// Another trustee ended the attempt. Whom it names is its own word: it proves nothing.
    #[error("trustee {by} ended the attempt and names trustees [{names}]")]
    Stopped {
        /// Who ended it.
        by: Trustee,
        /// Whom it names; nobody for a failed check or a forked board.
        names: Group,
    },
    /// Nothing of the kind can happen to a driver that keeps sum, plan and keyring together.
    #[error("this trustee cannot go on: its keyring does not hold the pieces of its place")]
    Keyring,
}

impl End {
    /// Returns who is named: the liar, or all of whom one lied or was silent. Nobody is where nobody can be.
    #[must_use]
    pub fn names(&self) -> Group {
        match self {
            Self::Twice { trustee, .. } | Self::Form { trustee, .. } | Self::Terms(trustee) => {
                Group::of([*trustee])
            }
            Self::Unopened { holders, .. } | Self::Dispute { holders, .. } => *holders,
            Self::Silent(group) => *group,
            Self::Fork { .. }
            | Self::Check(_)
            | Self::Restarted { .. }
            | Self::Stopped { .. }
            | Self::Keyring => Group::of([]),
        }
    }
}

/// Why a message was not taken. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too long, or not of the form of a message.
    #[error("{0} bytes are not a message of a tally")]
    Malformed(usize),
    /// Of another session or attempt.
    #[error("a message of session {}, attempt {attempt}: not this one", session.short())]
    Foreign {
        /// Its session.
        session: Digest,
        /// Its attempt.
        attempt: u32,
    },
    /// From somebody who is not present.
    #[error("a message from somebody who does not compute in this attempt")]
    Absent,
    /// Not signed by its sender.
    #[error("a message that is not signed by trustee {0}")]
    Unsigned(Trustee),
    /// Of an exchange or batch that has not begun here: hand it in again later.
    #[error("batch {batch}, exchange {exchange} has not begun here; hand the message in again later")]
    Early {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
    },
    /// Of an exchange or batch that this attempt does not have.
    #[error("this attempt has no batch {batch}, exchange {exchange}")]
    Never {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
    },
    /// The ciphertext that the message names is not with it: fetch it again.
    #[error(
        "batch {batch}, exchange {exchange}: the ciphertext of trustee {sender} is missing or another one; fetch it again"
    )]
    Ciphertext {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
        /// The sender.
        sender: Trustee,
    },
    /// The attempt is over.
    #[error("this attempt is over")]
    Over,
}
