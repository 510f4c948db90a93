//! Which machine computes a tally: all that decides its bits besides the ballots and the keys' randomness.

use super::{parameters::ParameterSet, transform::Transform};

/// Which bits of the small key one iteration of a blind rotation takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unrolling {
    /// One bit: the bootstrapping key encrypts the bits themselves.
    #[default]
    Bits,
    /// Two bits: it encrypts s₀(1 − s₁), (1 − s₀)s₁ and s₀s₁ of each pair, so it is half as large again, and half of the
    /// transforms fall away. That products of key bits may be encrypted is what tfhe assumes of its multi-bit keys.
    Pairs,
}

impl Unrolling {
    /// Encrypted products for each iteration, and key bits that an iteration takes up.
    pub(crate) const fn terms_and_bits(self) -> (usize, usize) {
        match self {
            Self::Bits => (1, 1),
            Self::Pairs => (3, 2),
        }
    }

    /// Encrypted products for a small key of `dimension` bits, an even number.
    pub(crate) const fn terms(self, dimension: usize) -> usize {
        let (terms, bits) = self.terms_and_bits();
        dimension / bits * terms
    }
}

/// Who rotates: our own kernel, or the library that it is tested against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// Our own kernel, which transforms, multiplies and adds in one pass: fast, and bit-identical wherever 64-bit floating
    /// point is that of IEEE 754.
    #[default]
    Fused,
    /// tfhe's own rotation, for tests and benchmarks; bit-identical on one kind of CPU only. No config can name it.
    Fourier,
}

/// How a federation tallies: the same scheme, sum and keys give the same bits (with [`Rotation::Fourier`]
/// on one kind of CPU).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scheme {
    /// The numbers of the encryption.
    pub parameters: ParameterSet,
    /// Who rotates.
    pub rotation: Rotation,
    /// Which form the bootstrapping key has.
    pub unrolling: Unrolling,
}

impl Scheme {
    /// Returns the scheme that a config names.
    #[must_use]
    pub const fn new(parameters: ParameterSet, transform: Transform) -> Self {
        let unrolling = match transform {
            Transform::Fused => Unrolling::Bits,
            Transform::FusedPairs => Unrolling::Pairs,
        };
        Self { parameters, rotation: Rotation::Fused, unrolling }
    }

    /// The scheme with the most noise. Range and scale of a tournament follow from it, whatever the federation's, so
    /// that they do not depend on keys or kernel.
    pub(crate) const NOISIEST: Self =
        Self { parameters: ParameterSet::Swift, rotation: Rotation::Fused, unrolling: Unrolling::Pairs };
}
