//! A column as a config writes it.

use super::constant::Stand;
use super::{Column, Constant, Content};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// The policy that refuses an empty cell.
const ERROR: &str = "error";

/// A column of a table, with every key a config may give.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Column)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenColumn {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    categories: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    other: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    missing: Option<Stand>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<WrittenScale>,
}

#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenScale {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    log10: bool,
    #[serde(default)]
    #[schema(value_type = f64)]
    offset: Constant,
    #[serde(default = "one")]
    #[schema(value_type = f64)]
    factor: Constant,
}

const fn one() -> Constant {
    Constant::ONE
}

impl PartialSchema for Column {
    fn schema() -> RefOr<Schema> {
        WrittenColumn::schema()
    }
}

impl ToSchema for Column {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        WrittenColumn::schemas(schemas);
    }
}

impl TryFrom<WrittenColumn> for Column {
    type Error = String;

    fn try_from(written: WrittenColumn) -> Result<Self, String> {
        let WrittenColumn { name, categories, other, missing, scale } = written;
        let missing = missing.filter(|stand| *stand != Stand::Word(ERROR.to_owned()));
        let named = |problem: String| format!("column `{name}`: {problem}");
        let content = match (categories, scale, missing) {
            (Some(_), Some(_), _) => {
                return Err(named("has both scale and categories; keep one of them".into()));
            }
            (Some(categories), None, None) => Content::Category { categories, other, missing: None },
            (Some(categories), None, Some(Stand::Word(word))) => {
                Content::Category { categories, other, missing: Some(word) }
            }
            (Some(_), None, Some(Stand::Number(number))) => {
                return Err(named(format!("missing = {number} is a number; name one of the categories")));
            }
            (None, _, _) if other => {
                return Err(named("other = true belongs to categories; leave it out".into()));
            }
            (None, _, Some(Stand::Word(word))) => {
                return Err(named(format!("missing = \"{word}\" is not a number; give one, or \"error\"")));
            }
            (None, scale, missing) => {
                let missing = match missing {
                    Some(Stand::Number(number)) => Some(number),
                    _ => None,
                };
                let scale = scale.unwrap_or(WrittenScale {
                    log10: false,
                    offset: Constant::ZERO,
                    factor: Constant::ONE,
                });
                let WrittenScale { log10, offset, factor } = scale;
                Content::Number { log10, offset, factor, missing }
            }
        };
        Self::new(name.as_str(), content).map_err(named)
    }
}

impl From<Column> for WrittenColumn {
    fn from(Column { name, content }: Column) -> Self {
        match content {
            Content::Number { log10, offset, factor, missing } => {
                let scale = Some(WrittenScale { log10, offset, factor });
                Self { name, categories: None, other: false, missing: missing.map(Stand::Number), scale }
            }
            Content::Category { categories, other, missing } => Self {
                name,
                categories: Some(categories),
                other,
                missing: missing.map(Stand::Word),
                scale: None,
            },
        }
    }
}
