//! What a trustee publishes: three seeded keys, each in a frame of its own.

use tfhe::core_crypto::commons::math::random::{CompressionSeed, Seed};
use tfhe::core_crypto::prelude::{
    LweDimension, LweSecretKey, SeededLweBootstrapKey, SeededLweCompactPublicKey, SeededLweKeyswitchKey,
    generate_seeded_lwe_compact_public_key, generate_seeded_lwe_keyswitch_key,
    par_generate_seeded_lwe_bootstrap_key,
};

use super::{KeyError, SecretKeys, SeedSource};
use crate::frame::{FrameReader, FrameWriter, Kind, WORD};
use crate::parameters::{ParameterSet, modulus};
use crate::scheme::Unrolling;

/// The public keys of a federation, ready for the wire: masks are replaced by the seed they grow from.
///
/// Each blob is a frame: header, parameter digest, seed, raw words. About 16.4 kB, 131 kB and 26.2 MB with
/// [`super::super::SWIFT`], and half as much again for the last where pairs of key bits are taken up together.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicMaterial {
    /// The key participants encrypt ballots with.
    pub public_key: Vec<u8>,
    /// The key that leads from the large to the small key inside the tally.
    pub keyswitching_key: Vec<u8>,
    /// The encryption of the small key under the large one, with which the tally bootstraps.
    pub bootstrapping_key: Vec<u8>,
}

impl SecretKeys {
    /// Makes the public material of these keys, with fresh masks and noise (about 1.2 s of one core).
    ///
    /// Called twice it gives two different materials for the same keys; publish one of them.
    ///
    /// # Errors
    /// Fails if the operating system gives no randomness.
    pub fn public_material(&self, unrolling: Unrolling) -> Result<PublicMaterial, KeyError> {
        self.public_material_from(unrolling, &mut SeedSource::OperatingSystem)
    }

    pub(crate) fn public_material_from(
        &self,
        unrolling: Unrolling,
        seeds: &mut SeedSource,
    ) -> Result<PublicMaterial, KeyError> {
        Ok(PublicMaterial {
            public_key: self.public_key(seeds)?,
            keyswitching_key: self.keyswitching_key(seeds)?,
            bootstrapping_key: self.bootstrapping_key(unrolling, seeds)?,
        })
    }

    fn public_key(&self, seeds: &mut SeedSource) -> Result<Vec<u8>, KeyError> {
        let parameters = self.parameter_set().parameters();
        let seed = seeds.seed()?;
        let mut key = SeededLweCompactPublicKey::new(0, parameters.large_dimension(), seed.into(), modulus());
        let noise = parameters.glwe_noise();
        generate_seeded_lwe_compact_public_key(&self.large(), &mut key, noise, &mut seeds.noise()?);
        Ok(frame(Kind::PublicKey, self.parameter_set(), seed, key.as_ref()))
    }

    fn keyswitching_key(&self, seeds: &mut SeedSource) -> Result<Vec<u8>, KeyError> {
        let parameters = self.parameter_set().parameters();
        let seed = seeds.seed()?;
        let mut key = SeededLweKeyswitchKey::new(
            0,
            parameters.keyswitch_base(),
            parameters.keyswitch_level_count(),
            parameters.large_dimension(),
            parameters.small_dimension(),
            seed.into(),
            modulus(),
        );
        let noise = parameters.lwe_noise();
        generate_seeded_lwe_keyswitch_key(&self.large(), &self.small(), &mut key, noise, &mut seeds.noise()?);
        Ok(frame(Kind::KeyswitchingKey, self.parameter_set(), seed, key.as_ref()))
    }

    fn bootstrapping_key(&self, unrolling: Unrolling, seeds: &mut SeedSource) -> Result<Vec<u8>, KeyError> {
        let bits = self.rotation_bits(unrolling);
        let parameters = self.parameter_set().parameters();
        let seed = seeds.seed()?;
        let mut key = SeededLweBootstrapKey::new(
            0,
            parameters.glwe_size(),
            parameters.polynomial_size(),
            parameters.bootstrap_base(),
            parameters.bootstrap_level_count(),
            LweDimension(bits.len()),
            seed.into(),
            modulus(),
        );
        let noise = parameters.glwe_noise();
        par_generate_seeded_lwe_bootstrap_key(
            &LweSecretKey::from_container(bits.as_slice()),
            &self.large_glwe(),
            &mut key,
            noise,
            &mut seeds.noise()?,
        );
        Ok(frame(bootstrapping_kind(unrolling), self.parameter_set(), seed, key.as_ref()))
    }
}

/// Returns the kind of frame of a bootstrapping key of this form.
pub(super) const fn bootstrapping_kind(unrolling: Unrolling) -> Kind {
    match unrolling {
        Unrolling::Bits => Kind::BootstrappingKey,
        Unrolling::Pairs => Kind::PairBootstrappingKey,
    }
}

impl std::fmt::Debug for PublicMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicMaterial")
            .field("public_key_bytes", &self.public_key.len())
            .field("keyswitching_key_bytes", &self.keyswitching_key.len())
            .field("bootstrapping_key_bytes", &self.bootstrapping_key.len())
            .finish()
    }
}

const DIGEST: usize = 32;
const SEED: usize = size_of::<u128>();

fn frame(kind: Kind, set: ParameterSet, seed: Seed, words: &[u64]) -> Vec<u8> {
    FrameWriter::new(kind, DIGEST + SEED + words.len() * WORD)
        .bytes(&set.digest())
        .bytes(&seed.0.to_le_bytes())
        .words(words)
        .finish()
}

/// A seeded key as it came from the wire, of the exact length its parameters ask for.
pub(super) struct SeededKey {
    pub(super) seed: CompressionSeed,
    pub(super) words: Vec<u64>,
}

impl SeededKey {
    /// Reads a frame of this kind and parameter set with exactly `word_count` words.
    pub(super) fn read(
        bytes: &[u8],
        kind: Kind,
        set: ParameterSet,
        word_count: usize,
    ) -> Result<Self, KeyError> {
        let mut frame = FrameReader::header(bytes, kind)?;
        frame.expect_parameters(set)?;
        frame.expect_rest(SEED + word_count * WORD)?;
        let seed = Seed(u128::from_le_bytes(frame.array()?)).into();
        Ok(Self { seed, words: frame.words() })
    }
}
