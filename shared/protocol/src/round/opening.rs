//! An opening: what one trustee answers to one step of one round, signed.
//!
//! The sole trustee answers with the labels themselves, a trustee among several with its shares, which say nothing
//! alone.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use base::{
    Step,
    identity::Statement,
    ids::{Digest, ParticipantId, RoundId},
};
use fhe::label_digits;
use threshold::Shares;

/// A trustee's answer to one step of one round.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opening {
    /// Hash of event 0.
    pub federation: Digest,
    /// The round; `None` for the known answer that proves the keys.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Digest of the event that recorded the tally.
    pub tally: Digest,
    /// Digest of what was opened: the label ciphertexts, or the record of their squashed digits.
    pub ciphertexts: Digest,
    /// Trustee that opened it.
    pub trustee: ParticipantId,
    /// What it answers.
    pub content: OpeningContent,
}

/// Content of a trustee's answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OpeningContent {
    /// Of the sole trustee: one label per instance, class + 1, or 0 for an abstention.
    Labels(Vec<u16>),
    /// Of one trustee among several: its partial decryptions.
    Shares(Shares),
}

impl OpeningContent {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Labels(_) => "labels",
            Self::Shares(_) => "shares",
        }
    }
}

/// How far the openings of a release agree.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Corroboration {
    /// The sole trustee's word.
    SoleTrustee,
    /// Too few trustees opened for a lie to be seen.
    Uncorroborated,
    /// So many trustees agree that a lie by t of them would have been seen.
    Corroborated,
    /// Trustees disagree, and so many opened that the liars are known; the labels are the majority's.
    Named {
        /// Whose openings are wrong.
        liars: Vec<ParticipantId>,
    },
    /// An opening that came after the release contradicts it.
    Disputed {
        /// The trustees that hold the pieces on which openings differ, or the liars once they are known.
        holders: Vec<ParticipantId>,
    },
}

impl fmt::Display for Corroboration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[ParticipantId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::SoleTrustee => f.write_str("sole trustee"),
            Self::Uncorroborated => f.write_str("uncorroborated"),
            Self::Corroborated => f.write_str("corroborated"),
            Self::Named { liars } => write!(f, "corroborated against participants {}", list(liars)),
            Self::Disputed { holders } => write!(f, "disputed among participants {}", list(holders)),
        }
    }
}

impl Corroboration {
    /// Returns how far the openings of two steps agree together: no further than those of either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = |mut ids: Vec<ParticipantId>, more: Vec<ParticipantId>| {
            ids.extend(more);
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        match (self, other) {
            (Self::Disputed { holders }, Self::Disputed { holders: more }) => {
                Self::Disputed { holders: both(holders, more) }
            }
            (disputed @ Self::Disputed { .. }, _) | (_, disputed @ Self::Disputed { .. }) => disputed,
            (Self::Uncorroborated, _) | (_, Self::Uncorroborated) => Self::Uncorroborated,
            (Self::Named { liars }, Self::Named { liars: more }) => Self::Named { liars: both(liars, more) },
            (named @ Self::Named { .. }, _) | (_, named @ Self::Named { .. }) => named,
            (Self::SoleTrustee, _) | (_, Self::SoleTrustee) => Self::SoleTrustee,
            (Self::Corroborated, Self::Corroborated) => Self::Corroborated,
        }
    }
}

impl Statement for Opening {
    const DOMAIN: &'static str = "opening";
}

/// Why an opening does not answer what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// It answers another question.
    #[error("the opening is for {field} {found}, expected {expected}")]
    Other {
        /// What differs.
        field: &'static str,
        /// Value found.
        found: String,
        /// Value expected.
        expected: String,
    },
    /// It does not hold exactly what was asked for.
    #[error("the opening holds {found} {what}, expected exactly {expected}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// Number found.
        found: usize,
        /// Number expected.
        expected: usize,
    },
    /// It holds labels where shares are due, or shares where labels are.
    #[error("the opening holds {found}, expected {expected}")]
    Kind {
        /// What it holds.
        found: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
    /// A label names no class.
    #[error("label {label} of instance {instance} is above the number of classes, {classes}")]
    Label {
        /// Label found.
        label: u16,
        /// Instance, from 0.
        instance: usize,
        /// Number of classes.
        classes: usize,
    },
}

/// The question that an opening must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningQuestion {
    /// Hash of event 0.
    pub federation: Digest,
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Digest of the event that recorded the tally.
    pub tally: Digest,
    /// Digest of what is to be opened.
    pub ciphertexts: Digest,
    /// Number of instances.
    pub instances: usize,
    /// Number of classes.
    pub classes: usize,
}

impl OpeningQuestion {
    /// Checks that an opening of this trustee answers exactly this question; `rows` is the number of pieces the
    /// trustee holds, `None` for the sole trustee, who answers with labels.
    pub fn check(
        &self,
        opening: &Opening,
        trustee: ParticipantId,
        rows: Option<usize>,
    ) -> Result<(), OpeningError> {
        let round = |round: Option<RoundId>| round.map_or("the known answer".to_owned(), |r| r.to_string());
        let fields = [
            ("federation", opening.federation.to_string(), self.federation.to_string()),
            ("round", round(opening.round), round(self.round)),
            ("step", opening.step.to_string(), self.step.to_string()),
            ("tally", opening.tally.to_string(), self.tally.to_string()),
            ("ciphertexts", opening.ciphertexts.to_string(), self.ciphertexts.to_string()),
            ("trustee", opening.trustee.to_string(), trustee.to_string()),
        ];
        if let Some((field, found, expected)) =
            fields.into_iter().find(|(_, found, expected)| found != expected)
        {
            return Err(OpeningError::Other { field, found, expected });
        }
        match (&opening.content, rows) {
            (OpeningContent::Labels(labels), None) => self.check_labels(labels),
            (OpeningContent::Shares(shares), Some(rows)) => self.check_shares(shares, rows),
            (content, None) => Err(OpeningError::Kind { found: content.kind(), expected: "labels" }),
            (content, Some(_)) => Err(OpeningError::Kind { found: content.kind(), expected: "shares" }),
        }
    }

    fn check_labels(&self, labels: &[u16]) -> Result<(), OpeningError> {
        count("labels", labels.len(), self.instances)?;
        match labels.iter().enumerate().find(|(_, label)| usize::from(**label) > self.classes) {
            Some((instance, &label)) => Err(OpeningError::Label { label, instance, classes: self.classes }),
            None => Ok(()),
        }
    }

    fn check_shares(&self, shares: &Shares, rows: usize) -> Result<(), OpeningError> {
        count("rows of shares", shares.values.len(), rows)?;
        let digits = self.instances * label_digits(self.classes);
        shares.values.iter().try_for_each(|row| count("shares in a row", row.len(), digits))
    }
}

fn count(what: &'static str, found: usize, expected: usize) -> Result<(), OpeningError> {
    if found != expected {
        return Err(OpeningError::Count { what, found, expected });
    }
    Ok(())
}
