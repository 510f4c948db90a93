//! The published keys: the sole trustee's signed certificate, or the one that several trustees signed together.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use base::{
    identity::{Signed, Statement},
    ids::{Digest, ParticipantId},
};
use fhe::ParameterSet;
use tally::ceremony::Certificate;

/// The sole trustee's signed statement about the public material it made; rounds refer to its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct KeyCertificate {
    /// Federation that the keys are for.
    pub federation: Digest,
    /// Parameters that the keys were made with.
    pub parameters: ParameterSet,
    /// Digest of the public encryption key.
    pub public_key: Digest,
    /// Digest of the keyswitching key.
    pub keyswitching_key: Digest,
    /// Digest of the bootstrapping key.
    pub bootstrapping_key: Digest,
    /// The trustee that made them.
    pub trustee: ParticipantId,
}

impl Statement for KeyCertificate {
    const DOMAIN: &'static str = "keys";
}

impl KeyCertificate {
    /// Returns the digest that announcements carry.
    pub fn digest(&self) -> Digest {
        Digest::of_value("psephos/keys", self)
    }

    /// Returns the digests of everything certified.
    pub fn blobs(&self) -> Vec<Digest> {
        vec![self.public_key, self.keyswitching_key, self.bootstrapping_key]
    }
}

/// The key that several trustees made without a dealer: its certificate, and the signatures of all of them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SharedKeys {
    /// What all of them signed.
    pub certificate: Certificate,
    /// Its signatures, in the order of the trustees.
    pub signatures: Vec<Signed<Certificate>>,
}

/// The keys of a federation, in either form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FederationKeys {
    /// Of the sole trustee.
    Sole(KeyCertificate),
    /// Of several trustees.
    Shared(Box<SharedKeys>),
}

impl FederationKeys {
    /// Returns the digest that announcements carry.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Sole(certificate) => certificate.digest(),
            Self::Shared(keys) => keys.certificate.digest(),
        }
    }

    /// Returns the digests of everything certified: the sole trustee's keys, or the shares of the public key.
    pub fn blobs(&self) -> Vec<Digest> {
        match self {
            Self::Sole(certificate) => certificate.blobs(),
            Self::Shared(keys) => keys.certificate.shares().to_vec(),
        }
    }

    /// Returns the sole trustee's certificate.
    pub const fn sole(&self) -> Option<&KeyCertificate> {
        match self {
            Self::Sole(certificate) => Some(certificate),
            Self::Shared(_) => None,
        }
    }

    /// Returns the certificate of several trustees.
    pub fn shared(&self) -> Option<&SharedKeys> {
        match self {
            Self::Sole(_) => None,
            Self::Shared(keys) => Some(keys),
        }
    }
}

/// Number of instances in the known-answer tally that must open correctly before a federation is keyed.
pub const KNOWN_ANSWER_INSTANCES: u32 = 4;

/// Votes for the winner of every instance of the known answer.
pub const KNOWN_ANSWER_VOTES: u32 = 100;

/// Returns the labels (class + 1) that the known answer must open to: winners spread over the classes.
pub fn known_answer_labels(classes: usize) -> Vec<u16> {
    let last = classes.saturating_sub(1);
    (0..KNOWN_ANSWER_INSTANCES as usize)
        .map(|i| (i * last / (KNOWN_ANSWER_INSTANCES as usize - 1)) as u16 + 1)
        .collect()
}

/// Returns the known answer's counts, instance-major: all `votes` for the winner, none for the others.
pub fn known_answer_counts(classes: usize, votes: i64) -> Vec<i64> {
    known_answer_labels(classes)
        .into_iter()
        .flat_map(|label| (1..=classes).map(move |class| if class == usize::from(label) { votes } else { 0 }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answer_spans_first_and_last_class() {
        assert_eq!(known_answer_labels(10), [1, 4, 7, 10]);
        assert_eq!(known_answer_labels(2), [1, 1, 1, 2]);
        let counts = known_answer_counts(10, 9);
        assert_eq!((counts.len(), counts[0], counts[39], counts.iter().sum::<i64>()), (40, 9, 9, 36));
    }
}
