//! δ, the probability with which (ε, δ)-differential privacy may fail.

use std::fmt;
use std::io;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// A δ strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, BorshSerialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Delta(f64);

/// Why a number is no δ.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DeltaError {
    /// The value is not strictly between 0 and 1.
    #[error("delta {0} is not above 0 and below 1: give a small probability, such as 1e-5")]
    OutOfRange(f64),
    /// The text is not a number.
    #[error("delta `{0}` is not a number: give a small probability, such as 1e-5")]
    NotANumber(String),
}

impl Delta {
    /// Returns the probability.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Delta {
    type Error = DeltaError;

    fn try_from(value: f64) -> Result<Self, DeltaError> {
        // NaN fails both comparisons.
        if value > 0.0 && value < 1.0 { Ok(Self(value)) } else { Err(DeltaError::OutOfRange(value)) }
    }
}

impl From<Delta> for f64 {
    fn from(delta: Delta) -> Self {
        delta.0
    }
}

impl FromStr for Delta {
    type Err = DeltaError;

    fn from_str(text: &str) -> Result<Self, DeltaError> {
        let value: f64 = text.parse().map_err(|_| DeltaError::NotANumber(text.chars().take(40).collect()))?;
        Self::try_from(value)
    }
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:e}", self.0)
    }
}

impl BorshDeserialize for Delta {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let value = f64::deserialize_reader(reader)?;
        Self::try_from(value).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
