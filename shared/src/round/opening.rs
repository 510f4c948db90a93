//! The opening of a round by its sole trustee: rounded labels, signed, exactly one per instance.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    identity::Statement,
    ids::{Digest, ParticipantId, RoundId},
};

/// Is what a tally computes and a trustee opens; a plain round has the one step `label`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The winning labels.
    Label,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "label",
        })
    }
}

/// Is a trustee's answer to one step of one round.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opening {
    /// Hash of event 0.
    pub federation: Digest,
    /// The round; `None` for the known answer that proves the keys.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Digest of the label ciphertexts that were opened.
    pub ciphertexts: Digest,
    /// Trustee that opened them.
    pub trustee: ParticipantId,
    /// One label per instance: class + 1, or 0 for an abstention.
    pub labels: Vec<u16>,
}

impl Statement for Opening {
    const DOMAIN: &'static str = "opening";
}

/// Says why an opening does not answer what was asked.
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
    /// It does not hold exactly one label per instance.
    #[error("the opening holds {found} labels, expected exactly {expected}")]
    Count {
        /// Labels found.
        found: usize,
        /// Labels expected.
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

impl Opening {
    /// Checks that this opening answers exactly the given question.
    pub fn check(&self, expected: &Self, classes: usize) -> Result<(), OpeningError> {
        let differs = |field, found: String, expected: String| {
            (found != expected).then_some(OpeningError::Other { field, found, expected })
        };
        let round = |round: Option<RoundId>| round.map_or("the known answer".to_owned(), |r| r.to_string());
        let other = differs("federation", self.federation.to_string(), expected.federation.to_string())
            .or_else(|| differs("round", round(self.round), round(expected.round)))
            .or_else(|| differs("step", self.step.to_string(), expected.step.to_string()))
            .or_else(|| {
                differs("ciphertexts", self.ciphertexts.to_string(), expected.ciphertexts.to_string())
            })
            .or_else(|| differs("trustee", self.trustee.to_string(), expected.trustee.to_string()));
        if let Some(error) = other {
            return Err(error);
        }
        let (found, wanted) = (self.labels.len(), expected.labels.len());
        if found != wanted {
            return Err(OpeningError::Count { found, expected: wanted });
        }
        match self.labels.iter().enumerate().find(|(_, label)| usize::from(**label) > classes) {
            Some((instance, &label)) => Err(OpeningError::Label { label, instance, classes }),
            None => Ok(()),
        }
    }
}
