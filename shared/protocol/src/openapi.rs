//! Schemas of the values whose JSON form is written by hand.

use base::component;
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, schema::Type};

use crate::federation::Quorum;

component!(
    Quorum,
    "Quorum",
    OneOfBuilder::new()
        .description(Some("The number of ballots a round needs, or \"all\"."))
        .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["all"])))
        .item(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)))
);
