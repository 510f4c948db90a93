//! Constants of a federation's columns: exact decimals of either sign.

use crate::decimal::Decimal;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A decimal of either sign with at most six digits after the point and below 10⁹ in size, kept as whole millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Constant(i64);

impl Constant {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(Decimal::SCALE.cast_signed());

    /// Reads a float that prints as a short decimal.
    ///
    /// # Errors
    /// NaN, infinities, 10⁹ and above, and more than six digits after the point; in words.
    pub fn from_float(value: f64) -> Result<Self, String> {
        let size = Decimal::from_float(value.abs()).map_err(|e| e.to_string())?.millionths().cast_signed();
        Ok(Self(if value < 0.0 { -size } else { size }))
    }

    /// Returns the nearest float.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Both are exact below 2^53, so the division rounds once.
        self.0 as f64 / Decimal::SCALE as f64
    }

    /// Returns whether the value is one that [`Constant::from_float`] gives; bytes may hold others.
    pub(super) fn is_in_range(self) -> bool {
        Decimal::from_millionths(self.0.unsigned_abs()).is_ok()
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_f64().fmt(f)
    }
}

impl Serialize for Constant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scale = Decimal::SCALE.cast_signed();
        match self.0 % scale {
            0 => serializer.serialize_i64(self.0 / scale),
            _ => serializer.serialize_f64(self.to_f64()),
        }
    }
}

impl<'de> Deserialize<'de> for Constant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Stand::deserialize(deserializer)? {
            Stand::Number(constant) => Ok(constant),
            Stand::Word(word) => Err(de::Error::custom(format!("`{word}` is not a number"))),
        }
    }
}

/// What stands in for a missing cell, as a config writes it: a number or a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Stand {
    /// A number.
    Number(Constant),
    /// A category, or `error`.
    Word(String),
}

impl<'de> Deserialize<'de> for Stand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StandVisitor)
    }
}

/// Visitor that keeps the reason for which a number is refused, which serde's untagged enums lose.
struct StandVisitor;

impl de::Visitor<'_> for StandVisitor {
    type Value = Stand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a word")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Stand, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Stand, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Stand, E> {
        Constant::from_float(value).map(Stand::Number).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Stand, E> {
        Ok(Stand::Word(value.to_owned()))
    }
}
