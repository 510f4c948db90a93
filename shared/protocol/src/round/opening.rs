//! An opening: what the sole trustee answers to one step of one round, signed; and who stands for labels.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use base::{
    Step,
    identity::Statement,
    ids::{Digest, ParticipantId, RoundId},
};

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
    /// Digest of what was opened: the label ciphertexts.
    pub ciphertexts: Digest,
    /// Trustee that opened it.
    pub trustee: ParticipantId,
    /// One label per instance: class + 1, or 0 for an abstention.
    pub labels: Vec<u16>,
}

/// Who stands for the labels of a release.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Corroboration {
    /// The sole trustee alone.
    SoleTrustee,
    /// All trustees that computed: they signed the same before anything was opened, and the check of their products passed.
    Agreed,
    /// All trustees that computed, though some contradicted afterwards what they had signed; the labels do not depend on it.
    Named {
        /// Who contradicted itself.
        liars: Vec<ParticipantId>,
    },
}

impl fmt::Display for Corroboration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[ParticipantId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::SoleTrustee => f.write_str("sole trustee"),
            Self::Agreed => f.write_str("agreed by the trustees"),
            Self::Named { liars } => write!(f, "agreed, then contradicted by participants {}", list(liars)),
        }
    }
}

impl Corroboration {
    /// Returns who stands for a release of two steps.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named { mut liars }, Self::Named { liars: more }) => {
                liars.extend(more);
                liars.sort_unstable();
                liars.dedup();
                Self::Named { liars }
            }
            (named @ Self::Named { .. }, _) | (_, named @ Self::Named { .. }) => named,
            (Self::SoleTrustee, _) | (_, Self::SoleTrustee) => Self::SoleTrustee,
            (Self::Agreed, Self::Agreed) => Self::Agreed,
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
    /// The highest label: the number of classes, and 1 in a test.
    pub classes: usize,
}

impl OpeningQuestion {
    /// Checks that an opening of this trustee answers exactly this question.
    pub fn check(&self, opening: &Opening, trustee: ParticipantId) -> Result<(), OpeningError> {
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
        self.check_labels(&opening.labels)
    }

    fn check_labels(&self, labels: &[u16]) -> Result<(), OpeningError> {
        count("labels", labels.len(), self.instances)?;
        match labels.iter().enumerate().find(|(_, label)| usize::from(**label) > self.classes) {
            Some((instance, &label)) => Err(OpeningError::Label { label, instance, classes: self.classes }),
            None => Ok(()),
        }
    }
}

fn count(what: &'static str, found: usize, expected: usize) -> Result<(), OpeningError> {
    if found != expected {
        return Err(OpeningError::Count { what, found, expected });
    }
    Ok(())
}
