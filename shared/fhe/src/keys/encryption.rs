//! The key with which participants encrypt.

use tfhe::core_crypto::prelude::{LweCompactPublicKeyOwned, SeededLweCompactPublicKey};

use super::KeyError;
use super::public::SeededKey;
use crate::frame::Kind;
use crate::parameters::{ParameterSet, modulus};

/// The public encryption key, ready to encrypt ballots.
#[derive(Clone)]
pub struct EncryptionKey {
    set: ParameterSet,
    key: LweCompactPublicKeyOwned<u64>,
}

impl EncryptionKey {
    /// Reads [`super::PublicMaterial::public_key`], made with the federation's parameters, and grows its
    /// mask.
    ///
    /// # Errors
    /// Refuses another kind of frame, other parameters and any other length.
    pub fn from_bytes(bytes: &[u8], set: ParameterSet) -> Result<Self, KeyError> {
        let word_count = set.parameters().large_dimension().0;
        let seeded = SeededKey::read(bytes, Kind::PublicKey, set, word_count)?;
        let key = SeededLweCompactPublicKey::from_container(seeded.words, seeded.seed, modulus());
        Ok(Self { set, key: key.decompress_into_lwe_compact_public_key() })
    }

    /// Takes over the words of a key that several trustees made together: mask a and body b, 2048 words each, with
    /// b = a·S + e for the secret key S in reverse order. Its noise is that of every parameter set.
    ///
    /// # Errors
    /// Refuses any other number of words.
    pub fn from_words(mask: &[u64], body: &[u64], set: ParameterSet) -> Result<Self, KeyError> {
        let words = set.parameters().large_dimension().0;
        if (mask.len(), body.len()) != (words, words) {
            let found = mask.len() + body.len();
            return Err(KeyError::Words { found, expected: 2 * words });
        }
        let key = LweCompactPublicKeyOwned::from_container([mask, body].concat(), modulus());
        Ok(Self { set, key })
    }

    /// Returns the name of the parameters the key was made for.
    #[must_use]
    pub const fn parameter_set(&self) -> ParameterSet {
        self.set
    }

    pub(crate) const fn public_key(&self) -> &LweCompactPublicKeyOwned<u64> {
        &self.key
    }
}

impl std::fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptionKey").field("set", &self.set).finish_non_exhaustive()
    }
}
