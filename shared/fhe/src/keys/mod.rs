//! Keys: the trustee's secret keys, what it publishes, and what participants and the coordinator make of it.

mod encryption;
mod evaluation;
mod public;
mod rotation;
mod secret;

use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::DefaultRandomGenerator;

pub use encryption::EncryptionKey;
pub use evaluation::EvaluationKeys;
pub use public::PublicMaterial;
pub use secret::SecretKeys;

use super::frame::FrameError;

/// Why a key cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not the frame of such a key.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The key has another number of words.
    #[error("a public key of {found} words, expected exactly {expected}")]
    Words {
        /// Words found.
        found: usize,
        /// Words of every public key.
        expected: usize,
    },
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
}

/// Draws a 128-bit seed from the operating system.
pub(crate) fn random_seed() -> Result<Seed, KeyError> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; 16]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| KeyError::Randomness(error.to_string()))?;
    Ok(Seed(u128::from_le_bytes(*bytes)))
}

/// The seeder from which a key's noise is drawn.
type NoiseSeeder = DeterministicSeeder<DefaultRandomGenerator>;

/// Where key generation takes its seeds: the operating system, or in tests a fixed stream.
pub(crate) enum SeedSource {
    OperatingSystem,
    #[cfg(test)]
    Fixed(Box<NoiseSeeder>),
}

impl SeedSource {
    pub(crate) fn seed(&mut self) -> Result<Seed, KeyError> {
        match self {
            Self::OperatingSystem => random_seed(),
            #[cfg(test)]
            Self::Fixed(seeder) => Ok(tfhe::core_crypto::prelude::Seeder::seed(seeder.as_mut())),
        }
    }

    pub(crate) fn noise(&mut self) -> Result<NoiseSeeder, KeyError> {
        Ok(DeterministicSeeder::new(self.seed()?))
    }
}
