//! Privacy loss as an exact integer.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use dashu::integer::IBig;
use dashu::rational::RBig;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A privacy loss ρ in zero-concentrated differential privacy (Bun, Steinke 2016), in whole units of 2^-50.
///
/// Every charge is rounded up once, then sums and comparisons are exact, so the order of composition never
/// matters. JSON carries the units as a string, because they exceed what many readers keep of a number.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Rho(u128);

impl Rho {
    /// No loss.
    pub const ZERO: Self = Self(0);
    /// The number of units in ρ = 1.
    pub const ONE: u128 = 1 << 50;

    /// Makes a loss from units of 2^-50.
    pub const fn from_units(units: u128) -> Self {
        Self(units)
    }

    /// Returns the loss in units of 2^-50.
    pub const fn units(self) -> u128 {
        self.0
    }

    /// Adds two losses; `None` if the sum exceeds 128 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Subtracts a loss; `None` if less than `other` is there.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Multiplies the loss of one instance by a number of instances; `None` above 128 bits.
    pub fn checked_mul(self, instances: u64) -> Option<Self> {
        self.0.checked_mul(u128::from(instances)).map(Self)
    }

    /// Returns ρ as the smallest float that is not below it.
    pub fn to_f64(self) -> f64 {
        // Dividing by a power of two is exact here.
        float_above(self.0) / Self::ONE as f64
    }

    /// Rounds a rational loss up to whole units; `None` if it is negative or exceeds 128 bits.
    pub(super) fn at_least(loss: RBig) -> Option<Self> {
        let units = (loss * RBig::from(IBig::from(Self::ONE))).ceil();
        u128::try_from(units).ok().map(Self)
    }
}

impl fmt::Display for Rho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

impl Serialize for Rho {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Rho {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        let units = text.parse().map_err(|_| {
            de::Error::custom(format_args!("`{text}` is not a privacy loss: give units of 2^-50 as digits"))
        })?;
        Ok(Self(units))
    }
}

/// Returns the smallest float that is not below `value`.
pub(super) fn float_above(value: u128) -> f64 {
    let nearest = value as f64;
    // A float of 2^128 saturates the cast back, and is then not below the value either.
    if (nearest as u128) < value { nearest.next_up() } else { nearest }
}
