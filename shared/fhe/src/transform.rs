//! The ways to multiply polynomials inside the tally's bootstraps.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// How the tally multiplies polynomials; all give labels of the same law, but not the same bits.
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
pub enum Transform {
    /// The Fourier transform in 64-bit floating point, by tfhe's own rotation: the fallback, and what our kernel is tested
    /// against; bit-identical on one kind of CPU only.
    Fourier,
    /// The number-theoretic transform modulo 2^64 − 2^32 + 1: integers alone, slower, and bit-identical everywhere.
    Integer,
    /// The Fourier transform by our own kernel, which transforms, multiplies and adds in one pass: fast, and bit-identical
    /// wherever 64-bit floating point is that of IEEE 754.
    #[default]
    Fused,
    /// The same with a bootstrapping key of pairs, see [`super::Unrolling::Pairs`]: fastest, its key half as large again.
    FusedPairs,
}
