//! The parameter sets: every number of the encryption scheme, named once.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tfhe::core_crypto::prelude::{
    CiphertextModulus, DecompositionBaseLog, DecompositionLevelCount, DynamicDistribution, GlweSize,
    LweDimension, LweSize, PolynomialSize, StandardDev,
};

use super::argmax::ArgmaxKind;

/// The numbers of one encryption scheme over 64-bit words with the native modulus 2^64.
///
/// Noise under the large key is tfhe's TUniform(b): uniform on −2^b..=2^b with half weight at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Dimension n of the small key, under which a ciphertext enters a bootstrap.
    pub lwe_dimension: u32,
    /// Number k of polynomials in the large key.
    pub glwe_dimension: u32,
    /// Degree N of those polynomials; a phase is read in 2N ticks.
    pub polynomial_size: u32,
    /// The noise under the small key.
    pub lwe_noise: Noise,
    /// log2 of the noise bound under the large key, ballots included.
    pub glwe_noise_log2: u32,
    /// log2 of the decomposition base of the bootstrapping key.
    pub bootstrap_base_log: u32,
    /// Number of decomposition levels of the bootstrapping key.
    pub bootstrap_levels: u32,
    /// log2 of the decomposition base of the keyswitching key.
    pub keyswitch_base_log: u32,
    /// Number of decomposition levels of the keyswitching key.
    pub keyswitch_levels: u32,
}

/// The distribution of a key's noise, in units of 2^-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// Uniform on −2^b..=2^b with half weight at both ends.
    TUniform {
        /// log2 of the bound, b.
        bound_log2: u32,
    },
    /// A rounded Gaussian.
    Gaussian {
        /// Standard deviation.
        deviation: u64,
    },
}

/// The secure set of the exact circuit: `V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128` of tfhe-rs 1.8 (128-bit security).
///
/// The failure probability 2^-128 in that name is of tfhe's own look-ups; this circuit's is in `docs/FHE.md`.
pub const FULL: Parameters = Parameters {
    lwe_dimension: 918,
    glwe_dimension: 1,
    polynomial_size: 2048,
    lwe_noise: Noise::TUniform { bound_log2: 45 },
    glwe_noise_log2: 17,
    bootstrap_base_log: 23,
    bootstrap_levels: 1,
    keyswitch_base_log: 4,
    keyswitch_levels: 4,
};

/// The secure set of the tournament: a shorter small key than that of [`FULL`], hence more noise, which the noise of the
/// votes hides.
///
/// At n = 800 the noise is the least that tfhe's own formula asks for 132 bits; a test compares them.
pub const SWIFT: Parameters = Parameters {
    lwe_dimension: 800,
    lwe_noise: Noise::Gaussian { deviation: SWIFT_DEVIATION },
    keyswitch_base_log: 2,
    keyswitch_levels: 8,
    ..FULL
};

/// 2^46.745; the formula gives 2^46.744.
const SWIFT_DEVIATION: u64 = 117_900_000_000_000;

/// A set without any security, for fast tests: a tiny small key, everything else as in [`FULL`].
pub const INSECURE_TOY: Parameters =
    Parameters { lwe_dimension: 64, lwe_noise: Noise::TUniform { bound_log2: 30 }, ..FULL };

/// The name under which a federation's config chooses its [`Parameters`].
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = false)]
pub enum ParameterSet {
    /// The secure set [`FULL`], which the exact circuit takes.
    Full,
    /// The set [`INSECURE_TOY`], which protects nothing.
    InsecureToy,
    /// The secure set [`SWIFT`], which the tournament takes.
    #[default]
    Swift,
}

impl ParameterSet {
    /// All sets, the secure ones first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Swift, Self::InsecureToy];

    /// Returns the secure set for a circuit.
    #[must_use]
    pub const fn of(argmax: ArgmaxKind) -> Self {
        match argmax {
            ArgmaxKind::Tournament | ArgmaxKind::Within(_) => Self::Swift,
            // Its comparisons have no room for more noise.
            ArgmaxKind::Exact => Self::Full,
        }
    }

    /// Returns the numbers behind the name.
    #[must_use]
    pub const fn parameters(self) -> &'static Parameters {
        match self {
            Self::Full => &FULL,
            Self::Swift => &SWIFT,
            Self::InsecureToy => &INSECURE_TOY,
        }
    }

    /// Returns the name as it stands in a config.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Swift => "swift",
            Self::InsecureToy => "insecure_toy",
        }
    }

    /// Returns SHA-256 over the numbers, which stands in every frame that depends on them.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        self.parameters().digest()
    }
}

impl Parameters {
    fn digest(&self) -> [u8; 32] {
        let numbers = [
            self.lwe_dimension,
            self.glwe_dimension,
            self.polynomial_size,
            self.glwe_noise_log2,
            self.bootstrap_base_log,
            self.bootstrap_levels,
            self.keyswitch_base_log,
            self.keyswitch_levels,
        ];
        let mut hasher = Sha256::new();
        hasher.update(b"psephos fhe parameters v2");
        let (kind, spread) = match self.lwe_noise {
            Noise::TUniform { bound_log2 } => (0, u64::from(bound_log2)),
            Noise::Gaussian { deviation } => (1_u8, deviation),
        };
        hasher.update([kind]);
        hasher.update(spread.to_le_bytes());
        for number in numbers {
            hasher.update(number.to_le_bytes());
        }
        hasher.finalize().into()
    }

    pub(crate) const fn small_dimension(&self) -> LweDimension {
        LweDimension(self.lwe_dimension as usize)
    }

    pub(crate) const fn small_size(&self) -> LweSize {
        LweSize(self.lwe_dimension as usize + 1)
    }

    /// Dimension k·N of the large key read as an LWE key; also that of the public encryption key.
    pub(crate) const fn large_dimension(&self) -> LweDimension {
        LweDimension((self.glwe_dimension * self.polynomial_size) as usize)
    }

    pub(crate) const fn large_size(&self) -> LweSize {
        LweSize((self.glwe_dimension * self.polynomial_size) as usize + 1)
    }

    pub(crate) const fn glwe_size(&self) -> GlweSize {
        GlweSize(self.glwe_dimension as usize + 1)
    }

    pub(crate) const fn polynomial_size(&self) -> PolynomialSize {
        PolynomialSize(self.polynomial_size as usize)
    }

    pub(crate) fn lwe_noise(&self) -> DynamicDistribution<u64> {
        match self.lwe_noise {
            Noise::TUniform { bound_log2 } => DynamicDistribution::new_t_uniform(bound_log2),
            Noise::Gaussian { deviation } => {
                DynamicDistribution::new_gaussian_from_std_dev(StandardDev(deviation as f64 / 64_f64.exp2()))
            }
        }
    }

    pub(crate) const fn glwe_noise(&self) -> DynamicDistribution<u64> {
        DynamicDistribution::new_t_uniform(self.glwe_noise_log2)
    }

    pub(crate) const fn bootstrap_base(&self) -> DecompositionBaseLog {
        DecompositionBaseLog(self.bootstrap_base_log as usize)
    }

    pub(crate) const fn bootstrap_level_count(&self) -> DecompositionLevelCount {
        DecompositionLevelCount(self.bootstrap_levels as usize)
    }

    pub(crate) const fn keyswitch_base(&self) -> DecompositionBaseLog {
        DecompositionBaseLog(self.keyswitch_base_log as usize)
    }

    pub(crate) const fn keyswitch_level_count(&self) -> DecompositionLevelCount {
        DecompositionLevelCount(self.keyswitch_levels as usize)
    }
}

/// Returns the ciphertext modulus of every object in this room: the native 2^64.
pub(crate) const fn modulus() -> CiphertextModulus<u64> {
    CiphertextModulus::new_native()
}

/// Slots of one ballot list and degree N of every parameter set.
pub(crate) const POLYNOMIAL_SIZE: usize = FULL.polynomial_size as usize;

// Layout and scale do not depend on the set; all sets must agree on what they use.
const _: () =
    assert!(INSECURE_TOY.polynomial_size == FULL.polynomial_size && INSECURE_TOY.glwe_dimension == 1);
const _: () = assert!(SWIFT.polynomial_size == FULL.polynomial_size && SWIFT.glwe_dimension == 1);
const _: () = assert!(FULL.glwe_dimension == 1 && FULL.bootstrap_levels == 1);
