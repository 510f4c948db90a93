//! The published keys: the signed certificate of whoever made them, and the known answer that proves them.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use base::{
    identity::Statement,
    ids::{Digest, ParticipantId},
};
use fhe::ParameterSet;

/// A trustee's signed statement about the public material it made; rounds refer to its digest.
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
    /// Trustee that made them: the sole one, or the dealer, who is trusted at set-up.
    pub trustee: ParticipantId,
    /// How the decryption key is shared; `None` if the sole trustee keeps it.
    pub sharing: Option<KeySharing>,
}

/// Public part of a shared decryption key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct KeySharing {
    /// Digest of the key that squashes label ciphertexts to 128 bits.
    pub squashing_key: Digest,
    /// Commitment to the piece of each set of trustees, in the order of the sets.
    pub commitments: Vec<Digest>,
    /// Digest of each trustee's sealed package of pieces, in the order of the trustees.
    pub packages: Vec<Digest>,
}

impl Statement for KeyCertificate {
    const DOMAIN: &'static str = "keys";
}

impl KeyCertificate {
    /// Returns the digest that announcements carry.
    pub fn digest(&self) -> Digest {
        Digest::of_value("psephos/keys", self)
    }

    /// Returns the digests of everything certified: keys first, then sealed packages.
    pub fn blobs(&self) -> Vec<Digest> {
        let mut blobs = vec![self.public_key, self.keyswitching_key, self.bootstrapping_key];
        if let Some(sharing) = &self.sharing {
            blobs.push(sharing.squashing_key);
            blobs.extend(&sharing.packages);
        }
        blobs
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
