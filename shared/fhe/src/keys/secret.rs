//! The trustee's secret keys.

use tfhe::core_crypto::prelude::{
    DefaultRandomGenerator, GlweSecretKey, GlweSecretKeyView, LweSecretKey, LweSecretKeyView,
    SecretRandomGenerator, generate_binary_lwe_secret_key,
};
use zeroize::Zeroizing;

use super::{KeyError, SeedSource};
use crate::frame::{FrameReader, FrameWriter, Kind};
use crate::parameters::ParameterSet;
use crate::scheme::Unrolling;

const BITS: usize = 8;

/// The secret keys of a federation: whoever holds them can decrypt every ballot.
///
/// The large key decrypts ballots and labels; the small key lives inside the tally. Both are binary, are kept
/// one bit per word, and are overwritten when dropped.
pub struct SecretKeys {
    set: ParameterSet,
    large: Zeroizing<Vec<u64>>,
    small: Zeroizing<Vec<u64>>,
}

impl SecretKeys {
    /// Draws new keys from the operating system's randomness.
    ///
    /// # Errors
    /// Fails if the operating system gives no randomness.
    pub fn generate(set: ParameterSet) -> Result<Self, KeyError> {
        Self::draw(set, &mut SeedSource::OperatingSystem)
    }

    /// Draws the keys that belong to a test's seed.
    #[cfg(test)]
    pub(crate) fn seeded(set: ParameterSet, seed: u128) -> Self {
        use tfhe::core_crypto::commons::{generators::DeterministicSeeder, math::random::Seed};
        Self::draw(set, &mut SeedSource::Fixed(Box::new(DeterministicSeeder::new(Seed(seed))))).unwrap()
    }

    fn draw(set: ParameterSet, seeds: &mut SeedSource) -> Result<Self, KeyError> {
        let parameters = set.parameters();
        let large = draw_bits(parameters.large_dimension().0, seeds)?;
        let small = draw_bits(parameters.small_dimension().0, seeds)?;
        Ok(Self { set, large, small })
    }

    /// Returns the name of the parameters the keys were made for.
    #[must_use]
    pub const fn parameter_set(&self) -> ParameterSet {
        self.set
    }

    /// Returns the keys as a frame, one bit per key bit, for the trustee's vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut frame = FrameWriter::new(Kind::SecretKeys, content_bytes(self.set));
        frame.bytes(&self.set.digest());
        for key in [&self.large, &self.small] {
            let packed: Zeroizing<Vec<u8>> = Zeroizing::new(key.chunks(BITS).map(pack).collect());
            frame.bytes(&packed);
        }
        Zeroizing::new(frame.finish())
    }

    /// Reads keys from their frame.
    ///
    /// # Errors
    /// Refuses another kind of frame, unknown parameters, another length, and set padding bits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut frame = FrameReader::header(bytes, Kind::SecretKeys)?;
        let set = frame.parameter_set()?;
        frame.expect_rest(content_bytes(set) - DIGEST)?;
        let parameters = set.parameters();
        let (large, small) = frame.rest().split_at(parameters.large_dimension().0.div_ceil(BITS));
        let unpack = |packed, bits| {
            unpack(packed, bits).ok_or_else(|| super::FrameError::Padding { what: frame.what() })
        };
        Ok(Self {
            set,
            large: unpack(large, parameters.large_dimension().0)?,
            small: unpack(small, parameters.small_dimension().0)?,
        })
    }

    /// Returns the large key as an LWE key, which decrypts slots and labels.
    pub(crate) fn large(&self) -> LweSecretKeyView<'_, u64> {
        LweSecretKey::from_container(&self.large)
    }

    /// Returns the large key as a GLWE key, under which the bootstrapping key is encrypted.
    pub(crate) fn large_glwe(&self) -> GlweSecretKeyView<'_, u64> {
        GlweSecretKey::from_container(&self.large, self.set.parameters().polynomial_size())
    }

    /// Returns the bits that the bootstrapping key encrypts: those of the small key, or the three products of each
    /// pair.
    pub(crate) fn rotation_bits(&self, unrolling: Unrolling) -> Zeroizing<Vec<u64>> {
        match unrolling {
            Unrolling::Bits => self.small.clone(),
            Unrolling::Pairs => {
                let mut bits = Zeroizing::new(Vec::with_capacity(unrolling.terms(self.small.len())));
                for [first, second] in self.small.as_chunks::<2>().0 {
                    bits.extend([first & (1 ^ second), (1 ^ first) & second, first & second]);
                }
                bits
            }
        }
    }

    pub(crate) fn small(&self) -> LweSecretKeyView<'_, u64> {
        LweSecretKey::from_container(&self.small)
    }
}

impl std::fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKeys").field("set", &self.set).finish_non_exhaustive()
    }
}

const DIGEST: usize = 32;

fn content_bytes(set: ParameterSet) -> usize {
    let parameters = set.parameters();
    DIGEST + parameters.large_dimension().0.div_ceil(BITS) + parameters.small_dimension().0.div_ceil(BITS)
}

/// Draws key bits, one per word.
fn draw_bits(dimension: usize, seeds: &mut SeedSource) -> Result<Zeroizing<Vec<u64>>, KeyError> {
    let mut bits = Zeroizing::new(vec![0_u64; dimension]);
    let mut generator = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeds.seed()?);
    generate_binary_lwe_secret_key(&mut LweSecretKey::from_container(bits.as_mut_slice()), &mut generator);
    Ok(bits)
}

/// Packs up to eight key bits, the first one lowest.
fn pack(bits: &[u64]) -> u8 {
    bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit == 1))
}

/// Unpacks `count` key bits; `None` if a bit after the last one is set.
fn unpack(packed: &[u8], count: usize) -> Option<Zeroizing<Vec<u64>>> {
    let mut bits = Zeroizing::new(Vec::with_capacity(packed.len() * BITS));
    for &byte in packed {
        bits.extend((0..BITS).map(|place| u64::from(byte >> place & 1)));
    }
    if bits.iter().skip(count).any(|&bit| bit == 1) {
        return None;
    }
    bits.truncate(count);
    Some(bits)
}
