//! The keys with which the coordinator tallies.

use tfhe::core_crypto::prelude::SeededLweKeyswitchKey;

use super::KeyError;
use super::public::SeededKey;
use super::rotation::RotationKey;
use crate::frame::Kind;
use crate::kernel::SwitchKey;
use crate::parameters::{ParameterSet, modulus};
use crate::plan::pin_fft_plan;
use crate::scheme::Scheme;

/// The keyswitching and bootstrapping keys, ready to evaluate; 105 to 131 MB.
///
/// They decrypt nothing.
pub struct EvaluationKeys {
    scheme: Scheme,
    keyswitching: SwitchKey,
    rotation: RotationKey,
}

impl EvaluationKeys {
    /// Reads [`super::PublicMaterial::keyswitching_key`] and [`super::PublicMaterial::bootstrapping_key`],
    /// made with the federation's parameters, grows their masks and transforms them (about 0.4 s of one
    /// core). The same scheme gives the same bits.
    ///
    /// # Errors
    /// Refuses another kind of frame, other parameters and any other length.
    pub fn from_parts(
        keyswitching_key: &[u8],
        bootstrapping_key: &[u8],
        scheme: Scheme,
    ) -> Result<Self, KeyError> {
        pin_fft_plan();
        Ok(Self {
            scheme,
            keyswitching: read_keyswitching_key(keyswitching_key, scheme.parameters)?,
            rotation: RotationKey::read(bootstrapping_key, scheme)?,
        })
    }

    /// Returns the name of the parameters the keys were made for.
    #[must_use]
    pub const fn parameter_set(&self) -> ParameterSet {
        self.scheme.parameters
    }

    /// Returns how these keys tally.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) const fn keyswitching(&self) -> &SwitchKey {
        &self.keyswitching
    }

    /// Returns the bootstrapping key under its transform.
    pub(crate) const fn rotation(&self) -> &RotationKey {
        &self.rotation
    }
}

impl std::fmt::Debug for EvaluationKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvaluationKeys").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

fn read_keyswitching_key(bytes: &[u8], set: ParameterSet) -> Result<SwitchKey, KeyError> {
    let parameters = set.parameters();
    let levels = parameters.keyswitch_level_count();
    let word_count = parameters.large_dimension().0 * levels.0;
    let seeded = SeededKey::read(bytes, Kind::KeyswitchingKey, set, word_count)?;
    let key = SeededLweKeyswitchKey::from_container(
        seeded.words,
        parameters.keyswitch_base(),
        levels,
        parameters.small_size(),
        seeded.seed,
        modulus(),
    );
    Ok(SwitchKey::new(key.par_decompress_into_lwe_keyswitch_key().as_ref(), parameters))
}
