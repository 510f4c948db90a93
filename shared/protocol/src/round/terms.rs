//! Terms that an announcement fixes: of the test, of the tally.

use borsh::{BorshDeserialize, BorshSerialize};
use fhe::ArgmaxKind;
use privacy::ShareSize;
use serde::{Deserialize, Serialize};

/// Terms of a two-step round's test: the same votes, with noise and an encoding of their own.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
pub struct TestTerms {
    /// Scale of each participant's noise share, in votes.
    pub share_size: ShareSize,
    /// Scale of the coordinator's own noise, in votes.
    pub coordinator_share_size: ShareSize,
    /// Bound D on the difference of two noisy counts, or of one and T, in votes.
    pub bound: u64,
    /// Scale at which one vote is encoded on the 64-bit torus.
    pub scale: u64,
}

/// Terms of the tally: who finds the winner, and how.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TallyTerms {
    /// The coordinator, under encryption; the sole trustee opens the labels.
    Homomorphic {
        /// The circuit that finds the winner.
        argmax: ArgmaxKind,
        /// Levels of a tournament before its last one that are read finely; those below err more, which the noise hides.
        precise_levels: u32,
    },
    /// Several trustees together, on shares of the sum, exactly.
    Shared {
        /// Bits k of a count before the point.
        whole_bits: u32,
        /// Bits g of a count after the point.
        fraction_bits: u32,
    },
}

impl std::fmt::Display for TallyTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Homomorphic { argmax, precise_levels } => {
                write!(f, "homomorphic, {argmax}, {precise_levels} precise levels")
            }
            Self::Shared { whole_bits, fraction_bits } => {
                write!(f, "among the trustees, {whole_bits} + {fraction_bits} bits")
            }
        }
    }
}
