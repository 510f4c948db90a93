//! The names that a config has for the form of a federation's bootstrapping key.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// How the sole trustee's federation tallies; both give labels of the same law, but not the same bits.
///
/// Both rotate by our own kernel, which transforms, multiplies and adds in one pass, with the same bits wherever 64-bit
/// floating point is that of IEEE 754. The codes are those of version 0.1; 0 and 1 named ways that are gone, and are
/// refused.
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
#[borsh(use_discriminant = true)]
pub enum Transform {
    /// A bootstrapping key of the small key's bits, see [`super::Unrolling::Bits`].
    #[default]
    Fused = 2,
    /// A bootstrapping key of pairs, see [`super::Unrolling::Pairs`]: faster, its key half as large again.
    FusedPairs = 3,
}
