//! The keys with which the coordinator tallies.

use tfhe::core_crypto::prelude::{
    Fft, FourierLweBootstrapKey, FourierLweBootstrapKeyOwned, LweKeyswitchKeyOwned, SeededLweBootstrapKey,
    SeededLweKeyswitchKey, par_convert_standard_lwe_bootstrap_key_to_fourier,
};

use super::KeyError;
use super::public::SeededKey;
use crate::fhe::frame::Kind;
use crate::fhe::parameters::{ParameterSet, modulus};
use crate::fhe::plan::pin_fft_plan;

/// The keyswitching and bootstrapping keys, ready to evaluate; about 120 MB.
///
/// They decrypt nothing.
pub struct EvaluationKeys {
    set: ParameterSet,
    keyswitching: LweKeyswitchKeyOwned<u64>,
    bootstrapping: FourierLweBootstrapKeyOwned,
    fft: Fft,
}

impl EvaluationKeys {
    /// Reads [`super::PublicMaterial::keyswitching_key`] and [`super::PublicMaterial::bootstrapping_key`],
    /// made with the federation's parameters, grows their masks and transforms them (about 0.4 s of one
    /// core).
    ///
    /// # Errors
    /// Refuses another kind of frame, other parameters and any other length.
    pub fn from_parts(
        keyswitching_key: &[u8],
        bootstrapping_key: &[u8],
        set: ParameterSet,
    ) -> Result<Self, KeyError> {
        pin_fft_plan();
        Ok(Self {
            set,
            keyswitching: read_keyswitching_key(keyswitching_key, set)?,
            bootstrapping: read_bootstrapping_key(bootstrapping_key, set)?,
            fft: Fft::new(set.parameters().polynomial_size()),
        })
    }

    /// Returns the name of the parameters the keys were made for.
    #[must_use]
    pub const fn parameter_set(&self) -> ParameterSet {
        self.set
    }

    pub(crate) const fn keyswitching(&self) -> &LweKeyswitchKeyOwned<u64> {
        &self.keyswitching
    }

    pub(crate) const fn bootstrapping(&self) -> &FourierLweBootstrapKeyOwned {
        &self.bootstrapping
    }

    pub(crate) const fn fft(&self) -> &Fft {
        &self.fft
    }
}

impl std::fmt::Debug for EvaluationKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvaluationKeys").field("set", &self.set).finish_non_exhaustive()
    }
}

fn read_keyswitching_key(bytes: &[u8], set: ParameterSet) -> Result<LweKeyswitchKeyOwned<u64>, KeyError> {
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
    Ok(key.par_decompress_into_lwe_keyswitch_key())
}

fn read_bootstrapping_key(bytes: &[u8], set: ParameterSet) -> Result<FourierLweBootstrapKeyOwned, KeyError> {
    let parameters = set.parameters();
    let levels = parameters.bootstrap_level_count();
    let rows = parameters.glwe_size().0 * levels.0;
    let word_count = parameters.small_dimension().0 * rows * parameters.polynomial_size().0;
    let seeded = SeededKey::read(bytes, Kind::BootstrappingKey, set, word_count)?;
    let key = SeededLweBootstrapKey::from_container(
        seeded.words,
        parameters.glwe_size(),
        parameters.polynomial_size(),
        parameters.bootstrap_base(),
        levels,
        seeded.seed,
        modulus(),
    )
    .par_decompress_into_lwe_bootstrap_key();
    let mut fourier = FourierLweBootstrapKey::new(
        key.input_lwe_dimension(),
        key.glwe_size(),
        key.polynomial_size(),
        key.decomposition_base_log(),
        key.decomposition_level_count(),
    );
    par_convert_standard_lwe_bootstrap_key_to_fourier(&key, &mut fourier);
    Ok(fourier)
}
