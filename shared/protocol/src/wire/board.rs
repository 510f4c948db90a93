//! The board: where the trustees of a federation leave each other signed messages, of a ceremony or of a tally.

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use base::{
    Step,
    ids::{Digest, RoundId},
};

/// Name of a board: one for each ceremony, for its known answer, and for each step of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BoardId {
    /// Of a ceremony.
    Ceremony(Digest),
    /// Of the known answer of the ceremony that made the key.
    KnownAnswer,
    /// Of a step of a round.
    Round(RoundId, Step),
}

impl BoardId {
    /// Returns the board of a step of a round, or of the known answer.
    pub const fn of(round: Option<RoundId>, step: Step) -> Self {
        match round {
            Some(round) => Self::Round(round, step),
            None => Self::KnownAnswer,
        }
    }
}

impl fmt::Display for BoardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ceremony(ceremony) => write!(f, "ceremony-{ceremony}"),
            Self::KnownAnswer => f.write_str("known-answer"),
            Self::Round(round, step) => write!(f, "{step}-{round}"),
        }
    }
}

/// What is no name of a board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no board: use `ceremony-DIGEST`, `known-answer`, `test-ROUND` or `label-ROUND`")]
pub struct NoBoard(String);

impl FromStr for BoardId {
    type Err = NoBoard;

    fn from_str(text: &str) -> Result<Self, NoBoard> {
        let no_board = || NoBoard(text.chars().take(80).collect());
        if text == "known-answer" {
            return Ok(Self::KnownAnswer);
        }
        let (kind, id) = text.split_once('-').ok_or_else(no_board)?;
        match kind {
            "ceremony" => id.parse().map(Self::Ceremony).map_err(|_| no_board()),
            "test" => id.parse().map(|round| Self::Round(round, Step::Test)).map_err(|_| no_board()),
            "label" => id.parse().map(|round| Self::Round(round, Step::Label)).map_err(|_| no_board()),
            _ => Err(no_board()),
        }
    }
}

impl Serialize for BoardId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BoardId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A board that waits for a trustee, and the attempt that is held on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToTally {
    /// The board.
    #[schema(value_type = String)]
    pub board: BoardId,
    /// The attempt; 0 in a ceremony.
    pub attempt: u32,
}

/// `GET /boards/{board}?attempt=&after=&wait=`: messages of one attempt in the order in which they came, as canonical bytes.
///
/// Ciphertexts stand only in messages that the reader can open. A page is as long as fits the answer; an empty one after
/// `wait` seconds means that nothing came.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BoardPage {
    /// The attempt that is held now; a reader of an older one ends it.
    pub attempt: u32,
    /// What to ask for as `after` to get what follows.
    pub next: u64,
    /// The messages.
    pub messages: Vec<Vec<u8>>,
}

/// The longest wait for a page, in seconds.
pub const LONGEST_WAIT: u64 = 25;

/// The most bytes of messages on a page; a single message may be longer.
pub const PAGE_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_named_and_nothing_else_is_a_name() {
        let round = RoundId::from_bytes([7; 16]);
        for board in [
            BoardId::Ceremony(Digest::of(b"ceremony")),
            BoardId::KnownAnswer,
            BoardId::Round(round, Step::Test),
            BoardId::Round(round, Step::Label),
        ] {
            assert_eq!(board.to_string().parse(), Ok(board));
        }
        for text in ["", "known-answer-", "label-", "label", "opening-0707", "ceremony-00", "../x"] {
            let refused = text.parse::<BoardId>().unwrap_err().to_string();
            assert!(refused.contains("is no board"), "{refused}");
        }
    }
}
