//! What one instance looks like; part of a federation's config.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The largest number of values one instance may hold.
pub const MAX_VALUES: usize = 1_000_000;

/// What the values of an instance mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceKind {
    /// Pixels in [0, 1], shape `[height, width]` or `[channels, height, width]`.
    Image,
    /// Samples of a signal, any finite value, shape `[length]` or `[channels, length]`.
    Signal,
    /// Columns of a table, any finite value, shape `[columns]`.
    Table,
}

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The number of dimensions does not fit the kind.
    #[error("schema of kind {kind}: shape {shape:?} has {} dimensions; use {allowed}", shape.len())]
    Dimensions {
        /// The kind as written in a config.
        kind: InstanceKind,
        /// The refused shape.
        shape: Vec<usize>,
        /// The shapes this kind takes.
        allowed: &'static str,
    },
    /// A dimension is zero.
    #[error("schema shape {shape:?} has a zero at position {position}; every dimension must be at least 1")]
    ZeroDimension {
        /// The refused shape.
        shape: Vec<usize>,
        /// Where the zero is, counted from 0.
        position: usize,
    },
    /// The instance would hold more than [`MAX_VALUES`] values.
    #[error("schema shape {shape:?} holds more than {MAX_VALUES} values per instance; use smaller instances")]
    TooLarge {
        /// The refused shape.
        shape: Vec<usize>,
    },
}

/// The kind and shape of every instance of a federation: at least one and at most [`MAX_VALUES`] values.
///
/// Scaling is never fitted to a participant's data: it comes with the files, or is fixed by the federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize)]
#[serde(try_from = "UncheckedSchema")]
pub struct InstanceSchema {
    kind: InstanceKind,
    shape: Vec<usize>,
}

#[derive(Deserialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedSchema {
    kind: InstanceKind,
    shape: Vec<usize>,
}

impl InstanceSchema {
    /// Checks kind and shape together.
    ///
    /// # Errors
    /// A wrong number of dimensions, a zero dimension, or more than [`MAX_VALUES`] values.
    pub fn new(kind: InstanceKind, shape: Vec<usize>) -> Result<Self, SchemaError> {
        let (dimensions, allowed) = kind.dimensions();
        if !dimensions.contains(&shape.len()) {
            return Err(SchemaError::Dimensions { kind, shape, allowed });
        }
        if let Some(position) = shape.iter().position(|&d| d == 0) {
            return Err(SchemaError::ZeroDimension { shape, position });
        }
        let values = shape.iter().try_fold(1_usize, |product, &d| product.checked_mul(d));
        if values.is_none_or(|v| v > MAX_VALUES) {
            return Err(SchemaError::TooLarge { shape });
        }
        Ok(Self { kind, shape })
    }

    /// What the values mean.
    #[must_use]
    pub fn kind(&self) -> InstanceKind {
        self.kind
    }

    /// The shape of one instance.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of values of one instance.
    #[must_use]
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Channels and the shape behind them: `[1, 28, 28]` for an image of shape `[28, 28]`.
    #[must_use]
    pub fn shape_with_channels(&self) -> Vec<usize> {
        let (dimensions, _) = self.kind.dimensions();
        if self.shape.len() == *dimensions.end() {
            return self.shape.clone();
        }
        let mut shape = vec![1];
        shape.extend(&self.shape);
        shape
    }
}

impl InstanceKind {
    fn dimensions(self) -> (std::ops::RangeInclusive<usize>, &'static str) {
        match self {
            Self::Image => (2..=3, "[height, width] or [channels, height, width]"),
            Self::Signal => (1..=2, "[length] or [channels, length]"),
            Self::Table => (1..=1, "[columns]"),
        }
    }
}

impl std::fmt::Display for InstanceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Image => "image",
            Self::Signal => "signal",
            Self::Table => "table",
        })
    }
}

impl TryFrom<UncheckedSchema> for InstanceSchema {
    type Error = SchemaError;

    fn try_from(unchecked: UncheckedSchema) -> Result<Self, SchemaError> {
        Self::new(unchecked.kind, unchecked.shape)
    }
}

impl BorshDeserialize for InstanceSchema {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let unchecked = UncheckedSchema::deserialize_reader(reader)?;
        Self::try_from(unchecked).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))
    }
}
