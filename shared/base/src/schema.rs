//! What one instance looks like; part of a federation's config.

use super::columns::{self, Column};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The largest number of values one instance may hold.
pub const MAX_VALUES: usize = 1_000_000;

/// What the values of an instance mean.
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
    /// Neither a shape nor columns are given.
    #[error("schema of kind {kind} has neither shape nor columns; give the shape, or a table's columns")]
    NoShape {
        /// The kind as written in a config.
        kind: InstanceKind,
    },
    /// Columns are given for something else than a table.
    #[error("columns belong to kind = \"table\", and this is kind {kind}; leave them out")]
    ColumnsOf {
        /// The kind as written in a config.
        kind: InstanceKind,
    },
    /// The shape is not the one that follows from the columns.
    #[error("schema shape {shape:?} is not what the columns give, [{values}]; leave shape out")]
    ColumnsShape {
        /// The refused shape.
        shape: Vec<usize>,
        /// The number of values of the columns.
        values: usize,
    },
    /// A column cannot be used.
    #[error("column `{column}`: {problem}")]
    Column {
        /// The column's name.
        column: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// The kind and shape of every instance of a federation, at least one and at most [`MAX_VALUES`] values, and where
/// cells of a table become values, its columns.
///
/// Scaling is never fitted to a participant's data: it comes with the files, or is fixed by the federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "UncheckedSchema")]
pub struct InstanceSchema {
    kind: InstanceKind,
    /// May be left out of a config where columns give it.
    #[schema(required = false)]
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<Column>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedSchema {
    kind: InstanceKind,
    shape: Option<Vec<usize>>,
    #[serde(default)]
    columns: Vec<Column>,
}

/// The first byte of a schema with columns. Other schemas begin with their kind, below it, as they did before there
/// were columns: their bytes, and so the federation's hash, are the same.
const WITH_COLUMNS: u8 = 3;

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
        Ok(Self { kind, shape, columns: Vec::new() })
    }

    /// Makes the schema of a table from its columns; the shape follows from them.
    ///
    /// # Errors
    /// No columns, one that cannot be used, two of one name, or more than [`MAX_VALUES`] values.
    pub fn of_columns(columns: Vec<Column>) -> Result<Self, SchemaError> {
        columns::check_all(&columns).map_err(|(column, problem)| SchemaError::Column { column, problem })?;
        let values = columns.iter().map(Column::values).sum();
        let schema = Self::new(InstanceKind::Table, vec![values])?;
        Ok(Self { columns, ..schema })
    }

    /// Returns the table's columns in the order of their values, or nothing if the values come as they are.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns what the values mean.
    #[must_use]
    pub fn kind(&self) -> InstanceKind {
        self.kind
    }

    /// Returns the shape of one instance.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the number of values of one instance.
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

    fn try_from(UncheckedSchema { kind, shape, columns }: UncheckedSchema) -> Result<Self, SchemaError> {
        if columns.is_empty() {
            return Self::new(kind, shape.ok_or(SchemaError::NoShape { kind })?);
        }
        if kind != InstanceKind::Table {
            return Err(SchemaError::ColumnsOf { kind });
        }
        let schema = Self::of_columns(columns)?;
        match shape.filter(|shape| *shape != schema.shape) {
            Some(shape) => Err(SchemaError::ColumnsShape { shape, values: schema.values() }),
            None => Ok(schema),
        }
    }
}

impl BorshSerialize for InstanceSchema {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        if self.columns.is_empty() {
            return BorshSerialize::serialize(&(self.kind, &self.shape), writer);
        }
        BorshSerialize::serialize(&(WITH_COLUMNS, &self.columns), writer)
    }
}

impl BorshDeserialize for InstanceSchema {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let first = u8::deserialize_reader(reader)?;
        let schema = if first == WITH_COLUMNS {
            Self::of_columns(Vec::deserialize_reader(reader)?)
        } else {
            let kind = InstanceKind::try_from_slice(&[first])?;
            Self::new(kind, Vec::deserialize_reader(reader)?)
        };
        schema.map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kind: InstanceKind, shape: &[usize]) -> String {
        InstanceSchema::new(kind, shape.to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn a_shape_that_no_instance_can_have_is_refused_with_the_place_and_the_remedy() {
        assert_eq!(
            refusal(InstanceKind::Image, &[28]),
            "schema of kind image: shape [28] has 1 dimensions; use [height, width] or [channels, height, width]"
        );
        assert!(refusal(InstanceKind::Table, &[4, 4]).ends_with("use [columns]"));
        assert!(refusal(InstanceKind::Signal, &[]).ends_with("use [length] or [channels, length]"));
        assert_eq!(
            refusal(InstanceKind::Image, &[3, 0, 28]),
            "schema shape [3, 0, 28] has a zero at position 1; every dimension must be at least 1"
        );
        assert!(refusal(InstanceKind::Signal, &[1001, 1000]).contains("more than 1000000 values"));
        assert!(refusal(InstanceKind::Image, &[usize::MAX, 2, 2]).contains("more than 1000000 values"));
    }

    #[test]
    fn a_config_with_an_unknown_kind_or_key_or_a_bad_shape_is_refused() {
        let parse = |text: &str| toml::from_str::<InstanceSchema>(text).map_err(|e| e.to_string());
        let good = parse("kind = 'signal'\nshape = [2, 128]").unwrap();
        assert_eq!((good.kind(), good.shape(), good.values()), (InstanceKind::Signal, &[2, 128][..], 256));
        assert!(parse("kind = 'video'\nshape = [2]").unwrap_err().contains("unknown variant `video`"));
        assert!(
            parse("kind = 'table'\nshape = [2]\nscale = 3").unwrap_err().contains("unknown field `scale`")
        );
        assert!(parse("kind = 'table'\nshape = [0]").unwrap_err().contains("has a zero at position 0"));
    }

    #[test]
    fn signed_bytes_hold_the_schema_and_bad_bytes_give_no_schema() {
        let schema = InstanceSchema::new(InstanceKind::Image, vec![3, 32, 32]).unwrap();
        let bytes = borsh::to_vec(&schema).unwrap();
        assert_eq!(borsh::from_slice::<InstanceSchema>(&bytes).unwrap(), schema);
        let forged = borsh::to_vec(&(InstanceKind::Table, vec![0_usize])).unwrap();
        assert!(borsh::from_slice::<InstanceSchema>(&forged).unwrap_err().to_string().contains("zero"));
    }

    const SHOP: &str = "kind = 'table'\n[[columns]]\nname = 'amount'\nscale = { offset = -2.5, factor = 0.01 }\n\
        missing = 50\n[[columns]]\nname = 'channel'\ncategories = ['card', 'cash']\nother = true\n";

    #[test]
    fn a_tables_shape_follows_from_its_columns_and_every_form_brings_them_back() {
        let schema: InstanceSchema = toml::from_str(SHOP).unwrap();
        assert_eq!((schema.shape(), schema.columns().len()), (&[4][..], 2));
        assert_eq!(toml::from_str::<InstanceSchema>(&toml::to_string(&schema).unwrap()).unwrap(), schema);
        let json = serde_json::to_string(&schema).unwrap();
        assert_eq!(serde_json::from_str::<InstanceSchema>(&json).unwrap(), schema);
        let bytes = borsh::to_vec(&schema).unwrap();
        assert_eq!(borsh::from_slice::<InstanceSchema>(&bytes).unwrap(), schema);
        let refusal = |from: &str, to: &str| {
            toml::from_str::<InstanceSchema>(&SHOP.replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert!(refusal("[[", "shape = [3]\n[[").contains("shape [3] is not what the columns give, [4]"));
        assert!(refusal("'table'", "'signal'").contains("columns belong to kind = \"table\", and this is"));
        assert!(refusal("'channel'", "'amount'").contains("column `amount`: appears twice"));
        let neither = toml::from_str::<InstanceSchema>("kind = 'table'").unwrap_err().to_string();
        assert!(neither.contains("has neither shape nor columns"), "{neither}");
    }

    #[test]
    fn a_schema_without_columns_keeps_the_bytes_it_had_before_there_were_columns() {
        let schema = InstanceSchema::new(InstanceKind::Table, vec![7]).unwrap();
        assert_eq!(borsh::to_vec(&schema).unwrap(), [2, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(serde_json::to_string(&schema).unwrap(), r#"{"kind":"table","shape":[7]}"#);
        let none = borsh::to_vec(&(3_u8, Vec::<u8>::new())).unwrap();
        assert!(borsh::from_slice::<InstanceSchema>(&none).is_err(), "a table without columns has no values");
    }

    #[test]
    fn one_channel_is_implied() {
        let shape =
            |kind, shape: &[usize]| InstanceSchema::new(kind, shape.to_vec()).unwrap().shape_with_channels();
        assert_eq!(shape(InstanceKind::Image, &[28, 20]), [1, 28, 20]);
        assert_eq!(shape(InstanceKind::Image, &[3, 28, 20]), [3, 28, 20]);
        assert_eq!(shape(InstanceKind::Signal, &[128]), [1, 128]);
        assert_eq!(shape(InstanceKind::Table, &[7]), [7]);
    }
}
