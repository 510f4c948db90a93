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

/// How a federation tallies: the same scheme, sum and keys give the same bits (with [`Transform::Fourier`]
/// on one kind of CPU).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scheme {
    /// The numbers of the encryption.
    pub parameters: ParameterSet,
    /// How polynomials are multiplied; with [`Transform::Fused`] the next field tells the two forms apart.
    pub transform: Transform,
    /// Which form the bootstrapping key has.
    pub unrolling: Unrolling,
}

impl Scheme {
    /// Returns the scheme that a config names.
    #[must_use]
    pub const fn new(parameters: ParameterSet, transform: Transform) -> Self {
        match transform {
            Transform::FusedPairs => {
                Self { parameters, transform: Transform::Fused, unrolling: Unrolling::Pairs }
            }
            _ => Self { parameters, transform, unrolling: Unrolling::Bits },
        }
    }

    /// The scheme with the most noise. Range and scale of a tournament follow from it, whatever the federation's, so
    /// that they do not depend on keys or kernel.
    pub(crate) const NOISIEST: Self =
        Self { parameters: ParameterSet::Swift, transform: Transform::Fused, unrolling: Unrolling::Pairs };
}
